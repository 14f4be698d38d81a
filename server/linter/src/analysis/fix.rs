//! From findings to edits: those of one finding, of several together, and of all that can be mended.
//!
//! Knows fixes and how an edit is held against the rules. Must not know how an edit is written, nor who asks for it. Promise:
//! what is given was applied and looked at again: the findings are gone, and the API server refuses nothing that it took before.

use super::{Analysis, RulePanic, analyze};
use crate::Inputs;
use crate::config::Profile;
use crate::rules::{Applicability, Enablement, Finding, Rule};
use std::collections::HashMap;
use yaml::edit::{self, Change, EditError, Edits};

/// What came of mending a document.
#[derive(Debug, Clone, Default)]
pub struct FixOutcome {
    /// Of the document as it was.
    pub edits: Edits,
    /// How many findings were mended.
    pub applied: usize,
    /// What was to be mended and could not be; its ranges are those of the mended document.
    pub withheld: Vec<(Finding, EditError)>,
    /// What a Pod Security Standard asks for and has no fix, likewise.
    pub unfixable: Vec<Finding>,
}

/// A text after its fixes.
#[derive(Debug)]
pub struct FixedText {
    pub text: String,
    /// How many findings were mended.
    pub applied: usize,
    /// What was to be mended and could not be.
    pub withheld: Vec<RejectedFix>,
    /// What a Pod Security Standard asks for and has no fix: a person has to find another way.
    pub unfixable: Vec<UnfixedFinding>,
    /// The rules that failed at the text as it was, each once: what they would have found is not mended.
    pub failures: Vec<RulePanic>,
}

/// A finding that nothing but a person can mend.
#[derive(Debug)]
pub struct UnfixedFinding {
    /// Where its document starts in the fixed text, in bytes.
    pub document: usize,
    /// Where the finding is in the fixed text, in bytes.
    pub offset: usize,
    pub rule: &'static Rule,
}

/// A fix that was asked for and is not given.
#[derive(Debug)]
pub struct RejectedFix {
    /// Where its document starts in the fixed text, in bytes.
    pub document: usize,
    /// Where the finding is in the fixed text, in bytes.
    pub offset: usize,
    pub finding: Finding,
    pub reason: EditError,
}

/// One fix can make room for another, so that a second round may find more; a tenth means that two fixes undo each other.
const MOST_ROUNDS: usize = 10;

/// Mends the findings of a text whose fix is of an allowed kind, until nothing is left to mend.
pub fn fix_all<'i>(
    text: &str,
    inputs: impl Into<Inputs<'i>>,
    allowed: &[Applicability],
) -> FixedText {
    let inputs = inputs.into();
    let is_allowed = |finding: &Finding| {
        finding
            .fix
            .as_ref()
            .is_some_and(|fix| allowed.contains(&fix.applicability))
    };
    let report = analyze(text, inputs);
    let failures = report.failures().into_iter().cloned().collect();
    let mut fixed = FixedText {
        text: String::with_capacity(text.len()),
        applied: 0,
        withheld: Vec::new(),
        unfixable: Vec::new(),
        failures,
    };
    // Everything before it is written to the fixed text.
    let mut done = 0;
    for part in report.chunks() {
        let mended = part.analysis.apply_fixes(inputs, is_allowed);
        // What is in several pieces has no fixes.
        if mended.edits.is_empty() && mended.withheld.is_empty() && mended.unfixable.is_empty() {
            continue;
        }
        fixed.text.push_str(&text[done..part.start]);
        let start = fixed.text.len();
        done = part.start + part.analysis.text().len();
        fixed
            .text
            .push_str(&mended.edits.apply(part.analysis.text()));
        fixed.applied += mended.applied;
        fixed.withheld.extend(
            mended
                .withheld
                .into_iter()
                .map(|(finding, reason)| RejectedFix {
                    document: start,
                    offset: start + usize::from(finding.range.start()),
                    finding,
                    reason,
                }),
        );
        fixed
            .unfixable
            .extend(mended.unfixable.into_iter().map(|finding| UnfixedFinding {
                document: start,
                offset: start + usize::from(finding.range.start()),
                rule: finding.rule,
            }));
    }
    fixed.text.push_str(&text[done..]);
    fixed
}

impl Analysis {
    /// Mends those of the document's findings that are wanted and can be, one after the other has made room for it, until
    /// nothing is left to mend.
    pub fn apply_fixes(
        &self,
        inputs: Inputs<'_>,
        is_wanted: impl Fn(&Finding) -> bool,
    ) -> FixOutcome {
        let mut mended = FixOutcome::default();
        let mut after: Option<Analysis> = None;
        for _ in 0..MOST_ROUNDS {
            let now = after.as_ref().unwrap_or(self);
            let candidates: Vec<&Finding> = now
                .findings
                .iter()
                .filter(|finding| finding.fix.is_some() && is_wanted(finding))
                .collect();
            let (edits, applied, refused) = now.largest_applicable(&candidates, inputs);
            mended.withheld = refused
                .into_iter()
                .map(|(finding, reason)| (finding.clone(), reason))
                .collect();
            mended.unfixable = now
                .findings
                .iter()
                .filter(|finding| is_unfixable(finding))
                .cloned()
                .collect();
            if applied == 0 {
                break;
            }
            mended.applied += applied;
            let text = edits.apply(now.text());
            mended.edits = mended.edits.then(edits, self.text().len());
            after = Some(self.with_text(&text, inputs));
        }
        mended
    }

    /// The edits for as many of the findings as can be mended together, how many those are, and the others with the reason.
    pub fn largest_applicable<'f>(
        &self,
        candidates: &[&'f Finding],
        inputs: Inputs<'_>,
    ) -> (Edits, usize, Vec<(&'f Finding, EditError)>) {
        if candidates.is_empty() {
            return Default::default();
        }
        if let Some(reason) = self.uneditable() {
            return (
                Edits::default(),
                0,
                candidates
                    .iter()
                    .map(|&finding| (finding, reason.clone()))
                    .collect(),
            );
        }
        if let Ok(edits) = self.edits(candidates, inputs) {
            return (edits, candidates.len(), Vec::new());
        }
        let mut taken = Taken {
            proofs: self.most_tries(),
            ..Taken::default()
        };
        // What somebody wrote comes to its place before anything is written there.
        let mut ordered: Vec<(usize, &Finding)> = candidates.iter().copied().enumerate().collect();
        ordered.sort_by_key(|(_, finding)| !relocates(finding));
        let halves = ordered.split_at(ordered.len() / 2);
        [halves.0, halves.1]
            .into_iter()
            .for_each(|half| self.take(half, &mut taken, inputs));
        taken.refused.sort_by_key(|(place, ..)| *place);
        let refused = taken
            .refused
            .into_iter()
            .map(|(_, finding, reason)| (finding, reason))
            .collect();
        (taken.edits, taken.accepted.len(), refused)
    }

    /// Takes as many of some findings as can be mended together with those that are taken already: all of them, or of each half as many as
    /// can be. A few that cannot are found among a thousand without a thousand proofs.
    fn take<'f>(
        &self,
        candidates: &[(usize, &'f Finding)],
        taken: &mut Taken<'f>,
        inputs: Inputs<'_>,
    ) {
        if candidates.is_empty() {
            return;
        }
        let Some(left) = taken.proofs.checked_sub(1) else {
            let refused = candidates
                .iter()
                .map(|(place, finding)| (*place, *finding, EditError::new(TOO_MANY)));
            taken.refused.extend(refused);
            return;
        };
        taken.proofs = left;
        let before = taken.accepted.len();
        taken
            .accepted
            .extend(candidates.iter().map(|(_, finding)| finding));
        match (self.edits(&taken.accepted, inputs), candidates) {
            (Ok(edits), _) => taken.edits = edits,
            (Err(reason), [(place, finding)]) => {
                taken.accepted.truncate(before);
                taken.refused.push((*place, finding, reason));
            }
            (Err(_), several) => {
                taken.accepted.truncate(before);
                let halves = several.split_at(several.len() / 2);
                [halves.0, halves.1]
                    .into_iter()
                    .for_each(|half| self.take(half, taken, inputs));
            }
        }
    }

    /// The edits that mend some of the document's findings together. They are proved: the document was edited and read
    /// again, nothing but what the fixes name is different, and the findings are gone.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person. The lines that they name are the document's.
    pub fn edits(&self, findings: &[&Finding], inputs: Inputs<'_>) -> Result<Edits, EditError> {
        if let Some(reason) = self.kind.edit_blocker() {
            return Err(EditError::new(reason));
        }
        let edits = edit::plan(self.yaml(), &changes(findings))?;
        self.check(findings, &self.with_text(&edits.apply(self.text()), inputs))?;
        Ok(edits)
    }

    /// Holds what an edit leads to: the findings are gone, and there is nothing new that the API server would refuse.
    fn check(&self, findings: &[&Finding], after: &Analysis) -> Result<(), EditError> {
        // What is removed takes the mappings along that it leaves empty.
        if after.pods < self.pods {
            return Err(EditError::new("the fix would remove the whole pod"));
        }
        let [before, left] = [self, after].map(|analysis| tally(analysis.findings.iter()));
        // What a rule would say that fails at the result, nobody knows.
        if let Some(failure) = after
            .failures
            .iter()
            .find(|failure| !self.failures.contains(failure))
        {
            return Err(EditError::new(format!(
                "{} panics on the result, which is a bug in kubeharden",
                failure.rule
            )));
        }
        let mended = tally(findings.iter().copied());
        // Those of one kind have to become fewer by as many as were to be mended.
        let is_mended = |finding: &Finding| {
            let [before, left, mended] = [&before, &left, &mended]
                .map(|tally| tally.get(&kind(finding)).copied().unwrap_or(0));
            left + mended <= before
        };
        if let Some(finding) = findings.iter().find(|finding| !is_mended(finding)) {
            return Err(EditError::new(format!(
                "the edit would not resolve {}",
                finding.rule.id
            )));
        }
        match after
            .refusals
            .iter()
            .find(|refusal| !self.refusals.contains(refusal))
        {
            Some(refusal) => Err(EditError::new(format!(
                "the API server would reject the result: {refusal}"
            ))),
            None => Ok(()),
        }
    }

    /// Why the fix of a finding cannot be given, as far as that is plain without trying: what is to be offered in passing is
    /// asked this. Whether it can, [`Analysis::edits`] tells.
    pub fn quick_reject(&self, finding: &Finding) -> Option<EditError> {
        self.uneditable()
            .cloned()
            .or_else(|| edit::dry_run(self.yaml(), &changes(&[finding])).err())
    }

    /// Why nothing can be edited in the document.
    fn uneditable(&self) -> Option<&EditError> {
        let sealed = || self.kind.edit_blocker().map(EditError::new);
        self.uneditable
            .get_or_init(|| sealed().or_else(|| edit::check(self.yaml()).err()))
            .as_ref()
    }

    /// Of each of the document's findings whether its fix is to be offered in passing: it has one, and nothing plainly stands in the way.
    /// All of them are asked after at once, and by halves where that does not tell.
    pub fn has_fix(&self) -> Vec<bool> {
        let mut offered = vec![false; self.findings.len()];
        let fixable: Vec<usize> = (0..self.findings.len())
            .filter(|index| self.findings[*index].fix.is_some())
            .collect();
        // Whether a part can be edited asks for its tree: where nothing is to be mended, nobody has to read it again for that.
        if !fixable.is_empty() && self.uneditable().is_none() {
            self.offer(&fixable, &mut offered, &mut self.most_tries());
        }
        offered
    }

    fn offer(&self, indices: &[usize], offered: &mut [bool], tries: &mut usize) {
        if indices.is_empty() || *tries == 0 {
            return;
        }
        *tries -= 1;
        let findings: Vec<&Finding> = indices.iter().map(|index| &self.findings[*index]).collect();
        match (edit::dry_run(self.yaml(), &changes(&findings)), indices) {
            (Ok(()), all) => all.iter().for_each(|index| offered[*index] = true),
            (Err(_), [_]) => {}
            (Err(_), several) => {
                let halves = several.split_at(several.len() / 2);
                [halves.0, halves.1]
                    .into_iter()
                    .for_each(|half| self.offer(half, offered, tries));
            }
        }
    }

    /// How often edits of the document are tried to find out which of them can be made: many of a short one, since each costs a reading.
    fn most_tries(&self) -> usize {
        const BYTES: usize = 4 << 20;
        (BYTES / self.text().len().max(1)).max(50)
    }
}

/// Why the rest is not mended of a long document in which much cannot be.
const TOO_MANY: &str =
    "too many other fixes failed in this document; resolve those first, or split it";

/// What is mended together so far.
#[derive(Default)]
struct Taken<'f> {
    /// How many more may be made.
    proofs: usize,
    edits: Edits,
    accepted: Vec<&'f Finding>,
    /// With their places among the candidates.
    refused: Vec<(usize, &'f Finding, EditError)>,
}

/// What makes findings alike: the rule, the object and the container.
type FindingKind<'f> = (&'static str, Option<usize>, Option<&'f str>);

fn kind(finding: &Finding) -> FindingKind<'_> {
    (
        finding.rule.id,
        finding.target.object,
        finding.target.container.as_deref(),
    )
}

/// How many findings there are of each kind.
fn tally<'f>(findings: impl Iterator<Item = &'f Finding>) -> HashMap<FindingKind<'f>, usize> {
    let mut tally = HashMap::new();
    findings.for_each(|finding| *tally.entry(kind(finding)).or_default() += 1);
    tally
}

/// Whether a finding keeps a pod from what a Pod Security Standard allows, and no fix is known for it.
fn is_unfixable(finding: &Finding) -> bool {
    let is_standard = matches!(
        finding.rule.enablement,
        Enablement::Profile(Profile::Baseline | Profile::Restricted)
    );
    is_standard && finding.fix.is_none()
}

/// Whether a fix brings something to another place, under its name or another one.
fn relocates(finding: &Finding) -> bool {
    let changes = finding.fix.iter().flat_map(|fix| &fix.changes);
    changes
        .into_iter()
        .any(|change| matches!(change, Change::Move { .. } | Change::Rename { .. }))
}

fn changes(findings: &[&Finding]) -> Vec<Change> {
    let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
    fixes.flat_map(|fix| fix.changes.iter().cloned()).collect()
}
