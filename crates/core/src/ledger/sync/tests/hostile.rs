use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

fn fault_of(world: &mut World, bytes: &[u8]) -> Option<SyncFault> {
    let Node { dag, sync, .. } = &mut world.nodes[0];
    let input = SyncInput::Message { from: link_to(1), bytes };
    sync.handle(now(0), dag, input).fault
}

fn linked() -> World {
    let mut world = World::new(2);
    world.link(0, 1);
    world.wire.clear();
    world
}

/// a message that is none, a run that does not hold, and a page too many are faults.
#[test]
fn names_each_breach() {
    let mut world = linked();
    let malformed = fault_of(&mut world, &[0x82, 9, 9]);
    assert!(matches!(malformed, Some(SyncFault::Malformed(DecodeError::UnknownKind { .. }))));
    let block = world.write(1, 3);
    let (run, _) = world.nodes[1].dag.run_from(block, 9_999, &|_| true).expect("a run");
    let mut forged = run.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let fault = fault_of(&mut world, &message::page(0, &[forged]));
    assert_eq!(fault, Some(SyncFault::Ledger(LedgerFault::BadSignature)));
    let empty = SyncMessage::Page { number: 0, runs: vec![vec![]] }.encode();
    let fault = fault_of(&mut world, &empty);
    assert_eq!(fault, Some(SyncFault::Ledger(LedgerFault::EmptyRun)));
    let claims = vec![Claim { author: key(3).author(), count: 1, head: [0; 32], forked: Some(0) }];
    let boast = frontier(claims);
    assert_eq!(fault_of(&mut world, &boast), None);
    for _ in 0..SYNC_PAGE_COUNT_MAX {
        assert_eq!(fault_of(&mut world, &message::page(1, &[])), None);
    }
    let limit = SYNC_PAGE_COUNT_MAX;
    let fault = fault_of(&mut world, &message::page(1, &[]));
    assert_eq!(fault, Some(SyncFault::TooManyPages { limit }));
}

/// answers to nothing that is being asked change nothing, and are no fault: they may be late.
#[test]
fn answers_to_nothing_asked_are_ignored() {
    let mut world = linked();
    let block = world.write(1, 3);
    let (run, _) = world.nodes[1].dag.run_from(block, 9_999, &|_| true).expect("a run");
    for bytes in [
        message::page(7, &[run]),
        SyncMessage::Proof { number: 7, proof: b"none" }.encode(),
        SyncMessage::End { number: 7 }.encode(),
    ] {
        assert_eq!(fault_of(&mut world, &bytes), None);
    }
    assert_eq!(world.nodes[0].dag.held_count(), 0);
}

/// a block that breaks a rule is named with its rule and with who brought it.
#[test]
fn refused_block_names_who_brought_it() {
    let mut world = linked();
    let dag = &world.nodes[1].dag;
    let own = key(3);
    let credential = Credential::issue(&dag.room(), &key(103), &own.author(), 0, vec![]);
    let mut rng = Rng::new(Seed([1; 32]));
    let mut header = dag
        .draft(own.author(), Some(&credential), Flags::NONE, WallTime::from_ms(1), &mut rng)
        .expect("may write");
    header.height = 9;
    let run = VerifiedRun::sign(&dag.room(), &own, header, &[0; 16]).expect("a block");
    let block = &run.blocks()[0];
    let header = block.header().encode();
    let wire = UnverifiedBlock { header: &header, body: &[0; 16], signature: block.signature() };
    let page = SyncMessage::Page { number: 0, runs: vec![vec![wire]] }.encode();
    let Node { dag, sync, .. } = &mut world.nodes[0];
    let input = SyncInput::Message { from: link_to(1), bytes: &page };
    let outcome = sync.handle(now(0), dag, input);
    assert_eq!(outcome.fault, None);
    let refused = outcome.offered.refused[0];
    assert_eq!((refused.source, refused.block), (link_to(1), block.id()));
    assert_eq!(refused.fault, LedgerFault::WrongHeight { expected: 1, found: 9 });
}

/// a link that closes leaves nothing behind, and says nothing more.
#[test]
fn closed_link_leaves_nothing_behind() {
    let mut world = linked();
    let claims = vec![Claim { author: key(9).author(), count: 9, head: [0; 32], forked: None }];
    let boast = frontier(claims);
    assert_eq!(fault_of(&mut world, &boast), None);
    let Node { dag, sync, .. } = &mut world.nodes[0];
    assert!(!sync.is_idle());
    let _ = sync.handle(now(1), dag, SyncInput::LinkDown(link_to(1)));
    assert!(sync.is_idle());
    assert_eq!((sync.poll_timeout(), sync.poll_effect()), (None, None));
    let input = SyncInput::Message { from: link_to(1), bytes: &boast };
    let _ = sync.handle(now(2), dag, input);
    assert_eq!((sync.poll_timeout(), sync.poll_effect()), (None, None));
}

proptest! {
    /// arbitrary messages in any order never panic, and time never runs backwards.
    #[test]
    fn arbitrary_messages_never_panic(
        inputs in proptest::collection::vec(
            (0_u8..11, proptest::collection::vec(any::<u8>(), 0..80), 0_u64..20_000),
            0..40,
        ),
    ) {
        let mut world = World::new(1);
        let mut ms = 0;
        for (kind, bytes, later) in inputs {
            ms += later;
            let mut message = vec![0x82 + kind % 4, kind];
            message.extend(&bytes);
            let from = link_to(1);
            let input = match kind {
                9 => SyncInput::LinkUp(from),
                10 => SyncInput::Tick,
                _ => SyncInput::Message { from, bytes: &message },
            };
            let Node { dag, sync, .. } = &mut world.nodes[0];
            let _ = sync.handle(now(ms), dag, input);
            while sync.poll_effect().is_some() {}
            if matches!(input, SyncInput::Tick) {
                prop_assert!(sync.poll_timeout().is_none_or(|at| at.as_ms() > ms));
            }
        }
    }
}
