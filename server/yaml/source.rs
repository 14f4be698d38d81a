//! The text of a document as the parser is given it: what is written, but for a few patches.
//!
//! Knows lines, columns and bytes. Must not know what YAML makes of them. Promise: no patch adds or takes a line, so that every
//! place that the parser names is found again in the text as it is written.

use std::cell::Cell;
use std::ops::Range;

/// A place where the parser reads something else than what is written. Never holds a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Patch {
    /// Bytes that nobody reads; where it says so a `#` stands for them.
    Hide { range: Range<usize>, comment: bool },
    /// Something to read before the byte at that offset.
    Insert { at: usize, text: Box<str> },
    /// One ASCII character read as a letter, so that it has no meaning.
    Mask { at: usize },
}

impl Patch {
    fn range(&self) -> Range<usize> {
        match self {
            Patch::Hide { range, .. } => range.clone(),
            Patch::Insert { at, .. } => *at..*at,
            Patch::Mask { at } => *at..*at + 1,
        }
    }

    fn inserted(&self) -> &str {
        match self {
            Patch::Hide { comment: true, .. } => "#",
            Patch::Hide { comment: false, .. } => "",
            Patch::Insert { text, .. } => text,
            Patch::Mask { .. } => "x",
        }
    }
}

/// A text, its lines and its patches.
pub(super) struct Source<'t> {
    text: &'t str,
    lines: Vec<usize>,
    /// In order, apart.
    patches: Vec<Patch>,
    /// Where the last column was looked up: from where, how many characters on, at which byte. Look-ups come nearly in the
    /// order of the text, so that a line of megabytes is not counted from its start each time.
    last: Cell<(usize, usize, usize)>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Source<'t> {
        let patches = if text.starts_with(BYTE_ORDER_MARK) {
            vec![Patch::Hide { range: 0..BYTE_ORDER_MARK.len_utf8(), comment: false }]
        } else {
            Vec::new()
        };
        Source { text, lines: line_starts(text), patches, last: Cell::default() }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Takes one more patch; where it meets another one, the one that is there gives way.
    pub(super) fn patch(&mut self, patch: Patch) {
        let range = patch.range();
        self.patches.retain(|other| {
            let other = other.range();
            other.end < range.start || range.end < other.start || (other.end == range.start && !other.is_empty())
        });
        let place = self.patches.partition_point(|other| other.range().start < range.start);
        self.patches.insert(place, patch);
    }

    pub(super) fn set_patches(&mut self, patches: Vec<Patch>) {
        self.patches = patches;
    }

    /// What the parser reads. A NUL, which it takes for the end, is a replacement character to it.
    pub(super) fn chars(&self) -> impl Iterator<Item = char> + use<'_, 't> {
        let mut pieces = Vec::with_capacity(self.patches.len() * 2 + 1);
        let mut at = 0;
        for patch in &self.patches {
            let range = patch.range();
            pieces.push(&self.text[at..range.start]);
            pieces.push(patch.inserted());
            at = range.end;
        }
        pieces.push(&self.text[at..]);
        pieces.into_iter().flat_map(str::chars).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c })
    }

    pub(super) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The line that holds an offset, from 0.
    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    /// A line, from 0, with its line break; empty behind the last.
    pub(super) fn line(&self, line: usize) -> Range<usize> {
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        start..self.lines.get(line + 1).copied().unwrap_or(self.text.len())
    }

    /// The byte behind the last of a line before its line break.
    pub(super) fn line_end(&self, line: usize) -> usize {
        let range = self.line(line);
        range.start + self.text[range].trim_end_matches(['\n', '\r']).len()
    }

    /// The offset of a place that the parser names: a line from 1, a column from 0 in characters.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let range = self.line(line.saturating_sub(1));
        let mut origin = range.start;
        let mut column = column;
        let first = self.patches.partition_point(|patch| patch.range().start < range.start);
        for patch in self.patches[first..].iter().take_while(|patch| patch.range().start < range.end || range.is_empty()) {
            let patched = patch.range();
            let before = self.text[origin..patched.start].chars().count();
            if column < before {
                break;
            }
            let inserted = patch.inserted().chars().count();
            if column < before + inserted {
                return patched.start;
            }
            column -= before + inserted;
            origin = patched.end;
        }
        self.forward(origin, column)
    }

    /// The byte that so many characters behind an offset.
    fn forward(&self, origin: usize, column: usize) -> usize {
        let (from, mut passed, mut at) = self.last.get();
        if from != origin || passed > 2 * column {
            (passed, at) = (0, origin);
        }
        if passed <= column {
            for c in self.text[at..].chars().take(column - passed) {
                at += c.len_utf8();
            }
        } else {
            for c in self.text[..at].chars().rev().take(passed - column) {
                at -= c.len_utf8();
            }
        }
        if at < self.text.len() {
            self.last.set((origin, column, at));
        }
        at
    }

    /// The end of the hidden bytes that begin at an offset; the offset itself where none do.
    pub(super) fn past_hidden(&self, at: usize) -> usize {
        if self.patches.is_empty() {
            return at;
        }
        let place = self.patches.partition_point(|patch| patch.range().start < at);
        self.patches[place..]
            .iter()
            .take_while(|patch| patch.range().start == at)
            .find_map(|patch| matches!(patch, Patch::Hide { .. }).then(|| patch.range().end))
            .unwrap_or(at)
    }

    /// Where something was inserted at or behind an offset: the first such place, and what.
    pub(super) fn next_insert(&self, at: usize) -> Option<(usize, &str)> {
        let place = self.patches.partition_point(|patch| patch.range().start < at);
        self.patches[place..].iter().find_map(|patch| match patch {
            Patch::Insert { at, text } => Some((*at, &**text)),
            _ => None,
        })
    }
}

pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Where lines start. `\n`, `\r\n` and a lone `\r` break them.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let ends = bytes.iter().enumerate().filter(|&(at, byte)| match byte {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
}
