//! The unknown fields and mistyped values of an object, except those that other programs read or
//! write.

use crate::rules::schema::misplaced_security_field;
use kubernetes::{Object, UnknownField, WrongShape};
use std::cell::OnceCell;
use std::collections::HashSet;
use yaml::{Entry, Node};

/// Fields that earlier versions of a type had. Older manifests contain them; they are not
/// misspelled.
const REMOVED_FIELDS: [(&str, &str); 9] = [
    ("ObjectMeta", "clusterName"),
    ("ObjectMeta", "initializers"),
    ("ObjectMeta", "zz_deprecatedClusterName"),
    ("PodResourceClaim", "source"),
    ("ServiceSpec", "ipFamily"),
    ("ServiceSpec", "portalIP"),
    ("ServiceSpec", "topologyKeys"),
    ("ServiceSpec", "deprecatedPublicIPs"),
    ("VolumeResourceRequirements", "claims"),
];

/// Returns each key that the API server drops, except those that `misplaced-security-field`
/// reports.
pub(crate) fn unknown_keys<'o, 'y>(
    object: &'o Object<'y>,
) -> impl Iterator<Item = &'o UnknownField<'y>> {
    let mut seen = HashSet::new();
    let server_managed = OnceCell::new();
    object.reading.unknown.iter().filter(move |unknown| {
        let is_removed = |key: &str| REMOVED_FIELDS.contains(&(unknown.type_name, key));
        let is_expected = unknown
            .key
            .as_str()
            .is_none_or(|key| is_removed(key) || is_directive(key));
        let is_reported = !is_expected
            && !server_managed
                .get_or_init(|| ServerManaged::of(object))
                .contains(unknown.key);
        is_reported
            && !misplaced_security_field::reports(object, unknown)
            && seen.insert(unknown.key.id())
    })
}

/// Returns the values that the API server rejects because of their type.
pub(crate) fn rejected_values<'o, 'y>(
    object: &'o Object<'y>,
) -> impl Iterator<Item = &'o WrongShape<'y>> {
    let server_managed = OnceCell::new();
    let is_reported = move |node| {
        !is_filled_in(node)
            && !server_managed
                .get_or_init(|| ServerManaged::of(object))
                .contains(node)
    };
    object
        .reading
        .wrong
        .iter()
        .filter(move |wrong| is_reported(wrong.node))
}

/// Whether another program fills in a value before the API server reads it. YAML reads `{{ name }}`
/// without quotes as a mapping in a mapping.
pub(crate) fn is_filled_in(node: Node<'_>) -> bool {
    match node.as_str() {
        Some(text) => text.contains("{{") || text.contains('$'),
        None => node.source().starts_with("{{"),
    }
}

/// Whether another program reads a key before the API server does: the directive of a patch, or the
/// text of a template.
fn is_directive(key: &str) -> bool {
    key.starts_with('$') || key.contains("{{")
}

/// The parts of an object that the cluster writes, not its author.
pub(crate) struct ServerManaged<'y> {
    status: Option<Entry<'y>>,
    managed: Option<Node<'y>>,
}

impl<'y> ServerManaged<'y> {
    pub(crate) fn of(object: &Object<'y>) -> Self {
        let managed = object
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("managedFields"));
        ServerManaged {
            status: object.node.entry("status"),
            managed,
        }
    }

    /// Whether a node is in one of these parts, or on a repaired line.
    pub(crate) fn contains(&self, node: Node<'_>) -> bool {
        let inside = |outer: Option<Node<'_>>| {
            outer.is_some_and(|outer| outer.range().contains_range(node.range()))
        };
        let is_status = self
            .status
            .is_some_and(|entry| entry.key == node || entry.value == node);
        let is_repaired = node
            .yaml()
            .repaired()
            .iter()
            .any(|line| line.contains_range(node.range()));
        is_status
            || inside(self.status.map(|entry| entry.value))
            || inside(self.managed)
            || is_repaired
    }
}
