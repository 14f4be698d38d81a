//! Groups findings: each finding on its own, or all missing settings of a container or pod as one.
//!
//! Each finding is in exactly one mark. An insecure value always has a mark of its own.

use super::typing::is_too_early;
use crate::session::settings::Grouping;
use linter::analysis::{Chunk, Range, Report};
use linter::rules::{Finding, MISSING_HARDENING, MissingSetting, Page, Severity};
use std::cmp::Reverse;
use std::collections::HashMap;

/// One diagnostic in the making: a place with one or more findings.
pub(crate) struct Mark<'a> {
    pub chunk: Chunk<'a>,
    /// The most severe first; never empty.
    pub findings: Vec<&'a Finding>,
}

/// The longest message of a group.
const MOST_COLUMNS: usize = 80;

/// Returns the marks of a report, in the order of their first findings.
pub(crate) fn marks(report: &Report, grouping: Grouping) -> Vec<Mark<'_>> {
    report
        .chunks()
        .flat_map(|chunk| marks_of(chunk, grouping))
        .collect()
}

/// Returns the marks of a chunk.
pub(crate) fn marks_of(chunk: Chunk<'_>, grouping: Grouping) -> Vec<Mark<'_>> {
    marks_except(chunk, grouping, None)
}

/// Returns the marks of a chunk, without what is missing in a part that the user is typing.
pub(crate) fn marks_except(
    chunk: Chunk<'_>,
    grouping: Grouping,
    unfinished: Option<Range>,
) -> Vec<Mark<'_>> {
    let mut marks: Vec<Mark<'_>> = Vec::new();
    let mut groups: HashMap<_, usize> = HashMap::new();
    let findings = chunk.analysis.findings.iter();
    for finding in findings.filter(|finding| !is_too_early(finding, unfinished)) {
        let missing = finding
            .target
            .missing
            .as_ref()
            .filter(|_| grouping == Grouping::Container);
        let next = marks.len();
        let group =
            missing.map(|missing| (finding.target.object, finding.target.range, &missing.holder));
        let place = group.map_or(next, |group| *groups.entry(group).or_insert(next));
        match marks.get_mut(place) {
            Some(mark) => mark.findings.push(finding),
            None => marks.push(Mark {
                chunk,
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

/// Whether two findings of a chunk are about missing settings of the same container or pod.
pub(crate) fn are_same_group(one: &Finding, other: &Finding) -> bool {
    fn holder(finding: &Finding) -> Option<(Option<usize>, Range, &str)> {
        let missing = finding.target.missing.as_ref()?;
        Some((
            finding.target.object,
            finding.target.range,
            missing.holder.as_str(),
        ))
    }
    holder(one).is_some() && holder(one) == holder(other)
}

impl<'a> Mark<'a> {
    pub(crate) fn first(&self) -> &'a Finding {
        self.findings[0]
    }

    /// Returns what the findings have in common if there are several.
    pub(crate) fn group(&self) -> Option<&'a MissingSetting> {
        (self.findings.len() > 1)
            .then(|| self.first().target.missing.as_ref())
            .flatten()
    }

    /// Returns its range in the chunk: that of the findings if all have the same, or else the anchor of the container or pod.
    pub(crate) fn range(&self) -> Range {
        let first = self.first().range;
        match self.group() {
            Some(missing) if self.findings.iter().any(|finding| finding.range != first) => {
                missing.anchor
            }
            _ => first,
        }
    }

    /// Returns the highest severity of the findings.
    pub(crate) fn severity(&self) -> Severity {
        self.first().severity
    }

    /// Returns the page that documents it.
    pub(crate) fn page(&self) -> Page {
        match self.group() {
            Some(_) => MISSING_HARDENING.about(),
            None => self.first().rule.page(),
        }
    }

    pub(crate) fn message(&self) -> String {
        match self.group() {
            Some(missing) => self.group_message(&missing.holder),
            None => self.first().message.to_string(),
        }
    }

    /// Returns the message of a group, with as many settings as fit.
    fn group_message(&self, holder: &str) -> String {
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
