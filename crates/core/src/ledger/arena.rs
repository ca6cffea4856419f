//! A list that grows by chunks, so that growing copies nothing and wastes at most one chunk: a
//! `Vec` that doubles would keep up to half of a large ledger's memory empty.

use alloc::vec::Vec;

/// Values in one chunk.
const CHUNK_COUNT: usize = 512;

/// Values numbered from 0; none is ever removed.
#[derive(Clone, Debug)]
pub(super) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    count: usize,
}

impl<T> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), count: 0 }
    }

    /// Adds a value; returns its number.
    pub(super) fn push(&mut self, value: T) -> u32 {
        let index = self.len();
        if self.count.is_multiple_of(CHUNK_COUNT) {
            self.chunks.push(Vec::with_capacity(CHUNK_COUNT));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(value);
            self.count += 1;
        }
        index
    }

    pub(super) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        self.chunks.get(index / CHUNK_COUNT)?.get(index % CHUNK_COUNT)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK_COUNT)?.get_mut(index % CHUNK_COUNT)
    }

    /// How many values there are. Limits elsewhere keep it below 2^32 - 1.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// Bytes set aside for values.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * (CHUNK_COUNT * size_of::<T>() + size_of::<Vec<T>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_numbers() {
        let mut arena = Arena::new();
        for value in 0_u32..2_000 {
            assert_eq!(arena.push(value * 3), value);
        }
        assert!((0..2_000).all(|index| arena.get(index) == Some(&(index * 3))));
        assert_eq!((arena.get(2_000), arena.len()), (None, 2_000));
        *arena.get_mut(600).expect("there") = 7;
        assert_eq!(arena.get(600), Some(&7));
    }
}
