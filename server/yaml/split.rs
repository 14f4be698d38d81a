//! The documents of a text: where each begins.
//!
//! Knows `---`, `...` and directives, which YAML allows at the start of a line only, so that lines are all it looks at.
//! Promise: the documents cover the text without a gap, in order, and there is always at least one.

/// Byte ranges of the documents of a text, in order. A document begins at its `---` line, or with what precedes that line
/// (directives, comments, blank lines) where nothing else does; a `...` line is the last of its document.
pub fn documents(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut documents = Vec::new();
    let mut start = 0;
    // Whether the document that begins at `start` has content or a `---` of its own.
    let mut begun = false;
    let mut at = 0;
    while at < text.len() {
        let end = line_end(text, at);
        // A byte order mark is one at the start of a document only: where files were joined, before a `---`.
        let line = &text[at..end];
        let unmarked = line.strip_prefix('\u{feff}').unwrap_or(line);
        let line = if at == start || is_marker(unmarked, "---") { unmarked } else { line };
        match line_kind(line, begun) {
            Line::Begin if begun => {
                documents.push(start..at);
                start = at;
            }
            Line::Begin | Line::Content => begun = true,
            Line::End => {
                documents.push(start..end);
                start = end;
                begun = false;
            }
            Line::Prefix => {}
        }
        at = end;
    }
    if start < text.len() || documents.is_empty() {
        documents.push(start..text.len());
    }
    documents
}

enum Line {
    /// `---`
    Begin,
    /// `...`
    End,
    /// Blank, a comment, or a directive before the document's begin.
    Prefix,
    Content,
}

fn line_kind(line: &str, begun: bool) -> Line {
    if is_marker(line, "---") {
        Line::Begin
    } else if is_marker(line, "...") {
        Line::End
    } else if is_blank_or_comment(line) || (!begun && line.starts_with('%')) {
        Line::Prefix
    } else {
        Line::Content
    }
}

/// Only to YAML 1.1 are there other line breaks and blanks than these.
fn is_blank_or_comment(line: &str) -> bool {
    let written = line.trim_start_matches([' ', '\t', '\n', '\r']);
    written.is_empty() || written.starts_with('#')
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

/// Where the next line starts: behind `\n`, `\r\n` or a lone `\r`.
fn line_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    match bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        None => text.len(),
        Some(n) if bytes[at + n] == b'\r' && bytes.get(at + n + 1) == Some(&b'\n') => at + n + 2,
        Some(n) => at + n + 1,
    }
}
