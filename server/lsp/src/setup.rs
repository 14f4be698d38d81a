//! The parts of a server that tests replace.

use linter::Inputs;
use linter::analysis::{Analysis, ChunkContext, ChunkKind};
use std::sync::Arc;
use std::time::Duration;

/// The function that analyzes a document or a chunk of it.
pub type Analyze =
    dyn Fn(&str, ChunkKind, &Arc<ChunkContext>, Inputs<'_>) -> Analysis + Send + Sync;

#[derive(Clone)]
pub struct Setup {
    pub analyze: Arc<Analyze>,
    /// How long a client may take to answer a request.
    pub patience: Duration,
    /// The most bytes that are analyzed in the main loop: about as long as it takes to wake another thread.
    pub most_inline_bytes: usize,
    pub action_limits: ActionLimits,
}

/// The limits of an answer with code actions, which matter for large selections only.
#[derive(Debug, Clone, Copy)]
pub struct ActionLimits {
    /// The most actions: more than a screenful.
    pub actions: usize,
    /// The most bytes that are analyzed for quick fixes, and again for other actions, so that an answer takes tens of
    /// milliseconds.
    pub bytes: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            analyze: Arc::new(linter::analysis::analyze_chunk),
            patience: Duration::from_secs(10),
            most_inline_bytes: 16 << 10,
            action_limits: ActionLimits {
                actions: 60,
                bytes: 64 << 10,
            },
        }
    }
}
