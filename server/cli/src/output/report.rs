//! The result of `check`, as every output format needs it: the files, their findings with positions, and the totals.
//!
//! The findings of a file are sorted by position, then by rule.

use crate::output::lines::{Lines, Span};
use crate::output::statistics::Statistics;
use linter::analysis::{Analysis, Chunk, DocumentKind, ObjectInfo, Report, RulePanic};
use linter::rules::{self, Applicability, Severity};
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The result for all files.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Sorted by path.
    pub files: Vec<CheckedFile>,
    pub summary: Summary,
    pub statistics: Statistics,
}

/// A file that was read, and its findings.
#[derive(Debug)]
pub(crate) struct CheckedFile {
    pub path: PathBuf,
    pub text: String,
    pub findings: Vec<Finding>,
    /// A finding of this severity or higher makes the check fail.
    pub fail_on: Severity,
    /// The rules that panicked on this file, so that their findings are missing.
    pub rule_panics: Vec<RulePanic>,
}

/// How much was read and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Files that were read.
    pub files: usize,
    /// Paths that do not exist, and files that could not be read.
    pub unread: usize,
    /// YAML documents in the files that are not empty.
    pub documents: usize,
    /// Documents that hold at least one Kubernetes object, or a patch for one.
    pub manifests: usize,
    /// Documents with template syntax that affects the YAML.
    pub templates: usize,
    pub errors: usize,
    pub warnings: usize,
    pub infos: usize,
    pub hints: usize,
    /// Suppressed findings. No other count includes them.
    pub suppressed: usize,
    /// Objects whose workloads come from a chart or a repository that is not read, by kind.
    pub unjudged: BTreeMap<String, usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Finding {
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
    /// `None` if the document cannot be edited there, or if the format does not print fixes.
    pub fix: Option<Fix>,
}

/// The object that a finding is about, as written in its file.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

/// Another place that explains a finding.
#[derive(Debug, Clone)]
pub(crate) struct Related {
    pub span: Span,
    pub message: String,
}

/// The fix of a finding.
#[derive(Debug, Clone)]
pub(crate) struct Fix {
    pub title: String,
    pub applicability: Applicability,
}

impl Results {
    pub(crate) fn push(&mut self, file: CheckedFile, summary: &Summary) {
        let total = &mut self.summary;
        total.files += summary.files;
        total.documents += summary.documents;
        total.manifests += summary.manifests;
        total.templates += summary.templates;
        total.errors += summary.errors;
        total.warnings += summary.warnings;
        total.infos += summary.infos;
        total.hints += summary.hints;
        total.suppressed += summary.suppressed;
        for (kind, count) in &summary.unjudged {
            *total.unjudged.entry(kind.clone()).or_default() += count;
        }
        self.files.push(file);
    }

    /// Returns every finding with its file, by path, then position, then rule.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&CheckedFile, &Finding)> {
        self.files
            .iter()
            .flat_map(|file| file.findings.iter().map(move |finding| (file, finding)))
    }
}

impl Summary {
    /// Returns the totals of one file.
    pub(crate) fn of_file(report: &Report, findings: &[Finding]) -> Self {
        let count_documents = |is_counted: fn(&Analysis) -> bool| {
            let mut indices: Vec<_> = report
                .chunks()
                .filter(|chunk| is_counted(chunk.analysis))
                .map(|chunk| chunk.document)
                .collect();
            indices.dedup();
            indices.len()
        };
        Summary {
            files: 1,
            documents: count_documents(|analysis| !analysis.is_blank()),
            manifests: count_documents(|analysis| {
                analysis.is_manifest() || analysis.kind == DocumentKind::Patch
            }),
            templates: count_documents(|analysis| analysis.kind == DocumentKind::Template),
            suppressed: report
                .chunks()
                .map(|chunk| chunk.analysis.suppressed.len())
                .sum(),
            unjudged: unjudged(report),
            ..Summary::of_findings(findings)
        }
    }

    /// Counts the findings of each severity.
    pub(crate) fn of_findings(findings: &[Finding]) -> Self {
        let count = |severity: Severity| {
            findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        Summary {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            hints: count(Severity::Hint),
            ..Summary::default()
        }
    }

    /// Returns the number of documents without a Kubernetes object.
    pub(crate) fn skipped(&self) -> usize {
        self.documents.saturating_sub(self.manifests)
    }
}

/// Counts the objects of a file that a controller replaces with workloads from elsewhere, by kind.
fn unjudged(report: &Report) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    let objects = report.chunks().flat_map(|chunk| &chunk.analysis.objects);
    for object in objects.filter(|object| object.makes_workloads_elsewhere() && !object.repeated) {
        *kinds.entry(object.kind.clone()).or_default() += 1;
    }
    kinds
}

/// Returns all findings of a text. Fixes are included only on request, because checking whether a fix can be applied needs
/// the syntax tree.
pub(crate) fn findings(text: &str, report: &Report, with_fixes: bool) -> Vec<Finding> {
    // Most long texts have no findings, so that their lines are not needed.
    let lines = LazyCell::new(|| Lines::new(text));
    let mut findings = Vec::new();
    for chunk in report.chunks() {
        let fixable = if with_fixes {
            chunk.analysis.has_fix()
        } else {
            vec![false; chunk.analysis.findings.len()]
        };
        let found = chunk.analysis.findings.iter().zip(fixable);
        findings.extend(
            found.map(|(finding, is_fixable)| from_linter(chunk, finding, is_fixable, &lines)),
        );
    }
    findings.sort_by_key(|finding| (finding.span, finding.rule));
    findings
}

fn from_linter(
    chunk: Chunk<'_>,
    finding: &rules::Finding,
    is_fixable: bool,
    lines: &Lines<'_>,
) -> Finding {
    let related = |related: &rules::Related| Related {
        span: lines.span(chunk.place(related.range)),
        message: related.message.to_string(),
    };
    Finding {
        rule: finding.rule.id,
        profile: finding.rule.enablement.name(),
        severity: finding.severity,
        message: finding.message.to_string(),
        span: lines.span(chunk.place(finding.range)),
        related: finding.related.iter().map(related).collect(),
        document: chunk.document,
        object: finding
            .target
            .object
            .and_then(|index| chunk.analysis.objects.get(index))
            .map(Object::of),
        container: finding.target.container.as_deref().map(str::to_owned),
        fix: finding.fix.as_ref().filter(|_| is_fixable).map(|fix| Fix {
            title: fix.title.to_string(),
            applicability: fix.applicability,
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

/// Returns a finding in rendered text, placed at `span` of the source that produced it. `lines` are the lines of the rendered
/// text. Fixes and related places are left out, because they refer to the rendered text.
pub(crate) fn rendered_finding(
    chunk: Chunk<'_>,
    finding: &rules::Finding,
    lines: &Lines<'_>,
    span: Span,
) -> Finding {
    let finding = rules::Finding {
        related: Vec::new(),
        fix: None,
        alternatives: Vec::new(),
        ..finding.clone()
    };
    Finding {
        span,
        ..from_linter(chunk, &finding, false, lines)
    }
}
