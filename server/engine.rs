//! The engine: a text in; findings, and edits that mend them, out. What an editor shows and what a terminal prints is the same.
//!
//! Knows documents, objects and rules. Must not know protocols, files or output formats. Promise: the result depends on the
//! text and the configuration alone.

mod inline;
mod sight;

pub use sight::Sight;

use crate::config::{Config, Part};
use crate::k8s::{self, Object};
use crate::rules::{self, Check, Finding, Findings, Rule, Safety};
use crate::yaml::edit::{self, Change};
use crate::yaml::{self, Template, Yaml, split};
use std::collections::HashMap;
use std::sync::Arc;

pub use crate::yaml::edit::{Edit, Edits, Refusal};
pub use crate::yaml::{Offset, Range};

/// What is known of a text.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub documents: Vec<Document>,
}

/// A document of a text: where it starts, and what is known of it wherever it stands.
#[derive(Debug, Clone)]
pub struct Document {
    /// In bytes from the start of the text.
    pub start: usize,
    pub analysis: Arc<Analysis>,
}

/// What is known of a document by itself.
#[derive(Debug, Default)]
pub struct Analysis {
    pub yaml: Yaml,
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
}

/// Whose finding it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// Whether it is the object before it once more, with another of its pods.
    pub repeated: bool,
}

/// Reads a text and runs the rules on each of its documents.
pub fn analyze(text: &str, config: &Config) -> Report {
    let documents = split::documents(text)
        .into_iter()
        .map(|range| Document { start: range.start, analysis: Arc::new(analyze_document(&text[range], config)) })
        .collect();
    Report { documents }
}

/// Like [`analyze`], with each document that an earlier report has word for word taken from there. That report must have been
/// made with the same configuration.
pub fn reanalyze(text: &str, config: &Config, earlier: &Report) -> Report {
    let known: HashMap<&str, &Arc<Analysis>> =
        earlier.documents.iter().map(|document| (document.analysis.text(), &document.analysis)).collect();
    let analysis = |text: &str| match known.get(text) {
        Some(&analysis) => Arc::clone(analysis),
        None => Arc::new(analyze_document(text, config)),
    };
    let documents = split::documents(text)
        .into_iter()
        .map(|range| Document { start: range.start, analysis: analysis(&text[range]) })
        .collect();
    Report { documents }
}

/// Reads one document and runs the rules on it.
pub fn analyze_document(text: &str, config: &Config) -> Analysis {
    if !sight::may_hold_objects(text) {
        return Analysis { yaml: Yaml::unread(text), blank: sight::is_blank(text), ..Analysis::default() };
    }
    // The braces of a chart's templates are Helm's wherever they stand, so that there is nothing to be learnt without them.
    if config.surroundings.part == Part::ChartTemplate && text.contains("{{") {
        return analyze_template(text, config);
    }
    let yaml = yaml::parse(text);
    match Sight::of(&yaml, config) {
        Sight::Template => analyze_template(text, config),
        sight => analyze_reading(yaml, sight, config),
    }
}

/// Looks at each way to read a template. What is found in several of them is told once.
fn analyze_template(text: &str, config: &Config) -> Analysis {
    let Template { readings, versioned } = yaml::template(text);
    let mut readings = readings.into_iter().map(|yaml| analyze_reading(yaml, Sight::Template, config));
    let mut all = readings.next().unwrap_or_default();
    for other in readings {
        // The objects of the reading with most of them are those of the document.
        let (more, less) = if other.objects.len() > all.objects.len() { (other, all) } else { (all, other) };
        all = more;
        for finding in less.findings {
            let is_known = |known: &Finding| (known.rule.id, known.range) == (finding.rule.id, finding.range);
            if !all.findings.iter().any(is_known) {
                all.findings.push(finding);
            }
        }
    }
    // Charts ask the cluster which version of an API it serves. What an old one gets is not held to a new one.
    let is_asked = |range: Range| versioned.iter().any(|block| block.contains_range(range));
    all.findings.retain(|finding| finding.rule.id != REMOVED_API || !is_asked(finding.range));
    sort(&mut all.findings);
    all
}

/// Runs the rules on a document that was read.
fn analyze_reading(yaml: Yaml, sight: Sight, config: &Config) -> Analysis {
    let found = k8s::objects_by(&yaml, config.detect_pod_templates);
    let mut findings = Vec::new();
    for rule in rules::ALL.iter().filter(|rule| rule.runs(config)) {
        let before = findings.len();
        run_rule(rule, &yaml, &found, sight, config, &mut findings);
        let severity = rule.severity_in(config);
        findings.iter_mut().skip(before).for_each(|finding| finding.severity = severity);
    }
    let objects = found.iter().map(ObjectInfo::of).collect();
    let pods = found.iter().filter(|object| object.pod.is_some()).count();
    sight.leave(&yaml, &mut findings);
    if found.is_empty() && sight == Sight::Whole {
        findings.extend(inline::findings(&yaml, config));
    }
    sort(&mut findings);
    let blank = yaml.root().is_none() && yaml.errors().is_empty();
    Analysis { yaml, objects, pods, sight, blank, findings }
}

/// The rule about API versions that clusters no longer serve.
const REMOVED_API: &str = "removed-api";

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (a.range.start(), a.range.end(), a.rule.id).cmp(&(b.range.start(), b.range.end(), b.rule.id)));
}

fn run_rule(
    rule: &'static Rule,
    yaml: &Yaml,
    objects: &[Object<'_>],
    sight: Sight,
    config: &Config,
    findings: &mut Vec<Finding>,
) {
    if let Check::Document(check) = rule.check {
        if !objects.is_empty() && sight != Sight::Template {
            check(yaml, config, &mut Findings::in_document(rule, objects, findings));
        }
        return;
    }
    for (index, object) in objects.iter().enumerate() {
        let before = findings.len();
        let mut found = Findings::in_object(rule, objects, index, findings);
        match (rule.check, &object.pod) {
            (Check::Object(check), _) => check(object, config, &mut found),
            (Check::Pod(check), Some(pod)) => check(pod, config, &mut found),
            (Check::Pod(_), None) | (Check::Document(_), _) => {}
        }
        sight::leave_of_pod(object, findings, before);
    }
}

impl ObjectInfo {
    fn of(object: &Object<'_>) -> Self {
        ObjectInfo {
            api_version: object.api_version.to_owned(),
            kind: object.kind.to_owned(),
            namespace: object.namespace.map(str::to_owned),
            name: object.name.map(str::to_owned),
            repeated: object.repeated,
        }
    }
}

impl Document {
    /// Where a range of the document stands in the whole text, in bytes.
    pub fn place(&self, range: Range) -> std::ops::Range<usize> {
        self.start + usize::from(range.start())..self.start + usize::from(range.end())
    }
}

impl Analysis {
    /// The document's text.
    pub fn text(&self) -> &str {
        self.yaml.text()
    }

    /// Whether the document holds a Kubernetes object.
    pub fn is_manifest(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Whether nothing is written but comments, directives and markers.
    pub fn is_blank(&self) -> bool {
        self.blank
    }

    /// The edits that mend some of the document's findings together. They are proved: the document was edited and read
    /// again, nothing but what the fixes name is different, and the findings are gone.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person.
    pub fn edits(&self, findings: &[&Finding], config: &Config) -> Result<Edits, Refusal> {
        if let Some(reason) = self.sight.seal() {
            return Err(Refusal(reason.into()));
        }
        let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
        let changes: Vec<Change> = fixes.flat_map(|fix| fix.changes.iter().cloned()).collect();
        let edits = edit::plan(&self.yaml, &changes)?;
        let after = analyze_document(&edits.apply(self.text()), config);
        // What is removed takes the mappings along that it leaves empty.
        if after.pods < self.pods {
            return Err(Refusal("nothing would be left of the pod".into()));
        }
        match findings.iter().find(|finding| !self.is_mended(finding, findings, &after)) {
            Some(finding) => Err(Refusal(format!("the edit would not settle {}", finding.rule.id))),
            None => Ok(edits),
        }
    }

    /// Whether the findings of one kind became fewer by as many as were to be mended.
    fn is_mended(&self, finding: &Finding, mended: &[&Finding], after: &Analysis) -> bool {
        let alike = |other: &Finding| {
            other.rule.id == finding.rule.id
                && other.subject.object == finding.subject.object
                && other.subject.container == finding.subject.container
        };
        let count = |findings: &[Finding]| findings.iter().filter(|other| alike(other)).count();
        count(&after.findings) + mended.iter().filter(|other| alike(other)).count() <= count(&self.findings)
    }
}

/// A text after its fixes.
#[derive(Debug)]
pub struct Fixed {
    pub text: String,
    /// How many findings were mended.
    pub applied: usize,
    /// What was to be mended and could not be.
    pub withheld: Vec<Withheld>,
}

/// A fix that was asked for and is not given.
#[derive(Debug)]
pub struct Withheld {
    /// Where the finding is in the fixed text, in bytes.
    pub offset: usize,
    pub finding: Finding,
    pub reason: Refusal,
}

/// Mends the findings of a text whose fix is of an allowed kind, until nothing is left to mend.
pub fn fix_all(text: &str, config: &Config, allowed: &[Safety]) -> Fixed {
    let mut fixed = Fixed { text: text.to_owned(), applied: 0, withheld: Vec::new() };
    for _ in 0..MOST_ROUNDS {
        let round = fix_once(&fixed.text, config, allowed);
        fixed.withheld = round.withheld;
        if round.applied == 0 {
            break;
        }
        fixed.applied += round.applied;
        fixed.text = round.text;
    }
    fixed
}

/// One fix can make room for another, so that a second round may find more; a tenth means that two fixes undo each other.
const MOST_ROUNDS: usize = 10;

fn fix_once(text: &str, config: &Config, allowed: &[Safety]) -> Fixed {
    let mut fixed = Fixed { text: String::with_capacity(text.len()), applied: 0, withheld: Vec::new() };
    for Document { analysis, .. } in &analyze(text, config).documents {
        let is_allowed = |finding: &&Finding| finding.fix.as_ref().is_some_and(|fix| allowed.contains(&fix.safety));
        let candidates: Vec<&Finding> = analysis.findings.iter().filter(is_allowed).collect();
        let (edits, mended, refused) = most_edits(analysis, &candidates, config);
        let start = fixed.text.len();
        let withheld = refused.into_iter().map(|(finding, reason)| Withheld {
            offset: start + usize::from(finding.range.start()),
            finding: finding.clone(),
            reason,
        });
        fixed.withheld.extend(withheld);
        fixed.applied += mended;
        fixed.text.push_str(&edits.apply(analysis.text()));
    }
    fixed
}

/// The edits for as many of the findings as can be mended together, how many those are, and the others with the reason.
pub fn most_edits<'f>(
    analysis: &Analysis,
    candidates: &[&'f Finding],
    config: &Config,
) -> (Edits, usize, Vec<(&'f Finding, Refusal)>) {
    if candidates.is_empty() {
        return Default::default();
    }
    if let Ok(edits) = analysis.edits(candidates, config) {
        return (edits, candidates.len(), Vec::new());
    }
    let (mut edits, mut accepted, mut refused) = (Edits::default(), Vec::new(), Vec::new());
    for &candidate in candidates {
        accepted.push(candidate);
        match analysis.edits(&accepted, config) {
            Ok(more) => edits = more,
            Err(reason) => {
                accepted.pop();
                refused.push((candidate, reason));
            }
        }
    }
    (edits, accepted.len(), refused)
}
