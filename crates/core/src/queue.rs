//! First in, first out, from two stacks.
//!
//! What waits to be done is put on at one end and taken off at the other, mostly all at once.
//! `VecDeque` does that too, with 1 KB of WebAssembly more for each type it is used with.

use alloc::vec::Vec;

/// A queue. Each entry is moved once more than in a ring.
#[derive(Clone, Debug)]
pub struct Queue<T> {
    /// The newest entries, the newest last.
    newest: Vec<T>,
    /// The oldest entries, the oldest last.
    oldest: Vec<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Queue<T> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { newest: Vec::new(), oldest: Vec::new() }
    }

    /// Puts an entry at the end.
    pub fn push(&mut self, entry: T) {
        self.newest.push(entry);
    }

    /// Takes the oldest entry.
    pub fn pop(&mut self) -> Option<T> {
        if self.oldest.is_empty() {
            core::mem::swap(&mut self.oldest, &mut self.newest);
            self.oldest.reverse();
        }
        self.oldest.pop()
    }

    /// The oldest entry.
    #[must_use]
    pub fn first(&self) -> Option<&T> {
        self.oldest.last().or_else(|| self.newest.first())
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.newest.is_empty() && self.oldest.is_empty()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.newest.len() + self.oldest.len()
    }

    /// The entries, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.oldest.iter().rev().chain(&self.newest)
    }

    /// Takes the oldest entry for which `fits` says so.
    pub fn take(&mut self, fits: impl Fn(&T) -> bool) -> Option<T> {
        if let Some(index) = self.oldest.iter().rposition(&fits) {
            return Some(self.oldest.remove(index));
        }
        let index = self.newest.iter().position(fits)?;
        Some(self.newest.remove(index))
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.oldest.retain(&keep);
        self.newest.retain(&keep);
    }
}

impl<T> Extend<T> for Queue<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any sequence of operations leaves what a `VecDeque` holds, in the same order.
        #[test]
        fn behaves_like_a_vec_deque(steps in proptest::collection::vec(0_u8..6, 0..200)) {
            let (mut queue, mut model) = (Queue::new(), VecDeque::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    0 => {
                        queue.retain(|entry| entry % 3 != 0);
                        model.retain(|entry| entry % 3 != 0);
                    }
                    1 => prop_assert_eq!(queue.pop(), model.pop_front()),
                    2 => {
                        let index = model.iter().position(|entry| entry % 2 == 0);
                        let expected = index.and_then(|index| model.remove(index));
                        prop_assert_eq!(queue.take(|entry| entry % 2 == 0), expected);
                    }
                    _ => {
                        queue.push(number);
                        model.push_back(number);
                    }
                }
                prop_assert_eq!(queue.first(), model.front());
                prop_assert_eq!((queue.len(), queue.is_empty()), (model.len(), model.is_empty()));
                prop_assert!(queue.iter().eq(model.iter()));
            }
        }
    }
}
