//! Text edits that are applied together.

use super::super::{Offset, Range};

/// A range of text and its replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// In bytes from the start of the document.
    pub range: Range,
    pub insert: String,
}

/// Edits that are applied together: sorted and disjoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits(pub(super) Vec<Edit>);

impl Edits {
    pub fn as_slice(&self) -> &[Edit] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts the pieces by their start, keeps the order of those at one offset, and joins touching
    /// ones; `None` if two of them overlap.
    pub(super) fn from_pieces(mut pieces: Vec<(std::ops::Range<usize>, String)>) -> Option<Edits> {
        pieces.retain(|(range, insert)| !range.is_empty() || !insert.is_empty());
        pieces.sort_by_key(|(range, _)| range.start);
        let mut joined: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for (range, insert) in pieces {
            match joined.last_mut() {
                Some((last, _)) if range.start < last.end => return None,
                Some((last, text)) if range.start == last.end => {
                    last.end = range.end;
                    text.push_str(&insert);
                }
                _ => joined.push((range, insert)),
            }
        }
        let edit = |(range, insert): (std::ops::Range<usize>, String)| {
            let offset = |at: usize| Offset::try_from(at).ok();
            Some(Edit {
                range: Range::new(offset(range.start)?, offset(range.end)?),
                insert,
            })
        };
        joined
            .into_iter()
            .map(edit)
            .collect::<Option<Vec<Edit>>>()
            .map(Edits)
    }

    /// Returns the edited text.
    pub fn apply(&self, text: &str) -> String {
        let mut result = String::with_capacity(
            text.len() + self.0.iter().map(|edit| edit.insert.len()).sum::<usize>(),
        );
        let mut at = 0;
        for edit in &self.0 {
            result.push_str(&text[at..usize::from(edit.range.start())]);
            result.push_str(&edit.insert);
            at = usize::from(edit.range.end());
        }
        result.push_str(&text[at..]);
        result
    }
}
