//! What can be mended: one finding, all that a mark stands for, a container, an object, a whole file.
//!
//! Knows fixes and how much a person has to think before taking one. Must not know what the client asked, nor the protocol.
//! Promise: edits are proved before they are offered; what is offered without its edits was proved to have some.

use super::groups::Mark;
use super::state::Analysed;
use linter::Inputs;
use linter::analysis::{self, Analysis, Chunk, EditError, Edits, ObjectInfo};
use linter::rules::{Applicability, Finding};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Something that can be done in one step.
pub(super) struct Offer {
    /// An imperative: "set allowPrivilegeEscalation: false".
    pub title: String,
    /// Whether a workload that worked goes on working.
    pub safe: bool,
    /// What it changes in the document, or why it is withheld.
    pub edits: Result<Edits, EditError>,
}

/// What is hardened as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Whole {
    /// A container of the document's object with that index.
    Container { object: Option<usize>, name: String },
    /// The document's object with that index.
    Object(usize),
}

/// What mends a mark, what is safe first: all of its findings at once, where it stands for several, then each in each way.
pub(super) fn of_mark(mark: &Mark<'_>, inputs: Inputs<'_>) -> Vec<Offer> {
    let mut findings = mark.findings.clone();
    // Where just one needs no judgement, it is what "add all that is safe" would be.
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
        let edits = mark.part.analysis.edits(&[&finding], inputs);
        Some(Offer {
            title: fix.title.to_string(),
            safe: fix.applicability == Applicability::Safe,
            edits,
        })
    };
    finding.each_fix().filter_map(one).collect()
}

/// What adds several missing settings in one step: those that need no judgement, and those that a person has to think of too.
/// Values that somebody has to choose are added one by one, and so is a setting that would be the only one.
fn additions(mark: &Mark<'_>, inputs: Inputs<'_>) -> Vec<Offer> {
    let Some(lack) = mark.group() else {
        return Vec::new();
    };
    let holder = lack.holder.replace('"', "");
    let mut offers: Vec<Offer> = Vec::new();
    let mut before = 1;
    // In the order in which `fix` takes them, so that both write the same.
    let is_marked = |finding: &&Finding| {
        mark.findings
            .iter()
            .any(|marked| std::ptr::eq(*marked, *finding))
    };
    let marked: Vec<&Finding> = mark
        .part
        .analysis
        .findings
        .iter()
        .filter(is_marked)
        .collect();
    for most in [Applicability::Safe, Applicability::Unsafe] {
        let candidates: Vec<&Finding> = marked
            .iter()
            .copied()
            .filter(|finding| is_at_most(finding, most))
            .collect();
        let (edits, added, refused) = mark.part.analysis.largest_applicable(&candidates, inputs);
        if added <= before {
            continue;
        }
        before = added;
        let is_refused = |finding: &&Finding| {
            refused
                .iter()
                .any(|(other, _)| std::ptr::eq(*other, *finding))
        };
        let risky = candidates
            .iter()
            .filter(|finding| !is_refused(finding) && !is_at_most(finding, Applicability::Safe))
            .count();
        let title = format!(
            "add {added} missing settings to {holder}{}",
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

fn is_at_most(finding: &Finding, most: Applicability) -> bool {
    finding
        .fix
        .as_ref()
        .is_some_and(|fix| fix.applicability <= most)
}

/// What a title says of changes that some images do not bear.
fn remark(risky: usize, all: usize) -> String {
    match risky {
        0 => String::new(),
        _ if risky == all => " (may stop some images)".to_owned(),
        _ => format!(" ({risky} of them may stop some images)"),
    }
}

/// The container and the object around a place of the document, each with a title, as far as there is something to mend in them.
pub(super) fn wholes_at(
    part: Chunk<'_>,
    meets: impl Fn(Range<usize>) -> bool,
) -> Vec<(Whole, String)> {
    let analysis = &part.analysis;
    let mut wholes: Vec<(Whole, String)> = Vec::new();
    for finding in &analysis.findings {
        let Some(name) = &finding.target.container else {
            continue;
        };
        let whole = Whole::Container {
            object: finding.target.object,
            name: name.to_string(),
        };
        let is_new = !wholes.iter().any(|(known, _)| *known == whole);
        if is_new && meets(extent(part, finding.target.range)) {
            wholes.push((
                whole,
                format!("harden container {name}").trim_end().to_owned(),
            ));
        }
    }
    for (index, object) in analysis
        .objects
        .iter()
        .enumerate()
        .filter(|(_, object)| meets(extent(part, object.range)))
    {
        let ObjectInfo { kind, name, .. } = object;
        let title = format!("harden {kind} {}", name.as_deref().unwrap_or_default())
            .trim_end()
            .to_owned();
        wholes.push((Whole::Object(index), title));
    }
    wholes.retain(|(whole, _)| whole.has_candidates(analysis));
    for (whole, title) in &mut wholes {
        title.push_str(whole.remark(analysis));
    }
    wholes
}

/// Where a node stands in the text, with what its first line begins with: who points at the dash of an item points at the item.
pub(super) fn extent(part: Chunk<'_>, node: analysis::Range) -> Range<usize> {
    let place = part.place(node);
    let before = &part.analysis.text()[..usize::from(node.start())];
    let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    let is_lead = line.chars().all(|char| matches!(char, ' ' | '-'));
    place.start - if is_lead { line.len() } else { 0 }..place.end
}

impl Whole {
    /// Whether hardening it mends a finding: what is safe, and what a person has to think of.
    fn takes(&self, finding: &Finding) -> bool {
        let is_inside = match self {
            Whole::Container { object, name } => {
                finding.target.object == *object
                    && finding.target.container.as_deref() == Some(name)
            }
            Whole::Object(index) => finding.target.object == Some(*index),
        };
        is_inside && is_at_most(finding, Applicability::Unsafe)
    }

    /// Whether a finding in it has a fix that could be taken.
    pub(super) fn has_candidates(&self, analysis: &Analysis) -> bool {
        candidates(analysis, self).next().is_some()
    }

    /// What a title says of it: whether some images would not bear it.
    pub(super) fn remark(&self, analysis: &Analysis) -> &'static str {
        let is_risky =
            candidates(analysis, self).any(|finding| !is_at_most(finding, Applicability::Safe));
        if is_risky {
            " (may stop some images)"
        } else {
            ""
        }
    }

    /// Why there is nothing to harden after all; found out at the cost of one proof, where most can be mended.
    pub(super) fn check(&self, analysis: &Analysis, inputs: Inputs<'_>) -> Result<(), EditError> {
        let mut reason = None;
        for finding in candidates(analysis, self) {
            match analysis
                .quick_reject(finding)
                .map_or_else(|| analysis.edits(&[finding], inputs).map(drop), Err)
            {
                Ok(()) => return Ok(()),
                Err(refusal) => reason = reason.or(Some(refusal)),
            }
        }
        reason.map_or(Ok(()), Err)
    }

    /// Everything that can be mended in it.
    pub(super) fn harden(&self, analysis: &Analysis, inputs: Inputs<'_>) -> Edits {
        analysis
            .apply_fixes(inputs, |finding| self.takes(finding))
            .edits
    }
}

fn candidates<'a>(analysis: &'a Analysis, whole: &'a Whole) -> impl Iterator<Item = &'a Finding> {
    analysis
        .findings
        .iter()
        .filter(|finding| whole.takes(finding))
}

/// All that can be mended in a file without a person's judgement, document by document.
pub(super) fn safe_edits(analysed: &Analysed) -> impl Iterator<Item = (Chunk<'_>, Edits)> {
    let is_safe = |finding: &Finding| is_at_most(finding, Applicability::Safe);
    analysed.report.chunks().map(move |part| {
        (
            part,
            part.analysis
                .apply_fixes(analysed.inputs.borrow(), is_safe)
                .edits,
        )
    })
}
