//! Ledgers of many peers: partitions, crashes, forks, spoiled storage.

use meshlace_core::error::ErrorCode;
use meshlace_core::node::{Notice, StorageFault};
use meshlace_sim::ledgers::{Ledgers, SiteId};

/// How many seeds each of the two halves takes.
const SEED_COUNT: u64 = if cfg!(debug_assertions) { 5 } else { 250 };

/// Within this everything is the same everywhere, and nobody has anything left to say. A request to
/// someone who went silent is given up after 10 s; what nobody has is asked for for less than 3 minutes.
const REST_MS: u64 = 240_000;

fn room(seed: u64, count: usize) -> (Ledgers, Vec<SiteId>) {
    let mut world = Ledgers::new(seed);
    let sites: Vec<SiteId> = (0..count).map(|_| world.add()).collect();
    (world, sites)
}

#[expect(clippy::expect_used, reason = "a test's helper fails the test")]
fn write(world: &mut Ledgers, site: SiteId) {
    let count = world.chance.pick(40);
    world.write(site, &vec![0x61; count]).expect("may write");
}

fn heard(world: &Ledgers, site: SiteId, fits: impl Fn(&Notice) -> bool) -> usize {
    world.site(site).notices.iter().filter(|notice| fits(notice)).count()
}

/// peers write, part, crash at any moment and come back; healed, all hold
/// the same, nothing that was stored is gone, nobody has forked, and the room falls silent.
fn storm(seed: u64, count: usize, step_count: u64, degree: Option<usize>) {
    let (mut world, sites) = room(seed, count);
    world.heal(degree);
    // A room whose creator stops before the genesis is stored anywhere is no room.
    world.run(500);
    for _ in 0..step_count {
        let site = sites[world.chance.pick(count)];
        match world.chance.below(20) {
            0 => world.split(),
            1 => world.heal(degree),
            2 | 3 if world.view(site).is_some() => world.crash(site),
            2..=4 => world.start(site, false),
            _ if world.view(site).is_some() => write(&mut world, site),
            _ => {}
        }
        let pause = world.chance.below(150);
        world.run(pause);
    }
    sites.iter().for_each(|site| world.start(*site, false));
    world.heal(degree);
    world.rest(REST_MS);
    assert_eq!(world.open_sites().len(), count, "everyone has the genesis");
    world.assert_converged();
}

fn storms(first: u64) {
    for seed in first..first + SEED_COUNT {
        println!("seed {seed}");
        storm(seed, 20, 120, None);
    }
}

/// see `storm`. One half of the seeds.
#[test]
fn twenty_peers_converge_after_partitions_and_crashes() {
    storms(0);
}

/// see `storm`. The other half of the seeds.
#[test]
fn twenty_other_peers_converge_after_partitions_and_crashes() {
    storms(10_000);
}

/// a hundred peers, each linked with some others only.
#[test]
fn hundred_peers_converge_over_few_links() {
    let step_count = if cfg!(debug_assertions) { 60 } else { 400 };
    storm(20_000, 100, step_count, Some(4));
}

/// whoever is invited gets the genesis from whoever has it, also through others that waited.
#[test]
fn genesis_reaches_everyone_through_others() {
    let (mut world, sites) = room(1, 5);
    assert_eq!(world.open_sites(), [sites[0]]);
    for at in (1..5).rev() {
        world.link(sites[at], sites[at - 1]);
        world.run(500);
    }
    world.rest(REST_MS);
    assert_eq!(world.open_sites(), sites);
    // It is stored: alone and started anew, everyone has it.
    sites.iter().for_each(|site| world.crash(*site));
    sites.iter().for_each(|site| world.start(*site, true));
    assert_eq!(world.open_sites(), sites);
}

/// two pages of one profile, each in its slot, write at once: two authors, one member.
#[test]
fn two_pages_of_one_profile_never_fork() {
    for seed in 0..20 {
        let (mut world, sites) = room(seed, 2);
        world.heal(None);
        world.run(500);
        let tab = world.add_tab(sites[0], 1);
        world.heal(None);
        for _ in 0..30 {
            let site = [sites[0], sites[1], tab][world.chance.pick(3)];
            match world.chance.below(6) {
                0 => {
                    world.crash(site);
                    world.start(site, false);
                    world.heal(None);
                }
                _ if world.view(site).is_some() => write(&mut world, site),
                _ => {}
            }
            let pause = world.chance.below(80);
            world.run(pause);
        }
        world.rest(REST_MS);
        world.assert_converged();
    }
}

/// after a clean end the slot's key writes on, offline too; after any other end it does not,
/// unless a peer names its last block.
#[test]
fn key_writes_on_after_clean_end_or_confirmation_only() {
    let author_count = |world: &Ledgers, site: SiteId| {
        let view = world.view(site).expect("open");
        (0..).map_while(|index| view.dag().author(index)).count()
    };
    let (mut world, sites) = room(3, 2);
    world.heal(None);
    world.run(500);
    write(&mut world, sites[1]);
    world.rest(REST_MS);
    for (is_clean, is_linked, expected) in
        [(true, false, 1), (false, false, 2), (false, true, 2), (true, true, 2)]
    {
        world.crash(sites[1]);
        world.start(sites[1], is_clean);
        if is_linked {
            world.heal(None);
            world.run(1_000);
        }
        write(&mut world, sites[1]);
        world.heal(None);
        world.rest(REST_MS);
        assert_eq!(author_count(&world, sites[1]), expected, "{is_clean} {is_linked}");
        world.assert_converged();
    }
}

/// a restored backup writes under a fresh key once it has met a peer that knows more.
#[test]
fn lost_tail_is_never_written_over() {
    for seed in 0..20 {
        let (mut world, sites) = room(seed, 2);
        world.heal(None);
        world.run(500);
        (0..3).for_each(|_| write(&mut world, sites[1]));
        world.rest(REST_MS);
        let backup = world.disk_mut(sites[1]).clone();
        (0..3).for_each(|_| write(&mut world, sites[1]));
        world.rest(REST_MS);
        world.crash(sites[1]);
        *world.disk_mut(sites[1]) = backup;
        // The marker of a clean end was in the backup, too.
        world.start(sites[1], seed % 2 == 0);
        world.heal(None);
        world.run(2_000);
        (0..3).for_each(|_| write(&mut world, sites[1]));
        world.rest(REST_MS);
        world.assert_converged();
        assert_eq!(world.ids(sites[0]).len(), 9);
    }
}

/// whatever rots is reported, fetched again, and nothing else is lost.
#[test]
fn damaged_records_are_reported_and_fetched_again() {
    for seed in 0..30 {
        let (mut world, sites) = room(seed, 3);
        world.heal(None);
        world.run(500);
        for number in 0..40 {
            write(&mut world, sites[number % 3]);
            world.run(30);
        }
        world.rest(REST_MS);
        let before = world.ids(sites[1]);
        world.crash(sites[1]);
        let mut chance = world.chance.clone();
        for _ in 0..1 + seed % 3 {
            let key = world.disk_mut(sites[1]).rot(&mut chance, |key| key[0] == 2);
            assert!(key.is_some());
        }
        world.start(sites[1], true);
        let reported = heard(
            &world,
            sites[1],
            |notice| matches!(notice, Notice::Trouble(error) if error.code == ErrorCode::StorageCorrupt),
        );
        assert_eq!(reported, 1);
        assert!(world.ids(sites[1]).len() < before.len());
        world.heal(None);
        world.rest(REST_MS);
        assert_eq!(world.ids(sites[1]), before);
        // And stored again: the next start finds everything, alone.
        world.crash(sites[1]);
        world.start(sites[1], true);
        assert_eq!(world.ids(sites[1]), before);
    }
}

/// storage that is full or refused is said once, and the room goes on in memory.
#[test]
fn full_storage_is_told_and_the_room_goes_on() {
    for fault in [StorageFault::Full, StorageFault::Refused] {
        let (mut world, sites) = room(5, 2);
        world.heal(None);
        world.run(500);
        write(&mut world, sites[1]);
        world.run(500);
        world.storage_fault = Some(fault);
        write(&mut world, sites[1]);
        world.run(500);
        write(&mut world, sites[1]);
        world.rest(REST_MS);
        let code = match fault {
            StorageFault::Full => ErrorCode::StorageFull,
            StorageFault::Refused => ErrorCode::StorageRefused,
        };
        let told = heard(
            &world,
            sites[1],
            |notice| matches!(notice, Notice::LedgerUnsaved(error) if error.code == code),
        );
        assert_eq!((told, world.ids(sites[0]).len()), (1, 3));
        world.assert_converged();
    }
}

/// a peer without storage writes and hears like all others.
#[test]
fn peer_without_storage_takes_part() {
    let (mut world, sites) = room(6, 2);
    let memory = world.add_in_memory();
    world.heal(None);
    world.run(500);
    for _ in 0..3 {
        write(&mut world, memory);
        write(&mut world, sites[1]);
    }
    world.rest(REST_MS);
    world.assert_converged();
    assert_eq!(heard(&world, memory, |it| matches!(it, Notice::LedgerStored { .. })), 0);
}

/// an author hears who has its blocks, at once for those it sent and later for those that were
/// fetched; R-361: and then all are silent.
#[test]
fn author_hears_who_has_its_blocks() {
    let (mut world, sites) = room(7, 4);
    world.heal(None);
    world.run(500);
    world.cut(sites[1], sites[3]);
    write(&mut world, sites[1]);
    write(&mut world, sites[1]);
    world.rest(REST_MS);
    let seen = |world: &Ledgers, by: SiteId| {
        let peer = world.site(by).peer;
        heard(
            world,
            sites[1],
            |notice| matches!(notice, Notice::LedgerSeen { peer: found, count: 2, .. } if *found == peer),
        )
    };
    assert_eq!((seen(&world, sites[0]), seen(&world, sites[2]), seen(&world, sites[3])), (1, 1, 0));
    world.link(sites[1], sites[3]);
    world.rest(REST_MS);
    assert_eq!(seen(&world, sites[3]), 1);
    let said = world.message_count;
    world.run(600_000);
    assert_eq!(world.message_count, said, "an idle room is silent");
}

/// two pages that both take themselves for one author fork it; everyone learns of
/// it, one of them publishes the evidence, and all agree on what is left.
#[test]
fn copied_page_forks_and_everyone_knows() {
    for seed in 0..20 {
        let (mut world, sites) = room(seed, 5);
        world.heal(None);
        world.run(500);
        sites.iter().for_each(|site| write(&mut world, *site));
        world.rest(REST_MS);
        let copy = world.add_copy(sites[4]);
        for _ in 0..3 {
            write(&mut world, sites[4]);
            write(&mut world, copy);
        }
        world.heal(None);
        world.rest(REST_MS);
        for site in world.open_sites() {
            let forked =
                heard(&world, site, |it| matches!(it, Notice::LedgerForked { seq: 1, .. }));
            assert_eq!(forked, 1, "site {site}");
        }
        let view = world.view(sites[0]).expect("open");
        assert!(view.dag().fork_without_evidence(usize::MAX).is_none());
        // Whoever forked goes on under another key, over links of those who left it.
        world.heal(None);
        write(&mut world, copy);
        write(&mut world, sites[4]);
        world.rest(REST_MS);
        world.assert_converged();
    }
}

/// a block reaches those with whom its author is not linked, though nobody asks for it, and also
/// if its author is gone by then.
#[test]
fn push_that_reached_one_reaches_all() {
    for seed in 0..10 {
        let (mut world, sites) = room(seed, 4);
        world.heal(None);
        world.run(500);
        world.rest(REST_MS);
        [2, 3].into_iter().for_each(|other| world.cut(sites[0], sites[other]));
        write(&mut world, sites[0]);
        world.run(100);
        assert_eq!(world.ids(sites[1]).len(), 1);
        world.crash(sites[0]);
        let took_ms = world.rest(REST_MS);
        assert_eq!((world.ids(sites[2]).len(), world.ids(sites[3]).len()), (1, 1));
        assert!(took_ms < 3_000, "{took_ms} ms");
    }
}
