//! Where a finding is placed: at a value, at the key below which a field is missing, or at a name.

use yaml::{Node, NodeId, NodeKind, Range};

/// Returns where an owner uses a value: the value itself, or the owner's alias if the value is
/// defined elsewhere.
pub(super) fn used_at(value: Node<'_>, owner: Node<'_>) -> Range {
    let written = value.range();
    if owner.range().contains_range(written) {
        return written;
    }
    let leads_there = |alias: &Node<'_>| {
        alias
            .resolve()
            .is_some_and(|target| target.range().contains_range(written))
    };
    let mut aliases = owner.yaml().nodes().filter(|node| {
        node.kind() == NodeKind::Alias && owner.range().contains_range(node.range())
    });
    aliases.find(leads_there).map_or(written, Node::range)
}

/// Returns the short name of the setting at a dotted path: `securityContext.seccompProfile.type` is
/// `seccompProfile`.
pub(super) fn short_name(dotted: &str) -> &str {
    match dotted.split_once('.') {
        Some(("securityContext", rest)) => rest.split('.').next().unwrap_or(rest),
        Some(("resources", rest)) => rest,
        _ => dotted,
    }
}

/// Returns the key of the security context that is written in a pod or a container.
pub(super) fn security_context_key(node: Node<'_>) -> Option<Range> {
    let key = node.entry("securityContext")?.key;
    holds(node, key.id()).then(|| key.range())
}

/// Returns the last key on the way to a field that is written: the field would be added below it.
pub(super) fn deepest_key(node: Node<'_>, dotted: &str) -> Option<Range> {
    let mut at = node;
    let mut place = None;
    let (way, _) = dotted.rsplit_once('.')?;
    for key in way.split('.') {
        let Some(entry) = at.entry(key) else { break };
        if !holds(node, entry.key.id()) {
            break;
        }
        place = Some(entry.key.range());
        match entry.value.resolve() {
            Some(next) if entry.value.kind() != NodeKind::Alias => at = next,
            _ => break,
        }
    }
    place
}

/// Whether a node is written inside another one, rather than brought in by an alias or a merge.
fn holds(outer: Node<'_>, inner: NodeId) -> bool {
    outer
        .range()
        .contains_range(outer.yaml().node(inner).range())
}

/// Returns the range that represents a container: its name, else its image, else its first
/// character.
pub(super) fn container_token(node: Node<'_>) -> Range {
    ["name", "image"]
        .iter()
        .filter_map(|key| node.get_own(key))
        .find(|value| matches!(value.kind(), NodeKind::Scalar(_)))
        .map_or_else(|| Range::at(node.range().start(), 1.into()), Node::range)
}
