//! How messages name values and types, and the token at which a value is reported.

use kubernetes::{Object, UnknownField};
use std::borrow::Cow;
use yaml::{Node, NodeKind};

/// Returns the token at which a value is reported: the value if it fits on a line, else its key or
/// its first part.
pub(super) fn token(node: Node<'_>) -> Node<'_> {
    let is_block = matches!(node.kind(), NodeKind::Mapping | NodeKind::Sequence) && !node.is_flow();
    if !is_block && !node.source().contains(['\n', '\r']) {
        return node;
    }
    let first = || node.children().next().map(token);
    node.own_entry()
        .map(|entry| entry.key)
        .or_else(first)
        .unwrap_or(node)
}

/// Returns how messages name a value: its key, or an item of its list.
pub(super) fn name(node: Node<'_>, object: &Object<'_>) -> String {
    key_or_item_name(node).unwrap_or_else(|| shortened(object.kind).into_owned())
}

fn key_or_item_name(node: Node<'_>) -> Option<String> {
    let key = |node: Node<'_>| {
        node.own_entry()
            .and_then(|entry| entry.key.as_str())
            .map(|key| shortened(key).into_owned())
    };
    let item = || {
        node.parent()
            .and_then(key)
            .map(|list| format!("an item of {list}"))
    };
    key(node).or_else(item)
}

/// Types whose key says little: many types have the same key, or the user chose it.
const TYPES: [(&str, &str); 6] = [
    ("JSONSchemaProps", "a schema"),
    ("JobTemplateSpec", "a job template"),
    ("ObjectMeta", "metadata"),
    ("PersistentVolumeClaim", "a volume claim template"),
    ("PodSpec", "a pod's spec"),
    ("PodTemplateSpec", "a pod template"),
];

/// Returns how messages name the mapping of an unknown key: by its type or by its own key.
pub(super) fn mapping_name(unknown: &UnknownField<'_>, object: &Object<'_>) -> String {
    let mapping = unknown.key.parent();
    if mapping.is_none_or(|mapping| mapping == object.node) {
        return shortened(object.kind).into_owned();
    }
    if let Some((_, words)) = TYPES
        .iter()
        .find(|(type_name, _)| *type_name == unknown.type_name)
    {
        return (*words).to_owned();
    }
    match mapping.and_then(key_or_item_name) {
        Some(name) if name == "spec" => format!("the {}'s spec", shortened(object.kind)),
        Some(name) => name,
        None => shortened(object.kind).into_owned(),
    }
}

/// Returns a name from a document, shortened so that a message stays readable.
pub(super) fn shortened(name: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 36;
    match name.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}
