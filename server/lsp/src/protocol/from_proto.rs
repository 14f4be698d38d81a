//! Converts the protocol's types to those of the linter.

use std::ops::Range;
use text::{Encoding, Position};
use tower_lsp::ls_types as lsp;

/// A change of a text: what replaces a range, or the whole text without a range.
#[derive(Debug)]
pub(crate) struct Change {
    pub range: Option<Range<Position>>,
    pub text: String,
}

/// Returns `None` for an unsupported encoding.
pub(crate) fn encoding(kind: &lsp::PositionEncodingKind) -> Option<Encoding> {
    match kind.as_str() {
        "utf-8" => Some(Encoding::Utf8),
        "utf-16" => Some(Encoding::Utf16),
        "utf-32" => Some(Encoding::Utf32),
        _ => None,
    }
}

pub(crate) fn position(position: lsp::Position) -> Position {
    Position {
        line: position.line,
        column: position.character,
    }
}

pub(crate) fn range(range: lsp::Range) -> Range<Position> {
    position(range.start)..position(range.end)
}

pub(crate) fn change(change: lsp::TextDocumentContentChangeEvent) -> Change {
    Change {
        range: change.range.map(range),
        text: change.text,
    }
}
