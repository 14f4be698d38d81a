//! A pod or container as the owner of a setting that both can have, and how the API server reads
//! its values.

use kubernetes::{Container, Pod};
use std::fmt;
use yaml::{Node, NodeKind, Path, Resolved};

/// The owner of a security context: a pod or one of its containers.
#[derive(Clone, Copy)]
pub(super) enum Owner<'p, 'y> {
    Pod(&'p Pod<'y>),
    Container(&'p Container<'y>),
}

/// Returns the pod, then each of its containers.
pub(super) fn owners<'p, 'y>(pod: &'p Pod<'y>) -> impl Iterator<Item = Owner<'p, 'y>> {
    std::iter::once(Owner::Pod(pod)).chain(pod.containers.iter().map(Owner::Container))
}

impl<'p, 'y> Owner<'p, 'y> {
    /// Returns the node at a dotted path from the owner, without inheritance.
    pub(super) fn lookup(&self, dotted: &str) -> Option<Node<'y>> {
        match self {
            Owner::Pod(pod) => pod.lookup(dotted),
            Owner::Container(container) => container.lookup(dotted),
        }
    }

    /// Returns the path of a field in the document, set or not.
    pub(super) fn path(&self, dotted: &str) -> Path {
        match self {
            Owner::Pod(pod) => pod.path(dotted),
            Owner::Container(container) => container.path(dotted),
        }
    }

    /// Returns the container, unless the owner is the pod.
    pub(super) fn container(&self) -> Option<&'p Container<'y>> {
        match self {
            Owner::Pod(_) => None,
            Owner::Container(container) => Some(container),
        }
    }

    /// Returns the `type` of the profile at a dotted path, with the node to report. The type is
    /// empty if the profile has none.
    pub(super) fn profile_type(&self, dotted: &str) -> Option<(Node<'y>, &'y str)> {
        let profile = self
            .lookup(dotted)
            .filter(|node| node.kind() == NodeKind::Mapping)?;
        let node = profile.get("type").unwrap_or(profile);
        Some((node, if node == profile { "" } else { text(node)? }))
    }
}

/// The owner as messages name it: `pod`, `container "web"`.
impl fmt::Display for Owner<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Pod(_) => f.write_str("pod"),
            Owner::Container(container) => container.fmt(f),
        }
    }
}

/// Returns the string that the API server reads from a node, which is empty for null. `None` for
/// other types and for the text of a template.
pub(super) fn text(node: Node<'_>) -> Option<&str> {
    match node.resolved()? {
        Resolved::Null => Some(""),
        Resolved::Str(text) if !text.contains("{{") => Some(text),
        _ => None,
    }
}

/// Returns the node at which a value is reported: the value if it is a scalar on one line, else its
/// key.
pub(super) fn token(node: Node<'_>) -> Node<'_> {
    let is_token = matches!(node.kind(), NodeKind::Scalar(_) | NodeKind::Alias)
        && !node.source().contains('\n');
    match node.own_entry() {
        _ if is_token => node,
        Some(entry) => entry.key,
        None => node.parent().map_or(node, token),
    }
}
