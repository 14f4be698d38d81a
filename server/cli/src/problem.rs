//! A problem: a finding as every output format needs it, with its place in the file and the object that it is about.
//!
//! Knows how the engine reports. Must not know formats. Promise: problems of a file are sorted by place, then by rule.

use super::lines::{Lines, Span};
use linter::analysis::{Chunk, ObjectInfo, Report};
use linter::rules::{self, Applicability, Finding, Severity};
use std::cell::LazyCell;

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
    pub object: Option<Object>,
    pub container: Option<String>,
    /// Nothing where the document cannot be edited there, or nobody is told.
    pub fix: Option<Remedy>,
}

/// The object that a problem is about, in the words of its file.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
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
    pub safety: Applicability,
}

/// All problems of a text; with what would mend them where the format tells that: whether an edit can be made is a question to the tree.
pub(super) fn problems(text: &str, report: &Report, with_fixes: bool) -> Vec<Problem> {
    // Of most long texts there is nothing to tell.
    let lines = LazyCell::new(|| Lines::new(text));
    let mut problems = Vec::new();
    for part in report.chunks() {
        let offered = if with_fixes {
            part.analysis.has_fix()
        } else {
            vec![false; part.analysis.findings.len()]
        };
        let findings = part.analysis.findings.iter().zip(offered);
        problems.extend(
            findings.map(|(finding, is_offered)| from_finding(part, finding, is_offered, &lines)),
        );
    }
    problems.sort_by_key(|problem| (problem.span, problem.rule));
    problems
}

fn from_finding(
    part: Chunk<'_>,
    finding: &Finding,
    is_offered: bool,
    lines: &Lines<'_>,
) -> Problem {
    let related = |related: &rules::Related| Related {
        span: lines.span(part.place(related.range)),
        message: related.message.to_string(),
    };
    Problem {
        rule: finding.rule.id,
        profile: finding.rule.enablement.name(),
        severity: finding.severity,
        message: finding.message.to_string(),
        span: lines.span(part.place(finding.range)),
        related: finding.related.iter().map(related).collect(),
        document: part.document,
        object: finding
            .target
            .object
            .and_then(|index| part.analysis.objects.get(index))
            .map(Object::of),
        container: finding.target.container.as_deref().map(str::to_owned),
        fix: finding
            .fix
            .as_ref()
            .filter(|_| is_offered)
            .map(|fix| Remedy {
                title: fix.title.to_string(),
                safety: fix.applicability,
            }),
    }
}

impl Object {
    fn of(info: &ObjectInfo) -> Self {
        Object {
            api_version: info.api_version.clone(),
            kind: info.kind.clone(),
            namespace: info.namespace.clone(),
            name: info.name.clone(),
        }
    }
}

/// What was found in a document that another program rendered, told where its sources made it; `lines` are those of all that was
/// rendered. There is nothing to mend in what was rendered, and other places of it stand elsewhere.
pub(super) fn rendered(
    part: Chunk<'_>,
    finding: &Finding,
    lines: &Lines<'_>,
    span: Span,
) -> Problem {
    let finding = Finding {
        related: Vec::new(),
        fix: None,
        alternatives: Vec::new(),
        ..finding.clone()
    };
    Problem {
        span,
        ..from_finding(part, &finding, false, lines)
    }
}

/// A message as one line that does nothing to a terminal: names out of a file may hold anything.
pub(super) fn one_line(message: &str) -> String {
    annotate_snippets::normalize_untrusted_str(message).replace(['\n', '\r'], " ")
}
