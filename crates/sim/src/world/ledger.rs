//! What pages do with their ledgers.

use meshlace_core::id::{BlockId, Ticket};
use meshlace_core::ledger::Flags;
use meshlace_core::node::{Input, LedgerConfig, Outcome, Record};

use crate::disk::Disk;

use super::{Event, HostId, World};

/// Longest time that a transaction takes. Units: microseconds.
const STORE_US_MAX: u64 = 30_000;

impl World {
    /// A page opens its ledger from what a disk holds, which is its own from now on.
    pub fn open_ledger(&mut self, host: HostId, config: LedgerConfig, disk: Disk) {
        let records = disk.records().map(|(key, bytes)| {
            let (key, bytes) = (key.clone(), bytes.clone());
            Input::Restored { key, bytes }
        });
        let mut inputs: Vec<Input> = records.collect();
        inputs.insert(0, Input::OpenLedger(config));
        inputs.push(Input::RestoreDone);
        self.hosts[host].disk = disk;
        self.turn(host, inputs);
    }

    /// A page writes a block. `None` if it may not.
    pub fn write_block(&mut self, host: HostId, payload: &[u8]) -> Option<BlockId> {
        let input = Input::WriteBlock { payload: payload.to_vec(), flags: Flags::NONE };
        let Outcome::Written(block) = self.ask(host, input) else { return None };
        let view = self.hosts[host].node.ledger()?;
        Some(view.dag().block(block)?.id)
    }

    /// A page's call that is answered at once.
    pub fn ask(&mut self, host: HostId, input: Input) -> Outcome {
        let now = self.now(self.hosts[host].wall_offset_ms);
        let outcome = self.hosts[host].node.handle(now, input);
        self.feed(host, Input::Tick);
        outcome
    }

    /// Whether a page's ledger is open: storage is read, and the genesis there.
    #[must_use]
    pub fn has_ledger(&self, host: HostId) -> bool {
        self.hosts[host].node.ledger().is_some()
    }

    /// A page's blocks in order; nothing before its ledger is open.
    #[must_use]
    pub fn blocks(&self, host: HostId) -> Vec<BlockId> {
        let Some(view) = self.hosts[host].node.ledger() else { return Vec::new() };
        view.order().from(0).filter_map(|at| view.dag().block(at)).map(|block| block.id).collect()
    }

    pub(super) fn store(&mut self, host: HostId, ticket: Ticket, records: Vec<Record>) {
        self.hosts[host].disk.begin(host, ticket, records);
        let delay = self.chance.below(STORE_US_MAX);
        self.schedule(delay, Event::Stored { host });
    }

    pub(super) fn on_stored(&mut self, host: HostId) {
        if let Some(ticket) = self.hosts[host].disk.commit(host) {
            self.feed(host, Input::Stored { ticket, result: Ok(()) });
        }
    }
}
