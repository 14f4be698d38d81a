//! Annotations of a pod that set seccomp and AppArmor profiles before there were fields for them.

use kubernetes::{Container, Pod};
use yaml::edit::{Change, Value};
use yaml::{Entry, Node, Path};

/// An annotation of a pod.
#[derive(Clone, Copy)]
pub(crate) struct Annotation<'y> {
    pub(crate) key: Node<'y>,
    pub(crate) name: &'y str,
    pub(crate) value: Option<&'y str>,
    /// The node of the value.
    pub(crate) node: Node<'y>,
}

/// Returns the annotations in a pod's metadata.
pub(crate) fn annotations<'y>(pod: &Pod<'y>) -> impl Iterator<Item = Annotation<'y>> {
    let named = |entry: Entry<'y>| {
        Some(Annotation {
            key: entry.key,
            name: entry.key.as_str()?,
            value: entry.value.as_str(),
            node: entry.value,
        })
    };
    pod.annotations().filter_map(named)
}

impl Annotation<'_> {
    pub(crate) fn removal(&self, pod: &Pod<'_>) -> Option<Change> {
        pod.annotation_path(self.name)
            .map(|path| Change::Remove { path })
    }
}

/// The profile that an annotation's value means.
pub(crate) struct Profile<'a> {
    pub(crate) kind: &'static str,
    local: Option<&'a str>,
}

impl<'a> Profile<'a> {
    pub(crate) fn of(value: &'a str) -> Option<Self> {
        let (kind, local) = match value {
            "runtime/default" | "docker/default" => ("RuntimeDefault", None),
            "unconfined" => ("Unconfined", None),
            _ => ("Localhost", Some(value.strip_prefix("localhost/")?)),
        };
        Some(Profile { kind, local })
    }

    /// Returns the changes that write the profile at the path of its field.
    pub(crate) fn settings(&self, field: &Path) -> impl Iterator<Item = Change> {
        let text = |key: &str, value: &str| Change::Set {
            path: field.key(key),
            value: Value::Text(value.into()),
        };
        let local = self.local.map(|local| text("localhostProfile", local));
        std::iter::once(text("type", self.kind)).chain(local)
    }

    /// Whether a field has the same profile.
    pub(crate) fn is_at(&self, field: Node<'_>) -> bool {
        let text = |key| field.get(key).and_then(Node::as_str);
        text("type") == Some(self.kind) && text("localhostProfile") == self.local
    }
}

/// Returns the container that the rest of an annotation's name refers to.
pub(crate) fn container<'p, 'y>(pod: &'p Pod<'y>, name: &str) -> Option<&'p Container<'y>> {
    pod.containers
        .iter()
        .find(|container| container.name() == name)
}
