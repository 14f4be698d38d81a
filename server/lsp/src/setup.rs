//! What tests replace in a server.

use crate::session::analysis::Analyze;
use std::sync::Arc;
use std::time::Duration;

/// The parts of a server, apart from its connection.
#[derive(Clone)]
pub struct Setup {
    pub analyze: Arc<Analyze>,
    /// How long a client may take to answer a request.
    pub patience: Duration,
    /// The most bytes that are analyzed in the main loop: about as long as it takes to wake another thread.
    pub at_once: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            analyze: Arc::new(linter::analysis::analyze_chunk),
            patience: Duration::from_secs(10),
            at_once: 16 << 10,
        }
    }
}
