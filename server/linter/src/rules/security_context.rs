//! What the rules about values share: a pod or a container as what holds a setting that both can have, texts as the API server
//! reads them, and the token to point at.

use kubernetes::{Container, Pod};
use std::fmt;
use yaml::{Node, NodeKind, Path, Resolved};

/// Holds a security context: a pod or one of its containers.
#[derive(Clone, Copy)]
pub(super) enum Owner<'p, 'y> {
    Pod(&'p Pod<'y>),
    Container(&'p Container<'y>),
}

/// The pod, then each of its containers.
pub(super) fn owners<'p, 'y>(pod: &'p Pod<'y>) -> impl Iterator<Item = Owner<'p, 'y>> {
    std::iter::once(Owner::Pod(pod)).chain(pod.containers.iter().map(Owner::Container))
}

impl<'p, 'y> Owner<'p, 'y> {
    /// The node at a way from the holder, nothing inherited.
    pub(super) fn lookup(&self, dotted: &str) -> Option<Node<'y>> {
        match self {
            Owner::Pod(pod) => pod.lookup(dotted),
            Owner::Container(container) => container.lookup(dotted),
        }
    }

    /// The path of a field at a way from the holder, written or not.
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

    /// The `type` of the profile that the holder has at a way, with the node to point at; empty where the profile has none.
    pub(super) fn profile_type(&self, dotted: &str) -> Option<(Node<'y>, &'y str)> {
        let profile = self
            .lookup(dotted)
            .filter(|node| node.kind() == NodeKind::Mapping)?;
        let node = profile.get("type").unwrap_or(profile);
        Some((node, if node == profile { "" } else { text(node)? }))
    }
}

/// The holder as messages call it: `pod`, `container "web"`.
impl fmt::Display for Owner<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Pod(_) => f.write_str("pod"),
            Owner::Container(container) => container.fmt(f),
        }
    }
}

/// What the API server reads where it wants a text: nothing where null is written. `None` for what is no text, and for a
/// template's, which is not there yet.
pub(super) fn text(node: Node<'_>) -> Option<&str> {
    match node.resolved()? {
        Resolved::Null => Some(""),
        Resolved::Str(text) if !text.contains("{{") => Some(text),
        _ => None,
    }
}

/// The token to point at for a value: the value, or the key that it belongs to where nothing or more than a word is written.
pub(super) fn token(node: Node<'_>) -> Node<'_> {
    let is_token = matches!(node.kind(), NodeKind::Scalar(_) | NodeKind::Alias)
        && !node.source().contains('\n');
    match node.own_entry() {
        _ if is_token => node,
        Some(entry) => entry.key,
        None => node.parent().map_or(node, token),
    }
}
