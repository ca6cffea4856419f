//! Peers that lie about blocks: each is named with the rule it broke, its link is closed, and the others
//! keep what they have.

use meshlace_core::codec::{DecodeError, Writer};
use meshlace_core::crypto::{Context, Signing};
use meshlace_core::error::ErrorCode;
use meshlace_core::id::{BlockId, MemberId};
use meshlace_core::ledger::block;
use meshlace_core::ledger::profile::member_key;
use meshlace_core::ledger::sync::message::{Claim, Request, SyncMessage};
use meshlace_core::ledger::{
    Anchor, Credential, Flags, Genesis, Grant, Header, LedgerFault, Parents, RoomKind,
};
use meshlace_core::limits::{
    PENDING_AUTHOR_COUNT_MAX, PENDING_COUNT_MAX, PENDING_PEER_COUNT_MAX, RUN_BYTES_MAX,
    RUN_COUNT_MAX, SALT_BYTES, SYNC_PAGE_BYTES_MAX, SYNC_PAGE_COUNT_MAX,
};
use meshlace_core::node::Notice;
use meshlace_core::node::parcel::Parcel;
use meshlace_core::rng::Seed;
use meshlace_sim::ledgers::{Ledgers, SiteId};

use crate::stage::{REST_MS, Stage, Wire, expel, expel_from};

/// what a good stranger brings is taken, so that what follows is refused for its lie alone.
#[test]
fn good_blocks_of_a_stranger_are_taken() {
    let mut stage = Stage::new(RoomKind::Open);
    let (tip, height) = stage.tip(0);
    let first = stage.seal(stage.first(), b"hello");
    let parents = Parents::new(&[tip]);
    let header = Header { parents, ..stage.after(&first, 1, height.max(1) + 1) };
    let second = stage.seal(header, b"again");
    stage.push(&[&[first, second]]);
    stage.world.rest(REST_MS);
    assert_eq!(stage.troubles(stage.honest[0]), vec![]);
    assert_eq!(stage.world.ids(stage.honest[1]).len(), 6, "and passed on");
    assert!(stage.world.is_linked(stage.honest[0], stage.stranger));
}

/// a forged genesis closes the link of whoever hands it over, and the true one is taken.
#[test]
fn forged_genesis_is_refused_and_the_true_one_taken() {
    let mut world = Ledgers::new(8);
    let (creator, invited, stranger) = (world.add(), world.add(), world.add_stranger());
    world.link(invited, stranger);
    world.run(500);
    assert!(world.site(stranger).heard.iter().any(|(_, parcel, _)| *parcel == Parcel::GenesisAsk));
    let forged = Genesis::create(RoomKind::Open, MemberId::from_bytes([3; 32]), "sim", [4; 16]);
    let forged = forged.expect("a genesis").bytes().to_vec();
    world.say(stranger, invited, Parcel::Genesis, forged.clone());
    world.run(500);
    let rule = LedgerFault::WrongGenesis.mismatch().0;
    let told = world.site(invited).notices.iter().any(|notice| {
        matches!(notice, Notice::Trouble(error) if error.code == ErrorCode::GenesisMismatch
            && error.expected.as_deref() == Some(rule)
            && error.peer == Some(world.site(stranger).peer))
    });
    assert!(told && !world.is_linked(invited, stranger) && world.view(invited).is_none());
    world.link(invited, creator);
    world.rest(REST_MS);
    world.assert_converged();
    // Nobody waits for one any more: whatever is handed over now is ignored.
    world.link(creator, stranger);
    world.say(stranger, creator, Parcel::Genesis, forged);
    world.rest(REST_MS);
    assert!(world.is_linked(creator, stranger));
}

/// each reason has a test here. Only a run that is too long is refused before it is one.
#[test]
fn every_reason_is_tested() {
    let faults = include_str!("../../core/src/ledger/fault.rs");
    let names =
        faults.split("pub enum LedgerFault").nth(1).and_then(|rest| rest.split("\n}").next());
    let lines = names.expect("the enum").lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.map(|line| line.split(['(', ' ', ',']).next().unwrap_or_default());
    let names: Vec<&str> = names.filter(|name| name.starts_with(char::is_uppercase)).collect();
    assert!(names.len() > 25, "{names:?}");
    let untested = names.iter().filter(|name| !TESTS.contains(&format!("LedgerFault::{name}")));
    assert_eq!(untested.collect::<Vec<_>>(), [&"RunTooLong"]);
}

const TESTS: &str = include_str!("hostile_ledgers.rs");

/// messages that are none.
#[test]
fn malformed_messages_are_refused() {
    let mut stage = Stage::new(RoomKind::Open);
    stage.world.say(stage.stranger, stage.honest[0], Parcel::Ledger, vec![0x81, 9]);
    stage.world.run(1_000);
    stage.assert_expelled(&LedgerFault::Malformed(DecodeError::UnknownKind { found: 9 }));
    let mut stage = Stage::new(RoomKind::Open);
    let mut page = SyncMessage::Page { number: 0, runs: vec![] }.encode();
    page.resize(SYNC_PAGE_BYTES_MAX + 1, 0);
    stage.world.say(stage.stranger, stage.honest[0], Parcel::Ledger, page);
    stage.world.run(1_000);
    let (limit, found) = (SYNC_PAGE_BYTES_MAX, SYNC_PAGE_BYTES_MAX as u64 + 1);
    let cause = DecodeError::Oversize { offset: 0, limit, found };
    stage.assert_expelled(&LedgerFault::Malformed(cause));
}

/// a header cut short.
#[test]
fn cut_header_is_refused() {
    let fault = LedgerFault::Malformed(DecodeError::Truncated { offset: 0 });
    expel(&fault, |stage| vec![stage.sign(vec![], vec![0; SALT_BYTES])]);
}

/// a slot that no member has.
#[test]
fn slot_out_of_range_is_refused() {
    expel(&LedgerFault::SlotOutOfRange { found: 64 }, |stage| {
        let credential = Some(Box::new(stage.credential(64, vec![])));
        vec![stage.seal(Header { credential, ..stage.first() }, b"")]
    });
}

/// a slot that its member did not certify.
#[test]
fn uncertified_slot_is_refused() {
    expel(&LedgerFault::BadCertificate, |stage| {
        let credential = Credential { slot: 4, ..stage.credential(3, vec![]) };
        vec![stage.seal(Header { credential: Some(Box::new(credential)), ..stage.first() }, b"")]
    });
}

/// a member to which no grants lead.
#[test]
fn member_without_grants_is_refused_in_an_owned_room() {
    expel_from(RoomKind::Owned, &LedgerFault::NotGranted, |stage| {
        vec![stage.seal(stage.first(), b"")]
    });
}

/// a grant by one who may not grant.
#[test]
fn grant_by_one_who_may_not_is_refused() {
    expel_from(RoomKind::Owned, &LedgerFault::GrantNotAllowed { index: 1 }, |stage| {
        let (room, mut profile) = (stage.genesis.room(), [0x51; 32]);
        profile[..8].copy_from_slice(&0_u64.to_le_bytes());
        let creator = member_key(&Seed(profile), &stage.genesis);
        assert_eq!(Some(creator.member()), stage.genesis.creator());
        let middle = Signing::from_seed(&[6; 32]);
        let grants = vec![
            Grant::issue(&room, &creator, middle.member(), false),
            Grant::issue(&room, &middle, stage.member.member(), false),
        ];
        let credential = Some(Box::new(stage.credential(0, grants)));
        vec![stage.seal(Header { credential, ..stage.first() }, b"")]
    });
}

/// a grant that its issuer did not sign.
#[test]
fn forged_grant_is_refused() {
    expel_from(RoomKind::Owned, &LedgerFault::BadGrant { index: 0 }, |stage| {
        let forged =
            Grant::issue(&stage.genesis.room(), &stage.member, stage.member.member(), true);
        let credential = Some(Box::new(stage.credential(0, vec![forged])));
        vec![stage.seal(Header { credential, ..stage.first() }, b"")]
    });
}

/// a first block with a previous one, a later one without, and credentials in the wrong place.
#[test]
fn misplaced_prev_and_credential_are_refused() {
    expel(&LedgerFault::PrevMismatch { seq: 0 }, |stage| {
        let prev = Some(stage.tip(0).0);
        vec![stage.seal(Header { prev, ..stage.first() }, b"")]
    });
    expel(&LedgerFault::PrevMismatch { seq: 1 }, |stage| {
        vec![stage.seal(Header { seq: 1, credential: None, ..stage.first() }, b"")]
    });
    expel(&LedgerFault::CredentialMismatch { seq: 0 }, |stage| {
        vec![stage.seal(Header { credential: None, ..stage.first() }, b"")]
    });
    expel(&LedgerFault::CredentialMismatch { seq: 1 }, |stage| {
        let first = stage.seal(stage.first(), b"");
        let credential = Some(Box::new(stage.credential(0, vec![])));
        vec![stage.seal(Header { credential, ..stage.after(&first, 1, 2) }, b"")]
    });
}

/// parents that do not rise.
#[test]
fn unsorted_parents_are_refused() {
    expel(&LedgerFault::ParentsUnsorted, |stage| {
        let tip = stage.tip(0).0;
        let parents = Parents::new(&[tip, tip]);
        vec![stage.seal(Header { parents, ..stage.first() }, b"")]
    });
}

/// flags and anchors that this version does not know.
#[test]
fn unknown_flags_and_anchors_are_refused() {
    expel(&LedgerFault::UnknownFlags { found: 16 }, |stage| {
        let good = stage.seal(stage.first(), b"");
        // The flags follow the anchor (null) and the height (1).
        let at = good.header.windows(3).position(|it| it == [0xf6, 1, 0]).expect("there");
        let mut header = good.header.clone();
        header[at + 2] = 16;
        vec![stage.sign(header, good.body)]
    });
    expel(&LedgerFault::UnknownAnchor { found: 3 }, |stage| {
        let anchor = Anchor::Checkpoint { index: 3, id: BlockId::from_bytes([1; 32]) };
        vec![stage.seal(Header { anchor, ..stage.first() }, b"")]
    });
}

/// bodies without a salt, of another length, of another hash.
#[test]
fn false_bodies_are_refused() {
    expel(&LedgerFault::NoSalt { found: 3 }, |stage| {
        let body = b"abc".to_vec();
        let body_hash = block::body_hash(&body);
        vec![stage.sign(Header { body_bytes: 3, body_hash, ..stage.first() }.encode(), body)]
    });
    expel(&LedgerFault::BodyLength { expected: 21, found: 22 }, |stage| {
        let mut wire = stage.seal(stage.first(), b"hello");
        wire.body.push(0);
        vec![wire]
    });
    expel(&LedgerFault::BodyHash, |stage| {
        let mut wire = stage.seal(stage.first(), b"hello");
        wire.body[SALT_BYTES] ^= 1;
        vec![wire]
    });
}

/// runs that are empty, too long, too large, broken, unsigned or signed by
/// another.
#[test]
fn false_runs_are_refused() {
    expel(&LedgerFault::EmptyRun, |_| vec![]);
    expel(&LedgerFault::RunTooLarge { limit: RUN_BYTES_MAX, found: 62_480 }, |stage| {
        let first = stage.seal(stage.first(), &[0; 30_000]);
        let next = stage.seal(stage.after(&first, 1, 2), &[0; 30_000]);
        vec![first, next.clone(), stage.seal(stage.after(&next, 2, 3), &[0; 2_000])]
    });
    expel(&LedgerFault::BrokenRun { index: 1 }, |stage| {
        let first = stage.seal(stage.first(), b"");
        vec![first.clone(), stage.seal(stage.after(&first, 2, 3), b"")]
    });
    expel(&LedgerFault::UnsignedRun, |stage| {
        vec![Wire { signature: None, ..stage.seal(stage.first(), b"") }]
    });
    expel(&LedgerFault::BadSignature, |stage| {
        let mut wire = stage.seal(stage.first(), b"");
        let other = Signing::from_seed(&[8; 32]);
        wire.signature = Some(other.sign(Context::BLOCK_SIGNATURE, wire.id.as_bytes()));
        vec![wire]
    });
}

/// a list longer than a run may be is no message at all.
#[test]
fn overlong_run_is_refused() {
    let mut stage = Stage::new(RoomKind::Open);
    let mut writer = Writer::new();
    writer.array(3).u64(3).u64(0).array(1).array(RUN_COUNT_MAX + 1);
    stage.world.say(stage.stranger, stage.honest[0], Parcel::Ledger, writer.finish());
    stage.world.run(1_000);
    let (limit, found) = (RUN_COUNT_MAX, RUN_COUNT_MAX as u64 + 1);
    let cause = DecodeError::Oversize { offset: 4, limit, found };
    stage.assert_expelled(&LedgerFault::Malformed(cause));
}

/// a ninth page under one number.
#[test]
fn ninth_page_is_refused() {
    let mut stage = Stage::new(RoomKind::Open);
    let claim = Claim { author: stage.author.author(), count: 99, head: [7; 32], forked: None };
    let (digest, asks_back) = ([7; 32], false);
    stage.say(&SyncMessage::Frontier { digest, asks_back, claims: vec![claim] });
    let heard = stage.world.site(stage.stranger).heard.iter().rev();
    let number = heard.filter(|(from, ..)| *from == stage.honest[0]).find_map(|(_, _, bytes)| {
        let Ok(SyncMessage::Request(request)) = SyncMessage::decode(bytes) else { return None };
        Some(request.number)
    });
    let number = number.expect("a request");
    for _ in 0..=SYNC_PAGE_COUNT_MAX {
        assert_eq!(stage.troubles(stage.honest[0]), vec![]);
        stage.say(&SyncMessage::Page { number, runs: vec![] });
    }
    stage.assert_expelled_after("at most 8 pages");
}

/// blocks that say something false of what they name.
#[test]
fn false_links_are_refused() {
    expel(&LedgerFault::PrevAuthor, |stage| {
        let (prev, height) = stage.tip(0);
        let header = Header { prev: Some(prev), seq: 1, credential: None, ..stage.first() };
        vec![stage.seal(Header { height: height + 1, ..header }, b"")]
    });
    let mut stage = Stage::new(RoomKind::Open);
    let first = stage.seal(stage.first(), b"");
    let skipped = stage.seal(stage.after(&first, 2, 2), b"");
    stage.push(&[&[first], &[skipped]]);
    stage.assert_expelled(&LedgerFault::PrevSeq { expected: 1, found: 0 });
    let mut stage = Stage::new(RoomKind::Open);
    let first = stage.seal(stage.first(), b"");
    let parents = Parents::new(&[first.id]);
    let own = stage.seal(Header { parents, ..stage.after(&first, 1, 2) }, b"");
    stage.push(&[&[first], &[own]]);
    stage.assert_expelled(&LedgerFault::ParentOwn);
    expel(&LedgerFault::ParentAuthorTwice, |stage| {
        let view = stage.world.view(stage.honest[0]).expect("open");
        let author = view.dag().block(view.order().at(0).expect("a block")).expect("held").author;
        let id = |seq| {
            let at = view.dag().block_of(&author, seq).expect("held");
            view.dag().block(at).expect("held").id
        };
        let count = view.dag().count_of(&author);
        let parents = Parents::new(&[id(0), id(count - 1)]);
        vec![stage.seal(Header { parents, height: 4, ..stage.first() }, b"")]
    });
    expel(&LedgerFault::WrongHeight { expected: 1, found: 7 }, |stage| {
        vec![stage.seal(Header { height: 7, ..stage.first() }, b"")]
    });
}

/// evidence and proofs that prove nothing.
#[test]
fn false_evidence_is_refused() {
    expel(&LedgerFault::BadEvidence, |stage| {
        vec![stage.seal(Header { flags: Flags::EVIDENCE, ..stage.first() }, b"not a proof")]
    });
    let mut stage = Stage::new(RoomKind::Open);
    let one = stage.seal(stage.first(), b"one");
    let mut writer = Writer::new();
    writer.array(2);
    for _ in 0..2 {
        writer.array(2).array(1).bytes(&one.header);
        writer.bytes(one.signature.expect("signed").as_bytes());
    }
    let proof = writer.finish();
    stage.say(&SyncMessage::Proof { number: 0, proof: &proof });
    stage.assert_expelled(&LedgerFault::NoFork);
}

/// blocks whose parents nobody has wait within their bounds, are asked for ten times, and
/// then the room is silent. Who pushed them is not at fault for what it withholds.
#[test]
fn withheld_parents_cost_bounded_memory_and_no_endless_asking() {
    let mut stage = Stage::new(RoomKind::Open);
    let parents = Parents::new(&[BlockId::from_bytes([0xee; 32])]);
    for number in 0..30_u8 {
        stage.author = Signing::from_seed(&[100 + number; 32]);
        let mut run =
            vec![stage.seal(Header { parents: parents.clone(), height: 2, ..stage.first() }, b"")];
        for seq in 1..100 {
            let before = run.last().expect("one").clone();
            run.push(stage.seal(stage.after(&before, seq, seq + 2), b""));
        }
        let runs: Vec<&[Wire]> = run.chunks(50).collect();
        stage.push(&runs);
    }
    let [one, other] = stage.honest;
    let pending = stage.world.view(one).expect("open").dag().pending_count();
    assert!(pending > PENDING_AUTHOR_COUNT_MAX && pending <= PENDING_PEER_COUNT_MAX, "{pending}");
    stage.world.rest(REST_MS);
    assert_eq!(stage.troubles(one), vec![]);
    let asked = stage.world.site(stage.stranger).heard.iter().filter(|(from, _, bytes)| {
        *from == one && matches!(SyncMessage::decode(bytes), Ok(SyncMessage::Request(_)))
    });
    assert!(asked.count() <= 20);
    assert_eq!(stage.world.view(other).expect("open").dag().pending_count(), 0);
    stage.world.cut(one, stage.stranger);
    assert_eq!(stage.world.view(one).expect("open").dag().pending_count(), 0);
    stage.assert_unharmed();
}

/// several floods together are bounded too, and honest blocks still come through.
#[test]
fn floods_of_pending_blocks_are_bounded_over_all_peers() {
    let mut stage = Stage::new(RoomKind::Open);
    let one = stage.honest[0];
    let strangers: Vec<SiteId> = (0..4).map(|_| stage.world.add_stranger()).collect();
    for (at, stranger) in strangers.iter().enumerate() {
        stage.world.link(one, *stranger);
        stage.stranger = *stranger;
        for number in 0..40_u8 {
            let seed = [100 + number, u8::try_from(at).expect("small")].repeat(16);
            stage.author = Signing::from_seed(&seed.try_into().expect("32 bytes"));
            let parents = Parents::new(&[BlockId::from_bytes([0xee; 32])]);
            let mut run = vec![stage.seal(Header { parents, height: 2, ..stage.first() }, b"")];
            for seq in 1..100 {
                let before = run.last().expect("one").clone();
                run.push(stage.seal(stage.after(&before, seq, seq + 2), b""));
            }
            let runs: Vec<&[Wire]> = run.chunks(50).collect();
            stage.push(&runs);
        }
    }
    let pending = stage.world.view(one).expect("open").dag().pending_count();
    assert!(pending <= PENDING_COUNT_MAX, "{pending}");
    stage.world.rest(REST_MS);
    stage.assert_unharmed();
}

/// who asks without end is answered within its allowance; who asks for what is not there
/// gets an end.
#[test]
fn endless_questions_get_bounded_answers() {
    let mut stage = Stage::new(RoomKind::Open);
    for number in 1..=300 {
        let request = Request { number, ..Request::default() };
        let message = SyncMessage::Request(request);
        stage.world.say_sync(stage.stranger, stage.honest[0], &message);
        stage.world.say_sync(stage.stranger, stage.honest[0], &message);
    }
    stage.world.rest(REST_MS);
    let ends =
        stage.world.site(stage.stranger).heard.iter().filter(|(_, _, bytes)| {
            matches!(SyncMessage::decode(bytes), Ok(SyncMessage::End { .. }))
        });
    assert_eq!(ends.count(), 600);
    assert_eq!(stage.troubles(stage.honest[0]), vec![]);
    stage.assert_unharmed();
}

/// a thousand first blocks that name one another wide are held or left out by the caps,
/// and everyone holds the same.
#[test]
fn wide_history_of_many_authors_converges() {
    let mut stage = Stage::new(RoomKind::Open);
    let mut last: Vec<Wire> = Vec::new();
    for number in 0..200_u8 {
        // Twice as many authors as one member may have, and a few of another.
        let member = if number < 150 { 1 } else { 3 };
        stage.member = Signing::from_seed(&[member; 32]);
        stage.author = Signing::from_seed(&[number, 5].repeat(16).try_into().expect("32 bytes"));
        let named: Vec<BlockId> = last.iter().rev().take(8).map(|wire| wire.id).collect();
        let parents = Parents::new(&named);
        let height = if named.is_empty() { 1 } else { 2 };
        // All name the first eight alone, so that the history is wide.
        let wire = stage.seal(Header { parents, height, ..stage.first() }, &[number]);
        if last.len() < 8 {
            let wire = stage.seal(stage.first(), &[number]);
            last.push(wire.clone());
            stage.push(&[&[wire]]);
        } else {
            stage.push(&[&[wire]]);
        }
    }
    stage.world.rest(REST_MS);
    assert_eq!(stage.troubles(stage.honest[0]), vec![]);
    assert_eq!(stage.world.ids(stage.honest[1]).len(), 4 + 64 + 50);
    stage.assert_unharmed();
}
