//! Who goes, who sleeps, who comes back.

use meshlace_core::error::{Delivery, ErrorCode};
use meshlace_core::node::{Input, Lifecycle, Notice, PeerState};
use meshlace_sim::World;
use meshlace_sim::checker::Fate;

use crate::support::{assert_talk, failure, left, left_count, shown, troubles};

/// a page is closed, and its process ends with that turn: the others know within a second.
#[test]
fn closed_page_is_known_within_a_second() {
    for seed in 0..20 {
        let mut world = World::new(2_000 + seed);
        let hosts = world.mesh(3);
        world.run(seed * 300);
        let at = world.now_ms();
        let peer = world.peer(hosts[0]);
        world.close_page(hosts[0]);
        world.until(1_000, "both know", |world| {
            hosts[1..].iter().all(|host| left(world, *host, peer, at).is_some())
        });
        for host in &hosts[1..] {
            assert_eq!(
                left(&world, *host, peer, at).map(|(_, why)| why),
                Some(ErrorCode::PeerLeft)
            );
            assert_eq!(world.open_connection_count(*host), 1);
        }
        world.run(180_000);
        assert!(hosts[1..].iter().all(|host| left_count(&world, *host) == 1));
        assert!(hosts[1..].iter().all(|host| troubles(&world, *host, at).is_empty()));
        world.assert_kept();
    }
}

/// Its process is killed: within 20 s with the server up.
#[test]
fn killed_process_is_known_within_twenty_seconds_with_a_server() {
    for seed in 0..10 {
        let mut world = World::new(2_100 + seed);
        let hosts = world.mesh(3);
        world.run(seed * 700);
        let at = world.now_ms();
        let peer = world.peer(hosts[0]);
        let lost = world.send(hosts[1], None, 100).0;
        world.kill(hosts[0]);
        let took = world.until(20_000, "both know", |world| {
            hosts[1..].iter().all(|host| left(world, *host, peer, at).is_some())
        });
        assert!(took > 1_000, "nobody told them");
        // The other recipient has it; what the dead one has is not known.
        let Fate::Settled { delivered, failed } = world.fate(hosts[1], lost) else {
            panic!("settled when the peer left")
        };
        assert_eq!(delivered, [world.peer(hosts[2])]);
        assert_eq!(failed, [(peer, ErrorCode::PeerLeft, Delivery::Unknown)]);
        world.run(200_000);
        assert!(hosts[1..].iter().all(|host| left_count(&world, *host) == 1));
        assert!(hosts[1..].iter().all(|host| world.open_connection_count(*host) == 1));
        world.assert_kept();
    }
}

/// Its process is killed: within 45 s without a server (traps: PeerJS #752, #1313; Trystero #77).
#[test]
fn killed_process_is_known_within_45_seconds_without_a_server() {
    for seed in 0..10 {
        let mut world = World::new(2_200 + seed);
        let hosts = world.mesh(3);
        world.kill_server();
        world.run(5_000 + seed * 700);
        let at = world.now_ms();
        let peer = world.peer(hosts[0]);
        world.kill(hosts[0]);
        world.until(45_100, "both know", |world| {
            hosts[1..].iter().all(|host| left(world, *host, peer, at).is_some())
        });
        world.run(100_000);
        assert!(hosts[1..].iter().all(|host| left_count(&world, *host) == 1));
        assert!(hosts[1..].iter().all(|host| world.open_connection_count(*host) == 1));
        assert_talk(&mut world, hosts[1], hosts[2]);
        world.assert_kept();
    }
}

/// A page frozen for a minute is away, not dead: nothing is lost, doubled or rejected.
#[test]
fn frozen_for_a_minute_loses_nothing() {
    for seed in 0..10 {
        let mut world = World::new(2_300 + seed);
        let hosts = world.mesh(2);
        world.run(seed * 700);
        let own = world.send(hosts[0], None, 600_000).0;
        world.freeze(hosts[0]);
        let peer = world.peer(hosts[0]);
        world.until(1_000, "away", |world| {
            world
                .heard(hosts[1], 0, |notice| {
                    matches!(notice, Notice::PeerState { peer: p, state: PeerState::Away } if *p == peer)
                })
                .is_some()
        });
        let mut tickets = Vec::new();
        for _ in 0..6 {
            tickets.push(world.send(hosts[1], None, 100_000).0);
            world.run(10_000);
        }
        assert!(
            tickets.iter().all(|ticket| !world.is_settled(hosts[1], *ticket)),
            "{}",
            world.account()
        );
        world.thaw(hosts[0]);
        world.until(20_000, "everything arrives", |world| {
            tickets.iter().all(|ticket| world.is_delivered(hosts[1], *ticket))
                && world.is_delivered(hosts[0], own)
                && world.all_linked(&hosts)
        });
        assert!(hosts.iter().all(|host| left_count(&world, *host) == 0));
        world.assert_kept();
    }
}

/// A page frozen for longer than its numbers are kept is given up by name, and met anew on waking.
#[test]
fn frozen_for_too_long_is_given_up() {
    let mut world = World::new(2_400);
    let hosts = world.mesh(2);
    world.freeze(hosts[0]);
    world.run(1_000);
    let ticket = world.send(hosts[1], None, 100).0;
    let at = world.now_ms();
    let peer = world.peer(hosts[0]);
    world.until(310_000, "given up", |world| left(world, hosts[1], peer, at).is_some());
    assert_eq!(left(&world, hosts[1], peer, at).map(|(_, why)| why), Some(ErrorCode::PeerFrozen));
    assert!(failure(&world, hosts[1], ticket, peer).is_some());
    world.run(20_000);
    world.thaw(hosts[0]);
    world.until(60_000, "linked again", |world| world.all_linked(&hosts));
    assert_talk(&mut world, hosts[0], hosts[1]);
    world.assert_kept();
}

/// A process stopped for a minute: what resolved arrived once, the rest rejects "unknown" at 45 s,
/// and both talk again after waking.
#[test]
fn stopped_for_a_minute_rejects_and_talks_again() {
    for seed in 0..20 {
        let mut world = World::new(2_500 + seed);
        let hosts = world.mesh(2);
        world.run(seed * 700);
        let before = world.send(hosts[1], None, 100).0;
        let own = world.send_many(hosts[0], None, &[100, 400_000, 100]);
        world.run(40);
        world.stop(hosts[0]);
        let at = world.now_ms();
        let peer = world.peer(hosts[0]);
        let during = world.send(hosts[1], None, 100).0;
        world.until(45_100, "given up", |world| left(world, hosts[1], peer, at).is_some());
        assert_eq!(
            failure(&world, hosts[1], during, peer),
            Some((ErrorCode::PeerLeft, Delivery::Unknown))
        );
        assert!(world.is_settled(hosts[1], before));
        world.run(at + 60_000 - world.now_ms());
        world.resume(hosts[0]);
        let took = world.until(30_000, "linked again", |world| world.all_linked(&hosts));
        assert!(took < 10_000, "seed {seed}: {took} ms");
        assert_talk(&mut world, hosts[0], hosts[1]);
        world.until(30_000, "everything is settled", |world| {
            own.iter().all(|(ticket, _)| world.is_settled(hosts[0], *ticket))
        });
        world.assert_kept();
    }
}

/// Short stops, whatever their length, lose nothing and bury nobody.
#[test]
fn short_stops_lose_nothing() {
    for (seed, stop_ms) in (0..).zip([500, 1_900, 2_100, 4_000, 9_000, 11_000, 14_000, 30_000]) {
        let mut world = World::new(2_600 + seed);
        let hosts = world.mesh(2);
        let own = world.send(hosts[0], None, 1_000_000).0;
        world.run(30);
        world.stop(hosts[0]);
        let theirs = world.send(hosts[1], None, 1_000_000).0;
        world.run(stop_ms);
        world.resume(hosts[0]);
        world.until(20_000, "everything arrives", |world| {
            world.is_delivered(hosts[0], own)
                && world.is_delivered(hosts[1], theirs)
                && world.all_linked(&hosts)
        });
        assert!(hosts.iter().all(|host| left_count(&world, *host) == 0), "stop {stop_ms}");
        world.assert_kept();
    }
}

/// The receiver reloads in the middle of a transfer: a fresh key, so the old peer leaves and a new
/// one comes. What was delivered resolved, the rest is rejected, nothing is doubled.
#[test]
fn receiver_reloads_in_the_middle() {
    for seed in 0..10 {
        let mut world = World::new(2_700 + seed);
        let hosts = world.mesh(2);
        let mut calls = world.send_many(hosts[0], None, &[100; 50]);
        calls.extend(world.send_many(hosts[0], None, &[3_000_000, 100, 2_000_000, 100]));
        world.run(100 + seed * 60);
        let old = world.peer(hosts[1]);
        let at = world.now_ms();
        world.close_page(hosts[1]);
        let new = world.join();
        world.until(10_000, "linked", |world| world.all_linked(&[hosts[0], new]));
        assert_eq!(left(&world, hosts[0], old, at).map(|(_, why)| why), Some(ErrorCode::PeerLeft));
        for (ticket, label) in &calls {
            assert!(world.is_settled(hosts[0], *ticket));
            if let Some((code, delivery)) = failure(&world, hosts[0], *ticket, old) {
                assert_eq!(code, ErrorCode::PeerLeft);
                assert!(delivery == Delivery::Unknown || !world.checker.has(hosts[1], *label));
            }
        }
        assert_eq!(world.checker.received_count(new, hosts[0]), 0);
        assert_talk(&mut world, hosts[0], new);
        world.assert_kept();
    }
}

/// A peer restarts with its key: what was sent and not acknowledged rejects `PeerRestarted`, what
/// was not sent goes to the new start.
#[test]
fn peer_restarts_with_its_key() {
    for seed in 0..10 {
        let mut world = World::new(2_800 + seed);
        let first = world.join();
        let identity = Some([u8::try_from(seed).unwrap_or(0) + 1; 32]);
        let old = world.add_with(77, identity, |_| {});
        world.start(old);
        world.until(10_000, "linked", |world| world.all_linked(&[first, old]));
        let calls = world.send_many(first, None, &[100, 20_000_000, 6_000_000, 100]);
        world.run(150);
        world.kill(old);
        world.run(500);
        let new = world.add_with(77, identity, |_| {});
        assert_eq!(world.peer(old), world.peer(new));
        world.start(new);
        world.until(30_000, "linked", |world| world.all_linked(&[first, new]));
        world.until(30_000, "settled", |world| {
            calls.iter().all(|(ticket, _)| world.is_settled(first, *ticket))
        });
        let peer = world.peer(new);
        assert_eq!(
            failure(&world, first, calls[1].0, peer),
            Some((ErrorCode::PeerRestarted, Delivery::Unknown)),
            "it was under way"
        );
        assert!(world.is_delivered(first, calls[2].0), "it was not sent to the old start");
        assert!(world.checker.has(new, calls[2].1) && world.checker.has(new, calls[3].1));
        assert!(!world.checker.has(new, calls[1].1));
        assert_talk(&mut world, first, new);
        world.assert_kept();
    }
}

/// Two live starts of one key: the older gets `Replaced` and stops, the newer is linked.
#[test]
fn of_two_live_starts_the_older_is_replaced() {
    for seed in 0..10 {
        let mut world = World::new(2_900 + seed);
        let first = world.join();
        let identity = Some([7; 32]);
        let older = world.add_with(77, identity, |_| {});
        world.start(older);
        world.until(10_000, "linked", |world| world.all_linked(&[first, older]));
        let newer = world.add_with(78, identity, |_| {});
        world.start(newer);
        world.until(5_000, "the older is told", |world| {
            let replaced = |notice: &Notice| {
                matches!(notice, Notice::Closed(Some(error)) if error.code == ErrorCode::Replaced)
            };
            world.heard(older, 0, replaced).is_some()
        });
        world.until(10_000, "the newer is linked", |world| world.all_linked(&[first, newer]));
        assert_eq!(world.open_connection_count(older), 0);
        assert_talk(&mut world, first, newer);
        world.run(30_000);
        assert_eq!(world.open_connection_count(first), 1);
        world.assert_kept();
    }
}

/// A page goes into the back/forward cache and comes back: it is linked again.
#[test]
fn page_comes_back_from_the_cache() {
    for seed in 0..5 {
        let mut world = World::new(3_000 + seed);
        let hosts = world.mesh(2);
        world.feed(hosts[0], Input::Lifecycle(Lifecycle::Hidden));
        world.run(20_000);
        assert_eq!(left_count(&world, hosts[1]), 1);
        world.feed(hosts[0], Input::Lifecycle(Lifecycle::Shown));
        world.until(15_000, "linked again", |world| world.all_linked(&hosts));
        assert_talk(&mut world, hosts[0], hosts[1]);
        world.assert_kept();
    }
}

/// a peer leaves while another one joins, whichever of them the server hears first: neither is shown one
/// that is gone for longer than the word of it travels, and nothing waits for it.
#[test]
fn leaving_amid_a_join_is_known_within_a_second() {
    for wait_ms in (0..300).step_by(5) {
        for is_newcomer in [false, true] {
            let mut world = World::new(wait_ms);
            let (first, newcomer) = (world.join(), world.add());
            world.run(1_000);
            world.start(newcomer);
            world.run(wait_ms);
            let (leaver, other) = if is_newcomer { (newcomer, first) } else { (first, newcomer) };
            world.feed(leaver, Input::Leave);
            let closed = |notice: &Notice| matches!(notice, Notice::Closed(None));
            world.until(4_500, "it has left", |world| world.heard(leaver, 0, closed).is_some());
            let is_admitted = |notice: &Notice| matches!(notice, Notice::Admitted);
            world.until(1_000, "let in", |world| world.heard(other, 0, is_admitted).is_some());
            let ticket = world.send(other, None, 100).0;
            world.run(1_000);
            let account = || format!("{wait_ms} {is_newcomer}: {}", world.account());
            assert_eq!(shown(&world, other), [], "{}", account());
            assert!(world.is_settled(other, ticket), "{}", account());
            world.assert_kept();
        }
    }
}

/// Everyone leaves and nothing is left: no connection, no timer that fires.
#[test]
fn leaving_leaves_nothing() {
    let mut world = World::new(3_100);
    let hosts = world.mesh(4);
    for host in &hosts {
        world.feed(*host, Input::Leave);
    }
    world.run(5_000);
    let inputs: u64 = hosts.iter().map(|host| world.input_count(*host)).sum();
    world.run(600_000);
    assert_eq!(inputs, hosts.iter().map(|host| world.input_count(*host)).sum::<u64>());
    assert!(hosts.iter().all(|host| world.open_connection_count(*host) == 0));
    world.assert_kept();
}

/// However many come and go, there is room for those who are here: the gone are not counted.
#[test]
fn a_hundred_visitors_one_after_the_other_are_all_linked() {
    let mut world = World::new(3_100);
    let host = world.join();
    for _ in 0..100 {
        let visitor = world.join();
        world.until(10_000, "linked", |world| world.all_linked(&[host, visitor]));
        world.close_page(visitor);
        world.run(1_000);
    }
    assert_eq!(left_count(&world, host), 100);
    assert!(troubles(&world, host, 0).is_empty());
    world.assert_kept();
}

/// A page is closed while the server is away: it said goodbye, so nobody looks for it or reports it.
#[test]
fn closed_page_is_not_looked_for_without_a_server() {
    for seed in 0..10 {
        let mut world = World::new(3_200 + seed);
        let hosts = world.mesh(3);
        world.kill_server();
        world.run(1_000);
        let at = world.now_ms();
        let connection_count = world.connection_count();
        world.close_page(hosts[0]);
        world.run(200_000);
        for host in &hosts[1..] {
            assert_eq!(left_count(&world, *host), 1);
            assert_eq!(troubles(&world, *host, at), []);
        }
        assert_eq!(world.connection_count(), connection_count, "somebody looked for it");
        world.start_server();
        world.run(30_000);
        assert!(hosts[1..].iter().all(|host| troubles(&world, *host, at).is_empty()));
        world.assert_kept();
    }
}

/// A process dies while the server is away: once it is given up, it is reported no further.
#[test]
fn dead_process_is_reported_once_without_a_server() {
    for seed in 0..5 {
        let mut world = World::new(3_300 + seed);
        let hosts = world.mesh(2);
        world.kill_server();
        world.run(1_000);
        let at = world.now_ms();
        world.kill(hosts[0]);
        world.run(300_000);
        assert_eq!(left_count(&world, hosts[1]), 1);
        assert_eq!(troubles(&world, hosts[1], at), []);
        world.assert_kept();
    }
}
