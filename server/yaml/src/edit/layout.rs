//! Positions in a document: lines, columns, dashes, colons, and the text that belongs to a node.
//! Offsets are in bytes, and every offset that is returned is a character boundary.

use super::super::{Entry, Node, NodeKind, Yaml};
use std::ops::Range;
use text::line_break;

/// A document and its text.
#[derive(Clone, Copy)]
pub(super) struct Layout<'y> {
    pub(super) yaml: &'y Yaml,
    pub(super) text: &'y str,
}

impl<'y> Layout<'y> {
    pub(super) fn of(yaml: &'y Yaml) -> Layout<'y> {
        Layout {
            yaml,
            text: yaml.text(),
        }
    }

    fn from(self, at: usize) -> &'y str {
        self.text.get(at..).unwrap_or_default()
    }

    fn to(self, at: usize) -> &'y str {
        self.text.get(..at).unwrap_or_default()
    }

    pub(super) fn slice(self, range: Range<usize>) -> &'y str {
        self.text.get(range).unwrap_or_default()
    }

    /// Returns the start of the line that contains a byte; behind the byte order mark on the first line.
    pub(super) fn line_start(self, at: usize) -> usize {
        self.content(self.yaml.lines().line(at)).start
    }

    /// Returns the end of the line that contains a byte, before its line break.
    pub(super) fn line_end(self, at: usize) -> usize {
        self.content(self.yaml.lines().line(at)).end
    }

    /// Returns the start of the next line; the end of the text on the last.
    pub(super) fn next_line(self, at: usize) -> usize {
        let lines = self.yaml.lines();
        lines.range(lines.line(at)).end
    }

    /// Returns the end of the line before the one that contains a byte; `None` on the first.
    pub(super) fn previous_line_end(self, at: usize) -> Option<usize> {
        let previous = self.yaml.lines().line(at).checked_sub(1)?;
        Some(self.content(previous).end)
    }

    /// Returns the number of the line that contains a byte, from 1.
    pub(super) fn line_number(self, at: usize) -> usize {
        self.yaml.lines().line(at) + 1
    }

    fn content(self, line: usize) -> Range<usize> {
        self.yaml.lines().content(line, self.text)
    }

    pub(super) fn line_of(self, node: Node<'_>) -> usize {
        self.line_number(start(node))
    }

    /// Returns the distance from the start of the line in bytes. It is the column if only ASCII
    /// precedes, as before the keys and dashes of a block.
    pub(super) fn column(self, at: usize) -> usize {
        at - self.line_start(at).min(at)
    }

    /// Returns the text before an offset on its line.
    pub(super) fn before(self, at: usize) -> &'y str {
        self.slice(self.line_start(at).min(at)..at)
    }

    /// Whether only indentation precedes an offset on its line.
    pub(super) fn begins_line(self, at: usize) -> bool {
        self.before(at)
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// Returns the document's line break: its first.
    pub(super) fn line_break(self) -> &'y str {
        match line_break(self.from(self.line_end(0))) {
            "" => "\n",
            found => found,
        }
    }

    /// Returns the first offset from `at` that is neither white space nor in a comment.
    pub(super) fn skip_blank(self, mut at: usize) -> usize {
        loop {
            let rest = self.from(at);
            let next = at + rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            if !self.from(next).starts_with('#')
                || (next == at && at != 0 && !self.to(at).ends_with(char::is_whitespace))
            {
                return next;
            }
            at = self.line_end(next);
        }
    }

    /// Returns the first offset from `at` that is not white space.
    pub(super) fn skip_white(self, at: usize) -> usize {
        let rest = self.from(at);
        at + rest.len() - rest.trim_start().len()
    }

    pub(super) fn skip_spaces(self, at: usize) -> usize {
        let rest = self.from(at);
        at + rest.len() - rest.trim_start_matches(' ').len()
    }

    /// Returns the offset behind a key's colon; the key's end if no colon follows on its line.
    pub(super) fn after_colon(self, key: Node<'_>) -> usize {
        let end = usize::from(key.range().end());
        let rest = self.from(end);
        let colon = rest.trim_start_matches([' ', '\t']);
        if colon.starts_with(':') {
            end + rest.len() - colon.len() + 1
        } else {
            end
        }
    }

    /// Returns the offset of an item's dash in a block sequence.
    pub(super) fn dash(self, sequence: Node<'y>, index: usize) -> Option<usize> {
        let from = match index.checked_sub(1) {
            None => usize::from(sequence.range().start()),
            Some(before) => self.tail(sequence.items().nth(before)?),
        };
        let dash = self.skip_blank(from);
        self.from(dash).starts_with('-').then_some(dash)
    }

    /// Returns the start of an entry or item: its key, its dash, or in a flow sequence its value.
    pub(super) fn slot_start(self, collection: Node<'y>, index: usize) -> Option<usize> {
        match collection.kind() {
            NodeKind::Mapping => collection
                .entries()
                .nth(index)
                .map(|entry| start(entry.key)),
            NodeKind::Sequence if collection.is_flow() => collection.items().nth(index).map(start),
            _ => self.dash(collection, index),
        }
    }

    /// Returns the column of the keys or dashes of a block collection.
    pub(super) fn column_of(self, collection: Node<'y>) -> Option<usize> {
        self.slot_start(collection, 0).map(|at| self.column(at))
    }

    /// Returns the end of a node, before comments and blanks. The blank lines of a `|+` belong to
    /// it.
    pub(super) fn tail(self, node: Node<'y>) -> usize {
        let end = usize::from(node.range().end());
        if node.is_flow() {
            return end;
        }
        match node.kind() {
            NodeKind::Mapping => node
                .entries()
                .next_back()
                .map_or(end, |entry| self.entry_tail(entry)),
            NodeKind::Sequence => node.items().next_back().map_or(end, |item| self.tail(item)),
            _ => end.max(
                node.properties_range()
                    .map_or(0, |range| range.end().into()),
            ),
        }
    }

    pub(super) fn entry_tail(self, entry: Entry<'y>) -> usize {
        self.tail(entry.value).max(entry.key.range().end().into())
    }

    /// Returns the range of the `|` or `>` of a block scalar with its indicators.
    pub(super) fn block_scalar_header(self, node: Node<'y>) -> Range<usize> {
        let begin = usize::from(node.range().start());
        let length = self
            .from(begin)
            .find(|c: char| !matches!(c, '|' | '>' | '+' | '-' | '0'..='9'))
            .unwrap_or(1);
        begin..begin + length
    }

    /// Returns the comment on the line of an offset, at or behind it.
    pub(super) fn comment_behind(self, at: usize) -> Option<Range<usize>> {
        let end = self.line_end(at);
        self.comments()
            .find(|comment| comment.start >= at && comment.start < end)
    }

    pub(super) fn comments(self) -> impl Iterator<Item = Range<usize>> {
        self.yaml
            .comments()
            .iter()
            .map(|range| usize::from(range.start())..usize::from(range.end()))
    }

    /// Returns the end of the comment lines directly below that are deeper than a column, which
    /// describe what is above them; without any, the end of the line.
    pub(super) fn below_deeper_comments(self, at: usize, column: usize) -> usize {
        let mut end = self.line_end(at);
        loop {
            let next = self.next_line(end);
            let line = self.slice(next..self.line_end(next));
            let content = line.trim_start_matches(' ');
            if !content.starts_with('#') || line.len() - content.len() <= column {
                return end;
            }
            end = self.line_end(next);
        }
    }

    /// Returns the start of the comment lines directly above an offset with the same indentation;
    /// without any, the offset.
    pub(super) fn leading_comments(self, at: usize) -> usize {
        let column = self.column(at);
        let mut begin = at;
        while let Some(end) = self
            .begins_line(begin)
            .then(|| self.previous_line_end(begin))
            .flatten()
        {
            let line = self.line_start(end);
            let above = line + column;
            let is_comment = self.begins_line(above) && self.slice(above..end).starts_with('#');
            if above > end || !is_comment {
                break;
            }
            begin = above;
        }
        begin
    }
}

/// Returns the start of a node with its anchor and tag.
pub(super) fn start(node: Node<'_>) -> usize {
    let begin = node.range().start();
    node.properties_range()
        .map_or(begin, |range| range.start().min(begin))
        .into()
}
