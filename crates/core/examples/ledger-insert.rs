//! How long 100,000 blocks of ten authors take to check and hold, against hashing each header and
//! body once: `cargo run --release -p meshlace-core --example ledger-insert`.
//!
//! Both sides in one run, the median of five; blocks come as a cold sync brings them, in runs of
//! up to 256 with one signature each. With `--file PATH` it writes them as a file of the public room
//! `bench` instead, for pages to import; each holds one action of a store named `board`.
#![allow(clippy::expect_used, reason = "a measurement that cannot go on says so")]

use std::time::{Duration, Instant};

use meshlace_core::crypto::{Signature, Signing};
use meshlace_core::id::RoomId;
use meshlace_core::ledger::block::{self, Flags, UnverifiedBlock};
use meshlace_core::ledger::{
    BlockIndex, Credential, Dag, FileItem, Genesis, Order, RoomKind, Source, VerifiedRun,
};
use meshlace_core::rng::{Rng, Seed};
use meshlace_core::time::WallTime;

const AUTHOR_COUNT: usize = 10;
const BLOCK_COUNT: usize = 100_000;

struct Wire {
    header: Vec<u8>,
    body: Vec<u8>,
}

/// Consecutive blocks of one author, and the signature of the last.
struct Run {
    wires: Vec<Wire>,
    signature: Signature,
}

/// `{ type: 'move', to: 'e4' }` for the store `board`, as in `vectors/v1/actions.json`.
const PAYLOAD: &[u8] = b"\x85\x01\x81\x82\x65board\x82\x62to\x64type\x81\x00\x81\x62e4\x64move";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [] => measure(),
        [flag, path] if flag == "--file" => {
            let genesis = Genesis::public("bench").expect("a name");
            std::fs::write(path, file(&genesis)).expect("a file that can be written");
        }
        _ => println!("usage: ledger-insert [--file PATH]"),
    }
}

/// All blocks as one file, each run with the one signature it came with.
fn file(genesis: &Genesis) -> Vec<u8> {
    let dag = hold(genesis, &write(genesis));
    let mut bytes = FileItem::of_genesis(genesis).encode();
    bytes.extend_from_slice(&dag.export_from(BlockIndex(0), usize::MAX).0);
    bytes
}

fn measure() {
    let key = Signing::from_seed(&[1; 32]);
    let genesis =
        Genesis::create(RoomKind::Open, key.member(), "bench", [1; 16]).expect("a genesis");
    let (runs, writing) = timed(|| write(&genesis));
    println!("written and signed, block by block: {writing:?}");
    let mut hashing: Vec<Duration> = Vec::new();
    let mut holding: Vec<Duration> = Vec::new();
    let mut bytes = 0;
    for _ in 0..5 {
        hashing.push(timed(|| hash(&genesis.room(), &runs)).1);
        let (dag, took) = timed(|| hold(&genesis, &runs));
        holding.push(took);
        bytes = dag.memory_bytes() / dag.held_count() as usize;
    }
    let (hashing, holding) = (median(hashing), median(holding));
    let ratio = holding.as_secs_f64() / hashing.as_secs_f64();
    println!("{BLOCK_COUNT} blocks of {AUTHOR_COUNT} authors in {} runs", runs.len());
    println!("hashing each header and body once: {hashing:?}");
    println!("checking, holding and ordering: {holding:?}, {ratio:.2} times as long");
    println!("memory for each held block, bodies apart: {bytes} bytes");
    late_blocks(&genesis, &runs);
}

/// What a block costs that comes late, so that so many others move; against sorting all anew.
fn late_blocks(genesis: &Genesis, runs: &[Run]) {
    let mut dag = hold(genesis, runs);
    let mut order = Order::new();
    order.settle(&dag);
    let (_, anew) = timed(|| Order::new().settle(&dag));
    println!("the order of {BLOCK_COUNT} blocks from nothing: {anew:?}");
    for (number, moved) in [1_usize, 10, 100, 1_000, 10_000, 100_000].into_iter().enumerate() {
        let times = (0..9_u8).map(|try_number| {
            let key = Signing::from_seed(
                &[100 + try_number, u8::try_from(number).expect("small")]
                    .repeat(16)
                    .try_into()
                    .expect("32 bytes"),
            );
            let below = order.at(order.len() - moved).and_then(|at| dag.header_of(at));
            let below = below.expect("in order");
            let credential = Credential::issue(&genesis.room(), &key, &key.author(), 0, vec![]);
            let header = block::Header {
                credential: Some(Box::new(credential)),
                seq: 0,
                prev: None,
                ..below
            };
            let body = block::salted([1; 16], b"late");
            let run = VerifiedRun::sign(&genesis.room(), &key, header, &body).expect("a block");
            let offered = dag.offer(run, Source(2));
            assert_eq!(offered.held_count, 1, "{offered:?}");
            let (changed, took) = timed(|| order.settle(&dag));
            let behind = order.len() - changed.expect("a change");
            assert!(behind.abs_diff(moved) < 100, "{behind} moved");
            took
        });
        let took = median(times.collect());
        println!("a late block that moves {moved}: {took:?}");
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Authors take turns; each block names what the others wrote before.
fn write(genesis: &Genesis) -> Vec<Run> {
    let mut dag = Dag::new(genesis.clone(), Seed([1; 32]));
    let mut rng = Rng::new(Seed([2; 32]));
    let keys: Vec<Signing> = (0..AUTHOR_COUNT)
        .map(|author| Signing::from_seed(&[u8::try_from(author).expect("small"); 32]))
        .collect();
    for number in 0..BLOCK_COUNT {
        let key = &keys[number % AUTHOR_COUNT];
        let first = || Credential::issue(&genesis.room(), key, &key.author(), 0, vec![]);
        let first = (number < AUTHOR_COUNT).then(first);
        let wall = WallTime::from_ms(1_700_000_000_000 + number as u64);
        let header = dag
            .draft(key.author(), first.as_ref(), Flags::NONE, wall, &mut rng)
            .expect("may write");
        let body = block::salted(rng.bytes(), PAYLOAD);
        let run = VerifiedRun::sign(&genesis.room(), key, header, &body).expect("a block");
        assert_eq!(dag.offer(run, Source(0)).held_count, 1);
    }
    // Page by page, a stretch of each author in turn, as they were written.
    let mut runs = Vec::new();
    let mut from = 0;
    let per_author = u32::try_from(BLOCK_COUNT / AUTHOR_COUNT).expect("small");
    while from < per_author {
        let to = (from + 250).min(per_author);
        for key in &keys {
            let index = |seq: u32| dag.block_of(&key.author(), seq).expect("held");
            let wires = (from..to).map(|seq| wire(&dag, index(seq))).collect();
            let last = dag.block(index(to - 1)).expect("held");
            runs.push(Run { wires, signature: last.signature.expect("signed") });
        }
        from = to;
    }
    runs
}

fn wire(dag: &Dag, index: BlockIndex) -> Wire {
    let header = dag.header_of(index).expect("held").encode();
    Wire { header, body: dag.body_of(index).expect("held").to_vec() }
}

fn hash(room: &RoomId, runs: &[Run]) -> u8 {
    let mut all = 0;
    for wire in runs.iter().flat_map(|run| &run.wires) {
        all ^= block::block_id(room, &wire.header).as_bytes()[0];
        all ^= block::body_hash(&wire.body).as_bytes()[0];
    }
    all
}

fn hold(genesis: &Genesis, runs: &[Run]) -> Dag {
    let mut dag = Dag::new(genesis.clone(), Seed([3; 32]));
    let mut order = Order::new();
    for Run { wires, signature } in runs {
        let last = wires.len() - 1;
        let blocks: Vec<UnverifiedBlock<'_>> = wires
            .iter()
            .enumerate()
            .map(|(at, wire)| UnverifiedBlock {
                header: &wire.header,
                body: &wire.body,
                signature: (at == last).then_some(*signature),
            })
            .collect();
        let run = VerifiedRun::check(&genesis.room(), &blocks).expect("a true run");
        let _ = dag.offer(run, Source(1));
        order.settle(&dag);
    }
    assert_eq!(dag.held_count() as usize, BLOCK_COUNT);
    assert_eq!(order.len(), BLOCK_COUNT);
    dag
}
