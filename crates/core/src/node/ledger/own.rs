//! Who writes here: the member's key, the key of its slot, and whether that key may go on.
//!
//! An author that loses the end of its chain and writes on has forked itself. So a key goes on only if
//! nothing can be missing: the page before ended after everything was stored, or a peer's frontier
//! names the very block that is the last one here. Otherwise the next block begins a chain of its own
//! under a fresh key, which costs one of the member's 64 authors and nothing else. A key that is known to
//! have forked all the same, as that of a copied profile, never goes on.
//!
//! ```text
//! Free <--frontier names our head-- Unconfirmed --frontier goes beyond it--> Lost
//!   |                                   |  first block                        |
//!   +--blocks of ours came from others--|------------------------------------>+--next block--> fresh key
//!                                       +------------------------------------------------->
//! ```
//!
//! Source: docs/protocol.md R-378, R-393.

use crate::crypto::Signing;
use crate::id::{AuthorId, MemberId};
use crate::ledger::profile::member_key;
use crate::ledger::{Credential, Dag, Genesis, Heard};
use crate::limits::SLOT_COUNT_MAX;
use crate::rng::{Rng, Seed};

use super::super::notice::MeshError;
use super::storage::{Record, replacing, slot_key};
use super::too_many;

/// Whether the key at hand may write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Free,
    /// Its chain may have been longer.
    Unconfirmed,
    /// Its chain was longer.
    Lost,
}

/// The keys that write here.
#[derive(Debug)]
pub(super) struct Own {
    member: Signing,
    slot: u8,
    key: Option<Signing>,
    standing: Standing,
    /// How long we know our chain to be.
    count: u32,
}

impl Own {
    pub(super) fn new(
        profile: &Seed,
        genesis: &Genesis,
        slot: u8,
        key: Option<Seed>,
        is_clean: bool,
    ) -> Self {
        let member = member_key(profile, genesis);
        let key = key.map(|seed| Signing::from_seed(&seed.0));
        let standing = if is_clean { Standing::Free } else { Standing::Unconfirmed };
        Self { member, slot, key, standing, count: 0 }
    }

    pub(super) fn member(&self) -> MemberId {
        self.member.member()
    }

    pub(super) fn author(&self) -> Option<AuthorId> {
        self.key.as_ref().map(Signing::author)
    }

    /// The chain as it was restored.
    pub(super) fn begin(&mut self, dag: &Dag) {
        self.count = self.author().map_or(0, |author| dag.count_of(&author));
    }

    /// Our chain is longer than we left it: others had what was lost here.
    pub(super) fn watch(&mut self, dag: &Dag) {
        if self.author().is_some_and(|author| dag.count_of(&author) > self.count) {
            self.standing = Standing::Lost;
        }
    }

    /// A peer said how far it holds a chain of ours.
    pub(super) fn hear(&mut self, heard: &Heard, is_ours: bool) {
        if self.standing != Standing::Unconfirmed || self.author() != Some(heard.author) {
            return;
        }
        if heard.count == self.count && is_ours {
            self.standing = Standing::Free;
        } else if heard.count >= self.count {
            self.standing = Standing::Lost;
        }
    }

    /// The key for the next block, and what is to be stored if it is a fresh one.
    ///
    /// # Errors
    /// `TooMany` if the member has as many authors as it may.
    pub(super) fn key(
        &mut self,
        dag: &Dag,
        rng: &mut Rng,
    ) -> Result<(Signing, Option<Record>), MeshError> {
        if let Some(key) = &self.key
            && self.standing == Standing::Free
            && dag.fork_of(&key.author()).is_none()
        {
            return Ok((key.clone(), None));
        }
        let limit = usize::from(SLOT_COUNT_MAX);
        if dag.slot_count(&self.member()) >= limit {
            return Err(too_many("a member with fewer authors", limit));
        }
        let seed: [u8; 32] = rng.bytes();
        let key = Signing::from_seed(&seed);
        self.key = Some(key.clone());
        self.standing = Standing::Free;
        self.count = 0;
        Ok((key, Some(replacing(slot_key(self.slot), seed.to_vec()))))
    }

    /// What the first block of a chain carries.
    pub(super) fn credential(&self, dag: &Dag, author: &AuthorId) -> Option<Credential> {
        (dag.count_of(author) == 0).then(|| {
            let grants = alloc::vec::Vec::new();
            Credential::issue(&dag.room(), &self.member, author, self.slot, grants)
        })
    }

    /// A block was written.
    pub(super) fn wrote(&mut self) {
        self.count += 1;
    }
}
