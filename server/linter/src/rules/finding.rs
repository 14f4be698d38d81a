//! What a rule reports: findings, and fixes as intents. Rules name a field of a container; here that becomes the best place
//! that exists in the text.

use crate::rules::{Enablement, Rule};
use kubernetes::{Container, Object, Pod};
use std::borrow::Cow;
use yaml::edit::Change;
use yaml::{Node, NodeId, NodeKind, Range};

/// What can happen to a workload that worked when a fix is taken. The greater, the more cautious.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// It goes on working.
    Safe,
    /// Some images stop working; the title says which.
    Unsafe,
    /// The value comes from configuration, and a person must confirm it.
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

/// What a person reads; most of it is the same every time.
pub type Message = Cow<'static, str>;

/// What would mend a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// An imperative without a full stop: "set allowPrivilegeEscalation: false".
    pub title: Message,
    pub applicability: Applicability,
    pub changes: Vec<Change>,
}

/// What may be shown of a place besides the finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// It does nothing, and could go.
    Unnecessary,
    /// Something else has come in its place.
    Deprecated,
}

/// Another place that a finding is about, and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    pub range: Range,
    pub message: Message,
}

/// One thing that a rule has to say.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static Rule,
    pub severity: crate::rules::Severity,
    /// The smallest text that stands for the problem, in bytes from the start of the document.
    pub range: Range,
    /// The fact, in at most 80 columns: lower case, no full stop.
    pub message: Message,
    pub target: Target,
    pub tag: Option<Tag>,
    pub related: Vec<Related>,
    /// What mends it, where one way is the usual one.
    pub fix: Option<Fix>,
    /// Other ways to mend it, for a person to choose from.
    pub alternatives: Vec<Fix>,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The object's index in its document; none where the document holds several and the finding is about all of it.
    pub object: Option<usize>,
    /// The container's name, where the finding is about one.
    pub container: Option<Box<str>>,
    /// All that the container, else the pod or object, is written on.
    pub range: Range,
    /// Whether the finding is that something is not there.
    pub absent: bool,
    /// What is not there, where that is a setting of a pod or a container.
    pub missing: Option<MissingSetting>,
}

/// A setting that a pod or a container lacks. An editor tells all that one of them lacks at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingSetting {
    /// In a word: `allowPrivilegeEscalation`, `requests.cpu`.
    pub setting: Box<str>,
    /// Who lacks it, as messages call it: `container "web"`, `pod`.
    pub holder: String,
    /// What stands for the holder: the key of its security context, where it has one.
    pub anchor: Range,
}

/// Collects what one rule finds in one object, or in a whole document.
pub struct Reporter<'a, 'y> {
    rule: &'static Rule,
    /// Those of the document.
    objects: &'a [Object<'y>],
    /// The one that is looked at; none where the whole document is.
    index: Option<usize>,
    found: &'a mut Vec<Finding>,
}

impl<'a, 'y> Reporter<'a, 'y> {
    /// For what a rule finds in one of a document's objects.
    pub fn in_object(
        rule: &'static Rule,
        objects: &'a [Object<'y>],
        index: usize,
        found: &'a mut Vec<Finding>,
    ) -> Self {
        Reporter {
            rule,
            objects,
            index: Some(index),
            found,
        }
    }

    /// For what a rule finds in the YAML of a document that holds these objects.
    pub fn in_document(
        rule: &'static Rule,
        objects: &'a [Object<'y>],
        found: &'a mut Vec<Finding>,
    ) -> Self {
        Reporter {
            rule,
            objects,
            index: None,
            found,
        }
    }

    /// A container has a value that it should not have; `node` is that value.
    pub fn wrong_in(
        &mut self,
        container: &Container<'_>,
        node: Node<'_>,
        message: impl Into<Message>,
    ) -> &mut Finding {
        let place = place_of(node, container.node);
        self.push(
            Some(container),
            container.range(),
            place,
            false,
            message.into(),
        )
        .shared_from(node)
    }

    /// A pod, or an object without one, has a value that it should not have; `node` is that value.
    pub fn wrong(&mut self, node: Node<'_>, message: impl Into<Message>) -> &mut Finding {
        let whole = self.whole();
        let owner = self
            .object()
            .map(|object| object.pod.as_ref().map_or(object.node, |pod| pod.node));
        let place = owner.map_or(node.range(), |owner| place_of(node, owner));
        self.push(None, whole.unwrap_or(place), place, false, message.into())
            .shared_from(node)
    }

    /// A container, where one is given, else the pod or object, has a value that it should not have.
    pub fn wrong_around(
        &mut self,
        container: Option<&Container<'_>>,
        node: Node<'_>,
        message: impl Into<Message>,
    ) -> &mut Finding {
        match container {
            Some(container) => self.wrong_in(container, node, message),
            None => self.wrong(node, message),
        }
    }

    /// Like [`wrong_around`](Self::wrong_around), with the container found that the node is written in. For what looks at
    /// documents, not at objects.
    pub fn wrong_anywhere(&mut self, node: Node<'_>, message: impl Into<Message>) -> &mut Finding {
        let objects = self.objects;
        let container = objects
            .iter()
            .find_map(|object| object.container_around(node));
        match container {
            Some(container) => self.wrong_in(container, node, message),
            None => self.wrong_at(node.range(), message),
        }
    }

    /// A place of the document is not as it can be, whatever it means.
    pub fn wrong_at(&mut self, range: Range, message: impl Into<Message>) -> &mut Finding {
        let object = self.owner(range).and_then(|index| self.objects.get(index));
        let whole = object.map_or(range, |object| object.node.range().cover(range));
        self.push(None, whole, range, false, message.into())
    }

    /// A container lacks the field at a way of keys from it (`securityContext.allowPrivilegeEscalation`).
    pub fn absent_in(
        &mut self,
        container: &Container<'_>,
        dotted: &str,
        message: impl Into<Message>,
    ) -> &mut Finding {
        let place =
            deepest_key(container.node, dotted).unwrap_or_else(|| container_token(container.node));
        let finding = self.push(
            Some(container),
            container.range(),
            place,
            true,
            message.into(),
        );
        finding.lacks(
            dotted,
            container.to_string(),
            security_key(container.node).unwrap_or_else(|| container_token(container.node)),
        )
    }

    /// A pod lacks the field at a way of keys from its spec.
    pub fn absent(
        &mut self,
        pod: &Pod<'_>,
        dotted: &str,
        message: impl Into<Message>,
    ) -> &mut Finding {
        let spec = pod
            .node
            .own_entry()
            .map_or(pod.node.range(), |entry| entry.key.range());
        let place = deepest_key(pod.node, dotted).unwrap_or(spec);
        let finding = self.push(None, pod.node.range(), place, true, message.into());
        finding.lacks(
            dotted,
            "pod".to_owned(),
            security_key(pod.node).unwrap_or(spec),
        )
    }

    /// The object that a place belongs to: the one that is looked at, the one around the place, or the only one there is.
    fn owner(&self, range: Range) -> Option<usize> {
        let around = || {
            self.objects
                .iter()
                .position(|object| object.node.range().contains_range(range))
        };
        let only = || (self.objects.len() == 1).then_some(0);
        self.index.or_else(around).or_else(only)
    }

    fn object(&self) -> Option<&'a Object<'y>> {
        self.index.and_then(|index| self.objects.get(index))
    }

    /// All that the object is written on that is looked at.
    fn whole(&self) -> Option<Range> {
        self.object().map(|object| object.node.range())
    }

    /// Something is missing that a value of a container, or of its pod, needs beside it; `node` is that value.
    pub fn absent_beside(
        &mut self,
        container: Option<&Container<'_>>,
        node: Node<'_>,
        message: impl Into<Message>,
    ) -> &mut Finding {
        let owner = container
            .map(|container| container.node)
            .or(self.object().map(|object| object.node));
        let place = owner.map_or(node.range(), |owner| place_of(node, owner));
        let whole = owner.map_or(place, Node::range);
        self.push(container, whole, place, true, message.into())
            .shared_from(node)
    }

    /// An object lacks something: its name stands for it, else its kind.
    pub fn absent_in_object(&mut self, message: impl Into<Message>) -> &mut Finding {
        let whole = self.whole().unwrap_or_default();
        let place = ["metadata.name", "kind"].iter().find_map(|dotted| {
            let named = dotted
                .split('.')
                .try_fold(self.object()?.node, |node, key| node.get_own(key));
            named.filter(|node| matches!(node.kind(), NodeKind::Scalar(_)))
        });
        let place = place.map_or_else(|| Range::at(whole.start(), 1.into()), Node::range);
        self.push(None, whole, place, true, message.into())
    }

    fn push(
        &mut self,
        container: Option<&Container<'_>>,
        whole: Range,
        range: Range,
        absent: bool,
        message: Message,
    ) -> &mut Finding {
        let subject = Target {
            object: self.owner(range),
            container: container.map(|container| container.name().into()),
            range: whole,
            absent,
            missing: None,
        };
        let (rule, severity) = (self.rule, self.rule.severity);
        self.found.push(Finding {
            rule,
            severity,
            range,
            message,
            target: subject,
            tag: None,
            related: Vec::new(),
            fix: None,
            alternatives: Vec::new(),
        });
        self.found.last_mut().expect("just pushed")
    }
}

impl Finding {
    /// Adds what would mend it.
    pub fn fix(
        &mut self,
        safety: Applicability,
        title: impl Into<Message>,
        changes: impl IntoIterator<Item = Change>,
    ) -> &mut Finding {
        self.fix = Some(Fix {
            title: title.into(),
            applicability: safety,
            changes: changes.into_iter().collect(),
        });
        self
    }

    /// Says what else may be shown of its place.
    pub fn tagged(&mut self, tag: Tag) -> &mut Finding {
        self.tag = Some(tag);
        self
    }

    /// Says whether what is wrong is that something is not there beside a value: where not all is seen, it may be there.
    pub fn mark_as_missing(&mut self, absent: bool) -> &mut Finding {
        self.target.absent |= absent;
        self
    }

    /// Says which setting is lacking. What the API server refuses is a mistake at its own place, not a lack.
    fn lacks(&mut self, dotted: &str, holder: String, anchor: Range) -> &mut Finding {
        if self.rule.enablement != Enablement::Always {
            self.target.missing = Some(MissingSetting {
                setting: in_a_word(dotted).into(),
                holder,
                anchor,
            });
        }
        self
    }

    /// Tells where a value is written that an alias brings here.
    fn shared_from(&mut self, value: Node<'_>) -> &mut Finding {
        match self.range.contains_range(value.range()) {
            true => self,
            false => self.related(value, "the value is written here"),
        }
    }

    /// Adds another way to mend it.
    pub fn alternative(
        &mut self,
        safety: Applicability,
        title: impl Into<Message>,
        changes: impl IntoIterator<Item = Change>,
    ) -> &mut Finding {
        self.alternatives.push(Fix {
            title: title.into(),
            applicability: safety,
            changes: changes.into_iter().collect(),
        });
        self
    }

    /// The same finding, once for each way to mend it: the usual one first.
    pub fn each_fix(&self) -> impl Iterator<Item = Finding> {
        let ways = self.fix.iter().chain(&self.alternatives);
        ways.map(|fix| Finding {
            fix: Some(fix.clone()),
            alternatives: Vec::new(),
            ..self.clone()
        })
    }

    /// Adds another place that it is about.
    pub fn related(&mut self, node: Node<'_>, message: impl Into<Message>) -> &mut Finding {
        self.related.push(Related {
            range: node.range(),
            message: message.into(),
        });
        self
    }
}

/// Where a value is used: where it is written, unless an alias or a merge brings it into its owner from elsewhere. Then it is
/// the alias that the owner has.
fn place_of(value: Node<'_>, owner: Node<'_>) -> Range {
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

/// The setting that a way of keys leads to, as people speak of it: what it is below is left out, and so is what it has below.
fn in_a_word(dotted: &str) -> &str {
    match dotted.split_once('.') {
        Some(("securityContext", rest)) => rest.split('.').next().unwrap_or(rest),
        Some(("resources", rest)) => rest,
        _ => dotted,
    }
}

/// The key of the security context that a pod or a container has written in it.
fn security_key(node: Node<'_>) -> Option<Range> {
    let key = node.entry("securityContext")?.key;
    holds(node, key.id()).then(|| key.range())
}

/// The key that a person would go on typing under to add a field: the last one on the way that is written.
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

/// Whether a node stands inside another one, rather than being brought in by an alias or a merge.
fn holds(outer: Node<'_>, inner: NodeId) -> bool {
    outer
        .range()
        .contains_range(outer.yaml().node(inner).range())
}

/// The token that stands for a container: its name, else its image, else its first character.
fn container_token(node: Node<'_>) -> Range {
    ["name", "image"]
        .iter()
        .filter_map(|key| node.get_own(key))
        .find(|value| matches!(value.kind(), NodeKind::Scalar(_)))
        .map_or_else(|| Range::at(node.range().start(), 1.into()), Node::range)
}
