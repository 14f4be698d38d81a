//! What reading an object as its Kubernetes type leaves over, without what nobody means the API server to read.

use crate::rules::schema::misplaced_security_field;
use kubernetes::{Object, UnknownField, WrongShape};
use std::cell::OnceCell;
use std::collections::HashSet;
use yaml::{Entry, Node};

/// Fields that former versions of a type had: older manifests hold them, and that they are gone is no mistake of spelling.
const FORMER: [(&str, &str); 9] = [
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

/// The keys that the API server drops, each once, but for those that `misplaced-security-field` speaks of.
pub(crate) fn unknown_keys<'o, 'y>(
    object: &'o Object<'y>,
) -> impl Iterator<Item = &'o UnknownField<'y>> {
    let mut seen = HashSet::new();
    let unconcerned = OnceCell::new();
    object.reading.unknown.iter().filter(move |unknown| {
        let former = |key: &str| FORMER.contains(&(unknown.type_name, key));
        let known_otherwise = unknown
            .key
            .as_str()
            .is_none_or(|key| former(key) || is_directive(key));
        let ours = !known_otherwise
            && !unconcerned
                .get_or_init(|| Unconcerned::of(object))
                .has(unknown.key);
        ours && !misplaced_security_field::speaks_of(object, unknown)
            && seen.insert(unknown.key.id())
    })
}

/// The values that the API server rejects.
pub(crate) fn wrong_values<'o, 'y>(
    object: &'o Object<'y>,
) -> impl Iterator<Item = &'o WrongShape<'y>> {
    let unconcerned = OnceCell::new();
    let is_of_concern = move |node| {
        !is_filled_in(node)
            && !unconcerned
                .get_or_init(|| Unconcerned::of(object))
                .has(node)
    };
    object
        .reading
        .wrong
        .iter()
        .filter(move |wrong| is_of_concern(wrong.node))
}

/// Whether another program writes a value here before the API server reads it. Without quotes, YAML takes `{{ name }}` for a
/// mapping in a mapping.
pub(crate) fn is_filled_in(node: Node<'_>) -> bool {
    match node.as_str() {
        Some(text) => text.contains("{{") || text.contains('$'),
        None => node.source().starts_with("{{"),
    }
}

/// A key that a program reads before the API server does: a directive of a patch, a template's text.
fn is_directive(key: &str) -> bool {
    key.starts_with('$') || key.contains("{{")
}

/// What of an object is none of its author's doing just now.
pub(crate) struct Unconcerned<'y> {
    /// What the cluster writes.
    status: Option<Entry<'y>>,
    managed: Option<Node<'y>>,
}

impl<'y> Unconcerned<'y> {
    pub(crate) fn of(object: &Object<'y>) -> Self {
        let managed = object
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("managedFields"));
        Unconcerned {
            status: object.node.entry("status"),
            managed,
        }
    }

    /// Whether a node stands where the cluster writes, or on a line that is not YAML just now.
    pub(crate) fn has(&self, node: Node<'_>) -> bool {
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
