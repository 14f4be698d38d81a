//! The line index: from bytes to lines and back, in a text that does not change.

use crate::position::{Encoding, Position, saturate};
use memchr::{memchr_iter, memchr2_iter, memmem};
use std::ops::Range;

/// U+FEFF. At the start of a file it is not part of the text.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where the lines of a text start, in bytes.
///
/// There is always at least one line, and a final line break starts a last empty line. Lines count from 0. Methods that take
/// the text expect the one that the index was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<usize>,
    /// The length of the text.
    len: usize,
}

impl LineIndex {
    pub fn new(text: &str) -> LineIndex {
        let bytes = text.as_bytes();
        let breaks = line_ends(bytes).filter(|&end| ends_with_break(&bytes[..end]));
        LineIndex {
            starts: std::iter::once(0).chain(breaks).collect(),
            len: text.len(),
        }
    }

    pub fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// Returns the line that contains a byte; the last line for an offset past the end.
    pub fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|&start| start <= offset) - 1
    }

    /// Returns the first byte of a line; the end of the text for a line past the last.
    pub fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.len)
    }

    /// Returns the bytes of a line with its line break; an empty range at the end for a line past the last.
    pub fn range(&self, line: usize) -> Range<usize> {
        self.start(line)..self.start(line.saturating_add(1))
    }

    /// Returns the bytes of a line without its line break and, on the first line, without a byte order mark.
    pub fn content(&self, line: usize, text: &str) -> Range<usize> {
        let Range { start, end } = self.range(line);
        let content = text[start..end].trim_end_matches(['\n', '\r']);
        let mark = match content.strip_prefix(BYTE_ORDER_MARK) {
            Some(_) if start == 0 => BYTE_ORDER_MARK.len_utf8(),
            _ => 0,
        };
        start + mark..start + content.len()
    }

    /// Returns the position of a byte. An offset past the end becomes the end, one inside a character its start, and one
    /// inside a line break the end of its line. A byte order mark counts as a character.
    pub fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let offset = (0..=offset.min(text.len()))
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or_default();
        let line = self.line(offset);
        let start = self.start(line);
        let end = offset.min(self.content(line, text).end);
        Position {
            line: saturate(line),
            column: saturate(encoding.width(&text[start..end])),
        }
    }

    /// Returns the byte at a position. A column past its line becomes the end of the line, before the line break; a line past
    /// the last becomes the end of the text; a column inside a character becomes the character's start.
    pub fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        if line >= self.line_count() {
            return self.len;
        }
        let start = self.start(line);
        let content = &text[start..self.content(line, text).end.max(start)];
        let mut left = position.column as usize;
        for (at, char) in content.char_indices() {
            let width = encoding.width(char.encode_utf8(&mut [0; 4]));
            if width > left {
                return start + at;
            }
            left -= width;
        }
        start + content.len()
    }
}

/// Returns the end of each line, behind its line break; the last one is the end of the text. An empty text has no line here,
/// and a final line break does not start another one.
pub fn line_ends(text: &[u8]) -> impl Iterator<Item = usize> {
    let is_first_half = |at: usize| text[at] == b'\r' && text.get(at + 1) == Some(&b'\n');
    let breaks = memchr2_iter(b'\n', b'\r', text)
        .filter(move |&at| !is_first_half(at))
        .map(|at| at + 1);
    let is_unterminated = !text.is_empty() && !ends_with_break(text);
    breaks.chain(is_unterminated.then_some(text.len()))
}

/// Returns how many line breaks a text contains. A `\r\n` counts once, so the text must not end inside one.
pub fn count_line_breaks(text: &[u8]) -> usize {
    let returns = memchr_iter(b'\r', text).count();
    let pairs = if returns == 0 {
        0
    } else {
        memmem::find_iter(text, b"\r\n").count()
    };
    memchr_iter(b'\n', text).count() + returns - pairs
}

/// Returns the line break that a text starts with, or an empty string.
pub fn line_break(text: &str) -> &str {
    let length = match text.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    };
    &text[..length]
}

fn ends_with_break(text: &[u8]) -> bool {
    matches!(text.last(), Some(b'\n' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_three_breaks() {
        let text = "a\nb\r\nc\rd\u{85}e\u{2028}f";
        let index = LineIndex::new(text);
        let lines: Vec<&str> = (0..index.line_count())
            .map(|line| &text[index.content(line, text)])
            .collect();
        assert_eq!(lines, ["a", "b", "c", "d\u{85}e\u{2028}f"]);
        assert_eq!(index.range(1), 2..5);
        let ends: Vec<usize> = line_ends(text.as_bytes()).collect();
        assert_eq!(ends, [2, 5, 7, text.len()]);
        assert_eq!(count_line_breaks(text.as_bytes()), 3);
    }

    #[test]
    fn final_break_starts_an_empty_line() {
        for (text, lines) in [("", 1), ("\n", 2), ("\r\n", 2), ("a\r", 2), ("a", 1)] {
            let index = LineIndex::new(text);
            assert_eq!(index.line_count(), lines, "{text:?}");
            assert_eq!(index.line(text.len() + 9), lines - 1, "{text:?}");
            assert_eq!(index.range(lines), text.len()..text.len(), "{text:?}");
        }
    }

    #[test]
    fn byte_order_mark_is_not_content() {
        let text = "\u{feff}a\n\u{feff}b";
        let index = LineIndex::new(text);
        assert_eq!(index.content(0, text), 3..4);
        assert_eq!(index.content(1, text), 5..9, "only the first one is a mark");
        assert_eq!(LineIndex::new("\u{feff}").content(0, "\u{feff}"), 3..3);
        assert_eq!(index.position(text, 3, Encoding::Utf16).column, 1);
    }
}
