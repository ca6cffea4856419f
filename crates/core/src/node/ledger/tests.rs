//! Whatever storage, peers and application do, a ledger stays within its bounds and comes to rest.

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::ledger::profile::create_room;
use crate::ledger::sync::message::SyncMessage;
use crate::ledger::{FileItem, RoomKind};
use crate::limits::{PENDING_COUNT_MAX, SLOT_COUNT_MAX};
use crate::signalling::address::RoomAddress;
use crate::time::WallTime;

fn genesis() -> Genesis {
    create_room(&Seed([1; 32]), RoomKind::Open, "room", [2; 16]).expect("a genesis")
}

fn room() -> RoomRef {
    let address = RoomAddress::of_created(genesis().room(), [3; 16], None, "wss://a.example");
    address.expect("an address").room().clone()
}

fn peer(number: u8) -> PeerId {
    PeerId::from_bytes([number; 32])
}

/// What may happen, drawn as numbers.
#[derive(Clone, Debug)]
struct Step {
    kind: u8,
    a: u8,
    b: u16,
    bytes: Vec<u8>,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    (0_u8..16, 0_u8..4, any::<u16>(), bytes).prop_map(|(kind, a, b, bytes)| Step {
        kind,
        a,
        b,
        bytes,
    })
}

/// A ledger, what it asked for, and what another one said that may be said again, bent.
struct Rig {
    ledger: Ledger,
    ms: u64,
    tickets: Vec<Ticket>,
    /// Of each batch, whether it holds blocks that were written here.
    has_own: Vec<bool>,
    records: Vec<Record>,
    said: Vec<(Parcel, Vec<u8>)>,
}

impl Rig {
    fn new() -> Self {
        let ledger = Ledger::new(&room(), Seed([4; 32]));
        Self { ledger, ms: 0, tickets: vec![], has_own: vec![], records: vec![], said: vec![] }
    }

    fn now(&self) -> Now {
        Now { monotonic: Timestamp::from_ms(self.ms), wall: WallTime::from_ms(self.ms) }
    }

    fn take(&mut self, step: &Step) {
        let now = self.now();
        let (a, b) = (step.a, usize::from(step.b));
        let pick = |count: usize| if count == 0 { None } else { Some(b % count) };
        match step.kind {
            0 => {
                let genesis = (a < 2).then(|| genesis().bytes().to_vec());
                let (profile, is_clean, has_storage) = (Seed([a; 32]), b % 2 == 0, a % 2 == 0);
                let config = LedgerConfig { profile, slot: a, is_clean, has_storage, genesis };
                assert_eq!(self.ledger.open(now, config), Ok(()));
            }
            1 => self.ledger.load(&step.bytes, &step.bytes),
            2 => {
                if let Some(record) = pick(self.records.len()).map(|at| &self.records[at]) {
                    let mut bytes = record.bytes.clone().unwrap_or_default();
                    if let Some(byte) = bytes.first_mut().filter(|_| a == 0) {
                        *byte ^= 1;
                    }
                    self.ledger.load(&record.key.clone(), &bytes);
                }
            }
            3 => self.ledger.end_loading(now),
            4 | 5 => self.ledger.link_up(now, peer(a)),
            6 => self.ledger.link_down(now, peer(a)),
            7 => self.ledger.receive(now, peer(a), &Parcel::Ledger, &step.bytes),
            8 => self.ledger.receive(now, peer(a), &Parcel::Genesis, genesis().bytes()),
            9 => self.ledger.receive(now, peer(a), &Parcel::GenesisAsk, &[]),
            10 | 11 => {
                if let Some((parcel, bytes)) = pick(self.said.len()).map(|at| self.said[at].clone())
                {
                    let mut bytes = bytes;
                    let len = bytes.len().max(1);
                    if let Some(byte) = bytes.get_mut(b % len).filter(|_| a == 0) {
                        *byte = byte.wrapping_add(1);
                    }
                    self.ledger.receive(now, peer(a), &parcel, &bytes);
                }
            }
            12 => drop(self.ledger.write(now, &step.bytes, Flags::NONE)),
            13 => {
                let ticket = pick(self.tickets.len() + 1).and_then(|at| self.tickets.get(at));
                let result = if a == 0 { Err(StorageFault::Full) } else { Ok(()) };
                self.ledger.on_stored(now, ticket.copied().unwrap_or(Ticket(77)), result);
            }
            14 => self.ledger.import(now, Ticket(1), &step.bytes),
            _ => {
                self.ms += u64::from(step.b);
                let now = self.now();
                self.ledger.tick(now);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        let mut count = 0;
        loop {
            count += 1;
            assert!(count < 10_000, "effects without end");
            match self.ledger.poll_effect() {
                Some(LedgerEffect::Send { to, parcel, payload }) => {
                    assert!(self.ledger.peers.contains(&to), "said to one who is not there");
                    self.said.push((parcel, payload));
                }
                Some(LedgerEffect::Expel { peer, .. }) => {
                    let now = self.now();
                    self.ledger.link_down(now, peer);
                }
                Some(LedgerEffect::Store { ticket, records, has_own }) => {
                    self.tickets.push(ticket);
                    self.has_own.push(has_own);
                    self.records.extend(records);
                }
                Some(LedgerEffect::Notify(_)) => {}
                None => {
                    let now = self.now();
                    if !self.ledger.flush(now) {
                        break;
                    }
                }
            }
        }
        if let Some(view) = self.ledger.view() {
            assert!(view.dag().pending_count() <= PENDING_COUNT_MAX);
            assert!(view.unstored_count() <= view.dag().held_count() as usize);
            assert!(view.unbatched_count() <= view.unstored_count());
        }
    }

    /// Nobody says anything more: soon there is no timer either.
    fn rest(&mut self) {
        for _ in 0..400 {
            let Some(at) = self.ledger.deadline() else { return };
            self.ms = self.ms.max(at.as_ms());
            let now = self.now();
            self.ledger.tick(now);
            self.settle();
            assert!(
                self.ledger.deadline().is_none_or(|at| at.as_ms() > self.ms),
                "a timer that spins"
            );
        }
        panic!("it does not come to rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// arbitrary records, messages - its own among them, whole and bent - calls, answers and
    /// pauses.
    #[test]
    fn arbitrary_inputs_neither_panic_nor_keep_it_busy(
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut rig = Rig::new();
        steps.iter().for_each(|step| rig.take(step));
        rig.rest();
    }
}

/// a member that lost its chain again and again has 64 authors, and is told when there are no more.
#[test]
fn member_has_so_many_authors_and_no_more() {
    let mut records: Vec<Record> = Vec::new();
    for number in 0..=SLOT_COUNT_MAX {
        let mut rig = Rig::new();
        rig.ledger.stir(Seed([number; 32]));
        let (now, genesis) = (rig.now(), Some(genesis().bytes().to_vec()));
        let profile = Seed([1; 32]);
        let config = LedgerConfig { profile, slot: 0, is_clean: false, has_storage: true, genesis };
        assert_eq!(rig.ledger.open(now, config), Ok(()));
        records.sort_by(|a, b| a.key.cmp(&b.key));
        for record in &records {
            rig.ledger.load(&record.key, record.bytes.as_deref().unwrap_or_default());
        }
        rig.ledger.end_loading(now);
        let written = rig.ledger.write(now, b"", Flags::NONE).map_err(|error| error.code);
        let expected = if number < SLOT_COUNT_MAX { Ok(()) } else { Err(ErrorCode::TooMany) };
        assert_eq!(written.map(drop), expected, "start {number}");
        rig.settle();
        records.retain(|record| rig.records.iter().all(|newer| newer.key != record.key));
        records.append(&mut rig.records);
    }
}

/// a batch of blocks is pushed as one run, with one signature, when it is stored.
#[test]
fn burst_is_said_at_once_and_after_it_is_stored() {
    let mut rig = Rig::new();
    let (now, genesis) = (rig.now(), Some(genesis().bytes().to_vec()));
    let profile = Seed([1; 32]);
    let config = LedgerConfig { profile, slot: 0, is_clean: true, has_storage: true, genesis };
    assert_eq!(rig.ledger.open(now, config), Ok(()));
    rig.ledger.end_loading(now);
    rig.ledger.link_up(now, peer(1));
    rig.settle();
    rig.ledger.on_stored(now, rig.tickets[0], Ok(()));
    rig.said.clear();
    (0..5).for_each(|_| drop(rig.ledger.write(now, b"edit", Flags::NONE)));
    rig.settle();
    assert_eq!((rig.said.len(), rig.tickets.len()), (0, 2), "not yet");
    rig.ledger.on_stored(now, rig.tickets[1], Ok(()));
    rig.settle();
    let [(Parcel::Ledger, bytes)] = &rig.said[..] else { panic!("one message: {:?}", rig.said) };
    let Ok(SyncMessage::Page { number: 0, runs }) = SyncMessage::decode(bytes) else {
        panic!("a page");
    };
    assert_eq!(runs.iter().map(Vec::len).collect::<Vec<_>>(), [5]);
    assert_eq!(runs[0].iter().filter(|block| block.signature.is_some()).count(), 1);
}

/// it is known which batch holds blocks of our own, and how many are in none yet: the mark of an orderly end
/// stands for those that are.
#[test]
fn batches_tell_whether_they_hold_own_blocks() {
    let open = |profile: u8| {
        let mut rig = Rig::new();
        let (now, genesis) = (rig.now(), Some(genesis().bytes().to_vec()));
        rig.ledger.stir(Seed([profile; 32]));
        let profile = Seed([profile; 32]);
        let config = LedgerConfig { profile, slot: 0, is_clean: true, has_storage: true, genesis };
        assert_eq!(rig.ledger.open(now, config), Ok(()));
        rig.ledger.end_loading(now);
        rig.settle();
        rig.ledger.on_stored(now, rig.tickets[0], Ok(()));
        rig.settle();
        rig
    };
    let counts =
        |rig: &Rig| rig.ledger.view().map(|view| (view.unstored_count(), view.unbatched_count()));
    let (mut rig, mut other) = (open(1), open(2));
    let now = rig.now();
    let write = |rig: &mut Rig| {
        drop(rig.ledger.write(now, b"edit", Flags::NONE));
        rig.settle();
    };
    write(&mut rig);
    assert_eq!(counts(&rig), Some((1, 0)), "on its way");
    write(&mut rig);
    assert_eq!(counts(&rig), Some((2, 1)), "the second waits for the first");
    rig.ledger.on_stored(now, rig.tickets[1], Ok(()));
    rig.settle();
    assert_eq!(counts(&rig), Some((1, 0)));
    rig.ledger.on_stored(now, rig.tickets[2], Ok(()));
    rig.settle();
    assert_eq!(counts(&rig), Some((0, 0)));
    // A block of another, while nothing of our own is on its way.
    other.ledger.link_up(now, peer(1));
    rig.ledger.link_up(now, peer(2));
    write(&mut other);
    other.ledger.on_stored(now, other.tickets[1], Ok(()));
    let carry = |from: &mut Rig, to: &mut Rig, sender| {
        from.settle();
        for (parcel, bytes) in from.said.split_off(0) {
            to.ledger.receive(now, peer(sender), &parcel, &bytes);
        }
        to.settle();
    };
    for _ in 0..4 {
        carry(&mut other, &mut rig, 2);
        carry(&mut rig, &mut other, 1);
    }
    assert_eq!(rig.ledger.view().map(|view| view.dag().held_count()), Some(3));
    assert_eq!(
        rig.has_own,
        [false, true, true, false],
        "the genesis, two of our own, one of another"
    );
}

/// whatever our own storage holds above a lost block waits for it, however much that is.
#[test]
fn stored_blocks_above_a_lost_one_wait_without_limit() {
    let open = |rig: &mut Rig, records: &[Record]| {
        let (now, genesis) = (rig.now(), Some(genesis().bytes().to_vec()));
        let profile = Seed([1; 32]);
        let config = LedgerConfig { profile, slot: 0, is_clean: true, has_storage: true, genesis };
        assert_eq!(rig.ledger.open(now, config), Ok(()));
        for record in records {
            rig.ledger.load(&record.key, record.bytes.as_deref().unwrap_or_default());
        }
        rig.ledger.end_loading(now);
        rig.settle();
    };
    let count = u32::try_from(crate::limits::PENDING_AUTHOR_COUNT_MAX).expect("small") + 500;
    let mut rig = Rig::new();
    open(&mut rig, &[]);
    let now = rig.now();
    (0..count).for_each(|_| drop(rig.ledger.write(now, b"", Flags::NONE)));
    while let Some(ticket) = rig.tickets.pop() {
        rig.ledger.on_stored(now, ticket, Ok(()));
        rig.settle();
    }
    rig.records.sort_by(|a, b| a.key.cmp(&b.key));
    let blocks = rig.records.iter().filter(|record| record.key.first() == Some(&2));
    assert_eq!(blocks.count(), count as usize);
    let second = rig.records.iter().position(|record| record.key.get(4) == Some(&2));
    rig.records.remove(second.expect("a block of height 2"));
    let mut again = Rig::new();
    open(&mut again, &rig.records);
    let view = again.ledger.view().expect("open");
    assert_eq!((view.dag().held_count(), view.dag().pending_count()), (1, count as usize - 2));
}

/// a room that met nobody yet is opened by a file of it, and by no other.
#[test]
fn file_opens_a_room_that_met_nobody() {
    let open = |genesis: Option<Vec<u8>>, has_storage: bool| {
        let mut rig = Rig::new();
        let profile = Seed([1; 32]);
        let config = LedgerConfig { profile, slot: 0, is_clean: false, has_storage, genesis };
        assert_eq!(rig.ledger.open(rig.now(), config), Ok(()));
        rig.ledger.end_loading(rig.now());
        rig
    };
    let mut founder = open(Some(genesis().bytes().to_vec()), false);
    let now = founder.now();
    (0..3).for_each(|_| drop(founder.ledger.write(now, b"kept", Flags::NONE)));
    let file = founder.ledger.view().expect("open").export(0).0;
    let other = create_room(&Seed([1; 32]), RoomKind::Open, "room", [9; 16]).expect("a genesis");
    let other = FileItem::of_genesis(&other).encode();

    let mut rig = open(None, true);
    let import = |rig: &mut Rig, file: &[u8]| {
        rig.ledger.import(now, Ticket(1), file);
        let effects = core::iter::from_fn(|| rig.ledger.poll_effect());
        let notices = effects.filter_map(|effect| match effect {
            LedgerEffect::Notify(notice) => Some(notice),
            _ => None,
        });
        notices.collect::<Vec<_>>()
    };
    let refusals = [
        (&other[..], ErrorCode::GenesisMismatch, "the genesis of this room"),
        (b"no file", ErrorCode::BlockRefused, "a record in its one encoding"),
        (&file[5..], ErrorCode::BlockRefused, "a record in its one encoding"),
    ];
    for (file, code, rule) in refusals {
        let told = import(&mut rig, file);
        let [Notice::Refused { ticket: Ticket(1), error }] = &told[..] else {
            panic!("a refusal: {told:?}");
        };
        assert_eq!((error.code, error.expected.as_deref()), (code, Some(rule)));
        assert!(rig.ledger.view().is_none());
    }
    let told = import(&mut rig, &file);
    assert!(matches!(told[0], Notice::LedgerOpened { restored_count: 0, .. }), "{told:?}");
    let held = told.iter().find_map(|notice| match notice {
        Notice::LedgerImported { imported, .. } => Some(imported.held_count),
        _ => None,
    });
    assert_eq!(held, Some(3));
    assert!(rig.ledger.write(now, b"mine", Flags::NONE).is_ok());
    rig.settle();
    let kept = rig.records.iter().filter(|record| record.key.first() == Some(&storage::GENESIS));
    assert_eq!(kept.count(), 1);
}
