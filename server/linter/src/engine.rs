//! The engine: a text in; findings, and edits that mend them, out. What an editor shows and what a terminal prints is the same.
//!
//! Knows documents, objects and rules. Must not know protocols, files or output formats. Promise: the result depends on the
//! text and the configuration alone.

use crate::config::Config;
use crate::ignores::{self, Ignores};
use crate::rules::{self, Check, Finding, Reporter, Rule, Message};
use kubernetes::{self, Container, Extent, Object, Pod};
use others::{Asked, Held, Talk};
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use tree::Tree;
use workspace::Others;
use workspace::index::Fact;
use yaml::edit::{self, Change};
use yaml::{self, Node, Template, Yaml};

mod failure;
mod fields;
mod inline;
mod mend;
mod names;
mod others;
mod report;
mod sight;
mod standing;
mod tree;

pub use crate::ignores::{Head, Scope};
pub use failure::{Failure, ISSUES, panic_message};
pub use fields::{Choice, Completion, Counts, Inherited, Written};
pub use mend::{Fixed, Mended, Unfixable, Withheld, fix_all};
pub use names::{Declared, Named, declared};
pub use others::{Enforced, facts};
pub use report::{Context, Part, Report};
pub use sight::Sight;
pub use standing::Standing;
pub use yaml::edit::{Edit, Edits, Refusal};
pub use yaml::split::Role;
pub use yaml::{Offset, Range};

/// What is known of a document, or of a part that is read by itself.
#[derive(Debug)]
pub struct Analysis {
    tree: Tree,
    /// Whether it has anchors, and aliases of such as are not in it.
    is_anchored: bool,
    is_aliasing: bool,
    role: Role,
    context: Arc<Context>,
    /// The Kubernetes objects in it, those of a `List` one by one; none where it is no manifest.
    pub objects: Vec<ObjectInfo>,
    /// How many of the objects are or make a pod.
    pods: usize,
    /// How much of its objects can be seen.
    pub sight: Sight,
    /// Whether nothing is written but comments, directives and markers.
    blank: bool,
    /// Sorted by place, then by rule.
    pub findings: Vec<Finding>,
    /// What would be among them if nobody had said that it is to be ignored.
    pub ignored: Vec<Finding>,
    /// What a cluster refuses in it, in the words of findings, whichever rules were chosen.
    refusals: Vec<Message>,
    /// The rules that panicked, of which nothing is among the findings.
    failures: Vec<Failure>,
    /// What its objects say of others.
    facts: Vec<Fact>,
    /// What its objects asked of others, and what they were told.
    asked: Vec<Asked>,
    /// Why nothing can be edited in it, once that was asked.
    uneditable: OnceLock<Option<Refusal>>,
}

/// Whose finding it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// All that it is written on.
    pub range: Range,
    /// Where its name is written; empty at its start where none is.
    pub name_range: Range,
    /// Whether it is the object before it once more, with another of its pods.
    pub repeated: bool,
    /// Whether a pod of it stands here in full.
    pub makes_pods: bool,
    /// The containers of its pod that are written inside it.
    pub containers: Vec<ContainerInfo>,
}

/// A container of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerInfo {
    /// What messages call such a one: `init container`.
    pub kind: &'static str,
    /// Empty where none is written.
    pub name: String,
    /// All that it is written on.
    pub range: Range,
    /// Where its name is written; empty at its start where none is.
    pub name_range: Range,
}

/// Reads a text and runs the rules on each of its parts.
pub fn analyze(text: &str, config: &Config) -> Report {
    let mut report = Report::of(text);
    report.analyze(
        |range| Cow::Borrowed(&text[range]),
        |text, role, context| analyze_part(text, role, context, config),
    );
    report
}

/// Reads one document and runs the rules on it.
pub fn analyze_document(text: &str, config: &Config) -> Analysis {
    analyze_part(text, Role::Document, &Arc::default(), config)
}

/// Reads a part of a document, or a whole one, and runs the rules on it.
pub fn analyze_part(text: &str, role: Role, context: &Arc<Context>, config: &Config) -> Analysis {
    // What a part is about may be said elsewhere in its document.
    let is_no_manifest = match role {
        Role::Document => {
            context.is_alone()
                && !sight::may_hold_objects(text)
                && !sight::may_hold_patches(text, config)
        }
        role => role.is_apart() && !context.is_manifest(),
    };
    if is_no_manifest {
        let unread = Analysis::of_nothing(Yaml::unread(text), role, context);
        return Analysis {
            blank: sight::is_blank(text),
            sight: Sight::unread(text, config),
            ..unread
        };
    }
    read_part(text, role, context, config)
}

/// Reads a part, whether or not it is known that it holds nothing.
fn read_part(text: &str, role: Role, context: &Arc<Context>, config: &Config) -> Analysis {
    // There is nothing to be learnt of a chart's template without its actions.
    if Sight::unread(text, config) == Sight::Template {
        return analyze_template(text, role, context, config);
    }
    let yaml = yaml::parse(text);
    match Sight::of(&yaml, config) {
        Sight::Template => analyze_template(text, role, context, config),
        sight => analyze_reading(yaml, sight, role, context, config),
    }
}

/// Looks at each way to read a template. What is found in several of them is told once.
fn analyze_template(text: &str, role: Role, context: &Arc<Context>, config: &Config) -> Analysis {
    let Template {
        readings,
        versioned,
    } = yaml::template(text);
    let readings = readings
        .into_iter()
        .map(|yaml| analyze_reading(yaml, Sight::Template, role, context, config));
    let nothing = || Analysis::of_nothing(Yaml::unread(text), role, context);
    let mut all = readings.reduce(Analysis::together).unwrap_or_else(nothing);
    // Charts ask the cluster which version of an API it serves. What an old one gets is not held to a new one.
    let is_asked = |range: Range| versioned.iter().any(|block| block.contains_range(range));
    all.findings
        .retain(|finding| finding.rule.id != REMOVED_API || !is_asked(finding.range));
    sort(&mut all.findings);
    all
}

/// Runs the rules on what was read.
fn analyze_reading(
    yaml: Yaml,
    sight: Sight,
    role: Role,
    context: &Arc<Context>,
    config: &Config,
) -> Analysis {
    let patch = patch(&yaml, role, config);
    let mut found = objects(&yaml, patch.as_ref(), role, context, config);
    sight.narrow(&mut found);
    let Talk { asked, answers } = others::ask(&mut found, config);
    let held = Held::to(config, &answers);
    let facts = others::heard(&found, sight);
    let (mut findings, mut refusals, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for rule in rules::running() {
        let (runs, tells_refusals) = (held.runs(rule), rule.tells_refusals());
        if !runs && !tells_refusals {
            continue;
        }
        let before = findings.len();
        failures.extend(run_rule(rule, &yaml, &found, sight, context, &held, &mut findings).err());
        if findings.len() == before {
            continue;
        }
        if tells_refusals {
            refusals.extend(
                findings
                    .iter()
                    .skip(before)
                    .map(|finding: &Finding| finding.message.clone()),
            );
        }
        if !runs {
            findings.truncate(before);
        }
        let severity = rule.severity_in(config);
        findings
            .iter_mut()
            .skip(before)
            .for_each(|finding| finding.severity = severity);
    }
    let ignores = Ignores::of(&yaml, &found, config, context.standing(role));
    judge_ignores(
        &ignores,
        &yaml,
        &found,
        sight,
        context,
        &held,
        (&mut findings, &mut failures),
    );
    let mut objects: Vec<ObjectInfo> = found.iter().map(ObjectInfo::of).collect();
    let mut pods = found.iter().filter(|object| object.pod.is_some()).count();
    sight.leave(&yaml, &mut findings);
    let mut ignored = ignores.sift(&mut findings);
    // What operations write are parts of an object, and that stands elsewhere.
    if patch.is_some() {
        (objects, pods) = (Vec::new(), 0);
        findings
            .iter_mut()
            .chain(&mut ignored)
            .for_each(|finding| finding.subject.object = None);
    }
    if found.is_empty() && sight == Sight::Whole && role == Role::Document {
        let inside = inline::look(&yaml, config);
        findings.extend(inside.findings);
        ignored.extend(inside.ignored);
        failures.extend(inside.failures);
    }
    sort(&mut findings);
    findings.shrink_to_fit();
    let blank = yaml.root().is_none() && yaml.errors().is_empty();
    let known = Analysis::of_nothing(yaml, role, context);
    Analysis {
        objects,
        pods,
        sight,
        blank,
        findings,
        ignored,
        refusals,
        failures,
        facts,
        asked,
        ..known
    }
}

/// What a document is that is known to be a patch, and is a list of operations.
fn patch(yaml: &Yaml, role: Role, config: &Config) -> Option<kubernetes::Patch> {
    let is_patch = role == Role::Document && config.surroundings.part == workspace::Part::Patch;
    is_patch.then(|| kubernetes::Patch::of(yaml, &config.surroundings.target))?
}

/// The objects of a part, or what a patch writes into one.
fn objects<'y>(
    yaml: &'y Yaml,
    patch: Option<&'y kubernetes::Patch>,
    role: Role,
    context: &'y Context,
    config: &Config,
) -> Vec<Object<'y>> {
    match patch {
        Some(patch) => patch.objects(config.detect_pod_templates),
        None => context.objects(yaml, role, config),
    }
}

/// The rule about API versions that clusters no longer serve.
const REMOVED_API: &str = "removed-api";

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (a.range.start(), a.range.end(), a.rule.id).cmp(&(
            b.range.start(),
            b.range.end(),
            b.rule.id,
        ))
    });
}

/// Runs the rule that holds what is ignored against what the others found.
fn judge_ignores(
    ignores: &Ignores<'_, '_>,
    yaml: &Yaml,
    objects: &[Object<'_>],
    sight: Sight,
    context: &Context,
    held: &Held<'_>,
    (findings, failures): (&mut Vec<Finding>, &mut Vec<Failure>),
) {
    let config = held.config;
    for rule in rules::ALL
        .iter()
        .filter(|rule| matches!(rule.check, Check::Ignores) && rule.runs(config))
    {
        let failed = RefCell::new(Vec::new());
        let ask = |asked: &'static Rule| {
            let mut alone = config.clone();
            alone.rules = Default::default();
            alone.rules.insist(&[asked.id.to_owned()], &[]);
            let mut found = Vec::new();
            let ran = run_rule(
                asked,
                yaml,
                objects,
                sight,
                context,
                &held.by(&alone),
                &mut found,
            );
            failed.borrow_mut().extend(ran.err());
            found
        };
        let mut found = Vec::new();
        // What is not seen may be the very thing that is ignored, and so may what a rule that failed would have found.
        let is_all_known = sight == Sight::Whole && failures.is_empty();
        let ask: Option<ignores::Ask<'_>> = if is_all_known { Some(&ask) } else { None };
        ignores.judge(
            findings,
            ask,
            &mut Reporter::in_document(rule, objects, &mut found),
        );
        let failed = failed.into_inner();
        if !failed.is_empty() {
            found.clear();
            failures.extend(failed);
        }
        let severity = rule.severity_in(config);
        findings.extend(found.into_iter().map(|finding| Finding {
            severity,
            ..finding
        }));
    }
}

fn run_rule(
    rule: &'static Rule,
    yaml: &Yaml,
    objects: &[Object<'_>],
    sight: Sight,
    context: &Context,
    held: &Held<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    failure::guarded(rule, findings, |findings| {
        let config = held.config;
        if let Check::Document(check) = rule.check {
            let is_manifest =
                || !objects.is_empty() || context.is_manifest() || sight::begins_as_manifest(yaml);
            if sight == Sight::Patch || (sight != Sight::Template && is_manifest()) {
                check(
                    yaml,
                    config,
                    &mut Reporter::in_document(rule, objects, findings),
                );
            }
            return;
        }
        for (index, object) in objects.iter().enumerate() {
            let Some(config) = held.config_for(index, rule) else {
                continue;
            };
            let before = findings.len();
            let mut found = Reporter::in_object(rule, objects, index, findings);
            match (rule.check, &object.pod) {
                (Check::Object(check), _) => check(object, config, &mut found),
                (Check::Pod(check), Some(pod)) => check(pod, config, &mut found),
                (Check::Pod(_), None) | (Check::Document(_) | Check::Ignores, _) => {}
            }
            sight::leave_of_pod(object, findings, before);
        }
    })
}

impl ObjectInfo {
    fn of(object: &Object<'_>) -> Self {
        let range = object.node.range();
        let name = object
            .node
            .get("metadata")
            .and_then(|metadata| metadata.get("name"));
        let is_full = |pod: &Pod<'_>| {
            pod.extent == Extent::Whole && !pod.containers.is_empty() && !has_unfinished(pod)
        };
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
            makes_pods: object.pod.as_ref().is_some_and(is_full),
            containers: containers.map(ContainerInfo::of).collect(),
        }
    }
}

fn has_unfinished(pod: &Pod<'_>) -> bool {
    pod.containers.iter().any(Container::is_unfinished)
}

impl ContainerInfo {
    fn of(container: &Container<'_>) -> Self {
        ContainerInfo {
            kind: container.kind.name(),
            name: container.name().to_owned(),
            range: container.range(),
            name_range: place_of(container.node.get("name"), container.range()),
        }
    }
}

/// Where something is written, if it is written inside a range; else the start of that.
fn place_of(node: Option<Node<'_>>, inside: Range) -> Range {
    let range = node.filter(|node| !node.is_null()).map(Node::range);
    range
        .filter(|range| inside.contains_range(*range))
        .unwrap_or(Range::empty(inside.start()))
}

impl Analysis {
    /// What is known of a text in which nobody looked for anything.
    fn of_nothing(yaml: Yaml, role: Role, context: &Arc<Context>) -> Self {
        Analysis {
            is_anchored: yaml.has_anchors(),
            is_aliasing: yaml.has_aliases_to_nothing(),
            tree: Tree::of(yaml),
            role,
            context: Arc::clone(context),
            objects: Vec::new(),
            pods: 0,
            sight: Sight::Whole,
            blank: false,
            findings: Vec::new(),
            ignored: Vec::new(),
            refusals: Vec::new(),
            failures: Vec::new(),
            facts: Vec::new(),
            asked: Vec::new(),
            uneditable: OnceLock::new(),
        }
    }

    /// What two readings of one text say together. The objects of the one with most of them are those of the document.
    fn together(self, other: Analysis) -> Analysis {
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
        add(&mut all.ignored, less.ignored);
        let asked = less
            .asked
            .into_iter()
            .filter(|asked| !all.asked.contains(asked))
            .collect::<Vec<_>>();
        all.asked.extend(asked);
        all.failures.extend(less.failures);
        all
    }

    /// The document's text.
    pub fn text(&self) -> &str {
        self.tree.text()
    }

    /// The document as it was read.
    pub fn yaml(&self) -> &Yaml {
        self.tree.yaml()
    }

    /// Gives the tree away, which takes several times the memory of the text. It is read again when somebody asks for it.
    fn give_tree_away(&mut self) {
        // A template was read in several ways, and a text that nobody read has no tree.
        if self.sight != Sight::Template && self.yaml().root().is_some() {
            self.tree.give_away();
        }
    }

    /// Leaves the findings without a way to mend them.
    fn withhold_fixes(&mut self) {
        for finding in &mut self.findings {
            finding.fix = None;
            finding.alternatives.clear();
        }
    }

    /// Whether other objects say something else now than when it was made.
    pub fn is_outdated(&self, others: &Others) -> bool {
        self.asked
            .iter()
            .any(|asked| others.answer(&asked.question) != asked.answer)
    }

    /// Whether the document holds a Kubernetes object.
    pub fn is_manifest(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Whether nothing is written but comments, directives and markers.
    pub fn is_blank(&self) -> bool {
        self.blank
    }

    /// What would be known if the same part of the same document had another text.
    pub fn with_text(&self, text: &str, config: &Config) -> Analysis {
        analyze_part(text, self.role, &self.context, config)
    }

    /// The edits that write a comment by which some findings are ignored, all of one place, or lacking in one container or pod.
    /// They are proved like all edits; and of the findings, those of the same rules in the same scope are gone, and no other one.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person.
    pub fn ignoring(
        &self,
        findings: &[&Finding],
        scope: Scope,
        config: &Config,
    ) -> Result<Edits, Refusal> {
        // A comment in a patch is about what stands in the patch.
        if let Some(reason) = self.sight.seal().filter(|_| self.sight != Sight::Patch) {
            return Err(Refusal::new(reason));
        }
        let patch = patch(self.yaml(), self.role, config);
        let objects = objects(
            self.yaml(),
            patch.as_ref(),
            self.role,
            &self.context,
            config,
        );
        let ignores = Ignores::of(
            self.yaml(),
            &objects,
            config,
            self.context.standing(self.role),
        );
        let ways = ignores::ways(&ignores, findings, scope);
        let mut refusal = None;
        for change in ways {
            match self.proved_ignoring(findings, scope, change, config) {
                Ok(edits) => return Ok(edits),
                Err(reason) => refusal = Some(refusal.unwrap_or(reason)),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            Refusal::new("the document has no line of its own that a comment could stand above")
        }))
    }

    fn proved_ignoring(
        &self,
        findings: &[&Finding],
        scope: Scope,
        change: Change,
        config: &Config,
    ) -> Result<Edits, Refusal> {
        let edits = edit::plan(self.yaml(), &[change])?;
        let mut left = self.with_text(&edits.apply(self.text()), config).findings;
        // What is wanted of every ignore is not there before a person wrote it.
        left.retain(|finding| {
            !(config.require_reason && matches!(finding.rule.check, Check::Ignores))
        });
        let mut gone = Vec::new();
        for before in &self.findings {
            match left.iter().position(|after| is_same(before, after)) {
                Some(place) => drop(left.remove(place)),
                None => gone.push(before),
            }
        }
        let is_meant_by = |finding: &Finding, other: &Finding| {
            let is_beside = other.subject.object == finding.subject.object
                && other.subject.container == finding.subject.container;
            other.rule.id == finding.rule.id && (scope == Scope::Document || is_beside)
        };
        let is_meant =
            |other: &&Finding| findings.iter().any(|finding| is_meant_by(finding, other));
        let left_over = findings
            .iter()
            .find(|finding| !gone.iter().any(|other| is_same(finding, other)));
        match (
            left.first().or(left_over.copied()),
            gone.iter().all(is_meant),
        ) {
            (None, true) => Ok(edits),
            (None, false) => Err(Refusal::new(
                "what else stands on the line would be ignored too",
            )),
            (Some(finding), _) => Err(Refusal::new(format!(
                "a comment here would not settle {}",
                finding.rule.id
            ))),
        }
    }
}

/// Whether two findings say the same, wherever each of them stands.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.rule.id == other.rule.id
        && one.message == other.message
        && one.subject.object == other.subject.object
        && one.subject.container == other.subject.container
}
