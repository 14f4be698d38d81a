//! Edits of a document as intents: what is to be at a path, not which bytes to write.
//!
//! Knows how to write YAML in the manner of the text around it. Must not know why. Promise: what [`plan`] gives was applied
//! and read again: no new syntax error, the same comments but those named and those of what is removed, the same tree but at the
//! paths named;
//! everything else is refused with a reason.

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

/// One thing to change in a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// The value at a path is to be this one. Mappings missing on the way are made; a null, `{}` or empty value on the way
    /// counts as an empty mapping.
    Set { path: Path, value: Value },
    /// One more item at the end of the sequence at a path; the sequence is made where nothing is.
    Append { path: Path, value: Value },
    /// The entry or item at a path is to go, with its own trailing comment; a mapping or sequence that becomes empty by it goes too.
    Remove { path: Path },
    /// The key of the entry at a path is to be another one; its value stays.
    Rename { path: Path, key: Box<str> },
    /// The entry at a path is to stand at another one, its value as it is written, its comments with it.
    Move { from: Path, to: Path },
    /// The comment at a place is to say something else, its `#` included, or to go: with the blanks before it, and with its line
    /// where nothing else stands there.
    Comment { range: Range, text: Option<String> },
    /// A comment, its `#` included, is to stand behind all that is on the line of a place, or on a line of its own above that.
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

/// Bytes to put in the place of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// In bytes from the start of the document.
    pub range: Range,
    pub insert: String,
}

/// Edits that go together: sorted, disjoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits(Vec<Edit>);

impl Edits {
    pub fn as_slice(&self) -> &[Edit] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts the pieces by their start, those at one place in the order given, and joins what touches; `None` where two
    /// of them overlap.
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

    /// The text with the edits made.
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

/// Why nothing can be edited in a document, whatever the change: it is not YAML, or not yet. Costs a look over the text.
pub fn check(yaml: &Yaml) -> Result<(), EditError> {
    preconditions::check(yaml)
}

/// Why changes cannot be made of a document that [`check`] lets pass, as far as the places that they name tell: aliases, shared
/// anchors, keys written twice. Nothing is written nor proved, so that [`plan`] may refuse them still.
pub fn dry_run(yaml: &Yaml, changes: &[Change]) -> Result<(), EditError> {
    planner::target_tree(yaml, changes).map(drop)
}

/// The edits that make all the changes at once. Equal changes are one; every path means the document as it is now, before
/// any of the changes. A `Set` of what is there already and a `Remove` of what is not there give no edits.
pub fn plan(yaml: &Yaml, changes: &[Change]) -> Result<Edits, EditError> {
    preconditions::check(yaml)?;
    let wanted = planner::target_tree(yaml, changes)?;
    let edits = diff::edits(&wanted)?;
    if !edits.is_empty() {
        verify::prove(&wanted, &edits)?;
    }
    Ok(edits)
}
