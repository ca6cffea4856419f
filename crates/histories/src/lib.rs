//! The ledger against a model of it: a plain list of blocks, and a sort.
//!
//! Random histories, with and without forkers, are delivered in random orders, with duplicates and in
//! runs of random lengths, each to a ledger of its own ([`Peer`]). All must end with the order that the
//! model finds by looking at everything at once, and fold it to the same state.
//!
//! A crate of its own, and without the standard library, so that the very same code runs natively
//! (`tests/histories.rs`) and in WebAssembly (`in_wasm.mjs`). Both compare what they come to with
//! `vectors/v1/histories.json`. Nothing of it ships.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so"
)]

extern crate alloc;

mod history;
#[cfg(target_arch = "wasm32")]
pub mod module;
mod peer;
#[cfg(target_arch = "wasm32")]
#[path = "../../wasm/src/runtime.rs"]
mod runtime;
mod state;

use alloc::vec::Vec;
use core::ops::Range;

use meshlace_core::crypto::{Context, Digest, derive};
use meshlace_core::rng::{Rng, Seed};

pub use history::History;
pub use peer::Peer;

/// What a history is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many blocks it has.
    pub block_count: usize,
    /// By how many authors.
    pub author_count: usize,
    /// How many of them write two histories.
    pub forker_count: usize,
    /// All its chance.
    pub seed: u64,
}

/// What all peers must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// A hash of the ids of all good blocks, in their order.
    pub order: Digest,
    /// The ledger's own digest.
    pub digest: Digest,
    /// The hash of the state to which the order folds.
    pub state: Digest,
}

/// Delivers the history of `plan` in each of these orders, and returns what every peer came to.
///
/// # Panics
/// If one came to something else than the model or the others.
#[must_use]
pub fn deliver(plan: &Plan, orders: Range<u64>) -> Verdict {
    let history = History::write(plan);
    let (expected, forks) = history.model();
    assert_eq!(forks.len(), plan.forker_count, "every forker forked");
    let mut verdict: Option<Verdict> = None;
    for number in orders {
        let mut peer = Peer::new(&history, number);
        peer.take_all(&history, &mut Rng::new(seed(plan.seed ^ (number << 32))));
        let ids = peer.ids();
        assert!(ids == expected, "order {number} of history {}", plan.seed);
        assert_eq!(forks, peer.forks(), "forks by order {number} of history {}", plan.seed);
        assert!(plan.forker_count > 0 || peer.pending_count() == 0, "nothing waits in the end");
        let parts: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
        let order = derive(Context::RNG, &parts);
        let found = Verdict { order, digest: peer.digest(), state: peer.state_hash() };
        assert_eq!(*verdict.get_or_insert(found), found, "order {number}");
    }
    verdict.expect("at least one order")
}

fn pick(rng: &mut Rng, count: usize) -> usize {
    usize::try_from(rng.below(count as u64)).expect("small")
}

fn seed(number: u64) -> Seed {
    Seed(*derive(Context::RNG, &[&number.to_le_bytes()]).as_bytes())
}
