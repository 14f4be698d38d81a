//! What can be changed in a document.

use super::super::{Offset, Path, Range};

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
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
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
