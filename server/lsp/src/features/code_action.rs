//! Code actions at a place or for the whole file.
//!
//! Every edit is computed from the current text, and proved. The diagnostics in a request are never used.

use super::commands;
use super::deferred::{Deferred, Unresolved};
use super::edit::workspace_edit;
use super::fixes::{self, HardenTarget, Offer};
use super::suppress::{self, ExceptionFile};
use crate::diagnostics::convert;
use crate::diagnostics::grouping::{self, Mark};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::{from_proto, to_proto};
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use crate::session::settings::Grouping;
use crate::session::workers::Panicked;
use crate::setup::ActionLimits;
use linter::analysis::{Chunk, EditError, Edits};
use linter::rules::{Applicability, Page};
use serde_json::json;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// A limit for one kind of action. An action is only offered after its edit was applied and analyzed, so a selection of many findings
/// would keep a processor busy for seconds.
struct Budget<'a> {
    /// How many bytes may still be analyzed.
    bytes: usize,
    is_first: bool,
    is_cancelled: &'a AtomicBool,
}

impl<'a> Budget<'a> {
    fn new(bytes: usize, is_cancelled: &'a AtomicBool) -> Budget<'a> {
        Budget {
            bytes,
            is_first: true,
            is_cancelled,
        }
    }

    /// Whether a number of edits of a chunk may be tried. The first ones always may.
    fn allows(&mut self, chunk: Chunk<'_>, edits: usize) -> bool {
        let cost = chunk.analysis.text().len().saturating_mul(edits);
        let is_first = std::mem::take(&mut self.is_first);
        let is_cancelled = self.is_cancelled.load(Ordering::Relaxed);
        let is_allowed = !is_cancelled && (is_first || cost <= self.bytes);
        self.bytes = self.bytes.saturating_sub(cost);
        is_allowed
    }
}

/// Tells the work for a request that it was cancelled: its future is then dropped.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

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
    let request = Request::of(&params.context, range);
    let exception_file = ExceptionFile::of(&analyzer.configurations, &analyzer.documents, &url);
    let limits = analyzer.action_limits;
    let cancel = CancelOnDrop(Arc::default());
    let is_cancelled = Arc::clone(&cancel.0);
    let work = move || {
        let maker = ActionMaker {
            url: &url,
            analyzed: &analyzed,
            client,
            grouping,
            limits,
            is_cancelled: &is_cancelled,
        };
        let mut actions = maker.actions(&request);
        if request.ignores && request.is_by_user {
            let marks = grouping::marks(&analyzed.report, grouping);
            let marks: Vec<&Mark<'_>> = marks.iter().filter(|mark| request.is_at(mark)).collect();
            let maker = suppress::ActionMaker {
                url: &url,
                analyzed: &analyzed,
                client: &client,
                exception_file: exception_file.as_ref(),
            };
            actions.extend(maker.actions(&marks, request.only_ignores));
        }
        actions.truncate(limits.actions);
        actions
    };
    let actions = analyzer.run(work).await?;
    drop(cancel);
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
    let (deferred, analyzed) = Deferred::<HardenTarget>::resolve(analyzer, data).await?;
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

/// The place of a request, and the kinds of actions that it includes.
struct Request {
    /// In bytes.
    range: Range<usize>,
    /// Whether the user asked, and not the client on its own when the cursor moved.
    is_by_user: bool,
    /// Whether to include fixes of findings whose container or object is around the place: the user asked, and the place has no
    /// diagnostic.
    includes_nearby: bool,
    quick_fixes: bool,
    ignores: bool,
    only_ignores: bool,
    rewrites: bool,
    fix_all: bool,
    /// Whether to offer documentation, which belongs in a menu only.
    pages: bool,
}

impl Request {
    fn of(context: &lsp::CodeActionContext, range: Range<usize>) -> Self {
        let wants = |kind: &CodeActionKind| {
            context
                .only
                .as_ref()
                .map(|only| only.iter().any(|requested| includes(requested, kind)))
        };
        Request {
            range,
            includes_nearby: context.diagnostics.is_empty()
                && context.trigger_kind == Some(lsp::CodeActionTriggerKind::INVOKED),
            is_by_user: context.trigger_kind != Some(lsp::CodeActionTriggerKind::AUTOMATIC),
            quick_fixes: wants(&CodeActionKind::QUICKFIX).unwrap_or(true),
            ignores: wants(&suppress::KIND).unwrap_or(true),
            only_ignores: context
                .only
                .iter()
                .flatten()
                .any(|kind| includes(&IGNORES, kind)),
            rewrites: wants(&CodeActionKind::REFACTOR_REWRITE).unwrap_or(true),
            // Clients run these when a file is saved. They do not belong in a menu at a place.
            fix_all: wants(&FIX_ALL).unwrap_or(false),
            pages: context.only.is_none(),
        }
    }

    /// Whether a range touches the requested one.
    fn touches(&self, range: &Range<usize>) -> bool {
        range.start <= self.range.end && self.range.start <= range.end
    }

    /// Whether a mark is at the place.
    fn is_at(&self, mark: &Mark<'_>) -> bool {
        self.touches(&mark.chunk.place(mark.range()))
    }

    /// Whether to offer the fixes of a mark.
    fn includes(&self, mark: &Mark<'_>) -> bool {
        let is_around = || {
            mark.findings
                .iter()
                .any(|finding| self.touches(&fixes::extent(mark.chunk, finding.target.range)))
        };
        self.is_at(mark) || (self.includes_nearby && is_around())
    }
}

/// Makes the actions for an analyzed document and a client.
struct ActionMaker<'a> {
    url: &'a Uri,
    analyzed: &'a Analyzed,
    client: Capabilities,
    grouping: Grouping,
    limits: ActionLimits,
    is_cancelled: &'a AtomicBool,
}

impl ActionMaker<'_> {
    fn actions(&self, request: &Request) -> Vec<lsp::CodeAction> {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut marks = grouping::marks(&self.analyzed.report, self.grouping);
        // The most severe first; a stable sort keeps the order of the text.
        marks.sort_by_key(|mark| Reverse(mark.severity()));
        let mut actions = Vec::new();
        // First, so that a limit never drops it.
        if request.fix_all {
            actions.extend(self.fix_all());
        }
        if request.quick_fixes {
            // One edit for each finding, and a few for all of a group.
            let mut budget = Budget::new(self.limits.bytes, self.is_cancelled);
            let included = marks.iter().filter(|mark| request.includes(mark));
            actions.extend(
                included
                    .take_while(|mark| budget.allows(mark.chunk, mark.findings.len() + 4))
                    .flat_map(|mark| self.quick_fixes(request, mark)),
            );
        }
        if request.rewrites {
            let mut budget = Budget::new(self.limits.bytes, self.is_cancelled);
            let chunks = self.analyzed.report.chunks().enumerate();
            actions.extend(
                chunks.flat_map(|(index, chunk)| self.rewrites(request, index, chunk, &mut budget)),
            );
        }
        if request.pages && self.client.show_document {
            actions.extend(pages(marks.iter().filter(|mark| request.is_at(mark))));
        }
        actions
    }

    fn quick_fixes(&self, request: &Request, mark: &Mark<'_>) -> Vec<lsp::CodeAction> {
        let ActionMaker {
            url,
            analyzed,
            client,
            ..
        } = self;
        // A preferred action may be applied without a look, so it must be about the diagnostic at the cursor.
        let is_at = request.is_at(mark);
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
                Err(error) => self.disabled(action, mark.chunk, error),
            }
        };
        fixes::of_mark(mark, analyzed.inputs.borrow())
            .into_iter()
            .filter_map(action)
            .collect()
    }

    /// Returns a disabled action with its reason, if the client supports that.
    fn disabled(
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

    /// Returns the actions that harden the containers and objects at the place. Hardening can take many rounds, so the edits are
    /// computed when the user chooses the action, if the client supports that. Offering it costs the proof of one fix.
    fn rewrites(
        &self,
        request: &Request,
        index: usize,
        chunk: Chunk<'_>,
        budget: &mut Budget<'_>,
    ) -> Vec<lsp::CodeAction> {
        // Without deferred edits, hardening takes some rounds.
        let edits = if self.client.resolved_edits { 1 } else { 10 };
        let action = |(target, title): (HardenTarget, String)| {
            let action = lsp::CodeAction {
                title: to_proto::title(&title),
                kind: Some(CodeActionKind::REFACTOR_REWRITE),
                ..Default::default()
            };
            match target.check(chunk.analysis, self.analyzed.inputs.borrow()) {
                Err(error) => self.disabled(action, chunk, error),
                Ok(()) if self.client.resolved_edits => {
                    let revision = self.analyzed.snapshot.revision;
                    let deferred = Deferred {
                        uri: self.url.clone(),
                        revision,
                        chunk_index: index,
                        target,
                    };
                    Some(lsp::CodeAction {
                        data: serde_json::to_value(deferred).ok(),
                        ..action
                    })
                }
                Ok(()) => {
                    let edits = target.harden(chunk.analysis, self.analyzed.inputs.borrow());
                    Some(lsp::CodeAction {
                        edit: Some(self.workspace_edit([(chunk, edits)])),
                        ..action
                    })
                }
            }
        };
        fixes::harden_targets_at(chunk, |range| request.touches(&range))
            .into_iter()
            .take_while(|_| budget.allows(chunk, edits))
            .filter_map(action)
            .collect()
    }

    /// Returns one action with all safe fixes. Its data is the number of findings that they fix.
    fn fix_all(&self) -> Option<lsp::CodeAction> {
        let (mut edits, mut fixed) = (Vec::new(), 0);
        for (chunk, outcome) in fixes::apply(self.analyzed, Applicability::Safe) {
            if !outcome.edits.is_empty() {
                edits.push((chunk, outcome.edits));
            }
            fixed += outcome.applied;
        }
        (!edits.is_empty()).then(|| lsp::CodeAction {
            title: "Apply all safe fixes".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(self.workspace_edit(edits)),
            data: (self.client.resolved_edits).then(|| json!({ "fixed": fixed })),
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
fn includes(requested: &CodeActionKind, kind: &CodeActionKind) -> bool {
    let requested = requested.as_str();
    let rest = kind.as_str().strip_prefix(requested);
    rest.is_some_and(|rest| rest.is_empty() || requested.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_include_their_children() {
        let includes_fix_all = |kind| includes(&CodeActionKind::new(kind), &FIX_ALL);
        for kind in ["", "source", "source.fixAll", "source.fixAll.kubeharden"] {
            assert!(includes_fix_all(kind), "{kind:?}");
        }
        for kind in [
            "sour",
            "source.fix",
            "quickfix",
            "source.fixAll.kubeharden.more",
            "source.organizeImports",
        ] {
            assert!(!includes_fix_all(kind), "{kind:?}");
        }
    }
}
