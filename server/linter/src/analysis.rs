//! The analysis of texts: findings, and verified edits that fix them.
//!
//! The result depends only on the text and its inputs, so that editors and the command line agree.

use crate::Inputs;
use crate::rules::{self, Check, Finding, Message, Reporter, Rule};
use crate::suppressions::{self, Suppressions};
use cross_references::{AnsweredQuery, Answers, EffectiveConfig};
use kubernetes::{self, Container, Extent, Object, Pod};
use lazy_tree::Tree;
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use workspace::WorkspaceView;
use workspace::cross_references::Fact;
use yaml::edit::{self, Change};
use yaml::{self, Node, Template, Yaml};

mod completion;
mod cross_references;
mod document_kind;
mod failure;
mod fix;
mod inline_patches;
mod lazy_tree;
mod pod_security_level;
mod references;
mod report;

pub use crate::suppressions::{FileSuppressions, SuppressionScope};
pub use completion::{Completion, CompletionItem, Effect, FieldInfo, Inherited};
pub use cross_references::{Enforced, facts};
pub use document_kind::DocumentKind;
pub use failure::{ISSUES, RulePanic, panic_message};
pub use fix::{FixOutcome, FixedText, RejectedFix, UnfixedFinding, fix_all};
pub use pod_security_level::PodSecurityLevel;
pub use references::{Declaration, ReferenceAt, declarations};
pub use report::{Chunk, ChunkContext, Report};
pub use yaml::chunks::ChunkKind;
pub use yaml::edit::{Edit, EditError, Edits};
pub use yaml::{Offset, Range};

/// The analysis of a document, or of a chunk of one.
#[derive(Debug)]
pub struct Analysis {
    tree: Tree,
    /// Whether it has anchors, and aliases to anchors outside of it.
    is_anchored: bool,
    is_aliasing: bool,
    role: ChunkKind,
    context: Arc<ChunkContext>,
    /// The Kubernetes objects, with the items of a `List` one by one; empty if it is not a manifest.
    pub objects: Vec<ObjectInfo>,
    /// How many of the objects are or create a pod.
    pods: usize,
    /// How much of its objects is visible.
    pub kind: DocumentKind,
    /// Whether it contains only comments, directives and markers.
    blank: bool,
    /// Sorted by position, then by rule.
    pub findings: Vec<Finding>,
    /// The findings that suppressions hide.
    pub suppressed: Vec<Finding>,
    /// What the API server would reject, as messages of findings, regardless of the selected rules.
    refusals: Vec<Message>,
    /// The rules that panicked, whose findings are missing.
    failures: Vec<RulePanic>,
    /// Facts that its objects state about others.
    facts: Vec<Fact>,
    /// The queries of its objects about others, with the answers.
    asked: Vec<AnsweredQuery>,
    /// Why the document cannot be edited, computed on first use.
    uneditable: OnceLock<Option<EditError>>,
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
}

/// Parses a text and runs the rules on each chunk.
pub fn analyze<'i>(text: &str, inputs: impl Into<Inputs<'i>>) -> Report {
    let inputs = inputs.into();
    let mut report = Report::of(text);
    report.analyze(
        |range| Cow::Borrowed(&text[range]),
        |text, role, context| analyze_chunk(text, role, context, inputs),
    );
    report
}

/// Parses one document and runs the rules on it.
pub fn analyze_document<'i>(text: &str, inputs: impl Into<Inputs<'i>>) -> Analysis {
    let inputs = inputs.into();
    analyze_chunk(text, ChunkKind::Document, &Arc::default(), inputs)
}

/// Parses a chunk or a whole document, and runs the rules on it.
pub fn analyze_chunk(
    text: &str,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    // The kind of an item may depend on the rest of its document.
    let is_not_manifest = match role {
        ChunkKind::Document => {
            context.is_alone()
                && !document_kind::may_hold_objects(text)
                && !document_kind::may_hold_patches(text, inputs)
        }
        role => role.is_independent() && !context.is_manifest(),
    };
    if is_not_manifest {
        let unread = Analysis::of_nothing(Yaml::unparsed(text), role, context);
        return Analysis {
            blank: document_kind::is_blank(text),
            kind: DocumentKind::unread(text, inputs),
            ..unread
        };
    }
    parse_chunk(text, role, context, inputs)
}

/// Parses a chunk, even if it may hold no object.
fn parse_chunk(
    text: &str,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    // Without its actions, a chart's template is not valid YAML.
    if DocumentKind::unread(text, inputs) == DocumentKind::Template {
        return analyze_template(text, role, context, inputs);
    }
    let yaml = yaml::parse(text);
    match DocumentKind::of(&yaml, inputs) {
        DocumentKind::Template => analyze_template(text, role, context, inputs),
        document_kind => analyze_reading(yaml, document_kind, role, context, inputs),
    }
}

/// Analyzes each reading of a template. A finding in several readings is reported once.
fn analyze_template(
    text: &str,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    let Template {
        readings,
        versioned,
    } = yaml::parse_template(text);
    let readings = readings
        .into_iter()
        .map(|yaml| analyze_reading(yaml, DocumentKind::Template, role, context, inputs));
    let nothing = || Analysis::of_nothing(Yaml::unparsed(text), role, context);
    let mut all = readings.reduce(Analysis::together).unwrap_or_else(nothing);
    // Charts ask which API versions the cluster serves. A block for an old version is not checked against a new one.
    let is_asked = |range: Range| versioned.iter().any(|block| block.contains_range(range));
    all.findings
        .retain(|finding| !finding.rule.skips_versioned_blocks || !is_asked(finding.range));
    sort(&mut all.findings);
    all
}

/// Runs the rules on a parsed chunk.
fn analyze_reading(
    yaml: Yaml,
    document_kind: DocumentKind,
    role: ChunkKind,
    context: &Arc<ChunkContext>,
    inputs: Inputs<'_>,
) -> Analysis {
    let patch = patch(&yaml, role, inputs);
    let mut found = objects(&yaml, patch.as_ref(), role, context, inputs);
    document_kind.mark_partial(&mut found);
    let Answers { asked, answers } = cross_references::ask(&mut found, inputs);
    let effective = EffectiveConfig::new(inputs.config, &answers);
    let facts = cross_references::collect_facts(&found, document_kind);
    let (mut findings, mut refusals, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for rule in rules::running() {
        let (runs, reports_rejections) = (effective.runs(rule), rule.reports_rejections);
        if !runs && !reports_rejections {
            continue;
        }
        let before = findings.len();
        failures.extend(
            run_rule(
                rule,
                &yaml,
                &found,
                document_kind,
                context,
                &effective,
                &mut findings,
            )
            .err(),
        );
        if findings.len() == before {
            continue;
        }
        if reports_rejections {
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
        let severity = rule.severity_in(inputs.config);
        findings
            .iter_mut()
            .skip(before)
            .for_each(|finding| finding.severity = severity);
    }
    let suppressions = Suppressions::of(&yaml, &found, inputs.config, context.standing(role));
    judge_suppressions(
        &suppressions,
        &yaml,
        &found,
        document_kind,
        context,
        &effective,
        (&mut findings, &mut failures),
    );
    let mut objects: Vec<ObjectInfo> = found.iter().map(ObjectInfo::of).collect();
    let mut pods = found.iter().filter(|object| object.pod.is_some()).count();
    document_kind.retain_reportable(&yaml, &mut findings);
    let mut suppressed = suppressions.split_off_suppressed(&mut findings);
    // The operations of a patch write fields of an object in another file.
    if patch.is_some() {
        (objects, pods) = (Vec::new(), 0);
        findings
            .iter_mut()
            .chain(&mut suppressed)
            .for_each(|finding| finding.target.object = None);
    }
    if found.is_empty() && document_kind == DocumentKind::Complete && role == ChunkKind::Document {
        let inside = inline_patches::look(&yaml, inputs);
        findings.extend(inside.findings);
        suppressed.extend(inside.suppressed);
        failures.extend(inside.failures);
    }
    sort(&mut findings);
    findings.shrink_to_fit();
    let blank = yaml.root().is_none() && yaml.errors().is_empty();
    let known = Analysis::of_nothing(yaml, role, context);
    Analysis {
        objects,
        pods,
        kind: document_kind,
        blank,
        findings,
        suppressed,
        refusals,
        failures,
        facts,
        asked,
        ..known
    }
}

/// Returns the JSON patch, if the file context says that the document is one.
fn patch(yaml: &Yaml, role: ChunkKind, inputs: Inputs<'_>) -> Option<kubernetes::JsonPatch> {
    let is_patch = role == ChunkKind::Document && inputs.context.role == workspace::FileRole::Patch;
    is_patch.then(|| kubernetes::JsonPatch::parse(yaml, &inputs.context.target))?
}

/// Returns the objects of a chunk, or what a patch writes into one.
fn objects<'y>(
    yaml: &'y Yaml,
    patch: Option<&'y kubernetes::JsonPatch>,
    role: ChunkKind,
    context: &'y ChunkContext,
    inputs: Inputs<'_>,
) -> Vec<Object<'y>> {
    match patch {
        Some(patch) => patch.objects(inputs.config.detect_pod_templates),
        None => context.objects(yaml, role, inputs),
    }
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        (a.range.start(), a.range.end(), a.rule.id).cmp(&(
            b.range.start(),
            b.range.end(),
            b.rule.id,
        ))
    });
}

/// Runs the rule that compares suppressions with the findings.
fn judge_suppressions(
    suppressions: &Suppressions<'_, '_>,
    yaml: &Yaml,
    objects: &[Object<'_>],
    document_kind: DocumentKind,
    context: &ChunkContext,
    effective: &EffectiveConfig<'_>,
    (findings, failures): (&mut Vec<Finding>, &mut Vec<RulePanic>),
) {
    let config = effective.config;
    for rule in rules::ALL
        .iter()
        .filter(|rule| matches!(rule.check, Check::Suppressions) && rule.runs(config))
    {
        let failed = RefCell::new(Vec::new());
        let ask = |asked: &'static Rule| {
            let mut alone = config.clone();
            alone.rules = Default::default();
            alone.rules.override_with(&[asked.id.to_owned()], &[]);
            let mut found = Vec::new();
            let ran = run_rule(
                asked,
                yaml,
                objects,
                document_kind,
                context,
                &effective.by(&alone),
                &mut found,
            );
            failed.borrow_mut().extend(ran.err());
            found
        };
        let mut found = Vec::new();
        // A value that is not visible, or a finding of a rule that panicked, may be the suppressed one.
        let is_all_known = document_kind == DocumentKind::Complete && failures.is_empty();
        let ask: Option<suppressions::Ask<'_>> = if is_all_known { Some(&ask) } else { None };
        suppressions.judge(
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
    document_kind: DocumentKind,
    context: &ChunkContext,
    effective: &EffectiveConfig<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), RulePanic> {
    failure::guarded(rule, findings, |findings| {
        let config = effective.config;
        if let Check::Document(check) = rule.check {
            let is_manifest = || {
                !objects.is_empty()
                    || context.is_manifest()
                    || document_kind::begins_as_manifest(yaml)
            };
            if document_kind == DocumentKind::Patch
                || (document_kind != DocumentKind::Template && is_manifest())
            {
                check(
                    yaml,
                    config,
                    &mut Reporter::in_document(rule, objects, findings),
                );
            }
            return;
        }
        for (index, object) in objects.iter().enumerate() {
            let Some(config) = effective.config_for(index, rule) else {
                continue;
            };
            let before = findings.len();
            let mut found = Reporter::in_object(rule, objects, index, findings);
            match (rule.check, &object.pod) {
                (Check::Object(check), _) => check(object, config, &mut found),
                (Check::Pod(check), Some(pod)) => check(pod, config, &mut found),
                (Check::Pod(_), None) | (Check::Document(_) | Check::Suppressions, _) => {}
            }
            document_kind::leave_of_pod(object, findings, before);
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

/// Returns the range of a node if it is inside another range; otherwise the start of that range.
fn place_of(node: Option<Node<'_>>, inside: Range) -> Range {
    let range = node.filter(|node| !node.is_null()).map(Node::range);
    range
        .filter(|range| inside.contains_range(*range))
        .unwrap_or(Range::empty(inside.start()))
}

impl Analysis {
    /// Returns the analysis of a text without any findings.
    fn of_nothing(yaml: Yaml, role: ChunkKind, context: &Arc<ChunkContext>) -> Self {
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
        }
    }

    /// Combines the analyses of two readings of a text. The objects come from the one with more of them.
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
    fn give_tree_away(&mut self) {
        // A template has several readings, and an unparsed text has no tree.
        if self.kind != DocumentKind::Template && self.yaml().root().is_some() {
            self.tree.give_away();
        }
    }

    /// Removes the fixes of the findings.
    fn withhold_fixes(&mut self) {
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

    /// Returns the analysis of the same chunk with another text.
    pub fn with_text(&self, text: &str, inputs: Inputs<'_>) -> Analysis {
        analyze_chunk(text, self.role, &self.context, inputs)
    }

    /// Returns the edits that write an ignore comment for findings of one place, or for findings about missing fields
    /// of one container or pod. The edits are verified: the findings are gone, and only findings of the same rules in
    /// the same scope are gone with them.
    ///
    /// # Errors
    /// If the edits cannot be made. The message is for the user.
    pub fn suppress(
        &self,
        findings: &[&Finding],
        scope: SuppressionScope,
        inputs: Inputs<'_>,
    ) -> Result<Edits, EditError> {
        // A comment in a patch covers what is written in the patch.
        if let Some(reason) = self
            .kind
            .edit_blocker()
            .filter(|_| self.kind != DocumentKind::Patch)
        {
            return Err(EditError::new(reason));
        }
        let patch = patch(self.yaml(), self.role, inputs);
        let objects = objects(
            self.yaml(),
            patch.as_ref(),
            self.role,
            &self.context,
            inputs,
        );
        let suppressions = Suppressions::of(
            self.yaml(),
            &objects,
            inputs.config,
            self.context.standing(self.role),
        );
        let ways = suppressions::suppression_changes(&suppressions, findings, scope);
        let mut refusal = None;
        for change in ways {
            match self.verified_suppression(findings, scope, change, inputs) {
                Ok(edits) => return Ok(edits),
                Err(reason) => refusal = Some(refusal.unwrap_or(reason)),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            EditError::new("the document has no line where a comment can be added")
        }))
    }

    fn verified_suppression(
        &self,
        findings: &[&Finding],
        scope: SuppressionScope,
        change: Change,
        inputs: Inputs<'_>,
    ) -> Result<Edits, EditError> {
        let edits = edit::plan(self.yaml(), &[change])?;
        let mut left = self.with_text(&edits.apply(self.text()), inputs).findings;
        // A required reason cannot be there before the user wrote it.
        left.retain(|finding| {
            !(inputs.config.require_reason && matches!(finding.rule.check, Check::Suppressions))
        });
        let mut gone = Vec::new();
        for before in &self.findings {
            match left.iter().position(|after| is_same(before, after)) {
                Some(place) => drop(left.remove(place)),
                None => gone.push(before),
            }
        }
        let is_meant_by = |finding: &Finding, other: &Finding| {
            let is_beside = other.target.object == finding.target.object
                && other.target.container == finding.target.container;
            other.rule.id == finding.rule.id && (scope == SuppressionScope::Document || is_beside)
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
            (None, false) => Err(EditError::new(
                "a comment here would also suppress other findings",
            )),
            (Some(finding), _) => Err(EditError::new(format!(
                "a comment here would not suppress {}",
                finding.rule.id
            ))),
        }
    }
}

/// Whether two findings are the same, regardless of their positions.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.rule.id == other.rule.id
        && one.message == other.message
        && one.target.object == other.target.object
        && one.target.container == other.target.container
}
