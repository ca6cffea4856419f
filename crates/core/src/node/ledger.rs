//! The room's ledger as the node holds it: opened from storage, kept in step with peers, stored.
//!
//! The machines of [`crate::ledger`] decide what blocks mean. Here they are tied to peers, storage and
//! the application:
//!
//! ```text
//! Closed --open--> Loading --all records fed--> Open
//!                     |                          ^
//!                     +--> AwaitingGenesis ------+   (of a room that we were invited to: a peer or a file hands it over)
//! ```
//!
//! Until it is open, what peers say of it is not heard: when it opens, both sides say their digests,
//! and nothing is lost. A block of our own is held and in the order at once; others are told of it
//! when it is stored (`storage`), since what a crash takes back must not have been seen by anyone.
//!
//! Out of scope: what payloads mean, which the application's stores fold; how a link carries what is
//! said here, which `route` does for the node and the simulator for itself.
//!
//! Source: docs/protocol.md R-270 to R-273, R-374 to R-378.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{PeerId, RoomId, Ticket};
use crate::ledger::{BlockIndex, Flags, Genesis, LedgerFault, file_genesis};
use crate::queue::Queue;
use crate::rng::{Rng, Seed};
use crate::signalling::address::RoomRef;
use crate::time::{Now, Timestamp};

use super::notice::{MeshError, Notice};
use super::parcel::Parcel;
use book::Book;
use loading::Loading;
use storage::Batch;

mod book;
mod loading;
mod own;
mod read;
mod route;
mod storage;
#[cfg(test)]
mod tests;

pub use read::LedgerView;
pub use storage::{Record, StorageFault};

/// What a ledger is opened with.
#[derive(Clone, Debug)]
pub struct LedgerConfig {
    /// The profile's secret, from which the member's key of each room grows.
    pub profile: Seed,
    /// The slot that this page alone uses now; below [`crate::limits::SLOT_COUNT_MAX`].
    pub slot: u8,
    /// Whether the last page in this slot ended after everything was stored.
    pub is_clean: bool,
    /// Whether there is storage. If so, records are fed next.
    pub has_storage: bool,
    /// The genesis, where this profile has just created the room.
    pub genesis: Option<Vec<u8>>,
}

/// What the ledger asks for.
#[derive(Clone, Debug)]
pub enum LedgerEffect {
    /// Say this to a peer, reliably and in order.
    Send {
        /// To whom.
        to: PeerId,
        /// What it is.
        parcel: Parcel,
        /// What stands behind it.
        payload: Vec<u8>,
    },
    /// A peer broke the rules: tell the application who and which, and close its link.
    Expel {
        /// Who.
        peer: PeerId,
        /// Which.
        error: MeshError,
    },
    /// Store these records.
    Store {
        /// For the answer.
        ticket: Ticket,
        /// What to put and what to remove.
        records: Vec<Record>,
        /// Whether blocks that were written here are among them.
        has_own: bool,
    },
    /// Tell the application.
    Notify(Notice),
}

#[derive(Debug)]
enum Stage {
    Closed,
    Loading(Box<Loading>),
    /// Everything is read, but the genesis is missing.
    AwaitingGenesis(Box<Loading>),
    Open(Box<Book>),
}

/// The room's ledger.
#[derive(Debug)]
pub struct Ledger {
    room: RoomId,
    /// Known from the address alone, created here, stored, or handed over.
    genesis: Option<Genesis>,
    stage: Stage,
    /// Whose link is open.
    peers: Vec<PeerId>,
    /// Who asked for the genesis on its present link, and whether it was answered.
    askers: Vec<(PeerId, bool)>,
    rng: Rng,
    effects: Queue<LedgerEffect>,
}

impl Ledger {
    /// The ledger of this room, closed.
    #[must_use]
    pub fn new(room: &RoomRef, seed: Seed) -> Self {
        let genesis = match room {
            RoomRef::Public { name } => Genesis::public(name),
            RoomRef::Secret { .. } => Some(Genesis::of_address(room.id())),
            RoomRef::Created { .. } => None,
        };
        Self {
            room: room.id(),
            genesis,
            stage: Stage::Closed,
            peers: Vec::new(),
            askers: Vec::new(),
            rng: Rng::new(seed),
            effects: Queue::new(),
        }
    }

    /// Fresh entropy.
    pub fn stir(&mut self, seed: Seed) {
        self.rng.stir(seed);
    }

    /// When to call [`Ledger::tick`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.stage {
            Stage::Open(book) => book.deadline(),
            _ => None,
        }
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<LedgerEffect> {
        self.effects.pop()
    }

    /// The ledger, to be read, once it is open.
    #[must_use]
    pub fn view(&self) -> Option<LedgerView<'_>> {
        match &self.stage {
            Stage::Open(book) => Some(LedgerView::new(book)),
            _ => None,
        }
    }

    /// Opens the ledger. With storage, records are fed next; without, it is open at once where the
    /// genesis is known.
    ///
    /// # Errors
    /// `GenesisMismatch`, for a genesis that is not this room's.
    pub fn open(&mut self, now: Now, config: LedgerConfig) -> Result<(), MeshError> {
        if !matches!(self.stage, Stage::Closed) {
            return Ok(());
        }
        if let Some(bytes) = &config.genesis {
            let genesis = Genesis::read(&self.room, bytes).map_err(|fault| refused_as(&fault))?;
            self.genesis = Some(genesis);
        }
        let has_storage = config.has_storage;
        let loading = Loading::new(config, self.room, Seed(self.rng.bytes()));
        self.stage = Stage::Loading(Box::new(loading));
        if !has_storage {
            self.end_loading(now);
        }
        Ok(())
    }

    /// A stored record, in the order of the keys.
    pub fn load(&mut self, key: &[u8], bytes: &[u8]) {
        if let Stage::Loading(loading) = &mut self.stage {
            loading.feed(&mut self.genesis, key, bytes);
        }
    }

    /// There are no more records.
    pub fn end_loading(&mut self, now: Now) {
        let stage = core::mem::replace(&mut self.stage, Stage::Closed);
        let (Stage::Loading(loading) | Stage::AwaitingGenesis(loading)) = stage else {
            self.stage = stage;
            return;
        };
        let Some(genesis) = &self.genesis else {
            self.stage = Stage::AwaitingGenesis(loading);
            let peers = self.peers.clone();
            return peers.into_iter().for_each(|id| self.say(id, Parcel::GenesisAsk, &[]));
        };
        let (mut book, damage_count) = loading.open(genesis);
        if damage_count > 0 {
            let error = MeshError::new(ErrorCode::StorageCorrupt);
            let found = alloc::format!("{damage_count} damaged");
            let error = error.mismatch("records as they were stored", found);
            self.effects.push(LedgerEffect::Notify(Notice::Trouble(error)));
        }
        let (member, restored_count) = (book.member(), book.dag().held_count());
        let opened = Notice::LedgerOpened { member, restored_count };
        self.effects.push(LedgerEffect::Notify(opened));
        self.peers.iter().for_each(|id| book.link_up(now, *id));
        self.stage = Stage::Open(Box::new(book));
        self.answer_askers();
        self.collect();
    }

    /// A link is open: the two ledgers begin to compare.
    pub fn link_up(&mut self, now: Now, id: PeerId) {
        if self.peers.contains(&id) {
            return;
        }
        self.peers.push(id);
        match &mut self.stage {
            Stage::AwaitingGenesis(_) => self.say(id, Parcel::GenesisAsk, &[]),
            Stage::Open(book) => book.link_up(now, id),
            _ => {}
        }
        self.collect();
    }

    /// A peer is gone.
    pub fn link_down(&mut self, now: Now, id: PeerId) {
        self.peers.retain(|peer| *peer != id);
        self.askers.retain(|(asker, _)| *asker != id);
        if let Stage::Open(book) = &mut self.stage {
            book.link_down(now, id);
        }
        self.collect();
    }

    /// A peer said something: one of the three parcels of the ledger.
    pub fn receive(&mut self, now: Now, id: PeerId, parcel: &Parcel, payload: &[u8]) {
        match (parcel, &mut self.stage) {
            (Parcel::Ledger, Stage::Open(book)) => book.on_message(now, id, payload),
            (Parcel::GenesisAsk, _) => self.on_genesis_ask(id),
            (Parcel::Genesis, Stage::AwaitingGenesis(_)) => {
                if let Err(error) = self.on_genesis(now, payload) {
                    self.effects.push(LedgerEffect::Expel { peer: id, error });
                }
            }
            _ => {}
        }
        self.collect();
    }

    /// A peer was invited and does not hold the genesis. It is answered once on each link, now or when
    /// we hold it ourselves.
    fn on_genesis_ask(&mut self, id: PeerId) {
        if self.peers.contains(&id) && !self.askers.iter().any(|(asker, _)| *asker == id) {
            self.askers.push((id, false));
            self.answer_askers();
        }
    }

    fn answer_askers(&mut self) {
        let Some(genesis) = self.genesis.as_ref().filter(|it| it.creator().is_some()) else {
            return;
        };
        for (to, is_answered) in &mut self.askers {
            if !core::mem::replace(is_answered, true) {
                let (parcel, payload) = (Parcel::Genesis, genesis.bytes().to_vec());
                self.effects.push(LedgerEffect::Send { to: *to, parcel, payload });
            }
        }
    }

    /// A peer or a file hands over what it says is the genesis; the room's id tells whether it is.
    fn on_genesis(&mut self, now: Now, bytes: &[u8]) -> Result<(), MeshError> {
        let genesis = Genesis::read(&self.room, bytes).map_err(|fault| refused_as(&fault))?;
        self.genesis = Some(genesis);
        self.end_loading(now);
        Ok(())
    }

    /// Writes a block. It is held and in the order when this returns.
    ///
    /// # Errors
    /// - `LedgerNotReady` - it is not open.
    /// - `MessageTooLarge`, `TooMany` - a limit was met.
    /// - `BlockRefused` - this member may not write here.
    pub fn write(
        &mut self,
        now: Now,
        payload: &[u8],
        flags: Flags,
    ) -> Result<BlockIndex, MeshError> {
        let Stage::Open(book) = &mut self.stage else {
            return Err(MeshError::new(ErrorCode::LedgerNotReady));
        };
        let written = book.write(now, payload, flags, &mut self.rng);
        self.collect();
        written
    }

    /// A batch is durable, or nothing more will be. Whether it was awaited.
    pub fn on_stored(
        &mut self,
        now: Now,
        ticket: Ticket,
        result: Result<(), StorageFault>,
    ) -> bool {
        let Stage::Open(book) = &mut self.stage else { return false };
        let was_awaited = book.on_stored(now, ticket, result);
        self.collect();
        was_awaited
    }

    /// Takes in a file of this room. Where the genesis is awaited, it is the file's.
    pub fn import(&mut self, now: Now, ticket: Ticket, bytes: &[u8]) {
        let is_opened = match &self.stage {
            Stage::AwaitingGenesis(_) => file_genesis(bytes)
                .map_err(|fault| refused_as(&fault))
                .and_then(|genesis| self.on_genesis(now, genesis)),
            _ => Ok(()),
        };
        let result = is_opened.and_then(|()| match &mut self.stage {
            Stage::Open(book) => book.import(now, bytes),
            _ => Err(MeshError::new(ErrorCode::LedgerNotReady)),
        });
        let notice = match result {
            Ok(imported) => Notice::LedgerImported { ticket, imported },
            Err(error) => Notice::Refused { ticket, error },
        };
        self.effects.push(LedgerEffect::Notify(notice));
        self.collect();
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) {
        if let Stage::Open(book) = &mut self.stage {
            book.tick(now, &mut self.rng);
            self.collect();
        }
    }

    /// Some of what was to be said was dropped: digests tell whether it matters.
    pub fn compare(&mut self, now: Now) {
        if let Stage::Open(book) = &mut self.stage {
            book.compare(now);
            self.collect();
        }
    }

    /// The end of a turn: tells what changed in the order, once, and what is to be stored. Whether there
    /// is anything to do.
    pub fn flush(&mut self, now: Now) -> bool {
        if let Stage::Open(book) = &mut self.stage {
            let batch = book.flush(now, &mut self.rng);
            self.collect();
            if let Some(Batch { ticket, records, has_own }) = batch {
                self.effects.push(LedgerEffect::Store { ticket, records, has_own });
            }
        }
        !self.effects.is_empty()
    }

    fn say(&mut self, to: PeerId, parcel: Parcel, payload: &[u8]) {
        self.effects.push(LedgerEffect::Send { to, parcel, payload: payload.to_vec() });
    }

    /// Takes over what the book asks for.
    fn collect(&mut self) {
        let Stage::Open(book) = &mut self.stage else { return };
        while let Some((to, payload)) = book.poll_message() {
            self.effects.push(LedgerEffect::Send { to, parcel: Parcel::Ledger, payload });
        }
        for notice in book.take_notices() {
            self.effects.push(LedgerEffect::Notify(notice));
        }
        for (peer, error) in book.take_faults() {
            self.effects.push(LedgerEffect::Expel { peer, error });
        }
    }
}

fn refused_as(fault: &LedgerFault) -> MeshError {
    let (expected, found) = fault.mismatch();
    MeshError::new(fault.code()).mismatch(expected, found)
}

fn too_many(expected: &str, limit: usize) -> MeshError {
    MeshError::new(ErrorCode::TooMany).mismatch(expected, limit.to_string()).limit(limit)
}
