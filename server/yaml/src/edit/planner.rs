//! Applies changes to a target tree, one after the other. Rejects changes of what cannot be edited
//! with certainty: aliases, shared anchors, merged entries, duplicate keys.

use super::super::{Entry, Node, NodeId, NodeKind, Path, Step, Yaml};
use super::change::{Change, Value};
use super::comment::comment_edits;
use super::error::EditError;
use super::layout::{Layout, start};
use super::target_tree::{
    Key, NewNode, Slot, Target, TargetTree, contradiction, path_or_document, value_eq,
};
use std::collections::{HashMap, HashSet};

/// Returns the tree that the changes ask for.
pub(super) fn target_tree<'y>(
    yaml: &'y Yaml,
    changes: &[Change],
) -> Result<TargetTree<'y>, EditError> {
    let layout = Layout::of(yaml);
    let Some(root) = yaml.root() else {
        return Err(EditError::EmptyDocument);
    };
    let mut root = Slot {
        key: Key::None,
        old: Some(root),
        target: Target::Kept,
    };
    let changer = Planner {
        layout,
        shared: aliased_nodes(yaml),
    };
    check_contradictions(changes)?;
    let mut known = HashSet::new();
    for change in changes {
        if known.insert(change) && !is_already_set(yaml, changes, change) {
            changer.apply(&mut root, change)?;
        }
    }
    root.prune();
    if root.is_removed() {
        return Err(EditError::NothingLeft);
    }
    root.check_names()?;
    root.check_sets(changes)?;
    Ok(TargetTree {
        layout,
        root,
        comment_edits: comment_edits(layout, changes)?,
    })
}

/// Returns the nodes that have an alias.
fn aliased_nodes(yaml: &Yaml) -> HashSet<NodeId> {
    if !yaml.text().contains('*') {
        return HashSet::new();
    }
    let aliases = yaml.nodes().filter(|node| node.kind() == NodeKind::Alias);
    aliases
        .filter_map(|alias| alias.resolve())
        .map(Node::id)
        .collect()
}

/// Rejects two values for one path, even if one of them is already there.
fn check_contradictions(changes: &[Change]) -> Result<(), EditError> {
    let mut values = HashMap::new();
    for change in changes {
        if let Change::Set { path, value } = change {
            let earlier = values.insert(path, value);
            if earlier.is_some_and(|earlier| earlier != value) {
                return Err(EditError::DifferentValues {
                    path: path.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Whether a value is already there, directly or through an alias or `<<`, and no other change
/// overlaps.
fn is_already_set(yaml: &Yaml, changes: &[Change], change: &Change) -> bool {
    let Change::Set { path, value } = change else {
        return false;
    };
    let there = path.steps().try_fold(yaml.root(), |node, step| {
        let node = node?.resolve()?;
        Some(match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items().nth(index),
        })
    });
    there.flatten().is_some_and(|node| value_eq(node, value))
        && changes
            .iter()
            .filter(|other| *other != change)
            .all(|other| other.paths().all(|other| !overlap(path, other)))
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// A prefix of a path. It is only built for error messages.
#[derive(Clone, Copy)]
struct PathPrefix<'p> {
    path: &'p Path,
    /// The number of steps in the prefix.
    depth: usize,
}

impl PathPrefix<'_> {
    fn path(self) -> Path {
        self.path.steps().take(self.depth).collect()
    }
}

/// Applies changes to a target tree.
struct Planner<'y> {
    layout: Layout<'y>,
    shared: HashSet<NodeId>,
}

impl<'y> Planner<'y> {
    fn apply(&self, root: &mut Slot<'y>, change: &Change) -> Result<(), EditError> {
        match change {
            Change::Set { path, value } => self.set(self.descend(root, path)?, path, value),
            Change::Append { path, value } => self.append(self.descend(root, path)?, path, value),
            Change::Remove { path } => match self.existing(root, path)? {
                Some(slot) => self.remove(slot, path),
                None => Ok(()),
            },
            Change::Rename { path, key } => match self.existing(root, path)? {
                Some(slot) => self.rename(slot, path, key),
                None => Err(EditError::NotFound {
                    path: path.to_string(),
                }),
            },
            Change::Move { from, to } => self.move_entry(root, from, to),
            // Comments are not part of the tree.
            Change::Comment { .. } | Change::NewComment { .. } => Ok(()),
        }
    }

    fn set(&self, slot: &mut Slot<'y>, path: &Path, value: &Value) -> Result<(), EditError> {
        if slot.matches_value(value) {
            return Ok(());
        }
        match (&slot.target, slot.old) {
            (Target::Kept, _) if path.is_root() => Err(EditError::WholeDocument("replaced")),
            (Target::Kept, Some(old)) => {
                self.check_alias(old)?;
                self.check_unshared(old)?;
                slot.target = Target::New(NewNode::of(value));
                Ok(())
            }
            (Target::Kept, None) => {
                slot.target = Target::New(NewNode::of(value));
                Ok(())
            }
            _ => Err(contradiction(path)),
        }
    }

    fn append(&self, slot: &mut Slot<'y>, path: &Path, value: &Value) -> Result<(), EditError> {
        if matches!(slot.target, Target::Kept) {
            slot.target = match slot.old {
                None => Target::New(NewNode::Sequence(Vec::new())),
                // `[]` is written for scalars. Mappings look better on lines of their own.
                Some(old)
                    if old.kind() == NodeKind::Sequence
                        && old.items().len() == 0
                        && matches!(value, Value::Mapping(_)) =>
                {
                    self.check_no_properties(old)?;
                    Target::New(NewNode::Sequence(Vec::new()))
                }
                Some(old) if old.kind() == NodeKind::Sequence => Target::Changed(self.open(old)?),
                Some(old) if is_nothing(old) => {
                    self.check_alias(old)?;
                    self.check_no_properties(old)?;
                    Target::New(NewNode::Sequence(Vec::new()))
                }
                Some(old) => {
                    self.check_alias(old)?;
                    let line = self.layout.line_of(old);
                    return Err(EditError::WrongKind {
                        path: path.to_string(),
                        found: noun(old),
                        expected: "a list",
                        line,
                    });
                }
            };
        }
        match (&mut slot.target, slot.old.map(Node::kind)) {
            (Target::Changed(slots), Some(NodeKind::Sequence))
            | (Target::New(NewNode::Sequence(slots)), _) => {
                slots.push(Slot::new(Key::None, value));
                Ok(())
            }
            _ => Err(contradiction(path)),
        }
    }

    fn remove(&self, slot: &mut Slot<'y>, path: &Path) -> Result<(), EditError> {
        match (&slot.target, slot.old) {
            (Target::Removed, _) => Ok(()),
            (Target::Kept, Some(old)) => {
                self.check_unshared(old)?;
                slot.target = Target::Removed;
                Ok(())
            }
            _ => Err(contradiction(path)),
        }
    }

    fn rename(&self, slot: &mut Slot<'y>, path: &Path, name: &str) -> Result<(), EditError> {
        match slot.key {
            Key::Old(key) if !slot.is_removed() => {
                self.check_unshared(key)?;
                if key.as_str() != Some(name) {
                    slot.key = Key::Renamed(key, name.into());
                }
                Ok(())
            }
            Key::None => Err(EditError::NoKey {
                path: path.to_string(),
            }),
            _ => Err(contradiction(path)),
        }
    }

    fn move_entry(&self, root: &mut Slot<'y>, from: &Path, to: &Path) -> Result<(), EditError> {
        if to.starts_with(from) {
            return Err(EditError::IntoItself {
                path: from.to_string(),
            });
        }
        let Some(slot) = self.existing(root, from)? else {
            return Err(EditError::NotFound {
                path: from.to_string(),
            });
        };
        let (Key::Old(key), Some(value), Target::Kept) = (&slot.key, slot.old, &slot.target) else {
            return Err(contradiction(from));
        };
        let entry = Entry { key: *key, value };
        self.check_portable(entry)?;
        slot.target = Target::MovedAway;
        let target = self.descend(root, to)?;
        match (&target.target, &target.key, target.old) {
            (Target::Kept, Key::New(_), None) => {
                target.target = Target::New(NewNode::Moved(entry));
                Ok(())
            }
            (_, _, Some(there)) => Err(EditError::AlreadyExists {
                path: to.to_string(),
                line: self.layout.line_of(there),
            }),
            _ => Err(contradiction(to)),
        }
    }

    /// Returns the slot at a path. Creates missing mappings, and the slot itself if the last step
    /// is a key.
    fn descend<'s>(
        &self,
        root: &'s mut Slot<'y>,
        path: &Path,
    ) -> Result<&'s mut Slot<'y>, EditError> {
        let mut slot = root;
        for (depth, step) in path.steps().enumerate() {
            let prefix = PathPrefix { path, depth };
            self.enter(slot, step, prefix)?;
            slot = self.step(slot, step, prefix)?;
        }
        Ok(slot)
    }

    /// Returns the slot at a path, if the document has a value there.
    fn existing<'s>(
        &self,
        root: &'s mut Slot<'y>,
        path: &Path,
    ) -> Result<Option<&'s mut Slot<'y>>, EditError> {
        if path.is_root() {
            return Err(EditError::WholeDocument("changed"));
        }
        let mut node = self.layout.yaml.root();
        for step in path.steps() {
            let Some(prefix) = node else { break };
            self.check_alias(prefix)?;
            self.check_not_merged(prefix, step)?;
            node = child(prefix, step);
        }
        if node.is_none() {
            Ok(None)
        } else {
            self.descend(root, path).map(Some)
        }
    }

    /// Prepares a slot for a step into it.
    fn enter(
        &self,
        slot: &mut Slot<'y>,
        step: Step<'_>,
        prefix: PathPrefix<'_>,
    ) -> Result<(), EditError> {
        if let Some(old) = slot.old {
            self.check_not_merged(old, step)?;
        }
        if !matches!(slot.target, Target::Kept) {
            return Ok(());
        }
        let is_key = matches!(step, Step::Key(_));
        slot.target = match slot.old {
            None if is_key => Target::New(NewNode::Mapping(Vec::new())),
            None => {
                return Err(EditError::NoList {
                    path: path_or_document(&prefix.path()),
                });
            }
            Some(old) => {
                self.check_alias(old)?;
                match old.kind() {
                    NodeKind::Mapping if is_key && old.entries().len() == 0 && prefix.depth > 0 => {
                        self.check_no_properties(old)?;
                        Target::New(NewNode::Mapping(Vec::new()))
                    }
                    NodeKind::Mapping if is_key => Target::Changed(self.open(old)?),
                    NodeKind::Sequence if !is_key => Target::Changed(self.open(old)?),
                    _ if is_key && is_nothing(old) && prefix.depth > 0 => {
                        self.check_no_properties(old)?;
                        Target::New(NewNode::Mapping(Vec::new()))
                    }
                    _ => return Err(self.mismatch(old, step, prefix)),
                }
            }
        };
        Ok(())
    }

    /// Takes a step into a prepared slot. Creates the slot of a missing key.
    fn step<'s>(
        &self,
        slot: &'s mut Slot<'y>,
        step: Step<'_>,
        prefix: PathPrefix<'_>,
    ) -> Result<&'s mut Slot<'y>, EditError> {
        let is_sequence = slot.old.is_some_and(|old| old.kind() == NodeKind::Sequence);
        if let (Target::Changed(_), Some(old)) = (&slot.target, slot.old)
            && is_sequence != matches!(step, Step::Index(_))
        {
            return Err(self.mismatch(old, step, prefix));
        }
        let missing = || EditError::NotFound {
            path: prefix.path().join([step]).to_string(),
        };
        let (Target::Changed(slots) | Target::New(NewNode::Mapping(slots))) = &mut slot.target
        else {
            return Err(contradiction(&prefix.path()));
        };
        let place = match step {
            Step::Index(index) if is_sequence => index,
            Step::Key(key) => slot_index(slots, key),
            Step::Index(_) => return Err(contradiction(&prefix.path())),
        };
        slots
            .get_mut(place)
            .filter(|slot| !is_sequence || slot.old.is_some())
            .ok_or_else(missing)
    }

    fn mismatch(&self, old: Node<'y>, step: Step<'_>, prefix: PathPrefix<'_>) -> EditError {
        let wanted = if matches!(step, Step::Key(_)) {
            "a mapping"
        } else {
            "a list"
        };
        let line = self.layout.line_of(old);
        EditError::WrongKind {
            path: path_or_document(&prefix.path()),
            found: noun(old),
            expected: wanted,
            line,
        }
    }

    /// Returns the slots of a collection, if it can be changed.
    fn open(&self, node: Node<'y>) -> Result<Vec<Slot<'y>>, EditError> {
        self.check_own_anchor(node)?;
        self.check_keys(node)?;
        self.check_place(node)?;
        let entries = node.entries().map(|entry| Slot {
            key: Key::Old(entry.key),
            old: Some(entry.value),
            target: Target::Kept,
        });
        let items = node.items().map(|item| Slot {
            key: Key::None,
            old: Some(item),
            target: Target::Kept,
        });
        Ok(entries.chain(items).collect())
    }

    fn check_alias(&self, node: Node<'y>) -> Result<(), EditError> {
        match node.kind() {
            NodeKind::Alias => Err(self.alias_error(node)),
            _ => Ok(()),
        }
    }

    fn alias_error(&self, alias: Node<'y>) -> EditError {
        let line = self.layout.line_of(alias);
        EditError::Alias {
            alias: alias.source().to_owned(),
            line,
        }
    }

    /// Rejects a key that `<<` adds: the value is written elsewhere, and a key prefix would only
    /// override it prefix.
    fn check_not_merged(&self, mapping: Node<'y>, step: Step<'_>) -> Result<(), EditError> {
        let Step::Key(key) = step else { return Ok(()) };
        if mapping.get_own(key).is_some() || mapping.entry(key).is_none() {
            return Ok(());
        }
        let merge = mapping
            .entries()
            .find(|entry| entry.is_merge())
            .map(|entry| entry.value);
        match merge {
            Some(alias) if alias.kind() == NodeKind::Alias => Err(self.alias_error(alias)),
            Some(other) => Err(EditError::Merged {
                key: key.to_owned(),
                line: self.layout.line_of(other),
            }),
            None => Ok(()),
        }
    }

    fn check_own_anchor(&self, node: Node<'y>) -> Result<(), EditError> {
        match node.anchor() {
            Some(anchor) if self.shared.contains(&node.id()) => {
                let what = match node.path() {
                    path if path.is_root() => "the document".to_string(),
                    path => path.to_string(),
                };
                let line = self.layout.line_of(node);
                Err(EditError::SharedAnchor {
                    path: what,
                    anchor: anchor.to_owned(),
                    line,
                })
            }
            _ => Ok(()),
        }
    }

    /// Rejects the removal of a subtree that contains a shared anchor.
    fn check_unshared(&self, node: Node<'y>) -> Result<(), EditError> {
        if self.shared.is_empty() {
            return Ok(());
        }
        self.check_own_anchor(node)?;
        node.children()
            .try_for_each(|child| self.check_unshared(child))
    }

    /// Rejects an anchor or a tag on an empty value: it would apply to the new value.
    fn check_no_properties(&self, node: Node<'y>) -> Result<(), EditError> {
        self.check_own_anchor(node)?;
        match node.properties_range() {
            None => Ok(()),
            Some(range) => {
                let line = self.layout.line_number(range.start().into());
                Err(EditError::PropertiesOfEmptyValue { line })
            }
        }
    }

    /// Rejects moving anchors and aliases: the meaning of an alias depends on the anchors before
    /// it.
    fn check_portable(&self, entry: Entry<'y>) -> Result<(), EditError> {
        let mut nodes = vec![entry.key, entry.value];
        while let Some(node) = nodes.pop() {
            if node.kind() == NodeKind::Alias || node.anchor().is_some() {
                let line = self.layout.line_of(node);
                return Err(EditError::MovesAnchor { line });
            }
            nodes.extend(node.children());
        }
        Ok(())
    }

    fn check_keys(&self, mapping: Node<'y>) -> Result<(), EditError> {
        let line = |key: Node<'_>| self.layout.line_of(key);
        let mut keys = HashMap::new();
        for Entry { key, .. } in mapping.entries() {
            let Some(name) = key
                .as_str()
                .filter(|_| matches!(key.kind(), NodeKind::Scalar(_)))
            else {
                return Err(EditError::ComplexKey { line: line(key) });
            };
            if let Some(first) = keys.insert(name, key) {
                return Err(EditError::DuplicateKey {
                    key: name.to_owned(),
                    first: line(first),
                    second: line(key),
                });
            }
            let before = self.layout.text.get(..start(key)).unwrap_or_default();
            if is_after_explicit_mark(before) {
                return Err(EditError::ExplicitKey { line: line(key) });
            }
        }
        Ok(())
    }

    /// Rejects a block collection with anything but spaces and dashes before it: it has no column
    /// to follow.
    fn check_place(&self, node: Node<'y>) -> Result<(), EditError> {
        if node.is_flow() {
            return Ok(());
        }
        if node.parent().is_some_and(Node::is_flow) {
            return Err(EditError::PairInFlowSequence {
                line: self.layout.line_of(node),
            });
        }
        let first = self.layout.slot_start(node, 0);
        match first.filter(|&at| {
            self.layout
                .before(at)
                .bytes()
                .all(|byte| matches!(byte, b' ' | b'-'))
        }) {
            Some(_) => Ok(()),
            None => Err(EditError::UnusualLayout {
                line: self.layout.line_of(node),
            }),
        }
    }
}

/// Returns the index of a key's slot. Creates an empty slot if there is none.
fn slot_index(slots: &mut Vec<Slot<'_>>, key: &str) -> usize {
    slots
        .iter()
        .position(|slot| slot.original_name() == Some(key))
        .unwrap_or_else(|| {
            slots.push(Slot {
                key: Key::New(key.into()),
                old: None,
                target: Target::Kept,
            });
            slots.len() - 1
        })
}

fn child<'y>(node: Node<'y>, step: Step<'_>) -> Option<Node<'y>> {
    match step {
        Step::Key(key) => node.get_own(key),
        Step::Index(index) => node.items().nth(index),
    }
}

/// Whether a node is empty or null.
fn is_nothing(node: Node<'_>) -> bool {
    node.kind() == NodeKind::Empty || (node.kind() != NodeKind::Alias && node.is_null())
}

fn noun(node: Node<'_>) -> &'static str {
    match node.kind() {
        NodeKind::Empty => "empty",
        NodeKind::Scalar(_) if node.is_null() => "null",
        NodeKind::Scalar(_) => "a single value",
        NodeKind::Alias => "an alias",
        NodeKind::Sequence => "a list",
        NodeKind::Mapping => "a mapping",
    }
}

/// Whether a text ends with the mark of an explicit key: a `?` at the start of an entry, and not at
/// the end of a comment. The key itself may be on the next line.
fn is_after_explicit_mark(before: &str) -> bool {
    let Some(rest) = before.trim_end().strip_suffix('?') else {
        return false;
    };
    let line = rest.rsplit(['\n', '\r']).next().unwrap_or_default();
    let begins = |line: &str| line.is_empty() || line.ends_with(['-', '?', ':', '{', '[', ',']);
    !line.contains('#') && begins(line.trim_end())
}
