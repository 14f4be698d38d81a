//! The text of a document as the parser is given it: what is written, but for a few patches.
//!
//! Knows lines, columns and bytes. Must not know what YAML makes of them. Promise: no patch adds or takes a line, so that every
//! place that the parser names is found again in the text as it is written.

use std::cell::Cell;
use std::ops::Range;
use text::{BYTE_ORDER_MARK, LineIndex};

/// A place where the parser reads something else than what is written. Never holds a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overlay {
    /// Other text in the place of some bytes, or before a byte where the range is empty.
    Replace { range: Range<usize>, with: Box<str> },
    /// Characters that have no meaning to the parser, which hands them back in the scalar that they are part of.
    Mask { range: Range<usize> },
}

impl Overlay {
    pub(super) fn hide(range: Range<usize>) -> Overlay {
        Overlay::Replace {
            range,
            with: "".into(),
        }
    }

    pub(super) fn insert(at: usize, text: impl Into<Box<str>>) -> Overlay {
        Overlay::Replace {
            range: at..at,
            with: text.into(),
        }
    }

    pub(super) fn range(&self) -> &Range<usize> {
        match self {
            Overlay::Replace { range, .. } | Overlay::Mask { range } => range,
        }
    }

    /// Whether an earlier patch would be read in the middle of this one.
    pub(super) fn conflicts_with(&self, earlier: &Overlay) -> bool {
        let (new, old) = (self.range(), earlier.range());
        if old.is_empty() {
            new.start <= old.start && old.end <= new.end
        } else {
            old.start < new.end && new.start < old.end
        }
    }
}

/// What stands for the ASCII characters under a mask: letters of the Private Use Area, which nobody's YAML holds.
const MASK: u32 = 0xe000;

fn masked(c: char) -> char {
    if c.is_ascii() {
        char::from_u32(MASK + u32::from(c)).unwrap_or(c)
    } else {
        c
    }
}

fn unmasked(c: char) -> char {
    match u32::from(c).checked_sub(MASK).and_then(char::from_u32) {
        Some(ascii) if ascii.is_ascii() => ascii,
        _ => c,
    }
}

/// A text, its lines and its patches.
pub(super) struct Source<'t> {
    text: &'t str,
    lines: LineIndex,
    /// In order, apart.
    overlays: Vec<Overlay>,
    /// Where the last column was looked up: from where, how many characters on, at which byte. Look-ups come nearly in the
    /// order of the text, so that a line of megabytes is not counted from its start each time.
    last: Cell<(usize, usize, usize)>,
}

impl<'t> Source<'t> {
    /// The text as it is written, but for a byte order mark, which is no part of a document.
    pub(super) fn new(text: &'t str) -> Source<'t> {
        let mark = text
            .starts_with(BYTE_ORDER_MARK)
            .then(|| Overlay::hide(0..BYTE_ORDER_MARK.len_utf8()));
        Source {
            text,
            lines: LineIndex::new(text),
            overlays: mark.into_iter().collect(),
            last: Cell::default(),
        }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn overlays(&self) -> &[Overlay] {
        &self.overlays
    }

    /// Puts other patches in the place of those that are there.
    pub(super) fn set_overlays(&mut self, mut patches: Vec<Overlay>) {
        patches.sort_by_key(|patch| (patch.range().start, patch.range().end));
        self.overlays = patches;
    }

    /// What the parser reads. A NUL, which it takes for the end of everything, is a replacement character to it.
    pub(super) fn chars(&self) -> impl Iterator<Item = char> + use<'_, 't> {
        let mut pieces = Vec::with_capacity(self.overlays.len() * 2 + 1);
        let mut at = 0;
        for patch in &self.overlays {
            let range = patch.range().clone();
            pieces.push((&self.text[at..range.start], false));
            match patch {
                Overlay::Replace { with, .. } => pieces.push((with, false)),
                Overlay::Mask { .. } => pieces.push((&self.text[range.clone()], true)),
            }
            at = range.end;
        }
        pieces.push((&self.text[at..], false));
        pieces.into_iter().flat_map(|(piece, mask)| {
            piece.chars().map(move |c| match c {
                '\0' => char::REPLACEMENT_CHARACTER,
                c if mask => masked(c),
                c => c,
            })
        })
    }

    /// A scalar that the parser gave, with the characters that masks stand for.
    pub(super) fn unmask(&self, value: String) -> String {
        let masks = self
            .overlays
            .iter()
            .any(|patch| matches!(patch, Overlay::Mask { .. }));
        if masks {
            value.chars().map(unmasked).collect()
        } else {
            value
        }
    }

    /// Whether just this character is masked.
    pub(super) fn is_masked_alone(&self, at: usize) -> bool {
        self.overlays_from(at)
            .first()
            .is_some_and(|patch| *patch == Overlay::Mask { range: at..at + 1 })
    }

    pub(super) fn line_count(&self) -> usize {
        self.lines.line_count()
    }

    /// Returns the line that contains an offset, from 0.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }

    /// Returns a line, from 0, with its line break; an empty range at the end for a line past the last.
    pub(super) fn line(&self, line: usize) -> Range<usize> {
        self.lines.range(line)
    }

    /// Returns a line, from 0, without its line break and without a byte order mark.
    pub(super) fn content(&self, line: usize) -> Range<usize> {
        self.lines.content(line, self.text)
    }

    /// Returns the end of a line, from 0, before its line break.
    pub(super) fn line_end(&self, line: usize) -> usize {
        self.content(line).end
    }

    /// The offset of a place that the parser names: a line from 1, a column from 0 in characters.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let range = self.line(line.saturating_sub(1));
        let mut origin = range.start;
        let mut column = column;
        for patch in self
            .overlays_from(range.start)
            .iter()
            .take_while(|patch| patch.range().start <= range.end)
        {
            // A mask moves nothing.
            let Overlay::Replace {
                range: patched,
                with,
            } = patch
            else {
                continue;
            };
            let (at, left) = self.forward(origin, column, patched.start);
            if at < patched.start {
                return at;
            }
            let Some(behind) = left.checked_sub(with.chars().count()) else {
                return at;
            };
            column = behind;
            origin = patched.end;
        }
        self.forward(origin, column, self.text.len()).0
    }

    /// The byte that so many characters behind an offset, but not behind a limit; and how many characters it is short of.
    fn forward(&self, origin: usize, column: usize, limit: usize) -> (usize, usize) {
        let (from, mut passed, mut at) = self.last.get();
        if from != origin || passed > column.saturating_mul(2) || at > limit {
            (passed, at) = (0, origin);
        }
        while passed > column {
            at -= self.text[..at]
                .chars()
                .next_back()
                .map_or(1, char::len_utf8);
            passed -= 1;
        }
        while passed < column && at < limit {
            at += self.text[at..].chars().next().map_or(1, char::len_utf8);
            passed += 1;
        }
        self.last.set((origin, passed, at));
        (at, column - passed)
    }

    fn overlays_from(&self, at: usize) -> &[Overlay] {
        &self.overlays[self
            .overlays
            .partition_point(|patch| patch.range().start < at)..]
    }

    /// The end of the bytes at an offset that nobody reads as they are; the offset itself where all is read.
    pub(super) fn past_hidden(&self, at: usize) -> usize {
        self.overlays_from(at)
            .iter()
            .take_while(|patch| patch.range().start == at)
            .find_map(|patch| {
                matches!(patch, Overlay::Replace { .. })
                    .then_some(patch.range().end)
                    .filter(|&end| end > at)
            })
            .unwrap_or(at)
    }

    /// The end of the mask that begins at an offset; the offset itself where none does.
    pub(super) fn past_masked(&self, at: usize) -> usize {
        match self.overlays_from(at).first() {
            Some(Overlay::Mask { range }) if range.start == at => range.end,
            _ => at,
        }
    }

    /// Whether some of a range is not read as it is written.
    pub(super) fn is_replaced(&self, range: Range<usize>) -> bool {
        let is_replaced = |patch: &Overlay| matches!(patch, Overlay::Replace { .. });
        self.overlays_from(range.start)
            .iter()
            .take_while(|patch| patch.range().start < range.end)
            .any(is_replaced)
    }

    /// Whether a repair put a `-` somewhere.
    pub(super) fn has_inserted_dash(&self, range: Range<usize>) -> bool {
        let patches = self
            .overlays_from(range.start)
            .iter()
            .take_while(|patch| patch.range().start < range.end);
        patches
            .into_iter()
            .any(|patch| matches!(patch, Overlay::Replace { with, .. } if with.contains('-')))
    }

    /// Where a repair closes a quote behind an offset.
    pub(super) fn inserted_quote(&self, at: usize, quote: char) -> Option<usize> {
        self.overlays_from(at).iter().find_map(|patch| match patch {
            Overlay::Replace { range, with } if range.is_empty() && with.starts_with(quote) => {
                Some(range.start)
            }
            _ => None,
        })
    }
}
