//! What can be mended at a place, or in the whole file.
//!
//! Promise: every edit was found for the text as it is now, from the findings of now, and was proved by the engine; what
//! diagnostics carry back is never trusted.

use super::analysis::{self, Panicked};
use super::capabilities::Capabilities;
use super::state::{Analysed, State};
use super::{from_proto, to_proto};
use crate::engine::Document;
use crate::rules::{Finding, Fix, Safety};
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::lsp_types::{self as lsp, CodeActionKind, Url};

const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.kubeharden");

pub(super) const KINDS: [CodeActionKind; 2] = [CodeActionKind::QUICKFIX, FIX_ALL];

pub(super) async fn code_action(
    state: &Arc<State>,
    params: lsp::CodeActionParams,
) -> Result<Option<lsp::CodeActionResponse>, Panicked> {
    let url = params.text_document.uri;
    let Some(analysed) = analysis::latest(state, &url).await else { return Ok(None) };
    let asked = Asked::of(&params.context, params.range, &analysed, state.capabilities());
    let actions = analysis::off_thread(state, move || asked.answer(&url, &analysed)).await?;
    Ok(Some(actions.into_iter().map(Into::into).collect()))
}

/// What a client wants to know.
struct Asked {
    client: Capabilities,
    range: Range<usize>,
    /// A person asked, and has no diagnostic at the place: all that could be mended around it is of interest.
    by_hand: bool,
    quick_fixes: bool,
    fix_all: bool,
}

impl Asked {
    fn of(context: &lsp::CodeActionContext, range: lsp::Range, analysed: &Analysed, client: Capabilities) -> Self {
        let wants = |kind: &CodeActionKind| context.only.as_ref().map(|only| only.iter().any(|asked| holds(asked, kind)));
        Asked {
            client,
            range: analysed.snapshot.text.range(from_proto::range(range), client.encoding),
            by_hand: context.diagnostics.is_empty() && context.trigger_kind == Some(lsp::CodeActionTriggerKind::INVOKED),
            quick_fixes: wants(&CodeActionKind::QUICKFIX).unwrap_or(true),
            // Clients run these unseen when a file is saved; in a menu at a place they have no business.
            fix_all: wants(&FIX_ALL).unwrap_or(false),
        }
    }

    fn answer(&self, url: &Url, analysed: &Analysed) -> Vec<lsp::CodeAction> {
        let mut actions = Vec::new();
        if self.quick_fixes {
            let found = analysed.report.documents.iter().flat_map(findings_of);
            let met = found.filter(|(document, finding)| self.meets(document, finding));
            let ways = met.flat_map(|(document, finding)| finding.each_way().map(move |way| (document, way)));
            actions.extend(ways.filter_map(|(document, way)| self.quick_fix(url, analysed, document, &way)));
        }
        if self.fix_all {
            actions.extend(self.fix_all(url, analysed));
        }
        actions
    }

    /// Whether a finding is at the place that was asked about, its ends included; by hand, whether its container is.
    fn meets(&self, document: &Document, finding: &Finding) -> bool {
        let meets = |range: Range<usize>| range.start <= self.range.end && self.range.start <= range.end;
        meets(document.place(finding.range)) || (self.by_hand && meets(document.place(finding.subject.range)))
    }

    /// The action that mends one finding; where its edits are refused, one that says why, if the client can show that.
    fn quick_fix(&self, url: &Url, analysed: &Analysed, document: &Document, finding: &Finding) -> Option<lsp::CodeAction> {
        let Fix { title, safety, .. } = finding.fix.as_ref()?;
        let snapshot = &analysed.snapshot;
        let action = lsp::CodeAction {
            title: title.clone(),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![to_proto::diagnostic(document, finding, snapshot, url, &self.client)]),
            ..Default::default()
        };
        match document.analysis.edits(&[finding], &analysed.config) {
            Ok(edits) => {
                let edits = to_proto::text_edits(document, &edits, &snapshot.text, self.client.encoding);
                Some(lsp::CodeAction {
                    edit: Some(to_proto::workspace_edit(url, snapshot.version, edits, &self.client)),
                    is_preferred: self.client.preferred_actions.then_some(*safety == Safety::Safe),
                    ..action
                })
            }
            Err(refusal) => {
                let disabled = Some(lsp::CodeActionDisabled { reason: refusal.to_string() });
                self.client.disabled_actions.then_some(lsp::CodeAction { disabled, ..action })
            }
        }
    }

    /// One action that mends all that can be mended without a person's judgement.
    fn fix_all(&self, url: &Url, analysed: &Analysed) -> Option<lsp::CodeAction> {
        let edits: Vec<_> = analysed.report.documents.iter().flat_map(|document| self.safe_edits(analysed, document)).collect();
        (!edits.is_empty()).then(|| lsp::CodeAction {
            title: "fix everything that is safe to fix".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(to_proto::workspace_edit(url, analysed.snapshot.version, edits, &self.client)),
            ..Default::default()
        })
    }

    fn safe_edits(&self, analysed: &Analysed, document: &Document) -> Vec<lsp::TextEdit> {
        let is_safe = |finding: &Finding| finding.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Safe);
        let mended = document.analysis.mend(&analysed.config, is_safe);
        to_proto::text_edits(document, &mended.edits, &analysed.snapshot.text, self.client.encoding)
    }
}

fn findings_of(document: &Document) -> impl Iterator<Item = (&Document, &Finding)> {
    document.analysis.findings.iter().map(move |finding| (document, finding))
}

/// Whether a kind that was asked for holds another one: `source` holds `source.fixAll`, and the empty kind holds all.
fn holds(asked: &CodeActionKind, kind: &CodeActionKind) -> bool {
    match kind.as_str().strip_prefix(asked.as_str()) {
        Some(rest) => rest.is_empty() || asked.as_str().is_empty() || rest.starts_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_holds_what_begins_with_its_parts() {
        let holds = |asked: &'static str| holds(&CodeActionKind::new(asked), &FIX_ALL);
        for asked in ["", "source", "source.fixAll", "source.fixAll.kubeharden"] {
            assert!(holds(asked), "{asked:?}");
        }
        for asked in ["sour", "source.fix", "quickfix", "source.fixAll.kubeharden.more", "source.organizeImports"] {
            assert!(!holds(asked), "{asked:?}");
        }
    }
}
