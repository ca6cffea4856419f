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

use crate::crypto::{Context, Signature, derive};
use crate::id::{AuthorId, BlockId, BodyHash, MemberId, RoomId};
use crate::limits::{
    AUTHOR_BLOCK_COUNT_MAX, AUTHOR_COUNT_MAX, LEDGER_BODY_BYTES_MAX, PARENT_COUNT_MAX,
    PUBLIC_AUTHOR_BLOCK_COUNT_MAX, PUBLIC_AUTHOR_COUNT_MAX, PUBLIC_BODY_BYTES_MAX, SLOT_COUNT_MAX,
};
use crate::rng::Seed;
use crate::table::Table;
use crate::time::WallTime;

use super::arena::Arena;
use super::block::{Anchor, Flags, Header, VerifiedBlock, VerifiedRun};
use super::fault::LedgerFault;
use super::fork::ForkProof;
use super::genesis::{Genesis, RoomKind};
use super::id_table::IdTable;
use super::member::Credential;
use pending::Pending;

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
    /// Whether a good block names it.
    cited: bool,
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

    /// Whether a block is void, or over a cap, so that only what needs it brings it in.
    fn is_outsider(&self, header: &Header) -> bool {
        if let Some(author) = self.author_of(&header.author) {
            if author.is_void(header.seq) {
                return true;
            }
            if author.member.is_some() {
                return author.chain.len() >= self.caps.author_block_count;
            }
        }
        if self.ranks.len() >= self.caps.author_count {
            return true;
        }
        let Some(credential) = &header.credential else { return false };
        let same = |author: &&Author| author.member == Some(credential.member);
        self.authors.iter().filter(same).count() >= usize::from(SLOT_COUNT_MAX)
    }

    /// Whether a good pending block needs this one, directly or through outsiders.
    fn is_wanted(&self, id: &BlockId) -> bool {
        let mut waiting = self.pending.waiting(id);
        while let Some(block) = waiting.pop() {
            if !self.is_outsider(&block.header) {
                return true;
            }
            waiting.append(&mut self.pending.waiting(&block.id));
        }
        false
    }

    /// Holds a block if its ancestors are held, and then whatever waited for it.
    fn admit(&mut self, block: VerifiedBlock, source: Source, offered: &mut Offered) {
        let mut work = alloc::vec![(block, source)];
        let mut is_first = true;
        while let Some((block, source)) = work.pop() {
            let id = block.id;
            if let Some(missing) = self.first_missing(&block.header) {
                offered.pending_count += u32::from(is_first);
                offered.dropped_count += self.pending.add(block, source, missing);
            } else {
                match self.attach(block, offered) {
                    Ok(true) => self.pending.take_waiting(&id, &mut work),
                    Ok(false) => self.discard_waiting(id, offered),
                    Err(fault) => {
                        offered.refused.push(Refused { source, block: id, fault });
                        self.discard_waiting(id, offered);
                    }
                }
            }
            is_first = false;
        }
    }

    /// Drops what waits for a block that will not be held, and what waits for that.
    fn discard_waiting(&mut self, id: BlockId, offered: &mut Offered) {
        let mut lost = Vec::new();
        self.pending.take_waiting(&id, &mut lost);
        while let Some((block, _)) = lost.pop() {
            offered.dropped_count += 1;
            self.pending.take_waiting(&block.id, &mut lost);
        }
    }

    fn first_missing(&self, header: &Header) -> Option<BlockId> {
        let named = header.prev.iter().chain(header.parents.as_slice());
        named.copied().find(|id| self.number_of(id).is_none())
    }

    /// Holds a block whose ancestors are held. `Ok(false)`: it is an outsider that nobody needs.
    fn attach(&mut self, block: VerifiedBlock, offered: &mut Offered) -> Result<bool, LedgerFault> {
        let links = self.check(&block.header)?;
        let proof = self.check_evidence(&block)?;
        if self.body_bytes + block.body.len() > self.caps.body_bytes {
            offered.dropped_count += 1;
            return Ok(false);
        }
        self.find_late_fork(&block, offered);
        if self.is_outsider(&block.header) && !self.is_wanted(&block.id) {
            offered.dropped_count += 1;
            return Ok(false);
        }
        let header = &block.header;
        let author = self.enter_author(header);
        let seq = header.seq as usize;
        let is_good = self
            .authors
            .get(author as usize)
            .is_some_and(|it| !it.is_void(header.seq) && it.chain.len() == seq);
        if !is_good && !self.is_void(author, header.seq) {
            // A second history without a proof yet: it comes again with the run that proves it.
            offered.dropped_count += 1;
            return Ok(false);
        }
        self.push(block, author, &links, is_good);
        offered.held_count += 1;
        if let Some(proof) = proof {
            let number = self.author_slot(&proof.author()) as usize;
            if let Some(author) = self.authors.get_mut(number) {
                author.has_evidence = true;
            }
            self.enter_fork(proof, offered);
        }
        Ok(true)
    }

    fn is_void(&self, author: u32, seq: u32) -> bool {
        self.authors.get(author as usize).is_some_and(|it| it.is_void(seq))
    }

    /// The rules that need what a block names. Source: docs/protocol.md R-322 to R-326.
    fn check(&self, header: &Header) -> Result<Links, LedgerFault> {
        if let Anchor::Checkpoint { index, .. } = header.anchor {
            return Err(LedgerFault::UnknownAnchor { found: index });
        }
        let own = self.author_number(&header.author).unwrap_or(NONE);
        let mut height = 0;
        let mut links = Links { prev: NONE, parents: [NONE; PARENT_COUNT_MAX], parent_count: 0 };
        if let Some(prev) = &header.prev {
            links.prev = self.number_of(prev).unwrap_or(NONE);
            let prev = self.entries.get(links.prev).ok_or(LedgerFault::PrevAuthor)?;
            if prev.author != own {
                return Err(LedgerFault::PrevAuthor);
            }
            let found = prev.seq;
            if found.checked_add(1) != Some(header.seq) {
                let expected = header.seq.saturating_sub(1);
                return Err(LedgerFault::PrevSeq { expected, found });
            }
            height = prev.height;
        }
        let mut authors = [NONE; PARENT_COUNT_MAX];
        for id in header.parents.as_slice() {
            let at = self.number_of(id).unwrap_or(NONE);
            let parent = self.entries.get(at).ok_or(LedgerFault::ParentsUnsorted)?;
            if parent.author == own {
                return Err(LedgerFault::ParentOwn);
            }
            if authors.contains(&parent.author) {
                return Err(LedgerFault::ParentAuthorTwice);
            }
            height = height.max(parent.height);
            if let Some(place) = authors.get_mut(links.parent_count) {
                *place = parent.author;
            }
            if let Some(place) = links.parents.get_mut(links.parent_count) {
                *place = at;
            }
            links.parent_count += 1;
        }
        let expected = height.saturating_add(1);
        if header.height == expected && height < u32::MAX {
            Ok(links)
        } else {
            Err(LedgerFault::WrongHeight { expected, found: header.height })
        }
    }

    fn check_evidence(&self, block: &VerifiedBlock) -> Result<Option<ForkProof>, LedgerFault> {
        if !block.header.flags.has(Flags::EVIDENCE) {
            return Ok(None);
        }
        let proof = ForkProof::check(&self.room, block.payload());
        proof.map(Some).map_err(|_| LedgerFault::BadEvidence)
    }

    /// The number of a block's author, entered with its first block.
    fn enter_author(&mut self, header: &Header) -> u32 {
        let number = self.author_slot(&header.author);
        if let Some(credential) = &header.credential
            && let Some(author) = self.authors.get_mut(number as usize)
            && author.member.is_none()
        {
            let member = credential.member;
            let parts: [&[u8]; 2] = [self.room.as_bytes(), member.as_bytes()];
            author.member = Some(member);
            author.place = *derive(Context::PLACE, &parts).as_bytes();
            self.enter_rank(number);
        }
        number
    }

    fn author_slot(&mut self, key: &AuthorId) -> u32 {
        if let Some(number) = self.author_number(key) {
            return number;
        }
        let number = u32::try_from(self.authors.len()).unwrap_or(NONE);
        self.author_ids.insert(key.as_bytes(), number);
        let at = self.keys.partition_point(|other| {
            self.authors.get(*other as usize).is_some_and(|other| other.key < *key)
        });
        self.keys.insert(at, number);
        self.authors.push(Author {
            key: *key,
            member: None,
            place: [0; 32],
            rank: 0,
            chain: Vec::new(),
            fork: None,
            has_evidence: false,
        });
        number
    }

    fn enter_rank(&mut self, number: u32) {
        let key = |number: u32| {
            self.authors.get(number as usize).map(|author| (&author.place, &author.key))
        };
        let own = key(number);
        let from = self.ranks.partition_point(|other| key(*other) < own);
        self.ranks.insert(from, number);
        for (rank, number) in self.ranks.iter().enumerate().skip(from) {
            if let Some(author) = self.authors.get_mut(*number as usize) {
                author.rank = u32::try_from(rank).unwrap_or(NONE);
            }
        }
    }

    fn push(&mut self, block: VerifiedBlock, author: u32, links: &Links, is_good: bool) {
        let VerifiedBlock { id, header, body, signature } = block;
        let parents = self.parents.len();
        let named = links.parents.get(..links.parent_count).unwrap_or_default();
        for parent in named {
            self.parents.push(*parent);
        }
        let signature = signature.map_or(NONE, |signature| self.signatures.push(signature));
        self.body_bytes += body.len();
        let at = self.entries.push(Entry {
            id,
            body_hash: header.body_hash,
            wall: header.wall,
            body,
            author,
            seq: header.seq,
            height: header.height,
            prev: links.prev,
            next: NONE,
            parents,
            signature,
            parent_count: u8::try_from(links.parent_count).unwrap_or(0),
            flags: header.flags,
            cited: false,
        });
        self.ids.insert(id.as_bytes(), at);
        if let Some(credential) = header.credential {
            self.credentials.insert(at, credential);
        }
        if let Some(prev) = self.entries.get_mut(links.prev) {
            prev.cited |= is_good;
            if prev.next == NONE {
                prev.next = at;
            }
        }
        if is_good {
            for parent in named {
                if let Some(parent) = self.entries.get_mut(*parent) {
                    parent.cited = true;
                }
            }
            if let Some(author) = self.authors.get_mut(author as usize) {
                author.chain.push(at);
            }
        }
    }
}
