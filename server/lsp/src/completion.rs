//! The names of rules, where somebody writes what to ignore.
//!
//! Knows the line that is typed in. Must not wait for an analysis: anywhere else the answer is nothing, at once. Promise: what
//! is taken replaces the word that is there and nothing else.

use super::state::State;
use super::{from_proto, to_proto};
use linter::rules::{self, Rule};
use linter::suppressions::partial_rule_id_at;
use std::collections::HashSet;
use text::Position;
use tower_lsp::ls_types::{self as lsp, Uri};

/// What a client asks for a completion after, besides letters.
pub(super) const TRIGGERS: [&str; 2] = ["[", ","];

pub(super) fn completion(
    state: &State,
    url: &Uri,
    position: lsp::Position,
) -> Option<lsp::CompletionResponse> {
    let snapshot = state.snapshot(url)?;
    let (text, encoding) = (&snapshot.text, state.encoding());
    let at = text.offset(from_proto::position(position), encoding);
    let line = text.position(at, encoding).line;
    let [start, end] = [0, u32::MAX].map(|column| text.offset(Position { line, column }, encoding));
    let word = partial_rule_id_at(&text.slice(start..end), at - start)?;
    let range = to_proto::range(
        start + word.range.start..start + word.range.end,
        text,
        encoding,
    );
    let found = found(state, url);
    let open = rules::ALL
        .iter()
        .filter(|rule| !word.others.iter().any(|other| other == rule.id));
    Some(lsp::CompletionResponse::Array(
        open.map(|rule| item(rule, range, found.contains(rule.id)))
            .collect(),
    ))
}

/// The rules that found something in the document when it was last looked at: these are the ones to ignore.
fn found(state: &State, url: &Uri) -> HashSet<&'static str> {
    let Some(analysed) = state.analysed(url) else {
        return HashSet::new();
    };
    let findings = analysed.report.findings().map(|(_, finding)| finding);
    findings.map(|finding| finding.rule.id).collect()
}

fn item(rule: &Rule, range: lsp::Range, is_found: bool) -> lsp::CompletionItem {
    lsp::CompletionItem {
        label: rule.id.to_owned(),
        kind: Some(lsp::CompletionItemKind::VALUE),
        detail: Some(rule.severity_sentence()),
        sort_text: Some(format!("{}{}", if is_found { 0 } else { 1 }, rule.id)),
        text_edit: Some(lsp::CompletionTextEdit::Edit(lsp::TextEdit {
            range,
            new_text: rule.id.to_owned(),
        })),
        ..Default::default()
    }
}

/// The same item with the page of its rule: too much to send for all of them at once.
pub(super) fn resolve(state: &State, mut item: lsp::CompletionItem) -> lsp::CompletionItem {
    if let Some(rule) = Rule::named(&item.label) {
        let markup = to_proto::markup(rule.page().text(), state.capabilities().markdown_completion);
        item.documentation = Some(lsp::Documentation::MarkupContent(markup));
    }
    item
}
