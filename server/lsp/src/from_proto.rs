//! From the protocol's types to the engine's, one function a type.
//!
//! Promise: whatever a client says, something that exists comes out.

use super::state::Change;
use std::ops::Range;
use text::{Encoding, Position};
use tower_lsp::ls_types as lsp;

/// `None` for an encoding that this server does not have.
pub(super) fn encoding(kind: &lsp::PositionEncodingKind) -> Option<Encoding> {
    match kind.as_str() {
        "utf-8" => Some(Encoding::Utf8),
        "utf-16" => Some(Encoding::Utf16),
        "utf-32" => Some(Encoding::Utf32),
        _ => None,
    }
}

pub(super) fn position(position: lsp::Position) -> Position {
    Position {
        line: position.line,
        column: position.character,
    }
}

pub(super) fn range(range: lsp::Range) -> Range<Position> {
    position(range.start)..position(range.end)
}

pub(super) fn change(change: lsp::TextDocumentContentChangeEvent) -> Change {
    Change {
        range: change.range.map(range),
        text: change.text,
    }
}
