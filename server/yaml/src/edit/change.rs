//! What can be changed in a document.

use super::super::{Node, NodeKind, Offset, Path, Range, Resolved};

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

impl Value {
    /// Returns the value of a node, if it is written only with strings, integers, booleans, lists, and
    /// mappings with string keys.
    pub fn of(node: Node<'_>) -> Option<Value> {
        let node = node.resolve()?;
        match node.kind() {
            NodeKind::Sequence => node
                .items()
                .map(Value::of)
                .collect::<Option<_>>()
                .map(Value::Sequence),
            NodeKind::Mapping => node
                .entries()
                .map(|entry| {
                    let key = entry.key.as_str().filter(|_| !entry.is_merge())?;
                    Some((key.to_owned(), Value::of(entry.value)?))
                })
                .collect::<Option<_>>()
                .map(Value::Mapping),
            NodeKind::Scalar(_) => match node.resolved()? {
                Resolved::Bool(flag) => Some(Value::Bool(flag)),
                Resolved::Int(number) => Some(Value::Integer(number)),
                Resolved::Str(text) => Some(Value::Text(text.to_owned())),
                Resolved::Null | Resolved::Float(_) => None,
            },
            NodeKind::Empty | NodeKind::Alias => None,
        }
    }
}
