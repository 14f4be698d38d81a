//! Edits after edits, as edits of the first text.
//!
//! Knows texts as stretches that are kept and stretches that are new. Must not know YAML. Promise: what the result makes of a
//! text is what the first edits and then the others make of it.

use super::{Edit, Edits};
use std::collections::VecDeque;
use std::ops::Range;

/// A stretch of an edited text.
enum Segment {
    /// Bytes of the text before all edits.
    Kept(Range<usize>),
    New(String),
}

impl Edits {
    /// These edits of a text of so many bytes, and then others of the text that they make.
    #[must_use]
    pub fn then(self, later: Edits, length: usize) -> Edits {
        let mut rest = segments(self, length);
        let mut edited = Vec::new();
        let mut at = 0;
        for Edit { range, insert } in later.0 {
            let (start, end) = (usize::from(range.start()), usize::from(range.end()));
            edited.extend(take(&mut rest, start - at));
            take(&mut rest, end - start);
            edited.push(Segment::New(insert));
            at = end;
        }
        edited.extend(rest);
        into_edits(edited, length)
    }
}

fn segments(edits: Edits, length: usize) -> VecDeque<Segment> {
    let mut stretches = VecDeque::new();
    let mut at = 0;
    for Edit { range, insert } in edits.0 {
        stretches.push_back(Segment::Kept(at..range.start().into()));
        stretches.push_back(Segment::New(insert));
        at = range.end().into();
    }
    stretches.push_back(Segment::Kept(at..length));
    stretches
}

/// Takes the first bytes of some stretches away.
fn take(stretches: &mut VecDeque<Segment>, mut bytes: usize) -> Vec<Segment> {
    let mut taken = Vec::new();
    while bytes > 0
        && let Some(stretch) = stretches.pop_front()
    {
        let length = stretch.length();
        let (head, tail) = stretch.cut(bytes.min(length));
        taken.push(head);
        if length > bytes {
            stretches.push_front(tail);
        }
        bytes -= bytes.min(length);
    }
    taken
}

/// The edits that put what is new between what is kept.
fn into_edits(stretches: Vec<Segment>, length: usize) -> Edits {
    let mut pieces = Vec::new();
    let (mut at, mut new) = (0, String::new());
    for stretch in stretches {
        match stretch {
            Segment::New(text) => new.push_str(&text),
            Segment::Kept(kept) => {
                pieces.push((at..kept.start, std::mem::take(&mut new)));
                at = kept.end;
            }
        }
    }
    pieces.push((at..length, new));
    Edits::from_pieces(pieces).expect("what is kept stands in its order")
}

impl Segment {
    fn length(&self) -> usize {
        match self {
            Segment::Kept(range) => range.len(),
            Segment::New(text) => text.len(),
        }
    }

    fn cut(self, at: usize) -> (Segment, Segment) {
        match self {
            Segment::Kept(Range { start, end }) => (
                Segment::Kept(start..start + at),
                Segment::Kept(start + at..end),
            ),
            Segment::New(mut text) => {
                let tail = text.split_off(at);
                (Segment::New(text), Segment::New(tail))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(pieces: &[(Range<usize>, &str)]) -> Edits {
        Edits::from_pieces(
            pieces
                .iter()
                .map(|(range, text)| (range.clone(), (*text).to_owned()))
                .collect(),
        )
        .unwrap()
    }

    /// Every two edits of one place, each of every width, one after the other.
    #[test]
    fn both_at_once_make_what_one_after_the_other_makes() {
        let text = "0123456789";
        let places = |length: usize| {
            (0..=length)
                .flat_map(move |start| (start..=length.min(start + 4)).map(move |end| start..end))
        };
        for first in places(text.len()) {
            let first = edits(&[(first, "abc"), (10..10, "!")]);
            let middle = first.apply(text);
            for later in places(middle.len() - 1) {
                let later = edits(&[(later, "XY"), (middle.len()..middle.len(), "?")]);
                let expected = later.apply(&middle);
                assert_eq!(
                    first.clone().then(later.clone(), text.len()).apply(text),
                    expected,
                    "{first:?} {later:?}"
                );
            }
        }
    }

    #[test]
    fn what_lies_apart_stays_apart() {
        let both = edits(&[(1..1, "a"), (8..9, "")]).then(edits(&[(5..6, "bb")]), 10);
        assert_eq!(both, edits(&[(1..1, "a"), (4..5, "bb"), (8..9, "")]));
    }
}
