//! Converts the linter's types to those of the protocol.
//!
//! Ranges are exact in the client's units. Sends only what the client supports.

use super::capabilities::Capabilities;
use linter::analysis::{Chunk, Edits};
use linter::config::ConfigError;
use linter::rules::Severity;
use std::ops::Range;
use text::{Encoding, Position, Text};
use tower_lsp::ls_types::{self as lsp, Uri};

/// The `source` of all diagnostics.
pub(crate) const SOURCE: &str = "kubeharden";

/// The most diagnostics of one file. More are never read, and make clients slow.
pub(crate) const MOST_DIAGNOSTICS: usize = 1000;

pub(crate) fn encoding(encoding: Encoding) -> lsp::PositionEncodingKind {
    match encoding {
        Encoding::Utf8 => lsp::PositionEncodingKind::UTF8,
        Encoding::Utf16 => lsp::PositionEncodingKind::UTF16,
        Encoding::Utf32 => lsp::PositionEncodingKind::UTF32,
    }
}

pub(crate) fn position(position: Position) -> lsp::Position {
    lsp::Position {
        line: position.line,
        character: position.column,
    }
}

pub(crate) fn range(range: Range<usize>, text: &Text, encoding: Encoding) -> lsp::Range {
    let [start, end] =
        [range.start, range.end].map(|offset| position(text.position(offset, encoding)));
    lsp::Range { start, end }
}

pub(crate) fn severity(severity: Severity) -> lsp::DiagnosticSeverity {
    match severity {
        Severity::Error => lsp::DiagnosticSeverity::ERROR,
        Severity::Warning => lsp::DiagnosticSeverity::WARNING,
        Severity::Info => lsp::DiagnosticSeverity::INFORMATION,
        Severity::Hint => lsp::DiagnosticSeverity::HINT,
    }
}

/// Returns the diagnostics for mistakes in a configuration file.
pub(crate) fn config_diagnostics(
    problems: &[ConfigError],
    text: &Text,
    client: &Capabilities,
) -> Vec<lsp::Diagnostic> {
    let diagnostic = |problem: &ConfigError| lsp::Diagnostic {
        range: range(problem.range.clone(), text, client.encoding),
        severity: Some(severity(problem.severity)),
        code: Some(lsp::NumberOrString::String("configuration".to_owned())),
        code_description: client.code_description.then(manual).flatten(),
        source: Some(SOURCE.to_owned()),
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

pub(crate) fn text_edits(
    chunk: Chunk<'_>,
    edits: &Edits,
    text: &Text,
    encoding: Encoding,
) -> Vec<lsp::TextEdit> {
    let edit = |edit: &linter::analysis::Edit| lsp::TextEdit {
        range: range(chunk.place(edit.range), text, encoding),
        new_text: edit.insert.clone(),
    };
    edits.as_slice().iter().map(edit).collect()
}

/// Returns edits of one document, bound to its version if the client can check it. A document that is not open has no version.
pub(crate) fn workspace_edit(
    url: &Uri,
    version: Option<i32>,
    edits: Vec<lsp::TextEdit>,
    client: &Capabilities,
) -> lsp::WorkspaceEdit {
    if client.document_changes {
        let edit = document_edit(url, version, edits);
        lsp::WorkspaceEdit {
            document_changes: Some(lsp::DocumentChanges::Edits(vec![edit])),
            ..Default::default()
        }
    } else {
        lsp::WorkspaceEdit {
            changes: Some([(url.clone(), edits)].into()),
            ..Default::default()
        }
    }
}

/// Returns an edit that creates a file; `None` if the client cannot do that.
pub(crate) fn edit_of_new_file(
    url: &Uri,
    edits: Vec<lsp::TextEdit>,
    client: &Capabilities,
) -> Option<lsp::WorkspaceEdit> {
    if !(client.document_changes && client.create_files) {
        return None;
    }
    let create = lsp::ResourceOp::Create(lsp::CreateFile {
        uri: url.clone(),
        options: Some(lsp::CreateFileOptions {
            overwrite: None,
            ignore_if_exists: Some(true),
        }),
        annotation_id: None,
    });
    let operations = vec![
        lsp::DocumentChangeOperation::Op(create),
        lsp::DocumentChangeOperation::Edit(document_edit(url, None, edits)),
    ];
    Some(lsp::WorkspaceEdit {
        document_changes: Some(lsp::DocumentChanges::Operations(operations)),
        ..Default::default()
    })
}

fn document_edit(
    url: &Uri,
    version: Option<i32>,
    edits: Vec<lsp::TextEdit>,
) -> lsp::TextDocumentEdit {
    lsp::TextDocumentEdit {
        text_document: lsp::OptionalVersionedTextDocumentIdentifier {
            uri: url.clone(),
            version,
        },
        edits: edits.into_iter().map(lsp::OneOf::Left).collect(),
    }
}

/// Returns a hover in Markdown, or in plain text if the client shows no Markdown.
pub(crate) fn hover(markdown: String, range: lsp::Range, client: &Capabilities) -> lsp::Hover {
    lsp::Hover {
        contents: lsp::HoverContents::Markup(markup(markdown, client.markdown_hover)),
        range: Some(range),
    }
}

/// Returns Markdown, or the same as plain text.
pub(crate) fn markup(markdown: String, as_markdown: bool) -> lsp::MarkupContent {
    if as_markdown {
        lsp::MarkupContent {
            kind: lsp::MarkupKind::Markdown,
            value: markdown,
        }
    } else {
        lsp::MarkupContent {
            kind: lsp::MarkupKind::PlainText,
            value: plain(&markdown),
        }
    }
}

/// Converts our own Markdown to plain text. Keeps paragraphs, lists and backticks, which read well as they are.
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
        .replace("]\\(", "](")
        .replace("\\<", "<")
}

/// Returns a text that contains words of a manifest as Markdown that shows it: nothing in it is a link, a picture, HTML, or
/// a paragraph. Escapes as little as possible, because some editors show the backslashes.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    // After an odd number of backslashes, the next character is escaped already.
    let mut is_escaped = false;
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let starts_tag =
            char == '<' && (next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'));
        let starts_target = char == '(' && before == ']';
        if (starts_tag || starts_target) && !is_escaped {
            shown.push('\\');
        }
        is_escaped = char == '\\' && !is_escaped;
        shown.push(if char.is_control() { ' ' } else { char });
        before = char;
    }
    shown
}

/// The same as [`shown`], between backticks.
pub(crate) fn shown_as_code(text: &str) -> String {
    format!("`{}`", shown(&text.replace('`', "'")))
}

/// Splits Markdown at its first link: the text before, the words, the target, and the text after.
fn link(markdown: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, tail) = markdown.split_once("](")?;
    let (before, words) = head.rsplit_once('[')?;
    let (to, behind) = tail.split_once(')')?;
    Some((before, words, to, behind))
}

/// Returns a title with an upper-case first letter, as menus show it.
pub(crate) fn title(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::{plain, shown, shown_as_code};

    #[test]
    fn words_of_a_manifest_are_no_markup() {
        for (words, expected) in [
            ("[a](command:b)", "[a]\\(command:b)"),
            ("![](http://a)", "![]\\(http://a)"),
            ("<img src=a>", "\\<img src=a>"),
            ("a\n\n[b]: c", "a  [b]: c"),
            // Most texts stay as they are.
            (
                "spec.containers[0] (x) < 3 `y` *",
                "spec.containers[0] (x) < 3 `y` *",
            ),
        ] {
            assert_eq!(shown(words), expected);
            assert_eq!(plain(&shown(words)), words.replace('\n', " "));
        }
        assert_eq!(shown("\\<img>"), "\\<img>");
        assert_eq!(shown("\\\\<img>"), "\\\\\\<img>");
        assert_eq!(shown_as_code("a`](b)"), "`a']\\(b)`");
    }
}
