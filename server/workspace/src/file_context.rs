//! What other files say about a text: the chart, the kustomizations, and the workspace index. By
//! default nothing is known, and the text decides alone.

use crate::cross_references::{Answer, Query, TargetNamespaces, WorkspaceIndex};
use kubernetes::PatchTarget;
use std::path::Path;
use std::sync::Arc;

/// What is known about a text from other files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileContext {
    pub role: FileRole,
    /// The target of a patch, if a kustomization names it.
    pub target: PatchTarget,
    /// The namespaces into which kustomizations put its objects.
    pub namespaces: TargetNamespaces,
    /// The objects of the other files.
    pub workspace: Option<WorkspaceView>,
}

/// The workspace index as seen from one text.
#[derive(Debug, Clone)]
pub struct WorkspaceView {
    pub index: Arc<WorkspaceIndex>,
    /// The folder of the text, named like the sources of the index.
    pub folder: Arc<Path>,
}

/// The role of a file in its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileRole {
    /// A complete manifest, or a file about which nothing else is known.
    #[default]
    Manifest,
    /// Below `templates` of a Helm chart: Helm replaces each `{{ }}`.
    ChartTemplate,
    /// A kustomization names it as a patch: the rest of its objects is in other files.
    Patch,
    /// A kustomization, which may contain inline patches.
    Kustomization,
}

impl WorkspaceView {
    pub fn answer(&self, query: &Query) -> Answer {
        self.index.answer(query, &self.folder)
    }
}

/// Views are equal if they share the same index: its content changes over time.
impl PartialEq for WorkspaceView {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.index, &other.index) && self.folder == other.folder
    }
}

impl Eq for WorkspaceView {}
