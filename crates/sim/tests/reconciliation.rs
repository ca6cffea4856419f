//! Ledgers that differ where frontiers do not show it, and peers that abuse what finds it out.

use meshlace_core::codec::DecodeError;
use meshlace_core::crypto::Signature;
use meshlace_core::id::{AuthorId, BlockId, Nonce, RoomId};
use meshlace_core::ledger::block::UnverifiedBlock;
use meshlace_core::ledger::sync::message::{Band, Bands, Claim, Edge, Listed, SyncMessage};
use meshlace_core::ledger::{Genesis, LedgerFault, RoomKind};
use meshlace_core::limits::SYNC_ROUND_COUNT_MAX;
use meshlace_core::node::Notice;
use meshlace_core::node::parcel::Parcel;
use meshlace_sim::chance::Chance;
use meshlace_sim::ledgers::{Ledgers, SiteId};
use serde_json::Value;

use crate::stage::{REST_MS, Stage};

const GOLDEN: &str = include_str!("../../../vectors/v1/reconciliation.json");

#[expect(clippy::expect_used, reason = "a test's helper fails the test")]
fn bytes_of(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a text");
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

#[expect(clippy::expect_used, reason = "a test's helper fails the test")]
fn array_of<const N: usize>(value: &Value) -> [u8; N] {
    bytes_of(value).try_into().expect("as many bytes")
}

/// Blocks as a page under number 0, which their author would push.
#[expect(clippy::expect_used, reason = "a test's helper fails the test")]
fn pushed<'a>(blocks: impl Iterator<Item = &'a Value>) -> Vec<u8> {
    let of = |block: &Value| {
        let signature: [u8; 64] = array_of(&block["signature"]);
        (bytes_of(&block["header"]), bytes_of(&block["body"]), Signature::from_bytes(signature))
    };
    let blocks: Vec<_> = blocks.map(of).collect();
    let runs = blocks.iter().map(|(header, body, signature)| {
        vec![UnverifiedBlock { header, body, signature: Some(*signature) }]
    });
    let page = SyncMessage::Page { number: 0, runs: runs.collect() }.encode();
    assert!(SyncMessage::decode(&page).expect("a page").encode() == page);
    page
}

fn claims(world: &Ledgers, site: SiteId) -> Option<Vec<Claim>> {
    Some(world.view(site)?.dag().frontier().iter().map(Claim::of).collect())
}

fn digest(world: &Ledgers, site: SiteId) -> Option<[u8; 32]> {
    Some(*world.view(site)?.dag().digest().as_bytes())
}

/// an author shows two peers two histories that it ground to agree in all that
/// frontiers say. Linked, both find it out, prove the fork, say so to a third, and fall silent.
#[test]
fn ground_histories_are_found_out_and_everyone_knows_the_fork() {
    let golden: Value = serde_json::from_str(GOLDEN).expect("JSON");
    let room = RoomId::from_bytes(array_of(&golden["room"]));
    let genesis = Genesis::read(&room, &bytes_of(&golden["genesis"])).expect("the genesis");
    for seed in 0..10 {
        let mut world = Ledgers::in_room(Chance::new(seed), genesis.clone());
        let sites = [world.add(), world.add()];
        world.heal(None);
        world.run(1_000);
        world.cut(sites[0], sites[1]);
        for (site, side) in sites.into_iter().zip(["left", "right"]) {
            let liar = world.add_stranger();
            world.link(site, liar);
            let common = golden["common"].as_array().expect("a list").iter();
            world.say(liar, site, Parcel::Ledger, pushed(common.chain([&golden[side]])));
            world.rest(REST_MS);
            world.cut(site, liar);
        }
        assert_eq!(claims(&world, sites[0]), claims(&world, sites[1]), "frontiers hide it");
        assert_ne!(digest(&world, sites[0]), digest(&world, sites[1]));
        world.link(sites[0], sites[1]);
        world.rest(REST_MS);
        let third = world.add();
        world.link(third, sites[1]);
        world.rest(REST_MS);
        world.assert_converged();
        for site in [sites[0], sites[1], third] {
            let view = world.view(site).expect("open");
            let forks: Vec<u32> = view.dag().forks().map(|proof| proof.seq()).collect();
            assert_eq!(forks, [1], "site {site} of seed {seed}");
            let told = world.site(site).notices.iter();
            let is_told =
                told.filter(|notice| matches!(notice, Notice::LedgerForked { .. })).count();
            assert_eq!(is_told, 1, "site {site} of seed {seed}");
        }
    }
}

/// A stage whose stranger says what the honest page says, and another digest.
fn hinted() -> Stage {
    let mut stage = Stage::new(RoomKind::Open);
    let claims = claims(&stage.world, stage.honest[0]).unwrap_or_default();
    assert!(!claims.is_empty());
    stage.say(&SyncMessage::Frontier { digest: [7; 32], asks_back: false, claims });
    stage
}

/// What the honest page said to the stranger, of this kind.
fn heard<T>(stage: &Stage, of: impl Fn(SyncMessage<'_>) -> Option<T>) -> Vec<T> {
    let heard = stage.world.site(stage.stranger).heard.iter();
    let heard = heard.filter(|(from, ..)| *from == stage.honest[0]);
    heard.filter_map(|(.., bytes)| of(SyncMessage::decode(bytes).ok()?)).collect()
}

fn nonces(stage: &Stage) -> Vec<Nonce> {
    heard(stage, |message| match message {
        SyncMessage::Reconcile(nonce) => Some(nonce),
        _ => None,
    })
}

fn bands(stage: &Stage) -> Vec<Bands> {
    heard(stage, |message| match message {
        SyncMessage::Bands(bands) => Some(bands),
        _ => None,
    })
}

fn edge(height: u32) -> Edge {
    Edge { height, id: BlockId::from_bytes([0; 32]) }
}

/// Above any nonce that is drawn: the honest page begins.
const HIGHEST: SyncMessage<'_> = SyncMessage::Reconcile(Nonce::from_bytes([0xff; 16]));

/// who says of everything that it differs, and never ends, is answered within eight
/// messages; one more closes its link.
#[test]
fn stranger_that_never_ends_is_expelled() {
    let mut stage = hinted();
    stage.say(&HIGHEST);
    for _ in 0..SYNC_ROUND_COUNT_MAX / 2 + 1 {
        assert_eq!(stage.troubles(stage.honest[0]), vec![]);
        let name = bands(&stage).last().expect("bands").name;
        let all = Band { edge: edge(9_999), imprint: [1; 16] };
        stage.say(&SyncMessage::Bands(Bands { name, bands: vec![all], listed: vec![] }));
    }
    assert!(bands(&stage).len() <= SYNC_ROUND_COUNT_MAX as usize / 2);
    stage.assert_expelled_after("at most 8 rounds");
}

/// bands that are none.
#[test]
fn stranger_that_says_rubbish_is_expelled() {
    let mut stage = hinted();
    stage.say(&HIGHEST);
    let name = bands(&stage).last().expect("bands").name;
    let bands = [2, 1].map(|height| Band { edge: edge(height), imprint: [1; 16] });
    stage.say(&SyncMessage::Bands(Bands { name, bands: bands.to_vec(), listed: vec![] }));
    let offset = 1 + 1 + 17;
    stage.assert_expelled(&LedgerFault::Malformed(DecodeError::NonCanonical { offset }));
}

/// who says nothing is given up after ten seconds each time, and not asked for ever.
#[test]
fn stranger_that_says_nothing_is_given_up() {
    let mut stage = hinted();
    stage.world.rest(REST_MS);
    assert_eq!(nonces(&stage).len(), 4);
    assert!(stage.world.is_linked(stage.honest[0], stage.stranger));
    stage.assert_unharmed();
}

/// who lists blocks that are not there is asked for them a few times, and nobody loses any.
#[test]
fn stranger_that_lists_what_is_not_there_changes_nothing() {
    let mut stage = hinted();
    let before = digest(&stage.world, stage.honest[0]);
    stage.say(&HIGHEST);
    let name = bands(&stage).last().expect("bands").name;
    let claims = claims(&stage.world, stage.honest[0]).expect("open");
    let lie = |author: AuthorId| Listed { author, seq: 0, id: BlockId::from_bytes([7; 32]) };
    let listed = claims.iter().map(|claim| lie(claim.author)).collect();
    let all = Band { edge: edge(9_999), imprint: name };
    stage.say(&SyncMessage::Bands(Bands { name, bands: vec![all], listed }));
    stage.world.rest(REST_MS);
    let told = bands(&stage).pop().expect("an answer");
    assert_eq!(told.listed.len(), 4, "all that is held, to whom says that it holds nothing");
    assert_eq!(digest(&stage.world, stage.honest[0]), before);
    assert_eq!(stage.troubles(stage.honest[0]), vec![]);
    stage.assert_unharmed();
}
