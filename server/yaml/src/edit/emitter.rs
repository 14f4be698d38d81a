//! Writes new entries, items, and values, in block or flow style, in the style of the document.

use super::super::{Entry, Node, NodeKind, ScalarStyle};
use super::error::EditError;
use super::layout::{Layout, start};
use super::quote::{self, Quotes};
use super::style::{ListForm, Style};
use super::target_tree::{Key, NewNode, Slot, Target};
use std::ops::Range;

pub(super) struct Emitter<'y> {
    pub(super) layout: Layout<'y>,
    pub(super) style: Style,
}

impl<'y> Emitter<'y> {
    /// Returns a line break and the indentation of the next line.
    pub(super) fn new_line(&self, column: usize) -> String {
        format!("{}{:column$}", self.layout.line_break(), "")
    }

    /// The quotes for a value that replaces another one: the same if that one was quoted.
    pub(super) fn quotes_like(&self, old: Node<'y>, otherwise: Quotes) -> Quotes {
        match old.kind() {
            NodeKind::Scalar(style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)) => {
                Quotes {
                    always: Some(style),
                    needed: style,
                }
            }
            NodeKind::Sequence => self.style.quotes_among(old.items().map(Node::kind)),
            _ => otherwise,
        }
    }

    /// The quotes in an existing flow collection.
    pub(super) fn quotes_in_flow(&self, node: Node<'y>) -> Quotes {
        let mut around = std::iter::successors(Some(node), |node| node.parent())
            .take_while(|node| node.is_flow());
        if around.any(is_json) || node.items().next().is_some_and(is_json) {
            return Quotes {
                always: Some(ScalarStyle::DoubleQuoted),
                needed: ScalarStyle::DoubleQuoted,
            };
        }
        self.style.quotes_among(node.items().map(Node::kind))
    }

    /// Writes an entry of a block mapping, without the indentation of its first line.
    pub(super) fn block_entry(
        &self,
        slot: &Slot<'y>,
        column: usize,
        step: usize,
    ) -> Result<String, EditError> {
        let (Target::New(new), Key::New(name)) = (&slot.target, &slot.key) else {
            return Err(EditError::Unverified);
        };
        if let NewNode::Moved(entry) = new {
            return self.moved(*entry, name, column);
        }
        let quotes = self.style.quotes();
        let form = self.style.list_form(Some(name));
        let value = self.block_value(new, Some(name), column, step, form, None)?;
        Ok(format!("{}:{value}", quote::text(name, false, quotes)))
    }

    /// Writes what follows the colon of an entry: a space and a value, or lines below.
    pub(super) fn block_value(
        &self,
        new: &NewNode<'y>,
        key: Option<&str>,
        column: usize,
        step: usize,
        form: ListForm,
        quotes: Option<Quotes>,
    ) -> Result<String, EditError> {
        match new {
            NewNode::Mapping(slots) if !slots.is_empty() => {
                let brk = self.new_line(column + step);
                let mut text = String::new();
                for slot in slots {
                    text.push_str(&brk);
                    text.push_str(&self.block_entry(slot, column + step, step)?);
                }
                Ok(text)
            }
            NewNode::Sequence(slots) if !slots.is_empty() => {
                let quotes = match quotes {
                    Some(quotes) if quotes.always.is_some() => quotes,
                    _ => self.style.quotes_in_list(key),
                };
                let scalars = slots
                    .iter()
                    .all(|slot| matches!(slot.target, Target::New(NewNode::Scalar(_))));
                let dashes = column
                    + match form {
                        ListForm::Flow if scalars => {
                            return Ok(format!(" {}", self.flow_value(new, false, quotes)?));
                        }
                        ListForm::Flow => self.style.dash_step(),
                        ListForm::Block(step) => step,
                    };
                let brk = self.new_line(dashes);
                let mut text = String::new();
                for slot in slots {
                    text.push_str(&brk);
                    text.push_str(&self.block_item(slot, dashes, 1, quotes)?);
                }
                Ok(text)
            }
            NewNode::Scalar(value) => {
                let quotes = quotes.unwrap_or(self.style.quotes());
                Ok(format!(
                    " {}",
                    quote::scalar(value, false, quotes).ok_or(EditError::Unverified)?
                ))
            }
            NewNode::Mapping(_) => Ok(" {}".into()),
            NewNode::Sequence(_) => Ok(" []".into()),
            NewNode::Moved(_) => Err(EditError::Unverified),
        }
    }

    /// Writes an item of a block sequence, without the indentation of its first line.
    pub(super) fn block_item(
        &self,
        slot: &Slot<'y>,
        column: usize,
        gap: usize,
        quotes: Quotes,
    ) -> Result<String, EditError> {
        let Target::New(new) = &slot.target else {
            return Err(EditError::Unverified);
        };
        let value = self.item_value(new, column + 1 + gap, quotes)?;
        Ok(format!("-{:gap$}{value}", ""))
    }

    /// Writes what follows a dash, at a column.
    pub(super) fn item_value(
        &self,
        new: &NewNode<'y>,
        column: usize,
        quotes: Quotes,
    ) -> Result<String, EditError> {
        let brk = self.new_line(column);
        match new {
            NewNode::Mapping(slots) if !slots.is_empty() => {
                let step = self.style.step();
                let entries: Vec<String> = slots
                    .iter()
                    .map(|slot| self.block_entry(slot, column, step))
                    .collect::<Result<_, _>>()?;
                Ok(entries.join(&brk))
            }
            NewNode::Sequence(slots) if !slots.is_empty() => {
                let items: Vec<String> = slots
                    .iter()
                    .map(|slot| self.block_item(slot, column, 1, quotes))
                    .collect::<Result<_, _>>()?;
                Ok(items.join(&brk))
            }
            NewNode::Scalar(value) => {
                quote::scalar(value, false, quotes).ok_or(EditError::Unverified)
            }
            other => self.flow_value(other, false, quotes),
        }
    }

    pub(super) fn flow_slot(
        &self,
        slot: &Slot<'y>,
        spaced: bool,
        quotes: Quotes,
    ) -> Result<String, EditError> {
        let Target::New(new) = &slot.target else {
            return Err(EditError::Unverified);
        };
        match (&slot.key, new) {
            (Key::New(name), NewNode::Moved(entry)) => {
                let value = entry.value;
                let source = self.layout.slice(start(value)..self.layout.tail(value));
                if source.contains(['\n', '\r'])
                    || !value.is_flow()
                        && matches!(value.kind(), NodeKind::Mapping | NodeKind::Sequence)
                {
                    let line = self.layout.line_of(entry.key);
                    return Err(EditError::MultilineIntoFlow { line });
                }
                Ok(format!("{}: {source}", quote::text(name, true, quotes)))
            }
            (Key::New(name), new) => {
                let value = self.flow_value(new, spaced, quotes)?;
                Ok(format!("{}: {value}", quote::text(name, true, quotes)))
            }
            (_, new) => self.flow_value(new, spaced, quotes),
        }
    }

    /// Writes a value on one line.
    pub(super) fn flow_value(
        &self,
        new: &NewNode<'y>,
        spaced: bool,
        quotes: Quotes,
    ) -> Result<String, EditError> {
        let (slots, open, close) = match new {
            NewNode::Scalar(value) => {
                return quote::scalar(value, true, quotes).ok_or(EditError::Unverified);
            }
            NewNode::Moved(_) => return Err(EditError::Unverified),
            NewNode::Mapping(slots) => (slots, "{", "}"),
            NewNode::Sequence(slots) => (slots, "[", "]"),
        };
        let inside: Vec<String> = slots
            .iter()
            .map(|slot| self.flow_slot(slot, spaced, quotes))
            .collect::<Result<_, _>>()?;
        let space = if spaced && !slots.is_empty() && open == "{" {
            " "
        } else {
            ""
        };
        Ok(format!("{open}{space}{}{space}{close}", inside.join(", ")))
    }

    /// Returns the text of a moved entry with its leading comments, its new key, and its new
    /// indentation.
    fn moved(&self, entry: Entry<'y>, name: &str, column: usize) -> Result<String, EditError> {
        let layout = self.layout;
        let range = moved_range(layout, entry);
        let tail = layout.entry_tail(entry);
        let line = layout.line_of(entry.key);
        if let Some(parent) = entry.key.parent().filter(|parent| parent.is_flow()) {
            let followed = layout
                .comment_behind(tail)
                .is_some_and(|comment| comment.end < usize::from(parent.range().end()));
            if followed || layout.slice(range.clone()).contains(['\n', '\r']) {
                return Err(EditError::MultilineOutOfFlow { line });
            }
        }
        let key = start(entry.key);
        let key_end = usize::from(entry.key.range().end());
        let was = layout.column(key);
        let mut text = String::new();
        if range.start < key {
            text.push_str(&self.reindented(
                range.start..layout.line_start(key),
                was,
                column,
                line,
            )?);
            text.push_str(&" ".repeat(column));
        }
        if entry.key.as_str() == Some(name) {
            text.push_str(layout.slice(key..key_end));
        } else {
            text.push_str(&quote::text(name, false, self.style.quotes()));
        }
        text.push_str(&self.reindented(key_end..range.end, was, column, line)?);
        Ok(text)
    }

    /// Returns a range of text with all lines but the first moved to another column.
    fn reindented(
        &self,
        range: Range<usize>,
        from: usize,
        to: usize,
        line: usize,
    ) -> Result<String, EditError> {
        let layout = self.layout;
        let mut at = layout.next_line(range.start).min(range.end);
        let mut text = layout.slice(range.start..at).to_owned();
        while at < range.end {
            let end = layout.line_end(at).min(range.end);
            let next = layout.next_line(at).min(range.end);
            let indent = layout.skip_spaces(at).min(end) - at;
            // The blanks of an empty line matter if they exceed the indentation of a block scalar.
            let blank = at + indent == end && end < next && indent <= from;
            let cut = if to >= from || blank { 0 } else { from - to };
            if !blank {
                text.push_str(&" ".repeat(to.saturating_sub(from)));
            }
            if cut > indent && !layout.slice(at + indent..end).starts_with('#') {
                return Err(EditError::UnevenIndentation { line });
            }
            text.push_str(layout.slice(at + cut.min(indent)..next));
            at = next;
        }
        Ok(text)
    }
}

/// Returns the range that moves with an entry: the comment lines directly above, the entry, and its
/// trailing comment.
pub(super) fn moved_range(layout: Layout<'_>, entry: Entry<'_>) -> Range<usize> {
    let begin = start(entry.key);
    let tail = layout.entry_tail(entry);
    if entry.key.parent().is_some_and(Node::is_flow) {
        return begin..tail;
    }
    layout.leading_comments(begin)..layout.line_end(tail)
}

/// Whether a node is JSON. JSON quotes all keys, and must remain JSON.
fn is_json(node: Node<'_>) -> bool {
    node.is_flow()
        && node.entries().len() > 0
        && node
            .entries()
            .all(|entry| entry.key.kind() == NodeKind::Scalar(ScalarStyle::DoubleQuoted))
}
