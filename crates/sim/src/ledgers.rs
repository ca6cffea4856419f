//! Ledgers of many peers on virtual time, without the connections below them.
//!
//! The [`crate::world`] runs whole nodes; here runs what the node does about its ledger
//! ([`meshlace_core::node::Ledger`], unchanged) over links that deliver in order, are cut and come
//! back. So a hundred peers cost no more than their blocks do, and hundreds of seeds fit a test. A
//! *stranger* has no ledger: the test says what it says.

use std::collections::{BTreeMap, BTreeSet};

use meshlace_core::id::{BlockId, PeerId, Ticket};
use meshlace_core::ledger::profile::create_room;
use meshlace_core::ledger::sync::message::SyncMessage;
use meshlace_core::ledger::{BlockIndex, Flags, Genesis, RoomKind};
use meshlace_core::node::parcel::Parcel;
use meshlace_core::node::{Ledger, LedgerConfig, LedgerEffect, LedgerView, MeshError, Notice};
use meshlace_core::node::{Record, StorageFault};
use meshlace_core::rng::Seed;
use meshlace_core::signalling::address::RoomAddress;
use meshlace_core::time::{Now, Timestamp, WallTime};

use crate::chance::Chance;
use crate::disk::Disk;

mod promises;

/// A peer of this world, by number.
pub type SiteId = usize;

/// What a stranger hears: from whom, what, and its bytes.
pub type Overheard = (SiteId, Parcel, Vec<u8>);

/// One peer.
#[derive(Debug)]
pub struct Site {
    /// Its name.
    pub peer: PeerId,
    /// Its profile, slot and disk are those of this site; itself, or one it shares them with.
    pub home: SiteId,
    /// Its slot.
    pub slot: u8,
    /// What its application heard.
    pub notices: Vec<Notice>,
    /// Its blocks, as an application mirrors them change by change.
    pub mirror: Vec<BlockId>,
    /// Blocks that it was told are stored.
    pub stored: BTreeSet<BlockId>,
    /// What a stranger heard.
    pub heard: Vec<Overheard>,
    /// Whether it writes two histories, so that what is promised to others is not to it.
    pub is_forker: bool,
    profile: Seed,
    disk: Disk,
    has_storage: bool,
    ledger: Option<Ledger>,
    /// How often it was started: what was meant for an earlier start is lost.
    start: u32,
    own: Vec<BlockIndex>,
    timer_ms: Option<u64>,
}

enum Event {
    Arrival { from: SiteId, to: SiteId, link: u64, parcel: Parcel, payload: Vec<u8> },
    Stored { site: SiteId, start: u32, fault: Option<StorageFault> },
    Timer { site: SiteId },
}

/// Ledgers of many peers on virtual time.
pub struct Ledgers {
    /// All chance.
    pub chance: Chance,
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// Messages said so far.
    pub message_count: u64,
    /// What a storage answers from now on.
    pub storage_fault: Option<StorageFault>,
    address: RoomAddress,
    genesis: Genesis,
    sites: Vec<Site>,
    /// Open links by their ends, the smaller first, with a number that tells one link from the next.
    links: BTreeMap<(SiteId, SiteId), u64>,
    /// When the last message of each direction arrives: links keep order.
    last_arrival: BTreeMap<(SiteId, SiteId), u64>,
    events: BTreeMap<(u64, u64), Event>,
    event_count: u64,
    now_ms: u64,
    /// When something was done last; a timer that was set anew meanwhile does nothing.
    active_ms: u64,
}

impl Ledgers {
    /// A room without peers, created by the profile of the site that comes first.
    ///
    /// # Panics
    /// Never: the address is a good one.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::of_kind(seed, RoomKind::Open)
    }

    /// A room of another kind.
    ///
    /// # Panics
    /// If the kind is public, which nobody creates.
    #[must_use]
    pub fn of_kind(seed: u64, kind: RoomKind) -> Self {
        let mut chance = Chance::new(seed);
        let nonce = chance.seed()[..16].try_into().expect("16 bytes");
        let genesis = create_room(&profile(0), kind, "sim", nonce).expect("a genesis");
        Self::in_room(chance, genesis)
    }

    /// A room that somebody else created; the site that comes first has its genesis.
    ///
    /// # Panics
    /// Never: the address is a good one.
    #[must_use]
    pub fn in_room(chance: Chance, genesis: Genesis) -> Self {
        let server = "wss://mesh.example";
        let address = RoomAddress::of_created(genesis.room(), [7; 16], None, server);
        Self {
            chance,
            violations: Vec::new(),
            message_count: 0,
            storage_fault: None,
            address: address.expect("an address"),
            genesis,
            sites: Vec::new(),
            links: BTreeMap::new(),
            last_arrival: BTreeMap::new(),
            events: BTreeMap::new(),
            event_count: 0,
            now_ms: 1_000,
            active_ms: 1_000,
        }
    }

    /// The room's genesis.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Virtual time. Units: milliseconds.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A peer with a profile and a disk of its own, its ledger open. The first one creates the room.
    pub fn add(&mut self) -> SiteId {
        let site = self.sites.len();
        let config = LedgerConfig {
            genesis: (site == 0).then(|| self.genesis.bytes().to_vec()),
            ..self.config(profile(site as u64), 0, true, true)
        };
        self.push_site(site, 0, true, Some(config))
    }

    /// A peer that shares profile and disk with another, in a slot of its own.
    pub fn add_tab(&mut self, home: SiteId, slot: u8) -> SiteId {
        let config = self.config(self.sites[home].profile, slot, true, true);
        self.push_site(home, slot, true, Some(config))
    }

    /// A peer without storage.
    pub fn add_in_memory(&mut self) -> SiteId {
        let site = self.sites.len();
        let config = self.config(profile(site as u64), 0, false, false);
        self.push_site(site, 0, false, Some(config))
    }

    /// A peer without a ledger.
    pub fn add_stranger(&mut self) -> SiteId {
        let site = self.sites.len();
        self.push_site(site, 0, false, None)
    }

    /// A copy of a peer as it is on disk, which takes itself for the only one: it will fork.
    pub fn add_copy(&mut self, of: SiteId) -> SiteId {
        let site = self.push_site(self.sites.len(), self.sites[of].slot, true, None);
        self.sites[site].profile = self.sites[of].profile;
        self.sites[site].disk = self.sites[of].disk.clone();
        self.sites[site].disk.fail(of);
        (self.sites[site].is_forker, self.sites[of].is_forker) = (true, true);
        self.start(site, true);
        site
    }

    fn config(&self, profile: Seed, slot: u8, is_clean: bool, has_storage: bool) -> LedgerConfig {
        LedgerConfig { profile, slot, is_clean, has_storage, genesis: None }
    }

    fn push_site(
        &mut self,
        home: SiteId,
        slot: u8,
        has_storage: bool,
        config: Option<LedgerConfig>,
    ) -> SiteId {
        let site = self.sites.len();
        let mut peer = [0; 32];
        peer[..8].copy_from_slice(&(site as u64 + 1).to_be_bytes());
        self.sites.push(Site {
            peer: PeerId::from_bytes(peer),
            home,
            slot,
            notices: Vec::new(),
            mirror: Vec::new(),
            stored: BTreeSet::new(),
            heard: Vec::new(),
            is_forker: false,
            profile: profile(home as u64),
            disk: Disk::default(),
            has_storage,
            ledger: None,
            start: 0,
            own: Vec::new(),
            timer_ms: None,
        });
        if let Some(config) = config {
            self.open(site, config);
        }
        site
    }

    fn open(&mut self, site: SiteId, config: LedgerConfig) {
        let seed = Seed(self.chance.seed());
        let mut ledger = Ledger::new(self.address.room(), seed);
        let has_storage = config.has_storage;
        ledger.open(self.now(), config).expect("the genesis of this room");
        if has_storage {
            for (key, bytes) in self.sites[self.sites[site].home].disk.records() {
                ledger.load(key, bytes);
            }
            ledger.end_loading(self.now());
        }
        let host = &mut self.sites[site];
        host.start += 1;
        host.ledger = Some(ledger);
        host.mirror.clear();
        host.own.clear();
        self.settle(site);
    }

    /// A peer, to be looked at.
    #[must_use]
    pub fn site(&self, site: SiteId) -> &Site {
        &self.sites[site]
    }

    /// What a peer's disk holds.
    pub fn disk_mut(&mut self, site: SiteId) -> &mut Disk {
        let home = self.sites[site].home;
        &mut self.sites[home].disk
    }

    /// All peers whose ledger is open.
    #[must_use]
    pub fn open_sites(&self) -> Vec<SiteId> {
        (0..self.sites.len()).filter(|site| self.view(*site).is_some()).collect()
    }

    /// A peer's open ledger.
    #[must_use]
    pub fn view(&self, site: SiteId) -> Option<LedgerView<'_>> {
        self.sites[site].ledger.as_ref()?.view()
    }

    /// A peer's blocks in order.
    ///
    /// # Panics
    /// If its ledger is not open.
    #[must_use]
    pub fn ids(&self, site: SiteId) -> Vec<BlockId> {
        let view = self.view(site).expect("an open ledger");
        view.order().from(0).filter_map(|at| view.dag().block(at)).map(|block| block.id).collect()
    }

    /// A peer writes a block.
    ///
    /// # Errors
    /// As the core says.
    ///
    /// # Panics
    /// If the peer does not run.
    pub fn write(&mut self, site: SiteId, payload: &[u8]) -> Result<BlockId, MeshError> {
        let now = self.now();
        let ledger = self.sites[site].ledger.as_mut().expect("a running peer");
        let block = ledger.write(now, payload, Flags::NONE)?;
        let id = ledger.view().and_then(|view| Some(view.dag().block(block)?.id));
        let id = id.expect("a written block is held");
        self.sites[site].own.push(block);
        self.settle(site);
        if !self.sites[site].mirror.contains(&id) {
            self.violations.push(format!("site {site}: its block is not in the order at once"));
        }
        Ok(id)
    }

    /// A peer takes in a file.
    pub fn import(&mut self, site: SiteId, bytes: &[u8]) {
        let now = self.now();
        if let Some(ledger) = &mut self.sites[site].ledger {
            ledger.import(now, Ticket(1), bytes);
        }
        self.settle(site);
    }

    /// Links two peers, if they run and are not linked.
    pub fn link(&mut self, one: SiteId, other: SiteId) {
        let ends = (one.min(other), one.max(other));
        if one == other || self.links.contains_key(&ends) {
            return;
        }
        self.event_count += 1;
        self.links.insert(ends, self.event_count);
        for (site, peer) in [(one, other), (other, one)] {
            let (now, peer) = (self.now(), self.sites[peer].peer);
            if let Some(ledger) = &mut self.sites[site].ledger {
                ledger.link_up(now, peer);
            }
            self.settle(site);
        }
    }

    /// Cuts a link; what is on its way is lost.
    pub fn cut(&mut self, one: SiteId, other: SiteId) {
        if self.links.remove(&(one.min(other), one.max(other))).is_none() {
            return;
        }
        for (site, peer) in [(one, other), (other, one)] {
            let (now, peer) = (self.now(), self.sites[peer].peer);
            if let Some(ledger) = &mut self.sites[site].ledger {
                ledger.link_down(now, peer);
            }
            self.settle(site);
        }
    }

    /// Whether two peers are linked.
    #[must_use]
    pub fn is_linked(&self, one: SiteId, other: SiteId) -> bool {
        self.links.contains_key(&(one.min(other), one.max(other)))
    }

    /// Links all peers that run, up to `degree` with each other peer at random; all with all if `None`.
    pub fn heal(&mut self, degree: Option<usize>) {
        let alive: Vec<SiteId> =
            (0..self.sites.len()).filter(|site| self.sites[*site].ledger.is_some()).collect();
        for (at, one) in alive.iter().enumerate() {
            match degree {
                None => alive[at + 1..].iter().for_each(|other| self.link(*one, *other)),
                Some(degree) => {
                    // A ring, so that there is a way to everyone, and some ways across.
                    self.link(*one, alive[(at + 1) % alive.len()]);
                    for _ in 1..degree {
                        let other = self.chance.pick(alive.len());
                        self.link(*one, alive[other]);
                    }
                }
            }
        }
    }

    /// Splits the peers into two halves at random that do not hear of each other.
    pub fn split(&mut self) {
        let sides: Vec<bool> = (0..self.sites.len()).map(|_| self.chance.permille(500)).collect();
        let across: Vec<(SiteId, SiteId)> = self
            .links
            .keys()
            .copied()
            .filter(|(one, other)| sides[*one] != sides[*other])
            .collect();
        across.into_iter().for_each(|(one, other)| self.cut(one, other));
    }

    /// A peer stops at once. What it was told is stored is there; of what is on its way to the disk a
    /// part may be.
    pub fn crash(&mut self, site: SiteId) {
        self.sites[site].ledger = None;
        let home = self.sites[site].home;
        self.sites[home].disk.crash(site, &mut self.chance);
        let linked: Vec<(SiteId, SiteId)> = self.links.keys().copied().collect();
        for (one, other) in linked {
            if one == site || other == site {
                self.cut(one, other);
            }
        }
    }

    /// A peer starts again from its disk.
    pub fn start(&mut self, site: SiteId, is_clean: bool) {
        if self.sites[site].ledger.is_none() {
            let (profile, slot) = (self.sites[site].profile, self.sites[site].slot);
            let has_storage = self.sites[site].has_storage;
            let config = self.config(profile, slot, is_clean, has_storage);
            self.open(site, config);
        }
    }

    /// A stranger says something to a peer.
    pub fn say(&mut self, from: SiteId, to: SiteId, parcel: Parcel, payload: Vec<u8>) {
        if let Some(link) = self.links.get(&(from.min(to), from.max(to))).copied() {
            let delay = self.chance.between(2, 60);
            let last = self.last_arrival.entry((from, to)).or_default();
            *last = (self.now_ms + delay).max(*last);
            let at = *last;
            self.message_count += 1;
            self.schedule(at, Event::Arrival { from, to, link, parcel, payload });
        }
    }

    /// A stranger says a message of sync.
    pub fn say_sync(&mut self, from: SiteId, to: SiteId, message: &SyncMessage<'_>) {
        self.say(from, to, Parcel::Ledger, message.encode());
    }

    /// Runs until nothing is left to do, for at most so long. How long it took, in ms.
    ///
    /// # Panics
    /// When something is left to do after that.
    pub fn rest(&mut self, ms: u64) -> u64 {
        let (begin, end) = (self.now_ms, self.now_ms + ms);
        while self.step(end) {}
        assert!(
            self.events.is_empty(),
            "still talking after {ms} ms: {} events, {:?}",
            self.events.len(),
            self.sites.iter().map(|site| site.timer_ms).collect::<Vec<_>>()
        );
        self.active_ms.saturating_sub(begin)
    }

    /// Runs for a while.
    pub fn run(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while self.step(end) {}
        self.now_ms = end;
    }

    fn step(&mut self, end_ms: u64) -> bool {
        let Some((&(at, number), _)) = self.events.first_key_value() else { return false };
        if at > end_ms {
            return false;
        }
        let event = self.events.remove(&(at, number)).expect("it is the first");
        self.now_ms = at;
        let is_stale =
            matches!(event, Event::Timer { site } if self.sites[site].timer_ms != Some(at));
        if !is_stale {
            self.active_ms = at;
        }
        match event {
            Event::Arrival { from, to, link, parcel, payload } => {
                if self.links.get(&(from.min(to), from.max(to))) == Some(&link) {
                    self.arrive(from, to, parcel, payload);
                }
            }
            Event::Stored { site, start, fault } => self.on_stored(site, start, fault),
            Event::Timer { site } => {
                if self.sites[site].timer_ms == Some(at) {
                    self.sites[site].timer_ms = None;
                    let now = self.now();
                    if let Some(ledger) = &mut self.sites[site].ledger {
                        ledger.tick(now);
                    }
                    self.settle(site);
                }
            }
        }
        true
    }

    fn arrive(&mut self, from: SiteId, to: SiteId, parcel: Parcel, payload: Vec<u8>) {
        let (now, peer) = (self.now(), self.sites[from].peer);
        let site = &mut self.sites[to];
        match &mut site.ledger {
            Some(ledger) => ledger.receive(now, peer, &parcel, &payload),
            None => site.heard.push((from, parcel, payload)),
        }
        self.settle(to);
    }

    fn on_stored(&mut self, site: SiteId, start: u32, fault: Option<StorageFault>) {
        let (home, now) = (self.sites[site].home, self.now());
        if self.sites[site].start != start || self.sites[site].ledger.is_none() {
            return;
        }
        let disk = &mut self.sites[home].disk;
        let ticket = if fault.is_some() { disk.fail(site) } else { disk.commit(site) };
        if let (Some(ticket), Some(ledger)) = (ticket, &mut self.sites[site].ledger) {
            ledger.on_stored(now, ticket, fault.map_or(Ok(()), Err));
        }
        self.settle(site);
    }

    /// Does what a peer asks for.
    fn settle(&mut self, site: SiteId) {
        let now = self.now();
        loop {
            let Some(ledger) = &mut self.sites[site].ledger else { return };
            let Some(effect) = ledger.poll_effect() else {
                if ledger.flush(now) {
                    continue;
                }
                break;
            };
            match effect {
                LedgerEffect::Send { to, parcel, payload } => {
                    self.check_said(site, &payload);
                    let to = self.site_of(&to);
                    self.say(site, to, parcel, payload);
                }
                LedgerEffect::Expel { peer, error } => {
                    self.sites[site].notices.push(Notice::Trouble(error.about(peer)));
                    let other = self.site_of(&peer);
                    self.cut(site, other);
                }
                LedgerEffect::Store { ticket, records, .. } => self.store(site, ticket, records),
                LedgerEffect::Notify(notice) => self.hear(site, notice),
            }
        }
        let due = self.sites[site].ledger.as_ref().and_then(Ledger::deadline);
        let due = due.map(|at| at.as_ms().max(self.now_ms));
        if due != self.sites[site].timer_ms {
            self.sites[site].timer_ms = due;
            if let Some(at) = due {
                self.schedule(at, Event::Timer { site });
            }
        }
    }

    fn store(&mut self, site: SiteId, ticket: Ticket, records: Vec<Record>) {
        let home = self.sites[site].home;
        self.sites[home].disk.begin(site, ticket, records);
        let (start, fault) = (self.sites[site].start, self.storage_fault);
        // A busy disk takes longer than to hear of a block and to ask for it.
        let delay_max = if self.chance.permille(150) { 800 } else { 30 };
        let delay = self.chance.between(1, delay_max);
        self.schedule(self.now_ms + delay, Event::Stored { site, start, fault });
    }

    /// An application hears something, and mirrors the order.
    fn hear(&mut self, site: SiteId, notice: Notice) {
        match &notice {
            Notice::LedgerChanged { from, length } => {
                let view = self.sites[site].ledger.as_ref().and_then(Ledger::view);
                let view = view.expect("an open ledger");
                let changed = view.order().from(*from).filter_map(|at| view.dag().block(at));
                let changed: Vec<BlockId> = changed.map(|block| block.id).collect();
                let mirror = &mut self.sites[site].mirror;
                mirror.truncate(*from);
                mirror.extend(changed);
                if mirror.len() != *length {
                    self.violations.push(format!("site {site}: {length} places are said to be"));
                }
            }
            Notice::LedgerStored { author, count } => {
                let view = self.sites[site].ledger.as_ref().and_then(Ledger::view);
                let view = view.expect("an open ledger");
                let key = view.dag().author(*author).expect("an author of ours").key;
                let blocks = (0..*count).filter_map(|seq| view.dag().block_of(&key, seq));
                let ids = blocks.filter_map(|at| view.dag().block(at)).map(|block| block.id);
                let ids: Vec<BlockId> = ids.collect();
                self.sites[site].stored.extend(ids);
            }
            _ => {}
        }
        self.sites[site].notices.push(notice);
    }

    fn site_of(&self, peer: &PeerId) -> SiteId {
        self.sites.iter().position(|site| site.peer == *peer).expect("a peer of this world")
    }

    fn now(&self) -> Now {
        let (monotonic, wall) = (self.now_ms, 1_750_000_000_000 + self.now_ms);
        Now { monotonic: Timestamp::from_ms(monotonic), wall: WallTime::from_ms(wall) }
    }

    fn schedule(&mut self, at_ms: u64, event: Event) {
        self.event_count += 1;
        self.events.insert((at_ms.max(self.now_ms), self.event_count), event);
    }
}

/// The profile of the site with this number.
fn profile(site: u64) -> Seed {
    let mut bytes = [0x51; 32];
    bytes[..8].copy_from_slice(&site.to_le_bytes());
    Seed(bytes)
}
