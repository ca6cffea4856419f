//! One that is delivered a history.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use meshlace_core::crypto::Digest;
use meshlace_core::id::{AuthorId, BlockId};
use meshlace_core::ledger::{BlockIndex, Dag, Order, Source, VerifiedRun};
use meshlace_core::rng::Rng;

use crate::history::History;
use crate::state::State;
use crate::{pick, seed};

/// A ledger, and its order as an application mirrors it change by change.
#[derive(Debug)]
pub struct Peer {
    dag: Dag,
    order: Order,
    mirror: Vec<BlockIndex>,
}

impl Peer {
    /// One that holds nothing yet.
    #[must_use]
    pub fn new(history: &History, number: u64) -> Self {
        let dag = Dag::new(history.genesis().clone(), seed(number));
        Self { dag, order: Order::new(), mirror: Vec::new() }
    }

    /// Everything once in an order of its own, some of it again, and then what is still missing until
    /// nothing more comes of it, as sync would do.
    pub fn take_all(&mut self, history: &History, rng: &mut Rng) {
        let mut deliveries: Vec<&VerifiedRun> = history.all_runs().collect();
        for _ in 0..deliveries.len() / 8 {
            deliveries.push(deliveries[pick(rng, deliveries.len())]);
        }
        for at in (1..deliveries.len()).rev() {
            deliveries.swap(at, pick(rng, at + 1));
        }
        for (number, run) in deliveries.iter().enumerate() {
            self.take(run, Source(u32::try_from(number % 5).expect("small")));
            if number % 61 == 0 {
                self.settle();
            }
        }
        let mut before = None;
        while before != Some((self.dag.held_count(), self.dag.missing(64))) {
            before = Some((self.dag.held_count(), self.dag.missing(64)));
            for (id, run) in history.single_runs() {
                if self.dag.index_of(&id).is_none() {
                    self.take(run, Source(1));
                }
            }
        }
        self.settle();
    }

    /// The good blocks in their order.
    #[must_use]
    pub fn ids(&self) -> Vec<BlockId> {
        self.mirror.iter().filter_map(|at| self.dag.block(*at)).map(|view| view.id).collect()
    }

    /// Who forked, and where.
    #[must_use]
    pub fn forks(&self) -> BTreeMap<AuthorId, u32> {
        self.dag.forks().map(|fork| (fork.author(), fork.seq())).collect()
    }

    /// The ledger's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.dag.digest()
    }

    /// How many blocks wait for others.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.dag.pending_count()
    }

    /// The hash of what the order folds to.
    #[must_use]
    pub fn state_hash(&self) -> Digest {
        let mut state = State::default();
        for view in self.mirror.iter().filter_map(|at| self.dag.block(*at)) {
            state.fold(view.id, view.author);
        }
        state.hash()
    }

    fn take(&mut self, run: &VerifiedRun, source: Source) {
        let offered = self.dag.offer(run.clone(), source);
        assert!(offered.refused.is_empty(), "{:?}", offered.refused);
    }

    fn settle(&mut self) {
        if let Some(changed) = self.order.settle(&self.dag) {
            self.mirror.truncate(changed);
            self.mirror.extend(self.order.from(changed));
        }
    }
}
