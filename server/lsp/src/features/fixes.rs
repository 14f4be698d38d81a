//! Fixes for one finding, for a mark, for a container or object, and for a whole file.
//!
//! Edits are proved before they are offered. A fix that is offered without its edits is proved to have some.

use crate::diagnostics::grouping::Mark;
use crate::session::documents::Analyzed;
use linter::Inputs;
use linter::analysis::{self, Analysis, Chunk, EditError, Edits, FixOutcome, ObjectInfo};
use linter::rules::{Applicability, Finding};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A fix as an action.
pub(crate) struct Offer {
    /// An imperative: "set allowPrivilegeEscalation: false".
    pub title: String,
    /// Whether a working workload keeps working.
    pub safe: bool,
    /// The edits, or why they cannot be made.
    pub edits: Result<Edits, EditError>,
}

/// A container or an object to harden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HardenTarget {
    /// A container of the object with this index in its chunk.
    Container { object: Option<usize>, name: String },
    /// The object with this index in its chunk.
    Object(usize),
}

/// Returns the fixes of a mark, safe ones first: for all of its findings at once, then for each one.
pub(crate) fn of_mark(mark: &Mark<'_>, inputs: Inputs<'_>) -> Vec<Offer> {
    let mut findings = mark.findings.clone();
    // A single safe fix is the same as "add all safe settings".
    let (safe, rest): (Vec<&Finding>, Vec<&Finding>) = findings
        .iter()
        .copied()
        .partition(|finding| is_at_most(finding, Applicability::Safe));
    let mut offers = Vec::new();
    if let ([safe], Some(_)) = (safe.as_slice(), mark.group()) {
        offers.extend(each_way(mark, safe, inputs));
        findings = rest;
    }
    offers.extend(additions(mark, inputs));
    offers.extend(
        findings
            .into_iter()
            .flat_map(|finding| each_way(mark, finding, inputs)),
    );
    offers
}

fn each_way(mark: &Mark<'_>, finding: &Finding, inputs: Inputs<'_>) -> Vec<Offer> {
    let one = |finding: Finding| {
        let fix = finding.fix.as_ref()?;
        let edits = mark.chunk.analysis.chosen_edits(&[&finding], inputs);
        Some(Offer {
            title: fix.title.to_string(),
            safe: fix.applicability == Applicability::Safe,
            edits,
        })
    };
    finding.each_fix().filter_map(one).collect()
}

/// Returns fixes that add several missing settings: all safe ones, and all safe and unsafe ones. Placeholders are added one by one, and so
/// is a setting that would be the only one.
fn additions(mark: &Mark<'_>, inputs: Inputs<'_>) -> Vec<Offer> {
    let Some(missing) = mark.group() else {
        return Vec::new();
    };
    let holder = missing.holder.replace('"', "");
    // In the order of `fix`, so that both write the same.
    let members: Vec<&Finding> = mark
        .chunk
        .analysis
        .findings
        .iter()
        .filter(|finding| contains(&mark.findings, finding))
        .collect();
    let mut offers: Vec<Offer> = Vec::new();
    let mut added_before = 1;
    for most in [Applicability::Safe, Applicability::Unsafe] {
        let mut applied: Vec<&Finding> = members
            .iter()
            .copied()
            .filter(|finding| is_at_most(finding, most))
            .collect();
        let (edits, added, rejected) = mark.chunk.analysis.largest_applicable(&applied, inputs);
        if added <= added_before {
            continue;
        }
        added_before = added;
        let rejected: Vec<&Finding> = rejected.iter().map(|(finding, _)| *finding).collect();
        applied.retain(|finding| !contains(&rejected, finding));
        let risky = applied
            .iter()
            .filter(|finding| !is_at_most(finding, Applicability::Safe))
            .count();
        let title = format!(
            "add {added} missing settings to {}{holder}{}",
            article(&holder),
            remark(risky, added)
        );
        offers.push(Offer {
            title,
            safe: risky == 0,
            edits: Ok(edits),
        });
    }
    offers
}

/// Whether a list contains this finding, and not only an equal one.
fn contains(findings: &[&Finding], finding: &Finding) -> bool {
    findings.iter().any(|other| std::ptr::eq(*other, finding))
}

/// Returns "the " for a pod or the like, and nothing for a container, which has a name.
pub(super) fn article(holder: &str) -> &'static str {
    if holder.contains(' ') { "" } else { "the " }
}

fn is_at_most(finding: &Finding, most: Applicability) -> bool {
    finding
        .fix
        .as_ref()
        .is_some_and(|fix| fix.applicability <= most)
}

/// Returns the remark in a title about unsafe fixes.
fn remark(risky: usize, all: usize) -> String {
    match risky {
        0 => String::new(),
        _ if risky == all => " (may break some images)".to_owned(),
        _ => format!(" ({risky} may break some images)"),
    }
}

/// Returns the containers and objects at a place, each with a title, if something in them can be fixed.
pub(crate) fn harden_targets_at(
    chunk: Chunk<'_>,
    touches: impl Fn(Range<usize>) -> bool,
) -> Vec<(HardenTarget, String)> {
    let analysis = &chunk.analysis;
    let mut targets: Vec<(HardenTarget, String)> = Vec::new();
    for finding in &analysis.findings {
        let Some(name) = &finding.target.container else {
            continue;
        };
        let target = HardenTarget::Container {
            object: finding.target.object,
            name: name.to_string(),
        };
        let is_new = !targets.iter().any(|(known, _)| *known == target);
        if is_new && touches(extent(chunk, finding.target.range)) {
            targets.push((
                target,
                format!("harden container {name}").trim_end().to_owned(),
            ));
        }
    }
    for (index, object) in analysis
        .objects
        .iter()
        .enumerate()
        .filter(|(_, object)| touches(extent(chunk, object.range)))
    {
        let ObjectInfo { kind, name, .. } = object;
        let title = format!("harden {kind} {}", name.as_deref().unwrap_or_default())
            .trim_end()
            .to_owned();
        targets.push((HardenTarget::Object(index), title));
    }
    targets.retain(|(target, _)| target.has_candidates(analysis));
    for (target, title) in &mut targets {
        title.push_str(target.remark(analysis));
    }
    targets
}

/// Returns the range of a node, including the indentation and dashes on its first line.
pub(crate) fn extent(chunk: Chunk<'_>, node: analysis::Range) -> Range<usize> {
    let place = chunk.place(node);
    let before = &chunk.analysis.text()[..usize::from(node.start())];
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let is_lead = line.chars().all(|char| matches!(char, ' ' | '-'));
    place.start - if is_lead { line.len() } else { 0 }..place.end
}

impl HardenTarget {
    /// Whether hardening it fixes a finding: safe and unsafe fixes, no placeholders.
    fn includes(&self, finding: &Finding) -> bool {
        let is_inside = match self {
            HardenTarget::Container { object, name } => {
                finding.target.object == *object
                    && finding.target.container.as_deref() == Some(name)
            }
            HardenTarget::Object(index) => finding.target.object == Some(*index),
        };
        is_inside && is_at_most(finding, Applicability::Unsafe)
    }

    /// Whether a finding in it has a fix.
    pub(crate) fn has_candidates(&self, analysis: &Analysis) -> bool {
        candidates(analysis, self).next().is_some()
    }

    /// Returns the remark in its title about unsafe fixes.
    pub(crate) fn remark(&self, analysis: &Analysis) -> &'static str {
        let is_risky =
            candidates(analysis, self).any(|finding| !is_at_most(finding, Applicability::Safe));
        if is_risky {
            " (may break some images)"
        } else {
            ""
        }
    }

    /// Returns an error if no fix in it applies. Usually costs the proof of one fix.
    pub(crate) fn check(&self, analysis: &Analysis, inputs: Inputs<'_>) -> Result<(), EditError> {
        let mut reason = None;
        for finding in candidates(analysis, self) {
            match analysis
                .quick_reject(finding)
                .map_or_else(|| analysis.edits(&[finding], inputs).map(drop), Err)
            {
                Ok(()) => return Ok(()),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        reason.map_or(Ok(()), Err)
    }

    /// Returns the edits of all fixes in it.
    pub(crate) fn harden(&self, analysis: &Analysis, inputs: Inputs<'_>) -> Edits {
        analysis
            .apply_fixes(inputs, |finding| self.includes(finding))
            .edits
    }
}

fn candidates<'a>(
    analysis: &'a Analysis,
    target: &'a HardenTarget,
) -> impl Iterator<Item = &'a Finding> {
    analysis
        .findings
        .iter()
        .filter(|finding| target.includes(finding))
}

/// Applies all fixes up to an applicability, chunk by chunk.
pub(crate) fn apply(
    analyzed: &Analyzed,
    most: Applicability,
) -> impl Iterator<Item = (Chunk<'_>, FixOutcome)> {
    let inputs = analyzed.inputs.borrow();
    analyzed.report.chunks().map(move |chunk| {
        let outcome = chunk
            .analysis
            .apply_fixes(inputs, |finding| is_at_most(finding, most));
        (chunk, outcome)
    })
}
