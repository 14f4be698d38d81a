//! Work that the client requests later, when the user chooses an action or sees a lens.

use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::workers::Panicked;
use linter::analysis::Chunk;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use tower_lsp::ls_types::Uri;

/// What the client keeps and sends back: a target in one chunk of one snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deferred<T> {
    pub uri: Uri,
    /// The revision of the snapshot.
    pub revision: u64,
    /// The index of the chunk.
    pub chunk_index: usize,
    pub target: T,
}

/// Why deferred work cannot be done.
#[derive(Debug)]
pub(crate) enum Unresolved {
    /// The document has changed.
    Outdated,
    Failed(Panicked),
}

impl From<Panicked> for Unresolved {
    fn from(panicked: Panicked) -> Self {
        Unresolved::Failed(panicked)
    }
}

impl<T: DeserializeOwned> Deferred<T> {
    /// Reads what a client sends back, and returns the analysis of the snapshot if it is still the latest one.
    pub(crate) async fn resolve(
        analyzer: &Analyzer,
        data: Value,
    ) -> Result<(Self, Arc<Analyzed>), Unresolved> {
        let deferred: Self = serde_json::from_value(data).map_err(|_| Unresolved::Outdated)?;
        let analyzed = analyzer.latest(&deferred.uri).await;
        analyzed
            .filter(|analyzed| analyzed.snapshot.revision == deferred.revision)
            .map(|analyzed| (deferred, analyzed))
            .ok_or(Unresolved::Outdated)
    }
}

impl<T> Deferred<T> {
    /// Returns the chunk of the target.
    pub(crate) fn chunk<'a>(&self, analyzed: &'a Analyzed) -> Option<Chunk<'a>> {
        analyzed.report.chunks().nth(self.chunk_index)
    }
}
