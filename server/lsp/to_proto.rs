//! From the engine's types to the protocol's, one function a type.
//!
//! Knows what each client can show. Promise: ranges are exact in the client's units, and nothing is sent that the client did not
//! announce it understands.

use super::capabilities::Capabilities;
use super::groups::{self, Grouping, Mark};
use super::settings::SECTION;
use super::state::{Analysed, Snapshot};
use crate::config::Problem;
use crate::engine::{Edits, Part};
use crate::rules::{Finding, Page, Related, Severity, Tag};
use crate::text::{Encoding, Position, Text};
use serde_json::json;
use std::iter;
use std::ops::Range;
use std::sync::Arc;
use tower_lsp::lsp_types::{self as lsp, Url};

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
    lsp::Position { line: position.line, character: position.column }
}

pub(super) fn range(range: Range<usize>, text: &Text, encoding: Encoding) -> lsp::Range {
    let [start, end] = [range.start, range.end].map(|offset| position(text.position(offset, encoding)));
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

/// All that there is to say about a text, the gravest first, and then in the order of the text.
pub(super) fn diagnostics(analysed: &Analysed, url: &Url, grouping: Grouping, client: &Capabilities) -> Vec<lsp::Diagnostic> {
    let told: Vec<(Part<'_>, Arc<Told>)> =
        analysed.report.parts().map(|part| (part, told(part, analysed, url, grouping, client))).collect();
    let all: usize = told.iter().map(|(_, told)| told.diagnostics.len()).sum();
    let shown = if all > MOST_DIAGNOSTICS { MOST_DIAGNOSTICS - 1 } else { all };
    let mut diagnostics = Vec::with_capacity(shown + 1);
    for severity in [Severity::Error, Severity::Warning, Severity::Info, Severity::Hint].map(severity) {
        for (part, told) in &told {
            if diagnostics.len() == shown {
                break;
            }
            let of_severity = told.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Some(severity));
            let mut of_severity = of_severity.take(shown - diagnostics.len()).peekable();
            if of_severity.peek().is_some() {
                let line = if told.is_relative { first_line(*part, &analysed.snapshot.text) } else { 0 };
                diagnostics.extend(of_severity.map(|diagnostic| below(diagnostic, line)));
            }
        }
    }
    if shown < all {
        diagnostics.push(more(all - shown));
    }
    diagnostics
}

/// What is told of a part.
struct Told {
    grouping: Grouping,
    /// Whether lines count from the first one of the part: it is told the same wherever it stands.
    is_relative: bool,
    diagnostics: Vec<lsp::Diagnostic>,
}

/// What is to be told of a part, made when it is told for the first time.
fn told(part: Part<'_>, analysed: &Analysed, url: &Url, grouping: Grouping, client: &Capabilities) -> Arc<Told> {
    let make = || {
        let is_relative = part.is_whole();
        let line = if is_relative { first_line(part, &analysed.snapshot.text) } else { 0 };
        let marks = groups::marks_of(part, grouping);
        let diagnostics = marks.iter().map(|mark| diagnostic(mark, &analysed.snapshot, url, client));
        Told { grouping, is_relative, diagnostics: diagnostics.map(|diagnostic| above(diagnostic, line)).collect() }
    };
    part.analysis.shown(|told: &Told| told.is_relative && told.grouping == grouping, make)
}

/// The line on which a part begins, from 0. Parts begin at the start of one.
fn first_line(part: Part<'_>, text: &Text) -> u32 {
    text.position(part.start, Encoding::Utf8).line
}

/// A diagnostic with its lines counted from a line.
fn above(mut diagnostic: lsp::Diagnostic, line: u32) -> lsp::Diagnostic {
    shift(&mut diagnostic, |at| at - line);
    diagnostic
}

/// A diagnostic whose lines count from a line, with them counted from the start of the text.
fn below(diagnostic: &lsp::Diagnostic, line: u32) -> lsp::Diagnostic {
    let mut diagnostic = diagnostic.clone();
    shift(&mut diagnostic, |at| at + line);
    diagnostic
}

fn shift(diagnostic: &mut lsp::Diagnostic, to: impl Fn(u32) -> u32) {
    let related = diagnostic.related_information.iter_mut().flatten().map(|related| &mut related.location.range);
    for range in iter::once(&mut diagnostic.range).chain(related) {
        (range.start.line, range.end.line) = (to(range.start.line), to(range.end.line));
    }
}

fn tag(finding: &Finding, client: &Capabilities) -> Option<lsp::DiagnosticTag> {
    match finding.tag? {
        Tag::Unnecessary => client.unnecessary_tags.then_some(lsp::DiagnosticTag::UNNECESSARY),
        Tag::Deprecated => client.deprecated_tags.then_some(lsp::DiagnosticTag::DEPRECATED),
    }
}

pub(super) fn diagnostic(mark: &Mark<'_>, snapshot: &Snapshot, url: &Url, client: &Capabilities) -> lsp::Diagnostic {
    let (part, page) = (mark.part, mark.page());
    let rules: Vec<&str> = mark.findings.iter().map(|finding| finding.rule.id).collect();
    let data = json!({"rules": rules, "container": mark.first().subject.container});
    // What a group stands for is told finding by finding, each at the place that it would have by itself.
    let members = mark.findings.iter().filter(|_| mark.group().is_some());
    let members = members.map(|finding| Related { range: finding.range, message: finding.message.clone() });
    let all: Vec<Related> = members.chain(mark.findings.iter().flat_map(|finding| finding.related.clone())).collect();
    let related = || all.iter().map(|related| self::related(part, related, &snapshot.text, url, client)).collect();
    lsp::Diagnostic {
        range: range(part.place(mark.range()), &snapshot.text, client.encoding),
        severity: Some(severity(mark.severity())),
        code: Some(lsp::NumberOrString::String(page.id.to_owned())),
        code_description: client.code_description.then(|| code_description(&page)).flatten(),
        source: Some(SECTION.to_owned()),
        message: mark.message(),
        related_information: (client.related_information && !all.is_empty()).then(related),
        tags: tag(mark.first(), client).map(|tag| vec![tag]),
        data: client.diagnostic_data.then_some(data),
    }
}

fn code_description(page: &Page) -> Option<lsp::CodeDescription> {
    Some(lsp::CodeDescription { href: Url::parse(&page.url()).ok()? })
}

fn related(
    part: Part<'_>,
    related: &Related,
    text: &Text,
    url: &Url,
    client: &Capabilities,
) -> lsp::DiagnosticRelatedInformation {
    let range = range(part.place(related.range), text, client.encoding);
    lsp::DiagnosticRelatedInformation { location: lsp::Location { uri: url.clone(), range }, message: related.message.clone() }
}

/// What is to be told of a configuration file.
pub(super) fn mistakes(problems: &[Problem], text: &Text, client: &Capabilities) -> Vec<lsp::Diagnostic> {
    let diagnostic = |problem: &Problem| lsp::Diagnostic {
        range: range(problem.range.clone(), text, client.encoding),
        severity: Some(severity(problem.severity)),
        code: Some(lsp::NumberOrString::String("configuration".to_owned())),
        code_description: client.code_description.then(manual).flatten(),
        source: Some(SECTION.to_owned()),
        message: problem.message.clone(),
        ..Default::default()
    };
    problems.iter().take(MOST_DIAGNOSTICS).map(diagnostic).collect()
}

fn manual() -> Option<lsp::CodeDescription> {
    let href = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/configuration.md");
    Some(lsp::CodeDescription { href: Url::parse(href).ok()? })
}

/// What stands for the diagnostics that are too many to show; at the start of the file, where it is seen.
fn more(count: usize) -> lsp::Diagnostic {
    lsp::Diagnostic {
        severity: Some(lsp::DiagnosticSeverity::INFORMATION),
        source: Some(SECTION.to_owned()),
        message: format!("… and {count} more findings"),
        ..Default::default()
    }
}

pub(super) fn text_edits(part: Part<'_>, edits: &Edits, text: &Text, encoding: Encoding) -> Vec<lsp::TextEdit> {
    let edit = |edit: &crate::engine::Edit| lsp::TextEdit {
        range: range(part.place(edit.range), text, encoding),
        new_text: edit.insert.clone(),
    };
    edits.as_slice().iter().map(edit).collect()
}

/// Edits of one file, bound to the version that they are for where the client can check it.
pub(super) fn workspace_edit(url: &Url, version: i32, edits: Vec<lsp::TextEdit>, client: &Capabilities) -> lsp::WorkspaceEdit {
    if !client.document_changes {
        return lsp::WorkspaceEdit { changes: Some([(url.clone(), edits)].into()), ..Default::default() };
    }
    let edit = lsp::TextDocumentEdit {
        text_document: lsp::OptionalVersionedTextDocumentIdentifier { uri: url.clone(), version: Some(version) },
        edits: edits.into_iter().map(lsp::OneOf::Left).collect(),
    };
    lsp::WorkspaceEdit { document_changes: Some(lsp::DocumentChanges::Edits(vec![edit])), ..Default::default() }
}

/// Edits of a file that the question was not about: one that is not there is made, where the client can.
pub(super) fn edit_of_another(
    url: &Url,
    version: Option<i32>,
    edits: Vec<lsp::TextEdit>,
    is_new: bool,
    client: &Capabilities,
) -> Option<lsp::WorkspaceEdit> {
    if !client.document_changes {
        let changes = Some([(url.clone(), edits)].into());
        return (!is_new).then(|| lsp::WorkspaceEdit { changes, ..Default::default() });
    }
    let edit = lsp::TextDocumentEdit {
        text_document: lsp::OptionalVersionedTextDocumentIdentifier { uri: url.clone(), version },
        edits: edits.into_iter().map(lsp::OneOf::Left).collect(),
    };
    if !is_new {
        return Some(lsp::WorkspaceEdit {
            document_changes: Some(lsp::DocumentChanges::Edits(vec![edit])),
            ..Default::default()
        });
    }
    let options = lsp::CreateFileOptions { overwrite: None, ignore_if_exists: Some(true) };
    let create = lsp::ResourceOp::Create(lsp::CreateFile { uri: url.clone(), options: Some(options), annotation_id: None });
    let operations = vec![lsp::DocumentChangeOperation::Op(create), lsp::DocumentChangeOperation::Edit(edit)];
    let document_changes = Some(lsp::DocumentChanges::Operations(operations));
    client.create_files.then(|| lsp::WorkspaceEdit { document_changes, ..Default::default() })
}

/// Markdown, which reads well enough as plain text where the client shows nothing else.
pub(super) fn hover(markdown: String, range: lsp::Range, client: &Capabilities) -> lsp::Hover {
    lsp::Hover { contents: lsp::HoverContents::Markup(markup(markdown, client.markdown_hover)), range: Some(range) }
}

/// Markdown, or the same as plain text.
pub(super) fn markup(markdown: String, as_markdown: bool) -> lsp::MarkupContent {
    match as_markdown {
        true => lsp::MarkupContent { kind: lsp::MarkupKind::Markdown, value: markdown },
        false => lsp::MarkupContent { kind: lsp::MarkupKind::PlainText, value: plain(&markdown) },
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
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
