//! A storage that crashes, tears and rots.
//!
//! One transaction of each page is on its way at a time. A crash may come before it, after it and before the answer,
//! or in the midst of it: then a part of its records is there. What was answered as stored stays, until
//! it rots.

use std::collections::BTreeMap;

use meshlace_core::id::Ticket;
use meshlace_core::node::Record;

use crate::chance::Chance;

/// Records by key, and the transaction on its way.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// By the page that asked.
    pending: BTreeMap<usize, (Ticket, Vec<Record>)>,
    /// Transactions that were asked for.
    pub batch_count: u64,
}

impl Disk {
    /// A transaction is asked for.
    ///
    /// # Panics
    /// If this page has one on its way already.
    pub fn begin(&mut self, page: usize, ticket: Ticket, records: Vec<Record>) {
        let before = self.pending.insert(page, (ticket, records));
        assert!(before.is_none(), "two transactions at once");
        self.batch_count += 1;
    }

    /// The transaction is durable. Returns its ticket.
    pub fn commit(&mut self, page: usize) -> Option<Ticket> {
        let (ticket, records) = self.pending.remove(&page)?;
        records.into_iter().for_each(|record| self.apply(record));
        Some(ticket)
    }

    /// The transaction fails. Returns its ticket.
    pub fn fail(&mut self, page: usize) -> Option<Ticket> {
        self.pending.remove(&page).map(|(ticket, _)| ticket)
    }

    /// A page stops: of a transaction on its way nothing, all, or a part is there.
    pub fn crash(&mut self, page: usize, chance: &mut Chance) {
        let Some((_, mut records)) = self.pending.remove(&page) else { return };
        let kept = match chance.below(3) {
            0 => 0,
            1 => records.len(),
            _ => chance.below(records.len() as u64 + 1) as usize,
        };
        records.truncate(kept);
        records.into_iter().for_each(|record| self.apply(record));
    }

    /// A bit of a record turns over. Returns the record's key.
    pub fn rot(&mut self, chance: &mut Chance, fits: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let keys: Vec<Vec<u8>> = self.records.keys().filter(|key| fits(key)).cloned().collect();
        let key = keys.get(chance.below(keys.len() as u64) as usize)?.clone();
        let bytes = self.records.get_mut(&key)?;
        let bit = chance.below(bytes.len() as u64 * 8) as usize;
        bytes[bit / 8] ^= 1 << (bit % 8);
        Some(key)
    }

    /// A record is gone.
    pub fn lose(&mut self, key: &[u8]) {
        self.records.remove(key);
    }

    /// Whether there is a record under this key.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        self.records.contains_key(key)
    }

    /// All records, in the order of their keys.
    pub fn records(&self) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
        self.records.iter()
    }

    fn apply(&mut self, record: Record) {
        match record.bytes {
            None => {
                self.records.remove(&record.key);
            }
            Some(bytes) if record.replaces => {
                self.records.insert(record.key, bytes);
            }
            Some(bytes) => {
                self.records.entry(record.key).or_insert(bytes);
            }
        }
    }
}
