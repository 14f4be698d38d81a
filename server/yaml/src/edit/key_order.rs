//! Where a new key is added among the keys of its mapping.

use super::target_tree::{NewNode, Slot, Target};

/// Sequences of keys that people write in this order, if they are in the same mapping. A key is in at
/// most one sequence. Existing keys are never moved.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyOrder(pub &'static [&'static [&'static str]]);

impl KeyOrder {
    /// Puts the new entries of all mappings in their places. An entry is added below the nearest key
    /// before it in its sequence, else above the nearest key after it, else at the end. So the result
    /// does not depend on the order in which entries are added.
    pub(super) fn arrange(self, slot: &mut Slot<'_>) {
        let slots = match &mut slot.target {
            Target::Changed(slots)
            | Target::New(NewNode::Mapping(slots) | NewNode::Sequence(slots)) => slots,
            _ => return,
        };
        let mut arranged: Vec<Slot<'_>> = Vec::with_capacity(slots.len());
        for mut slot in slots.drain(..) {
            self.arrange(&mut slot);
            let place = match slot.name() {
                Some(name) if slot.old.is_none() => self.place(name, &arranged),
                _ => None,
            };
            arranged.insert(place.unwrap_or(arranged.len()), slot);
        }
        *slots = arranged;
    }

    /// Returns the index at which an entry is added; `None` is the end.
    fn place(self, name: &str, slots: &[Slot<'_>]) -> Option<usize> {
        let rank_in = |sequence: &[&str], name: &str| sequence.iter().position(|key| *key == name);
        let sequence = self.0.iter().find(|keys| keys.contains(&name))?;
        let own = rank_in(sequence, name)?;
        let known = slots.iter().enumerate().filter_map(|(index, slot)| {
            let name = slot.name().filter(|_| !slot.is_removed())?;
            Some((rank_in(sequence, name)?, index))
        });
        let before = known.clone().filter(|(rank, _)| *rank < own).max();
        let after = known.filter(|(rank, _)| *rank > own).min();
        before
            .map(|(_, index)| index + 1)
            .or(after.map(|(_, index)| index))
    }
}
