//! What values and types are called in messages, in the words that a user writes, and the token that stands for a value.

use crate::rules::suggest::brief;
use kubernetes::{Object, UnknownField};
use yaml::{Node, NodeKind};

/// What stands for a value: of one that is written below its key that key, else its first part.
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

/// What a value is called: by its key, or as an item of its list.
pub(super) fn name(node: Node<'_>, object: &Object<'_>) -> String {
    key_or_item(node).unwrap_or_else(|| brief(object.kind).into_owned())
}

fn key_or_item(node: Node<'_>) -> Option<String> {
    let key = |node: Node<'_>| {
        node.own_entry()
            .and_then(|entry| entry.key.as_str())
            .map(|key| brief(key).into_owned())
    };
    let item = || {
        node.parent()
            .and_then(key)
            .map(|list| format!("an item of {list}"))
    };
    key(node).or_else(item)
}

/// Types whose mapping has no telling key: it is the same for many types, or one that the user chose.
const TYPES: [(&str, &str); 6] = [
    ("JSONSchemaProps", "a schema"),
    ("JobTemplateSpec", "a job template"),
    ("ObjectMeta", "metadata"),
    ("PersistentVolumeClaim", "a volume claim template"),
    ("PodSpec", "a pod's spec"),
    ("PodTemplateSpec", "a pod template"),
];

/// What the mapping of an unknown key is called: the key that it stands at, unless that could be any.
pub(super) fn owner(unknown: &UnknownField<'_>, object: &Object<'_>) -> String {
    let mapping = unknown.key.parent();
    if mapping.is_none_or(|mapping| mapping == object.node) {
        return brief(object.kind).into_owned();
    }
    if let Some((_, words)) = TYPES
        .iter()
        .find(|(type_name, _)| *type_name == unknown.type_name)
    {
        return (*words).to_owned();
    }
    match mapping.and_then(key_or_item) {
        Some(name) if name == "spec" => format!("the {}'s spec", brief(object.kind)),
        Some(name) => name,
        None => brief(object.kind).into_owned(),
    }
}
