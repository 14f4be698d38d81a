//! Names that refer to other objects, and the declarations of those objects.
//!
//! A name without a declaration is not an error.

use super::completion;
use super::cross_references::{self, collect_facts};
use super::document_kind::DocumentKind;
use super::model::Analysis;
use crate::Inputs;
use kubernetes::{self, Object};
use std::ops::Range as Bytes;
use workspace::cross_references::{Fact, Reference, ReferencedKind, TargetNamespaces};
use yaml::{Entry, Node, NodeKind, chunks};
use yaml::{Offset, Range};

/// A name that refers to another object.
#[derive(Debug)]
pub struct ReferenceAt {
    pub range: Range,
    pub reference: Reference,
}

/// The declaration of an object.
#[derive(Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The whole object, in bytes of the text.
    pub object: Bytes<usize>,
    /// Its name, in bytes of the text.
    pub name: Bytes<usize>,
    /// A short description; may be empty.
    pub about: String,
}

/// What a name refers to: an object of a kind, in the same namespace unless another one is written next to it.
const FIELDS: &[(&str, &str, ReferencedKind)] = &[
    ("ConfigMapEnvSource", "name", ReferencedKind::ConfigMap),
    ("ConfigMapKeySelector", "name", ReferencedKind::ConfigMap),
    ("ConfigMapProjection", "name", ReferencedKind::ConfigMap),
    ("ConfigMapVolumeSource", "name", ReferencedKind::ConfigMap),
    ("IngressTLS", "secretName", ReferencedKind::Secret),
    // Every reference of this type in pods and accounts is to a Secret.
    ("LocalObjectReference", "name", ReferencedKind::Secret),
    (
        "PersistentVolumeClaimVolumeSource",
        "claimName",
        ReferencedKind::PersistentVolumeClaim,
    ),
    (
        "PodSpec",
        "priorityClassName",
        ReferencedKind::PriorityClass,
    ),
    ("PodSpec", "runtimeClassName", ReferencedKind::RuntimeClass),
    ("PodSpec", "serviceAccount", ReferencedKind::ServiceAccount),
    (
        "PodSpec",
        "serviceAccountName",
        ReferencedKind::ServiceAccount,
    ),
    ("SecretEnvSource", "name", ReferencedKind::Secret),
    ("SecretKeySelector", "name", ReferencedKind::Secret),
    ("SecretProjection", "name", ReferencedKind::Secret),
    ("SecretVolumeSource", "secretName", ReferencedKind::Secret),
    ("Subject", "namespace", ReferencedKind::Namespace),
];

/// Types whose `kind` field gives the kind of the referenced object.
const SAY_KINDS: [&str; 2] = ["RoleRef", "Subject"];

impl Analysis {
    /// Returns the reference at an offset.
    pub fn reference_at(&self, at: Offset, inputs: Inputs<'_>) -> Option<ReferenceAt> {
        let node = self
            .yaml()
            .covering(at)
            .filter(|node| matches!(node.kind(), NodeKind::Scalar(_)))?;
        let entry = node.parent()?.entries().find(|entry| entry.value == node)?;
        let name = node.as_str().filter(|name| !name.is_empty())?;
        let key = entry.key.as_str()?;
        if !FIELDS.iter().any(|(_, field, _)| *field == key) {
            return None;
        }
        let objects = self.context.objects(self.yaml(), self.role, inputs);
        let object = objects
            .iter()
            .find(|object| object.node.range().contains_range(node.range()))?;
        let kind = kind_of(&objects, object, entry)?;
        let namespaces = namespaces_of(object, entry, &inputs.context.namespaces);
        Some(ReferenceAt {
            range: node.range(),
            reference: Reference {
                kind,
                name: name.to_owned(),
                namespaces,
            },
        })
    }
}

/// Returns the kind that a field refers to.
fn kind_of(
    objects: &[Object<'_>],
    object: &Object<'_>,
    entry: Entry<'_>,
) -> Option<ReferencedKind> {
    let (mapping, key) = (entry.key.parent()?, entry.key.as_str()?);
    if key == "namespace" && object.node.get("metadata") == Some(mapping) {
        return Some(ReferencedKind::Namespace);
    }
    let type_name = objects
        .iter()
        .flat_map(|object| completion::type_of(&object.reading, mapping))
        .last()?;
    if SAY_KINDS.contains(&type_name) && key == "name" {
        let kind = mapping.get("kind")?.as_str()?;
        return ReferencedKind::ALL
            .iter()
            .copied()
            .find(|known| known.name() == kind);
    }
    FIELDS
        .iter()
        .find(|(holder, field, _)| (*holder, *field) == (type_name, key))
        .map(|row| row.2)
}

/// Returns the namespaces of the object that a field refers to.
fn namespaces_of(
    object: &Object<'_>,
    entry: Entry<'_>,
    places: &TargetNamespaces,
) -> Vec<Option<String>> {
    let beside = entry
        .key
        .parent()
        .filter(|_| entry.key.as_str() == Some("name"))
        .and_then(|mapping| mapping.get("namespace"));
    let beside = beside.and_then(Node::as_str);
    let mut namespaces = places.for_object(beside.or(object.namespace));
    // Kustomize updates such a name if it moves the object, and leaves any other name.
    namespaces.extend(beside.map(Some));
    namespaces
        .into_iter()
        .map(|namespace| namespace.map(str::to_owned))
        .collect()
}

/// Finds where a text declares an object. An object can be declared more than once.
pub fn declarations(text: &str, fact: &Fact, inputs: Inputs<'_>) -> Vec<Declaration> {
    let documents = chunks::documents(text).into_iter();
    // A name can be written with a `\` escape.
    let documents = documents.filter(|range| {
        text[range.clone()].contains(&*fact.name) || text[range.clone()].contains('\\')
    });
    documents
        .flat_map(|range| declared_in(&text[range.clone()], range.start, fact, inputs))
        .collect()
}

fn declared_in(document: &str, start: usize, fact: &Fact, inputs: Inputs<'_>) -> Vec<Declaration> {
    let Some(yaml) = cross_references::read(document, &[fact.kind]) else {
        return Vec::new();
    };
    let sight = DocumentKind::of(&yaml, inputs);
    let bytes = |range: Range| start + usize::from(range.start())..start + usize::from(range.end());
    let objects = kubernetes::objects_with(&yaml, false);
    let is_it = |object: &&Object<'_>| {
        let said = collect_facts(std::slice::from_ref(*object), sight);
        said.first().is_some_and(|said| {
            (&said.kind, &said.namespace, &said.name) == (&fact.kind, &fact.namespace, &fact.name)
        })
    };
    let place = |object: &Object<'_>| {
        let name = object.node.get("metadata")?.get("name")?;
        Some(Declaration {
            object: bytes(object.node.range()),
            name: bytes(name.range()),
            about: about(fact.kind, object.node),
        })
    };
    objects.iter().filter(is_it).filter_map(place).collect()
}

/// Describes an object; never shows a value of a Secret.
fn about(kind: ReferencedKind, object: Node<'_>) -> String {
    let below = |dotted: &str| {
        dotted
            .split('.')
            .try_fold(object, |node, key| node.get(key))
    };
    let word = |dotted: &str| {
        below(dotted)
            .and_then(Node::as_str)
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
    };
    let written = |dotted: &str| {
        below(dotted)
            .and_then(Node::resolve)
            .filter(|node| !node.is_null())
            .map(|node| node.source().to_owned())
    };
    let keys = || {
        let count = ["data", "binaryData", "stringData"]
            .iter()
            .filter_map(|key| object.get(key))
            .map(|node| node.entries().len())
            .sum();
        match count {
            0_usize => None,
            1 => Some("1 key".to_owned()),
            count => Some(format!("{count} keys")),
        }
    };
    let parts = match kind {
        ReferencedKind::PersistentVolumeClaim => {
            let modes = below("spec.accessModes")
                .into_iter()
                .flat_map(Node::items)
                .filter_map(Node::as_str);
            let modes =
                Some(modes.collect::<Vec<_>>().join(", ")).filter(|modes| !modes.is_empty());
            vec![
                word("spec.resources.requests.storage")
                    .or_else(|| written("spec.resources.requests.storage")),
                modes,
            ]
        }
        ReferencedKind::ServiceAccount => {
            let token = written("automountServiceAccountToken");
            vec![token.map(|token| format!("automountServiceAccountToken: {token}"))]
        }
        ReferencedKind::Namespace => {
            let labels = object
                .get("metadata")
                .and_then(|metadata| metadata.get("labels"));
            let level = labels
                .and_then(|labels| labels.get("pod-security.kubernetes.io/enforce"))
                .and_then(Node::as_str);
            vec![level.map(|level| format!("enforces {level}"))]
        }
        ReferencedKind::ConfigMap => vec![keys()],
        ReferencedKind::Secret => vec![word("type"), keys()],
        ReferencedKind::PriorityClass => vec![written("value")],
        ReferencedKind::RuntimeClass => vec![word("handler")],
        ReferencedKind::ClusterRole
        | ReferencedKind::ClusterRoleBinding
        | ReferencedKind::Pod
        | ReferencedKind::Role
        | ReferencedKind::RoleBinding => Vec::new(),
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
