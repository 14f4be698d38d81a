//! Rules, the reporter that they report with, and the findings that they report.
//!
//! These types refer to each other: a rule's check takes a reporter, and a finding names its rule.
//! A rule reports a node, or a field that is missing; the reporter chooses the range and the target
//! of the finding.

use super::aliases::ForeignId;
use super::finding::{Applicability, Fix, Message, MissingSetting, Related, Tag, Target};
use super::placement::{container_token, deepest_key, security_context_key, short_name, used_at};
use crate::config::{Config, Profile, Severity};
use kubernetes::{Container, Object, Pod};
use std::ops::{Deref, DerefMut};
use yaml::edit::Change;
use yaml::{Node, NodeKind, Range, Yaml};

/// A rule: its check, its documentation, and everything that the linter and the editors know about
/// it.
#[derive(Debug)]
pub struct Rule {
    /// The name in comments and configuration. It never changes after a release, and reads well
    /// after "ignore".
    pub id: &'static str,
    /// The path of its module, which ends with its family and its own name.
    pub module: &'static str,
    pub enablement: Enablement,
    pub severity: Severity,
    /// The page about the rule, in Markdown. CONTRIBUTING.md describes its sections.
    pub docs: &'static str,
    pub check: Check,
    /// The names of the same check in other tools. Suppressions accept them.
    pub aliases: &'static [ForeignId],
    /// Checks of other tools that overlap with this rule only in part. Suppressions do not accept
    /// them.
    pub related: &'static [ForeignId],
    /// Checks of other tools that are the same as this rule together with others. Suppressions accept them.
    pub part_of: &'static [ForeignId],
    /// The fields whose documentation in editors leads to this rule: `SecurityContext.privileged`.
    pub fields: &'static [&'static str],
    /// Whether the API server rejects what it reports. No fix may cause such a finding.
    pub reports_rejections: bool,
    /// Whether it skips the blocks of a template that depend on the version of the cluster.
    pub skips_versioned_blocks: bool,
    /// Whether it runs even when other rules are selected.
    pub always_selected: bool,
}

/// When a rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enablement {
    /// At this profile and the stricter ones.
    Profile(Profile),
    /// Only if the configuration selects it or sets its severity, whatever the profile.
    OptIn,
    /// At every profile: for what the API server drops, rejects or reads in an unexpected way, and
    /// for rules that depend on configured values.
    Always,
}

/// What a rule checks.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    Pod(fn(&Pod<'_>, &Config, &mut Reporter<'_, '_>)),
    Object(fn(&Object<'_>, &Config, &mut Reporter<'_, '_>)),
    /// The text of a document with objects. Templates are skipped, because they are not YAML yet.
    Document(fn(&Yaml, &Config, &mut Reporter<'_, '_>)),
    /// The suppressions, after all other rules. The analysis does this check itself.
    Suppressions,
}

impl Enablement {
    pub fn includes(self, profile: Profile) -> bool {
        match self {
            Enablement::Profile(first) => first <= profile,
            Enablement::OptIn => false,
            Enablement::Always => true,
        }
    }

    /// Returns its name in output: a profile or `always`. An opt-in rule counts as `hardened`.
    pub fn name(self) -> &'static str {
        match self {
            Enablement::Profile(profile) => profile.name(),
            Enablement::OptIn => Profile::Hardened.name(),
            Enablement::Always => "always",
        }
    }
}

impl Rule {
    /// Returns the name of the folder that the rule is in.
    pub fn family(&self) -> &'static str {
        self.module.rsplit("::").nth(1).unwrap_or_default()
    }

    /// Whether the rule runs with a configuration. Setting the severity of an opt-in rule enables
    /// it.
    pub fn runs(&self, config: &Config) -> bool {
        let chosen = config.rules.severity.get(self.id);
        let wanted = match config.rules.select.as_slice() {
            [] => {
                self.enablement.includes(config.profile)
                    || (self.enablement == Enablement::OptIn && chosen.is_some())
            }
            // A manifest with a syntax error is not clean, whichever rules are selected.
            selected => selected.iter().any(|id| id == self.id) || self.always_selected,
        };
        wanted && chosen != Some(&None) && !config.rules.ignores(self.id)
    }

    /// Returns the Pod Security Standard that it is part of.
    pub fn standard(&self) -> Option<Profile> {
        match self.enablement {
            Enablement::Profile(standard @ (Profile::Baseline | Profile::Restricted)) => {
                Some(standard)
            }
            _ => None,
        }
    }

    /// Returns the severity of its findings with a configuration.
    pub fn severity_in(&self, config: &Config) -> Severity {
        config
            .rules
            .severity
            .get(self.id)
            .copied()
            .flatten()
            .unwrap_or(self.severity)
    }

    /// Returns a sentence with its severity and the profiles that include it.
    pub fn severity_sentence(&self) -> String {
        let severity = self.severity.name();
        match self.enablement {
            Enablement::OptIn => {
                format!("Severity: {severity}. Off by default: select it or set its severity.")
            }
            Enablement::Always => format!("Severity: {severity}. Runs at every profile."),
            Enablement::Profile(first) => {
                let profiles: Vec<&str> = Profile::ALL
                    .into_iter()
                    .filter(|profile| *profile >= first)
                    .map(Profile::name)
                    .collect();
                let plural = if profiles.len() == 1 { "" } else { "s" };
                format!(
                    "Severity: {severity}. Profile{plural}: {}.",
                    profiles.join(", ")
                )
            }
        }
    }
}

/// One result of a rule.
#[derive(Debug, Clone)]
pub struct Finding {
    pub rule: &'static Rule,
    pub severity: Severity,
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
    /// Why there is no fix, if there is a reason that helps the user: "this is a template".
    pub no_fix: Option<Message>,
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

    /// Tells why there is no fix.
    pub fn no_fix(&mut self, reason: impl Into<Message>) -> &mut Finding {
        self.no_fix = Some(reason.into());
        self
    }

    /// Lowers the severity to at most this one. A configured severity overrides it.
    pub fn lowered(&mut self, most: Severity) -> &mut Finding {
        self.severity = self.severity.min(most);
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
            no_fix: None,
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
            no_fix: None,
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
