//! A table from ids to numbers, with a keyed hash, never iterated.
//!
//! Ids are hashes, but whoever writes blocks can grind theirs to meet in one slot, so the slot
//! depends on a key that never leaves this program. Because of the key the order of slots means
//! nothing, and there is no way to ask for it. The table keeps 8 bytes for each slot and neither ids
//! nor values: the caller says whether the value found is the one it means.

use alloc::vec;
use alloc::vec::Vec;

use crate::crypto::{Context, derive};
use crate::rng::Seed;

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    value: u32,
}

/// No value; therefore never one.
const EMPTY: Slot = Slot { tag: 0, value: u32::MAX };
/// Slots of a table that holds its first value.
const SLOT_COUNT_MIN: usize = 16;

/// Open addressing with linear probing, at most three quarters full.
#[derive(Clone, Debug)]
pub(super) struct IdTable {
    key: [u64; 2],
    slots: Vec<Slot>,
    count: usize,
}

impl IdTable {
    /// An empty table whose slots follow from `seed`.
    pub(super) fn new(seed: Seed, purpose: u8) -> Self {
        let digest = derive(Context::TABLE, &[&seed.0, &[purpose]]);
        Self { key: words(digest.as_bytes()), slots: Vec::new(), count: 0 }
    }

    /// The value under `id` for which `is_it` says so.
    pub(super) fn find(&self, id: &[u8; 32], is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let tag = self.tag(id);
        let mut at = self.home(tag)?;
        loop {
            let slot = self.slots.get(at)?;
            if slot.value == EMPTY.value {
                return None;
            }
            if slot.tag == tag && is_it(slot.value) {
                return Some(slot.value);
            }
            at = self.after(at);
        }
    }

    /// Puts `value` under `id`; the caller knows that there is none.
    pub(super) fn insert(&mut self, id: &[u8; 32], value: u32) {
        if (self.count + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let tag = self.tag(id);
        self.place(Slot { tag, value });
        self.count += 1;
    }

    /// Takes `value` out from under `id`.
    pub(super) fn remove(&mut self, id: &[u8; 32], value: u32) {
        let Some(mut hole) = self.home(self.tag(id)) else { return };
        loop {
            match self.slots.get(hole) {
                Some(slot) if slot.value == value => break,
                Some(slot) if slot.value != EMPTY.value => hole = self.after(hole),
                _ => return,
            }
        }
        self.count -= 1;
        // What follows without a gap moves up, unless that would put it before its home.
        let mask = self.slots.len() - 1;
        let mut at = hole;
        loop {
            at = self.after(at);
            let Some(slot) = self.slots.get(at).copied().filter(|slot| slot.value != EMPTY.value)
            else {
                break;
            };
            let home = slot.tag as usize & mask;
            let distance = at.wrapping_sub(home) & mask;
            if distance >= (at.wrapping_sub(hole) & mask) {
                self.put(hole, slot);
                hole = at;
            }
        }
        self.put(hole, EMPTY);
    }

    /// How many values there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Bytes set aside.
    pub(super) fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>()
    }

    fn grow(&mut self) {
        let slot_count = (self.slots.len() * 2).max(SLOT_COUNT_MIN);
        let old = core::mem::replace(&mut self.slots, vec![EMPTY; slot_count]);
        for slot in old {
            if slot.value != EMPTY.value {
                self.place(slot);
            }
        }
    }

    fn place(&mut self, slot: Slot) {
        let Some(mut at) = self.home(slot.tag) else { return };
        while self.slots.get(at).is_some_and(|other| other.value != EMPTY.value) {
            at = self.after(at);
        }
        self.put(at, slot);
    }

    fn put(&mut self, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at) {
            *place = slot;
        }
    }

    fn home(&self, tag: u32) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        Some(tag as usize & mask)
    }

    fn after(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }

    /// Two secret words against two words of the id, multiplied and folded.
    fn tag(&self, id: &[u8; 32]) -> u32 {
        let [low, high] = self.key;
        let [first, second] = words(id);
        let product = u128::from(first ^ low) * u128::from(second ^ high);
        let folded = (product ^ (product >> 64)) & u128::from(u64::MAX);
        let folded = folded ^ (folded >> 32);
        u32::try_from(folded & u128::from(u32::MAX)).unwrap_or(0)
    }
}

/// The first two words. Copied byte by byte they were a sixth of what it took to take a history in.
fn words(bytes: &[u8; 32]) -> [u64; 2] {
    let Some((first, rest)) = bytes.split_first_chunk() else { return [0; 2] };
    let second = rest.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    [u64::from_le_bytes(*first), second]
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn id(number: u8) -> [u8; 32] {
        *derive(Context::TABLE, &[&[number]]).as_bytes()
    }

    proptest! {
        /// Any sequence of insertions and removals leaves what a `BTreeMap` holds.
        #[test]
        fn behaves_like_a_map(
            steps in proptest::collection::vec((any::<bool>(), any::<u8>()), 0..400),
        ) {
            let (mut table, mut model) = (IdTable::new(Seed([1; 32]), 0), BTreeMap::new());
            for (inserts, number) in steps {
                let value = u32::from(number) + 1_000;
                if !inserts {
                    table.remove(&id(number), value);
                    model.remove(&number);
                } else if model.insert(number, value).is_none() {
                    table.insert(&id(number), value);
                }
                prop_assert_eq!(table.len(), model.len());
            }
            for number in 0..=u8::MAX {
                let found = table.find(&id(number), |value| value == u32::from(number) + 1_000);
                prop_assert_eq!(found, model.get(&number).copied());
            }
        }
    }

    #[test]
    fn slots_follow_from_the_seed() {
        let (a, b) = (IdTable::new(Seed([1; 32]), 0), IdTable::new(Seed([2; 32]), 0));
        assert!((0..9).any(|number| a.tag(&id(number)) != b.tag(&id(number))));
    }
}
