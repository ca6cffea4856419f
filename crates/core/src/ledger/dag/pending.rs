//! Blocks that wait for an ancestor: bounded for each peer and author, and only verified ones enter.
//!
//! A block waits for one missing ancestor at a time. Those that wait for the same one form a list;
//! a keyed table leads from the missing id to the list's first, so that an arrival costs what it
//! sets free. At a limit the greatest height is dropped first: it is what can be held last.

use alloc::vec::Vec;

use crate::id::{AuthorId, BlockId};
use crate::limits::{
    PENDING_AUTHOR_COUNT_MAX, PENDING_BYTES_MAX, PENDING_COUNT_MAX, PENDING_PEER_COUNT_MAX,
};
use crate::rng::Seed;
use crate::table::Table;

use super::super::block::VerifiedBlock;
use super::super::id_table::IdTable;
use super::{NONE, Source};

/// An ancestor that pending blocks wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Which.
    pub id: BlockId,
    /// If it is the block before one that waits: whose it is, and its number.
    pub place: Option<(AuthorId, u32)>,
    /// Who brought one that waits, and so should have it.
    pub source: Source,
}

#[derive(Debug)]
struct Waiting {
    block: VerifiedBlock,
    source: Source,
    missing: BlockId,
    /// The next that waits for the same.
    next: u32,
}

/// What a limit is enforced by, beside each other: 12 bytes for each slot are looked through where
/// the slots themselves would be a hundred times as much.
#[derive(Clone, Copy, Debug)]
struct Mark {
    /// 0 if the slot is free.
    height: u32,
    source: Source,
    /// The beginning of the author's key.
    author: u32,
}

impl Mark {
    const FREE: Self = Self { height: 0, source: Source(0), author: 0 };
}

#[derive(Debug)]
pub(super) struct Pending {
    slots: Vec<Option<Waiting>>,
    marks: Vec<Mark>,
    free: Vec<u32>,
    /// Missing ancestor to the first that waits for it.
    lists: IdTable,
    /// Pending block to its slot.
    ids: IdTable,
    /// How many others brought, and of whom they are. What our own storage held has no limit.
    by_source: Table<Source, u32>,
    by_author: Table<AuthorId, u32>,
    count: usize,
    /// Of what others brought.
    body_bytes: usize,
}

impl Pending {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            slots: Vec::new(),
            marks: Vec::new(),
            free: Vec::new(),
            lists: IdTable::new(seed, 2),
            ids: IdTable::new(seed, 3),
            by_source: Table::new(),
            by_author: Table::new(),
            count: 0,
            body_bytes: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether this block waits here. A signature that was missing is taken over.
    pub(super) fn knows(&mut self, block: &VerifiedBlock) -> bool {
        let Some(at) = self.find(&block.id) else { return false };
        if let Some(waiting) = self.slot_mut(at) {
            waiting.block.signature = waiting.block.signature.or(block.signature);
        }
        true
    }

    /// Keeps a block until `missing` comes. Returns how many were dropped for it, itself perhaps.
    pub(super) fn add(&mut self, block: VerifiedBlock, source: Source, missing: BlockId) -> u32 {
        let (id, author) = (block.id, block.header.author);
        self.count += 1;
        if source != Source::OWN {
            self.body_bytes += block.body.len();
            raise(&mut self.by_source, source);
            raise(&mut self.by_author, author);
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.marks.push(Mark::FREE);
            u32::try_from(self.slots.len() - 1).unwrap_or(NONE)
        });
        let head = self.head(&missing);
        let next = match head.and_then(|head| self.slot_mut(head)) {
            Some(head) => core::mem::replace(&mut head.next, at),
            None => {
                self.lists.insert(missing.as_bytes(), at);
                NONE
            }
        };
        self.ids.insert(id.as_bytes(), at);
        if let Some(mark) = self.marks.get_mut(at as usize) {
            let height = block.header.height.max(1);
            *mark = Mark { height, source, author: author_mark(&author) };
        }
        if let Some(slot) = self.slots.get_mut(at as usize) {
            *slot = Some(Waiting { block, source, missing, next });
        }
        self.enforce(source, author)
    }

    /// Drops the highest within whatever is over its limit. What our own storage held has none: it is
    /// there already, and nobody else may have it.
    fn enforce(&mut self, source: Source, author: AuthorId) -> u32 {
        if source == Source::OWN {
            return 0;
        }
        let mut dropped = 0;
        loop {
            let over =
                |count: Option<&u32>, most: usize| count.is_some_and(|it| *it as usize > most);
            let author_over = over(self.by_author.get(&author), PENDING_AUTHOR_COUNT_MAX);
            let source_over = over(self.by_source.get(&source), PENDING_PEER_COUNT_MAX);
            let count: u32 = self.by_source.values().sum();
            let all_over =
                count as usize > PENDING_COUNT_MAX || self.body_bytes > PENDING_BYTES_MAX;
            if !author_over && !source_over && !all_over {
                return dropped;
            }
            // Over all peers it is the one with most that gives way: two that flood leave room for others.
            let most = self.by_source.iter().max_by_key(|(_, count)| **count);
            let most = most.map(|(source, _)| *source);
            let own = author_mark(&author);
            let within = |at: u32, mark: &Mark| {
                if author_over {
                    mark.author == own
                        && self.slot(at).is_some_and(|it| it.block.header.author == author)
                } else if source_over {
                    mark.source == source
                } else {
                    Some(mark.source) == most
                }
            };
            let mut highest = (0, NONE);
            for (at, mark) in (0..).zip(&self.marks) {
                if mark.height > highest.0 && mark.source != Source::OWN && within(at, mark) {
                    highest = (mark.height, at);
                }
            }
            if highest.0 == 0 {
                return dropped;
            }
            self.unlink(highest.1);
            dropped += 1;
        }
    }

    /// What waits for `id`.
    pub(super) fn waiting(&self, id: &BlockId) -> Vec<&VerifiedBlock> {
        let mut found = Vec::new();
        let mut at = self.head(id).unwrap_or(NONE);
        while let Some(waiting) = self.slot(at) {
            found.push(&waiting.block);
            at = waiting.next;
        }
        found
    }

    /// Takes out what waits for `id`.
    pub(super) fn take_waiting(&mut self, id: &BlockId, into: &mut Vec<(VerifiedBlock, Source)>) {
        let Some(head) = self.head(id) else { return };
        self.lists.remove(id.as_bytes(), head);
        let mut at = head;
        while let Some(waiting) = self.take(at) {
            at = waiting.next;
            into.push((waiting.block, waiting.source));
        }
    }

    /// What waits of an author's blocks from this number on.
    pub(super) fn ids_of(&self, author: &AuthorId, from_seq: u32) -> Vec<BlockId> {
        let blocks = self.slots.iter().flatten().map(|waiting| &waiting.block);
        blocks
            .filter(|block| block.header.author == *author && block.header.seq >= from_seq)
            .map(|block| block.id)
            .collect()
    }

    /// Drops a block that waits.
    pub(super) fn discard(&mut self, id: &BlockId) {
        if let Some(at) = self.find(id) {
            self.unlink(at);
        }
    }

    /// Drops what `source` brought.
    pub(super) fn forget(&mut self, source: Source) {
        for at in 0..u32::try_from(self.slots.len()).unwrap_or(NONE) {
            if self.slot(at).is_some_and(|waiting| waiting.source == source) {
                self.unlink(at);
            }
        }
    }

    /// Up to `limit` ancestors that blocks wait for of which `counts` says so, and that are not here
    /// themselves.
    pub(super) fn missing(
        &self,
        limit: usize,
        counts: impl Fn(&VerifiedBlock) -> bool,
    ) -> Vec<Missing> {
        let mut found: Vec<Missing> = Vec::new();
        for waiting in self.slots.iter().flatten() {
            let id = waiting.missing;
            if self.find(&id).is_some()
                || found.iter().any(|other| other.id == id)
                || !counts(&waiting.block)
            {
                continue;
            }
            let header = &waiting.block.header;
            let before = header.seq.checked_sub(1).filter(|_| header.prev == Some(id));
            let place = before.map(|seq| (header.author, seq));
            found.push(Missing { id, place, source: waiting.source });
            if found.len() >= limit {
                break;
            }
        }
        found
    }

    /// The pending block after `id` in its chain.
    pub(super) fn after(&self, id: &BlockId) -> Option<&VerifiedBlock> {
        let mut blocks = self.slots.iter().flatten().map(|waiting| &waiting.block);
        blocks.find(|block| block.header.prev == Some(*id))
    }

    fn slot(&self, at: u32) -> Option<&Waiting> {
        self.slots.get(at as usize)?.as_ref()
    }

    fn slot_mut(&mut self, at: u32) -> Option<&mut Waiting> {
        self.slots.get_mut(at as usize)?.as_mut()
    }

    fn head(&self, missing: &BlockId) -> Option<u32> {
        let is_it = |at: u32| self.slot(at).is_some_and(|it| it.missing == *missing);
        self.lists.find(missing.as_bytes(), is_it)
    }

    fn find(&self, id: &BlockId) -> Option<u32> {
        self.ids.find(id.as_bytes(), |at| self.slot(at).is_some_and(|it| it.block.id == *id))
    }

    /// Takes a slot out of everything but its list.
    fn take(&mut self, at: u32) -> Option<Waiting> {
        let waiting = self.slots.get_mut(at as usize)?.take()?;
        self.free.push(at);
        if let Some(mark) = self.marks.get_mut(at as usize) {
            *mark = Mark::FREE;
        }
        self.ids.remove(waiting.block.id.as_bytes(), at);
        self.count -= 1;
        if waiting.source != Source::OWN {
            self.body_bytes -= waiting.block.body.len();
            lower(&mut self.by_source, waiting.source);
            lower(&mut self.by_author, waiting.block.header.author);
        }
        Some(waiting)
    }

    fn unlink(&mut self, at: u32) {
        let Some(missing) = self.slot(at).map(|waiting| waiting.missing) else { return };
        let Some(head) = self.head(&missing) else { return };
        let Some(waiting) = self.take(at) else { return };
        if head == at {
            self.lists.remove(missing.as_bytes(), at);
            if waiting.next != NONE {
                self.lists.insert(missing.as_bytes(), waiting.next);
            }
            return;
        }
        let mut before = head;
        while let Some(link) = self.slot_mut(before) {
            if link.next == at {
                link.next = waiting.next;
                return;
            }
            before = link.next;
        }
    }
}

fn author_mark(author: &AuthorId) -> u32 {
    let [a, b, c, d, ..] = *author.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn raise<K: Ord>(counts: &mut Table<K, u32>, key: K) {
    if let Some(count) = counts.or_default(key) {
        *count += 1;
    }
}

fn lower<K: Ord>(counts: &mut Table<K, u32>, key: K) {
    let left = counts.get_mut(&key).map(|count| {
        *count -= 1;
        *count
    });
    if left == Some(0) {
        counts.remove(&key);
    }
}
