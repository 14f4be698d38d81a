//! Completion and hover for the fields of a security context.
//!
//! Other servers complete and explain Kubernetes' fields in general. This one adds what a schema does not contain: the requirements of the
//! Pod Security Standards and the effective value in a container.

use crate::protocol::capabilities::Capabilities;
use crate::protocol::{from_proto, to_proto};
use crate::session::analysis::Analyzer;
use crate::session::documents::Analyzed;
use linter::analysis::{Completion, CompletionItem, Effect, FieldInfo};
use linter::rules::Field;
use std::sync::Arc;
use tower_lsp::ls_types::{self as lsp, Uri};

/// Returns the fields and values that can be written at a position.
pub(crate) async fn completion(
    analyzer: &Analyzer,
    client: Capabilities,
    url: &Uri,
    position: lsp::Position,
) -> Option<lsp::CompletionResponse> {
    let analyzed = analyzer.latest(url).await?;
    let at = analyzed
        .snapshot
        .text
        .offset(from_proto::position(position), client.encoding);
    analyzer
        .run(move || items(&analyzed, at, &client))
        .await
        .ok()
        .flatten()
}

fn items(analyzed: &Analyzed, at: usize, client: &Capabilities) -> Option<lsp::CompletionResponse> {
    let chunks = analyzed
        .report
        .chunks()
        .filter_map(|chunk| Some((chunk, chunk.within(at)?)));
    let (chunk, Completion { replaced, choices }) = chunks
        .filter_map(|(chunk, at)| {
            Some((
                chunk,
                chunk.analysis.completion(at, analyzed.inputs.borrow())?,
            ))
        })
        .last()?;
    let range = to_proto::range(
        chunk.place(replaced),
        &analyzed.snapshot.text,
        client.encoding,
    );
    let items = choices
        .iter()
        .enumerate()
        .map(|(place, choice)| item(place, choice, range, client));
    Some(lsp::CompletionResponse::Array(items.collect()))
}

fn item(
    place: usize,
    choice: &CompletionItem,
    range: lsp::Range,
    client: &Capabilities,
) -> lsp::CompletionItem {
    let CompletionItem {
        label,
        insert,
        field,
        word,
    } = choice;
    // A client that indents new lines itself gets only the first line.
    let new_text = match insert.split_once(['\r', '\n']) {
        Some((first, _)) if !client.inserts_as_is => first.to_owned(),
        _ => insert.clone(),
    };
    let (kind, detail) = match word {
        Some(word) => (lsp::CompletionItemKind::ENUM_MEMBER, word.about.to_owned()),
        None => (
            lsp::CompletionItemKind::PROPERTY,
            required(field).unwrap_or_default(),
        ),
    };
    let documentation = to_proto::markup(page(field), client.markdown_completion);
    lsp::CompletionItem {
        label: (*label).to_owned(),
        kind: Some(kind),
        detail: Some(detail.replace('`', "")).filter(|detail| !detail.is_empty()),
        documentation: Some(lsp::Documentation::MarkupContent(documentation)),
        sort_text: Some(format!("{place:02}")),
        insert_text_mode: client.inserts_as_is.then_some(lsp::InsertTextMode::AS_IS),
        text_edit: Some(lsp::CompletionTextEdit::Edit(lsp::TextEdit {
            range,
            new_text,
        })),
        ..Default::default()
    }
}

/// Returns what the field at an offset does, its effective value, and what Pod Security requires.
pub(crate) async fn hover(
    analyzer: &Analyzer,
    client: &Capabilities,
    analyzed: Arc<Analyzed>,
    at: usize,
) -> Option<lsp::Hover> {
    let client = *client;
    let hover = analyzer.run(move || {
        let mut chunks = analyzed
            .report
            .chunks()
            .filter_map(|chunk| Some((chunk, chunk.within(at)?)));
        let (chunk, written) = chunks.find_map(|(chunk, at)| {
            Some((
                chunk,
                chunk.analysis.field_at(at, analyzed.inputs.borrow())?,
            ))
        })?;
        let range = to_proto::range(
            chunk.place(written.range),
            &analyzed.snapshot.text,
            client.encoding,
        );
        let FieldInfo {
            field, way, counts, ..
        } = written;
        // The effect follows the first paragraph.
        let page = page(field).replacen("\n\n", &format!("\n\n{}", effect(&counts)), 1);
        let text = format!("**{way}**\n\n{page}");
        Some(to_proto::hover(text, range, &client))
    });
    hover.await.ok().flatten()
}

/// Describes a field, independent of its place.
fn page(field: &Field) -> String {
    let default = format!("Default: {}.", field.default);
    let required = required(field).map(|required| format!("Pod Security: {required}."));
    let more = field
        .rule()
        .map(|rule| format!("[More about {}]({})", rule.id, rule.url()));
    [Some(field.about.to_owned()), Some(default), required, more]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Returns what the Pod Security Standards require of a field.
fn required(field: &Field) -> Option<String> {
    let requirements = field
        .requirements
        .iter()
        .map(|(profile, what)| format!("`{}` requires {what}", profile.name()));
    Some(requirements.collect::<Vec<_>>().join("; ")).filter(|required| !required.is_empty())
}

/// Describes the effect of a field as a paragraph with its blank line; empty if it is obvious.
fn effect(counts: &Effect) -> String {
    let words = match counts {
        Effect::Pod { others } if others.is_empty() => {
            "Applies to all containers of the pod.".to_owned()
        }
        Effect::Pod { others } => {
            let others: Vec<String> = others
                .iter()
                .map(|(container, value)| format!("{container} (`{value}`)"))
                .collect();
            format!(
                "Applies to all containers of the pod except {}.",
                others.join(", ")
            )
        }
        Effect::Container {
            own: Some(own),
            pods: Some(pods),
        } if own == pods => format!("Here: `{own}` (same as in the pod)."),
        Effect::Container {
            own: Some(own),
            pods: Some(pods),
        } => format!("Here: `{own}` (overrides `{pods}` of the pod)."),
        Effect::Container {
            own: None,
            pods: Some(pods),
        } => format!("Here: `{pods}` (from the pod)."),
        Effect::Container { .. } | Effect::Item => return String::new(),
    };
    format!("{words}\n\n")
}
