//! Completes rule ids in ignore comments. Does not wait for an analysis.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::{from_proto, to_proto};
use crate::session::documents::Documents;
use linter::rules::{self, Rule};
use linter::suppressions::partial_rule_id_at;
use std::collections::HashSet;
use text::Position;
use tower_lsp::ls_types::{self as lsp, Uri};

/// The characters that trigger a completion, besides letters.
pub(crate) const TRIGGERS: [&str; 2] = ["[", ","];

/// Returns the rules to complete at a position in an ignore comment; `None` anywhere else.
pub(crate) fn completion(
    documents: &Documents,
    client: &Capabilities,
    url: &Uri,
    position: lsp::Position,
) -> Option<lsp::CompletionResponse> {
    let snapshot = documents.snapshot(url)?;
    let (text, encoding) = (&snapshot.text, client.encoding);
    let at = text.offset(from_proto::position(position), encoding);
    let line = text.position(at, encoding).line;
    let [start, end] = [0, u32::MAX].map(|column| text.offset(Position { line, column }, encoding));
    let word = partial_rule_id_at(&text.slice(start..end), at - start)?;
    let range = to_proto::range(
        start + word.range.start..start + word.range.end,
        text,
        encoding,
    );
    let found = found(documents, url);
    let open = rules::ALL
        .iter()
        .filter(|rule| !word.others.iter().any(|other| other == rule.id));
    Some(lsp::CompletionResponse::Array(
        open.map(|rule| item(rule, range, found.contains(rule.id)))
            .collect(),
    ))
}

/// Returns the rules with findings in the last analysis, which are the likely ones to ignore.
fn found(documents: &Documents, url: &Uri) -> HashSet<&'static str> {
    let Some(analyzed) = documents.analyzed(url) else {
        return HashSet::new();
    };
    let findings = analyzed.report.findings().map(|(_, finding)| finding);
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

/// Adds the page of its rule to an item: too much to send for all rules at once.
pub(crate) fn resolve(client: &Capabilities, mut item: lsp::CompletionItem) -> lsp::CompletionItem {
    if let Some(rule) = Rule::named(&item.label) {
        let markup = to_proto::markup(rule.page().text(), client.markdown_completion);
        item.documentation = Some(lsp::Documentation::MarkupContent(markup));
    }
    item
}
