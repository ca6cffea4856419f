use alloc::vec;

use super::*;
use crate::crypto::Signing;
use crate::ledger::block::salted;
use crate::ledger::{Credential, Flags, RoomKind, Source};
use crate::limits::RUN_BYTES_MAX;
use crate::rng::{Rng, Seed};
use crate::time::WallTime;

fn key(fill: u8) -> Signing {
    Signing::from_seed(&[fill; 32])
}

fn dag(kind: RoomKind) -> Dag {
    let genesis = match kind {
        RoomKind::Public => Genesis::public("lobby"),
        kind => Genesis::create(kind, key(9).member(), "board", [1; 16]),
    };
    Dag::new(genesis.expect("a genesis"), Seed([1; 32]))
}

fn write(dag: &mut Dag, author: u8, payload: &[u8]) -> VerifiedRun {
    let own = key(author);
    let credential = Credential::issue(&dag.room(), &key(9), &own.author(), author, vec![]);
    let (wall, mut rng) = (WallTime::from_ms(1), Rng::new(Seed([2; 32])));
    let header =
        dag.draft(own.author(), Some(&credential), Flags::NONE, wall, &mut rng).expect("may write");
    let run = VerifiedRun::sign(&dag.room(), &own, header, &salted([3; 16], payload));
    let run = run.expect("a block");
    assert_eq!(dag.offer(run.clone(), Source(0)).held_count, 1);
    run
}

/// A ledger that came over the wire, so that few of its blocks have signatures of their own.
fn received(kind: RoomKind) -> Dag {
    let (mut written, mut dag) = (dag(kind), dag(kind));
    for n in 0..40_u8 {
        write(&mut written, n % 3, &[n]);
    }
    for author in 0..3 {
        let first = written.block_of(&key(author).author(), 0).expect("held");
        let (run, _) = written.run_from(first, RUN_BYTES_MAX, &|_| false).expect("a run");
        let mut reader = Reader::new(&run);
        let count = reader.array(RUN_COUNT_MAX).expect("an array");
        let blocks: Vec<_> =
            (0..count).map(|_| UnverifiedBlock::read(&mut reader).expect("a block")).collect();
        let run = VerifiedRun::check(&dag.room(), &blocks).expect("a run");
        assert!(dag.offer(run, Source(1)).refused.is_empty());
    }
    assert_eq!(dag.digest(), written.digest());
    dag
}

fn file(dag: &Dag) -> Vec<u8> {
    let mut bytes = FileItem::of_genesis(dag.genesis()).encode();
    let mut from = Some(BlockIndex(0));
    while let Some(at) = from {
        let (part, next) = dag.export_from(at, 500);
        bytes.extend(part);
        from = next;
    }
    bytes
}

/// stored blocks, in the order in which they came, make the ledger again.
#[test]
fn stored_blocks_make_the_ledger_again() {
    let stored = received(RoomKind::Open);
    let mut again = dag(RoomKind::Open);
    let mut restore = Restore::new(stored.room());
    for at in 0..stored.held_count() {
        let bytes = stored.block_bytes(BlockIndex(at)).expect("held");
        if let Some(run) = restore.push(&bytes).expect("a true block") {
            assert!(again.offer(run, Source(0)).refused.is_empty());
        }
    }
    assert_eq!((restore.waiting_count(), again.digest()), (0, stored.digest()));
}

/// a spoiled record costs the run it is in, and nothing else.
#[test]
fn spoiled_record_costs_its_run_only() {
    let mut stored = dag(RoomKind::Open);
    for n in 0..30_u8 {
        write(&mut stored, n % 3, &[n]);
    }
    let mut again = dag(RoomKind::Open);
    let mut restore = Restore::new(stored.room());
    let mut refused = 0;
    for at in 0..stored.held_count() {
        let mut bytes = stored.block_bytes(BlockIndex(at)).expect("held");
        if at == 20 {
            let last = bytes.len() - 70;
            bytes[last] ^= 1;
        }
        match restore.push(&bytes) {
            Ok(Some(run)) => assert!(again.offer(run, Source(0)).refused.is_empty()),
            Ok(None) => {}
            Err(_) => refused += 1,
        }
    }
    assert_eq!((refused, again.held_count()), (1, 20));
    assert_eq!(again.missing(9).len(), 1, "and sync asks for what is missing");
}

/// a file brings the whole ledger, forks included, to whoever opens that room.
#[test]
fn file_carries_a_whole_ledger() {
    for kind in [RoomKind::Open, RoomKind::Public] {
        let mut ours = received(kind);
        let mut twin = dag(kind);
        let fork = write(&mut twin, 2, b"another first block");
        assert_eq!(ours.offer(fork, Source(1)).forked.len(), 1);
        let mut again = dag(kind);
        let imported = again.import(&file(&ours)).expect("a file");
        assert_eq!((imported.refused_count, imported.unsigned_count), (0, 0));
        assert_eq!(again.digest(), ours.digest());
        let twice = again.import(&file(&ours)).expect("a file");
        assert_eq!((twice.held_count, again.digest()), (0, ours.digest()));
    }
}

/// a file of another room, of another version, cut or bent, brings nothing false.
#[test]
fn false_files_bring_nothing_false() {
    let ours = received(RoomKind::Open);
    let bytes = file(&ours);
    let refused = dag(RoomKind::Public).import(&bytes);
    assert_eq!(refused, Err(LedgerFault::WrongGenesis));
    let refused = dag(RoomKind::Open).import(&file(&received(RoomKind::Public)));
    assert_eq!(refused, Err(LedgerFault::WrongGenesis));
    let mut other_version = bytes.clone();
    other_version[2] = 2;
    let refused = dag(RoomKind::Open).import(&other_version);
    assert!(matches!(refused, Err(LedgerFault::Malformed(DecodeError::OutOfRange { .. }))));
    for at in (0..bytes.len()).step_by(7) {
        let mut bent = bytes.clone();
        bent[at] ^= 0x10;
        let mut again = dag(RoomKind::Open);
        let result = again.import(&bent);
        if let Ok(imported) = result {
            let lost = imported.refused_count > 0 || imported.unsigned_count > 0;
            assert!(lost || again.digest() == ours.digest(), "bent at {at}");
        }
        for index in 0..again.held_count() {
            let view = again.block(BlockIndex(index)).expect("held");
            assert!(ours.index_of(&view.id).is_some(), "bent at {at}");
        }
        let mut cut = dag(RoomKind::Open);
        let _ = cut.import(&bytes[..at]);
        assert!(cut.held_count() <= ours.held_count());
    }
}

/// items read back, and every prefix of one is refused.
#[test]
fn items_round_trip_and_refuse_truncation() {
    let genesis = Genesis::public("lobby").expect("a genesis");
    let items =
        [FileItem::of_genesis(&genesis), FileItem::Block(b"block"), FileItem::Proof(b"proof")];
    for item in items {
        let bytes = item.encode();
        assert_eq!(FileItem::read(&mut Reader::new(&bytes)), Ok(item));
        for len in 0..bytes.len() {
            assert!(FileItem::read(&mut Reader::new(&bytes[..len])).is_err());
        }
    }
    let unknown = FileItem::read(&mut Reader::new(&[0x82, 3, 0x40]));
    assert_eq!(unknown, Err(DecodeError::UnknownKind { found: 3 }));
}
