//! The proof of an edit: it is made, the result is read, and what was read is what was wanted.
//!
//! Knows the wanted tree and how to read. Must not know how the edits came about. Promise: what passes differs from the
//! old document in what the changes name, and in nothing else that a reader of YAML or of its comments can tell.

use super::super::{Entry, Kind, Node, parse};
use super::layout::Layout;
use super::want::{Fresh, Key, Slot, Want, Wanted, says};
use super::{Edits, Refusal};
use std::ops::Range;

pub(super) fn prove(wanted: &Wanted<'_>, edits: &Edits) -> Result<(), Refusal> {
    let text = edits.apply(wanted.layout.text);
    let new = parse(&text);
    let clean = new.errors().is_empty() && new.repaired().is_empty();
    if !clean || !new.root().is_some_and(|root| stands(&wanted.root, root)) {
        return Err(unproved());
    }
    Comments::expected(wanted).check(wanted.layout, Layout::of(&new))
}

fn unproved() -> Refusal {
    Refusal::new("this edit could not be proved safe")
}

/// Whether a node is what a slot wants.
fn stands(slot: &Slot<'_>, new: Node<'_>) -> bool {
    match (&slot.want, slot.old) {
        (Want::Kept, Some(old)) => same(old, new),
        (Want::Kept, None) | (Want::Gone | Want::Away | Want::Emptied, _) => false,
        (Want::Changed(slots), Some(old)) => same_outside(old, new) && all_stand(slots, new),
        (Want::Changed(_), None) => false,
        (Want::Fresh(fresh), _) => new.tag().is_none() && new.anchor().is_none() && is_fresh(fresh, new),
    }
}

fn is_fresh(fresh: &Fresh<'_>, new: Node<'_>) -> bool {
    match fresh {
        Fresh::Scalar(value) => matches!(new.kind(), Kind::Scalar(_)) && says(new, value),
        Fresh::Mapping(slots) => new.kind() == Kind::Mapping && all_stand(slots, new),
        Fresh::Sequence(slots) => new.kind() == Kind::Sequence && all_stand(slots, new),
        Fresh::Moved(entry) => same(entry.value, new),
    }
}

fn all_stand(slots: &[Slot<'_>], new: Node<'_>) -> bool {
    let wanted = slots.iter().filter(|slot| !slot.is_gone());
    match new.kind() {
        Kind::Mapping => {
            wanted.clone().count() == new.entries().len()
                && wanted.zip(new.entries()).all(|(slot, entry)| key_stands(&slot.key, entry.key) && stands(slot, entry.value))
        }
        Kind::Sequence => {
            wanted.clone().count() == new.items().len()
                && wanted.zip(new.items()).all(|(slot, item)| matches!(slot.key, Key::None) && stands(slot, item))
        }
        _ => false,
    }
}

fn key_stands(key: &Key<'_>, new: Node<'_>) -> bool {
    match key {
        Key::None => false,
        Key::Old(old) => same(*old, new),
        Key::Renamed(old, name) => new.as_str() == Some(name) && old.anchor() == new.anchor() && old.tag() == new.tag(),
        Key::New(name) => new.as_str() == Some(name) && new.anchor().is_none() && new.tag().is_none(),
    }
}

/// Whether two nodes are the same for every reader, all below them included.
fn same(old: Node<'_>, new: Node<'_>) -> bool {
    if !same_outside(old, new) {
        return false;
    }
    match old.kind() {
        Kind::Empty => true,
        Kind::Scalar(_) => old.as_str() == new.as_str(),
        Kind::Alias => old.source() == new.source() && old.resolve().is_some() == new.resolve().is_some(),
        Kind::Sequence => old.items().len() == new.items().len() && old.items().zip(new.items()).all(|(old, new)| same(old, new)),
        Kind::Mapping => {
            let both = |(old, new): (Entry<'_>, Entry<'_>)| same(old.key, new.key) && same(old.value, new.value);
            old.entries().len() == new.entries().len() && old.entries().zip(new.entries()).all(both)
        }
    }
}

fn same_outside(old: Node<'_>, new: Node<'_>) -> bool {
    old.kind() == new.kind() && old.is_flow() == new.is_flow() && old.anchor() == new.anchor() && old.tag() == new.tag()
}

/// The comments that are to be there.
struct Comments {
    /// In the order of the text.
    staying: Vec<Range<usize>>,
    /// These may stand anywhere, since they move with what they belong to.
    moving: Vec<Range<usize>>,
}

impl Comments {
    fn expected(wanted: &Wanted<'_>) -> Comments {
        let layout = wanted.layout;
        let mut leaving = Vec::new();
        let mut moving = Vec::new();
        territories(layout, &wanted.root, &mut leaving, &mut moving);
        let inside = |comment: &Range<usize>, ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&comment.start));
        let mut comments = Comments { staying: Vec::new(), moving: Vec::new() };
        for comment in layout.comments() {
            if inside(&comment, &moving) {
                comments.moving.push(comment);
            } else if !inside(&comment, &leaving) {
                comments.staying.push(comment);
            }
        }
        comments
    }

    fn check(self, old: Layout<'_>, new: Layout<'_>) -> Result<(), Refusal> {
        let lost = |comment: Option<Range<usize>>| match comment {
            Some(comment) => Refusal::new(format!("the comment on line {} would be lost", old.line_number(comment.start))),
            None => unproved(),
        };
        let mut moving = self.moving;
        let mut staying = self.staying.into_iter().peekable();
        for comment in new.comments().map(|range| new.slice(range)) {
            if staying.next_if(|expected| old.slice(expected.clone()) == comment).is_some() {
                continue;
            }
            match moving.iter().position(|expected| old.slice(expected.clone()) == comment) {
                Some(place) => drop(moving.remove(place)),
                // A comment that is not expected here stands where one that is expected got lost, or was made up.
                None => return Err(lost(staying.next())),
            }
        }
        match staying.next().or(moving.pop()) {
            None => Ok(()),
            missing => Err(lost(missing)),
        }
    }
}

/// The ranges whose comments leave with what is removed, and those whose comments move.
fn territories<'y>(layout: Layout<'y>, slot: &Slot<'y>, leaving: &mut Vec<Range<usize>>, moving: &mut Vec<Range<usize>>) {
    let slots = match &slot.want {
        Want::Fresh(Fresh::Moved(entry)) => {
            moving.push(super::write::moved_range(layout, *entry));
            return;
        }
        Want::Fresh(Fresh::Mapping(slots) | Fresh::Sequence(slots)) => slots,
        Want::Changed(slots) => {
            if let Some(node) = slot.old {
                let gone = slots.iter().enumerate().filter(|(_, slot)| matches!(slot.want, Want::Gone));
                leaving.extend(gone.filter_map(|(index, _)| super::write::gone_range(layout, node, index)));
            }
            slots
        }
        _ => return,
    };
    for slot in slots {
        territories(layout, slot, leaving, moving);
    }
}
