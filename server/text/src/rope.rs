//! A text that is being edited. Every position of a client, however wrong, becomes an offset inside the text.

use crate::position::{Encoding, Position, saturate};
use ropey::Rope;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// A text. Clones share their content, so a clone is a cheap snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    rope: Rope,
}

impl Text {
    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.rope.len_bytes()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the position of a byte. An offset past the end becomes the end, one inside a character its start, and one
    /// inside a line break the end of its line.
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

    /// Returns the line that contains a byte, from 0.
    pub fn line(&self, offset: usize) -> u32 {
        saturate(self.rope.byte_to_line(offset.min(self.len())))
    }

    /// Returns the byte at a position. A column past its line becomes the end of the line, before the line break; a line past
    /// the last becomes the end of the text; a column inside a character becomes the character's start.
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

    /// Returns the bytes between two positions, in whichever order they are given.
    pub fn range(&self, ends: Range<Position>, encoding: Encoding) -> Range<usize> {
        let ends = [ends.start, ends.end].map(|end| self.offset(end, encoding));
        ends[0].min(ends[1])..ends[0].max(ends[1])
    }

    /// Replaces a range of bytes. Invalid ends are moved as in [`Text::slice`].
    pub fn replace(&mut self, range: Range<usize>, with: &str) {
        let chars = self.chars(range);
        let start = chars.start;
        self.rope.remove(chars);
        self.rope.insert(start, with);
    }

    /// Returns a range of bytes as a string. An end past the text or inside a character is moved as in [`Text::position`]; a
    /// range that ends before it starts is empty.
    pub fn slice(&self, range: Range<usize>) -> Cow<'_, str> {
        self.rope.slice(self.chars(range)).into()
    }

    /// Returns the smallest edit that turns this text into another one: the range of bytes to replace, and the length of the
    /// replacement. Both texts are equal before and after it.
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
        // Do not end inside a character: a character of which one byte differs is replaced as a whole.
        while !self.is_boundary(self.len() - behind) {
            behind -= 1;
        }
        (start..self.len() - behind, other.len() - behind - start)
    }

    fn is_boundary(&self, offset: usize) -> bool {
        self.rope.char_to_byte(self.char_at(offset)) == offset
    }

    /// Returns the index of the character that contains a byte.
    fn char_at(&self, offset: usize) -> usize {
        self.rope.byte_to_char(offset.min(self.len()))
    }

    fn chars(&self, range: Range<usize>) -> Range<usize> {
        let start = self.char_at(range.start);
        start..self.char_at(range.end).max(start)
    }

    /// Returns the number of units before a character.
    fn units(&self, char: usize, encoding: Encoding) -> usize {
        match encoding {
            Encoding::Utf8 => self.rope.char_to_byte(char),
            Encoding::Utf16 => self.rope.char_to_utf16_cu(char),
            Encoding::Utf32 => char,
        }
    }

    /// Returns the characters of a line without its line break.
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

#[cfg(test)]
mod tests {
    use super::{Encoding, Position, Text};
    use crate::LineIndex;
    use Encoding::{Utf8, Utf16, Utf32};

    const ALL: [Encoding; 3] = [Utf8, Utf16, Utf32];

    fn at(line: u32, column: u32) -> Position {
        Position { line, column }
    }

    #[test]
    fn columns_follow_the_encoding() {
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
    fn line_index_agrees_with_text() {
        for content in [
            "",
            "a",
            "\n",
            "é𝄞x: 1\r\n\rb\r\r\n\u{2028}c\u{85}\n\n",
            "a\r",
            "\u{feff}ä\n𝄞",
        ] {
            let (text, index) = (Text::from(content), LineIndex::new(content));
            for (offset, encoding) in
                (0..content.len() + 2).flat_map(|offset| ALL.map(|encoding| (offset, encoding)))
            {
                let position = text.position(offset, encoding);
                assert_eq!(
                    index.position(content, offset, encoding),
                    position,
                    "{offset} in {content:?}"
                );
                assert_eq!(text.line(offset), position.line, "{offset} in {content:?}");
            }
        }
    }

    #[test]
    fn offset_inside_character_moves_to_its_start() {
        let text = Text::from("a𝄞b");
        assert_eq!(text.offset(at(0, 2), Utf16), 1);
        assert_eq!(text.offset(at(0, 3), Utf8), 1);
        assert_eq!(text.position(3, Utf32), at(0, 1));
    }

    #[test]
    fn lines_end_with_three_breaks_only() {
        let text = Text::from("a\r\nb\rc\nd\u{2028}e\u{85}f\u{b}g\u{c}h");
        let starts: Vec<_> = (0..5).map(|line| text.offset(at(line, 0), Utf16)).collect();
        assert_eq!(starts, [0, 3, 5, 7, text.len()]);
    }

    #[test]
    fn column_past_line_becomes_line_end() {
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
    fn offset_inside_crlf_becomes_line_end() {
        assert_eq!(Text::from("ab\r\ncd").position(3, Utf8), at(0, 2));
    }

    #[test]
    fn empty_text_has_one_position() {
        let text = Text::from("");
        assert_eq!((text.len(), text.is_empty()), (0, true));
        for encoding in ALL {
            assert_eq!(text.position(7, encoding), at(0, 0));
            assert_eq!(text.offset(at(3, 3), encoding), 0);
        }
    }

    #[test]
    fn final_break_starts_an_empty_line() {
        let text = Text::from("a\n");
        assert_eq!(text.position(2, Utf8), at(1, 0));
        assert_eq!(text.offset(at(1, 5), Utf8), 2);
    }

    #[test]
    fn invalid_ranges_are_moved() {
        let mut text = Text::from("a𝄞b");
        assert_eq!(text.slice(2..99), "𝄞b");
        text.replace(std::ops::Range { start: 5, end: 1 }, "-");
        assert_eq!(text.to_string(), "a𝄞-b");
    }

    #[test]
    fn snapshot_does_not_see_later_edits() {
        let mut text = Text::from("before");
        let snapshot = text.clone();
        text.replace(0..6, "after");
        assert_eq!(
            (snapshot.to_string(), text.to_string()),
            ("before".into(), "after".into())
        );
    }

    /// A naive model: the lines of a string, with columns counted character by character.
    mod model {
        use super::{Encoding, Position};

        /// Returns the bytes of each line without its line break.
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

    /// xorshift: the same numbers on every machine.
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
    fn random_edits_match_a_plain_string() {
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
                assert_eq!(
                    LineIndex::new(&plain).offset(&plain, position, encoding),
                    model::offset(&plain, position, encoding),
                    "{plain:?} {position:?}"
                );
            }
        }
    }
}
