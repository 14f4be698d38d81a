//! From findings to edits: those of one finding, of several together, and of all that can be mended.
//!
//! Knows fixes and how an edit is held against the rules. Must not know how an edit is written, nor who asks for it. Promise:
//! what is given was applied and looked at again: the findings are gone, and the API server refuses nothing that it took before.

use super::{Analysis, analyze};
use crate::config::{Config, Profile};
use crate::rules::{Finding, Rule, Safety, Scope};
use crate::yaml::edit::{self, Change, Edits, Refusal};

/// What came of mending a document.
#[derive(Debug, Clone, Default)]
pub struct Mended {
    /// Of the document as it was.
    pub edits: Edits,
    /// How many findings were mended.
    pub applied: usize,
    /// What was to be mended and could not be; its ranges are those of the mended document.
    pub withheld: Vec<(Finding, Refusal)>,
    /// What a Pod Security Standard asks for and has no fix, likewise.
    pub unfixable: Vec<Finding>,
}

/// A text after its fixes.
#[derive(Debug)]
pub struct Fixed {
    pub text: String,
    /// How many findings were mended.
    pub applied: usize,
    /// What was to be mended and could not be.
    pub withheld: Vec<Withheld>,
    /// What a Pod Security Standard asks for and has no fix: a person has to find another way.
    pub unfixable: Vec<Unfixable>,
}

/// A finding that nothing but a person can mend.
#[derive(Debug)]
pub struct Unfixable {
    /// Where its document starts in the fixed text, in bytes.
    pub document: usize,
    /// Where the finding is in the fixed text, in bytes.
    pub offset: usize,
    pub rule: &'static Rule,
}

/// A fix that was asked for and is not given.
#[derive(Debug)]
pub struct Withheld {
    /// Where its document starts in the fixed text, in bytes.
    pub document: usize,
    /// Where the finding is in the fixed text, in bytes.
    pub offset: usize,
    pub finding: Finding,
    pub reason: Refusal,
}

/// One fix can make room for another, so that a second round may find more; a tenth means that two fixes undo each other.
const MOST_ROUNDS: usize = 10;

/// Mends the findings of a text whose fix is of an allowed kind, until nothing is left to mend.
pub fn fix_all(text: &str, config: &Config, allowed: &[Safety]) -> Fixed {
    let is_allowed = |finding: &Finding| finding.fix.as_ref().is_some_and(|fix| allowed.contains(&fix.safety));
    let mut fixed = Fixed { text: String::with_capacity(text.len()), applied: 0, withheld: Vec::new(), unfixable: Vec::new() };
    let report = analyze(text, config);
    // Everything before it is written to the fixed text.
    let mut done = 0;
    for part in report.parts() {
        let mended = part.analysis.mend(config, is_allowed);
        // What is in several pieces has no fixes.
        if mended.edits.is_empty() && mended.withheld.is_empty() && mended.unfixable.is_empty() {
            continue;
        }
        fixed.text.push_str(&text[done..part.start]);
        let start = fixed.text.len();
        done = part.start + part.analysis.text().len();
        fixed.text.push_str(&mended.edits.apply(part.analysis.text()));
        fixed.applied += mended.applied;
        fixed.withheld.extend(mended.withheld.into_iter().map(|(finding, reason)| Withheld {
            document: start,
            offset: start + usize::from(finding.range.start()),
            finding,
            reason,
        }));
        fixed.unfixable.extend(mended.unfixable.into_iter().map(|finding| Unfixable {
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
    pub fn mend(&self, config: &Config, is_wanted: impl Fn(&Finding) -> bool) -> Mended {
        let mut mended = Mended::default();
        let mut after: Option<Analysis> = None;
        for _ in 0..MOST_ROUNDS {
            let now = after.as_ref().unwrap_or(self);
            let candidates: Vec<&Finding> =
                now.findings.iter().filter(|finding| finding.fix.is_some() && is_wanted(finding)).collect();
            let (edits, applied, refused) = now.most_edits(&candidates, config);
            mended.withheld = refused.into_iter().map(|(finding, reason)| (finding.clone(), reason)).collect();
            mended.unfixable = now.findings.iter().filter(|finding| is_unfixable(finding)).cloned().collect();
            if applied == 0 {
                break;
            }
            mended.applied += applied;
            let text = edits.apply(now.text());
            mended.edits = mended.edits.then(edits, self.text().len());
            after = Some(self.with_text(&text, config));
        }
        mended
    }

    /// The edits for as many of the findings as can be mended together, how many those are, and the others with the reason.
    pub fn most_edits<'f>(&self, candidates: &[&'f Finding], config: &Config) -> (Edits, usize, Vec<(&'f Finding, Refusal)>) {
        if candidates.is_empty() {
            return Default::default();
        }
        if let Some(reason) = self.uneditable() {
            return (Edits::default(), 0, candidates.iter().map(|&finding| (finding, reason.clone())).collect());
        }
        if let Ok(edits) = self.edits(candidates, config) {
            return (edits, candidates.len(), Vec::new());
        }
        let (mut edits, mut accepted, mut refused) = (Edits::default(), Vec::new(), Vec::new());
        // What somebody wrote comes to its place before anything is written there.
        let mut ordered: Vec<(usize, &Finding)> = candidates.iter().copied().enumerate().collect();
        ordered.sort_by_key(|(_, finding)| !relocates(finding));
        for (place, candidate) in ordered {
            accepted.push(candidate);
            match self.edits(&accepted, config) {
                Ok(more) => edits = more,
                Err(reason) => {
                    accepted.pop();
                    refused.push((place, candidate, reason));
                }
            }
        }
        refused.sort_by_key(|(place, ..)| *place);
        (edits, accepted.len(), refused.into_iter().map(|(_, finding, reason)| (finding, reason)).collect())
    }

    /// The edits that mend some of the document's findings together. They are proved: the document was edited and read
    /// again, nothing but what the fixes name is different, and the findings are gone.
    ///
    /// # Errors
    /// Why they cannot be given, in words for a person. The lines that they name are the document's.
    pub fn edits(&self, findings: &[&Finding], config: &Config) -> Result<Edits, Refusal> {
        if let Some(reason) = self.sight.seal() {
            return Err(Refusal::new(reason));
        }
        let edits = edit::plan(self.yaml(), &changes(findings))?;
        self.check(findings, &self.with_text(&edits.apply(self.text()), config))?;
        Ok(edits)
    }

    /// Holds what an edit leads to: the findings are gone, and there is nothing new that the API server would refuse.
    fn check(&self, findings: &[&Finding], after: &Analysis) -> Result<(), Refusal> {
        // What is removed takes the mappings along that it leaves empty.
        if after.pods < self.pods {
            return Err(Refusal::new("nothing would be left of the pod"));
        }
        if let Some(finding) = findings.iter().find(|finding| !self.is_mended(finding, findings, after)) {
            return Err(Refusal::new(format!("the edit would not settle {}", finding.rule.id)));
        }
        match after.refusals.iter().find(|refusal| !self.refusals.contains(refusal)) {
            Some(refusal) => Err(Refusal::new(format!("a cluster would refuse the result: {refusal}"))),
            None => Ok(()),
        }
    }

    /// Why the fix of a finding cannot be given, as far as that is plain without trying: what is to be offered in passing is
    /// asked this. Whether it can, [`Analysis::edits`] tells.
    pub fn obstacle(&self, finding: &Finding) -> Option<Refusal> {
        self.uneditable().cloned().or_else(|| edit::foresee(self.yaml(), &changes(&[finding])).err())
    }

    /// Why nothing can be edited in the document.
    fn uneditable(&self) -> Option<&Refusal> {
        let sealed = || self.sight.seal().map(Refusal::new);
        self.uneditable.get_or_init(|| sealed().or_else(|| edit::check(self.yaml()).err())).as_ref()
    }

    /// Whether the findings of one kind became fewer by as many as were to be mended.
    fn is_mended(&self, finding: &Finding, mended: &[&Finding], after: &Analysis) -> bool {
        let alike = |other: &Finding| {
            other.rule.id == finding.rule.id
                && other.subject.object == finding.subject.object
                && other.subject.container == finding.subject.container
        };
        let count = |findings: &[Finding]| findings.iter().filter(|other| alike(other)).count();
        count(&after.findings) + mended.iter().filter(|other| alike(other)).count() <= count(&self.findings)
    }
}

/// Whether a finding keeps a pod from what a Pod Security Standard allows, and no fix is known for it.
fn is_unfixable(finding: &Finding) -> bool {
    let is_standard = matches!(finding.rule.scope, Scope::From(Profile::Baseline | Profile::Restricted));
    is_standard && finding.fix.is_none()
}

/// Whether a fix brings something to another place, under its name or another one.
fn relocates(finding: &Finding) -> bool {
    let changes = finding.fix.iter().flat_map(|fix| &fix.changes);
    changes.into_iter().any(|change| matches!(change, Change::Move { .. } | Change::Rename { .. }))
}

fn changes(findings: &[&Finding]) -> Vec<Change> {
    let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
    fixes.flat_map(|fix| fix.changes.iter().cloned()).collect()
}
