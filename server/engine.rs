//! The engine: a text in; findings, and edits that mend them, out. What an editor shows and what a terminal prints is the same.
//!
//! Knows documents, objects and rules. Must not know protocols, files or output formats. Promise: the result depends on the
//! text and the configuration alone.

use crate::config::Config;
use crate::k8s::{self, Object};
use crate::rules::{self, Check, Finding, Findings, Rule, Safety};
use crate::yaml::edit::{self, Change};
use crate::yaml::{self, Yaml, split};
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
#[derive(Debug)]
pub struct Analysis {
    pub yaml: Yaml,
    /// The Kubernetes objects in it, those of a `List` one by one; none where it is no manifest.
    pub objects: Vec<ObjectInfo>,
    /// How many of the objects are or make a pod.
    pods: usize,
    /// Whether template syntax stands in it where a value or an entry could be.
    pub template: bool,
    /// Sorted by place, then by rule.
    pub findings: Vec<Finding>,
    /// What a cluster refuses in it, in the words of findings, whichever rules were chosen.
    refusals: Vec<String>,
}

/// Whose finding it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
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
    let yaml = yaml::parse(text);
    let template = yaml.has_template_syntax();
    let found = k8s::objects(&yaml);
    let (mut findings, mut refusals) = (Vec::new(), Vec::new());
    for rule in rules::ALL.iter().filter(|rule| rule.runs(config) || rule.tells_refusals()) {
        let before = findings.len();
        run_rule(rule, &yaml, &found, config, &mut findings);
        if rule.tells_refusals() {
            refusals.extend(findings.iter().skip(before).map(|finding: &Finding| finding.message.clone()));
        }
        if !rule.runs(config) {
            findings.truncate(before);
        }
        let severity = rule.severity_in(config);
        findings.iter_mut().skip(before).for_each(|finding| finding.severity = severity);
    }
    let objects = found.iter().map(ObjectInfo::of).collect();
    let pods = found.iter().filter(|object| object.pod.is_some()).count();
    if template {
        modest(&mut findings);
    }
    findings.sort_by(|a, b| (a.range.start(), a.range.end(), a.rule.id).cmp(&(b.range.start(), b.range.end(), b.rule.id)));
    Analysis { yaml, objects, pods, template, findings, refusals }
}

fn run_rule(rule: &'static Rule, yaml: &Yaml, objects: &[Object<'_>], config: &Config, findings: &mut Vec<Finding>) {
    if let Check::Document(check) = rule.check {
        if !objects.is_empty() && !yaml.has_template_syntax() {
            check(yaml, config, &mut Findings::in_document(rule, objects, findings));
        }
        return;
    }
    for (index, object) in objects.iter().enumerate() {
        let mut found = Findings::in_object(rule, objects, index, findings);
        match (rule.check, &object.pod) {
            (Check::Object(check), _) => check(object, config, &mut found),
            (Check::Pod(check), Some(pod)) => check(pod, config, &mut found),
            (Check::Pod(_), None) | (Check::Document(_), _) => {}
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
        self.yaml.root().is_none() && self.yaml.errors().is_empty()
    }

    /// The edits that mend some of the document's findings together. They are proved: the document was edited and read
    /// again, nothing but what the fixes name is different, the findings are gone, and a cluster refuses nothing that it took.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person.
    pub fn edits(&self, findings: &[&Finding], config: &Config) -> Result<Edits, Refusal> {
        let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
        let changes: Vec<Change> = fixes.flat_map(|fix| fix.changes.iter().cloned()).collect();
        let edits = edit::plan(&self.yaml, &changes)?;
        let after = analyze_document(&edits.apply(self.text()), config);
        // What is removed takes the mappings along that it leaves empty.
        if after.pods < self.pods {
            return Err(Refusal("nothing would be left of the pod".into()));
        }
        if after.refusals.iter().any(|refusal| !self.refusals.contains(refusal)) {
            return Err(Refusal("a cluster would refuse the result".into()));
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
