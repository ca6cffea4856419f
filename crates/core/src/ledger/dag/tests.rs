use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::codec::Reader;
use crate::crypto::Signing;
use crate::ledger::block::{Anchor, Header, Parents, UnverifiedBlock, salted};
use crate::ledger::order::Order;
use crate::limits::{
    PENDING_AUTHOR_COUNT_MAX, PENDING_COUNT_MAX, PENDING_PEER_COUNT_MAX, RUN_BYTES_MAX,
    RUN_COUNT_MAX,
};
use crate::rng::Rng;

mod forks;
mod limits;
mod served;

const OWN: Source = Source(0);
const PEER: Source = Source(7);

fn key(fill: u8) -> Signing {
    Signing::from_seed(&[fill; 32])
}

fn genesis(kind: RoomKind) -> Genesis {
    match kind {
        RoomKind::Public => Genesis::public("lobby").expect("a genesis"),
        kind => Genesis::create(kind, key(200).member(), "board", [7; 16]).expect("a genesis"),
    }
}

fn dag_of(kind: RoomKind, seed: u8) -> Dag {
    Dag::new(genesis(kind), Seed([seed; 32]))
}

fn dag() -> Dag {
    dag_of(RoomKind::Open, 1)
}

/// The author whose keys have these seeds: its own, and its member's 100 above.
fn credential(dag: &Dag, author: u8) -> Credential {
    Credential::issue(&dag.room(), &key(author + 100), &key(author).author(), 0, vec![])
}

fn draft(dag: &Dag, author: u8) -> Header {
    let mut rng = Rng::new(Seed([author; 32]));
    let credential = credential(dag, author);
    let wall = WallTime::from_ms(5);
    dag.draft(key(author).author(), Some(&credential), Flags::NONE, wall, &mut rng)
        .expect("an author that may write")
}

fn sign(dag: &Dag, author: u8, header: Header, payload: &[u8]) -> VerifiedRun {
    VerifiedRun::sign(&dag.room(), &key(author), header, &salted([author; 16], payload))
        .expect("a block")
}

/// Writes the next block of an author, citing tips, and holds it. Returns it as a run of one.
fn write(dag: &mut Dag, author: u8, payload: &[u8]) -> VerifiedRun {
    let run = sign(dag, author, draft(dag, author), payload);
    let offered = dag.offer(run.clone(), OWN);
    assert_eq!((offered.held_count, offered.refused.len()), (1, 0));
    run
}

/// The next block of an author, citing nobody.
fn alone(dag: &mut Dag, author: u8, payload: &[u8]) -> VerifiedRun {
    let header = draft(dag, author);
    let below = header.prev.and_then(|id| dag.index_of(&id)).and_then(|at| dag.block(at));
    let height = below.map_or(1, |below| below.height + 1);
    let header = Header { parents: Parents::default(), height, ..header };
    let run = sign(dag, author, header, payload);
    assert_eq!(dag.offer(run.clone(), OWN).held_count, 1);
    run
}

fn id_of(run: &VerifiedRun) -> BlockId {
    run.blocks()[0].id()
}

/// What a block that says this is refused for.
fn refusal(dag: &mut Dag, author: u8, header: Header) -> LedgerFault {
    let run = sign(dag, author, header, b"x");
    let offered = dag.offer(run.clone(), PEER);
    assert_eq!(offered.held_count, 0);
    let refused = offered.refused.first().expect("a refusal");
    assert_eq!((refused.source, refused.block), (PEER, id_of(&run)));
    refused.fault
}

/// what a block names must be held; until then it waits, and then it is held too.
#[test]
fn block_waits_for_its_ancestors() {
    let (mut ours, mut theirs) = (dag(), dag_of(RoomKind::Open, 2));
    let runs: Vec<VerifiedRun> = (0..6_u8).map(|n| write(&mut ours, n % 3, &[n])).collect();
    for run in runs.iter().skip(1).rev() {
        let offered = theirs.offer(run.clone(), PEER);
        assert_eq!((offered.held_count, offered.pending_count), (0, 1));
    }
    assert_eq!(theirs.pending_count(), 5);
    assert_eq!(theirs.missing(9).len(), 1);
    assert_eq!(theirs.offer(runs[0].clone(), PEER).held_count, 6);
    assert_eq!((theirs.pending_count(), theirs.digest()), (0, ours.digest()));
}

/// offering what is here already changes nothing.
#[test]
fn offering_twice_changes_nothing() {
    let mut dag = dag();
    let run = write(&mut dag, 1, b"a");
    let before = dag.digest();
    let offered = dag.offer(run, PEER);
    assert_eq!((offered.known_count, offered.held_count), (1, 0));
    assert_eq!((dag.digest(), dag.held_count()), (before, 1));
}

/// the previous block is the author's own.
#[test]
fn refuses_prev_of_another_author() {
    let mut dag = dag();
    let other = id_of(&write(&mut dag, 1, b"a"));
    let header = Header { seq: 1, prev: Some(other), credential: None, ..draft(&dag, 2) };
    assert_eq!(refusal(&mut dag, 2, header), LedgerFault::PrevAuthor);
}

/// the previous block is the one before.
#[test]
fn refuses_prev_that_is_not_the_one_before() {
    let mut dag = dag();
    alone(&mut dag, 1, b"a");
    let header = Header { seq: 3, ..draft(&dag, 1) };
    let fault = LedgerFault::PrevSeq { expected: 2, found: 0 };
    assert_eq!(refusal(&mut dag, 1, header), fault);
}

/// parents are blocks of others.
#[test]
fn refuses_own_block_as_parent() {
    let mut dag = dag();
    let own = id_of(&write(&mut dag, 1, b"a"));
    let header = Header { parents: Parents::new(&[own]), ..draft(&dag, 1) };
    assert_eq!(refusal(&mut dag, 1, header), LedgerFault::ParentOwn);
}

/// parents are blocks of distinct others.
#[test]
fn refuses_two_parents_of_one_author() {
    let mut dag = dag();
    let ids = [id_of(&alone(&mut dag, 1, b"a")), id_of(&alone(&mut dag, 1, b"b"))];
    let header = Header { parents: Parents::new(&ids), height: 3, ..draft(&dag, 2) };
    assert_eq!(refusal(&mut dag, 2, header), LedgerFault::ParentAuthorTwice);
}

/// there are no checkpoints to anchor in yet.
#[test]
fn refuses_unknown_anchor() {
    let mut dag = dag();
    let anchor = Anchor::Checkpoint { index: 3, id: BlockId::from_bytes([1; 32]) };
    let header = Header { anchor, ..draft(&dag, 1) };
    assert_eq!(refusal(&mut dag, 1, header), LedgerFault::UnknownAnchor { found: 3 });
}

/// the height is one more than the greatest below, neither less nor more.
#[test]
fn refuses_wrong_height() {
    let mut dag = dag();
    write(&mut dag, 1, b"a");
    write(&mut dag, 2, b"b");
    for found in [0, 1, 2, 4, u32::MAX] {
        let header = Header { height: found, ..draft(&dag, 1) };
        let fault = LedgerFault::WrongHeight { expected: 3, found };
        assert_eq!(refusal(&mut dag, 1, header), fault);
    }
}

/// a first block whose credential does not hold is refused, and nothing waits for it.
#[test]
fn refuses_first_block_without_a_true_credential() {
    let mut dag = dag();
    let stolen = Box::new(credential(&dag, 2));
    let header = Header { credential: Some(stolen), ..draft(&dag, 1) };
    assert_eq!(refusal(&mut dag, 1, header), LedgerFault::BadCertificate);
    let mut owned = dag_of(RoomKind::Owned, 1);
    let header = draft(&owned, 1);
    assert_eq!(refusal(&mut owned, 1, header), LedgerFault::NotGranted);
}

/// evidence that proves nothing.
#[test]
fn refuses_evidence_without_a_proof() {
    let mut dag = dag();
    let header = Header { flags: Flags::EVIDENCE, ..draft(&dag, 1) };
    assert_eq!(refusal(&mut dag, 1, header), LedgerFault::BadEvidence);
}

/// what waited for a refused block goes with it.
#[test]
fn blocks_above_a_refused_one_are_dropped() {
    let mut dag = dag();
    let bad = sign(&dag, 1, Header { height: 9, ..draft(&dag, 1) }, b"bad");
    let above =
        Header { seq: 1, prev: Some(id_of(&bad)), height: 10, credential: None, ..draft(&dag, 1) };
    let above = sign(&dag, 1, above, b"above");
    assert_eq!(dag.offer(above, PEER).pending_count, 1);
    let offered = dag.offer(bad, PEER);
    assert_eq!((offered.refused.len(), offered.dropped_count, dag.pending_count()), (1, 1, 0));
}

/// tips are what nobody names, and a block names at most eight of others, the older half of
/// them first.
#[test]
fn parents_are_drawn_from_the_tips_older_half_first() {
    let mut dag = dag();
    for author in 1..=10 {
        alone(&mut dag, author, b"a");
    }
    assert_eq!(dag.tips().len(), 10);
    let header = draft(&dag, 11);
    assert_eq!((header.parents.as_slice().len(), header.height), (8, 2));
    for author in 1..=5 {
        let older = dag.block_of(&key(author).author(), 0).and_then(|at| dag.block(at));
        let older = older.expect("held");
        assert!(header.parents.as_slice().contains(&older.id), "author {author}");
    }
    write(&mut dag, 11, b"joins eight");
    assert_eq!(dag.tips().len(), 3);
    let own = id_of(&write(&mut dag, 11, b"joins the rest"));
    assert_eq!(dag.tips(), [dag.index_of(&own).expect("held")]);
}

/// the order rises by height, and an edge never points forward.
#[test]
fn order_is_causal_and_tells_from_where_it_changed() {
    let (mut ours, mut order) = (dag(), Order::new());
    for n in 0..30_u8 {
        write(&mut ours, n % 4, &[n]);
    }
    assert_eq!(order.settle(&ours), Some(0));
    for index in order.from(0) {
        let place = order.place_of(&ours, index).expect("in order");
        for named in ours.names_of(index) {
            assert!(order.place_of(&ours, named).expect("in order") < place);
        }
    }
    assert_eq!(order.settle(&ours), None);
    let before: Vec<BlockIndex> = order.from(0).collect();
    alone(&mut ours, 9, b"late, and low");
    let changed = order.settle(&ours).expect("a change");
    assert!(changed < 4, "the first block of a newcomer lies among the first, not at {changed}");
    assert_eq!(order.from(0).take(changed).collect::<Vec<_>>(), before[..changed]);
    assert_eq!(order.from(changed + 1).collect::<Vec<_>>(), before[changed..]);
}

/// a header written anew is the header received, whatever it holds.
#[test]
fn held_header_is_written_as_it_came() {
    let mut dag = dag();
    for n in 0..12_u8 {
        let run = write(&mut dag, n % 5, &[n]);
        let index = dag.index_of(&id_of(&run)).expect("held");
        assert_eq!(dag.header_of(index).as_ref(), Some(run.blocks()[0].header()));
    }
}
