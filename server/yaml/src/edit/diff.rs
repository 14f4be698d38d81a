//! Turns a target tree into text edits. Only what differs is touched. Whether the result is right
//! is decided by the verification.

use super::super::{Node, NodeKind, ScalarStyle};
use super::edits::Edits;
use super::emitter::{Emitter, FlowStyle};
use super::error::EditError;
use super::layout::{Layout, start};
use super::quote::{self, Quotes};
use super::style::{ListForm, Style};
use super::target_tree::{Key, NewNode, Slot, Target, TargetTree};
use std::ops::Range;

pub(super) fn edits(wanted: &TargetTree<'_>) -> Result<Edits, EditError> {
    let layout = wanted.layout;
    let pieces = wanted
        .comment_edits
        .iter()
        .map(|remark| remark.edit(layout))
        .collect();
    if matches!(wanted.root.target, Target::Kept) {
        return Edits::from_pieces(pieces).ok_or(EditError::Unverified);
    }
    let emitter = Emitter {
        layout,
        style: Style::of(layout),
    };
    let mut builder = EditBuilder {
        layout,
        emitter,
        pieces,
    };
    builder.slot(&wanted.root, Position::Root)?;
    Edits::from_pieces(builder.pieces).ok_or(EditError::Unverified)
}

/// Returns the range that is removed with an entry or item: itself and its trailing comment.
pub(super) fn removed_range<'y>(
    layout: Layout<'y>,
    collection: Node<'y>,
    index: usize,
) -> Option<Range<usize>> {
    let begin = layout.slot_start(collection, index)?;
    let tail = slot_tail(layout, collection, index)?;
    if !collection.is_flow() {
        return Some(begin..layout.line_end(tail));
    }
    Some(
        begin
            ..own_flow_comment(layout, collection, index, tail).map_or(tail, |comment| comment.end),
    )
}

/// The trailing comment of an entry or item in a flow collection, unless another one is before it.
fn own_flow_comment(
    layout: Layout<'_>,
    collection: Node<'_>,
    index: usize,
    tail: usize,
) -> Option<Range<usize>> {
    let comment = layout.comment_behind(tail)?;
    let between = layout.slice(tail..comment.start);
    let inside = comment.end < usize::from(collection.range().end());
    (inside && index < count(collection) && between.trim_matches([' ', '\t', ',']).is_empty())
        .then_some(comment)
}

fn count(collection: Node<'_>) -> usize {
    collection.entries().len() + collection.items().len()
}

fn slot_tail<'y>(layout: Layout<'y>, collection: Node<'y>, index: usize) -> Option<usize> {
    match collection.kind() {
        NodeKind::Mapping => collection
            .entries()
            .nth(index)
            .map(|entry| layout.entry_tail(entry)),
        _ => collection.items().nth(index).map(|item| layout.tail(item)),
    }
}

/// Where a slot is, as far as it decides the layout.
#[derive(Clone, Copy)]
enum Position<'y> {
    Root,
    /// In a flow collection.
    Flow(FlowStyle),
    /// An entry of a block mapping whose keys are in a column.
    Entry {
        key: Node<'y>,
        column: usize,
        step: usize,
    },
    /// An item of a block sequence whose dashes are in a column.
    Item {
        column: usize,
    },
}

/// The indices of consecutive removed slots.
type Run = Range<usize>;

struct EditBuilder<'y> {
    layout: Layout<'y>,
    emitter: Emitter<'y>,
    pieces: Vec<(Range<usize>, String)>,
}

impl<'y> EditBuilder<'y> {
    fn put(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.pieces.push((range, text.into()));
    }

    fn slot(&mut self, slot: &Slot<'y>, place: Position<'y>) -> Result<(), EditError> {
        if let Key::Renamed(key, name) = &slot.key {
            self.rename(*key, name, matches!(place, Position::Flow(_)));
        }
        match (&slot.target, slot.old) {
            (Target::Changed(slots), Some(old)) if old.is_flow() => self.flow(old, slots),
            (Target::Changed(slots), Some(old)) => self.block(old, slots),
            (Target::New(new), Some(old)) => self.replace(old, new, place),
            _ => Ok(()),
        }
    }

    fn rename(&mut self, key: Node<'y>, name: &str, flow: bool) {
        let quotes = match key.kind() {
            NodeKind::Scalar(style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)) => {
                Quotes {
                    always: Some(style),
                    needed: style,
                }
            }
            _ => self.emitter.style.quotes(),
        };
        self.put(range(key), quote::text(name, flow, quotes));
    }

    fn block(&mut self, node: Node<'y>, slots: &[Slot<'y>]) -> Result<(), EditError> {
        let layout = self.layout;
        let column = layout.column_of(node).ok_or(EditError::Unverified)?;
        let step = self.emitter.style.step_in(layout, node);
        let old = old_slots(slots);
        for slot in &old {
            let place = match slot.key {
                Key::Old(key) | Key::Renamed(key, _) => Position::Entry { key, column, step },
                _ => Position::Item { column },
            };
            self.slot(slot, place)?;
        }
        let groups = new_groups(slots, |slot| self.block_slot(node, slot, column, step))?;
        let runs = removed_runs(&old);
        if runs.first().is_some_and(|run| run.len() == old.len()) {
            let texts: Vec<String> = groups.into_iter().flat_map(|group| group.texts).collect();
            let begin = self.removal_start(node, &old, 0)?;
            let text = texts.join(&self.emitter.new_line(column));
            self.put(begin..layout.line_end(layout.tail(node)), text);
            return Ok(());
        }
        for run in runs {
            self.remove_lines(node, &old, run)?;
        }
        for NewGroup { before, texts } in groups {
            match before.checked_sub(1) {
                Some(above) => {
                    let tail = slot_tail(layout, node, above).ok_or(EditError::Unverified)?;
                    self.add_below(layout.below_deeper_comments(tail, column), column, &texts);
                }
                None => self.add_first(node, column, &texts)?,
            }
        }
        Ok(())
    }

    /// Writes a new entry or item of a block collection, without the indentation of its first line.
    fn block_slot(
        &self,
        node: Node<'y>,
        slot: &Slot<'y>,
        column: usize,
        step: usize,
    ) -> Result<String, EditError> {
        if node.kind() == NodeKind::Mapping {
            return self.emitter.block_entry(slot, column, step);
        }
        let kinds = node.items().map(Node::kind);
        let quotes = self.emitter.style.quotes_among(kinds);
        let gap = gap(self.layout, node);
        self.emitter.block_item(slot, column, gap, quotes)
    }

    /// Adds lines below the line that ends at an offset. They begin on the next line, so that a cursor
    /// at the end of the line above stays there.
    fn add_below(&mut self, line_end: usize, column: usize, texts: &[String]) {
        self.add_lines_below(line_end, &" ".repeat(column), texts);
    }

    fn add_lines_below(&mut self, line_end: usize, indentation: &str, texts: &[String]) {
        let brk = self.layout.line_break();
        let next = self.layout.next_line(line_end);
        let lines = texts.iter().map(|text| format!("{indentation}{text}"));
        if next > line_end {
            self.put(next..next, lines.map(|line| line + brk).collect::<String>());
        } else {
            let lines = lines.map(|line| format!("{brk}{line}"));
            self.put(line_end..line_end, lines.collect::<String>());
        }
    }

    /// Adds entries before the first of a block mapping, above its comments.
    fn add_first(
        &mut self,
        node: Node<'y>,
        column: usize,
        texts: &[String],
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let first = layout.slot_start(node, 0).ok_or(EditError::Unverified)?;
        let brk = self.emitter.new_line(column);
        let begin = layout.leading_comments(first);
        let text: String = texts.iter().map(|text| format!("{text}{brk}")).collect();
        self.put(begin..begin, text);
        Ok(())
    }

    /// Removes the lines of some entries or items of a block collection, but never all of them.
    fn remove_lines(
        &mut self,
        node: Node<'y>,
        slots: &[&Slot<'y>],
        run: Run,
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let mut first_line = false;
        let mut behind_dash = None;
        let last = slot_tail(layout, node, run.end - 1).ok_or(EditError::Unverified)?;
        let closes_text = layout.skip_white(layout.line_end(last)) == layout.text.len();
        for index in run {
            let begin = self.removal_start(node, slots, index)?;
            let tail = slot_tail(layout, node, index).ok_or(EditError::Unverified)?;
            let end = layout.line_end(tail);
            let previous = layout.previous_line_end(begin);
            let range = if !layout.begins_line(begin) || behind_dash == Some(begin) {
                // What follows moves up behind the dash.
                let next = layout.skip_white(end);
                behind_dash = Some(next);
                begin..next
            } else if let Some(previous) = previous.filter(|_| !first_line) {
                // Blank lines at the new end of the text are removed as well, except those of a
                // `|+`.
                let kept = index
                    .checked_sub(1)
                    .and_then(|before| slot_tail(layout, node, before));
                let written = layout
                    .text
                    .get(..previous)
                    .map_or(0, |before| before.trim_end().len());
                if closes_text {
                    written.max(kept.unwrap_or(0))..end
                } else {
                    previous..end
                }
            } else {
                // The first line has no line break before it, so its own one is removed, and those
                // of the lines removed with it.
                first_line = true;
                layout.line_start(begin)..layout.next_line(tail)
            };
            self.put(range, "");
        }
        Ok(())
    }

    /// Returns where the range of a removed or moved entry or item starts.
    fn removal_start(
        &self,
        node: Node<'y>,
        slots: &[&Slot<'y>],
        index: usize,
    ) -> Result<usize, EditError> {
        let begin = self
            .layout
            .slot_start(node, index)
            .ok_or(EditError::Unverified)?;
        let moves = slots
            .get(index)
            .is_some_and(|slot| matches!(slot.target, Target::MovedAway));
        Ok(if moves {
            self.layout.leading_comments(begin)
        } else {
            begin
        })
    }

    fn flow(&mut self, node: Node<'y>, slots: &[Slot<'y>]) -> Result<(), EditError> {
        let layout = self.layout;
        let style = self.emitter.flow_style(node);
        let old = old_slots(slots);
        for slot in &old {
            self.slot(slot, Position::Flow(style))?;
        }
        let groups = new_groups(slots, |slot| self.emitter.flow_slot(slot, style))?;
        let all = || {
            let texts = groups.iter().flat_map(|group| group.texts.clone());
            texts.collect::<Vec<_>>().join(", ")
        };
        let runs = removed_runs(&old);
        if old.is_empty() {
            let inside = usize::from(node.range().start()) + 1..usize::from(node.range().end()) - 1;
            let has_lines = layout.slice(inside.clone()).contains(['\n', '\r', '#']);
            if has_lines {
                return Err(EditError::SpreadOutCollection {
                    line: layout.line_of(node),
                });
            }
            self.put(inside, all());
        } else if runs.first().is_some_and(|run| run.len() == old.len()) {
            let begin = layout.slot_start(node, 0).ok_or(EditError::Unverified)?;
            let end = slot_tail(layout, node, old.len() - 1).ok_or(EditError::Unverified)?;
            self.put(begin..end, all());
        } else {
            for run in runs {
                self.remove_from_flow(node, run)?;
            }
            for NewGroup { before, texts } in groups {
                match before.checked_sub(1) {
                    Some(behind) => self.add_behind_in_flow(node, behind, &texts)?,
                    None => self.add_first_in_flow(node, &texts)?,
                }
            }
        }
        Ok(())
    }

    /// Removes some entries or items of a flow collection with their commas, but never all of them.
    fn remove_from_flow(&mut self, node: Node<'y>, run: Run) -> Result<(), EditError> {
        let layout = self.layout;
        let begin = layout
            .slot_start(node, run.start)
            .ok_or(EditError::Unverified)?;
        if let Some(next) = layout.slot_start(node, run.end) {
            self.put(begin..next, "");
            return Ok(());
        }
        let before = run
            .start
            .checked_sub(1)
            .and_then(|before| slot_tail(layout, node, before))
            .ok_or(EditError::Unverified)?;
        let tail = slot_tail(layout, node, run.end - 1).ok_or(EditError::Unverified)?;
        self.put(before..tail, "");
        if let Some(comment) = own_flow_comment(layout, node, run.end - 1, tail) {
            let written = layout
                .slice(tail..comment.start)
                .trim_end_matches([' ', '\t'])
                .len();
            self.put(tail + written..comment.end, "");
        }
        Ok(())
    }

    /// Adds entries or items before the first of a flow collection.
    fn add_first_in_flow(&mut self, node: Node<'y>, texts: &[String]) -> Result<(), EditError> {
        let layout = self.layout;
        let begin = layout.slot_start(node, 0).ok_or(EditError::Unverified)?;
        let separator = if layout.begins_line(begin) {
            format!(",{}{}", layout.line_break(), layout.before(begin))
        } else {
            ", ".to_owned()
        };
        let text: String = texts
            .iter()
            .map(|text| format!("{text}{separator}"))
            .collect();
        self.put(begin..begin, text);
        Ok(())
    }

    /// Adds entries or items behind one of a flow collection.
    fn add_behind_in_flow(
        &mut self,
        node: Node<'y>,
        index: usize,
        texts: &[String],
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let begin = layout
            .slot_start(node, index)
            .ok_or(EditError::Unverified)?;
        let tail = slot_tail(layout, node, index).ok_or(EditError::Unverified)?;
        let close = usize::from(node.range().end()) - 1;
        let comma =
            Some(layout.skip_blank(tail)).filter(|&at| layout.slice(at..close).starts_with(','));
        let is_last = index + 1 == count(node);
        let behind = comma.map_or(tail, |comma| comma + 1);
        let ends_line = layout
            .slot_start(node, index + 1)
            .map_or(layout.line_end(tail) < close, |next| {
                layout.begins_line(next)
            });
        if !layout.begins_line(begin) || !ends_line {
            let written: String = match comma {
                None => texts.iter().map(|text| format!(", {text}")).collect(),
                Some(_) => texts.iter().map(|text| format!(" {text},")).collect(),
            };
            self.put(behind..behind, written);
            return Ok(());
        }
        if comma.is_none() {
            self.put(tail..tail, ",");
        }
        let mut texts: Vec<String> = texts.iter().map(|text| format!("{text},")).collect();
        if let Some(last) = texts.last_mut().filter(|_| is_last && comma.is_none()) {
            last.pop();
        }
        let indentation = layout.before(begin);
        self.add_lines_below(layout.line_end(behind), indentation, &texts);
        Ok(())
    }

    fn replace(
        &mut self,
        old: Node<'y>,
        new: &NewNode<'y>,
        place: Position<'y>,
    ) -> Result<(), EditError> {
        match place {
            Position::Root => Err(EditError::WholeDocument("replaced")),
            Position::Flow(mut style) => {
                // The quotes of a scalar do not decide the quotes of keys in its replacement.
                if !matches!(new, NewNode::Mapping(_)) {
                    style.values = self.emitter.quotes_like(old, style.values);
                }
                let text = self.emitter.flow_value(new, style)?;
                self.replace_inline(old, &text);
                Ok(())
            }
            Position::Entry { key, column, step } => {
                self.replace_value(old, key, new, column, step)
            }
            Position::Item { column } => self.replace_item(old, new, column),
        }
    }

    fn replace_value(
        &mut self,
        old: Node<'y>,
        key: Node<'y>,
        new: &NewNode<'y>,
        column: usize,
        step: usize,
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let quotes = self.emitter.quotes_like(old, self.emitter.style.quotes());
        let form = list_form(layout, old, column)
            .unwrap_or_else(|| self.emitter.style.list_form(key.as_str()));
        let written =
            self.emitter
                .block_value(new, key.as_str(), column, step, form, Some(quotes))?;
        let colon = layout.after_colon(key);
        if !written.starts_with(['\n', '\r']) {
            self.overwrite(old, colon, written.trim_start());
            return Ok(());
        }
        self.erase(old, colon);
        let end = layout.line_end(layout.tail(old));
        let below = written.trim_start_matches(['\n', '\r']);
        self.add_lines_below(end, "", &[below.to_owned()]);
        Ok(())
    }

    /// Removes a value behind its colon, and keeps its comments.
    fn erase(&mut self, old: Node<'y>, colon: usize) {
        match self.first_line_end(old, colon) {
            Some(end) => {
                self.put(colon..end, "");
                self.erase_lines(old, end);
            }
            None => self.put(colon..self.layout.tail(old), ""),
        }
    }

    /// Replaces a value by a text, and keeps its comments.
    fn overwrite(&mut self, old: Node<'y>, colon: usize, text: &str) {
        match self.first_line_end(old, colon) {
            Some(end) => {
                self.put(colon..end, format!(" {text}"));
                self.erase_lines(old, end);
            }
            None => self.replace_inline(old, text),
        }
    }

    /// Returns the end of the first line of a value that continues below: of a block scalar its
    /// header, of a block collection its anchor and tag. A comment may follow.
    fn first_line_end(&self, old: Node<'y>, colon: usize) -> Option<usize> {
        match old.kind() {
            NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded) => {
                Some(self.layout.block_scalar_header(old).end)
            }
            NodeKind::Mapping | NodeKind::Sequence if !old.is_flow() => {
                let properties = old
                    .properties_range()
                    .map_or(colon, |range| range.end().into());
                Some(if properties <= self.layout.line_end(colon) {
                    properties
                } else {
                    colon
                })
            }
            _ => None,
        }
    }

    /// Removes the lines of a value below its first.
    fn erase_lines(&mut self, old: Node<'y>, first_line_end: usize) {
        let begin = self.layout.line_end(first_line_end);
        self.put(begin..self.layout.tail(old).max(begin), "");
    }

    fn replace_item(
        &mut self,
        old: Node<'y>,
        new: &NewNode<'y>,
        column: usize,
    ) -> Result<(), EditError> {
        let layout = self.layout;
        let begin = start(old);
        let inside = if old.kind() == NodeKind::Empty {
            column + 2
        } else {
            layout.column(begin)
        };
        let quotes = self.emitter.quotes_like(old, self.emitter.style.quotes());
        let text = self.emitter.item_value(new, inside, quotes)?;
        if matches!(
            old.kind(),
            NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded)
        ) {
            let header = layout.block_scalar_header(old);
            self.put(begin..header.end, text);
            self.erase_lines(old, header.end);
        } else {
            self.replace_inline(old, &text);
        }
        Ok(())
    }

    fn replace_inline(&mut self, old: Node<'y>, text: &str) {
        let tail = self.layout.tail(old);
        let begin = start(old);
        if begin < tail {
            self.put(begin..tail, text);
        } else if self
            .layout
            .text
            .get(..tail)
            .is_some_and(|before| before.ends_with([':', '-']))
        {
            self.put(tail..tail, format!(" {text}"));
        } else {
            self.put(tail..tail, format!(": {text}"));
        }
    }
}

fn range(node: Node<'_>) -> Range<usize> {
    node.range().start().into()..node.range().end().into()
}

/// The form of an existing list below a key, unless it is empty.
fn list_form<'y>(layout: Layout<'y>, node: Node<'y>, column: usize) -> Option<ListForm> {
    match node.kind() {
        NodeKind::Sequence if node.items().len() == 0 => None,
        NodeKind::Sequence if node.is_flow() => Some(ListForm::Flow),
        NodeKind::Sequence => layout
            .column_of(node)?
            .checked_sub(column)
            .map(ListForm::Block),
        _ => None,
    }
}

/// The number of spaces behind the last dash of a block sequence.
fn gap<'y>(layout: Layout<'y>, sequence: Node<'y>) -> usize {
    let last = sequence.items().len().saturating_sub(1);
    let dash = layout.dash(sequence, last);
    let value = sequence
        .items()
        .next_back()
        .filter(|item| item.kind() != NodeKind::Empty)
        .map(start);
    match (dash, value) {
        (Some(dash), Some(value)) if value > dash + 1 && value <= layout.line_end(dash) => {
            value - dash - 1
        }
        _ => 1,
    }
}

/// New entries or items in a row.
struct NewGroup {
    /// The number of current entries or items before it.
    before: usize,
    texts: Vec<String>,
}

/// Returns the slots of the current entries or items.
fn old_slots<'s, 'y>(slots: &'s [Slot<'y>]) -> Vec<&'s Slot<'y>> {
    slots.iter().filter(|slot| slot.old.is_some()).collect()
}

/// Writes the new entries or items between the current ones.
fn new_groups<'y>(
    slots: &[Slot<'y>],
    write: impl Fn(&Slot<'y>) -> Result<String, EditError>,
) -> Result<Vec<NewGroup>, EditError> {
    let mut groups: Vec<NewGroup> = Vec::new();
    let mut before = 0;
    for slot in slots {
        if slot.old.is_some() {
            before += 1;
            continue;
        }
        let text = write(slot)?;
        match groups.last_mut().filter(|group| group.before == before) {
            Some(group) => group.texts.push(text),
            None => groups.push(NewGroup {
                before,
                texts: vec![text],
            }),
        }
    }
    Ok(groups)
}

/// Returns the runs of removed slots.
fn removed_runs(slots: &[&Slot<'_>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (place, _) in slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| slot.is_removed())
    {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    runs
}
