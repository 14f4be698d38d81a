//! What a chunk needs to know about its document, and the objects that it holds.

use crate::Inputs;
use crate::suppressions::{ChunkRole, FileSuppressions};
use kubernetes::{ListKind, Object};
use yaml::Yaml;
use yaml::chunks::ChunkKind;

/// What a chunk needs to know about its document. The default is for a chunk that is a whole document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkContext {
    /// The type of the items if the document is a list.
    pub(super) list: Option<ListKind>,
    /// Whether the document is a manifest, regardless of this chunk.
    pub(super) is_manifest: bool,
    /// The suppressions in the document's first comments; `None` for a chunk that is a whole document.
    pub(super) head: Option<FileSuppressions>,
}

impl ChunkContext {
    /// Whether the chunk is a whole document.
    pub fn is_alone(&self) -> bool {
        *self == ChunkContext::default()
    }

    /// Whether the document is known to be a manifest, regardless of the chunk.
    pub fn is_manifest(&self) -> bool {
        self.is_manifest
    }

    /// Returns the role of a chunk for suppressions.
    pub fn standing(&self, role: ChunkKind) -> ChunkRole<'_> {
        match &self.head {
            None => ChunkRole::Document,
            Some(head) if role.is_independent() => ChunkRole::Item(head),
            Some(_) => ChunkRole::Frame,
        }
    }

    /// Returns the Kubernetes objects of a chunk.
    pub fn objects<'y>(
        &'y self,
        yaml: &'y Yaml,
        role: ChunkKind,
        inputs: Inputs<'_>,
    ) -> Vec<Object<'y>> {
        match (role, &self.list) {
            (ChunkKind::Item { .. }, Some(list)) => {
                kubernetes::list_items(yaml, list, inputs.config.detect_pod_templates)
            }
            (ChunkKind::Document, None) => {
                kubernetes::objects_with(yaml, inputs.config.detect_pod_templates)
            }
            _ => Vec::new(),
        }
    }
}

/// Returns the JSON patch, if the file context says that the document is one.
pub(super) fn patch(
    yaml: &Yaml,
    role: ChunkKind,
    inputs: Inputs<'_>,
) -> Option<kubernetes::JsonPatch> {
    let is_patch = role == ChunkKind::Document && inputs.context.role == workspace::FileRole::Patch;
    is_patch.then(|| kubernetes::JsonPatch::parse(yaml, &inputs.context.target))?
}

/// Returns the objects of a chunk, or what a patch writes into one.
pub(super) fn objects<'y>(
    yaml: &'y Yaml,
    patch: Option<&'y kubernetes::JsonPatch>,
    role: ChunkKind,
    context: &'y ChunkContext,
    inputs: Inputs<'_>,
) -> Vec<Object<'y>> {
    match patch {
        Some(patch) => patch.objects(inputs.config.detect_pod_templates),
        None => context.objects(yaml, role, inputs),
    }
}
