//! Reading an open ledger, for whoever folds or draws it.
//!
//! What crosses into JavaScript crosses in few, flat pieces: numbers in columns, little endian, so that
//! typed arrays can be laid over them.

use alloc::vec::Vec;

use crate::crypto::Digest;
use crate::id::{AuthorId, BlockId};
use crate::ledger::{BlockIndex, Dag, FileItem, Order};
use crate::limits::RUN_BYTES_MAX;

use super::book::Book;

/// An open ledger, to be read.
#[derive(Clone, Copy, Debug)]
pub struct LedgerView<'a> {
    book: &'a Book,
}

/// No number: of a fork, or of a further part.
const NONE: u32 = u32::MAX;

/// About so many bytes of a file are written at once.
const EXPORT_BYTES: usize = 256 * 1024;

impl<'a> LedgerView<'a> {
    pub(super) const fn new(book: &'a Book) -> Self {
        Self { book }
    }

    /// The blocks.
    #[must_use]
    pub const fn dag(&self) -> &'a Dag {
        self.book.dag()
    }

    /// Their order, as of the end of the last turn or the last block written.
    #[must_use]
    pub const fn order(&self) -> &'a Order {
        self.book.order()
    }

    /// How many blocks of our own are written and not stored, where there is storage.
    #[must_use]
    pub fn unstored_count(&self) -> usize {
        self.book.unstored_count()
    }

    /// How many of them are in no batch that was given out to be stored.
    #[must_use]
    pub fn unbatched_count(&self) -> usize {
        self.book.unbatched_count()
    }

    /// Equal where two peers hold the same blocks.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.dag().digest()
    }

    /// Up to `count` blocks of the order from a place on, at least one if there is one, and else no more
    /// than `bytes_max` of payloads.
    ///
    /// Layout, all numbers u32 little endian: count, bytes of all payloads; then in columns each
    /// block's number, author, seq, height, flags, end of its payload, wall time (two: low, high); then
    /// the ids, then the payloads.
    #[must_use]
    pub fn read(&self, from: usize, count: usize, bytes_max: usize) -> Vec<u8> {
        let mut columns: [Vec<u32>; 7] = Default::default();
        let (mut ids, mut payloads) = (Vec::new(), Vec::new());
        for index in self.order().from(from).take(count) {
            let Some(view) = self.dag().block(index) else { break };
            if !ids.is_empty() && payloads.len() + view.payload.len() > bytes_max {
                break;
            }
            payloads.extend_from_slice(view.payload);
            ids.extend_from_slice(view.id.as_bytes());
            let wall = view.wall.as_ms();
            let values = [
                index.0,
                self.dag().author_index(&view.author).unwrap_or(NONE),
                view.seq,
                view.height,
                u32::from(view.flags.bits()),
                to_u32(payloads.len()),
            ];
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
            if let Some(walls) = columns.last_mut() {
                walls.push(u32::try_from(wall & u64::from(u32::MAX)).unwrap_or(0));
                walls.push(u32::try_from(wall >> 32).unwrap_or(0));
            }
        }
        let mut bytes = Vec::with_capacity(8 + ids.len() * 2 + payloads.len());
        put(&mut bytes, to_u32(ids.len() / BlockId::BYTES));
        put(&mut bytes, to_u32(payloads.len()));
        columns.iter().flatten().for_each(|value| put(&mut bytes, *value));
        bytes.extend_from_slice(&ids);
        bytes.extend_from_slice(&payloads);
        bytes
    }

    /// Every author from this number on: key, member (zeros if unknown), count of good blocks, lowest
    /// forked number or 2^32 - 1.
    #[must_use]
    pub fn authors(&self, from: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for author in (from..).map_while(|number| self.dag().author(number)) {
            bytes.extend_from_slice(author.key.as_bytes());
            let member = author.member.map_or([0; 32], |member| *member.as_bytes());
            bytes.extend_from_slice(&member);
            put(&mut bytes, author.count);
            put(&mut bytes, author.fork.map_or(NONE, |fork| fork.seq()));
        }
        bytes
    }

    /// What up to `count` blocks from this number on name: for each a count, then so many numbers, the
    /// block before it first.
    #[must_use]
    pub fn links(&self, from: u32, count: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = from.saturating_add(count).min(self.dag().held_count());
        for number in from..end {
            let names = self.dag().names_of(BlockIndex(number));
            put(&mut bytes, to_u32(names.len()));
            names.iter().for_each(|name| put(&mut bytes, name.0));
        }
        bytes
    }

    /// Where a block stands in the order; `None` if it is void.
    #[must_use]
    pub fn place(&self, block: BlockIndex) -> Option<usize> {
        self.order().place_of(self.dag(), block)
    }

    /// Checks a block anew: its hashes, and the signature over it or above it. How far away that is: 1
    /// for its own, 0 if there is none.
    #[must_use]
    pub fn check(&self, block: BlockIndex) -> usize {
        let dag = self.dag();
        let run = dag.run_from(block, RUN_BYTES_MAX, &|_| true);
        run.map_or(0, |(bytes, _)| crate::ledger::block::check_run(&dag.room(), &bytes))
    }

    /// The proof that an author forked.
    #[must_use]
    pub fn proof(&self, author: u32) -> &'a [u8] {
        let fork = self.dag().author(author).and_then(|author| author.fork);
        fork.map_or(&[], |fork| fork.bytes())
    }

    /// A part of a file: the first for cursor 0. Returns it with the cursor of the next.
    #[must_use]
    pub fn export(&self, cursor: u32) -> (Vec<u8>, Option<u32>) {
        let mut bytes = Vec::new();
        if cursor == 0 {
            bytes = FileItem::of_genesis(self.dag().genesis()).encode();
        }
        let (part, next) = self.dag().export_from(BlockIndex(cursor), EXPORT_BYTES);
        bytes.extend_from_slice(&part);
        (bytes, next.map(|next| next.0))
    }

    /// The author with this key, by number.
    #[must_use]
    pub fn author_index(&self, author: &AuthorId) -> Option<u32> {
        self.dag().author_index(author)
    }
}

fn put(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NONE)
}
