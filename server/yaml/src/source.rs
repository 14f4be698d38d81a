//! The text of a document as the parser reads it: the original with a few overlays. No overlay adds
//! or removes a line, so every position of the parser maps back to the original.

use std::cell::Cell;
use std::ops::Range;
use text::{BYTE_ORDER_MARK, LineIndex};

/// A range that the parser reads differently. Never contains a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Overlay {
    /// Other text instead of a range, or before an offset if the range is empty.
    Replace { range: Range<usize>, with: Box<str> },
    /// Characters without a meaning to the parser, which returns them in the scalar around them.
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

    /// Whether an earlier overlay would be inside this one.
    pub(super) fn conflicts_with(&self, earlier: &Overlay) -> bool {
        let (new, old) = (self.range(), earlier.range());
        if old.is_empty() {
            new.start <= old.start && old.end <= new.end
        } else {
            old.start < new.end && new.start < old.end
        }
    }
}

/// Masks map ASCII characters to the Private Use Area, which manifests do not use.
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

/// A text with its lines and overlays.
pub(super) struct Source<'t> {
    text: &'t str,
    lines: LineIndex,
    /// In order, disjoint.
    overlays: Vec<Overlay>,
    /// The last column lookup: its origin, the characters passed, and the byte reached. Lookups are
    /// nearly in order, so a line of megabytes is not scanned from its start each time.
    last: Cell<(usize, usize, usize)>,
}

impl<'t> Source<'t> {
    /// The original text without a byte order mark, which is not part of a document.
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

    /// Replaces all overlays.
    pub(super) fn set_overlays(&mut self, mut overlays: Vec<Overlay>) {
        overlays.sort_by_key(|overlay| (overlay.range().start, overlay.range().end));
        self.overlays = overlays;
    }

    /// Returns what the parser reads. NUL would end the input, so it becomes a replacement
    /// character.
    pub(super) fn chars(&self) -> impl Iterator<Item = char> + use<'_, 't> {
        let mut pieces = Vec::with_capacity(self.overlays.len() * 2 + 1);
        let mut at = 0;
        for overlay in &self.overlays {
            let range = overlay.range().clone();
            pieces.push((&self.text[at..range.start], false));
            match overlay {
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

    /// Returns a scalar with its masked characters restored.
    pub(super) fn unmask(&self, value: String) -> String {
        let masks = self
            .overlays
            .iter()
            .any(|overlay| matches!(overlay, Overlay::Mask { .. }));
        if masks {
            value.chars().map(unmasked).collect()
        } else {
            value
        }
    }

    /// Whether exactly this character is masked.
    pub(super) fn is_masked_alone(&self, at: usize) -> bool {
        self.overlays_from(at)
            .first()
            .is_some_and(|overlay| *overlay == Overlay::Mask { range: at..at + 1 })
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

    /// Returns the offset of the parser's position: a line from 1, a column from 0 in characters.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let range = self.line(line.saturating_sub(1));
        let mut origin = range.start;
        let mut column = column;
        for overlay in self
            .overlays_from(range.start)
            .iter()
            .take_while(|overlay| overlay.range().start <= range.end)
        {
            // A mask does not move anything.
            let Overlay::Replace {
                range: patched,
                with,
            } = overlay
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

    /// Returns the byte `column` characters behind `origin`, at most `limit`, and how many
    /// characters are missing.
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
            .partition_point(|overlay| overlay.range().start < at)..]
    }

    /// Returns the end of the replaced bytes at an offset; the offset itself if there are none.
    pub(super) fn past_hidden(&self, at: usize) -> usize {
        self.overlays_from(at)
            .iter()
            .take_while(|overlay| overlay.range().start == at)
            .find_map(|overlay| {
                matches!(overlay, Overlay::Replace { .. })
                    .then_some(overlay.range().end)
                    .filter(|&end| end > at)
            })
            .unwrap_or(at)
    }

    /// Returns the end of the mask that starts at an offset; the offset itself if there is none.
    pub(super) fn past_masked(&self, at: usize) -> usize {
        match self.overlays_from(at).first() {
            Some(Overlay::Mask { range }) if range.start == at => range.end,
            _ => at,
        }
    }

    /// Whether part of a range is replaced.
    pub(super) fn is_replaced(&self, range: Range<usize>) -> bool {
        let is_replaced = |overlay: &Overlay| matches!(overlay, Overlay::Replace { .. });
        self.overlays_from(range.start)
            .iter()
            .take_while(|overlay| overlay.range().start < range.end)
            .any(is_replaced)
    }

    /// Whether an overlay in a range inserts a `-`.
    pub(super) fn has_inserted_dash(&self, range: Range<usize>) -> bool {
        let overlays = self
            .overlays_from(range.start)
            .iter()
            .take_while(|overlay| overlay.range().start < range.end);
        overlays
            .into_iter()
            .any(|overlay| matches!(overlay, Overlay::Replace { with, .. } if with.contains('-')))
    }

    /// Returns where an overlay behind an offset inserts a closing quote.
    pub(super) fn inserted_quote(&self, at: usize, quote: char) -> Option<usize> {
        self.overlays_from(at)
            .iter()
            .find_map(|overlay| match overlay {
                Overlay::Replace { range, with } if range.is_empty() && with.starts_with(quote) => {
                    Some(range.start)
                }
                _ => None,
            })
    }
}
