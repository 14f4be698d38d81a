//! The engine: a text in; findings, and edits that mend them, out. What an editor shows and what a terminal prints is the same.
//!
//! Knows documents, objects and rules. Must not know protocols, files or output formats. Promise: the result depends on the
//! text and the configuration alone.

use crate::config::Config;
use crate::ignores::{self, Ignores};
use crate::k8s::Object;
use crate::rules::{self, Check, Finding, Findings, Rule};
use crate::yaml::edit::{self, Change};
use crate::yaml::{self, Yaml};
use std::any::Any;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

mod mend;
mod report;

pub use crate::ignores::{Head, Scope};
pub use crate::yaml::edit::{Edit, Edits, Refusal};
pub use crate::yaml::split::Role;
pub use crate::yaml::{Offset, Range};
pub use mend::{Fixed, Mended, Unfixable, Withheld, fix_all};
pub use report::{Context, Part, Report};

/// What is known of a document, or of a part that is read by itself.
#[derive(Debug)]
pub struct Analysis {
    pub yaml: Yaml,
    role: Role,
    context: Arc<Context>,
    /// The Kubernetes objects in it, those of a `List` one by one; none where it is no manifest.
    pub objects: Vec<ObjectInfo>,
    /// How many of the objects are or make a pod.
    pods: usize,
    /// Whether template syntax stands in it where a value or an entry could be.
    pub template: bool,
    /// Sorted by place, then by rule.
    pub findings: Vec<Finding>,
    /// What would be among them if nobody had said that it is to be ignored.
    pub ignored: Vec<Finding>,
    /// What a cluster refuses in it, in the words of findings, whichever rules were chosen.
    refusals: Vec<String>,
    /// Why nothing can be edited in it, once that was asked.
    uneditable: OnceLock<Option<Refusal>>,
    shown: Shown,
}

/// Room for what a front end makes of a part, kept with it as long as it is what is known.
#[derive(Debug, Default)]
struct Shown(Mutex<Option<Arc<dyn Any + Send + Sync>>>);

/// Whose finding it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// All that it is written on.
    pub range: Range,
}

/// Reads a text and runs the rules on each of its parts.
pub fn analyze(text: &str, config: &Config) -> Report {
    let mut report = Report::of(text);
    report.analyze(|range| Cow::Borrowed(&text[range]), |text, role, context| analyze_part(text, role, context, config));
    report
}

/// Reads one document and runs the rules on it.
pub fn analyze_document(text: &str, config: &Config) -> Analysis {
    analyze_part(text, Role::Document, &Arc::default(), config)
}

/// Reads a part of a document, or a whole one, and runs the rules on it.
pub fn analyze_part(text: &str, role: Role, context: &Arc<Context>, config: &Config) -> Analysis {
    let yaml = yaml::parse(text);
    let template = yaml.has_template_syntax();
    let found = context.objects(&yaml, role);
    let (mut findings, mut refusals) = (Vec::new(), Vec::new());
    for rule in rules::ALL.iter().filter(|rule| rule.runs(config) || rule.tells_refusals()) {
        let before = findings.len();
        run_rule(rule, &yaml, &found, context, config, &mut findings);
        if rule.tells_refusals() {
            refusals.extend(findings.iter().skip(before).map(|finding: &Finding| finding.message.clone()));
        }
        if !rule.runs(config) {
            findings.truncate(before);
        }
        let severity = rule.severity_in(config);
        findings.iter_mut().skip(before).for_each(|finding| finding.severity = severity);
    }
    let ignores = Ignores::of(&yaml, &found, config, context.standing(role));
    judge_ignores(&ignores, &yaml, &found, context, config, &mut findings);
    let objects = found.iter().map(ObjectInfo::of).collect();
    let pods = found.iter().filter(|object| object.pod.is_some()).count();
    if template {
        modest(&mut findings);
    }
    let ignored = ignores.sift(&mut findings);
    findings.sort_by(|a, b| (a.range.start(), a.range.end(), a.rule.id).cmp(&(b.range.start(), b.range.end(), b.rule.id)));
    let (uneditable, shown) = (OnceLock::new(), Shown::default());
    Analysis { yaml, role, context: Arc::clone(context), objects, pods, template, findings, ignored, refusals, uneditable, shown }
}

/// Runs the rule that holds what is ignored against what the others found.
fn judge_ignores(
    ignores: &Ignores<'_, '_>,
    yaml: &Yaml,
    objects: &[Object<'_>],
    context: &Context,
    config: &Config,
    findings: &mut Vec<Finding>,
) {
    for rule in rules::ALL.iter().filter(|rule| matches!(rule.check, Check::Ignores) && rule.runs(config)) {
        let ask = |asked: &'static Rule| {
            let mut alone = config.clone();
            alone.rules = Default::default();
            alone.rules.insist(&[asked.id.to_owned()], &[]);
            let mut found = Vec::new();
            run_rule(asked, yaml, objects, context, &alone, &mut found);
            found
        };
        let mut found = Vec::new();
        ignores.judge(findings, &ask, &mut Findings::in_document(rule, objects, &mut found));
        let severity = rule.severity_in(config);
        findings.extend(found.into_iter().map(|finding| Finding { severity, ..finding }));
    }
}

fn run_rule(
    rule: &'static Rule,
    yaml: &Yaml,
    objects: &[Object<'_>],
    context: &Context,
    config: &Config,
    findings: &mut Vec<Finding>,
) {
    if let Check::Document(check) = rule.check {
        if (!objects.is_empty() || context.is_manifest()) && !yaml.has_template_syntax() {
            check(yaml, config, &mut Findings::in_document(rule, objects, findings));
        }
        return;
    }
    for (index, object) in objects.iter().enumerate() {
        let mut found = Findings::in_object(rule, objects, index, findings);
        match (rule.check, &object.pod) {
            (Check::Object(check), _) => check(object, config, &mut found),
            (Check::Pod(check), Some(pod)) => check(pod, config, &mut found),
            (Check::Pod(_), None) | (Check::Document(_) | Check::Ignores, _) => {}
        }
    }
}

/// What a template leaves to say: values that stand there. What is absent may be rendered, and an edit may break the template.
fn modest(findings: &mut Vec<Finding>) {
    findings.retain(|finding| !finding.subject.absent);
    for finding in findings {
        finding.fix = None;
        finding.alternatives.clear();
    }
}

impl ObjectInfo {
    fn of(object: &Object<'_>) -> Self {
        ObjectInfo {
            api_version: object.api_version.to_owned(),
            kind: object.kind.to_owned(),
            namespace: object.namespace.map(str::to_owned),
            name: object.name.map(str::to_owned),
            range: object.node.range(),
        }
    }
}

impl Analysis {
    /// The document's text.
    pub fn text(&self) -> &str {
        self.yaml.text()
    }

    /// Leaves the findings without a way to mend them.
    fn withhold_fixes(&mut self) {
        for finding in &mut self.findings {
            finding.fix = None;
            finding.alternatives.clear();
        }
    }

    /// What a front end makes of the part: made once, unless what was made is no use any more.
    pub fn shown<T: Any + Send + Sync>(&self, is_of_use: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Arc<T> {
        let mut kept = self.shown.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.as_ref().and_then(|any| Arc::clone(any).downcast::<T>().ok());
        if let Some(known) = known.filter(|known| is_of_use(known)) {
            return known;
        }
        let made = Arc::new(make());
        *kept = Some(Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }

    /// Whether the document holds a Kubernetes object.
    pub fn is_manifest(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Whether nothing is written but comments, directives and markers.
    pub fn is_blank(&self) -> bool {
        self.yaml.root().is_none() && self.yaml.errors().is_empty()
    }

    /// What would be known if the same part of the same document had another text.
    pub fn with_text(&self, text: &str, config: &Config) -> Analysis {
        analyze_part(text, self.role, &self.context, config)
    }

    /// The edits that write a comment by which a finding is ignored. They are proved like all edits; and of the findings, those
    /// of the same rule in the same scope are gone, and no other one.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person.
    pub fn ignoring(&self, finding: &Finding, scope: Scope, config: &Config) -> Result<Edits, Refusal> {
        if self.template {
            return Err(Refusal::new("this document contains template syntax"));
        }
        let objects = self.context.objects(&self.yaml, self.role);
        let ignores = Ignores::of(&self.yaml, &objects, config, self.context.standing(self.role));
        let ways = ignores::ways(&ignores, finding, scope);
        let mut refusal = None;
        for change in ways {
            match self.proved_ignoring(finding, scope, change, config) {
                Ok(edits) => return Ok(edits),
                Err(reason) => refusal = Some(refusal.unwrap_or(reason)),
            }
        }
        Err(refusal.unwrap_or_else(|| Refusal::new("the document has no line of its own that a comment could stand above")))
    }

    fn proved_ignoring(&self, finding: &Finding, scope: Scope, change: Change, config: &Config) -> Result<Edits, Refusal> {
        let edits = edit::plan(&self.yaml, &[change])?;
        let mut left = self.with_text(&edits.apply(self.text()), config).findings;
        // What is wanted of every ignore is not there before a person wrote it.
        left.retain(|finding| !(config.require_reason && matches!(finding.rule.check, Check::Ignores)));
        let mut gone = Vec::new();
        for before in &self.findings {
            match left.iter().position(|after| is_same(before, after)) {
                Some(place) => drop(left.remove(place)),
                None => gone.push(before),
            }
        }
        let is_meant = |other: &&Finding| {
            let is_beside =
                other.subject.object == finding.subject.object && other.subject.container == finding.subject.container;
            other.rule.id == finding.rule.id && (scope == Scope::Document || is_beside)
        };
        match (left.is_empty(), gone.iter().any(|other| is_same(finding, other)), gone.iter().all(is_meant)) {
            (true, true, true) => Ok(edits),
            (true, true, false) => Err(Refusal::new("what else stands on the line would be ignored too")),
            _ => Err(Refusal::new(format!("a comment here would not settle {}", finding.rule.id))),
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
