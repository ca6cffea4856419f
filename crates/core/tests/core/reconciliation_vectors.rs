//! Golden bytes: `vectors/v1/reconciliation.json`, two histories of one author whose ids agree in their
//! first eight bytes, and all that two peers say until both know of the fork.
//!
//! The two were found by 3.5 * 10^9 hashes: ten minutes on one core.
//! How the file is written anew: [`super::golden`].

use std::collections::{BTreeMap, BTreeSet};

use meshlace_core::crypto::{Context, Signature, Signing, derive};
use meshlace_core::id::{BlockId, Nonce, RoomId};
use meshlace_core::ledger::block::{self, Flags, Header, UnverifiedBlock};
use meshlace_core::ledger::sync::message::{Bands, Edge, SKIP, SyncMessage};
use meshlace_core::ledger::{
    Anchor, BlockIndex, Credential, Dag, Genesis, Parents, RoomKind, Source, Sync, VerifiedRun,
};
use meshlace_core::rng::{Rng, Seed};
use meshlace_core::time::WallTime;
use serde_json::{Value, json};

use super::golden;
use super::hex::{bytes_of, hex};
use super::ledger_vectors::{array_of, link, talk, vector_of};

const FILE: &str = "reconciliation.json";

/// What the author's clock says in the two blocks that agree.
const GROUND: [u64; 2] = [0x499d_d84d_52d6_3b5b, 0x246a_db26_9f31_f011];

/// the bytes of version 1 are these.
#[test]
fn golden_vectors_of_a_reconciliation_are_what_is_written() {
    golden::assert_holds(FILE, &all());
}

/// the ids agree in as much as a frontier has of them; both peers end with the proof.
#[test]
fn golden_histories_agree_in_eight_bytes_and_end_as_a_fork() {
    let golden = golden::read(FILE);
    let ids = ["left", "right"].map(|side| bytes_of(&golden[side]["id"]));
    assert!(ids[0][..8] == ids[1][..8] && ids[0] != ids[1]);
    let mut peers = ["left", "right"].map(|side| peer(&golden, side));
    let digests = peers.each_ref().map(|(dag, _)| dag.digest());
    assert!(digests[0] != digests[1]);
    link(&mut peers);
    assert_eq!(Value::from(talk(&mut peers)), golden["messages"]);
    for (dag, _) in &peers {
        assert_eq!(hex(dag.digest().as_bytes()), golden["digest"]);
        let proof = dag.fork_of(&key(11).author()).expect("a fork");
        assert_eq!((proof.seq(), dag.count_of(&key(11).author())), (1, 1));
    }
}

/// every imprint in the golden messages is what the protocol says, computed from the blocks
/// that their sender held.
#[test]
fn golden_imprints_are_hashes_of_nonces_and_ids() {
    let golden = golden::read(FILE);
    let held = ["left", "right"].map(|side| places(&golden, side));
    let messages = golden["messages"].as_array().expect("a list");
    let mut nonces: BTreeSet<Nonce> = BTreeSet::new();
    let (mut imprint_count, mut list_count) = (0, 0);
    for message in messages {
        let bytes = bytes_of(&message["bytes"]);
        match SyncMessage::decode(&bytes).expect("a message") {
            SyncMessage::Reconcile(nonce) => assert!(nonces.insert(nonce)),
            SyncMessage::Bands(Bands { name, bands, listed }) => {
                let imprint = |ids: &[BlockId]| {
                    let nonces = nonces.iter().map(|nonce| &nonce.as_bytes()[..]);
                    let ids = ids.iter().map(|id| &id.as_bytes()[..]);
                    let parts: Vec<&[u8]> = nonces.chain(ids).collect();
                    derive(Context::IMPRINT, &parts).as_bytes()[..16].to_vec()
                };
                assert_eq!((nonces.len(), &imprint(&[])[..]), (2, &name[..]));
                let own = &held[usize::from(message["from"] == 1)];
                let mut from = Edge { height: 0, id: BlockId::from_bytes([0; 32]) };
                for band in bands {
                    let within = own.range(from..band.edge);
                    let ids: Vec<BlockId> = within.map(|(_, id)| *id).collect();
                    from = band.edge;
                    if band.imprint == name {
                        list_count += 1;
                        let list = listed.iter().map(|it| it.id).filter(|id| ids.contains(id));
                        assert_eq!(list.collect::<Vec<_>>(), ids);
                    } else if band.imprint != SKIP {
                        imprint_count += 1;
                        assert_eq!(imprint(&ids), band.imprint);
                    }
                }
            }
            _ => {}
        }
    }
    assert!(imprint_count > 10 && list_count > 0, "{imprint_count}, {list_count}");
}

/// All blocks of one side, in an order in which each is held at once.
fn blocks<'a>(golden: &'a Value, side: &str) -> impl Iterator<Item = &'a Value> {
    golden["common"].as_array().expect("a list").iter().chain([&golden[side]])
}

fn peer(golden: &Value, side: &str) -> (Dag, Sync) {
    let room = RoomId::from_bytes(array_of(&golden["room"]));
    let genesis = Genesis::read(&room, &bytes_of(&golden["genesis"])).expect("the genesis");
    let mut dag = Dag::new(genesis, Seed([9; 32]));
    for vector in blocks(golden, side) {
        let (header, body) = (bytes_of(&vector["header"]), bytes_of(&vector["body"]));
        let signature = Some(Signature::from_bytes(array_of(&vector["signature"])));
        let wire = UnverifiedBlock { header: &header, body: &body, signature };
        let run = VerifiedRun::check(&room, &[wire]).expect("a block");
        assert_eq!(hex(run.blocks()[0].id().as_bytes()), vector["id"]);
        assert_eq!(dag.offer(run, Source(1)).held_count, 1);
    }
    (dag, Sync::new(Seed([side.as_bytes()[0]; 32])))
}

fn places(golden: &Value, side: &str) -> BTreeMap<Edge, BlockId> {
    let (dag, _) = peer(golden, side);
    let held = (0..dag.held_count()).filter_map(|at| dag.block(BlockIndex(at)));
    held.map(|it| (Edge { height: it.height, id: it.id }, it.id)).collect()
}

fn key(fill: u8) -> Signing {
    Signing::from_seed(&[fill; 32])
}

fn all() -> Value {
    let genesis = Genesis::create(RoomKind::Open, key(1).member(), "ground", [3; 16]);
    let genesis = genesis.expect("a genesis");
    let room = genesis.room();
    let author = key(11);
    let body = |number: usize| block::salted([11; 16], &[b"01"[number]]);
    let credential = Credential::issue(&room, &key(1), &author.author(), 0, vec![]);
    let header = Header {
        author: author.author(),
        seq: 0,
        prev: None,
        parents: Parents::default(),
        anchor: Anchor::Genesis,
        height: 1,
        flags: Flags::NONE,
        wall: WallTime::from_ms(1_700_000_000_000),
        body_bytes: 17,
        body_hash: block::body_hash(&body(0)),
        credential: Some(Box::new(credential)),
    };
    let first = VerifiedRun::sign(&room, &author, header.clone(), &body(0)).expect("a block");
    let prev = Some(first.blocks()[0].id());
    let body_hash = block::body_hash(&body(1));
    let header = Header { seq: 1, prev, height: 2, body_hash, credential: None, ..header };
    let [left, right] = GROUND.map(|wall| {
        let header = Header { wall: WallTime::from_ms(wall), ..header.clone() };
        vector_of(&VerifiedRun::sign(&room, &author, header, &body(1)).expect("a block"), &body(1))
    });
    let mut common = vec![vector_of(&first, &body(0))];
    common.extend(others(&genesis));
    let mut golden = json!({
        "about": "Golden bytes of two histories ground to hide in frontiers, and of finding them out, \
                  version 1. See docs/protocol.md.",
        "room": hex(room.as_bytes()),
        "genesis": hex(genesis.bytes()),
        "common": common,
        "left": left,
        "right": right,
    });
    let mut peers = ["left", "right"].map(|side| peer(&golden, side));
    link(&mut peers);
    golden["messages"] = Value::from(talk(&mut peers));
    golden["digest"] = Value::from(hex(peers[0].0.digest().as_bytes()));
    golden
}

/// What another author writes, who met neither.
fn others(genesis: &Genesis) -> Vec<Value> {
    let (room, own) = (genesis.room(), key(12));
    let mut dag = Dag::new(genesis.clone(), Seed([1; 32]));
    let credential = Credential::issue(&room, &key(2), &own.author(), 0, vec![]);
    let mut rng = Rng::new(Seed([2; 32]));
    let written = (0..20).map(|number: u8| {
        let wall = WallTime::from_ms(1_700_000_000_000 + u64::from(number));
        let header = dag.draft(own.author(), Some(&credential), Flags::NONE, wall, &mut rng);
        let body = block::salted([12; 16], &[number]);
        let run = VerifiedRun::sign(&room, &own, header.expect("may write"), &body);
        let run = run.expect("a block");
        assert_eq!(dag.offer(run.clone(), Source(0)).held_count, 1);
        vector_of(&run, &body)
    });
    written.collect()
}
