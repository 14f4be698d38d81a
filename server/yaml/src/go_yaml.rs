//! What kubectl and the API server read differently than yaml-rust2. Their parser, go-yaml, is a copy of
//! libyaml for YAML 1.1. kubectl splits a file into documents before it parses them
//! (`k8s.io/apimachinery/pkg/util/yaml`).

use super::event_parser::{Cause, Failure, Reading, range};
use super::source::{Overlay, Source};
use super::tree::Shape;
use super::{ScalarStyle, SyntaxError};

/// Returns overlays for a failure at something that go-yaml accepts; none if it rejects it too.
pub(super) fn overlays_for(source: &Source<'_>, reading: &Reading) -> Vec<Overlay> {
    let Some(Failure {
        at,
        cause: Cause::Parser(message),
    }) = &reading.failure
    else {
        return Vec::new();
    };
    if message.contains("unknown escape character") {
        escaped_apostrophes(source.text(), *at)
    } else if message.contains("comments must be separated") {
        vec![Overlay::insert(*at, " ")]
    } else if message == "invalid indentation" && *at > reading.balanced_until {
        unindented_flow_lines(source, *at, reading.balanced_until)
    } else {
        Vec::new()
    }
}

/// Hides the backslashes before apostrophes in the double-quoted scalar that starts at an offset.
fn escaped_apostrophes(text: &str, quote: usize) -> Vec<Overlay> {
    let bytes = text.as_bytes();
    let mut overlays = Vec::new();
    let mut at = quote + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        let is_escape = bytes[at] == b'\\';
        if is_escape && bytes.get(at + 1) == Some(&b'\'') {
            overlays.push(Overlay::hide(at..at + 1));
        }
        at += if is_escape { 2 } else { 1 };
    }
    overlays
}

/// Indents the lines of a flow collection that are not indented more than the block around it, from
/// the line of an offset to the closing bracket. go-yaml ignores indentation there.
fn unindented_flow_lines(source: &Source<'_>, from: usize, bracket: usize) -> Vec<Overlay> {
    let text = source.text();
    let first_content = |line: usize| {
        let line = source.content(line);
        let blanks = text[line.clone()].len() - text[line.clone()].trim_start_matches(' ').len();
        (line.start + blanks, blanks)
    };
    let (_, around) = first_content(source.line_of(bracket));
    let mut depth = 0_usize;
    let mut overlays = Vec::new();
    for line in source.line_of(bracket)..source.line_count() {
        let (start, column) = first_content(line);
        let end = source.line_end(line);
        if line >= source.line_of(from) && column <= around && start < end {
            overlays.push(Overlay::insert(start, " ".repeat(around + 1 - column)));
        }
        let begin = start.max(bracket);
        for byte in text[begin.min(end)..end].bytes() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth == 0 {
            return overlays;
        }
    }
    // The bracket is not closed, so these lines belong to the block.
    Vec::new()
}

/// Returns errors at what yaml-rust2 accepts and go-yaml rejects, apart from tabs.
pub(super) fn errors(text: &str, reading: &Reading) -> Vec<SyntaxError> {
    let mut errors: Vec<SyntaxError> = Vec::new();
    let mut reject = |start: usize, end: usize, message: &str| {
        errors.push(SyntaxError {
            range: range(start, end),
            message: message.to_owned(),
        });
    };
    for node in &reading.nodes {
        let is_double_quoted = matches!(
            node.shape,
            Shape::Scalar {
                style: ScalarStyle::DoubleQuoted,
                ..
            }
        );
        let slash = is_double_quoted
            .then(|| escaped_slash(&text[node.range]))
            .flatten();
        if let Some(at) = slash {
            let at = usize::from(node.range.start()) + at;
            reject(at, at + 2, "unknown escape: write `/` without a backslash");
        }
    }
    for properties in reading.properties.values() {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if let Some(anchor) = &properties.anchor
            && !anchor.chars().all(is_name)
        {
            let place = properties.range;
            reject(
                place.start().into(),
                place.end().into(),
                "an anchor may contain only letters, digits, `-` and `_`",
            );
        }
    }
    errors.extend(marker_error(text));
    errors
}

/// Returns the offset of the first `\/`.
fn escaped_slash(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match (bytes[at], bytes[at + 1]) {
            (b'\\', b'/') => return Some(at),
            (b'\\', _) => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// Returns an error for what kubectl rejects at the start of a document: directives, and text behind
/// `---`.
pub(super) fn marker_error(text: &str) -> Option<SyntaxError> {
    let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
    for line in text[at..].split_inclusive(['\n', '\r']) {
        let content = line.trim_end();
        let place = |skip: usize| range(at + skip, at + content.len());
        if content.starts_with('%') {
            return Some(SyntaxError {
                range: place(0),
                message: "kubectl rejects directives: remove the line".to_owned(),
            });
        }
        if let Some(behind) = content.strip_prefix("---") {
            let text = behind.trim_start();
            let is_text = !text.is_empty() && !text.starts_with('#');
            return is_text.then(|| SyntaxError {
                range: place(content.len() - text.len()),
                message: "kubectl rejects text behind `---`: write it on the next line".to_owned(),
            });
        }
        if !content.is_empty() && !content.trim_start().starts_with('#') {
            return None;
        }
        at += line.len();
    }
    None
}

/// Whether a text has a line with only blanks, or with only a comment, that a tab indents. go-yaml
/// rejects most of them.
pub(super) fn has_tab_on_blank_line(text: &str) -> bool {
    let mut rest = text;
    while let Some(tab) = memchr::memchr(b'\t', rest.as_bytes()) {
        let start =
            memchr::memrchr2(b'\n', b'\r', &rest.as_bytes()[..tab]).map_or(0, |end| end + 1);
        let end = memchr::memchr2(b'\n', b'\r', &rest.as_bytes()[tab..]);
        let end = end.map_or(rest.len(), |length| tab + length);
        let content = rest[start..end].trim_start_matches([' ', '\t']);
        let is_indented = start + (end - start - content.len()) > tab;
        if is_indented && (content.is_empty() || content.starts_with('#')) {
            return true;
        }
        rest = &rest[end..];
    }
    false
}
