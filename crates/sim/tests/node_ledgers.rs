//! Ledgers of whole nodes: over links that are set up, break, heal and end.

use meshlace_core::error::ErrorCode;
use meshlace_core::ledger::profile::create_room;
use meshlace_core::ledger::{Genesis, RoomKind};
use meshlace_core::node::{Input, LedgerConfig, NodeConfig, Notice, Outcome};
use meshlace_core::rng::Seed;
use meshlace_core::signalling::address::RoomAddress;
use meshlace_sim::disk::Disk;
use meshlace_sim::{HostId, World};

use crate::support::{left, left_count, troubles};

/// A room that host 0 created.
struct Room {
    world: World,
    genesis: Genesis,
    address: String,
    hosts: Vec<HostId>,
}

impl Room {
    #[expect(clippy::expect_used, reason = "a good address")]
    fn new(seed: u64, count: usize) -> Self {
        let world = World::new(seed);
        let genesis = create_room(&Seed([1; 32]), RoomKind::Open, "", [5; 16]).expect("a room");
        let server = "wss://mesh.example";
        let address = RoomAddress::of_created(genesis.room(), [2; 16], None, server);
        let address = address.expect("an address").to_text();
        let mut room = Self { world, genesis, address, hosts: Vec::new() };
        for number in 0..count {
            let host = room.join(number, Disk::default(), true);
            room.hosts.push(host);
        }
        room
    }

    /// The page of profile `number` joins and opens its ledger.
    fn join(&mut self, number: usize, disk: Disk, is_clean: bool) -> HostId {
        let identity = Some(self.world.chance.seed());
        let address = self.address.clone();
        let host = self.world.add_with(self.world.host_count() + 1, identity, |config| {
            *config = NodeConfig { address, ..config.clone() };
        });
        self.world.start(host);
        let genesis = (number == 0).then(|| self.genesis.bytes().to_vec());
        let profile = Seed([u8::try_from(number + 1).unwrap_or(0); 32]);
        let config = LedgerConfig { profile, slot: 0, is_clean, has_storage: true, genesis };
        self.world.open_ledger(host, config, disk);
        host
    }

    fn write(&mut self, host: HostId) {
        assert!(self.world.write_block(host, b"edit").is_some(), "host {host} writes");
    }

    fn agree(&mut self, ms: u64, count: usize) -> u64 {
        let hosts = self.hosts.clone();
        self.world.until(ms, "all hold the same", |world| {
            let blocks = world.blocks(hosts[0]);
            blocks.len() == count && hosts.iter().all(|host| world.blocks(*host) == blocks)
        })
    }

    fn link(&mut self) {
        let hosts = self.hosts.clone();
        self.world.until(20_000, "everyone is linked and has the genesis", |world| {
            world.all_linked(&hosts) && hosts.iter().all(|host| world.has_ledger(*host))
        });
    }
}

/// pages that join get genesis and blocks, and what is written reaches all at once.
#[test]
fn pages_share_a_ledger_as_soon_as_they_are_linked() {
    for seed in 0..4 {
        let mut room = Room::new(seed, 4);
        room.write(0);
        room.link();
        room.agree(2_000, 1);
        for at in 0..4 {
            room.write(room.hosts[at]);
        }
        assert!(room.agree(2_000, 5) < 500);
        room.world.assert_kept();
    }
}

/// two of three pages are cut off from the third; all edit; healed, all hold the same within 2 s
/// of the link's return.
#[test]
fn parted_pages_agree_once_they_are_linked_again() {
    let mut room = Room::new(11, 3);
    room.link();
    let [a, b, c] = room.hosts[..] else { return };
    room.world.cut(a, c);
    room.world.cut(b, c);
    room.world.run(60_000);
    (0..10).for_each(|_| [a, b, c].into_iter().for_each(|host| room.write(host)));
    assert_eq!(room.world.blocks(c).len(), 10);
    room.world.mend(a, c);
    room.world.mend(b, c);
    let world = &mut room.world;
    world.until(180_000, "linked again", |world| world.sees(c, a) || world.sees(c, b));
    room.agree(2_000, 30);
    room.world.assert_kept();
}

/// a page that is killed comes back with all that was stored, and the others have it too.
#[test]
fn killed_page_comes_back_with_what_was_stored() {
    for seed in 0..6 {
        let mut room = Room::new(100 + seed, 3);
        room.link();
        let victim = room.hosts[2];
        let pause = room.world.chance.below(200);
        for _ in 0..50 {
            room.write(victim);
        }
        room.world.run(pause);
        let stored =
            room.world.host(victim).notices.iter().filter_map(|(_, notice)| match notice {
                Notice::LedgerStored { count, .. } => Some(*count as usize),
                _ => None,
            });
        let stored = stored.max().unwrap_or(0);
        room.world.kill(victim);
        let disk = room.world.host(victim).disk.clone();
        room.hosts[2] = room.join(2, disk, false);
        let restored = room.world.blocks(room.hosts[2]).len();
        assert!(restored >= stored, "{restored} of {stored}");
        // One that was killed before the genesis was stored waits for it.
        if room.world.has_ledger(room.hosts[2]) {
            room.write(room.hosts[2]);
        }
        room.link();
        room.write(room.hosts[2]);
        room.world.run(3_000);
        let count = room.world.blocks(room.hosts[0]).len();
        assert!(count > stored);
        room.agree(1, count);
        room.world.assert_kept();
    }
}

/// with the server gone, a page whose room is stored opens after a second, writes, and finds
/// the others once the server is back, however late; one without blocks fails as ever.
#[test]
fn stored_room_opens_without_the_server() {
    let mut room = Room::new(41, 2);
    room.link();
    (0..3).for_each(|_| room.write(1));
    room.agree(2_000, 3);
    room.world.run(2_000);
    let disk = room.world.host(1).disk.clone();
    room.world.kill(1);
    room.world.kill_server();
    let at = room.world.now_ms();
    let stored = room.join(1, disk, true);
    let stranger = room.join(2, Disk::default(), true);
    let admitted = |world: &World, host| {
        let mut notices = world.host(host).notices.iter();
        notices.any(|(_, notice)| matches!(notice, Notice::Admitted))
    };
    room.world.until(1_100, "opened", |world| admitted(world, stored));
    assert!(room.world.now_ms() - at >= 1_000);
    room.write(stored);
    room.world.run(60_000);
    let ended = |host| {
        let mut notices = room.world.host(host).notices.iter();
        notices.any(|(_, notice)| matches!(notice, Notice::JoinFailed(_) | Notice::Closed(_)))
    };
    assert_eq!([stored, stranger].map(ended), [false, true]);
    room.world.start_server();
    room.hosts[1] = stored;
    room.link();
    room.agree(5_000, 4);
    room.world.assert_kept();
}

/// an honest page whose profile was copied is told so and left by those to whom
/// it wrote; it comes back by itself, as another author, with what it had, and stays.
#[test]
fn copied_page_comes_back_as_another_author() {
    for seed in 0..4 {
        let mut room = Room::new(500 + seed, 4);
        room.link();
        (0..4).for_each(|host| room.write(host));
        room.agree(2_000, 4);
        room.world.run(2_000);
        let (victim, since) = (room.hosts[3], room.world.now_ms());
        let disk = room.world.host(victim).disk.clone();
        let copy = room.join(3, disk, true);
        // It is linked with nobody yet.
        room.write(copy);
        room.write(victim);
        let others = room.hosts[..3].to_vec();
        room.hosts.push(copy);
        let peer = room.world.peer(victim);
        room.world.until(10_000, "all leave it", |world| {
            others.iter().all(|host| {
                left(world, *host, peer, since).is_some_and(|it| it.1 == ErrorCode::AuthorForked)
            })
        });
        for host in &others {
            assert_eq!(
                troubles(&room.world, *host, since),
                [(ErrorCode::AuthorForked, Some(peer))]
            );
            let host = room.world.peer(*host);
            room.world.until(1_000, "the victim hears of it at once", |world| {
                left(world, victim, host, since)
                    .is_some_and(|it| it.1 == ErrorCode::ProtocolViolation)
            });
        }
        let own = |world: &World, host| {
            let is_it = |it: &Notice| matches!(it, Notice::LedgerForked { is_own: true, .. });
            world.host(host).notices.iter().filter(|(_, notice)| is_it(notice)).count()
        };
        assert_eq!([victim, copy].map(|host| own(&room.world, host)), [1, 1]);
        room.link();
        let written = [victim, copy].map(|host| room.world.write_block(host, b"new"));
        room.world.until(5_000, "all hold the same", |world| {
            let first = world.blocks(0);
            let has_all = written.iter().all(|id| id.is_some_and(|id| first.contains(&id)));
            has_all && room.hosts.iter().all(|host| world.blocks(*host) == first)
        });
        // Beside them the blocks from before, and the evidence.
        assert!(room.world.blocks(0).len() >= 7);
        let lefts = |room: &Room| -> usize {
            room.hosts.iter().map(|host| left_count(&room.world, *host)).sum()
        };
        let count = lefts(&room);
        room.world.run(120_000);
        assert_eq!(lefts(&room), count, "nobody is left again");
        assert_eq!([victim, copy].map(|host| own(&room.world, host)), [1, 1]);
        room.world.assert_kept();
    }
}

/// a page that fetches a long ledger still gets the application's messages quickly.
#[test]
fn long_ledger_does_not_stand_in_front_of_messages() {
    let mut room = Room::new(21, 1);
    for _ in 0..200 {
        assert!(room.world.write_block(0, &[7; 40_000]).is_some());
        room.world.run(40);
    }
    let newcomer = room.join(1, Disk::default(), true);
    room.hosts.push(newcomer);
    room.link();
    let mut slowest = 0;
    while room.world.blocks(newcomer).len() < 200 {
        let (ticket, _) = room.world.send(0, Some(newcomer), 50);
        let took = room.world.until(5_000, "it arrives", |world| world.is_delivered(0, ticket));
        slowest = slowest.max(took);
        room.world.run(20);
    }
    assert!(slowest < 500, "{slowest} ms");
    room.world.assert_kept();
}

/// a genesis of another room is refused at the call, and a page may not write before its
/// ledger is open, nor after it left.
#[test]
fn misuse_is_answered_at_once() {
    let mut room = Room::new(31, 1);
    let refusal = |outcome: Outcome| match outcome {
        Outcome::Refused(error) => Some(error.code),
        _ => None,
    };
    let host = room.world.add();
    let genesis = Some(room.genesis.bytes().to_vec());
    let (profile, is_clean, has_storage) = (Seed([9; 32]), true, false);
    let config = LedgerConfig { profile, slot: 0, is_clean, has_storage, genesis };
    let open = Input::OpenLedger(config);
    assert_eq!(refusal(room.world.ask(host, open)), Some(ErrorCode::GenesisMismatch));
    let write = || Input::WriteBlock { payload: vec![], flags: meshlace_core::ledger::Flags::NONE };
    assert_eq!(refusal(room.world.ask(host, write())), Some(ErrorCode::LedgerNotReady));
    room.world.run(3_000);
    let long =
        Input::WriteBlock { payload: vec![0; 49_137], flags: meshlace_core::ledger::Flags::NONE };
    assert_eq!(refusal(room.world.ask(0, long)), Some(ErrorCode::MessageTooLarge));
    room.world.feed(0, Input::Leave);
    room.world.run(5_000);
    assert_eq!(refusal(room.world.ask(0, write())), Some(ErrorCode::RoomClosed));
    assert_eq!(troubles(&room.world, 0, 0), vec![]);
}
