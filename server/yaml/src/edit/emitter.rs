//! Writes new entries, items, and values, in block or flow style, in the style of the document.

use super::super::{Entry, Node, NodeKind, Resolved, ScalarStyle};
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

    /// The style of what is added to an existing flow collection.
    pub(super) fn flow_style(&self, node: Node<'y>) -> FlowStyle {
        let inside = node.source().get(1..).unwrap_or_default();
        let spaced = inside.starts_with(' ') && !inside.trim_start().starts_with(['}', ']']);
        let root = std::iter::successors(Some(node), |node| node.parent())
            .take_while(|node| node.is_flow())
            .last()
            .unwrap_or(node);
        let double = Quotes {
            always: Some(ScalarStyle::DoubleQuoted),
            needed: ScalarStyle::DoubleQuoted,
        };
        let mut around = std::iter::successors(Some(node), |node| node.parent())
            .take_while(|node| node.is_flow());
        let is_json = around.any(is_json) || node.items().next().is_some_and(is_json);
        let own = self.style.quotes_among(node.items().map(Node::kind));
        let (keys, values) = if is_json {
            (double, double)
        } else if quotes_all_strings(root) {
            (own, double)
        } else {
            (own, own)
        };
        FlowStyle {
            spaced,
            keys,
            values,
            lines: FlowLines::of(self.layout, node, root),
        }
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
                            let style = FlowStyle::on_one_line(quotes);
                            return Ok(format!(" {}", self.flow_value(new, style)?));
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
            other => self.flow_value(other, FlowStyle::on_one_line(quotes)),
        }
    }

    pub(super) fn flow_slot(&self, slot: &Slot<'y>, style: FlowStyle) -> Result<String, EditError> {
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
                Ok(format!("{}: {source}", quote::text(name, true, style.keys)))
            }
            (Key::New(name), new) => {
                let value = self.flow_value(new, style)?;
                Ok(format!("{}: {value}", quote::text(name, true, style.keys)))
            }
            (_, new) => self.flow_value(new, style),
        }
    }

    /// Writes a value in flow style.
    pub(super) fn flow_value(
        &self,
        new: &NewNode<'y>,
        style: FlowStyle,
    ) -> Result<String, EditError> {
        let (slots, open, close) = match new {
            NewNode::Scalar(value) => {
                return quote::scalar(value, true, style.values).ok_or(EditError::Unverified);
            }
            NewNode::Moved(_) => return Err(EditError::Unverified),
            NewNode::Mapping(slots) => (slots, "{", "}"),
            NewNode::Sequence(slots) => (slots, "[", "]"),
        };
        let is_list = open == "[";
        let lines = style
            .lines
            .filter(|lines| !slots.is_empty() && (!is_list || lines.spreads_lists));
        let inner = FlowStyle {
            lines: style.lines.map(FlowLines::deeper),
            ..style
        };
        let inside: Vec<String> = slots
            .iter()
            .map(|slot| self.flow_slot(slot, inner))
            .collect::<Result<_, _>>()?;
        if let Some(lines) = lines {
            let brk = self.new_line(lines.column + lines.step);
            let end = self.new_line(lines.column);
            let comma = if lines.has_trailing_comma { "," } else { "" };
            let inside = inside.join(&format!(",{brk}"));
            return Ok(format!("{open}{brk}{inside}{comma}{end}{close}"));
        }
        let space = if style.spaced && !slots.is_empty() && !is_list {
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

/// How new entries and items of a flow collection are written.
#[derive(Clone, Copy)]
pub(super) struct FlowStyle {
    /// Whether spaces separate braces from what is inside.
    pub(super) spaced: bool,
    pub(super) keys: Quotes,
    pub(super) values: Quotes,
    /// Whether collections are written with an entry on each line.
    lines: Option<FlowLines>,
}

impl FlowStyle {
    fn on_one_line(quotes: Quotes) -> FlowStyle {
        FlowStyle {
            spaced: false,
            keys: quotes,
            values: quotes,
            lines: None,
        }
    }
}

/// A flow collection with an entry on each line, as in KYAML (KEP-5295) and in formatted JSON.
#[derive(Clone, Copy)]
struct FlowLines {
    /// The column of the entries around.
    column: usize,
    step: usize,
    /// Whether a comma follows the last entry.
    has_trailing_comma: bool,
    /// Whether lists have an item on each line too.
    spreads_lists: bool,
}

impl FlowLines {
    /// Returns the layout of a collection, if it and the ones around it have an entry on each line.
    fn of<'y>(layout: Layout<'y>, node: Node<'y>, root: Node<'y>) -> Option<FlowLines> {
        let begin = layout
            .slot_start(node, 0)
            .filter(|at| layout.begins_line(*at))?;
        let column = layout.column(begin);
        let is_spread = |node: Node<'y>| {
            let last = count(node).checked_sub(1)?;
            let begins = |index| Some(layout.begins_line(layout.slot_start(node, index)?));
            Some(begins(0)? && begins(last)?)
        };
        if is_spread(root) != Some(true) {
            return None;
        }
        let mut lists = root.descendants().filter(|inner| {
            inner.items().len() > 0 && inner.items().all(|item| item.kind() != NodeKind::Mapping)
        });
        let mut mappings = root
            .descendants()
            .filter(|inner| inner.id() != root.id() && inner.entries().len() > 0);
        let last = root.entries().next_back()?;
        let tail = layout.skip_blank(layout.entry_tail(last));
        let has_trailing_comma = layout.slice(tail..tail + 1) == ",";
        if !has_trailing_comma && !mappings.any(|mapping| is_spread(mapping) == Some(true)) {
            return None;
        }
        let first = layout.slot_start(root, 0)?;
        let around = layout.column(layout.skip_spaces(layout.line_start(start(root))));
        Some(FlowLines {
            column,
            step: layout.column(first).saturating_sub(around).max(1),
            has_trailing_comma,
            spreads_lists: match lists.next() {
                Some(list) => is_spread(list) == Some(true),
                None => has_trailing_comma,
            },
        })
    }

    fn deeper(self) -> FlowLines {
        FlowLines {
            column: self.column + self.step,
            ..self
        }
    }
}

fn count(collection: Node<'_>) -> usize {
    collection.entries().len() + collection.items().len()
}

/// Whether a flow collection has double quotes around every string value, as KYAML has.
fn quotes_all_strings(root: Node<'_>) -> bool {
    let values = root.descendants().flat_map(|node| {
        let of_entries = node.entries().map(|entry| entry.value);
        of_entries.chain(node.items())
    });
    let mut kinds = values
        .filter(|value| matches!(value.resolved(), Some(Resolved::Str(_))))
        .map(Node::kind)
        .peekable();
    kinds.peek().is_some() && kinds.all(|kind| kind == NodeKind::Scalar(ScalarStyle::DoubleQuoted))
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
