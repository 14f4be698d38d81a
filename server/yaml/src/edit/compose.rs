//! Composition of edits: the result of two successive edits as a single edit of the first text.

use super::edits::{Edit, Edits};
use std::collections::VecDeque;
use std::ops::Range;

/// A segment of an edited text.
enum Segment {
    /// Bytes of the original text.
    Kept(Range<usize>),
    New(String),
}

impl Edits {
    /// Returns these edits, of a text of `length` bytes, followed by edits of their result.
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
    let mut segments = VecDeque::new();
    let mut at = 0;
    for Edit { range, insert } in edits.0 {
        segments.push_back(Segment::Kept(at..range.start().into()));
        segments.push_back(Segment::New(insert));
        at = range.end().into();
    }
    segments.push_back(Segment::Kept(at..length));
    segments
}

/// Removes and returns the first bytes of some segments.
fn take(segments: &mut VecDeque<Segment>, mut bytes: usize) -> Vec<Segment> {
    let mut taken = Vec::new();
    while bytes > 0
        && let Some(segment) = segments.pop_front()
    {
        let length = segment.length();
        let (head, tail) = segment.cut(bytes.min(length));
        taken.push(head);
        if length > bytes {
            segments.push_front(tail);
        }
        bytes -= bytes.min(length);
    }
    taken
}

/// Returns the edits that insert the new segments between the kept ones.
fn into_edits(segments: Vec<Segment>, length: usize) -> Edits {
    let mut pieces = Vec::new();
    let (mut at, mut new) = (0, String::new());
    for segment in segments {
        match segment {
            Segment::New(text) => new.push_str(&text),
            Segment::Kept(kept) => {
                pieces.push((at..kept.start, std::mem::take(&mut new)));
                at = kept.end;
            }
        }
    }
    pieces.push((at..length, new));
    Edits::from_pieces(pieces).expect("kept segments are in order")
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

    /// Tries all pairs of edits of any position and width.
    #[test]
    fn composition_equals_successive_edits() {
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
    fn distant_edits_stay_separate() {
        let both = edits(&[(1..1, "a"), (8..9, "")]).then(edits(&[(5..6, "bb")]), 10);
        assert_eq!(both, edits(&[(1..1, "a"), (4..5, "bb"), (8..9, "")]));
    }
}
