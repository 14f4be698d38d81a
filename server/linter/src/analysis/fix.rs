//! Turns findings into verified edits: for one finding, for several together, or for all.
//!
//! Every edit is applied and analyzed again: the findings must be gone, and the API server must not reject anything
//! new.

use super::failure::RulePanic;
use super::model::{Analysis, ProtectedValue};
use super::run::analyze;
use crate::Inputs;
use crate::config::{Profile, RuleSelection};
use crate::rules::{Applicability, Check, Enablement, Finding, Message, Rule};
use crate::suppressions;
use std::collections::HashMap;
use std::ops::AddAssign;
use yaml::edit::{self, Change, EditError, Edits, KeyOrder, Value};
use yaml::{NodeKind, Offset, Range};

/// The result of fixing a document.
#[derive(Debug, Clone, Default)]
pub struct FixOutcome {
    /// Edits of the original document.
    pub edits: Edits,
    /// How many findings were fixed.
    pub applied: usize,
    /// The fixes that were refused. Ranges refer to the fixed document.
    pub withheld: Vec<(Finding, EditError)>,
    /// Violations of a Pod Security Standard without a fix, and findings that say why they have none.
    pub unfixable: Vec<Finding>,
    /// What is left in the fixed document.
    pub remaining: Remaining,
}

/// How many findings are left after the fixes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remaining {
    pub findings: usize,
    /// Those with a fix of this applicability.
    pub unsafe_fixes: usize,
    pub placeholder_fixes: usize,
}

impl Remaining {
    fn of(findings: &[Finding]) -> Remaining {
        let with = |applicability: Applicability| {
            let has = |finding: &&Finding| {
                let fix = finding.fix.as_ref();
                fix.is_some_and(|fix| fix.applicability == applicability)
            };
            findings.iter().filter(has).count()
        };
        Remaining {
            findings: findings.len(),
            unsafe_fixes: with(Applicability::Unsafe),
            placeholder_fixes: with(Applicability::Placeholder),
        }
    }
}

impl AddAssign for Remaining {
    fn add_assign(&mut self, other: Remaining) {
        self.findings += other.findings;
        self.unsafe_fixes += other.unsafe_fixes;
        self.placeholder_fixes += other.placeholder_fixes;
    }
}

/// A text after its fixes.
#[derive(Debug)]
pub struct FixedText {
    pub text: String,
    /// How many findings were fixed.
    pub applied: usize,
    /// The fixes that were refused.
    pub withheld: Vec<RejectedFix>,
    /// Violations of a Pod Security Standard without a fix, and findings that say why they have none.
    pub unfixable: Vec<UnfixedFinding>,
    /// What is left in the fixed text.
    pub remaining: Remaining,
    /// The rules that panicked on the original text, each once. Their findings are not fixed.
    pub failures: Vec<RulePanic>,
}

/// A finding without an automatic fix: a violation of a standard, or one whose rule gives a reason.
#[derive(Debug)]
pub struct UnfixedFinding {
    /// The start of its document in the fixed text, in bytes.
    pub document: usize,
    /// The start of the finding in the fixed text, in bytes.
    pub offset: usize,
    pub rule: &'static Rule,
    /// Why there is no fix, for the user, if the rule gives a reason.
    pub reason: Option<Message>,
}

/// A fix that was requested and refused.
#[derive(Debug)]
pub struct RejectedFix {
    /// The start of its document in the fixed text, in bytes.
    pub document: usize,
    /// The start of the finding in the fixed text, in bytes.
    pub offset: usize,
    pub finding: Finding,
    pub reason: EditError,
}

/// The order in which people write the fields that fixes add.
const KEY_ORDER: KeyOrder = KeyOrder(&[
    &[
        "runAsNonRoot",
        "runAsUser",
        "runAsGroup",
        "fsGroup",
        "seccompProfile",
        "allowPrivilegeEscalation",
        "capabilities",
        "readOnlyRootFilesystem",
    ],
    &["image", "imagePullPolicy"],
    &[
        "serviceAccount",
        "serviceAccountName",
        "automountServiceAccountToken",
    ],
]);

/// One fix can make room for another, so that a second round may find more. A tenth round means that two fixes undo
/// each other.
const MOST_ROUNDS: usize = 10;

/// Applies the fixes of a text with an allowed applicability, until none is left.
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
        remaining: Remaining::default(),
        failures,
    };
    // Everything before this offset is already in the fixed text.
    let mut done = 0;
    for chunk in report.chunks() {
        let outcome = chunk.analysis.apply_fixes(inputs, is_allowed);
        fixed.remaining += outcome.remaining;
        // A chunk with gaps has no fixes.
        if outcome.edits.is_empty() && outcome.withheld.is_empty() && outcome.unfixable.is_empty() {
            continue;
        }
        fixed.text.push_str(&text[done..chunk.start]);
        let start = fixed.text.len();
        done = chunk.start + chunk.analysis.text().len();
        fixed
            .text
            .push_str(&outcome.edits.apply(chunk.analysis.text()));
        fixed.applied += outcome.applied;
        fixed.withheld.extend(
            outcome
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
            .extend(outcome.unfixable.into_iter().map(|finding| UnfixedFinding {
                document: start,
                offset: start + usize::from(finding.range.start()),
                rule: finding.rule,
                reason: finding.no_fix,
            }));
    }
    fixed.text.push_str(&text[done..]);
    fixed
}

impl Analysis {
    /// Applies the wanted fixes of a document in rounds, because one fix can make room for another, until none is left.
    pub fn apply_fixes(
        &self,
        inputs: Inputs<'_>,
        is_wanted: impl Fn(&Finding) -> bool,
    ) -> FixOutcome {
        let mut outcome = FixOutcome::default();
        let mut after: Option<Analysis> = None;
        for round in 0..MOST_ROUNDS {
            let now = after.as_ref().unwrap_or(self);
            // After the first round, an ignore comment may be unused because of a fix.
            let was_there = |finding: &&Finding| {
                round == 0 || !matches!(finding.rule.check, Check::Suppressions)
            };
            let candidates: Vec<&Finding> = now
                .findings
                .iter()
                .filter(|finding| finding.fix.is_some() && is_wanted(finding))
                .filter(was_there)
                .collect();
            let (edits, applied, refused) = now.largest_applicable(&candidates, inputs);
            outcome.withheld = refused
                .into_iter()
                .map(|(finding, reason)| (finding.clone(), reason))
                .collect();
            outcome.unfixable = now
                .findings
                .iter()
                .filter(|finding| is_unfixable(finding))
                .cloned()
                .collect();
            outcome.remaining = Remaining::of(&now.findings);
            if applied == 0 {
                break;
            }
            outcome.applied += applied;
            let text = edits.apply(now.text());
            outcome.edits = outcome.edits.then(edits, self.text().len());
            after = Some(self.with_text(&text, inputs));
        }
        outcome
    }

    /// Returns the edits for as many findings as possible, how many they are, and the refused ones with reasons.
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
        // Existing values move to their place before new ones are written there.
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

    /// Takes as many findings as can be fixed together with those already taken: all of them, or as many as possible of
    /// each half. A few refused ones among a thousand are found without a thousand checks.
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

    /// Returns the edits that fix some findings of the document together. The edits are verified: the edited document
    /// is analyzed again, only what the fixes name differs, and the findings are gone.
    ///
    /// # Errors
    /// If the edits cannot be made. The message is for the user; its lines refer to the document.
    pub fn edits(&self, findings: &[&Finding], inputs: Inputs<'_>) -> Result<Edits, EditError> {
        let by_opinion = findings
            .iter()
            .copied()
            .filter(|finding| matches!(finding.rule.enablement, Enablement::Profile(_)));
        if self.changes_explained_value(by_opinion) {
            return Err(EditError::new("a comment explains the value"));
        }
        self.chosen_edits(findings, inputs)
    }

    /// The same as [`Analysis::edits`], also for a value that a comment explains: the user chose this fix.
    ///
    /// # Errors
    /// See [`Analysis::edits`].
    pub fn chosen_edits(
        &self,
        findings: &[&Finding],
        inputs: Inputs<'_>,
    ) -> Result<Edits, EditError> {
        if let Some(reason) = self.kind.edit_blocker() {
            return Err(EditError::new(reason));
        }
        let changes = changes(findings);
        if let Some(value) = self.protected_value(&changes, inputs) {
            return Err(EditError::new(format!(
                "it would change a value whose finding {} is suppressed",
                value.rule
            )));
        }
        let edits = edit::plan_in_order(self.yaml(), &changes, KEY_ORDER)?;
        self.check(findings, &self.with_text(&edits.apply(self.text()), inputs))?;
        Ok(edits)
    }

    /// Returns a value that changes would replace or remove although the user suppressed its finding.
    fn protected_value(&self, changes: &[Change], inputs: Inputs<'_>) -> Option<ProtectedValue> {
        let protected = self.protected.get_or_init(|| self.protected_values(inputs));
        if protected.is_empty() {
            return None;
        }
        let mut touched = changes.iter().filter_map(|change| {
            let path = match change {
                Change::Set { path, .. }
                | Change::Remove { path }
                | Change::Rename { path, .. } => path,
                Change::Move { from, .. } => from,
                Change::Append { .. } | Change::Comment { .. } | Change::NewComment { .. } => {
                    return None;
                }
            };
            let node = self.yaml().at(path)?;
            let key = node.own_entry().map(|entry| entry.key.range());
            Some(key.map_or(node.range(), |key| key.cover(node.range())))
        });
        touched.find_map(|range| {
            let is_touched = |value: &&ProtectedValue| {
                range
                    .intersect(value.range)
                    .is_some_and(|both| !both.is_empty())
            };
            protected.iter().find(is_touched).copied()
        })
    }

    /// Whether fixes would replace or remove a scalar that a comment explains: behind the value, or directly above its
    /// key. Comments that suppress findings explain no value.
    fn changes_explained_value<'f>(&self, findings: impl Iterator<Item = &'f Finding>) -> bool {
        let yaml = self.yaml();
        if yaml.comments().is_empty() {
            return false;
        }
        let fixes = findings.filter_map(|finding| finding.fix.as_ref());
        fixes.flat_map(|fix| &fix.changes).any(|change| {
            let path = match change {
                Change::Remove { path } => path,
                Change::Set { path, value } if !matches!(value, Value::Mapping(_)) => path,
                _ => return false,
            };
            let Some(node) = yaml
                .at(path)
                .filter(|node| matches!(node.kind(), NodeKind::Scalar(_)))
            else {
                return false;
            };
            let line = |offset: Offset| yaml.lines().line(offset.into());
            let key = node.own_entry().map_or(node, |entry| entry.key);
            let (first, last) = (line(key.range().start()), line(node.range().end()));
            let explains = |comment: &Range| {
                let at = line(comment.start());
                let is_behind = at == last && comment.start() >= node.range().end();
                let is_above = at + 1 == first && self.is_alone(*comment, key.range().start());
                (is_behind || is_above) && !suppressions::is_suppression(&yaml.text()[*comment])
            };
            yaml.comments().iter().any(explains)
        })
    }

    /// Whether only blanks precede a comment on its line, in the column of a key on the next line.
    fn is_alone(&self, comment: Range, key: Offset) -> bool {
        let line_start = |offset: Offset| {
            let lines = self.yaml().lines();
            lines.content(lines.line(offset.into()), self.text()).start
        };
        let column = |offset: Offset| usize::from(offset) - line_start(offset);
        let before = &self.text()[line_start(comment.start())..comment.start().into()];
        before.trim_matches(' ').is_empty() && column(comment.start()) == column(key)
    }

    /// Returns the values with a finding that a suppression hides, or whose rule is turned off.
    fn protected_values(&self, inputs: Inputs<'_>) -> Vec<ProtectedValue> {
        let mut findings = self.suppressed.clone();
        let off: Vec<String> = inputs
            .config
            .rules
            .turned_off()
            .map(str::to_owned)
            .collect();
        if !off.is_empty() {
            let mut config = inputs.config.clone();
            config.rules = RuleSelection::default();
            config.rules.select = off;
            let inputs = Inputs {
                config: &config,
                ..inputs
            };
            let hidden = self.with_text(self.text(), inputs);
            findings.extend(hidden.findings);
            findings.extend(hidden.suppressed);
        }
        let written = findings.iter().filter(|finding| {
            !finding.target.absent && !matches!(finding.rule.check, Check::Suppressions)
        });
        written
            .map(|finding| ProtectedValue {
                range: finding.range,
                rule: finding.rule.id,
            })
            .collect()
    }

    /// Checks the result of an edit: the findings are gone, and the API server does not reject anything new.
    fn check(&self, findings: &[&Finding], after: &Analysis) -> Result<(), EditError> {
        // Removing a field also removes the mappings that it leaves empty.
        if after.pods < self.pods {
            return Err(EditError::new("the fix would remove the whole pod"));
        }
        let [before, left] = [self, after].map(|analysis| tally(analysis.findings.iter()));
        // A rule that panics on the result may hide a finding.
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
        let wanted = tally(findings.iter().copied());
        // The number of findings of a kind must drop by at least as many as were to be fixed.
        let is_fixed = |finding: &Finding| {
            let [before, left, wanted] = [&before, &left, &wanted]
                .map(|tally| tally.get(&kind(finding)).copied().unwrap_or(0));
            left + wanted <= before
        };
        if let Some(finding) = findings.iter().find(|finding| !is_fixed(finding)) {
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

    /// Returns why the fix of a finding cannot be applied, as far as that is known without trying. Only
    /// [`Analysis::edits`] is certain.
    pub fn quick_reject(&self, finding: &Finding) -> Option<EditError> {
        self.uneditable()
            .cloned()
            .or_else(|| edit::dry_run(self.yaml(), &changes(&[finding])).err())
    }

    /// Returns why the document cannot be edited at all.
    fn uneditable(&self) -> Option<&EditError> {
        let sealed = || self.kind.edit_blocker().map(EditError::new);
        self.uneditable
            .get_or_init(|| sealed().or_else(|| edit::check(self.yaml()).err()))
            .as_ref()
    }

    /// Returns for each finding whether to offer its fix: there is one, and nothing known prevents it. All fixes are
    /// planned together, and by halves if that fails.
    pub fn has_fix(&self) -> Vec<bool> {
        let mut offered = vec![false; self.findings.len()];
        let fixable: Vec<usize> = (0..self.findings.len())
            .filter(|index| self.findings[*index].fix.is_some())
            .collect();
        // Checking a fix needs the syntax tree, so that it is not parsed again for a chunk without fixes.
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

    /// Returns how many edits may be tried: more for a short document, because each try analyzes it.
    fn most_tries(&self) -> usize {
        const BYTES: usize = 4 << 20;
        (BYTES / self.text().len().max(1)).max(50)
    }
}

/// The reason if not all fixes of a long document were tried.
const TOO_MANY: &str =
    "too many other fixes failed in this document; resolve those first, or split it";

/// The fixes that are accepted so far.
#[derive(Default)]
struct Taken<'f> {
    /// How many more tries are left.
    proofs: usize,
    edits: Edits,
    accepted: Vec<&'f Finding>,
    /// With their indices among the candidates.
    refused: Vec<(usize, &'f Finding, EditError)>,
}

/// Findings of the same kind have the same rule, object and container.
type FindingKind<'f> = (&'static str, Option<usize>, Option<&'f str>);

fn kind(finding: &Finding) -> FindingKind<'_> {
    (
        finding.rule.id,
        finding.target.object,
        finding.target.container.as_deref(),
    )
}

/// Counts the findings of each kind.
fn tally<'f>(findings: impl Iterator<Item = &'f Finding>) -> HashMap<FindingKind<'f>, usize> {
    let mut tally = HashMap::new();
    findings.for_each(|finding| *tally.entry(kind(finding)).or_default() += 1);
    tally
}

/// Whether a finding violates a Pod Security Standard and has no fix.
fn is_unfixable(finding: &Finding) -> bool {
    let is_standard = matches!(
        finding.rule.enablement,
        Enablement::Profile(Profile::Baseline | Profile::Restricted)
    );
    finding.fix.is_none() && (is_standard || finding.no_fix.is_some())
}

/// Whether a fix moves or renames a field.
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
