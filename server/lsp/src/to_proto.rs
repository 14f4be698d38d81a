//! From the engine's types to the protocol's, one function a type.
//!
//! Knows what each client can show. Promise: ranges are exact in the client's units, and nothing is sent that the client did not
//! announce it understands.

use super::capabilities::Capabilities;
use super::groups::Mark;
use super::settings::SECTION;
use super::state::Snapshot;
use linter::analysis::{Chunk, Edits, Range as Span};
use linter::config::ConfigError;
use linter::rules::{Finding, Message, Page, Severity, Tag};
use serde_json::json;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use text::{Encoding, Position, Text};
use tower_lsp::ls_types::{self as lsp, Uri};

/// More diagnostics in one file than this nobody reads, and clients become slow.
pub(super) const MOST_DIAGNOSTICS: usize = 1000;

pub(super) fn encoding(encoding: Encoding) -> lsp::PositionEncodingKind {
    match encoding {
        Encoding::Utf8 => lsp::PositionEncodingKind::UTF8,
        Encoding::Utf16 => lsp::PositionEncodingKind::UTF16,
        Encoding::Utf32 => lsp::PositionEncodingKind::UTF32,
    }
}

pub(super) fn position(position: Position) -> lsp::Position {
    lsp::Position {
        line: position.line,
        character: position.column,
    }
}

pub(super) fn range(range: Range<usize>, text: &Text, encoding: Encoding) -> lsp::Range {
    let [start, end] =
        [range.start, range.end].map(|offset| position(text.position(offset, encoding)));
    lsp::Range { start, end }
}

pub(super) fn severity(severity: Severity) -> lsp::DiagnosticSeverity {
    match severity {
        Severity::Error => lsp::DiagnosticSeverity::ERROR,
        Severity::Warning => lsp::DiagnosticSeverity::WARNING,
        Severity::Info => lsp::DiagnosticSeverity::INFORMATION,
        Severity::Hint => lsp::DiagnosticSeverity::HINT,
    }
}

fn tag(finding: &Finding, client: &Capabilities) -> Option<lsp::DiagnosticTag> {
    match finding.tag? {
        Tag::Unnecessary => client
            .unnecessary_tags
            .then_some(lsp::DiagnosticTag::UNNECESSARY),
        Tag::Deprecated => client
            .deprecated_tags
            .then_some(lsp::DiagnosticTag::DEPRECATED),
    }
}

pub(super) fn diagnostic(
    mark: &Mark<'_>,
    snapshot: &Snapshot,
    url: &Uri,
    client: &Capabilities,
) -> lsp::Diagnostic {
    diagnostic_at(
        mark,
        |at| range(mark.part.place(at), &snapshot.text, client.encoding),
        url,
        client,
    )
}

/// A diagnostic where `place` tells where the ranges of the part stand.
pub(super) fn diagnostic_at(
    mark: &Mark<'_>,
    place: impl Fn(Span) -> lsp::Range,
    url: &Uri,
    client: &Capabilities,
) -> lsp::Diagnostic {
    let page = mark.page();
    let rules: Vec<&str> = mark
        .findings
        .iter()
        .map(|finding| finding.rule.id)
        .collect();
    let data = json!({"rules": rules, "container": mark.first().target.container});
    // What a group stands for is told finding by finding, each at the place that it would have by itself.
    let members = mark.findings.iter().filter(|_| mark.group().is_some());
    let members = members.map(|finding| (finding.range, &finding.message));
    let companions = mark.findings.iter().flat_map(|finding| &finding.related);
    let all = members.chain(companions.map(|related| (related.range, &related.message)));
    let related = |(at, message): (Span, &Message)| lsp::DiagnosticRelatedInformation {
        location: lsp::Location {
            uri: url.clone(),
            range: place(at),
        },
        message: message.to_string(),
    };
    let related: Vec<_> = all
        .filter(|_| client.related_information)
        .map(related)
        .collect();
    lsp::Diagnostic {
        range: place(mark.range()),
        severity: Some(severity(mark.severity())),
        code: Some(lsp::NumberOrString::String(page.id.to_owned())),
        code_description: client
            .code_description
            .then(|| code_description(&page))
            .flatten(),
        source: Some(SECTION.to_owned()),
        message: mark.message(),
        related_information: (!related.is_empty()).then_some(related),
        tags: tag(mark.first(), client).map(|tag| vec![tag]),
        data: client.diagnostic_data.then_some(data),
    }
}

fn code_description(page: &Page) -> Option<lsp::CodeDescription> {
    /// Where pages stand, by what they are about: to take a URL apart takes longer than all the rest of a diagnostic.
    static KNOWN: Mutex<BTreeMap<&str, Uri>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let href = match known.entry(page.id) {
        Entry::Occupied(entry) => entry.get().clone(),
        Entry::Vacant(entry) => entry.insert(page.url().parse().ok()?).clone(),
    };
    Some(lsp::CodeDescription { href })
}

/// What is to be told of a configuration file.
pub(super) fn mistakes(
    problems: &[ConfigError],
    text: &Text,
    client: &Capabilities,
) -> Vec<lsp::Diagnostic> {
    let diagnostic = |problem: &ConfigError| lsp::Diagnostic {
        range: range(problem.range.clone(), text, client.encoding),
        severity: Some(severity(problem.severity)),
        code: Some(lsp::NumberOrString::String("configuration".to_owned())),
        code_description: client.code_description.then(manual).flatten(),
        source: Some(SECTION.to_owned()),
        message: problem.message.clone(),
        ..Default::default()
    };
    problems
        .iter()
        .take(MOST_DIAGNOSTICS)
        .map(diagnostic)
        .collect()
}

fn manual() -> Option<lsp::CodeDescription> {
    let href = concat!(
        env!("CARGO_PKG_REPOSITORY"),
        "/blob/main/docs/configuration.md"
    );
    Some(lsp::CodeDescription {
        href: href.parse().ok()?,
    })
}

pub(super) fn text_edits(
    part: Chunk<'_>,
    edits: &Edits,
    text: &Text,
    encoding: Encoding,
) -> Vec<lsp::TextEdit> {
    let edit = |edit: &linter::analysis::Edit| lsp::TextEdit {
        range: range(part.place(edit.range), text, encoding),
        new_text: edit.insert.clone(),
    };
    edits.as_slice().iter().map(edit).collect()
}

/// Edits of one file, bound to the version that they are for where the client can check it.
pub(super) fn workspace_edit(
    url: &Uri,
    version: i32,
    edits: Vec<lsp::TextEdit>,
    client: &Capabilities,
) -> lsp::WorkspaceEdit {
    if !client.document_changes {
        return lsp::WorkspaceEdit {
            changes: Some([(url.clone(), edits)].into()),
            ..Default::default()
        };
    }
    let edit = lsp::TextDocumentEdit {
        text_document: lsp::OptionalVersionedTextDocumentIdentifier {
            uri: url.clone(),
            version: Some(version),
        },
        edits: edits.into_iter().map(lsp::OneOf::Left).collect(),
    };
    lsp::WorkspaceEdit {
        document_changes: Some(lsp::DocumentChanges::Edits(vec![edit])),
        ..Default::default()
    }
}

/// Edits of a file that the question was not about: one that is not there is made, where the client can.
pub(super) fn edit_of_another(
    url: &Uri,
    version: Option<i32>,
    edits: Vec<lsp::TextEdit>,
    is_new: bool,
    client: &Capabilities,
) -> Option<lsp::WorkspaceEdit> {
    if !client.document_changes {
        let changes = Some([(url.clone(), edits)].into());
        return (!is_new).then(|| lsp::WorkspaceEdit {
            changes,
            ..Default::default()
        });
    }
    let edit = lsp::TextDocumentEdit {
        text_document: lsp::OptionalVersionedTextDocumentIdentifier {
            uri: url.clone(),
            version,
        },
        edits: edits.into_iter().map(lsp::OneOf::Left).collect(),
    };
    if !is_new {
        return Some(lsp::WorkspaceEdit {
            document_changes: Some(lsp::DocumentChanges::Edits(vec![edit])),
            ..Default::default()
        });
    }
    let options = lsp::CreateFileOptions {
        overwrite: None,
        ignore_if_exists: Some(true),
    };
    let create = lsp::ResourceOp::Create(lsp::CreateFile {
        uri: url.clone(),
        options: Some(options),
        annotation_id: None,
    });
    let operations = vec![
        lsp::DocumentChangeOperation::Op(create),
        lsp::DocumentChangeOperation::Edit(edit),
    ];
    let document_changes = Some(lsp::DocumentChanges::Operations(operations));
    client.create_files.then(|| lsp::WorkspaceEdit {
        document_changes,
        ..Default::default()
    })
}

/// Markdown, which reads well enough as plain text where the client shows nothing else.
pub(super) fn hover(markdown: String, range: lsp::Range, client: &Capabilities) -> lsp::Hover {
    lsp::Hover {
        contents: lsp::HoverContents::Markup(markup(markdown, client.markdown_hover)),
        range: Some(range),
    }
}

/// Markdown, or the same as plain text.
pub(super) fn markup(markdown: String, as_markdown: bool) -> lsp::MarkupContent {
    match as_markdown {
        true => lsp::MarkupContent {
            kind: lsp::MarkupKind::Markdown,
            value: markdown,
        },
        false => lsp::MarkupContent {
            kind: lsp::MarkupKind::PlainText,
            value: plain(&markdown),
        },
    }
}

/// Our own Markdown without what only a renderer has use for. What it keeps, paragraphs, lists and names in backticks, reads well as
/// it is written.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, words, to, behind)) = link(rest) {
        text.push_str(before);
        text.push_str(&format!("{words}: {to}"));
        rest = behind;
    }
    text.push_str(rest);
    text.replace("**", "")
}

/// What is before the first link, its words, where it leads, and what is behind it.
fn link(markdown: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, tail) = markdown.split_once("](")?;
    let (before, words) = head.rsplit_once('[')?;
    let (to, behind) = tail.split_once(')')?;
    Some((before, words, to, behind))
}

/// A title as menus have it: what the engine calls it, as a sentence begins.
pub(super) fn title(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
