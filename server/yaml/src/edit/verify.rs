//! Verifies an edit: applies it, parses the result, and compares it with the target tree. The
//! result may differ from the old document only in what the changes name, for any reader of YAML or
//! of comments, including one that follows aliases and `<<`.

use super::super::{Entry, Node, NodeKind, ScalarStyle, Yaml, parse};
use super::comment::CommentEdit;
use super::edits::Edits;
use super::error::EditError;
use super::layout::Layout;
use super::target_tree::{Key, NewNode, Slot, Target, TargetTree, value_eq};
use std::ops::Range;

pub(super) fn prove(wanted: &TargetTree<'_>, edits: &Edits) -> Result<(), EditError> {
    let text = edits.apply(wanted.layout.text);
    let new = parse(&text);
    let clean = new.errors().is_empty() && new.repaired().is_empty();
    if !clean
        || !new
            .root()
            .is_some_and(|root| matches_slot(&wanted.root, root))
    {
        return Err(unterminated_block(wanted.layout.yaml)
            .or(unterminated_block(&new))
            .unwrap_or(EditError::Unverified));
    }
    match new
        .root()
        .and_then(|root| merge_conflict(&wanted.root, root))
    {
        Some(refusal) => Err(refusal),
        None => Comments::expected(wanted).check(wanted.layout, Layout::of(&new)),
    }
}

/// Returns an error if `<<` adds a key that is removed or added here: an entry hides the merged
/// one, so the effective value would change.
fn merge_conflict(slot: &Slot<'_>, new: Node<'_>) -> Option<EditError> {
    let slots = slot.slots().iter();
    let staying = slots.clone().filter(|slot| !slot.is_removed());
    if new.kind() != NodeKind::Mapping {
        return staying
            .zip(new.items())
            .find_map(|(slot, item)| merge_conflict(slot, item));
    }
    if new.entries().any(Entry::is_merge) {
        let merged = |name: &str| {
            new.merged_entries()
                .any(|entry| entry.key.as_str() == Some(name))
        };
        let comes = slots
            .clone()
            .filter(|slot| !matches!(slot.key, Key::Old(_)) && !slot.is_removed())
            .filter_map(Slot::name);
        let goes = slots
            .filter(|slot| slot.is_removed() || matches!(slot.key, Key::Renamed(..)))
            .filter_map(Slot::original_name);
        if let Some(name) = goes.chain(comes).find(|name| merged(name)) {
            let line = slot
                .old
                .map_or(1, |old| Layout::of(old.yaml()).line_of(old));
            return Some(EditError::AlsoMerged {
                key: name.to_owned(),
                line,
            });
        }
    }
    staying
        .zip(new.entries())
        .find_map(|(slot, entry)| merge_conflict(slot, entry.value))
}

/// Whether a node is the target of a slot.
fn matches_slot(slot: &Slot<'_>, new: Node<'_>) -> bool {
    match (&slot.target, slot.old) {
        (Target::Kept, Some(old)) => same(old, new),
        (Target::Kept, None) | (Target::Removed | Target::MovedAway | Target::Emptied, _) => false,
        (Target::Changed(slots), Some(old)) => same_outside(old, new) && match_slots(slots, new),
        (Target::Changed(_), None) => false,
        (Target::New(NewNode::Moved(entry)), _) => same(entry.value, new),
        (Target::New(fresh), _) => {
            new.tag().is_none() && new.anchor().is_none() && matches_new(fresh, new)
        }
    }
}

fn matches_new(fresh: &NewNode<'_>, new: Node<'_>) -> bool {
    match fresh {
        NewNode::Scalar(value) => matches!(new.kind(), NodeKind::Scalar(_)) && value_eq(new, value),
        NewNode::Mapping(slots) => new.kind() == NodeKind::Mapping && match_slots(slots, new),
        NewNode::Sequence(slots) => new.kind() == NodeKind::Sequence && match_slots(slots, new),
        NewNode::Moved(_) => false,
    }
}

fn match_slots(slots: &[Slot<'_>], new: Node<'_>) -> bool {
    let wanted = slots.iter().filter(|slot| !slot.is_removed());
    match new.kind() {
        NodeKind::Mapping => {
            wanted.clone().count() == new.entries().len()
                && wanted.zip(new.entries()).all(|(slot, entry)| {
                    matches_key(&slot.key, entry.key) && matches_slot(slot, entry.value)
                })
        }
        NodeKind::Sequence => {
            wanted.clone().count() == new.items().len()
                && wanted
                    .zip(new.items())
                    .all(|(slot, item)| matches!(slot.key, Key::None) && matches_slot(slot, item))
        }
        _ => false,
    }
}

fn matches_key(key: &Key<'_>, new: Node<'_>) -> bool {
    match key {
        Key::None => false,
        Key::Old(old) => same(*old, new),
        Key::Renamed(old, name) => {
            new.as_str() == Some(name) && old.anchor() == new.anchor() && old.tag() == new.tag()
        }
        Key::New(name) => {
            new.as_str() == Some(name) && new.anchor().is_none() && new.tag().is_none()
        }
    }
}

/// Whether two nodes are equal to every reader, with all their descendants.
fn same(old: Node<'_>, new: Node<'_>) -> bool {
    if !same_outside(old, new) {
        return false;
    }
    match old.kind() {
        NodeKind::Empty => true,
        NodeKind::Scalar(_) => {
            old.as_str() == new.as_str() && is_unterminated(old) == is_unterminated(new)
        }
        // No edit changes an aliased node, so its text must be equal.
        NodeKind::Alias => {
            old.source() == new.source()
                && old.resolve().map(Node::source) == new.resolve().map(Node::source)
        }
        NodeKind::Sequence => {
            old.items().len() == new.items().len()
                && old
                    .items()
                    .zip(new.items())
                    .all(|(old, new)| same(old, new))
        }
        NodeKind::Mapping => {
            let both = |(old, new): (Entry<'_>, Entry<'_>)| {
                same(old.key, new.key) && same(old.value, new.value)
            };
            old.entries().len() == new.entries().len() && old.entries().zip(new.entries()).all(both)
        }
    }
}

fn same_outside(old: Node<'_>, new: Node<'_>) -> bool {
    old.kind() == new.kind()
        && old.is_flow() == new.is_flow()
        && old.anchor() == new.anchor()
        && old.tag() == new.tag()
}

/// Whether a block scalar ends with the text, without a line break. The API server reads its value
/// without a line break too, and a line below would add one.
fn is_unterminated(node: Node<'_>) -> bool {
    let layout = Layout::of(node.yaml());
    matches!(
        node.kind(),
        NodeKind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded)
    ) && usize::from(node.range().end()) == layout.text.len()
        && !layout.slice(layout.block_scalar_header(node)).contains('-')
        && node.as_str().is_some_and(|text| !text.is_empty())
}

fn unterminated_block(yaml: &Yaml) -> Option<EditError> {
    let node = yaml.nodes().find(|node| is_unterminated(*node))?;
    let line = Layout::of(yaml).line_of(node);
    Some(EditError::UnterminatedBlock { line })
}

/// The expected comments.
struct Comments {
    /// In the order of the text.
    staying: Vec<Expected>,
    /// These move with an entry, so they may be anywhere.
    moving: Vec<Expected>,
}

/// An expected comment.
struct Expected {
    /// Its current offset, or for a new one the offset at which it is added.
    at: usize,
    text: String,
}

impl Comments {
    fn expected(wanted: &TargetTree<'_>) -> Comments {
        let layout = wanted.layout;
        let mut leaving = Vec::new();
        let mut moving = Vec::new();
        comment_ranges(layout, &wanted.root, &mut leaving, &mut moving);
        let inside = |comment: &Range<usize>, ranges: &[Range<usize>]| {
            ranges.iter().any(|range| range.contains(&comment.start))
        };
        let mut comments = Comments {
            staying: Vec::new(),
            moving: Vec::new(),
        };
        for comment in layout.comments() {
            let Some(text) = comment_text(wanted, &comment) else {
                continue;
            };
            let expected = Expected {
                at: comment.start,
                text,
            };
            if inside(&comment, &moving) {
                comments.moving.push(expected);
            } else if !inside(&comment, &leaving) {
                comments.staying.push(expected);
            }
        }
        for remark in &wanted.comment_edits {
            if let CommentEdit::New { at, text, .. } = remark {
                let place = comments
                    .staying
                    .partition_point(|expected| expected.at < *at);
                comments.staying.insert(
                    place,
                    Expected {
                        at: *at,
                        text: text.clone(),
                    },
                );
            }
        }
        comments
    }

    fn check(self, old: Layout<'_>, new: Layout<'_>) -> Result<(), EditError> {
        let lost = |comment: Option<Expected>| match comment {
            Some(comment) => EditError::LostComment {
                line: old.line_number(comment.at),
            },
            None => EditError::Unverified,
        };
        let mut moving = self.moving;
        let mut staying = self.staying.into_iter().peekable();
        for comment in new.comments().map(|range| new.slice(range)) {
            if staying
                .next_if(|expected| expected.text == comment)
                .is_some()
            {
                continue;
            }
            match moving.iter().position(|expected| expected.text == comment) {
                Some(place) => drop(moving.remove(place)),
                // An unexpected comment is new, or another one is missing before it.
                None => return Err(lost(staying.next())),
            }
        }
        match staying.next().or(moving.pop()) {
            None => Ok(()),
            missing => Err(lost(missing)),
        }
    }
}

/// Returns the expected text of a comment; `None` if it is removed.
fn comment_text(wanted: &TargetTree<'_>, comment: &Range<usize>) -> Option<String> {
    let changed = wanted.comment_edits.iter().find_map(|remark| match remark {
        CommentEdit::Changed { comment: it, text } if it == comment => Some(text.clone()),
        _ => None,
    });
    changed.unwrap_or_else(|| Some(wanted.layout.slice(comment.clone()).to_owned()))
}

/// Collects the ranges whose comments are removed, and those whose comments move.
fn comment_ranges<'y>(
    layout: Layout<'y>,
    slot: &Slot<'y>,
    leaving: &mut Vec<Range<usize>>,
    moving: &mut Vec<Range<usize>>,
) {
    let slots = match &slot.target {
        Target::New(NewNode::Moved(entry)) => {
            moving.push(super::emitter::moved_range(layout, *entry));
            return;
        }
        Target::New(NewNode::Mapping(slots) | NewNode::Sequence(slots)) => slots,
        Target::Changed(slots) => {
            if let Some(node) = slot.old {
                let gone = slots
                    .iter()
                    .enumerate()
                    .filter(|(_, slot)| matches!(slot.target, Target::Removed));
                leaving.extend(
                    gone.filter_map(|(index, _)| super::diff::removed_range(layout, node, index)),
                );
            }
            slots
        }
        _ => return,
    };
    for slot in slots {
        comment_ranges(layout, slot, leaving, moving);
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::{Change, Value};
    use super::super::edits::Edit;
    use super::*;
    use crate::{Offset, Path, Range};

    const BEFORE: &str = "# one\na: 'x' # two\nb:\n- 1\n- 2\nc: &c {d: y}\ne: *c\nf: |\n  z\n";

    /// Whether a text passes as the result of appending to `b` and setting `g` in `BEFORE`.
    fn passes(after: &str) -> bool {
        let path = |key: &str| Path::default().key(key);
        let changes = [
            Change::Append {
                path: path("b"),
                value: Value::Integer(3),
            },
            Change::Set {
                path: path("g"),
                value: Value::Text("no".into()),
            },
        ];
        let yaml = parse(BEFORE);
        let whole = Range::up_to(Offset::of(BEFORE));
        let edits = Edits(vec![Edit {
            range: whole,
            insert: after.into(),
        }]);
        super::super::planner::target_tree(&yaml, &changes)
            .is_ok_and(|wanted| prove(&wanted, &edits).is_ok())
    }

    #[test]
    fn rejects_any_other_result() {
        let right =
            "# one\na: 'x' # two\nb:\n- 1\n- 2\n- 3\nc: &c {d: y}\ne: *c\nf: |\n  z\ng: \"no\"\n";
        assert!(passes(right));
        for (what, with) in [
            ("'x'", "x"),
            ("'x'", "'w'"),
            ("# one\n", ""),
            ("# two", "# too"),
            ("# one\n", "# one\n# more\n"),
            ("# one\na: 'x' # two", "# two\na: 'x' # one"),
            ("- 1\n- 2\n", "- 2\n- 1\n"),
            ("- 1\n- 2\n- 3\n", " [1, 2, 3]\n"),
            ("- 3\n", ""),
            ("- 3\n", "- \"3\"\n"),
            ("- 3\n", "- 3\n- 3\n"),
            ("&c ", ""),
            ("&c ", "&d "),
            ("*c", "{d: y}"),
            ("{d: y}", "{d: y, e: z}"),
            ("{d: y}", "!!map {d: y}"),
            ("f: |\n  z\n", "f: >\n  z\n"),
            ("f: |\n  z\n", "f: |-\n  z\n"),
            ("f: ", "h: "),
            ("g: \"no\"", "g: no"),
            ("g: \"no\"", "g: \"no\"\ng: \"no\""),
            ("g: \"no\"", "g: \"no\"\nh: 1"),
            ("g: \"no\"\n", ""),
            ("g: \"no\"", "g: !!str no"),
            ("g: \"no\"", "g: \"no"),
        ] {
            let wrong = right.replacen(what, with, 1);
            assert_ne!(wrong, right);
            assert!(!passes(&wrong), "{wrong}");
        }
    }
}
