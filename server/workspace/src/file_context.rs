//! What the files around a text say of it.
//!
//! Knows the words for it. Must not know how it is found out: that is [`crate::project`]'s, and the front ends'. Promise: by default
//! nothing is known, and a text is what it looks like.

use crate::cross_references::{Answer, Query, TargetNamespaces, WorkspaceIndex};
use kubernetes::PatchTarget;
use std::path::Path;
use std::sync::Arc;

/// What is known of a text from other files; what is not known makes no difference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileContext {
    pub role: FileRole,
    /// What a patch is for, where a kustomization says so.
    pub target: PatchTarget,
    /// Where kustomizations put its objects.
    pub namespaces: TargetNamespaces,
    /// What other objects say.
    pub workspace: Option<WorkspaceView>,
}

/// The objects among which a text stands.
#[derive(Debug, Clone)]
pub struct WorkspaceView {
    pub index: Arc<WorkspaceIndex>,
    /// The folder of the text, as those of the index are named.
    pub folder: Arc<Path>,
}

/// What the objects in a text are before they reach a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileRole {
    /// What will be there, as far as anybody knows.
    #[default]
    Manifest,
    /// Below `templates` of a Helm chart: wherever `{{` stands, something else will stand in its place.
    ChartTemplate,
    /// A kustomization names it as a patch: the rest of its objects stands in other files.
    Patch,
    /// A kustomization: patches can stand inside it.
    Kustomization,
}

impl WorkspaceView {
    pub fn answer(&self, question: &Query) -> Answer {
        self.index.answer(question, &self.folder)
    }
}

/// The index is one that others change: it is the same one, or it is not.
impl PartialEq for WorkspaceView {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.index, &other.index) && self.folder == other.folder
    }
}

impl Eq for WorkspaceView {}
