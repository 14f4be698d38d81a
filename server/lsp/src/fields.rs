//! Help with the fields of a security context: what can be written at a place, and what a field that is there does.
//!
//! Other servers complete and explain Kubernetes' fields in general, and usually share the file. So this one speaks of security
//! contexts alone, with what the standards ask and what a container gets in the end, which a schema does not say; a setting silences
//! it.

use super::capabilities::Capabilities;
use super::state::{Analysed, State};
use super::{analysis, from_proto, to_proto};
use linter::analysis::{Completion, CompletionItem, Effect, FieldInfo};
use linter::rules::Field;
use std::sync::Arc;
use tower_lsp::ls_types::{self as lsp, Uri};

/// What can be written at a place of the text as it is now.
pub(super) async fn completion(
    state: &Arc<State>,
    url: &Uri,
    position: lsp::Position,
) -> Option<lsp::CompletionResponse> {
    if !state.configuration.settings().field_help() {
        return None;
    }
    let analysed = analysis::latest(state, url).await?;
    let client = state.capabilities();
    let at = analysed
        .snapshot
        .text
        .offset(from_proto::position(position), client.encoding);
    analysis::off_thread(state, move || items(&analysed, at, &client))
        .await
        .ok()
        .flatten()
}

fn items(analysed: &Analysed, at: usize, client: &Capabilities) -> Option<lsp::CompletionResponse> {
    let parts = analysed
        .report
        .chunks()
        .filter_map(|part| Some((part, part.within(at)?)));
    let (part, Completion { replaced, choices }) = parts
        .filter_map(|(part, at)| {
            Some((
                part,
                part.analysis.completion(at, analysed.inputs.borrow())?,
            ))
        })
        .last()?;
    let range = to_proto::range(
        part.place(replaced),
        &analysed.snapshot.text,
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
    // A client that would indent new lines in its own way gets none.
    let new_text = match insert.split_once(['\r', '\n']) {
        Some((first, _)) if !client.inserts_as_is => first.to_owned(),
        _ => insert.clone(),
    };
    let (kind, detail) = match word {
        Some(word) => (lsp::CompletionItemKind::ENUM_MEMBER, word.about.to_owned()),
        None => (
            lsp::CompletionItemKind::PROPERTY,
            asked(field).unwrap_or_default(),
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

/// What the field at a place does, what it says in the end, and what is asked of it.
pub(super) async fn hover(
    state: &Arc<State>,
    analysed: Arc<Analysed>,
    at: usize,
) -> Option<lsp::Hover> {
    if !state.configuration.settings().field_help() {
        return None;
    }
    let client = state.capabilities();
    let hover = analysis::off_thread(state, move || {
        let mut parts = analysed
            .report
            .chunks()
            .filter_map(|part| Some((part, part.within(at)?)));
        let (part, written) = parts.find_map(|(part, at)| {
            Some((part, part.analysis.field_at(at, analysed.inputs.borrow())?))
        })?;
        let range = to_proto::range(
            part.place(written.range),
            &analysed.snapshot.text,
            client.encoding,
        );
        let FieldInfo {
            field, way, counts, ..
        } = written;
        let head = format!("**{way}**");
        let text = [
            Some(head),
            Some(page(field).replacen("\n\n", &format!("\n\n{}", counting(&counts)), 1)),
        ];
        Some(to_proto::hover(
            text.into_iter().flatten().collect::<Vec<_>>().join("\n\n"),
            range,
            &client,
        ))
    });
    hover.await.ok().flatten()
}

/// What there is to say of a field wherever it is written.
fn page(field: &Field) -> String {
    let default = format!("Where it is not written: {}.", field.default);
    let asked = asked(field).map(|asked| format!("Pod Security: {asked}."));
    let more = field
        .rule()
        .map(|rule| format!("[More about {}]({})", rule.id, rule.url()));
    [Some(field.about.to_owned()), Some(default), asked, more]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// What the standards ask of it.
fn asked(field: &Field) -> Option<String> {
    let asks = field
        .requirements
        .iter()
        .map(|(profile, what)| format!("`{}` wants {what}", profile.name()));
    Some(asks.collect::<Vec<_>>().join("; ")).filter(|asked| !asked.is_empty())
}

/// For whom it counts, as a paragraph; nothing where that goes without saying.
fn counting(counts: &Effect) -> String {
    let words = match counts {
        Effect::Pod { others } if others.is_empty() => {
            "It counts for all containers of the pod.".to_owned()
        }
        Effect::Pod { others } => {
            let others: Vec<String> = others
                .iter()
                .map(|(container, value)| format!("{container} (`{value}`)"))
                .collect();
            format!(
                "It counts for all containers of the pod but {}.",
                others.join(", ")
            )
        }
        Effect::Container {
            own: Some(own),
            pods: Some(pods),
        } if own == pods => format!("Here: `{own}`, as the pod says too."),
        Effect::Container {
            own: Some(own),
            pods: Some(pods),
        } => format!("Here: `{own}`, in the place of the pod's `{pods}`."),
        Effect::Container {
            own: None,
            pods: Some(pods),
        } => format!("Here: `{pods}`, which is the pod's."),
        Effect::Container { .. } | Effect::Item => return String::new(),
    };
    format!("{words}\n\n")
}
