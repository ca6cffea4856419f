//! Paths between machines.

use std::collections::{BTreeMap, BTreeSet};

/// One direction between two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// One way. Units: microseconds.
    pub latency_us: u64,
    /// Most that chance adds to it. Units: microseconds.
    pub jitter_us: u64,
    /// Packets lost out of a thousand.
    pub loss_permille: u64,
    /// Units: bytes per millisecond.
    pub bandwidth: u64,
}

impl Default for Path {
    fn default() -> Self {
        Self { latency_us: 10_000, jitter_us: 2_000, loss_permille: 0, bandwidth: 10_000 }
    }
}

/// The machine on which the server runs.
pub const SERVER: usize = usize::MAX;

/// All paths.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// What holds where nothing else is said.
    pub usual: Path,
    special: BTreeMap<(usize, usize), Path>,
    cuts: BTreeSet<(usize, usize)>,
    addresses: BTreeMap<usize, u32>,
}

impl Network {
    /// The path from one machine to another.
    #[must_use]
    pub fn path(&self, from: usize, to: usize) -> Path {
        self.special.get(&(from, to)).copied().unwrap_or(self.usual)
    }

    /// Sets both directions between two machines.
    pub fn set(&mut self, one: usize, other: usize, path: Path) {
        self.special.insert((one, other), path);
        self.special.insert((other, one), path);
    }

    /// Lets nothing pass between two machines.
    pub fn cut(&mut self, one: usize, other: usize) {
        self.cuts.insert((one, other));
        self.cuts.insert((other, one));
    }

    /// Lets nothing pass in one direction.
    pub fn cut_one_way(&mut self, from: usize, to: usize) {
        self.cuts.insert((from, to));
    }

    /// Undoes a cut.
    pub fn mend(&mut self, one: usize, other: usize) {
        self.cuts.remove(&(one, other));
        self.cuts.remove(&(other, one));
    }

    /// Undoes every cut and every special path.
    pub fn heal(&mut self) {
        self.cuts.clear();
        self.special.clear();
    }

    /// Whether packets pass.
    #[must_use]
    pub fn carries(&self, from: usize, to: usize) -> bool {
        !self.cuts.contains(&(from, to))
    }

    /// Whether packets pass both ways.
    #[must_use]
    pub fn carries_both(&self, one: usize, other: usize) -> bool {
        self.carries(one, other) && self.carries(other, one)
    }

    /// A machine's present address.
    #[must_use]
    pub fn address(&self, machine: usize) -> u32 {
        self.addresses.get(&machine).copied().unwrap_or(1)
    }

    /// Gives a machine another address: what was agreed on the old one is void.
    pub fn readdress(&mut self, machine: usize) {
        let next = self.address(machine) + 1;
        self.addresses.insert(machine, next);
    }
}
