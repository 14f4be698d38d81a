//! The engine: a text in; findings, and edits that mend them, out. What an editor shows and what a terminal prints is the same.
//!
//! Knows documents, objects and rules. Must not know protocols, files or output formats. Promise: the result depends on the
//! text and the configuration alone.

mod mend;

use crate::config::Config;
use crate::k8s::{self, Object};
use crate::rules::{self, Check, Finding, Findings, Rule};
use crate::yaml::{self, Yaml, split};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

pub use crate::yaml::edit::{Edit, Edits, Refusal};
pub use crate::yaml::{Offset, Range};
pub use mend::{Fixed, Mended, Unfixable, Withheld, fix_all};

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
    let mut findings = Vec::new();
    for rule in rules::ALL.iter().filter(|rule| rule.runs(config)) {
        let before = findings.len();
        run_rule(rule, &yaml, &found, config, &mut findings);
        let severity = rule.severity_in(config);
        findings.iter_mut().skip(before).for_each(|finding| finding.severity = severity);
    }
    let objects = found.iter().map(ObjectInfo::of).collect();
    let pods = found.iter().filter(|object| object.pod.is_some()).count();
    if template {
        modest(&mut findings);
    }
    findings.sort_by(|a, b| (a.range.start(), a.range.end(), a.rule.id).cmp(&(b.range.start(), b.range.end(), b.rule.id)));
    Analysis { yaml, objects, pods, template, findings, uneditable: OnceLock::new() }
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
            range: object.node.range(),
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
}
