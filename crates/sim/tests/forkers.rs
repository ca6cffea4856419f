//! Peers that write two histories: each is named and left by those to whom it wrote, and an honest page
//! whose profile was copied comes back as another author.

use meshlace_core::error::ErrorCode;
use meshlace_core::id::AuthorId;
use meshlace_core::ledger::sync::message::SyncMessage;
use meshlace_core::ledger::{ForkProof, RoomKind};
use meshlace_core::node::{MeshError, Notice};
use meshlace_sim::ledgers::{Ledgers, SiteId};

use crate::stage::{REST_MS, Stage, Wire};

fn errors(world: &Ledgers, site: SiteId) -> Vec<MeshError> {
    let notices = world.site(site).notices.iter();
    let errors = notices.filter_map(|notice| match notice {
        Notice::Trouble(error) => Some(error.clone()),
        _ => None,
    });
    errors.collect()
}

/// How often a page was told of a fork of its own author, and of another's.
fn told(world: &Ledgers, site: SiteId) -> (usize, usize) {
    let count = |own: bool| {
        let notices = world.site(site).notices.iter();
        let is_it =
            |it: &&Notice| matches!(it, Notice::LedgerForked { is_own, .. } if *is_own == own);
        notices.filter(is_it).count()
    };
    (count(true), count(false))
}

#[expect(clippy::expect_used, reason = "a test's helper fails the test")]
fn write(world: &mut Ledgers, site: SiteId) -> AuthorId {
    let id = world.write(site, b"edit").expect("may write");
    let view = world.view(site).expect("an open ledger");
    let block = view.dag().index_of(&id).and_then(|at| view.dag().block(at));
    block.expect("a written block is held").author
}

/// A room of eight honest pages, linked each with each, and two copies of one profile. Each copy is linked
/// with some of the honest ones and writes: two histories.
fn forked(seed: u64) -> (Ledgers, Vec<SiteId>, [SiteId; 2]) {
    let mut world = Ledgers::new(seed);
    let sites: Vec<SiteId> = (0..9).map(|_| world.add()).collect();
    world.heal(None);
    world.run(500);
    sites.iter().for_each(|site| assert!(world.write(*site, b"before").is_ok()));
    world.rest(REST_MS);
    let (honest, one) = (sites[..8].to_vec(), sites[8]);
    let other = world.add_copy(one);
    honest[5..].iter().for_each(|site| world.cut(*site, one));
    honest[3..].iter().for_each(|site| world.link(*site, other));
    world.run(1_000);
    let authors = [write(&mut world, one), write(&mut world, other)];
    assert_eq!(authors[0], authors[1]);
    (world, honest, [one, other])
}

/// everyone to whom a page wrote as the author that forked names it and closes its
/// link, and nobody else's. The others hold the same and fall silent; the copies are told once, come
/// back, each as an author of its own, and nobody closes their links again.
#[test]
fn forker_among_eight_is_left_by_all_to_whom_it_wrote() {
    for seed in 0..20 {
        let (mut world, honest, forkers) = forked(seed);
        world.rest(REST_MS);
        for (at, site) in honest.iter().enumerate() {
            let linked = [at < 5, at >= 3];
            let mut culprits: Vec<_> = errors(&world, *site)
                .into_iter()
                .map(|error| {
                    assert_eq!(error.code, ErrorCode::AuthorForked);
                    assert_eq!(error.expected.as_deref(), Some("one history of an author"));
                    error.peer
                })
                .collect();
            culprits.sort_unstable();
            let expected = forkers.iter().zip(linked).filter(|(_, linked)| *linked);
            let expected: Vec<_> =
                expected.map(|(forker, _)| Some(world.site(*forker).peer)).collect();
            assert_eq!(culprits, expected, "seed {seed} site {site}");
            assert!(forkers.iter().all(|forker| !world.is_linked(*site, *forker)));
            assert!(honest.iter().all(|peer| peer == site || world.is_linked(*site, *peer)));
            assert_eq!(told(&world, *site), (0, 1));
            assert_eq!(world.ids(*site), world.ids(honest[0]));
        }
        forkers.iter().for_each(|site| assert_eq!(told(&world, *site), (1, 0), "seed {seed}"));
        let said = world.message_count;
        world.run(600_000);
        assert_eq!(world.message_count, said, "an idle room is silent");
        // Linked again, under fresh keys.
        let count = honest.iter().map(|site| errors(&world, *site).len()).sum::<usize>();
        world.heal(None);
        world.run(1_000);
        let authors = forkers.map(|site| write(&mut world, site));
        assert_ne!(authors[0], authors[1]);
        world.rest(REST_MS);
        let all = honest.iter().chain(&forkers);
        assert!(
            all.clone().all(|one| all.clone().all(|it| it == one || world.is_linked(*one, *it)))
        );
        assert_eq!(honest.iter().map(|site| errors(&world, *site).len()).sum::<usize>(), count);
        world.assert_converged();
    }
}

/// a key that is known to have forked is never used again, also if its page is started
/// anew before it wrote; the fork is not told a second time.
#[test]
fn slot_of_a_forked_author_is_not_taken_again() {
    let (mut world, honest, forkers) = forked(77);
    world.rest(REST_MS);
    let view = world.view(honest[0]).expect("open");
    let before = view.dag().forks().next().expect("a fork").author();
    for site in forkers {
        let told_before = told(&world, site);
        world.crash(site);
        world.start(site, true);
        assert_ne!(write(&mut world, site), before);
        assert_eq!(told(&world, site), told_before);
    }
    world.heal(None);
    world.rest(REST_MS);
    world.assert_converged();
}

/// Three blocks of the stranger: a first one, and two that follow it.
fn histories(stage: &Stage) -> [Wire; 3] {
    let first = stage.seal(stage.first(), b"first");
    let [one, other] = [b"one", b"two"].map(|text| stage.seal(stage.after(&first, 1, 2), text));
    [first, one, other]
}

fn assert_left(stage: &Stage, count: usize) {
    let [one, other] = stage.honest;
    let told = errors(&stage.world, one);
    assert_eq!(told.len(), count, "{told:?}");
    for error in told {
        assert_eq!(error.code, ErrorCode::AuthorForked);
        assert_eq!(error.peer, Some(stage.world.site(stage.stranger).peer));
        assert_eq!(error.found, Some(stage.author.author().to_text()));
    }
    assert!(!stage.world.is_linked(one, stage.stranger));
    assert!(stage.world.is_linked(one, other) && stage.world.is_linked(other, stage.stranger));
    assert_eq!(errors(&stage.world, other), vec![], "whom it told nothing");
}

/// a peer that sends two histories is handed the proof and left; one that writes on as the author
/// that forked is left again at once, also by a page that was started anew.
#[test]
fn who_writes_as_a_forked_author_is_left_each_time() {
    let mut stage = Stage::new(RoomKind::Open);
    let one = stage.honest[0];
    let [first, a, b] = histories(&stage);
    stage.push(&[&[first.clone(), a.clone()]]);
    let run = [&first, &b].map(Wire::view).to_vec();
    let message = SyncMessage::Page { number: 0, runs: vec![run] };
    (0..20).for_each(|_| stage.world.say_sync(stage.stranger, one, &message));
    stage.world.run(2_000);
    assert_left(&stage, 1);
    let room = stage.genesis.room();
    let heard = stage.world.site(stage.stranger).heard.iter();
    let proofs = heard.filter_map(|(from, _, bytes)| match SyncMessage::decode(bytes) {
        Ok(SyncMessage::Proof { number: 0, proof }) if *from == one => {
            ForkProof::check(&room, proof).ok()
        }
        _ => None,
    });
    let proofs: Vec<_> = proofs.map(|it| it.author()).collect();
    assert_eq!(proofs, [stage.author.author()], "once, however often it writes meanwhile");
    for count in 2..4 {
        stage.world.link(one, stage.stranger);
        stage.world.run(5_000);
        assert!(stage.world.is_linked(one, stage.stranger), "it writes nothing");
        stage.push(&[&[first.clone(), a.clone()]]);
        stage.world.run(1_000);
        assert_left(&stage, count);
        stage.world.rest(REST_MS);
        stage.world.crash(one);
        stage.world.start(one, true);
        stage.world.link(one, stage.honest[1]);
    }
    stage.assert_unharmed();
}

/// who hands over what others wrote, or the proof that they forked, is not at fault; nor is it
/// named for the evidence that it publishes.
#[test]
fn who_relays_forks_and_proofs_keeps_its_link() {
    let mut stage = Stage::new(RoomKind::Open);
    let other = stage.honest[1];
    let [first, a, b] = histories(&stage);
    // The second page has all from the first one, which it was told of, and says so.
    stage.push(&[&[first.clone(), a], &[first, b]]);
    stage.world.rest(REST_MS);
    assert_left(&stage, 1);
    let view = stage.world.view(other).expect("open");
    let proof = view.dag().fork_of(&stage.author.author()).expect("known").bytes().to_vec();
    assert!(view.dag().fork_without_evidence(usize::MAX).is_none(), "one of them published it");
    let relay = stage.world.add_stranger();
    stage.honest.iter().for_each(|site| stage.world.link(relay, *site));
    for site in stage.honest {
        let message = SyncMessage::Proof { number: 0, proof: &proof };
        stage.world.say_sync(relay, site, &message);
    }
    stage.world.rest(REST_MS);
    assert!(stage.honest.iter().all(|site| stage.world.is_linked(relay, *site)));
    assert_left(&stage, 1);
    stage.assert_unharmed();
}
