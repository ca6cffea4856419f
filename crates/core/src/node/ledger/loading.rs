//! Reading a ledger from storage.
//!
//! Each record is checked like what a peer sends. One that does not hold is removed, and what it said
//! is asked of peers once the ledger is open.

use alloc::vec::Vec;

use crate::codec::Reader;
use crate::id::RoomId;
use crate::ledger::block::{UnverifiedBlock, block_id, body_hash};
use crate::ledger::{Dag, ForkProof, Genesis, Header, Restore, Source};
use crate::rng::Seed;

use super::LedgerConfig;
use super::book::Book;
use super::own::Own;
use super::storage::{
    BLOCK, GENESIS, PROOF, Record, SLOT, Storing, block_key, replacing, slot_key,
};

/// A ledger that is being read.
#[derive(Debug)]
pub(super) struct Loading {
    config: LedgerConfig,
    room: RoomId,
    /// Keys the ledger's tables, and what sync draws.
    seed: Seed,
    dag: Option<Dag>,
    restore: Restore,
    /// Records that came before the genesis was known.
    early: Vec<(Vec<u8>, Vec<u8>)>,
    /// The seed of the key that wrote in our slot.
    slot_seed: Option<Seed>,
    has_stored_genesis: bool,
    /// Keys of records that do not hold, in order.
    removals: Vec<Vec<u8>>,
}

impl Loading {
    pub(super) fn new(config: LedgerConfig, room: RoomId, seed: Seed) -> Self {
        let restore = Restore::new(room);
        Self {
            config,
            room,
            seed,
            dag: None,
            restore,
            early: Vec::new(),
            slot_seed: None,
            has_stored_genesis: false,
            removals: Vec::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn feed(&mut self, genesis: &mut Option<Genesis>, key: &[u8], bytes: &[u8]) {
        match key.first() {
            Some(&GENESIS) => match Genesis::read(&self.room, bytes) {
                Ok(read) => {
                    *genesis = Some(read);
                    self.has_stored_genesis = true;
                }
                Err(_) => self.remove(key),
            },
            Some(&SLOT) if *key == *slot_key(self.config.slot) => {
                self.slot_seed = bytes.try_into().ok().map(Seed);
            }
            Some(&(BLOCK | PROOF)) => match genesis {
                Some(genesis) => self.take(genesis, key, bytes),
                None => self.early.push((key.to_vec(), bytes.to_vec())),
            },
            _ => {}
        }
    }

    fn take(&mut self, genesis: &Genesis, key: &[u8], bytes: &[u8]) {
        let dag = self.dag.get_or_insert_with(|| Dag::new(genesis.clone(), self.seed));
        if key.first() == Some(&PROOF) {
            match ForkProof::check(&self.room, bytes) {
                Ok(proof) => {
                    dag.note_fork(proof);
                }
                Err(_) => self.remove(key),
            }
            return;
        }
        // A block stands under its own id, or something happened to it.
        if key_of(&self.room, bytes).as_deref() != Some(key) {
            return self.remove(key);
        }
        match self.restore.push(bytes) {
            Ok(None) => {}
            Ok(Some(run)) => {
                let _ = dag.offer(run, Source::OWN);
            }
            Err(_) => self.remove_run(key),
        }
    }

    /// The run that ends here does not hold: one of its bodies, or else its signature, is damaged.
    fn remove_run(&mut self, last: &[u8]) {
        let run = self.restore.take_failed();
        let mut damaged = run.iter().filter(|bytes| !has_its_body(bytes)).peekable();
        if damaged.peek().is_none() {
            self.remove(last);
        }
        let room = self.room;
        for key in damaged.filter_map(|bytes| key_of(&room, bytes)) {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &[u8]) {
        // Keys come in order, so each goes to the end, or near it, however many do not hold.
        if let Err(at) = self.removals.binary_search_by(|known| known.as_slice().cmp(key)) {
            self.removals.insert(at, key.to_vec());
        }
    }

    /// Everything is read and the genesis known. Returns how many records did not hold, too.
    pub(super) fn open(mut self, genesis: &Genesis) -> (Book, usize) {
        for (key, bytes) in core::mem::take(&mut self.early) {
            self.take(genesis, &key, &bytes);
        }
        let dag = self.dag.take().unwrap_or_else(|| Dag::new(genesis.clone(), self.seed));
        // A gap says that something was lost, and then the end may be lost as well.
        let is_whole = self.removals.is_empty()
            && self.restore.waiting_count() == 0
            && dag.pending_count() == 0;
        let is_clean = self.config.is_clean && is_whole;
        let own =
            Own::new(&self.config.profile, genesis, self.config.slot, self.slot_seed, is_clean);
        let damage_count = self.removals.len();
        let removed = core::mem::take(&mut self.removals).into_iter();
        let mut others: Vec<Record> =
            removed.map(|key| Record { key, bytes: None, replaces: true }).collect();
        if !self.has_stored_genesis && genesis.creator().is_some() {
            others.push(replacing(alloc::vec![GENESIS], genesis.bytes().to_vec()));
        }
        let storing = Storing::new(self.config.has_storage, dag.held_count(), others);
        (Book::new(dag, own, storing, self.seed), damage_count)
    }
}

/// The key under which a stored block belongs.
fn key_of(room: &RoomId, bytes: &[u8]) -> Option<Vec<u8>> {
    let block = UnverifiedBlock::read(&mut Reader::new(bytes)).ok()?;
    let header = Header::decode(block.header).ok()?;
    Some(block_key(header.height, &block_id(room, block.header)))
}

fn has_its_body(bytes: &[u8]) -> bool {
    let block = UnverifiedBlock::read(&mut Reader::new(bytes)).ok();
    let header = block.and_then(|block| Some((Header::decode(block.header).ok()?, block.body)));
    header.is_some_and(|(header, body)| body_hash(body) == header.body_hash)
}
