//! Edits of a document as intents: what is to be at a path, not which bytes to write.
//!
//! Knows how to write YAML in the manner of the text around it. Must not know why. Promise: what [`plan`] gives was applied
//! and read again: no new syntax error, the same comments, the same tree but at the paths named; everything else is
//! refused with a reason.

use super::{Path, Range, Yaml};
use std::fmt;

/// One thing to change in a document.
#[derive(Debug, Clone, PartialEq)]
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
}

/// A value to write.
#[derive(Debug, Clone, PartialEq)]
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

    /// The text with the edits made.
    pub fn apply(&self, text: &str) -> String {
        let mut result = String::with_capacity(text.len() + self.0.iter().map(|edit| edit.insert.len()).sum::<usize>());
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

/// Why no edit is given, in words for a person: lower case, no full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// The edits that make all the changes at once.
pub fn plan(_yaml: &Yaml, _changes: &[Change]) -> Result<Edits, Refusal> {
    Err(Refusal("not there yet".into()))
}
