//! The question what can be done at a place, or in the whole file.
//!
//! Knows what clients ask and how they take an answer. Promise: every edit was found for the text as it is now, from the findings
//! of now, and was proved by the engine; what diagnostics carry back is never trusted. An action without its edits has some, and
//! gives them for the text that it was offered for or not at all.
//!
//! Hardening a container or an object can take many rounds of mending, and is computed once somebody chooses it, where the client
//! can ask then. To offer it costs the proof of one of its fixes. What is offered for a finding is proved at once: whether it has
//! to be withheld, and why, is not known otherwise.

use super::actions::{self, Offer, Whole};
use super::analysis::{self, Panicked};
use super::capabilities::Capabilities;
use super::groups::{self, Grouping, Mark};
use super::ignore_action::{self, Place};
use super::state::{Analysed, State};
use super::{command, from_proto, to_proto};
use linter::analysis::{Chunk, EditError, Edits};
use linter::rules::Page;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::ls_types::{self as lsp, CodeActionKind, Uri};

const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.kubeharden");

pub(super) const KINDS: [CodeActionKind; 4] = [
    CodeActionKind::QUICKFIX,
    ignore_action::KIND,
    CodeActionKind::REFACTOR_REWRITE,
    FIX_ALL,
];

/// Who asks for this kind, or for one below, asks for ways to ignore and nothing else.
const IGNORES: CodeActionKind = CodeActionKind::new("quickfix.ignore");

/// Why an action does not get its edits.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// It was offered for another text than the one that is there now.
    Outdated,
    Failed(Panicked),
}

/// What an action without its edits carries, to get them later.
#[derive(Debug, Serialize, Deserialize)]
struct Deferred {
    uri: Uri,
    /// Of the snapshot that it was offered for.
    revision: u64,
    /// The document's index.
    part: usize,
    whole: Whole,
}

pub(super) async fn code_action(
    state: &Arc<State>,
    params: lsp::CodeActionParams,
) -> Result<Option<lsp::CodeActionResponse>, Panicked> {
    let url = params.text_document.uri;
    let Some(analysed) = analysis::latest(state, &url).await else {
        return Ok(None);
    };
    let range = analysed
        .snapshot
        .text
        .range(from_proto::range(params.range), state.encoding());
    let asked = Asked::of(&params.context, range);
    let (client, grouping) = (state.capabilities(), state.configuration.grouping());
    let place = Place::of(state, &url);
    let actions = analysis::off_thread(state, move || {
        let mut actions = Answer {
            url: &url,
            analysed: &analysed,
            client,
            grouping,
        }
        .to(&asked);
        if asked.ignores && asked.by_a_person {
            let marks = groups::marks(&analysed.report, grouping);
            let met: Vec<&Mark<'_>> = marks.iter().filter(|mark| asked.is_at(mark)).collect();
            let ignore = ignore_action::Asked {
                url: &url,
                analysed: &analysed,
                client: &client,
                place: place.as_ref(),
            };
            actions.extend(ignore.actions(&met, asked.ignores_alone));
        }
        actions
    })
    .await?;
    Ok(Some(actions.into_iter().map(Into::into).collect()))
}

/// Gives an action the edits that it was offered without.
pub(super) async fn resolve(
    state: &Arc<State>,
    action: lsp::CodeAction,
) -> Result<lsp::CodeAction, Unresolved> {
    let Some(data) = action.data.clone().filter(|_| action.edit.is_none()) else {
        return Ok(action);
    };
    let deferred: Deferred = serde_json::from_value(data).map_err(|_| Unresolved::Outdated)?;
    let analysed = analysis::latest(state, &deferred.uri)
        .await
        .ok_or(Unresolved::Outdated)?;
    if analysed.snapshot.revision != deferred.revision {
        return Err(Unresolved::Outdated);
    }
    let (client, grouping) = (state.capabilities(), state.configuration.grouping());
    let edit = analysis::off_thread(state, move || {
        let answer = Answer {
            url: &deferred.uri,
            analysed: &analysed,
            client,
            grouping,
        };
        let part = analysed.report.chunks().nth(deferred.part)?;
        let edits = deferred
            .whole
            .harden(part.analysis, analysed.inputs.borrow());
        (!edits.is_empty()).then(|| answer.workspace_edit([(part, edits)]))
    });
    // With the same text and another configuration there may be nothing left to do.
    let edit = edit
        .await
        .map_err(Unresolved::Failed)?
        .ok_or(Unresolved::Outdated)?;
    Ok(lsp::CodeAction {
        edit: Some(edit),
        ..action
    })
}

/// What a client wants to know.
struct Asked {
    range: Range<usize>,
    /// A person asked, and has no diagnostic at the place: all that could be mended around it is of interest.
    by_hand: bool,
    /// A person asked, as far as the client tells: not the client by itself wherever the cursor goes.
    by_a_person: bool,
    quick_fixes: bool,
    ignores: bool,
    ignores_alone: bool,
    rewrites: bool,
    fix_all: bool,
    /// What changes nothing belongs in a menu alone.
    pages: bool,
}

impl Asked {
    fn of(context: &lsp::CodeActionContext, range: Range<usize>) -> Self {
        let wants = |kind: &CodeActionKind| {
            context
                .only
                .as_ref()
                .map(|only| only.iter().any(|asked| holds(asked, kind)))
        };
        Asked {
            range,
            by_hand: context.diagnostics.is_empty()
                && context.trigger_kind == Some(lsp::CodeActionTriggerKind::INVOKED),
            by_a_person: context.trigger_kind != Some(lsp::CodeActionTriggerKind::AUTOMATIC),
            quick_fixes: wants(&CodeActionKind::QUICKFIX).unwrap_or(true),
            ignores: wants(&ignore_action::KIND).unwrap_or(true),
            ignores_alone: context
                .only
                .iter()
                .flatten()
                .any(|asked| holds(&IGNORES, asked)),
            rewrites: wants(&CodeActionKind::REFACTOR_REWRITE).unwrap_or(true),
            // Clients run these unseen when a file is saved; in a menu at a place they have no business.
            fix_all: wants(&FIX_ALL).unwrap_or(false),
            pages: context.only.is_none(),
        }
    }

    /// Whether something is at the place that was asked about, its ends included.
    fn meets(&self, range: &Range<usize>) -> bool {
        range.start <= self.range.end && self.range.start <= range.end
    }

    /// Whether a mark is at the place.
    fn is_at(&self, mark: &Mark<'_>) -> bool {
        self.meets(&mark.part.place(mark.range()))
    }

    /// Whether a mark is of interest: by hand, what it is about may be at the place.
    fn concerns(&self, mark: &Mark<'_>) -> bool {
        let is_inside = || {
            mark.findings
                .iter()
                .any(|finding| self.meets(&actions::extent(mark.part, finding.target.range)))
        };
        self.is_at(mark) || (self.by_hand && is_inside())
    }
}

/// What is known of a text, and who is told.
struct Answer<'a> {
    url: &'a Uri,
    analysed: &'a Analysed,
    client: Capabilities,
    grouping: Grouping,
}

impl Answer<'_> {
    fn to(&self, asked: &Asked) -> Vec<lsp::CodeAction> {
        let mut marks = groups::marks(&self.analysed.report, self.grouping);
        // A menu is read from above; what is as grave stays as it comes in the text.
        marks.sort_by_key(|mark| Reverse(mark.severity()));
        let mut actions = Vec::new();
        if asked.quick_fixes {
            actions.extend(
                marks
                    .iter()
                    .filter(|mark| asked.concerns(mark))
                    .flat_map(|mark| self.quick_fixes(asked, mark)),
            );
        }
        if asked.rewrites {
            let parts = self.analysed.report.chunks().enumerate();
            actions.extend(parts.flat_map(|(index, part)| self.rewrites(asked, index, part)));
        }
        if asked.fix_all {
            actions.extend(self.fix_all());
        }
        if asked.pages && self.client.show_document {
            actions.extend(pages(marks.iter().filter(|mark| asked.is_at(mark))));
        }
        actions
    }

    fn quick_fixes(&self, asked: &Asked, mark: &Mark<'_>) -> Vec<lsp::CodeAction> {
        let Answer {
            url,
            analysed,
            client,
            ..
        } = self;
        // What is preferred comes first in a menu and is taken unseen: it has to be about what is marked where the person is.
        let is_at = asked.is_at(mark);
        let action = |Offer { title, safe, edits }: Offer| {
            let action = lsp::CodeAction {
                title: to_proto::title(&title),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![to_proto::diagnostic(
                    mark,
                    &analysed.snapshot,
                    url,
                    client,
                )]),
                ..Default::default()
            };
            match edits {
                Ok(edits) => Some(lsp::CodeAction {
                    edit: Some(self.workspace_edit([(mark.part, edits)])),
                    is_preferred: client.preferred_actions.then_some(safe && is_at),
                    ..action
                }),
                Err(refusal) => self.withheld(action, mark.part, refusal),
            }
        };
        actions::of_mark(mark, analysed.inputs.borrow())
            .into_iter()
            .filter_map(action)
            .collect()
    }

    /// An action that says why it cannot be taken, if the client can show that.
    fn withheld(
        &self,
        action: lsp::CodeAction,
        part: Chunk<'_>,
        refusal: EditError,
    ) -> Option<lsp::CodeAction> {
        let above = self
            .analysed
            .snapshot
            .text
            .position(part.start, self.client.encoding)
            .line;
        let disabled = Some(lsp::CodeActionDisabled {
            reason: refusal.with_line_offset(above as usize).to_string(),
        });
        self.client
            .disabled_actions
            .then_some(lsp::CodeAction { disabled, ..action })
    }

    /// What hardens the container and the object around the place.
    fn rewrites(&self, asked: &Asked, index: usize, part: Chunk<'_>) -> Vec<lsp::CodeAction> {
        let action = |(whole, title): (Whole, String)| {
            let action = lsp::CodeAction {
                title: to_proto::title(&title),
                kind: Some(CodeActionKind::REFACTOR_REWRITE),
                ..Default::default()
            };
            match whole.check(part.analysis, self.analysed.inputs.borrow()) {
                Err(refusal) => self.withheld(action, part, refusal),
                Ok(()) if self.client.resolved_edits => {
                    let revision = self.analysed.snapshot.revision;
                    let deferred = Deferred {
                        uri: self.url.clone(),
                        revision,
                        part: index,
                        whole,
                    };
                    Some(lsp::CodeAction {
                        data: serde_json::to_value(deferred).ok(),
                        ..action
                    })
                }
                Ok(()) => {
                    let edits = whole.harden(part.analysis, self.analysed.inputs.borrow());
                    Some(lsp::CodeAction {
                        edit: Some(self.workspace_edit([(part, edits)])),
                        ..action
                    })
                }
            }
        };
        actions::wholes_at(part, |range| asked.meets(&range))
            .into_iter()
            .filter_map(action)
            .collect()
    }

    /// One action that mends all that can be mended without a person's judgement.
    fn fix_all(&self) -> Option<lsp::CodeAction> {
        let edits: Vec<_> = actions::safe_edits(self.analysed)
            .filter(|(_, edits)| !edits.is_empty())
            .collect();
        (!edits.is_empty()).then(|| lsp::CodeAction {
            title: "Fix everything that is safe to fix".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(self.workspace_edit(edits)),
            ..Default::default()
        })
    }

    fn workspace_edit<'d>(
        &self,
        edits: impl IntoIterator<Item = (Chunk<'d>, Edits)>,
    ) -> lsp::WorkspaceEdit {
        let snapshot = &self.analysed.snapshot;
        let of = |(part, edits): (Chunk<'_>, Edits)| {
            to_proto::text_edits(part, &edits, &snapshot.text, self.client.encoding)
        };
        let edits = edits.into_iter().flat_map(of).collect();
        to_proto::workspace_edit(self.url, snapshot.version, edits, &self.client)
    }
}

/// Actions that show what some marks are about, each page once. They have no kind: nothing is mended by them.
fn pages<'a>(marks: impl Iterator<Item = &'a Mark<'a>>) -> Vec<lsp::CodeAction> {
    let mut pages = Vec::new();
    for page in marks.map(Mark::page) {
        if !pages.contains(&page) {
            pages.push(page);
        }
    }
    let action = |page: Page| {
        let title = format!("Show documentation of {}", page.id);
        lsp::CodeAction {
            title: title.clone(),
            command: Some(command::show_page(&page, title)),
            ..Default::default()
        }
    };
    pages.into_iter().map(action).collect()
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
        for asked in [
            "sour",
            "source.fix",
            "quickfix",
            "source.fixAll.kubeharden.more",
            "source.organizeImports",
        ] {
            assert!(!holds(asked), "{asked:?}");
        }
    }
}
