//! Edits of a document, given as changes of values at paths. The edits of [`plan`] were applied and
//! the result was parsed: it has no new syntax error, and only the values and comments that the
//! changes name differ. Other changes are rejected with a reason.

mod comment;
mod compose;
mod diff;
mod emitter;
mod error;
mod layout;
mod planner;
mod preconditions;
mod quote;
mod style;
mod target_tree;
mod verify;

pub use error::EditError;

use super::{Offset, Path, Range, Yaml};

/// One change of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// Sets the value at a path. Missing mappings on the path are created; a null, `{}`, or empty
    /// value on the path counts as an empty mapping.
    Set { path: Path, value: Value },
    /// Appends an item to the sequence at a path. A missing sequence is created.
    Append { path: Path, value: Value },
    /// Removes the entry or item at a path with its trailing comment. A mapping or sequence that
    /// becomes empty is removed too.
    Remove { path: Path },
    /// Renames the key of the entry at a path.
    Rename { path: Path, key: Box<str> },
    /// Moves the entry at a path to another one, with its value as written and its comments.
    Move { from: Path, to: Path },
    /// Replaces a comment by a text that includes the `#`, or removes it with the blanks before it,
    /// and with its line if there is nothing else on it.
    Comment { range: Range, text: Option<String> },
    /// Adds a comment, which includes the `#`, at the end of the line of an offset, or on a line of
    /// its own above.
    NewComment {
        at: Offset,
        above: bool,
        text: String,
    },
}

impl Change {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        let (path, target) = match self {
            Change::Set { path, .. }
            | Change::Append { path, .. }
            | Change::Remove { path }
            | Change::Rename { path, .. } => (Some(path), None),
            Change::Move { from, to } => (Some(from), Some(to)),
            Change::Comment { .. } | Change::NewComment { .. } => (None, None),
        };
        path.into_iter().chain(target)
    }
}

/// A value to write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Text(String),
    Sequence(Vec<Value>),
    Mapping(Vec<(String, Value)>),
}

/// A range of text and its replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// In bytes from the start of the document.
    pub range: Range,
    pub insert: String,
}

/// Edits that are applied together: sorted and disjoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits(Vec<Edit>);

impl Edits {
    pub fn as_slice(&self) -> &[Edit] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts the pieces by their start, keeps the order of those at one offset, and joins touching
    /// ones; `None` if two of them overlap.
    fn from_pieces(mut pieces: Vec<(std::ops::Range<usize>, String)>) -> Option<Edits> {
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

/// Returns an error if the document cannot be edited at all: it is not valid YAML, or a template.
/// Scans the text once.
pub fn check(yaml: &Yaml) -> Result<(), EditError> {
    preconditions::check(yaml)
}

/// Returns an error if the places of the changes rule them out: aliases, shared anchors, duplicate
/// keys. The document must have passed [`check`]. Nothing is written or verified, so [`plan`] may
/// still fail.
pub fn dry_run(yaml: &Yaml, changes: &[Change]) -> Result<(), EditError> {
    planner::target_tree(yaml, changes).map(drop)
}

/// Returns the edits that make all changes at once. Equal changes count once, and every path refers
/// to the document before any change. Setting an existing value and removing a missing one need no
/// edits.
pub fn plan(yaml: &Yaml, changes: &[Change]) -> Result<Edits, EditError> {
    preconditions::check(yaml)?;
    let wanted = planner::target_tree(yaml, changes)?;
    let edits = diff::edits(&wanted)?;
    if !edits.is_empty() {
        verify::prove(&wanted, &edits)?;
    }
    Ok(edits)
}
