//! The parts of a server that tests replace.

use crate::session::analysis::Analyze;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct Setup {
    pub analyze: Arc<Analyze>,
    /// How long a client may take to answer a request.
    pub patience: Duration,
    /// The most bytes that are analyzed in the main loop: about as long as it takes to wake another thread.
    pub most_inline_bytes: usize,
    /// The most bytes that are analyzed for the code actions of a selection, so that an answer takes tens of milliseconds.
    pub most_action_bytes: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            analyze: Arc::new(linter::analysis::analyze_chunk),
            patience: Duration::from_secs(10),
            most_inline_bytes: 16 << 10,
            most_action_bytes: 64 << 10,
        }
    }
}
