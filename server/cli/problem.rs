//! A problem: a finding as every output format needs it, with its place in the file and the object that it is about.
//!
//! Knows how the engine reports. Must not know formats. Promise: problems of a file are sorted by place, then by rule.

use super::lines::{Lines, Span};
use crate::engine::{Analysis, Document, ObjectInfo, Report};
use crate::rules::{Finding, Safety, Severity};

/// The id of findings about text that is not YAML.
pub const SYNTAX_ERROR: &str = "syntax-error";

#[derive(Debug, Clone)]
pub struct Problem {
    pub rule: &'static str,
    pub profile: &'static str,
    pub severity: Severity,
    pub message: String,
    pub span: Span,
    pub related: Vec<Related>,
    /// The document's index in its file.
    pub document: usize,
    pub object: Option<ObjectInfo>,
    pub container: Option<String>,
    pub fix: Option<Remedy>,
}

/// Another place that a problem is about, and what is there.
#[derive(Debug, Clone)]
pub struct Related {
    pub span: Span,
    pub message: String,
}

/// What would mend a problem.
#[derive(Debug, Clone)]
pub struct Remedy {
    pub title: String,
    pub safety: Safety,
}

/// All problems of a text.
pub fn problems(text: &str, report: &Report) -> Vec<Problem> {
    let lines = Lines::new(text);
    let mut problems: Vec<Problem> = report
        .documents
        .iter()
        .enumerate()
        .flat_map(|(index, document)| {
            let found = document.analysis.findings.iter().map(move |finding| (index, document, finding));
            found.map(|(index, document, finding)| from_finding(index, document, finding, &lines))
        })
        .collect();
    for (index, document) in report.documents.iter().enumerate() {
        problems.extend(syntax_errors(index, document, &lines));
    }
    problems.sort_by_key(|problem| (problem.span, problem.rule));
    problems
}

fn from_finding(index: usize, document: &Document, finding: &Finding, lines: &Lines<'_>) -> Problem {
    let place = |range: std::ops::Range<usize>| lines.span(document.start + range.start..document.start + range.end);
    Problem {
        rule: finding.rule.id,
        profile: finding.rule.scope.name(),
        severity: finding.severity,
        message: finding.message.clone(),
        span: place(finding.range.into()),
        related: finding
            .related
            .iter()
            .map(|related| Related { span: place(related.range.into()), message: related.message.clone() })
            .collect(),
        document: index,
        object: document.analysis.objects.get(finding.subject.object).cloned(),
        container: finding.subject.container.clone(),
        fix: finding.fix.as_ref().map(|fix| Remedy { title: fix.title.clone(), safety: fix.safety }),
    }
}

/// What is not YAML in a document that is a manifest. In any other one it is nobody's business here.
fn syntax_errors(index: usize, document: &Document, lines: &Lines<'_>) -> Vec<Problem> {
    let Analysis { objects, .. } = document.analysis.as_ref();
    let errors = if objects.is_empty() { &[] } else { document.analysis.syntax_errors() };
    errors
        .iter()
        .map(|error| Problem {
            rule: SYNTAX_ERROR,
            profile: "always",
            severity: Severity::Error,
            message: error.message.clone(),
            span: lines.span(document.start + usize::from(error.range.start())..document.start + usize::from(error.range.end())),
            related: Vec::new(),
            document: index,
            object: sole(objects),
            container: None,
            fix: None,
        })
        .collect()
}

/// The object that a whole document is, where it is one rather than a list.
fn sole(objects: &[ObjectInfo]) -> Option<ObjectInfo> {
    match objects {
        [object] => Some(object.clone()),
        _ => None,
    }
}

/// A message as one line that does nothing to a terminal: names out of a file may hold anything.
pub fn one_line(message: &str) -> String {
    annotate_snippets::normalize_untrusted_str(message).replace(['\n', '\r'], " ")
}
