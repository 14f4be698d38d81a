//! A problem: a finding as every output format needs it, with its place in the file and the object that it is about.
//!
//! Knows how the engine reports. Must not know formats. Promise: problems of a file are sorted by place, then by rule.

use super::lines::{Lines, Span};
use crate::config::SYNTAX_ERROR;
use crate::engine::{Document, ObjectInfo, Range, Report, SyntaxError};
use crate::rules::{self, Finding, Safety, Severity};

#[derive(Debug, Clone)]
pub(super) struct Problem {
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
pub(super) struct Related {
    pub span: Span,
    pub message: String,
}

/// What would mend a problem.
#[derive(Debug, Clone)]
pub(super) struct Remedy {
    pub title: String,
    pub safety: Safety,
}

/// All problems of a text.
pub(super) fn problems(text: &str, report: &Report) -> Vec<Problem> {
    let lines = Lines::new(text);
    let mut problems = Vec::new();
    for (index, document) in report.documents.iter().enumerate() {
        problems.extend(document.analysis.findings.iter().map(|finding| from_finding(index, document, finding, &lines)));
        problems.extend(syntax_errors(index, document, &lines));
    }
    problems.sort_by_key(|problem| (problem.span, problem.rule));
    problems
}

fn from_finding(index: usize, document: &Document, finding: &Finding, lines: &Lines<'_>) -> Problem {
    let related =
        |related: &rules::Related| Related { span: place(document, related.range, lines), message: related.message.clone() };
    Problem {
        rule: finding.rule.id,
        profile: finding.rule.scope.name(),
        severity: finding.severity,
        message: finding.message.clone(),
        span: place(document, finding.range, lines),
        related: finding.related.iter().map(related).collect(),
        document: index,
        object: document.analysis.objects.get(finding.subject.object).cloned(),
        container: finding.subject.container.clone(),
        fix: finding.fix.as_ref().map(|fix| Remedy { title: fix.title.clone(), safety: fix.safety }),
    }
}

/// Where a range of a document stands in its file.
fn place(document: &Document, range: Range, lines: &Lines<'_>) -> Span {
    lines.span(document.start + usize::from(range.start())..document.start + usize::from(range.end()))
}

/// What is not YAML in a document that is a manifest.
fn syntax_errors(index: usize, document: &Document, lines: &Lines<'_>) -> Vec<Problem> {
    let problem = |error: &SyntaxError| Problem {
        rule: SYNTAX_ERROR,
        profile: "always",
        severity: Severity::Error,
        message: error.message.clone(),
        span: place(document, error.range, lines),
        related: Vec::new(),
        document: index,
        object: sole(&document.analysis.objects),
        container: None,
        fix: None,
    };
    document.analysis.syntax_errors().iter().map(problem).collect()
}

/// The object that a whole document is, where it is one rather than a list.
fn sole(objects: &[ObjectInfo]) -> Option<ObjectInfo> {
    match objects {
        [object] => Some(object.clone()),
        _ => None,
    }
}

/// A message as one line that does nothing to a terminal: names out of a file may hold anything.
pub(super) fn one_line(message: &str) -> String {
    annotate_snippets::normalize_untrusted_str(message).replace(['\n', '\r'], " ")
}
