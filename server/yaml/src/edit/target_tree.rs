//! The tree that the changes ask for, as a difference from the current one. The writer and the
//! verification use the same tree.

use super::super::{Entry, Node, NodeKind, Path, Resolved, Step};
use super::change::{Change, Value};
use super::comment::CommentEdit;
use super::error::EditError;
use super::layout::Layout;
use std::collections::HashSet;

pub(super) struct TargetTree<'y> {
    pub(super) layout: Layout<'y>,
    pub(super) root: Slot<'y>,
    pub(super) comment_edits: Vec<CommentEdit>,
}

/// A place in the target tree: an entry of a mapping, an item of a sequence, or the root.
pub(super) struct Slot<'y> {
    pub(super) key: Key<'y>,
    /// The current value.
    pub(super) old: Option<Node<'y>>,
    pub(super) target: Target<'y>,
}

pub(super) enum Key<'y> {
    /// For items and the root.
    None,
    Old(Node<'y>),
    Renamed(Node<'y>, Box<str>),
    New(Box<str>),
}

pub(super) enum Target<'y> {
    /// The current value, unchanged.
    Kept,
    /// Removed with its comments.
    Removed,
    /// Moved elsewhere with its comments.
    MovedAway,
    /// Empty, since everything below moves elsewhere. Other comments would be lost.
    Emptied,
    /// A changed collection, with its current slots first and in order.
    Changed(Vec<Slot<'y>>),
    New(NewNode<'y>),
}

/// A value that is not in the document yet.
pub(super) enum NewNode<'y> {
    Scalar(Value),
    Mapping(Vec<Slot<'y>>),
    Sequence(Vec<Slot<'y>>),
    /// The value of an entry that was elsewhere.
    Moved(Entry<'y>),
}

impl<'y> Slot<'y> {
    pub(super) fn new(key: Key<'y>, value: &Value) -> Slot<'y> {
        Slot {
            key,
            old: None,
            target: Target::New(NewNode::of(value)),
        }
    }

    /// Returns the current key, or the new one of a new entry.
    pub(super) fn original_name(&self) -> Option<&str> {
        match &self.key {
            Key::None => None,
            Key::Old(key) | Key::Renamed(key, _) => key.as_str(),
            Key::New(name) => Some(name),
        }
    }

    /// Returns the key after the changes.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.key {
            Key::Renamed(_, name) => Some(name),
            _ => self.original_name(),
        }
    }

    pub(super) fn is_removed(&self) -> bool {
        matches!(
            self.target,
            Target::Removed | Target::MovedAway | Target::Emptied
        )
    }

    pub(super) fn slots(&self) -> &[Slot<'y>] {
        match &self.target {
            Target::Changed(slots)
            | Target::New(NewNode::Mapping(slots) | NewNode::Sequence(slots)) => slots,
            _ => &[],
        }
    }

    /// Marks collections that lost all slots as removed.
    pub(super) fn prune(&mut self) {
        let Target::Changed(slots) = &mut self.target else {
            return;
        };
        slots.iter_mut().for_each(Slot::prune);
        if !slots.is_empty() && slots.iter().all(Slot::is_removed) {
            let removed = slots
                .iter()
                .all(|slot| matches!(slot.target, Target::Removed));
            self.target = if removed {
                Target::Removed
            } else {
                Target::Emptied
            };
        }
    }

    /// Rejects duplicate keys, which renaming and moving can cause.
    pub(super) fn check_names(&self) -> Result<(), EditError> {
        let mut names = HashSet::new();
        for slot in self.slots().iter().filter(|slot| !slot.is_removed()) {
            if let Some(name) = slot.name().filter(|name| !names.insert(*name)) {
                return Err(EditError::KeyWouldRepeat {
                    key: name.to_owned(),
                });
            }
            slot.check_names()?;
        }
        Ok(())
    }

    /// Rejects changes that alter what another change sets.
    pub(super) fn check_sets(&self, changes: &[Change]) -> Result<(), EditError> {
        for change in changes {
            if let Change::Set { path, value } = change
                && self.at(path).is_some_and(|slot| !slot.matches_value(value))
            {
                return Err(contradiction(path));
            }
        }
        Ok(())
    }

    /// Returns the slot at a path; `None` if no change reached it.
    fn at(&self, path: &Path) -> Option<&Slot<'y>> {
        path.steps().try_fold(self, |slot, step| match step {
            Step::Key(key) => slot
                .slots()
                .iter()
                .find(|slot| slot.original_name() == Some(key)),
            Step::Index(index) => slot.slots().get(index),
        })
    }

    /// Whether the slot will have a value.
    pub(super) fn matches_value(&self, value: &Value) -> bool {
        match (&self.target, value) {
            (Target::Kept, _) => self.old.is_some_and(|old| value_eq(old, value)),
            (Target::New(NewNode::Scalar(scalar)), _) => scalar == value,
            (Target::New(NewNode::Mapping(slots)), Value::Mapping(entries)) => {
                slots.len() == entries.len()
                    && entries.iter().all(|(key, value)| {
                        slots
                            .iter()
                            .any(|slot| slot.name() == Some(key) && slot.matches_value(value))
                    })
            }
            (Target::New(NewNode::Sequence(slots)), Value::Sequence(items)) => {
                slots.len() == items.len()
                    && slots
                        .iter()
                        .zip(items)
                        .all(|(slot, item)| slot.matches_value(item))
            }
            _ => false,
        }
    }
}

impl<'y> NewNode<'y> {
    pub(super) fn of(value: &Value) -> NewNode<'y> {
        match value {
            Value::Mapping(entries) => NewNode::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| Slot::new(Key::New(key.as_str().into()), value))
                    .collect(),
            ),
            Value::Sequence(items) => NewNode::Sequence(
                items
                    .iter()
                    .map(|item| Slot::new(Key::None, item))
                    .collect(),
            ),
            scalar => NewNode::Scalar(scalar.clone()),
        }
    }
}

/// Whether a node has a value, however it is written.
pub(super) fn value_eq(node: Node<'_>, value: &Value) -> bool {
    let Some(node) = node.resolve() else {
        return false;
    };
    match value {
        Value::Bool(wanted) => node.resolved() == Some(Resolved::Bool(*wanted)),
        Value::Integer(wanted) => node.resolved() == Some(Resolved::Int(*wanted)),
        Value::Text(wanted) => node.resolved() == Some(Resolved::Str(wanted)),
        Value::Sequence(wanted) => {
            node.kind() == NodeKind::Sequence
                && node.items().len() == wanted.len()
                && node
                    .items()
                    .zip(wanted)
                    .all(|(item, wanted)| value_eq(item, wanted))
        }
        Value::Mapping(wanted) => {
            node.kind() == NodeKind::Mapping
                && node.entries().len() == wanted.len()
                && wanted.iter().all(|(key, wanted)| {
                    node.get_own(key)
                        .is_some_and(|value| value_eq(value, wanted))
                })
        }
    }
}

pub(super) fn contradiction(path: &Path) -> EditError {
    EditError::Conflict {
        path: path_or_document(path),
    }
}

pub(super) fn path_or_document(path: &Path) -> String {
    if path.is_root() {
        "the document".into()
    } else {
        path.to_string()
    }
}
