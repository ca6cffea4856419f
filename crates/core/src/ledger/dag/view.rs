//! Looking at held blocks.

use alloc::vec::Vec;

use crate::crypto::Signature;
use crate::id::{AuthorId, BlockId, MemberId};
use crate::limits::SALT_BYTES;
use crate::time::WallTime;

use super::super::block::{Anchor, Flags, Header, Parents};
use super::super::fork::ForkProof;
use super::{BlockIndex, Dag, Entry, NONE};

/// A held block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockView<'a> {
    /// Its name.
    pub id: BlockId,
    /// Who wrote it.
    pub author: AuthorId,
    /// Whose slot that is.
    pub member: Option<MemberId>,
    /// Its place in the author's chain.
    pub seq: u32,
    /// One more than the greatest height below.
    pub height: u32,
    /// What it asks for.
    pub flags: Flags,
    /// By the author's clock.
    pub wall: WallTime,
    /// What it says, without the salt.
    pub payload: &'a [u8],
    /// Whether its author signed this very block, as far as was checked here; else a later one.
    pub signature: Option<Signature>,
    /// Whether it lies at or above a fork of its author: kept, and skipped by every fold.
    pub is_void: bool,
}

/// An author as far as it is known here.
#[derive(Clone, Copy, Debug)]
pub struct AuthorView<'a> {
    /// Its key.
    pub key: AuthorId,
    /// Whose slot it is; known with its first block.
    pub member: Option<MemberId>,
    /// How many good blocks of it are held.
    pub count: u32,
    /// The proof that it forked.
    pub fork: Option<&'a ForkProof>,
}

impl Dag {
    /// How many blocks are held, void ones included.
    #[must_use]
    pub fn held_count(&self) -> u32 {
        self.entries.len()
    }

    /// How many blocks wait for ancestors.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Bytes set aside for held blocks, bodies apart. What pends is not in it.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let chains: usize = self.authors.iter().map(|author| author.chain.capacity() * 4).sum();
        self.entries.bytes()
            + self.parents.bytes()
            + self.signatures.bytes()
            + self.ids.bytes()
            + chains
    }

    /// The number of a held block.
    #[must_use]
    pub fn index_of(&self, id: &BlockId) -> Option<BlockIndex> {
        self.number_of(id).map(BlockIndex)
    }

    /// The block in an author's good chain with this number.
    #[must_use]
    pub fn block_of(&self, author: &AuthorId, seq: u32) -> Option<BlockIndex> {
        self.author_of(author)?.chain.get(seq as usize).copied().map(BlockIndex)
    }

    /// How many good blocks of an author are held.
    #[must_use]
    pub fn count_of(&self, author: &AuthorId) -> u32 {
        let count = self.author_of(author).map_or(0, |author| author.chain.len());
        u32::try_from(count).unwrap_or(NONE)
    }

    /// The number of an author, by its key: they are counted as they come.
    #[must_use]
    pub fn author_index(&self, author: &AuthorId) -> Option<u32> {
        self.author_number(author)
    }

    /// The author with this number.
    #[must_use]
    pub fn author(&self, index: u32) -> Option<AuthorView<'_>> {
        let author = self.authors.get(index as usize)?;
        let count = u32::try_from(author.chain.len()).unwrap_or(NONE);
        let (key, member, fork) = (author.key, author.member, author.fork.as_ref());
        Some(AuthorView { key, member, count, fork })
    }

    /// How many authors there are of this member.
    #[must_use]
    pub fn slot_count(&self, member: &MemberId) -> usize {
        self.authors.iter().filter(|author| author.member == Some(*member)).count()
    }

    /// What a held block says.
    #[must_use]
    pub fn block(&self, index: BlockIndex) -> Option<BlockView<'_>> {
        let entry = self.entries.get(index.0)?;
        let author = self.authors.get(entry.author as usize)?;
        Some(BlockView {
            id: entry.id,
            author: author.key,
            member: author.member,
            seq: entry.seq,
            height: entry.height,
            flags: entry.flags,
            wall: entry.wall,
            payload: entry.body.get(SALT_BYTES..).unwrap_or_default(),
            signature: self.signatures.get(entry.signature).copied(),
            is_void: author.is_void(entry.seq),
        })
    }

    /// A held block's body: salt and payload.
    #[must_use]
    pub fn body_of(&self, index: BlockIndex) -> Option<&[u8]> {
        self.entries.get(index.0).map(|entry| &*entry.body)
    }

    /// What a held block names: the one before it, then its parents.
    #[must_use]
    pub fn names_of(&self, index: BlockIndex) -> Vec<BlockIndex> {
        let Some(entry) = self.entries.get(index.0) else { return Vec::new() };
        let prev = Some(entry.prev).filter(|prev| *prev != NONE);
        prev.into_iter().chain(self.parents_of(entry)).map(BlockIndex).collect()
    }

    pub(super) fn parents_of(&self, entry: &Entry) -> impl Iterator<Item = u32> {
        let range = entry.parents..entry.parents + u32::from(entry.parent_count);
        range.filter_map(|at| self.parents.get(at).copied())
    }

    /// A held block's header, written anew: it has only one encoding.
    #[must_use]
    pub fn header_of(&self, index: BlockIndex) -> Option<Header> {
        self.header(index.0)
    }

    pub(super) fn header(&self, at: u32) -> Option<Header> {
        let entry = self.entries.get(at)?;
        let id_of = |at: u32| self.entries.get(at).map(|entry| entry.id);
        let parents: Vec<BlockId> = self.parents_of(entry).filter_map(id_of).collect();
        Some(Header {
            author: self.authors.get(entry.author as usize)?.key,
            seq: entry.seq,
            prev: id_of(entry.prev),
            parents: Parents::new(&parents),
            anchor: Anchor::Genesis,
            height: entry.height,
            flags: entry.flags,
            wall: entry.wall,
            body_bytes: u32::try_from(entry.body.len()).ok()?,
            body_hash: entry.body_hash,
            credential: self.credentials.get(&at).cloned(),
        })
    }

    /// Whether a held block counts in the order: it is not void.
    pub(in super::super) fn is_good(&self, at: u32) -> bool {
        self.entries.get(at).is_some_and(|entry| !self.is_void(entry.author, entry.seq))
    }

    /// Whether one held block stands before another in the order.
    pub(in super::super) fn is_before(&self, a: u32, b: u32) -> bool {
        let (Some(one), Some(other)) = (self.entries.get(a), self.entries.get(b)) else {
            return a < b;
        };
        if one.height != other.height {
            return one.height < other.height;
        }
        if one.author != other.author {
            let rank = |author: u32| self.authors.get(author as usize).map_or(NONE, |it| it.rank);
            return rank(one.author) < rank(other.author);
        }
        (one.seq, &one.id) < (other.seq, &other.id)
    }

    /// Rises whenever held blocks become void.
    #[must_use]
    pub fn void_epoch(&self) -> u32 {
        self.void_epoch
    }
}
