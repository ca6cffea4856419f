//! Golden bytes: `vectors/v1/ledger.json`, a room's blocks, their order, a fork and sync messages.
//!
//! How the file is written anew: [`super::golden`].

use meshlace_core::codec::Reader;
use meshlace_core::crypto::{Signature, Signing};
use meshlace_core::id::{BlockId, RoomId};
use meshlace_core::ledger::block::{self, Flags, Header, UnverifiedBlock};
use meshlace_core::ledger::sync::message::{Claim, Range, Request, Single, SyncMessage};
use meshlace_core::ledger::{
    BlockIndex, Credential, Dag, ForkProof, Genesis, Grant, Order, RoomKind, Source, Sync,
    SyncInput, VerifiedRun,
};
use meshlace_core::rng::{Rng, Seed};
use meshlace_core::time::{Now, Timestamp, WallTime};
use serde_json::{Value, json};

use super::golden;
use super::hex::{bytes_of, hex};

const FILE: &str = "ledger.json";

/// the bytes of version 1 are these.
#[test]
fn golden_vectors_of_the_ledger_are_what_is_written() {
    golden::assert_holds(FILE, &all());
}

/// the golden bytes are read as what they name.
#[test]
fn golden_vectors_of_the_ledger_are_read() {
    let golden = golden::read(FILE);
    let room = RoomId::from_bytes(array_of(&golden["room"]));
    let genesis = Genesis::read(&room, &bytes_of(&golden["genesis"])).expect("the genesis");
    let mut dag = Dag::new(genesis, Seed([9; 32]));
    for vector in golden["blocks"].as_array().expect("a list").iter().rev() {
        let (header, body) = (bytes_of(&vector["header"]), bytes_of(&vector["body"]));
        let signature = Some(Signature::from_bytes(array_of(&vector["signature"])));
        let wire = UnverifiedBlock { header: &header, body: &body, signature };
        let run = VerifiedRun::check(&room, &[wire]).expect("a block");
        assert_eq!(hex(run.blocks()[0].id().as_bytes()), vector["id"]);
        assert!(dag.offer(run, Source(1)).refused.is_empty());
    }
    let mut order = Order::new();
    order.settle(&dag);
    assert_eq!(ids_in_order(&dag, &order), golden["order"]);
    assert_eq!(hex(dag.digest().as_bytes()), golden["digest"]);
    let proof = ForkProof::check(&room, &bytes_of(&golden["fork"]["proof"])).expect("a proof");
    assert_eq!(json!(proof.seq()), golden["fork"]["seq"]);
    assert!(dag.note_fork(proof));
    order.settle(&dag);
    assert_eq!(ids_in_order(&dag, &order), golden["fork"]["order"]);
    assert_eq!(hex(dag.digest().as_bytes()), golden["fork"]["digest"]);
    let exchanged = golden["exchange"]["messages"].as_array().expect("a list");
    for vector in golden["sync"].as_array().expect("a list").iter().chain(exchanged) {
        let bytes = bytes_of(&vector["bytes"]);
        let message = SyncMessage::decode(&bytes).expect("a message");
        assert_eq!(message.encode(), bytes);
        assert_eq!(kind(&message), vector["kind"]);
    }
}

fn key(fill: u8) -> Signing {
    Signing::from_seed(&[fill; 32])
}

fn genesis() -> Genesis {
    Genesis::create(RoomKind::Owned, key(1).member(), "golden", [2; 16]).expect("a genesis")
}

/// The creator and one it grants to, each by one author, in turns.
fn write(room: &RoomId, dag: &mut Dag, author: u8, payload: &[u8]) -> VerifiedRun {
    let member = key(author);
    let own = key(author + 10);
    let grants = match author {
        1 => vec![],
        _ => vec![Grant::issue(room, &key(1), member.member(), false)],
    };
    let credential = Credential::issue(room, &member, &own.author(), 3, grants);
    let wall = WallTime::from_ms(1_700_000_000_000 + u64::from(dag.held_count()));
    let mut rng = Rng::new(Seed([author; 32]));
    let header =
        dag.draft(own.author(), Some(&credential), Flags::NONE, wall, &mut rng).expect("may write");
    let run = VerifiedRun::sign(room, &own, header, &block::salted([author; 16], payload));
    let run = run.expect("a block");
    assert_eq!(dag.offer(run.clone(), Source(0)).held_count, 1);
    run
}

fn all() -> Value {
    let genesis = genesis();
    let room = genesis.room();
    let mut dag = Dag::new(genesis.clone(), Seed([1; 32]));
    let runs: Vec<VerifiedRun> = [1, 2, 3, 2, 1, 1, 3]
        .iter()
        .enumerate()
        .map(|(number, author)| write(&room, &mut dag, *author, format!("{number}").as_bytes()))
        .collect();
    let mut order = Order::new();
    order.settle(&dag);
    let (before, digest) = (ids_in_order(&dag, &order), hex(dag.digest().as_bytes()));
    let claims: Vec<Claim> = dag.frontier().iter().map(Claim::of).collect();
    let twin = Header { wall: WallTime::from_ms(7), ..runs[3].blocks()[0].header().clone() };
    let twin = VerifiedRun::sign(&room, &key(12), twin, &[0; 16]).expect("a block");
    assert_eq!(dag.offer(twin, Source(1)).forked.len(), 1);
    order.settle(&dag);
    let proof = dag.fork_of(&key(12).author()).expect("a fork");
    json!({
        "about": "Golden bytes of a Meshlace ledger, version 1. See docs/protocol.md.",
        "room": hex(room.as_bytes()),
        "genesis": hex(genesis.bytes()),
        "public": {
            "name": "lobby",
            "room": hex(Genesis::public("lobby").expect("a genesis").room().as_bytes()),
        },
        "blocks": runs.iter().map(block_vector).collect::<Vec<_>>(),
        "order": before,
        "digest": digest,
        "fork": {
            "seq": proof.seq(),
            "proof": hex(proof.bytes()),
            "order": ids_in_order(&dag, &order),
            "digest": hex(dag.digest().as_bytes()),
        },
        "sync": sync_messages(claims, &runs, proof.bytes()),
        "exchange": exchange(&genesis, &runs),
    })
}

/// A peer with all blocks but the last two meets one with the first two and a push on its way: every
/// message until both are silent.
fn exchange(genesis: &Genesis, runs: &[VerifiedRun]) -> Value {
    let peer = |count: usize| {
        let mut dag = Dag::new(genesis.clone(), Seed([3; 32]));
        for run in runs.iter().take(count) {
            assert_eq!(dag.offer(run.clone(), Source(0)).held_count, 1);
        }
        (dag, Sync::new(Seed([4; 32])))
    };
    let mut peers = [peer(runs.len() - 2), peer(2)];
    link(&mut peers);
    // The first writes its next block and pushes it at once.
    let (dag, sync) = &mut peers[0];
    assert_eq!(dag.offer(runs[runs.len() - 2].clone(), Source(0)).held_count, 1);
    sync.push(at(0), dag, BlockIndex(dag.held_count() - 1));
    let messages = talk(&mut peers);
    assert_eq!(peers[0].0.digest(), peers[1].0.digest());
    json!({
        "held": [runs.len() - 1, 2],
        "messages": messages,
        "digest": hex(peers[0].0.digest().as_bytes()),
    })
}

fn at(ms: u64) -> Now {
    Now { monotonic: Timestamp::from_ms(ms), wall: WallTime::from_ms(ms) }
}

/// Joins two peers by a link, which both know by the same number.
pub(crate) fn link(peers: &mut [(Dag, Sync); 2]) {
    for (dag, sync) in peers {
        let _ = sync.handle(at(0), dag, SyncInput::LinkUp(Source(1)));
    }
}

/// Every message that two peers say, from now until both are silent.
pub(crate) fn talk(peers: &mut [(Dag, Sync); 2]) -> Vec<Value> {
    let mut messages: Vec<(usize, Vec<u8>)> = Vec::new();
    let (mut seen, mut ms) = (0, 0);
    loop {
        for (from, (_, sync)) in peers.iter_mut().enumerate() {
            while let Some(effect) = sync.poll_effect() {
                messages.push((from, effect.bytes));
            }
        }
        if let Some((from, bytes)) = messages.get(seen).cloned() {
            seen += 1;
            let (dag, sync) = &mut peers[1 - from];
            let input = SyncInput::Message { from: Source(1), bytes: &bytes };
            assert_eq!(sync.handle(at(ms), dag, input).fault, None);
            continue;
        }
        let next = peers.iter().filter_map(|(_, sync)| sync.poll_timeout()).min();
        let Some(next) = next else { break };
        ms = next.as_ms();
        for (dag, sync) in peers.iter_mut() {
            let _ = sync.handle(at(ms), dag, SyncInput::Tick);
        }
    }
    let message = |(from, bytes): &(usize, Vec<u8>)| {
        let decoded = SyncMessage::decode(bytes).expect("a message");
        json!({ "from": from, "kind": kind(&decoded), "bytes": hex(bytes) })
    };
    messages.iter().map(message).collect()
}

fn block_vector(run: &VerifiedRun) -> Value {
    let block = &run.blocks()[0];
    vector_of(run, &block::salted(salt_of(block.payload(), run), block.payload()))
}

pub(crate) fn vector_of(run: &VerifiedRun, body: &[u8]) -> Value {
    let block = &run.blocks()[0];
    json!({
        "id": hex(block.id().as_bytes()),
        "header": hex(&block.header().encode()),
        "body": hex(body),
        "signature": hex(block.signature().expect("signed").as_bytes()),
    })
}

/// Bodies are salted with the number of the author's member, which its key tells.
fn salt_of(payload: &[u8], run: &VerifiedRun) -> [u8; 16] {
    let header = run.blocks()[0].header();
    (1..=3)
        .map(|author| [author; 16])
        .find(|salt| block::body_hash(&block::salted(*salt, payload)) == header.body_hash)
        .expect("a salt")
}

fn sync_messages(claims: Vec<Claim>, runs: &[VerifiedRun], proof: &[u8]) -> Vec<Value> {
    let block = &runs[0].blocks()[0];
    let header = block.header().encode();
    let body = block::salted(salt_of(block.payload(), &runs[0]), block.payload());
    let wire = UnverifiedBlock { header: &header, body: &body, signature: block.signature() };
    let request = Request {
        number: 3,
        ranges: vec![Range { author: key(11).author(), from: 0, to: 300 }],
        singles: vec![Single { id: BlockId::from_bytes([5; 32]), down: 255 }],
        proofs: vec![key(12).author()],
    };
    let messages = [
        SyncMessage::Digest([4; 32]),
        SyncMessage::Frontier { digest: [4; 32], asks_back: true, claims },
        SyncMessage::Frontier { digest: [4; 32], asks_back: false, claims: vec![] },
        SyncMessage::Request(request),
        SyncMessage::Page { number: 3, runs: vec![vec![wire]] },
        SyncMessage::Proof { number: 3, proof },
        SyncMessage::End { number: 3 },
        SyncMessage::Seen(vec![(key(11).author(), 300)]),
    ];
    let vector = |message: &SyncMessage<'_>| json!({ "kind": kind(message), "bytes": hex(&message.encode()) });
    messages.iter().map(vector).collect()
}

const fn kind(message: &SyncMessage<'_>) -> &'static str {
    match message {
        SyncMessage::Digest(_) => "digest",
        SyncMessage::Frontier { .. } => "frontier",
        SyncMessage::Request(_) => "request",
        SyncMessage::Page { .. } => "page",
        SyncMessage::Proof { .. } => "proof",
        SyncMessage::End { .. } => "end",
        SyncMessage::Seen(_) => "seen",
        SyncMessage::Reconcile(_) => "reconcile",
        SyncMessage::Bands(_) => "bands",
    }
}

fn ids_in_order(dag: &Dag, order: &Order) -> Value {
    let ids = order.from(0).filter_map(|at| dag.block(at)).map(|view| hex(view.id.as_bytes()));
    Value::from(ids.collect::<Vec<_>>())
}

pub(crate) fn array_of<const N: usize>(value: &Value) -> [u8; N] {
    bytes_of(value).try_into().expect("as many bytes")
}

/// a golden header is refused when one byte is missing, wherever.
#[test]
fn golden_headers_are_refused_cut() {
    let golden = golden::read(FILE);
    let header = bytes_of(&golden["blocks"][0]["header"]);
    assert!(Reader::new(&header).fields(11).is_ok());
    for len in 0..header.len() {
        assert!(Header::decode(&header[..len]).is_err(), "cut at {len}");
    }
}

/// an address and the ledger give a public room the same id.
#[test]
fn public_room_has_one_id_everywhere() {
    let genesis = Genesis::public("lobby").expect("a genesis");
    assert_eq!(genesis.room(), meshlace_core::signalling::keys::public_room_id("lobby"));
}
