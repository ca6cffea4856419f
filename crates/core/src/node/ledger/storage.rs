//! What is stored, under which keys, and how far it is.
//!
//! ```text
//! key: 0                      the genesis
//!      1, slot                the seed of the key that writes in this slot
//!      2, height, id          a block as it travels
//!      3, author              a fork's proof
//! ```
//!
//! Height rises along every edge, so reading in the order of the keys brings ancestors first, and
//! several pages of one profile may share the storage: a block has one key, whoever stores it.
//! One batch is out at a time; what comes meanwhile goes into the next, so that a burst of blocks
//! costs few transactions.
//!
//! Source: docs/protocol.md R-376, R-377.

use alloc::vec::Vec;

use crate::id::{AuthorId, BlockId, Ticket};
use crate::ledger::{BlockIndex, Dag};
use crate::limits::{STORE_BATCH_BYTES, STORE_BATCH_COUNT};

/// One change of the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Under which key; keys are read back in the order of their bytes.
    pub key: Vec<u8>,
    /// What; `None` removes the record.
    pub bytes: Option<Vec<u8>>,
    /// Whether it takes the place of what is there; else that stays.
    pub replaces: bool,
}

/// Why nothing can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageFault {
    /// It is not allowed here, or broke.
    Refused,
    /// There is no room left.
    Full,
}

pub(super) const GENESIS: u8 = 0;
pub(super) const SLOT: u8 = 1;
pub(super) const BLOCK: u8 = 2;
pub(super) const PROOF: u8 = 3;

pub(super) fn slot_key(slot: u8) -> Vec<u8> {
    alloc::vec![SLOT, slot]
}

pub(super) fn block_key(height: u32, id: &BlockId) -> Vec<u8> {
    [&[BLOCK][..], &height.to_be_bytes(), id.as_bytes()].concat()
}

pub(super) fn proof_key(author: &AuthorId) -> Vec<u8> {
    [&[PROOF][..], author.as_bytes()].concat()
}

/// A record that takes the place of what is there.
pub(super) fn replacing(key: Vec<u8>, bytes: Vec<u8>) -> Record {
    Record { key, bytes: Some(bytes), replaces: true }
}

/// What is stored in one step.
#[derive(Debug)]
pub(super) struct Batch {
    pub ticket: Ticket,
    pub records: Vec<Record>,
    /// Blocks that were written here are among them.
    pub has_own: bool,
}

/// How far the blocks are stored.
#[derive(Debug)]
pub(super) struct Storing {
    is_on: bool,
    /// Held blocks before this one are stored or on their way.
    to: u32,
    outstanding: Option<(Ticket, u32)>,
    last_ticket: Ticket,
    /// Records beside blocks that are to be stored.
    others: Vec<Record>,
}

impl Storing {
    pub(super) const fn new(is_on: bool, to: u32, others: Vec<Record>) -> Self {
        Self { is_on, to, outstanding: None, last_ticket: Ticket(0), others }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.is_on
    }

    pub(super) fn add(&mut self, record: Record) {
        if self.is_on {
            self.others.push(record);
        }
    }

    /// Held blocks from this one on are in no batch yet.
    pub(super) const fn next_block(&self) -> BlockIndex {
        BlockIndex(self.to)
    }

    /// The next batch, where one is due. `own` is the first block of our own that no batch holds yet.
    pub(super) fn next(&mut self, dag: &Dag, own: Option<BlockIndex>) -> Option<Batch> {
        let is_due = !self.others.is_empty() || self.to < dag.held_count();
        if !self.is_on || self.outstanding.is_some() || !is_due {
            return None;
        }
        let mut records = core::mem::take(&mut self.others);
        let mut bytes = 0;
        while self.to < dag.held_count()
            && bytes < STORE_BATCH_BYTES
            && records.len() < STORE_BATCH_COUNT
        {
            let index = BlockIndex(self.to);
            if let (Some(block), Some(view)) = (dag.block_bytes(index), dag.block(index)) {
                bytes += block.len();
                let key = block_key(view.height, &view.id);
                records.push(Record { key, bytes: Some(block), replaces: false });
            }
            self.to += 1;
        }
        self.last_ticket = self.last_ticket.next();
        self.outstanding = Some((self.last_ticket, self.to));
        let has_own = own.is_some_and(|own| own < self.next_block());
        Some(Batch { ticket: self.last_ticket, records, has_own })
    }

    /// A batch is stored, or will not be. Up to which block everything is stored now; `None` for a
    /// stale ticket.
    pub(super) fn settle(&mut self, ticket: Ticket) -> Option<u32> {
        let (awaited, to) = self.outstanding?;
        (awaited == ticket).then(|| {
            self.outstanding = None;
            to
        })
    }

    /// Nothing more will be stored.
    pub(super) fn stop(&mut self) {
        self.is_on = false;
        self.outstanding = None;
        self.others = Vec::new();
    }
}
