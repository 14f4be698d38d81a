//! From the engine's types to the protocol's, one function a type.
//!
//! Knows what each client can show. Promise: ranges are exact in the client's units, and nothing is sent that the client did not
//! announce it understands.

use super::capabilities::Capabilities;
use super::groups::{self, Grouping, Mark};
use super::settings::SECTION;
use super::state::{Analysed, Snapshot};
use crate::config::Problem;
use crate::engine::{Edits, Part, Range as Span};
use crate::rules::{Finding, Page, Severity, Tag};
use crate::text::{Encoding, Lines, Position, Text};
use serde::Serialize;
use serde_json::json;
use serde_json::ser::Formatter;
use std::io::{self, Write};
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
    let mut json = Vec::new();
    write_diagnostics(analysed, url, grouping, client, &mut json);
    serde_json::from_slice(&json).expect("what was written of diagnostics is read as diagnostics")
}

/// Writes the parameters of the notification that says it, as JSON; with the version where the client numbers diagnostics.
pub(super) fn write_published(
    analysed: &Analysed,
    url: &Url,
    version: Option<i32>,
    grouping: Grouping,
    client: &Capabilities,
    json: &mut Vec<u8>,
) {
    let version = version.map_or_else(String::new, |version| format!(r#","version":{version}"#));
    json.extend_from_slice(format!(r#"{{"uri":{}{version},"diagnostics":"#, json!(url)).as_bytes());
    write_diagnostics(analysed, url, grouping, client, json);
    json.push(b'}');
}

fn write_diagnostics(analysed: &Analysed, url: &Url, grouping: Grouping, client: &Capabilities, json: &mut Vec<u8>) {
    let told: Vec<(Part<'_>, Arc<Told>)> =
        analysed.report.parts().map(|part| (part, told(part, analysed, url, grouping, client))).collect();
    let all: usize = told.iter().map(|(_, told)| told.diagnostics.len()).sum();
    let shown = if all > MOST_DIAGNOSTICS { MOST_DIAGNOSTICS - 1 } else { all };
    let (mut left, mut comma) = (shown, "");
    json.push(b'[');
    for severity in Severity::ALL {
        for (part, told) in told.iter().filter(|(_, told)| told.severities.contains(&severity)) {
            if left == 0 {
                break;
            }
            let line = if told.is_relative { analysed.snapshot.text.line(part.start) } else { 0 };
            for written in told.diagnostics.iter().filter(|written| written.severity == severity).take(left) {
                json.extend_from_slice(comma.as_bytes());
                written.write(line, json);
                (left, comma) = (left - 1, ",");
            }
        }
    }
    if shown < all {
        json.extend_from_slice(comma.as_bytes());
        Written::of(Severity::Info, &more(all - shown)).write(0, json);
    }
    json.push(b']');
}

/// What is told of a part.
struct Told {
    grouping: Grouping,
    /// Whether lines count from the first one of the part: it is told the same wherever it stands.
    is_relative: bool,
    /// Those that there are, each once.
    severities: Vec<Severity>,
    diagnostics: Vec<Written>,
}

/// What is to be told of a part, made when it is told for the first time.
fn told(part: Part<'_>, analysed: &Analysed, url: &Url, grouping: Grouping, client: &Capabilities) -> Arc<Told> {
    let make = || {
        // Parts begin at the start of a line.
        let is_relative = part.is_whole();
        let marks = groups::marks_of(part, grouping);
        let lines = Lines::of(if is_relative { part.analysis.text() } else { "" });
        let place = |at: crate::engine::Range| match is_relative {
            true => {
                let [start, end] = [at.start(), at.end()].map(|end| position(lines.position(end.into(), client.encoding)));
                lsp::Range { start, end }
            }
            false => range(part.place(at), &analysed.snapshot.text, client.encoding),
        };
        let mut severities: Vec<Severity> = marks.iter().map(Mark::severity).collect();
        severities.sort_unstable();
        severities.dedup();
        let written = |mark: &Mark<'_>| Written::of(mark.severity(), &diagnostic_at(mark, place, url, client));
        Told { grouping, is_relative, severities, diagnostics: marks.iter().map(written).collect() }
    };
    part.analysis.shown(|told: &Told| told.is_relative && told.grouping == grouping, make)
}

/// A diagnostic as JSON with its lines left out, so that it need not be written again when others come before it.
struct Written {
    severity: Severity,
    json: Box<[u8]>,
    /// Where in the JSON a line is left out, and which.
    lines: Box<[(usize, u32)]>,
}

impl Written {
    fn of(severity: Severity, diagnostic: &lsp::Diagnostic) -> Written {
        let (mut json, mut format) = (Vec::new(), WithoutLines::default());
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, &mut format);
        diagnostic
            .serialize(&mut serializer)
            .expect("a diagnostic has names for keys, and a vector takes all that is written to it");
        let (mut lines, mut whole) = (Vec::new(), Vec::with_capacity(json.len()));
        for (piece, number) in json.split(|byte| *byte == WithoutLines::HOLE).zip(format.lines.iter().map(Some).chain([None])) {
            whole.extend_from_slice(piece);
            lines.extend(number.map(|number| (whole.len(), *number)));
        }
        Written { severity, json: whole.into(), lines: lines.into() }
    }

    /// Writes it with its lines counted from another one than the first.
    fn write(&self, line: u32, json: &mut Vec<u8>) {
        let mut start = 0;
        for (end, number) in &self.lines {
            json.extend_from_slice(&self.json[start..*end]);
            // A vector takes all that is written to it.
            let _ = write!(json, "{}", number + line);
            start = *end;
        }
        json.extend_from_slice(&self.json[start..]);
    }
}

/// JSON without the numbers of lines, which are remembered.
#[derive(Default)]
struct WithoutLines {
    is_key: bool,
    is_line: bool,
    lines: Vec<u32>,
}

impl WithoutLines {
    /// Stands for a line: what JSON never has, not even in a string.
    const HOLE: u8 = 0;
}

impl Formatter for &mut WithoutLines {
    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_key = true;
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        self.is_line = self.is_key && fragment == "line";
        writer.write_all(fragment.as_bytes())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_key = false;
        Ok(())
    }

    fn write_u32<W: ?Sized + Write>(&mut self, writer: &mut W, value: u32) -> io::Result<()> {
        if !self.is_line {
            return write!(writer, "{value}");
        }
        self.lines.push(value);
        writer.write_all(&[WithoutLines::HOLE])
    }
}

fn tag(finding: &Finding, client: &Capabilities) -> Option<lsp::DiagnosticTag> {
    match finding.tag? {
        Tag::Unnecessary => client.unnecessary_tags.then_some(lsp::DiagnosticTag::UNNECESSARY),
        Tag::Deprecated => client.deprecated_tags.then_some(lsp::DiagnosticTag::DEPRECATED),
    }
}

pub(super) fn diagnostic(mark: &Mark<'_>, snapshot: &Snapshot, url: &Url, client: &Capabilities) -> lsp::Diagnostic {
    diagnostic_at(mark, |at| range(mark.part.place(at), &snapshot.text, client.encoding), url, client)
}

/// A diagnostic where `place` tells where the ranges of the part stand.
fn diagnostic_at(mark: &Mark<'_>, place: impl Fn(Span) -> lsp::Range, url: &Url, client: &Capabilities) -> lsp::Diagnostic {
    let page = mark.page();
    let rules: Vec<&str> = mark.findings.iter().map(|finding| finding.rule.id).collect();
    let data = json!({"rules": rules, "container": mark.first().subject.container});
    // What a group stands for is told finding by finding, each at the place that it would have by itself.
    let members = mark.findings.iter().filter(|_| mark.group().is_some());
    let members = members.map(|finding| (finding.range, &finding.message));
    let companions = mark.findings.iter().flat_map(|finding| &finding.related);
    let all = members.chain(companions.map(|related| (related.range, &related.message)));
    let related = |(at, message): (Span, &String)| lsp::DiagnosticRelatedInformation {
        location: lsp::Location { uri: url.clone(), range: place(at) },
        message: message.clone(),
    };
    let related: Vec<_> = all.filter(|_| client.related_information).map(related).collect();
    lsp::Diagnostic {
        range: place(mark.range()),
        severity: Some(severity(mark.severity())),
        code: Some(lsp::NumberOrString::String(page.id.to_owned())),
        code_description: client.code_description.then(|| code_description(&page)).flatten(),
        source: Some(SECTION.to_owned()),
        message: mark.message(),
        related_information: (!related.is_empty()).then_some(related),
        tags: tag(mark.first(), client).map(|tag| vec![tag]),
        data: client.diagnostic_data.then_some(data),
    }
}

fn code_description(page: &Page) -> Option<lsp::CodeDescription> {
    Some(lsp::CodeDescription { href: Url::parse(&page.url()).ok()? })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32) -> lsp::Range {
        lsp::Range { start: lsp::Position { line, character: 3 }, end: lsp::Position { line: line + 1, character: 4 } }
    }

    /// A diagnostic on a line, and something related to it ten lines further on.
    fn diagnostic(line: u32) -> lsp::Diagnostic {
        let uri = Url::parse("file:///line/0.yaml").unwrap();
        let location = lsp::Location { uri, range: at(line + 10) };
        lsp::Diagnostic {
            range: at(line),
            severity: Some(lsp::DiagnosticSeverity::HINT),
            message: "\"line\":1\0 é \u{1}".to_owned(),
            related_information: Some(vec![lsp::DiagnosticRelatedInformation { location, message: "line".to_owned() }]),
            data: Some(json!({"rules": ["line"], "line": "line"})),
            ..Default::default()
        }
    }

    #[test]
    fn what_was_written_once_is_written_again_on_other_lines() {
        let written = Written::of(Severity::Hint, &diagnostic(5));
        for line in [0, 2, 100_000] {
            let mut json = b"before".to_vec();
            written.write(line, &mut json);
            let read: lsp::Diagnostic = serde_json::from_slice(json.strip_prefix(b"before").unwrap()).unwrap();
            assert_eq!(read, diagnostic(5 + line));
        }
    }
}
