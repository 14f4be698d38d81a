//! What is shown as one: a finding by itself, or all that one container or pod lacks.
//!
//! Knows when findings belong together. Must not know the protocol. Promise: each finding is in exactly one mark; a value that is
//! written and wrong has one of its own.

use linter::analysis::{Chunk, Range, Report};
use linter::rules::{Finding, MISSING_HARDENING, MissingSetting, Page, Severity};
use std::cmp::Reverse;
use std::collections::HashMap;

/// How findings become diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Grouping {
    /// What one container or pod lacks is one diagnostic.
    #[default]
    Container,
    /// Each finding is one.
    Rule,
}

impl Grouping {
    pub(super) const ALL: [Grouping; 2] = [Grouping::Container, Grouping::Rule];

    /// The word that users write for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Grouping::Container => "container",
            Grouping::Rule => "rule",
        }
    }
}

/// One place of a document that a client marks, with the findings that the mark stands for: never none.
pub(super) struct Mark<'a> {
    pub part: Chunk<'a>,
    /// The gravest first.
    pub findings: Vec<&'a Finding>,
}

/// A message in a list of problems is read at a glance.
const MOST_COLUMNS: usize = 80;

/// The marks of a text, in the order of their first findings.
pub(super) fn marks(report: &Report, grouping: Grouping) -> Vec<Mark<'_>> {
    report
        .chunks()
        .flat_map(|part| marks_of(part, grouping))
        .collect()
}

/// The marks of one part.
pub(super) fn marks_of(part: Chunk<'_>, grouping: Grouping) -> Vec<Mark<'_>> {
    let mut marks: Vec<Mark<'_>> = Vec::new();
    let mut groups: HashMap<_, usize> = HashMap::new();
    for finding in &part.analysis.findings {
        let lack = finding
            .target
            .missing
            .as_ref()
            .filter(|_| grouping == Grouping::Container);
        let next = marks.len();
        let group = lack.map(|lack| (finding.target.object, finding.target.range, &lack.holder));
        let place = group.map_or(next, |group| *groups.entry(group).or_insert(next));
        match marks.get_mut(place) {
            Some(mark) => mark.findings.push(finding),
            None => marks.push(Mark {
                part,
                findings: vec![finding],
            }),
        }
    }
    for mark in &mut marks {
        mark.findings
            .sort_by_key(|finding| Reverse(finding.severity));
    }
    marks
}

/// Whether two findings of one part are that the same container or pod lacks something.
pub(super) fn is_one_lack(one: &Finding, other: &Finding) -> bool {
    fn holder(finding: &Finding) -> Option<(Option<usize>, Range, &str)> {
        let lack = finding.target.missing.as_ref()?;
        Some((
            finding.target.object,
            finding.target.range,
            lack.holder.as_str(),
        ))
    }
    holder(one).is_some() && holder(one) == holder(other)
}

impl<'a> Mark<'a> {
    pub(super) fn first(&self) -> &'a Finding {
        self.findings[0]
    }

    /// What the findings have in common, where there are several.
    pub(super) fn group(&self) -> Option<&'a MissingSetting> {
        (self.findings.len() > 1)
            .then(|| self.first().target.missing.as_ref())
            .flatten()
    }

    /// Where it stands in its document: at the findings' place where all have the same, else at what stands for their holder.
    pub(super) fn range(&self) -> Range {
        let first = self.first().range;
        match self.group() {
            Some(lack) if self.findings.iter().any(|finding| finding.range != first) => lack.anchor,
            _ => first,
        }
    }

    /// That of the gravest.
    pub(super) fn severity(&self) -> Severity {
        self.first().severity
    }

    /// What it is about in general.
    pub(super) fn page(&self) -> Page {
        match self.group() {
            Some(_) => MISSING_HARDENING.about(),
            None => self.first().rule.page(),
        }
    }

    pub(super) fn message(&self) -> String {
        match self.group() {
            Some(lack) => self.lacking(&lack.holder),
            None => self.first().message.to_string(),
        }
    }

    /// Names as many of the settings as there is room for.
    fn lacking(&self, holder: &str) -> String {
        let mut settings: Vec<&str> = Vec::new();
        for setting in self
            .findings
            .iter()
            .filter_map(|finding| Some(finding.target.missing.as_ref()?.setting.as_ref()))
        {
            if !settings.contains(&setting) {
                settings.push(setting);
            }
        }
        let plural = if settings.len() == 1 { "" } else { "s" };
        let head = format!(
            "{holder} lacks {} hardening setting{plural}: ",
            settings.len()
        );
        let length = |count: usize| {
            let more = if count < settings.len() {
                ", …".len()
            } else {
                0
            };
            head.chars().count() + settings[..count].join(", ").len() + more
        };
        let shown = (1..=settings.len())
            .rev()
            .find(|&count| length(count) <= MOST_COLUMNS)
            .unwrap_or(1);
        let more = if shown < settings.len() { ", …" } else { "" };
        format!("{head}{}{more}", settings[..shown].join(", "))
    }
}
