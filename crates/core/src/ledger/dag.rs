//! The blocks a peer holds, and the one way in.
//!
//! Blocks lie in an arena and name one another by number: an id is stored once, with its block. A
//! header is not kept as bytes: its encoding is the only one, so it is written again when it is
//! served. Validity is a matter of look-ups: everything a block names must be held, its numbers must
//! agree with what it names, and its author's first block must carry a good credential. Nothing asks
//! who can reach whom.
//!
//! ```text
//!              ancestors held                    ancestor missing
//! VerifiedRun ----------------> held      VerifiedRun ------------> pending --(it comes)--> held
//!       |                                                              |
//!       +--> refused: which rule, who brought it                       +--> dropped at a limit
//! ```
//!
//! A forked author's blocks are good below the fork and void from there on. Void blocks, and those
//! of authors beyond a cap, are *outsiders*: kept only where a good block needs them. So peers that
//! met different branches agree on everything good: the digest names how far each author's good
//! chain goes, which with its head's id fixes all blocks below by hash.
//!
//! Source: docs/protocol.md R-322 to R-339.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::crypto::Signature;
use crate::id::{AuthorId, BlockId, BodyHash, MemberId, RoomId};
use crate::limits::{
    AUTHOR_BLOCK_COUNT_MAX, AUTHOR_COUNT_MAX, LEDGER_BODY_BYTES_MAX, PARENT_COUNT_MAX,
    PUBLIC_AUTHOR_BLOCK_COUNT_MAX, PUBLIC_AUTHOR_COUNT_MAX, PUBLIC_BODY_BYTES_MAX,
};
use crate::rng::Seed;
use crate::table::Table;
use crate::time::WallTime;

use super::arena::Arena;
use super::block::{Flags, VerifiedBlock, VerifiedRun};
use super::fault::LedgerFault;
use super::fork::ForkProof;
use super::genesis::{Genesis, RoomKind};
use super::id_table::IdTable;
use super::member::Credential;
use pending::Pending;

mod admit;
mod draft;
mod forks;
mod pending;
mod serve;
#[cfg(test)]
mod tests;
mod view;

pub use pending::Missing;
pub use serve::FrontierEntry;
pub use view::{AuthorView, BlockView};

/// Who brought a block: a link, by a number the node gives it; 0 is ourselves and our storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source(pub u32);

impl Source {
    /// Ourselves and our storage.
    pub const OWN: Self = Self(0);
}

/// A held block, by its number in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockIndex(pub u32);

/// A block that breaks a rule, and who brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Who brought it; perhaps earlier, while it waited.
    pub source: Source,
    /// Which block.
    pub block: BlockId,
    /// Which rule.
    pub fault: LedgerFault,
}

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Offered {
    /// Blocks held now that were not before, those that had waited included: the last so many.
    pub held_count: u32,
    /// Blocks of the run that wait for an ancestor.
    pub pending_count: u32,
    /// Blocks of the run that were here already.
    pub known_count: u32,
    /// Blocks dropped at a limit, or as outsiders that nobody needs.
    pub dropped_count: u32,
    /// Blocks that break a rule.
    pub refused: Vec<Refused>,
    /// Authors of which a fork, or a lower one, is known now.
    pub forked: Vec<AuthorId>,
}

/// No number.
const NONE: u32 = u32::MAX;

/// A held block: 120 bytes natively, 112 in WebAssembly.
#[derive(Debug)]
struct Entry {
    id: BlockId,
    body_hash: BodyHash,
    wall: WallTime,
    body: Box<[u8]>,
    author: u32,
    seq: u32,
    height: u32,
    prev: u32,
    /// The first held block after this one in its chain.
    next: u32,
    /// Where its parents begin in the pool of parents.
    parents: u32,
    /// Its place in the pool of signatures.
    signature: u32,
    parent_count: u8,
    flags: Flags,
    /// How many good blocks name it; the greatest number also stands for more.
    citer_count: u16,
}

const _: () = assert!(size_of::<Entry>() <= 128);

#[derive(Debug)]
struct Author {
    key: AuthorId,
    /// Known with its first block.
    member: Option<MemberId>,
    /// Where its member stands among blocks of one height.
    place: [u8; 32],
    /// Its number among all authors, by (place, key).
    rank: u32,
    /// Its good blocks, by sequence number.
    chain: Vec<u32>,
    fork: Option<ForkProof>,
    /// Whether a held block is evidence of a fork of it.
    has_evidence: bool,
}

impl Author {
    fn is_void(&self, seq: u32) -> bool {
        self.fork.as_ref().is_some_and(|fork| fork.seq() <= seq)
    }
}

/// What a kind of room holds at most.
#[derive(Clone, Copy, Debug)]
struct Caps {
    author_count: usize,
    author_block_count: usize,
    body_bytes: usize,
}

impl Caps {
    const fn of(kind: RoomKind) -> Self {
        match kind {
            RoomKind::Public => Self {
                author_count: PUBLIC_AUTHOR_COUNT_MAX,
                author_block_count: PUBLIC_AUTHOR_BLOCK_COUNT_MAX,
                body_bytes: PUBLIC_BODY_BYTES_MAX,
            },
            RoomKind::Open | RoomKind::Owned => Self {
                author_count: AUTHOR_COUNT_MAX,
                author_block_count: AUTHOR_BLOCK_COUNT_MAX,
                body_bytes: LEDGER_BODY_BYTES_MAX,
            },
        }
    }
}

/// What a block names, by number.
struct Links {
    prev: u32,
    parents: [u32; PARENT_COUNT_MAX],
    parent_count: usize,
}

/// The blocks a peer holds of one room.
#[derive(Debug)]
pub struct Dag {
    genesis: Genesis,
    room: RoomId,
    caps: Caps,
    entries: Arena<Entry>,
    parents: Arena<u32>,
    signatures: Arena<Signature>,
    /// By the number of the first block that carries it.
    credentials: Table<u32, Box<Credential>>,
    ids: IdTable,
    authors: Vec<Author>,
    author_ids: IdTable,
    /// Authors by key.
    keys: Vec<u32>,
    /// Authors with blocks, by (place, key).
    ranks: Vec<u32>,
    pending: Pending,
    body_bytes: usize,
    /// Rises whenever blocks become void.
    void_epoch: u32,
    /// Authors of which nobody was told yet that they forked.
    forked: Vec<u32>,
    /// Who writes here.
    own: Vec<AuthorId>,
    /// Our own blocks from this number on, which nobody is told of yet.
    withheld: Option<u32>,
}

impl Dag {
    /// An empty ledger of this room. `seed` keys its tables.
    #[must_use]
    pub fn new(genesis: Genesis, seed: Seed) -> Self {
        Self {
            room: genesis.room(),
            caps: Caps::of(genesis.kind()),
            genesis,
            entries: Arena::new(),
            parents: Arena::new(),
            signatures: Arena::new(),
            credentials: Table::new(),
            ids: IdTable::new(seed, 0),
            authors: Vec::new(),
            author_ids: IdTable::new(seed, 1),
            keys: Vec::new(),
            ranks: Vec::new(),
            pending: Pending::new(seed),
            body_bytes: 0,
            void_epoch: 0,
            forked: Vec::new(),
            own: Vec::new(),
            withheld: None,
        }
    }

    /// What the room began with.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The room.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// Takes a run in. Whatever was held or pending already changes nothing.
    ///
    /// Cost: a few look-ups for each block, a signature check and one for each grant where a block
    /// begins a chain, and what a fork's proof costs where one comes to light.
    pub fn offer(&mut self, run: VerifiedRun, source: Source) -> Offered {
        let mut offered = Offered::default();
        self.find_fork(&run, &mut offered);
        let mut outsiders = Vec::new();
        for block in run.blocks {
            if self.knows(&block) {
                offered.known_count += 1;
                continue;
            }
            if let Some(credential) = &block.header.credential
                && let Err(fault) = credential.check(&self.genesis, &block.header.author)
            {
                offered.refused.push(Refused { source, block: block.id, fault });
                self.discard_waiting(block.id, &mut offered);
                return offered;
            }
            if self.is_outsider(&block.header) {
                outsiders.push(block);
            } else {
                self.admit(block, source, &mut offered);
            }
        }
        // From the end: a wanted block makes the ones below it wanted.
        for block in outsiders.into_iter().rev() {
            if self.is_wanted(&block.id) {
                self.admit(block, source, &mut offered);
            } else {
                offered.dropped_count += 1;
            }
        }
        offered
    }

    /// Forgets what a link brought that still waits for ancestors.
    pub fn forget(&mut self, source: Source) {
        self.pending.forget(source);
    }

    fn number_of(&self, id: &BlockId) -> Option<u32> {
        self.ids.find(id.as_bytes(), |at| self.entries.get(at).is_some_and(|it| it.id == *id))
    }

    fn author_number(&self, key: &AuthorId) -> Option<u32> {
        let is_it = |at: u32| self.authors.get(at as usize).is_some_and(|it| it.key == *key);
        self.author_ids.find(key.as_bytes(), is_it)
    }

    fn author_of(&self, key: &AuthorId) -> Option<&Author> {
        self.authors.get(self.author_number(key)? as usize)
    }

    /// Whether this block is held or pending. A signature that was missing is taken over.
    fn knows(&mut self, block: &VerifiedBlock) -> bool {
        let Some(at) = self.number_of(&block.id) else { return self.pending.knows(block) };
        if let Some(signature) = block.signature
            && let Some(entry) = self.entries.get_mut(at)
            && entry.signature == NONE
        {
            entry.signature = self.signatures.push(signature);
        }
        true
    }
}
