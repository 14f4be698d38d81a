//! The result of an analysis of one chunk.

use super::chunk_context::ChunkContext;
use super::document_kind::DocumentKind;
use super::failure::RulePanic;
use super::lazy_tree::Tree;
use crate::rules::{Finding, Message};
use kubernetes::{Container, Extent, Object, Pod};
use std::sync::{Arc, OnceLock};
use workspace::WorkspaceView;
use workspace::cross_references::{Answer, Fact, Query};
use yaml::chunks::ChunkKind;
use yaml::edit::EditError;
use yaml::{Node, Range, Yaml};

/// The analysis of a document, or of a chunk of one.
#[derive(Debug)]
pub struct Analysis {
    pub(super) tree: Tree,
    /// Whether it has anchors, and aliases to anchors outside of it.
    pub(super) is_anchored: bool,
    pub(super) is_aliasing: bool,
    pub(super) role: ChunkKind,
    pub(super) context: Arc<ChunkContext>,
    /// The Kubernetes objects, with the items of a `List` one by one; empty if it is not a manifest.
    pub objects: Vec<ObjectInfo>,
    /// How many of the objects are or create a pod.
    pub(super) pods: usize,
    /// How much of its objects is visible.
    pub kind: DocumentKind,
    /// Whether it contains only comments, directives and markers.
    pub(super) blank: bool,
    /// Sorted by position, then by rule.
    pub findings: Vec<Finding>,
    /// The findings that suppressions hide.
    pub suppressed: Vec<Finding>,
    /// What the API server would reject, as messages of findings, regardless of the selected rules.
    pub(super) refusals: Vec<Message>,
    /// The rules that panicked, whose findings are missing.
    pub(super) failures: Vec<RulePanic>,
    /// Facts that its objects state about others.
    pub(super) facts: Vec<Fact>,
    /// The queries of its objects about others, with the answers.
    pub(super) asked: Vec<AnsweredQuery>,
    /// Why the document cannot be edited, computed on first use.
    pub(super) uneditable: OnceLock<Option<EditError>>,
    /// The values that no fix may change, computed on first use.
    pub(super) protected: OnceLock<Vec<ProtectedValue>>,
}

/// A value with a finding that the user suppressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProtectedValue {
    pub range: Range,
    pub rule: &'static str,
}

/// An object of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// The whole object.
    pub range: Range,
    /// Its name; an empty range at the start of the object if there is no name.
    pub name_range: Range,
    /// Whether it is the same object as the previous one, with another of its pods.
    pub repeated: bool,
    /// Whether it contains a complete pod.
    pub makes_pods: bool,
    /// Whether it is a workload that has no containers yet.
    pub lacks_containers: bool,
    /// The containers that are written inside it.
    pub containers: Vec<ContainerInfo>,
}

/// A container of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// Its name in messages, such as `init container`.
    pub kind: &'static str,
    /// Empty if there is no name.
    pub name: String,
    /// The whole container.
    pub range: Range,
    /// Its name; an empty range at the start of the container if there is no name.
    pub name_range: Range,
    /// Whether it has a name and an image.
    pub is_complete: bool,
}

/// A query of an object and its answer, so that a changed answer can be noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnsweredQuery {
    /// The object's index in the chunk.
    pub object: usize,
    pub question: Query,
    pub answer: Answer,
}

impl ObjectInfo {
    /// Whether a controller makes workloads from a chart or repository that it names.
    pub fn makes_workloads_elsewhere(&self) -> bool {
        kubernetes::makes_workloads_elsewhere(&self.api_version, &self.kind)
    }

    pub(super) fn of(object: &Object<'_>) -> Self {
        let range = object.node.range();
        let name = object
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        let containers = object.pod.iter().flat_map(|pod| &pod.containers);
        let containers = containers.filter(|container| range.contains_range(container.range()));
        ObjectInfo {
            api_version: object.api_version.to_owned(),
            kind: object.kind.to_owned(),
            namespace: object.namespace.map(str::to_owned),
            name: object.name.map(str::to_owned),
            range,
            name_range: place_of(name, range),
            repeated: object.repeated,
            makes_pods: makes_pods(object),
            lacks_containers: object.pod_path().is_some()
                && object
                    .pod
                    .as_ref()
                    .is_none_or(|pod| pod.containers.is_empty()),
            containers: containers.map(ContainerInfo::of).collect(),
        }
    }
}

/// Whether all of the object's pod can be seen.
pub(super) fn makes_pods(object: &Object<'_>) -> bool {
    object.pod.as_ref().is_some_and(|pod| {
        pod.extent == Extent::Whole && !pod.containers.is_empty() && !has_unfinished(pod)
    })
}

fn has_unfinished(pod: &Pod<'_>) -> bool {
    pod.containers.iter().any(Container::lacks_name_or_image)
}

impl ContainerInfo {
    fn of(container: &Container<'_>) -> Self {
        ContainerInfo {
            kind: container.kind.name(),
            name: container.name().to_owned(),
            range: container.range(),
            name_range: place_of(container.node.get("name"), container.range()),
            is_complete: !container.lacks_name_or_image(),
        }
    }
}

/// Returns the range of a node if it is inside another range; otherwise the start of that range.
fn place_of(node: Option<Node<'_>>, inside: Range) -> Range {
    let range = node.filter(|node| !node.is_null()).map(Node::range);
    range
        .filter(|range| inside.contains_range(*range))
        .unwrap_or(Range::empty(inside.start()))
}

impl Analysis {
    /// Returns the analysis of a text without any findings.
    pub(super) fn of_nothing(yaml: Yaml, role: ChunkKind, context: &Arc<ChunkContext>) -> Self {
        Analysis {
            is_anchored: yaml.has_anchors(),
            is_aliasing: yaml.has_unresolved_aliases(),
            tree: Tree::of(yaml),
            role,
            context: Arc::clone(context),
            objects: Vec::new(),
            pods: 0,
            kind: DocumentKind::Complete,
            blank: false,
            findings: Vec::new(),
            suppressed: Vec::new(),
            refusals: Vec::new(),
            failures: Vec::new(),
            facts: Vec::new(),
            asked: Vec::new(),
            uneditable: OnceLock::new(),
            protected: OnceLock::new(),
        }
    }

    /// Combines the analyses of two readings of a text. The objects come from the one with more of them.
    pub(super) fn together(self, other: Analysis) -> Analysis {
        let (mut all, less) = if other.objects.len() > self.objects.len() {
            (other, self)
        } else {
            (self, other)
        };
        let add = |known: &mut Vec<Finding>, more: Vec<Finding>| {
            for finding in more {
                if !known
                    .iter()
                    .any(|known| (known.rule.id, known.range) == (finding.rule.id, finding.range))
                {
                    known.push(finding);
                }
            }
        };
        add(&mut all.findings, less.findings);
        add(&mut all.suppressed, less.suppressed);
        let asked = less
            .asked
            .into_iter()
            .filter(|asked| !all.asked.contains(asked))
            .collect::<Vec<_>>();
        all.asked.extend(asked);
        all.failures.extend(less.failures);
        all
    }

    /// Returns the document's text.
    pub fn text(&self) -> &str {
        self.tree.text()
    }

    /// Returns the parsed document.
    pub fn yaml(&self) -> &Yaml {
        self.tree.yaml()
    }

    /// Drops the syntax tree, which takes several times the memory of the text. It is parsed again on demand.
    pub(super) fn give_tree_away(&mut self) {
        // A template has several readings, and an unparsed text has no tree.
        if self.kind != DocumentKind::Template && self.yaml().root().is_some() {
            self.tree.give_away();
        }
    }

    /// Removes the fixes of the findings.
    pub(super) fn withhold_fixes(&mut self) {
        for finding in &mut self.findings {
            finding.fix = None;
            finding.alternatives.clear();
        }
    }

    /// Whether facts about other objects changed since the analysis.
    pub fn is_outdated(&self, others: &WorkspaceView) -> bool {
        self.asked
            .iter()
            .any(|asked| others.answer(&asked.question) != asked.answer)
    }

    /// Whether the document holds a Kubernetes object.
    pub fn is_manifest(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Whether it contains only comments, directives and markers.
    pub fn is_blank(&self) -> bool {
        self.blank
    }
}

/// Sorts findings by their place.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (a.range.start(), a.range.end(), a.rule.id).cmp(&(
            b.range.start(),
            b.range.end(),
            b.rule.id,
        ))
    });
}
