//! Code actions at a place or for the whole file.
//!
//! Every edit is computed from the current text, and proved. What diagnostics carry back is never used.
//!
//! Hardening a container or an object can take many rounds, so its edits are computed when the user chooses it, if the client supports
//! that; offering it costs the proof of one fix. Fixes of findings are proved at once, because nothing else shows whether they apply.

use super::commands;
use super::deferred::{Deferred, Unresolved};
use super::edit::workspace_edit;
use super::fixes::{self, Offer, Whole};
use super::suppress::{self, Place};
use crate::diagnostics::convert;
use crate::diagnostics::grouping::{self, Mark};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::{from_proto, to_proto};
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::settings::Grouping;
use crate::session::workers::Panicked;
use linter::analysis::{Chunk, EditError, Edits};
use linter::rules::Page;
use std::cmp::Reverse;
use std::ops::Range;
use tower_lsp::ls_types::{self as lsp, CodeActionKind, Uri};

const FIX_ALL: CodeActionKind = CodeActionKind::new("source.fixAll.kubeharden");

pub(crate) const KINDS: [CodeActionKind; 4] = [
    CodeActionKind::QUICKFIX,
    suppress::KIND,
    CodeActionKind::REFACTOR_REWRITE,
    FIX_ALL,
];

/// A client that requests this kind, or one below it, wants nothing but ways to ignore.
const IGNORES: CodeActionKind = CodeActionKind::new("quickfix.ignore");

pub(crate) async fn code_action(
    analyzer: &Analyzer,
    client: Capabilities,
    grouping: Grouping,
    params: lsp::CodeActionParams,
) -> Result<Option<lsp::CodeActionResponse>, Panicked> {
    let url = params.text_document.uri;
    let Some(analyzed) = analyzer.latest(&url).await else {
        return Ok(None);
    };
    let range = from_proto::range(params.range);
    let range = analyzed.snapshot.text.range(range, client.encoding);
    let asked = Asked::of(&params.context, range);
    let place = Place::of(&analyzer.configurations, &analyzer.documents, &url);
    let work = move || {
        let answer = Answer {
            url: &url,
            analyzed: &analyzed,
            client,
            grouping,
        };
        let mut actions = answer.to(&asked);
        if asked.ignores && asked.by_user {
            let marks = grouping::marks(&analyzed.report, grouping);
            let met: Vec<&Mark<'_>> = marks.iter().filter(|mark| asked.is_at(mark)).collect();
            let ignore = suppress::Asked {
                url: &url,
                analyzed: &analyzed,
                client: &client,
                place: place.as_ref(),
            };
            actions.extend(ignore.actions(&met, asked.ignores_alone));
        }
        actions
    };
    let actions = analyzer.run(work).await?;
    Ok(Some(actions.into_iter().map(Into::into).collect()))
}

/// Adds the edits to an action that was offered without them.
pub(crate) async fn resolve(
    analyzer: &Analyzer,
    client: Capabilities,
    action: lsp::CodeAction,
) -> Result<lsp::CodeAction, Unresolved> {
    let Some(data) = action.data.clone().filter(|_| action.edit.is_none()) else {
        return Ok(action);
    };
    let (deferred, analyzed) = Deferred::<Whole>::resolve(analyzer, data).await?;
    let work = move || {
        let chunk = deferred.chunk(&analyzed)?;
        let inputs = analyzed.inputs.borrow();
        let edits = deferred.target.harden(chunk.analysis, inputs);
        (!edits.is_empty())
            .then(|| workspace_edit(&deferred.uri, &analyzed, &client, [(chunk, edits)]))
    };
    // With the same text and another configuration there may be nothing left to do.
    let edit = analyzer.run(work).await?.ok_or(Unresolved::Outdated)?;
    Ok(lsp::CodeAction {
        edit: Some(edit),
        ..action
    })
}

/// What a client requests.
struct Asked {
    range: Range<usize>,
    /// The user asked, and no diagnostic is at the place: fixes around it are of interest too.
    by_hand: bool,
    /// The user asked: not the client on its own when the cursor moves.
    by_user: bool,
    quick_fixes: bool,
    ignores: bool,
    ignores_alone: bool,
    rewrites: bool,
    fix_all: bool,
    /// Whether to offer documentation, which belongs in a menu only.
    pages: bool,
}

impl Asked {
    fn of(context: &lsp::CodeActionContext, range: Range<usize>) -> Self {
        let wants = |kind: &CodeActionKind| {
            context
                .only
                .as_ref()
                .map(|only| only.iter().any(|asked| includes(asked, kind)))
        };
        Asked {
            range,
            by_hand: context.diagnostics.is_empty()
                && context.trigger_kind == Some(lsp::CodeActionTriggerKind::INVOKED),
            by_user: context.trigger_kind != Some(lsp::CodeActionTriggerKind::AUTOMATIC),
            quick_fixes: wants(&CodeActionKind::QUICKFIX).unwrap_or(true),
            ignores: wants(&suppress::KIND).unwrap_or(true),
            ignores_alone: context
                .only
                .iter()
                .flatten()
                .any(|asked| includes(&IGNORES, asked)),
            rewrites: wants(&CodeActionKind::REFACTOR_REWRITE).unwrap_or(true),
            // Clients run these when a file is saved. They do not belong in a menu at a place.
            fix_all: wants(&FIX_ALL).unwrap_or(false),
            pages: context.only.is_none(),
        }
    }

    /// Whether a range touches the requested one.
    fn meets(&self, range: &Range<usize>) -> bool {
        range.start <= self.range.end && self.range.start <= range.end
    }

    /// Whether a mark is at the requested place.
    fn is_at(&self, mark: &Mark<'_>) -> bool {
        self.meets(&mark.chunk.place(mark.range()))
    }

    /// Whether a mark is of interest: at the place, or around it if the user asked by hand.
    fn concerns(&self, mark: &Mark<'_>) -> bool {
        let is_inside = || {
            mark.findings
                .iter()
                .any(|finding| self.meets(&fixes::extent(mark.chunk, finding.target.range)))
        };
        self.is_at(mark) || (self.by_hand && is_inside())
    }
}

/// What an answer depends on.
struct Answer<'a> {
    url: &'a Uri,
    analyzed: &'a Analyzed,
    client: Capabilities,
    grouping: Grouping,
}

impl Answer<'_> {
    fn to(&self, asked: &Asked) -> Vec<lsp::CodeAction> {
        let mut marks = grouping::marks(&self.analyzed.report, self.grouping);
        // The most severe first; a stable sort keeps the order of the text.
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
            let parts = self.analyzed.report.chunks().enumerate();
            actions.extend(parts.flat_map(|(index, chunk)| self.rewrites(asked, index, chunk)));
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
            analyzed,
            client,
            ..
        } = self;
        // A preferred action may be applied without a look, so it must be about the diagnostic at the cursor.
        let is_at = asked.is_at(mark);
        let action = |Offer { title, safe, edits }: Offer| {
            let action = lsp::CodeAction {
                title: to_proto::title(&title),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![convert::diagnostic(
                    mark,
                    &analyzed.snapshot,
                    url,
                    client,
                )]),
                ..Default::default()
            };
            match edits {
                Ok(edits) => Some(lsp::CodeAction {
                    edit: Some(self.workspace_edit([(mark.chunk, edits)])),
                    is_preferred: client.preferred_actions.then_some(safe && is_at),
                    ..action
                }),
                Err(error) => self.withheld(action, mark.chunk, error),
            }
        };
        fixes::of_mark(mark, analyzed.inputs.borrow())
            .into_iter()
            .filter_map(action)
            .collect()
    }

    /// Returns a disabled action with its reason, if the client supports that.
    fn withheld(
        &self,
        action: lsp::CodeAction,
        chunk: Chunk<'_>,
        error: EditError,
    ) -> Option<lsp::CodeAction> {
        let above = self
            .analyzed
            .snapshot
            .text
            .position(chunk.start, self.client.encoding)
            .line;
        let disabled = Some(lsp::CodeActionDisabled {
            reason: error.with_line_offset(above as usize).to_string(),
        });
        self.client
            .disabled_actions
            .then_some(lsp::CodeAction { disabled, ..action })
    }

    /// Returns the actions that harden the containers and objects at the place.
    fn rewrites(&self, asked: &Asked, index: usize, chunk: Chunk<'_>) -> Vec<lsp::CodeAction> {
        let action = |(whole, title): (Whole, String)| {
            let action = lsp::CodeAction {
                title: to_proto::title(&title),
                kind: Some(CodeActionKind::REFACTOR_REWRITE),
                ..Default::default()
            };
            match whole.check(chunk.analysis, self.analyzed.inputs.borrow()) {
                Err(error) => self.withheld(action, chunk, error),
                Ok(()) if self.client.resolved_edits => {
                    let revision = self.analyzed.snapshot.revision;
                    let deferred = Deferred {
                        uri: self.url.clone(),
                        revision,
                        part: index,
                        target: whole,
                    };
                    Some(lsp::CodeAction {
                        data: serde_json::to_value(deferred).ok(),
                        ..action
                    })
                }
                Ok(()) => {
                    let edits = whole.harden(chunk.analysis, self.analyzed.inputs.borrow());
                    Some(lsp::CodeAction {
                        edit: Some(self.workspace_edit([(chunk, edits)])),
                        ..action
                    })
                }
            }
        };
        fixes::wholes_at(chunk, |range| asked.meets(&range))
            .into_iter()
            .filter_map(action)
            .collect()
    }

    /// Returns one action with all safe fixes.
    fn fix_all(&self) -> Option<lsp::CodeAction> {
        let edits: Vec<_> = fixes::safe_edits(self.analyzed)
            .filter(|(_, edits)| !edits.is_empty())
            .collect();
        (!edits.is_empty()).then(|| lsp::CodeAction {
            title: "Apply all safe fixes".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(self.workspace_edit(edits)),
            ..Default::default()
        })
    }

    fn workspace_edit<'d>(
        &self,
        edits: impl IntoIterator<Item = (Chunk<'d>, Edits)>,
    ) -> lsp::WorkspaceEdit {
        workspace_edit(self.url, self.analyzed, &self.client, edits)
    }
}

/// Returns actions that show the documentation of some marks, without duplicates. They have no kind, because they change nothing.
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
            command: Some(commands::show_page(&page, title)),
            ..Default::default()
        }
    };
    pages.into_iter().map(action).collect()
}

/// Whether a requested kind includes another one: `source` includes `source.fixAll`, and the empty kind includes all.
fn includes(asked: &CodeActionKind, kind: &CodeActionKind) -> bool {
    match kind.as_str().strip_prefix(asked.as_str()) {
        Some(rest) => rest.is_empty() || asked.as_str().is_empty() || rest.starts_with('.'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_include_their_children() {
        let includes = |asked: &'static str| includes(&CodeActionKind::new(asked), &FIX_ALL);
        for asked in ["", "source", "source.fixAll", "source.fixAll.kubeharden"] {
            assert!(includes(asked), "{asked:?}");
        }
        for asked in [
            "sour",
            "source.fix",
            "quickfix",
            "source.fixAll.kubeharden.more",
            "source.organizeImports",
        ] {
            assert!(!includes(asked), "{asked:?}");
        }
    }
}
