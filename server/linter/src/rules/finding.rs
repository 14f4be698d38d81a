//! Findings, and the reporter that creates them.
//!
//! A rule reports a node, or a field that is missing; the reporter chooses the range and the target
//! of the finding.

use crate::rules::{Enablement, Rule};
use kubernetes::{Container, Object};
use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use yaml::edit::Change;
use yaml::{Node, NodeId, NodeKind, Range};

/// How far a fix can be trusted. Higher values need more caution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// A working workload keeps working.
    Safe,
    /// The fix may break some images; the title says what is lost.
    Unsafe,
    /// The fix writes an example value that the user must choose.
    Placeholder,
}

impl Applicability {
    pub fn name(self) -> &'static str {
        match self {
            Applicability::Safe => "safe",
            Applicability::Unsafe => "review",
            Applicability::Placeholder => "ask",
        }
    }
}

/// A message or title. Most of them are constant.
pub type Message = Cow<'static, str>;

/// The changes that resolve a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// An imperative in lower case, without a full stop: "set allowPrivilegeEscalation: false".
    pub title: Message,
    pub applicability: Applicability,
    pub changes: Vec<Change>,
}

/// How an editor shows the range of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// It has no effect and can be removed.
    Unnecessary,
    /// Something else replaces it.
    Deprecated,
}

/// Another range that explains a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub range: Range,
    pub message: Message,
}

/// One result of a rule.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static Rule,
    pub severity: crate::rules::Severity,
    /// The smallest range that shows the finding, in bytes from the start of the document.
    pub range: Range,
    /// The fact, in at most 80 columns: lower case, no full stop.
    pub message: Message,
    pub target: Target,
    pub tag: Option<Tag>,
    pub related: Vec<Related>,
    /// The usual fix, if there is one.
    pub fix: Option<Fix>,
    /// Other fixes that the user can choose instead.
    pub alternatives: Vec<Fix>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The object's index in its document; `None` if the finding is about a document with several
    /// objects.
    pub object: Option<usize>,
    /// The container's name, if the finding is about a container.
    pub container: Option<Box<str>>,
    /// The range of the whole container, else of the pod or object.
    pub range: Range,
    /// Whether the finding is about something missing.
    pub absent: bool,
    /// The missing setting, if a pod or a container lacks one.
    pub missing: Option<MissingSetting>,
}

/// A setting that a pod or a container lacks. Editors group them by owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSetting {
    /// Its short name: `allowPrivilegeEscalation`, `requests.cpu`.
    pub setting: Box<str>,
    /// The pod or container as messages name it: `container "web"`, `pod`.
    pub holder: String,
    /// The range that represents the owner: the key of its security context, else its name.
    pub anchor: Range,
}

/// Collects the findings of one rule in one object, or in a whole document.
///
/// A rule reports with [`at`](Self::at) what is written, and with [`missing`](Self::missing) what
/// is not.
pub struct Reporter<'a, 'y> {
    rule: &'static Rule,
    /// The objects of the document.
    objects: &'a [Object<'y>],
    /// The object that is checked; `None` while the rule checks the whole document.
    index: Option<usize>,
    findings: &'a mut Vec<Finding>,
}

impl<'a, 'y> Reporter<'a, 'y> {
    /// Returns a reporter for a rule that checks one of a document's objects.
    pub fn in_object(
        rule: &'static Rule,
        objects: &'a [Object<'y>],
        index: usize,
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Reporter {
            rule,
            objects,
            index: Some(index),
            findings,
        }
    }

    /// Returns a reporter for a rule that checks the text of a document with these objects.
    pub fn in_document(
        rule: &'static Rule,
        objects: &'a [Object<'y>],
        findings: &'a mut Vec<Finding>,
    ) -> Self {
        Reporter {
            rule,
            objects,
            index: None,
            findings,
        }
    }

    /// Reports a node, or a range of the document.
    ///
    /// The finding is about the pod or the object, unless
    /// [`in_container`](NewFinding::in_container) names a container. In a document, a finding at a
    /// node is about the container around the node.
    pub fn at<'n>(
        &mut self,
        location: impl Into<Location<'n>>,
        message: impl Into<Message>,
    ) -> NewFinding<'_, 'n> {
        let location = location.into();
        let (range, target) = match location {
            Location::Range(range) => (range, self.covered(range)),
            Location::Node(node) => match self.object() {
                Some(object) => {
                    let owner = object.pod.as_ref().map_or(object.node, |pod| pod.node);
                    (used_at(node, owner), object.node.range())
                }
                None => return self.at_node_of_document(node, message.into()),
            },
        };
        let mut finding = self.push(Place::Written(location), range, target, message.into());
        finding.explain_alias();
        finding
    }

    fn at_node_of_document<'n>(&mut self, node: Node<'n>, message: Message) -> NewFinding<'_, 'n> {
        let objects = self.objects;
        let container = objects
            .iter()
            .find_map(|object| object.container_around(node));
        let range = container.map_or(node.range(), |container| used_at(node, container.node));
        let target = self.covered(range);
        self.push(Place::Written(node.into()), range, target, message)
            .in_container(container)
    }

    /// Reports that the pod does not set a field: a dotted path from its spec, such as
    /// `securityContext.runAsNonRoot`.
    ///
    /// With [`in_container`](NewFinding::in_container), the path starts at the container.
    pub fn missing<'n>(
        &mut self,
        field: &'n str,
        message: impl Into<Message>,
    ) -> NewFinding<'_, 'n> {
        let object = self.object();
        let owner = object.map(|object| object.pod.as_ref().map_or(object.node, |pod| pod.node));
        let whole = owner.map(Node::range).unwrap_or_default();
        let mut finding = self.push(Place::Missing(field), whole, whole, message.into());
        finding.target.absent = true;
        if let Some(owner) = owner {
            let key = owner.own_entry().map_or(whole, |entry| entry.key.range());
            finding.set_missing(field, owner, key, "pod".to_owned());
        }
        finding
    }

    /// Returns the object that a range belongs to: the checked one, else the one around the range,
    /// else the only one.
    fn object_of(&self, range: Range) -> Option<usize> {
        let around = || {
            self.objects
                .iter()
                .position(|object| object.node.range().contains_range(range))
        };
        let only = || (self.objects.len() == 1).then_some(0);
        self.index.or_else(around).or_else(only)
    }

    /// Returns the range of the object's name, else of its kind, for a finding about the object as
    /// a whole.
    pub fn object_token(&self) -> Range {
        let Some(object) = self.object() else {
            return Range::default();
        };
        let name = || object.node.get_own("metadata")?.get_own("name");
        let kind = || object.node.get_own("kind");
        let is_scalar = |node: &Node<'_>| matches!(node.kind(), NodeKind::Scalar(_));
        name()
            .filter(is_scalar)
            .or_else(|| kind().filter(is_scalar))
            .map_or_else(
                || Range::at(object.node.range().start(), 1.into()),
                Node::range,
            )
    }

    fn object(&self) -> Option<&'a Object<'y>> {
        self.index.and_then(|index| self.objects.get(index))
    }

    /// Returns a range together with all of the object that it belongs to.
    fn covered(&self, range: Range) -> Range {
        self.object_of(range)
            .and_then(|index| self.objects.get(index))
            .map_or(range, |object| object.node.range().cover(range))
    }

    fn push<'n>(
        &mut self,
        place: Place<'n>,
        range: Range,
        target: Range,
        message: Message,
    ) -> NewFinding<'_, 'n> {
        let object = self.object_of(range);
        self.findings.push(Finding {
            rule: self.rule,
            severity: self.rule.severity,
            range,
            message,
            target: Target {
                object,
                container: None,
                range: target,
                absent: false,
                missing: None,
            },
            tag: None,
            related: Vec::new(),
            fix: None,
            alternatives: Vec::new(),
        });
        let finding = self.findings.last_mut().expect("just pushed");
        NewFinding { finding, place }
    }
}

/// Where something is written.
#[derive(Debug, Clone, Copy)]
pub enum Location<'n> {
    /// A value. If an alias or a merge brings it into its pod or container, the finding is at the
    /// alias.
    Node(Node<'n>),
    Range(Range),
}

impl<'n> From<Node<'n>> for Location<'n> {
    fn from(node: Node<'n>) -> Self {
        Location::Node(node)
    }
}

impl From<Range> for Location<'_> {
    fn from(range: Range) -> Self {
        Location::Range(range)
    }
}

/// What a new finding was reported at.
#[derive(Debug, Clone, Copy)]
enum Place<'n> {
    Written(Location<'n>),
    /// A field that is not set, as a dotted path.
    Missing(&'n str),
}

/// A finding that was just reported, and to which a rule adds what it knows: the container, fixes,
/// related places.
#[derive(Debug)]
pub struct NewFinding<'f, 'n> {
    finding: &'f mut Finding,
    place: Place<'n>,
}

impl NewFinding<'_, '_> {
    /// Makes the finding about a container. `None` leaves it with the pod or the object.
    pub fn in_container<'c, 'y: 'c>(
        mut self,
        container: impl Into<Option<&'c Container<'y>>>,
    ) -> Self {
        let Some(container) = container.into() else {
            return self;
        };
        self.target.container = Some(container.name().into());
        self.target.range = container.range();
        match self.place {
            Place::Written(Location::Range(_)) => {}
            Place::Written(Location::Node(node)) => {
                self.finding.range = used_at(node, container.node);
                self.explain_alias();
            }
            Place::Missing(field) => {
                let token = container_token(container.node);
                self.set_missing(field, container.node, token, container.to_string());
            }
        }
        self
    }

    /// Marks the finding as about something missing next to the value, which may be elsewhere if a
    /// document is incomplete.
    pub fn as_missing(self) -> Self {
        self.as_missing_if(true)
    }

    /// Like [`as_missing`](Self::as_missing), under a condition.
    pub fn as_missing_if(self, is_missing: bool) -> Self {
        self.finding.target.absent |= is_missing;
        self
    }

    /// Points at the deepest key on the way to a field that `owner` does not set, else at `token`.
    /// A field that the API server requires is an error at its own place, so that it does not count
    /// as a missing setting.
    fn set_missing(&mut self, field: &str, owner: Node<'_>, token: Range, name: String) {
        self.finding.range = deepest_key(owner, field).unwrap_or(token);
        if self.rule.enablement != Enablement::Always {
            self.finding.target.missing = Some(MissingSetting {
                setting: short_name(field).into(),
                holder: name,
                anchor: security_context_key(owner).unwrap_or(token),
            });
        }
    }

    /// Relates the value itself to a finding at the alias that brings it here.
    fn explain_alias(&mut self) {
        let Place::Written(Location::Node(value)) = self.place else {
            return;
        };
        self.finding.related.clear();
        if !self.range.contains_range(value.range()) {
            self.related(value, "the value is written here");
        }
    }
}

impl Deref for NewFinding<'_, '_> {
    type Target = Finding;

    fn deref(&self) -> &Finding {
        self.finding
    }
}

impl DerefMut for NewFinding<'_, '_> {
    fn deref_mut(&mut self) -> &mut Finding {
        self.finding
    }
}

impl Finding {
    /// Sets the usual fix.
    pub fn fix(
        &mut self,
        applicability: Applicability,
        title: impl Into<Message>,
        changes: impl IntoIterator<Item = Change>,
    ) -> &mut Finding {
        self.fix = Some(Fix {
            title: title.into(),
            applicability,
            changes: changes.into_iter().collect(),
        });
        self
    }

    /// Sets how an editor shows its range.
    pub fn tagged(&mut self, tag: Tag) -> &mut Finding {
        self.tag = Some(tag);
        self
    }

    /// Adds another fix that the user can choose instead.
    pub fn alternative(
        &mut self,
        applicability: Applicability,
        title: impl Into<Message>,
        changes: impl IntoIterator<Item = Change>,
    ) -> &mut Finding {
        self.alternatives.push(Fix {
            title: title.into(),
            applicability,
            changes: changes.into_iter().collect(),
        });
        self
    }

    /// Returns the finding once for each fix, the usual one first.
    pub fn each_fix(&self) -> impl Iterator<Item = Finding> {
        let fixes = self.fix.iter().chain(&self.alternatives);
        fixes.map(|fix| Finding {
            fix: Some(fix.clone()),
            alternatives: Vec::new(),
            ..self.clone()
        })
    }

    /// Adds another range that explains the finding.
    pub fn related(&mut self, node: Node<'_>, message: impl Into<Message>) -> &mut Finding {
        self.related.push(Related {
            range: node.range(),
            message: message.into(),
        });
        self
    }
}

/// Returns where an owner uses a value: the value itself, or the owner's alias if the value is
/// defined elsewhere.
fn used_at(value: Node<'_>, owner: Node<'_>) -> Range {
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
fn short_name(dotted: &str) -> &str {
    match dotted.split_once('.') {
        Some(("securityContext", rest)) => rest.split('.').next().unwrap_or(rest),
        Some(("resources", rest)) => rest,
        _ => dotted,
    }
}

/// Returns the key of the security context that is written in a pod or a container.
fn security_context_key(node: Node<'_>) -> Option<Range> {
    let key = node.entry("securityContext")?.key;
    holds(node, key.id()).then(|| key.range())
}

/// Returns the last key on the way to a field that is written: the field would be added below it.
fn deepest_key(node: Node<'_>, dotted: &str) -> Option<Range> {
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
fn container_token(node: Node<'_>) -> Range {
    ["name", "image"]
        .iter()
        .filter_map(|key| node.get_own(key))
        .find(|value| matches!(value.kind(), NodeKind::Scalar(_)))
        .map_or_else(|| Range::at(node.range().start(), 1.into()), Node::range)
}
