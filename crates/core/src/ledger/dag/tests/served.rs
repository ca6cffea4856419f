use super::*;

fn read(dag: &Dag, bytes: &[u8]) -> VerifiedRun {
    let mut reader = Reader::new(bytes);
    let count = reader.array(RUN_COUNT_MAX).expect("an array");
    let blocks: Vec<_> =
        (0..count).map(|_| UnverifiedBlock::read(&mut reader).expect("a block")).collect();
    reader.end().expect("nothing more");
    VerifiedRun::check(&dag.room(), &blocks).expect("a true run")
}

/// Hands the whole of an author's chain from one ledger to another, and counts the runs.
fn hand_over(from: &Dag, to: &mut Dag, author: u8, bytes_max: usize) -> usize {
    let mut runs = 0;
    loop {
        let Some(first) = from.block_of(&key(author).author(), to.count_of(&key(author).author()))
        else {
            return runs;
        };
        let (bytes, _) = from.run_from(first, bytes_max, &|_| false).expect("a run");
        assert!(bytes.len() <= bytes_max + 70);
        let run = read(from, &bytes);
        assert!(to.offer(run, PEER).refused.is_empty());
        runs += 1;
    }
}

/// a chain is served in runs of up to 256 blocks, one signature each, and what came so
/// can be served on.
#[test]
fn chain_is_served_in_runs_and_served_on() {
    let (mut a, mut b, mut c) = (dag(), dag_of(RoomKind::Open, 2), dag_of(RoomKind::Open, 3));
    for _ in 0..600 {
        alone(&mut a, 1, b"");
    }
    assert_eq!(hand_over(&a, &mut b, 1, RUN_BYTES_MAX), 3);
    assert_eq!(b.signatures.len(), 3);
    assert_eq!(hand_over(&b, &mut c, 1, RUN_BYTES_MAX), 3);
    assert_eq!((c.held_count(), c.digest()), (600, a.digest()));
    let middle = c.block_of(&key(1).author(), 100).expect("held");
    let (bytes, last) = c.run_from(middle, RUN_BYTES_MAX, &|_| true).expect("a run");
    assert_eq!(read(&c, &bytes).blocks().len(), 156);
    assert_eq!(c.block(last).map(|view| view.seq), Some(255));
}

/// a run that would not fit ends at an earlier signature, and none is served without one.
#[test]
fn run_ends_at_a_signature_within_its_bytes() {
    let (mut a, mut b) = (dag(), dag_of(RoomKind::Open, 2));
    for _ in 0..10 {
        alone(&mut a, 1, &[0; 1_000]);
    }
    let first = a.block_of(&key(1).author(), 0).expect("held");
    let (bytes, last) = a.run_from(first, 5_000, &|_| false).expect("a run");
    assert_eq!((read(&a, &bytes).blocks().len(), a.block(last).map(|it| it.seq)), (4, Some(3)));
    assert_eq!(hand_over(&a, &mut b, 1, RUN_BYTES_MAX), 1);
    let first = b.block_of(&key(1).author(), 0).expect("held");
    assert_eq!(b.run_from(first, 5_000, &|_| false), None);
    assert!(b.run_from(first, RUN_BYTES_MAX, &|_| false).is_some());
}

/// a signature that comes later is taken over.
#[test]
fn signature_that_was_missing_is_taken_over() {
    let (mut a, mut b) = (dag(), dag_of(RoomKind::Open, 2));
    let runs: Vec<VerifiedRun> = (0..4).map(|_| alone(&mut a, 1, b"")).collect();
    hand_over(&a, &mut b, 1, RUN_BYTES_MAX);
    assert_eq!(b.signatures.len(), 1);
    assert_eq!(b.offer(runs[1].clone(), PEER).known_count, 1);
    assert_eq!(b.signatures.len(), 2);
}

/// equal digests mean equal sets; any block, and any fork, changes it.
#[test]
fn digest_tells_sets_apart_whatever_the_order_of_arrival() {
    let (mut a, mut b) = (dag(), dag_of(RoomKind::Open, 2));
    let empty = a.digest();
    let runs: Vec<VerifiedRun> = (1..=4).map(|author| alone(&mut a, author, b"")).collect();
    for run in runs.iter().rev() {
        assert_ne!(a.digest(), b.digest());
        let _ = b.offer(run.clone(), PEER);
    }
    assert_eq!(a.digest(), b.digest());
    assert_ne!(a.digest(), empty);
    let elsewhere = dag_of(RoomKind::Public, 1);
    assert_ne!(elsewhere.digest(), empty);
}
