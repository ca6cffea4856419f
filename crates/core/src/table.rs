//! An ordered map: a sorted `Vec`.
//!
//! Each type that `BTreeMap` is used with adds some 7 KB to the WebAssembly, and each `VecDeque`
//! 2 KB. A node keeps a dozen maps of at most some hundred entries, and three that may hold thousands
//! but whose keys are counted upwards and removed from the front. So a removed entry leaves its place
//! behind, and all such places go at once when they are the half: any order of removal then costs a
//! binary search and, spread over the removals, two moves. Iteration is in the order of the keys, as
//! determinism asks.

use alloc::vec::Vec;

/// A map whose entries lie sorted by key. Insertion moves what lies behind.
#[derive(Clone, Debug)]
pub struct Table<K, V> {
    entries: Vec<(K, Option<V>)>,
    /// Entries without a value.
    gone: usize,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), gone: 0 }
    }
}

impl<K: Ord, V> Table<K, V> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new(), gone: 0 }
    }

    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: core::borrow::Borrow<Q>,
    {
        self.entries.binary_search_by(|(known, _)| known.borrow().cmp(key))
    }

    /// The value under `key`.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: core::borrow::Borrow<Q>,
    {
        self.entries.get(self.find(key).ok()?)?.1.as_ref()
    }

    /// The value under `key`, to be changed.
    #[must_use]
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: core::borrow::Borrow<Q>,
    {
        let index = self.find(key).ok()?;
        self.entries.get_mut(index)?.1.as_mut()
    }

    /// Whether there is a value under `key`.
    #[must_use]
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: core::borrow::Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// Puts a value under `key`; returns the one it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.place(key);
        let old = self.entries.get_mut(index)?.1.replace(value);
        self.gone -= usize::from(old.is_none());
        old
    }

    /// Where `key` lies; made, and counted as gone, if it lies nowhere.
    fn place(&mut self, key: K) -> usize {
        self.find(&key).unwrap_or_else(|index| {
            self.entries.insert(index, (key, None));
            self.gone += 1;
            index
        })
    }

    /// Takes the value under `key` out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: core::borrow::Borrow<Q>,
    {
        let index = self.find(key).ok()?;
        let value = self.entries.get_mut(index)?.1.take()?;
        self.gone += 1;
        if self.gone * 2 > self.entries.len() {
            self.retain(|_, _| true);
        }
        Some(value)
    }

    /// The value under `key`, made by default if there is none.
    pub fn or_default(&mut self, key: K) -> Option<&mut V>
    where
        V: Default,
    {
        let index = self.place(key);
        let place = &mut self.entries.get_mut(index)?.1;
        self.gone -= usize::from(place.is_none());
        Some(place.get_or_insert_default())
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.entries
            .retain_mut(|(key, place)| place.as_mut().is_some_and(|value| keep(key, value)));
        self.gone = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.gone = 0;
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() - self.gone
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> + Clone {
        self.entries.iter().filter_map(|(key, place)| place.as_ref().map(|value| (key, value)))
    }

    /// The entries, in the order of their keys, the values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries
            .iter_mut()
            .filter_map(|(key, place)| place.as_mut().map(|value| (&*key, value)))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().filter_map(|(_, place)| place.as_ref())
    }

    /// The values, in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().filter_map(|(_, place)| place.as_mut())
    }

    /// Takes the entries out, in the order of their keys.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.entries.into_iter().filter_map(|(key, place)| place.map(|value| (key, value)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any sequence of operations leaves what a `BTreeMap` holds, in the same order.
        #[test]
        fn behaves_like_a_btree_map(
            steps in proptest::collection::vec((any::<bool>(), 0_u8..12, any::<u16>()), 0..200),
        ) {
            let (mut table, mut model) = (Table::new(), BTreeMap::new());
            for (inserts, key, value) in steps {
                if inserts {
                    prop_assert_eq!(table.insert(key, value), model.insert(key, value));
                } else {
                    prop_assert_eq!(table.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(table.get(&key), model.get(&key));
                prop_assert_eq!(table.contains_key(&key), model.contains_key(&key));
                prop_assert_eq!(table.len(), model.len());
                prop_assert!(table.iter().eq(model.iter()));
            }
            let keep = |key: &u8, _: &mut u16| *key < 6;
            table.retain(keep);
            model.retain(keep);
            prop_assert!(table.into_entries().eq(model));
        }
    }

    #[test]
    fn default_value_is_made_once() {
        let mut table: Table<u8, Vec<u8>> = Table::new();
        table.or_default(1).expect("made").push(7);
        table.or_default(1).expect("there").push(8);
        assert_eq!(table.get(&1), Some(&alloc::vec![7, 8]));
    }
}
