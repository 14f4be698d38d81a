//! Edits that suppress findings with an ignore comment.
//!
//! The edits are verified: exactly the wanted findings are gone afterwards.

use super::chunk_context::{objects, patch};
use super::document_kind::DocumentKind;
use super::model::Analysis;
use crate::Inputs;
use crate::rules::{Check, Finding};
use crate::suppressions::{self, SuppressionScope, Suppressions};
use yaml::edit::{self, Change, EditError, Edits};

impl Analysis {
    /// Returns the edits that write an ignore comment for findings of one place, or for findings about missing fields
    /// of one container or pod. The edits are verified: the findings are gone, and only findings of the same rules in
    /// the same scope are gone with them.
    ///
    /// # Errors
    /// If the edits cannot be made. The message is for the user.
    pub fn suppress(
        &self,
        findings: &[&Finding],
        scope: SuppressionScope,
        inputs: Inputs<'_>,
    ) -> Result<Edits, EditError> {
        // A comment in a patch covers what is written in the patch.
        if let Some(reason) = self
            .kind
            .edit_blocker()
            .filter(|_| self.kind != DocumentKind::Patch)
        {
            return Err(EditError::new(reason));
        }
        let patch = patch(self.yaml(), self.role, inputs);
        let objects = objects(
            self.yaml(),
            patch.as_ref(),
            self.role,
            &self.context,
            inputs,
        );
        let suppressions = Suppressions::of(
            self.yaml(),
            &objects,
            inputs.config,
            self.context.standing(self.role),
        );
        let ways = suppressions::suppression_changes(&suppressions, findings, scope);
        let mut refusal = None;
        for change in ways {
            match self.verified_suppression(findings, scope, change, inputs) {
                Ok(edits) => return Ok(edits),
                Err(reason) => refusal = Some(refusal.unwrap_or(reason)),
            }
        }
        Err(refusal.unwrap_or_else(|| {
            EditError::new("the document has no line where a comment can be added")
        }))
    }

    fn verified_suppression(
        &self,
        findings: &[&Finding],
        scope: SuppressionScope,
        change: Change,
        inputs: Inputs<'_>,
    ) -> Result<Edits, EditError> {
        let edits = edit::plan(self.yaml(), &[change])?;
        let mut left = self.with_text(&edits.apply(self.text()), inputs).findings;
        // A required reason cannot be there before the user wrote it.
        left.retain(|finding| {
            !(inputs.config.require_reason && matches!(finding.rule.check, Check::Suppressions))
        });
        let mut gone = Vec::new();
        for before in &self.findings {
            match left.iter().position(|after| is_same(before, after)) {
                Some(place) => drop(left.remove(place)),
                None => gone.push(before),
            }
        }
        let is_meant_by = |finding: &Finding, other: &Finding| {
            let is_beside = other.target.object == finding.target.object
                && other.target.container == finding.target.container;
            other.rule.id == finding.rule.id && (scope == SuppressionScope::Document || is_beside)
        };
        let is_meant =
            |other: &&Finding| findings.iter().any(|finding| is_meant_by(finding, other));
        let left_over = findings
            .iter()
            .find(|finding| !gone.iter().any(|other| is_same(finding, other)));
        match (
            left.first().or(left_over.copied()),
            gone.iter().all(is_meant),
        ) {
            (None, true) => Ok(edits),
            (None, false) => Err(EditError::new(
                "a comment here would also suppress other findings",
            )),
            (Some(finding), _) => Err(EditError::new(format!(
                "a comment here would not suppress {}",
                finding.rule.id
            ))),
        }
    }
}

/// Whether two findings are the same, regardless of their positions.
fn is_same(one: &Finding, other: &Finding) -> bool {
    one.rule.id == other.rule.id
        && one.message == other.message
        && one.target.object == other.target.object
        && one.target.container == other.target.container
}
