//! Why changes cannot be made.

use std::fmt;

/// Why no edit is returned. Displayed as a message for the user: lower case, no full stop.
///
/// Lines are those of the document, from 1. [`EditError::with_line_offset`] turns them into those of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    // The document.
    EmptyDocument,
    InvalidYaml {
        line: usize,
    },
    TemplateSyntax {
        line: usize,
    },
    TabIndentation {
        line: usize,
    },
    /// A change of the root itself.
    WholeDocument(&'static str),
    /// The changes would remove everything.
    NothingLeft,

    // The paths of changes. They are written as in `spec.containers[0]`.
    NotFound {
        path: String,
    },
    NoList {
        path: String,
    },
    NoKey {
        path: String,
    },
    WrongKind {
        path: String,
        found: &'static str,
        expected: &'static str,
        line: usize,
    },
    AlreadyExists {
        path: String,
        line: usize,
    },
    IntoItself {
        path: String,
    },
    Conflict {
        path: String,
    },
    DifferentValues {
        path: String,
    },
    KeyWouldRepeat {
        key: String,
    },

    // What is written in the document.
    Alias {
        alias: String,
        line: usize,
    },
    /// The value comes from `<<`.
    Merged {
        key: String,
        line: usize,
    },
    /// A value comes from `<<` as well, and would appear or be hidden.
    AlsoMerged {
        key: String,
        line: usize,
    },
    SharedAnchor {
        path: String,
        anchor: String,
        line: usize,
    },
    PropertiesOfEmptyValue {
        line: usize,
    },
    MovesAnchor {
        line: usize,
    },
    ComplexKey {
        line: usize,
    },
    ExplicitKey {
        line: usize,
    },
    DuplicateKey {
        key: String,
        first: usize,
        second: usize,
    },
    PairInFlowSequence {
        line: usize,
    },
    UnusualLayout {
        line: usize,
    },
    SpreadOutCollection {
        line: usize,
    },
    MultilineIntoFlow {
        line: usize,
    },
    MultilineOutOfFlow {
        line: usize,
    },
    UnevenIndentation {
        line: usize,
    },
    /// A block scalar ends with the text, without a line break.
    UnterminatedBlock {
        line: usize,
    },

    // Comments.
    CommentNotFound,
    NoRoomForComment {
        line: usize,
    },
    LostComment {
        line: usize,
    },

    /// The result, read again, is not what the changes want.
    Unverified,
    /// A reason of the caller's own.
    Other(String),
}

impl EditError {
    pub fn new(reason: impl Into<String>) -> EditError {
        EditError::Other(reason.into())
    }

    /// Returns this error for a file in which the document has this many lines above it.
    #[must_use]
    pub fn with_line_offset(mut self, lines: usize) -> EditError {
        if let EditError::DuplicateKey { first, second, .. } = &mut self {
            *first += lines;
            *second += lines;
        } else if let Some(line) = self.line_mut() {
            *line += lines;
        }
        self
    }

    fn line_mut(&mut self) -> Option<&mut usize> {
        use EditError::*;
        match self {
            InvalidYaml { line }
            | TemplateSyntax { line }
            | TabIndentation { line }
            | WrongKind { line, .. }
            | AlreadyExists { line, .. }
            | Alias { line, .. }
            | Merged { line, .. }
            | AlsoMerged { line, .. }
            | SharedAnchor { line, .. }
            | PropertiesOfEmptyValue { line }
            | MovesAnchor { line }
            | ComplexKey { line }
            | ExplicitKey { line }
            | PairInFlowSequence { line }
            | UnusualLayout { line }
            | SpreadOutCollection { line }
            | MultilineIntoFlow { line }
            | MultilineOutOfFlow { line }
            | UnevenIndentation { line }
            | UnterminatedBlock { line }
            | NoRoomForComment { line }
            | LostComment { line } => Some(line),
            DuplicateKey { first, .. } => Some(first),
            EmptyDocument
            | WholeDocument(_)
            | NothingLeft
            | NotFound { .. }
            | NoList { .. }
            | NoKey { .. }
            | IntoItself { .. }
            | Conflict { .. }
            | DifferentValues { .. }
            | KeyWouldRepeat { .. }
            | CommentNotFound
            | Unverified
            | Other(_) => None,
        }
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use EditError::*;
        match self {
            EmptyDocument => f.write_str("the document is empty"),
            InvalidYaml { line } => write!(f, "line {line} is not valid YAML"),
            TemplateSyntax { line } => {
                write!(f, "this document contains template syntax (line {line})")
            }
            TabIndentation { line } => write!(f, "line {line} is indented with a tab"),
            WholeDocument(verb) => write!(f, "the whole document cannot be {verb}"),
            NothingLeft => f.write_str("nothing would be left of the document"),
            NotFound { path } => write!(f, "there is nothing at {path}"),
            NoList { path } => write!(f, "there is no list at {path}"),
            NoKey { path } => write!(f, "{path} has no key to rename"),
            WrongKind {
                path,
                found,
                expected,
                line,
            } => {
                write!(f, "{path} is {found}, not {expected} (line {line})")
            }
            AlreadyExists { path, line } => write!(f, "{path} already exists (line {line})"),
            IntoItself { path } => write!(f, "{path} cannot be moved into itself"),
            Conflict { path } => write!(f, "two changes contradict each other at {path}"),
            DifferentValues { path } => {
                write!(f, "two changes want different values at {path}")
            }
            KeyWouldRepeat { key } => write!(f, "{key} would be written twice"),
            Alias { alias, line } => {
                write!(f, "the value comes from the alias {alias} (line {line})")
            }
            Merged { key, line } => write!(f, "{key} comes from << (line {line})"),
            AlsoMerged { key, line } => write!(f, "{key} also comes from << (line {line})"),
            SharedAnchor { path, anchor, line } => {
                write!(
                    f,
                    "{path} is shared through the anchor &{anchor} (line {line})"
                )
            }
            PropertiesOfEmptyValue { line } => {
                write!(f, "an empty value has an anchor or a tag (line {line})")
            }
            MovesAnchor { line } => {
                write!(f, "an anchor or an alias would be moved (line {line})")
            }
            ComplexKey { line } => write!(f, "a key is not a scalar (line {line})"),
            ExplicitKey { line } => write!(f, "line {line} uses an explicit key (?)"),
            DuplicateKey { key, first, second } => {
                write!(f, "{key} is written twice (lines {first} and {second})")
            }
            PairInFlowSequence { line } => {
                write!(f, "a list contains a pair without braces (line {line})")
            }
            UnusualLayout { line } => write!(f, "the layout of line {line} is too unusual to edit"),
            SpreadOutCollection { line } => {
                write!(f, "an empty collection spans several lines (line {line})")
            }
            MultilineIntoFlow { line } => {
                write!(
                    f,
                    "a value of several lines cannot be moved into braces (line {line})"
                )
            }
            MultilineOutOfFlow { line } => {
                write!(
                    f,
                    "a value of several lines cannot be moved out of braces (line {line})"
                )
            }
            UnevenIndentation { line } => {
                write!(f, "the lines to move are not indented evenly (line {line})")
            }
            UnterminatedBlock { line } => write!(
                f,
                "the last line of a text block (line {line}) would get or lose its line break"
            ),
            CommentNotFound => f.write_str("the comment no longer exists"),
            NoRoomForComment { line } => write!(f, "line {line} has no room for a comment"),
            LostComment { line } => write!(f, "the comment on line {line} would be lost"),
            Unverified => f.write_str("this edit could not be proved safe"),
            Other(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for EditError {}
