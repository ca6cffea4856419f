//! The order of all good blocks, the same for all peers that hold the same.
//!
//! Sorted by (height, place of the member, author, seq, id). Height rises along every edge, so the
//! order is causal. The member's place is a hash of member and room, so that neither grinding a
//! payload nor making keys of one member moves a block forward.
//!
//! The order is a list of numbers in one piece. New blocks are sorted by themselves and merged in
//! from behind: what lies before the first of them is not touched, which is what a fold needs to
//! know in order to roll back no further.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;

use super::dag::{BlockIndex, Dag};
use super::sort::sort;

/// The blocks of a [`Dag`] in order, as far as [`Order::settle`] has seen it.
#[derive(Clone, Debug, Default)]
pub struct Order {
    sorted: Vec<u32>,
    /// Held blocks up to here have been looked at.
    seen: u32,
    void_epoch: u32,
}

impl Order {
    /// An order that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { sorted: Vec::new(), seen: 0, void_epoch: 0 }
    }

    /// Takes in what the ledger holds by now. Returns the lowest place that changed, `None` if none
    /// did: everything before it is as it was.
    ///
    /// Cost: sorting the new blocks and moving what lies behind the first of them; a look at every
    /// block where an author forked.
    pub fn settle(&mut self, dag: &Dag) -> Option<usize> {
        let removed = self.remove_void(dag);
        let mut fresh: Vec<u32> =
            (self.seen..dag.held_count()).filter(|at| dag.is_good(*at)).collect();
        self.seen = dag.held_count();
        sort(&mut fresh, &|a, b| dag.is_before(a, b));
        let inserted = self.merge(dag, &fresh);
        match (removed, inserted) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// How many blocks are in order.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The block at this place.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<BlockIndex> {
        self.sorted.get(place).copied().map(BlockIndex)
    }

    /// The blocks from this place on.
    pub fn from(&self, place: usize) -> impl Iterator<Item = BlockIndex> {
        self.sorted.get(place..).unwrap_or_default().iter().copied().map(BlockIndex)
    }

    /// Where a good block stands. Cost: a binary search.
    #[must_use]
    pub fn place_of(&self, dag: &Dag, block: BlockIndex) -> Option<usize> {
        let place = self.first_not_before(dag, block.0);
        (self.sorted.get(place) == Some(&block.0)).then_some(place)
    }

    fn remove_void(&mut self, dag: &Dag) -> Option<usize> {
        if self.void_epoch == dag.void_epoch() {
            return None;
        }
        self.void_epoch = dag.void_epoch();
        let first = self.sorted.iter().position(|at| !dag.is_good(*at))?;
        self.sorted.retain(|at| dag.is_good(*at));
        Some(first)
    }

    fn first_not_before(&self, dag: &Dag, block: u32) -> usize {
        self.sorted.partition_point(|at| dag.is_before(*at, block))
    }

    /// Merges sorted numbers in; returns the place of the first.
    fn merge(&mut self, dag: &Dag, fresh: &[u32]) -> Option<usize> {
        let first = *fresh.first()?;
        let from = match self.sorted.last() {
            Some(last) if dag.is_before(first, *last) => self.first_not_before(dag, first),
            _ => self.sorted.len(),
        };
        let mut old = self.sorted.len();
        let mut new = fresh.len();
        self.sorted.resize(old + new, 0);
        // From behind, until no new one is left: what remains lies where it belongs.
        while let Some(next) = new.checked_sub(1).and_then(|at| fresh.get(at)).copied() {
            let before = old.checked_sub(1).and_then(|at| self.sorted.get(at)).copied();
            let takes_old = before.filter(|at| dag.is_before(next, *at));
            let value = takes_old.unwrap_or(next);
            if let Some(place) = self.sorted.get_mut(old + new - 1) {
                *place = value;
            }
            if takes_old.is_some() {
                old -= 1;
            } else {
                new -= 1;
            }
        }
        Some(from)
    }
}
