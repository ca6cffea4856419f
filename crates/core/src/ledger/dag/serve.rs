//! How far this peer is, and what it hands to others.

use alloc::vec::Vec;

use crate::codec::Writer;
use crate::crypto::{Context, Digest, derive};
use crate::id::{AuthorId, BlockId};
use crate::limits::{RUN_BYTES_MAX, RUN_COUNT_MAX};

use super::super::block::{BLOCK_OVERHEAD_BYTES, UnverifiedBlock, VerifiedBlock};
use super::super::sort::sort;
use super::{BlockIndex, Dag, Entry, Missing, NONE};

/// How far an author's good chain is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontierEntry {
    /// Whose.
    pub author: AuthorId,
    /// How many blocks; at least 1.
    pub count: u32,
    /// The last one's id.
    pub head: BlockId,
    /// The lowest number of a fork, if the author forked.
    pub forked: Option<u32>,
}

impl Dag {
    /// All authors of which good blocks are held, by their keys.
    #[must_use]
    pub fn frontier(&self) -> Vec<FrontierEntry> {
        self.by_key()
            .filter_map(|author| {
                let (head, count) = self.head_of(self.told_chain(author))?;
                let forked = author.fork.as_ref().map(|fork| fork.seq());
                Some(FrontierEntry { author: author.key, count, head: *head, forked })
            })
            .collect()
    }

    fn by_key(&self) -> impl Iterator<Item = &super::Author> {
        self.keys.iter().filter_map(|number| self.authors.get(*number as usize))
    }

    /// An author's good blocks that others may know of.
    fn told_chain<'a>(&self, author: &'a super::Author) -> &'a [u32] {
        let chain = &author.chain[..];
        match self.withheld {
            Some(from) if self.own.contains(&author.key) => {
                chain.get(..chain.partition_point(|at| *at < from)).unwrap_or_default()
            }
            _ => chain,
        }
    }

    /// The last of an author's good blocks that others may know of, and their count.
    #[must_use]
    pub fn told_head(&self, author: &AuthorId) -> Option<(BlockId, u32)> {
        let (head, count) = self.head_of(self.told_chain(self.author_of(author)?))?;
        Some((*head, count))
    }

    /// From now on this author writes here.
    pub fn add_own(&mut self, author: AuthorId) {
        if !self.own.contains(&author) {
            self.own.push(author);
        }
    }

    /// Whether this author writes here, or did.
    #[must_use]
    pub fn is_own(&self, author: &AuthorId) -> bool {
        self.own.contains(author)
    }

    /// Withholds our own blocks from this one on: others are not told of them, and not served with
    /// them. What a crash can still take back must not be known to anyone, or to write on after it
    /// would be a fork. `None` withholds nothing.
    pub fn withhold(&mut self, from: Option<BlockIndex>) {
        self.withheld = from.map(|index| index.0);
    }

    /// From where our own blocks are withheld.
    #[must_use]
    pub fn withheld(&self) -> Option<BlockIndex> {
        self.withheld.map(BlockIndex)
    }

    fn is_withheld(&self, at: u32) -> bool {
        let author = || self.authors.get(self.entries.get(at)?.author as usize);
        self.withheld.is_some_and(|from| at >= from)
            && author().is_some_and(|author| self.own.contains(&author.key))
    }

    fn head_of(&self, chain: &[u32]) -> Option<(&BlockId, u32)> {
        let last = self.entries.get(*chain.last()?)?;
        Some((&last.id, u32::try_from(chain.len()).ok()?))
    }

    /// Equal where two peers hold the same good blocks and know the same forks of them.
    ///
    /// A hash of (author, count, head, fork) of every author, by key. Since each head's hash covers
    /// all blocks below it, this covers the whole set, and two sets with one digest are a collision
    /// of BLAKE3 - which sums and products of hashes over single blocks would not promise: whoever
    /// writes blocks can solve for those. Keeping the heads is the increment; hashing them costs 77
    /// bytes for each author.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut heads = Vec::with_capacity(self.keys.len() * 77);
        for author in self.by_key() {
            if let Some((head, count)) = self.head_of(self.told_chain(author)) {
                heads.extend_from_slice(author.key.as_bytes());
                heads.extend_from_slice(&count.to_le_bytes());
                heads.extend_from_slice(head.as_bytes());
                let forked = author.fork.as_ref().map(|fork| fork.seq());
                heads.push(u8::from(forked.is_some()));
                heads.extend_from_slice(&forked.unwrap_or(0).to_le_bytes());
            }
        }
        derive(Context::LEDGER_DIGEST, &[self.room.as_bytes(), &heads])
    }

    /// The numbers of all good blocks that others may know of, by height and id: what the digest covers.
    #[must_use]
    pub fn told_blocks(&self) -> Vec<u32> {
        let mut list = Vec::new();
        for author in &self.authors {
            list.extend_from_slice(self.told_chain(author));
        }
        let place = |at| self.entries.get(at).map(|entry| (entry.height, &entry.id));
        sort(&mut list, &|a, b| place(a) < place(b));
        list
    }

    /// Up to `limit` ancestors that pending blocks wait for; outsiders that nobody needs do not count.
    #[must_use]
    pub fn missing(&self, limit: usize) -> Vec<Missing> {
        let counts =
            |block: &VerifiedBlock| !self.is_outsider(&block.header) || self.is_wanted(&block.id);
        self.pending.missing(limit, counts)
    }

    /// The block `down` steps below this one in its chain, or the first.
    #[must_use]
    pub fn below(&self, index: BlockIndex, down: u32) -> BlockIndex {
        let mut at = index.0;
        for _ in 0..down {
            match self.entries.get(at).map(|entry| entry.prev) {
                Some(prev) if prev != NONE => at = prev,
                _ => break,
            }
        }
        BlockIndex(at)
    }

    /// The first block held after this one in its chain.
    #[must_use]
    pub fn after(&self, index: BlockIndex) -> Option<BlockIndex> {
        let next = self.entries.get(index.0)?.next;
        (next != NONE && !self.is_withheld(next)).then_some(BlockIndex(next))
    }

    /// Writes a run that begins with this block as `[block, ..]`, and returns it with the run's last
    /// block. It goes on to the first signature at or after which `enough` says so, within
    /// `bytes_max`, the array's head and the signature apart. `None` if no signature comes within that.
    #[must_use]
    pub fn run_from(
        &self,
        first: BlockIndex,
        bytes_max: usize,
        enough: &dyn Fn(BlockIndex) -> bool,
    ) -> Option<(Vec<u8>, BlockIndex)> {
        let mut blocks: Vec<(&Entry, Vec<u8>)> = Vec::new();
        let mut signed = None;
        let (mut at, mut bytes) = (first.0, 0);
        while blocks.len() < RUN_COUNT_MAX && at != NONE && !self.is_withheld(at) {
            let entry = self.entries.get(at)?;
            let header = self.header(at)?.encode();
            bytes += header.len() + entry.body.len() + BLOCK_OVERHEAD_BYTES;
            if bytes > bytes_max.min(RUN_BYTES_MAX) {
                break;
            }
            blocks.push((entry, header));
            if entry.signature != NONE {
                signed = Some((blocks.len(), at));
                if enough(BlockIndex(at)) {
                    break;
                }
            }
            at = entry.next;
        }
        let (count, last) = signed?;
        blocks.truncate(count);
        Some((self.write_run(&blocks), BlockIndex(last)))
    }

    fn write_run(&self, blocks: &[(&Entry, Vec<u8>)]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(1_024);
        writer.array(blocks.len());
        for (number, (entry, header)) in blocks.iter().enumerate() {
            let is_last = number + 1 == blocks.len();
            let signature = self.signatures.get(entry.signature).filter(|_| is_last).copied();
            UnverifiedBlock { header, body: &entry.body, signature }.write(&mut writer);
        }
        writer.finish()
    }
}
