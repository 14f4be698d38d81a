//! Lines and columns, both from 1, with columns in Unicode characters.
//!
//! Every byte offset has a place, even inside a character or after the end.

use text::LineIndex;

/// The lines of a text, counted from 1.
pub(crate) struct Lines<'t> {
    text: &'t str,
    index: LineIndex,
    ascii: bool,
}

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// In bytes from the start of the text.
    pub byte: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in Unicode characters.
    pub column: usize,
}

/// A start and an exclusive end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub start: Place,
    pub end: Place,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Lines {
            text,
            index: LineIndex::new(text),
            ascii: text.is_ascii(),
        }
    }

    /// Returns the place of a byte offset. A byte order mark has no column.
    pub(crate) fn place(&self, byte: usize) -> Place {
        let byte = byte.min(self.text.len());
        let line = self.index.line(byte);
        let start = self.index.content(line, self.text).start.min(byte);
        Place {
            byte,
            line: line + 1,
            column: 1 + self.characters(start, byte),
        }
    }

    /// Returns the span of a range of bytes.
    pub(crate) fn span(&self, range: std::ops::Range<usize>) -> Span {
        Span {
            start: self.place(range.start),
            end: self.place(range.end),
        }
    }

    /// Returns the start of a line (from 1) in bytes, and its text without the line break.
    pub(crate) fn line(&self, line: usize) -> (usize, &'t str) {
        let content = self.index.content(line - 1, self.text);
        (content.start, &self.text[content])
    }

    fn characters(&self, start: usize, end: usize) -> usize {
        if self.ascii {
            return end - start;
        }
        self.text.as_bytes()[start..end]
            .iter()
            .filter(|byte| is_first_of_character(**byte))
            .count()
    }
}

fn is_first_of_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<(usize, usize)> {
        let lines = Lines::new(text);
        text.char_indices()
            .map(|(byte, _)| lines.place(byte))
            .map(|place| (place.line, place.column))
            .collect()
    }

    #[test]
    fn every_line_break_ends_a_line() {
        assert_eq!(
            places("a\nb\r\nc\rd"),
            [
                (1, 1),
                (1, 2),
                (2, 1),
                (2, 2),
                (2, 3),
                (3, 1),
                (3, 2),
                (4, 1)
            ]
        );
    }

    #[test]
    fn columns_are_characters() {
        assert_eq!(places("ä🙂b"), [(1, 1), (1, 2), (1, 3)]);
    }

    #[test]
    fn byte_order_mark_has_no_column() {
        assert_eq!(places("\u{feff}ab"), [(1, 1), (1, 1), (1, 2)]);
    }

    #[test]
    fn every_offset_has_a_place() {
        let lines = Lines::new("ä\n");
        assert_eq!(
            lines.place(1),
            Place {
                byte: 1,
                line: 1,
                column: 2
            }
        );
        assert_eq!(
            lines.place(99),
            Place {
                byte: 3,
                line: 2,
                column: 1
            }
        );
        assert_eq!(
            Lines::new("").place(7),
            Place {
                byte: 0,
                line: 1,
                column: 1
            }
        );
    }

    #[test]
    fn line_excludes_its_break() {
        let lines = Lines::new("\u{feff}a\r\nb\rc");
        assert_eq!(
            [1, 2, 3].map(|line| lines.line(line)),
            [(3, "a"), (6, "b"), (8, "c")]
        );
        assert_eq!(Lines::new("a\n").line(2), (2, ""));
    }
}
