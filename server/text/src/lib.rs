//! A text that is being edited, and the positions in which editors speak of it.
//!
//! Knows bytes, lines, columns, and the units that editors count columns in; UTF-16 exists in this one file. Must not know
//! what the text says. Promise: every place a client can name, however wrong, becomes a place of the text, and every
//! place of the text becomes the same position in every client.
//!
//! Lines end with `\n`, `\r\n` or a lone `\r`, as in the Language Server Protocol, and with nothing else.

use ropey::Rope;
use std::borrow::Cow;
use std::ops::Range;
use std::{fmt, iter};

/// A text. Cloning it costs next to nothing, so that a clone serves as a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    rope: Rope,
}

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16: two for a character beyond U+FFFF.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

/// A place as editors name it; both parts count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Text {
    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.rope.len_bytes()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The position of a byte. One beyond the text counts as its end, one inside a character as that character's start, and
    /// one inside a line break as the end of the line.
    pub fn position(&self, offset: usize, encoding: Encoding) -> Position {
        let char = self.char_at(offset);
        let line = self.rope.char_to_line(char);
        let content = self.content(line);
        let char = char.min(content.end);
        let column = self.units(char, encoding) - self.units(content.start, encoding);
        Position {
            line: saturate(line),
            column: saturate(column),
        }
    }

    /// The line that holds a byte, counted from 0.
    pub fn line(&self, offset: usize) -> u32 {
        saturate(self.rope.byte_to_line(offset.min(self.len())))
    }

    /// The byte at a position. A column beyond its line counts as the line's end, before the line break; a line beyond the
    /// text as the text's end; a column inside a character as that character's start.
    pub fn offset(&self, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        if line >= self.rope.len_lines() {
            return self.len();
        }
        let content = self.content(line);
        let unit = self
            .units(content.start, encoding)
            .saturating_add(position.column as usize);
        let unit = unit.min(self.units(content.end, encoding));
        let char = match encoding {
            Encoding::Utf8 => self.rope.byte_to_char(unit),
            Encoding::Utf16 => self.rope.utf16_cu_to_char(unit),
            Encoding::Utf32 => unit,
        };
        self.rope.char_to_byte(char)
    }

    /// The bytes between two positions; if the second comes before the first, they are swapped.
    pub fn range(&self, ends: Range<Position>, encoding: Encoding) -> Range<usize> {
        let ends = [ends.start, ends.end].map(|end| self.offset(end, encoding));
        ends[0].min(ends[1])..ends[0].max(ends[1])
    }

    /// Puts another text in the place of a range of bytes. A range that is none is made one as in [`Text::slice`].
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        let chars = self.chars(range);
        let start = chars.start;
        self.rope.remove(chars);
        self.rope.insert(start, with);
    }

    /// A range of bytes as a string. An end beyond the text or inside a character is moved as in [`Text::position`]; a range
    /// that ends before it starts is empty.
    pub fn slice(&self, range: Range<usize>) -> Cow<'_, str> {
        self.rope.slice(self.chars(range)).into()
    }

    /// What makes another text of this one: a range of bytes of this text, and how many bytes of the other one are in its place. Both
    /// texts are the same before and behind.
    pub fn difference(&self, other: &Text) -> (Range<usize>, usize) {
        let most = self.len().min(other.len());
        let same = self
            .rope
            .bytes()
            .zip(other.rope.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let start = self.rope.char_to_byte(self.char_at(same));
        let [mut a, mut b] = [self, other].map(|text| text.rope.bytes_at(text.len()));
        let mut behind = 0;
        while behind < most - start && a.prev() == b.prev() {
            behind += 1;
        }
        // Not in the middle of a character: the one that holds the byte is another one, then.
        while !self.is_boundary(self.len() - behind) {
            behind -= 1;
        }
        (start..self.len() - behind, other.len() - behind - start)
    }

    fn is_boundary(&self, offset: usize) -> bool {
        self.rope.char_to_byte(self.char_at(offset)) == offset
    }

    /// The character that holds a byte.
    fn char_at(&self, offset: usize) -> usize {
        self.rope.byte_to_char(offset.min(self.len()))
    }

    fn chars(&self, range: Range<usize>) -> Range<usize> {
        let start = self.char_at(range.start);
        start..self.char_at(range.end).max(start)
    }

    /// How many units stand before a character.
    fn units(&self, char: usize, encoding: Encoding) -> usize {
        match encoding {
            Encoding::Utf8 => self.rope.char_to_byte(char),
            Encoding::Utf16 => self.rope.char_to_utf16_cu(char),
            Encoding::Utf32 => char,
        }
    }

    /// The characters of a line without its line break.
    fn content(&self, line: usize) -> Range<usize> {
        let start = self.rope.line_to_char(line);
        let whole = self.rope.line(line);
        let line_break = match (
            whole.len_chars(),
            whole.get_char(whole.len_chars().wrapping_sub(1)),
        ) {
            (2.., Some('\n')) if whole.char(whole.len_chars() - 2) == '\r' => 2,
            (_, Some('\n' | '\r')) => 1,
            _ => 0,
        };
        start..start + whole.len_chars() - line_break
    }
}

/// The lines of a text that is short and stays as it is: a place in it is found much quicker than in one that is edited.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub fn of(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let ends_line = |at: &usize| {
            bytes[*at] == b'\n' || (bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
        };
        let starts = iter::once(0)
            .chain((0..bytes.len()).filter(ends_line).map(|at| at + 1))
            .collect();
        Lines { text, starts }
    }

    /// The position of a byte, as [`Text::position`] has it.
    pub fn position(&self, offset: usize, encoding: Encoding) -> Position {
        let offset = (0..=offset.min(self.text.len()))
            .rev()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or_default();
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let end = self
            .starts
            .get(line + 1)
            .copied()
            .unwrap_or(self.text.len());
        let content = self.text[self.starts[line]..end].trim_end_matches(['\r', '\n']);
        let before = &content[..content.len().min(offset - self.starts[line])];
        let column = match encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 => before.chars().map(char::len_utf16).sum(),
            Encoding::Utf32 => before.chars().count(),
        };
        Position {
            line: saturate(line),
            column: saturate(column),
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text {
            rope: Rope::from_str(text),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rope.chunks().try_for_each(|chunk| f.write_str(chunk))
    }
}

/// Positions hold 32 bits; a text beyond that has more to fear than a wrong column.
fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Lines, Position, Text};
    use Encoding::{Utf8, Utf16, Utf32};

    const ALL: [Encoding; 3] = [Utf8, Utf16, Utf32];

    fn at(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn columns_count_what_the_encoding_says() {
        let text = Text::from("é𝄞x: 1\n");
        let x = "é𝄞".len();
        assert_eq!(
            ALL.map(|encoding| text.position(x, encoding)),
            [at(0, 6), at(0, 3), at(0, 2)]
        );
        for encoding in ALL {
            assert_eq!(text.offset(text.position(x, encoding), encoding), x);
        }
    }

    #[test]
    fn a_text_that_stays_as_it_is_has_the_same_positions() {
        for content in [
            "",
            "a",
            "\n",
            "é𝄞x: 1\r\n\rb\r\r\n\u{2028}c\u{85}\n\n",
            "a\r",
            "\u{feff}ä\n𝄞",
        ] {
            let (text, lines) = (Text::from(content), Lines::of(content));
            for (offset, encoding) in
                (0..content.len() + 2).flat_map(|offset| ALL.map(|encoding| (offset, encoding)))
            {
                let position = text.position(offset, encoding);
                assert_eq!(
                    lines.position(offset, encoding),
                    position,
                    "{offset} in {content:?}"
                );
                assert_eq!(text.line(offset), position.line, "{offset} in {content:?}");
            }
        }
    }

    #[test]
    fn a_place_inside_a_character_is_its_start() {
        let text = Text::from("a𝄞b");
        assert_eq!(text.offset(at(0, 2), Utf16), 1);
        assert_eq!(text.offset(at(0, 3), Utf8), 1);
        assert_eq!(text.position(3, Utf32), at(0, 1));
    }

    #[test]
    fn lines_end_with_all_three_breaks_and_nothing_else() {
        let text = Text::from("a\r\nb\rc\nd\u{2028}e\u{85}f\u{b}g\u{c}h");
        let starts: Vec<_> = (0..5).map(|line| text.offset(at(line, 0), Utf16)).collect();
        assert_eq!(starts, [0, 3, 5, 7, text.len()]);
    }

    #[test]
    fn what_lies_beyond_a_line_is_its_end() {
        let text = Text::from("ab\r\ncd\ref\ngh");
        for encoding in ALL {
            let ends: Vec<_> = (0..4)
                .map(|line| text.offset(at(line, u32::MAX), encoding))
                .collect();
            assert_eq!(ends, [2, 6, 9, 12]);
            assert_eq!(text.offset(at(9, 0), encoding), 12);
            assert_eq!(text.position(99, encoding), at(3, 2));
        }
    }

    #[test]
    fn a_place_between_the_halves_of_a_line_break_is_the_end_of_its_line() {
        assert_eq!(Text::from("ab\r\ncd").position(3, Utf8), at(0, 2));
    }

    #[test]
    fn an_empty_text_has_one_place() {
        let text = Text::from("");
        assert_eq!((text.len(), text.is_empty()), (0, true));
        for encoding in ALL {
            assert_eq!(text.position(7, encoding), at(0, 0));
            assert_eq!(text.offset(at(3, 3), encoding), 0);
        }
    }

    #[test]
    fn a_final_line_break_begins_a_last_empty_line() {
        let text = Text::from("a\n");
        assert_eq!(text.position(2, Utf8), at(1, 0));
        assert_eq!(text.offset(at(1, 5), Utf8), 2);
    }

    #[test]
    fn a_range_that_is_none_is_made_one() {
        let mut text = Text::from("a𝄞b");
        assert_eq!(text.slice(2..99), "𝄞b");
        text.replace(std::ops::Range { start: 5, end: 1 }, "-");
        assert_eq!(text.to_string(), "a𝄞-b");
    }

    #[test]
    fn a_snapshot_does_not_see_later_edits() {
        let mut text = Text::from("before");
        let snapshot = text.clone();
        text.replace(0..6, "after");
        assert_eq!(
            (snapshot.to_string(), text.to_string()),
            ("before".into(), "after".into())
        );
    }

    /// A model as plain as can be: the lines of a string, and columns counted character by character.
    mod model {
        use super::{Encoding, Position};

        /// Where each line starts, and where it ends without its break.
        fn lines(text: &str) -> Vec<std::ops::Range<usize>> {
            let (mut lines, mut start, mut chars) = (Vec::new(), 0, text.char_indices().peekable());
            while let Some((at, char)) = chars.next() {
                let end = match char {
                    '\r' if chars.next_if(|next| next.1 == '\n').is_some() => at + 2,
                    '\r' | '\n' => at + 1,
                    _ => continue,
                };
                lines.push(start..at);
                start = end;
            }
            lines.push(start..text.len());
            lines
        }

        fn width(text: &str, encoding: Encoding) -> usize {
            match encoding {
                Encoding::Utf8 => text.len(),
                Encoding::Utf16 => text.encode_utf16().count(),
                Encoding::Utf32 => text.chars().count(),
            }
        }

        pub(super) fn position(text: &str, offset: usize, encoding: Encoding) -> Position {
            let offset = (0..=offset.min(text.len()))
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap();
            let lines = lines(text);
            let line = lines.iter().rposition(|line| line.start <= offset).unwrap();
            let end = offset.min(lines[line].end);
            Position {
                line: line as u32,
                column: width(&text[lines[line].start..end], encoding) as u32,
            }
        }

        pub(super) fn offset(text: &str, position: Position, encoding: Encoding) -> usize {
            let Some(line) = lines(text).into_iter().nth(position.line as usize) else {
                return text.len();
            };
            let fits = |at: &usize| {
                text.is_char_boundary(*at)
                    && width(&text[line.start..*at], encoding) <= position.column as usize
            };
            (line.start..=line.end).rev().find(fits).unwrap()
        }
    }

    /// xorshift: random enough, and the same on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % bound as u64) as usize
        }
    }

    #[test]
    fn random_edits_and_positions_agree_with_a_plain_string() {
        const PIECES: [&str; 14] = [
            "a",
            "é",
            "漢",
            "𝄞",
            "👩‍🚀",
            "\n",
            "\r",
            "\r\n",
            "\u{2028}",
            "\u{85}",
            "key: ",
            "",
            "\t",
            "\u{feff}",
        ];
        for seed in 1..=60 {
            let mut random = Random(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
            let (mut text, mut plain) = (Text::default(), String::new());
            for _ in 0..60 {
                let mut ends = [0, 0].map(|_| {
                    let wanted = random.below(plain.len() + 1);
                    (0..=wanted)
                        .rev()
                        .find(|&at| plain.is_char_boundary(at))
                        .unwrap()
                });
                ends.sort_unstable();
                let insert: String = (0..random.below(5))
                    .map(|_| PIECES[random.below(PIECES.len())])
                    .collect();
                text.replace(ends[0]..ends[1], &insert);
                plain.replace_range(ends[0]..ends[1], &insert);
                assert_eq!(text.to_string(), plain);

                let encoding = ALL[random.below(3)];
                let offset = random.below(plain.len() + 4);
                assert_eq!(
                    text.position(offset, encoding),
                    model::position(&plain, offset, encoding),
                    "{plain:?} {offset}"
                );
                let position = at(random.below(12) as u32, random.below(12) as u32);
                assert_eq!(
                    text.offset(position, encoding),
                    model::offset(&plain, position, encoding),
                    "{plain:?} {position:?}"
                );
            }
        }
    }
}
