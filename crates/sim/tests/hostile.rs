//! Servers that lie, addresses that are wrong, pages that ask too much: a typed error at the right
//! side, and no effect on other links.

use meshlace_core::error::{Delivery, ErrorCode};
use meshlace_core::limits::{MESSAGE_BYTES_MAX, NODE_QUEUE_BYTES_MAX};
use meshlace_core::node::{Input, Notice, RoomStatus};
use meshlace_sim::checker::Fate;
use meshlace_sim::world::Hostility;
use meshlace_sim::{HostId, World};

use crate::support::{assert_talk, left_count, troubles};

fn join_failure(world: &World, host: HostId) -> Option<(u64, ErrorCode)> {
    world.host(host).notices.iter().find_map(|(at, notice)| match notice {
        Notice::JoinFailed(error) => Some((*at, error.code)),
        _ => None,
    })
}

/// Nobody answers at the server's address, or it accepts and says nothing: `ServerUnreachable`
/// within the deadline.
#[test]
fn unreachable_server_is_named_in_time() {
    for is_killed in [true, false] {
        let mut world = World::new(5_000);
        if is_killed {
            world.kill_server()
        } else {
            world.stop_server()
        }
        let host = world.join();
        world.until(10_000, "told", |world| join_failure(world, host).is_some());
        let failure = join_failure(&world, host);
        assert_eq!(failure.map(|(_, code)| code), Some(ErrorCode::ServerUnreachable));
        let inputs = world.input_count(host);
        world.run(120_000);
        assert_eq!(world.input_count(host), inputs, "it tries no more");
        world.assert_kept();
    }
}

/// A server that flips a bit in every seventh envelope: its lies are named at the receiver, links that
/// are open feel nothing, and a newcomer is linked in spite of it.
#[test]
fn altered_envelopes_are_named_and_borne() {
    for seed in 0..5 {
        let mut world = World::new(5_100 + seed);
        let mut hosts = world.mesh(3);
        let at = world.now_ms();
        world.set_hostility(Hostility { alter_permille: 150, ..Hostility::default() });
        hosts.push(world.join());
        world.until(60_000, "linked", |world| world.all_linked(&hosts));
        let found: Vec<_> = hosts.iter().flat_map(|host| troubles(&world, *host, at)).collect();
        assert!(!found.is_empty());
        assert!(
            found
                .iter()
                .all(|(code, peer)| { *code == ErrorCode::ProtocolViolation && peer.is_some() })
        );
        assert!(hosts.iter().all(|host| left_count(&world, *host) == 0));
        assert_talk(&mut world, hosts[0], hosts[1]);
        assert_talk(&mut world, hosts[0], hosts[3]);
        world.assert_kept();
    }
}

/// A server that hands every envelope on twice: replays are named, and count once.
#[test]
fn replayed_envelopes_are_named_and_count_once() {
    let mut world = World::new(5_200);
    world.set_hostility(Hostility { double_permille: 1_000, ..Hostility::default() });
    let hosts = world.mesh(3);
    let replays = hosts.iter().flat_map(|host| troubles(&world, *host, 0)).count();
    assert!(replays > 0);
    assert_talk(&mut world, hosts[0], hosts[1]);
    assert!(hosts.iter().all(|host| world.open_connection_count(*host) == 2));
    world.assert_kept();
}

/// A server that loses and reorders envelopes: they are sent again until acknowledged.
#[test]
fn lost_and_reordered_envelopes_are_made_good() {
    for seed in 0..10 {
        let mut world = World::new(5_300 + seed);
        world.set_hostility(Hostility {
            drop_permille: 300,
            delay_permille: 300,
            ..Hostility::default()
        });
        let hosts: Vec<HostId> = (0..2).map(|_| world.join()).collect();
        world.until(60_000, "linked", |world| world.all_linked(&hosts));
        assert_talk(&mut world, hosts[0], hosts[1]);
        world.assert_kept();
    }
}

/// What is too large, or does not fit the queue, is refused before anything of it is sent, and what
/// fits goes on.
#[test]
fn oversize_and_overfull_are_refused_before_sending() {
    let mut world = World::new(5_500);
    let hosts = world.mesh(2);
    let (ticket, _) = world.send(hosts[0], None, MESSAGE_BYTES_MAX + 1);
    assert_eq!(world.fate(hosts[0], ticket), Fate::Refused(ErrorCode::MessageTooLarge));
    let calls = world.send_many(hosts[0], None, &[MESSAGE_BYTES_MAX - 1_000; 3]);
    assert_eq!(world.fate(hosts[0], calls[2].0), Fate::Refused(ErrorCode::QueueFull));
    world.until(30_000, "the others arrive", |world| {
        calls[..2].iter().all(|(ticket, _)| world.is_delivered(hosts[0], *ticket))
    });
    world.assert_kept();
}

/// All links of a node share one bound.
#[test]
fn queue_of_the_node_is_bounded() {
    let mut world = World::new(5_600);
    let hosts = world.mesh(6);
    for other in &hosts[1..] {
        world.mute(hosts[0], *other);
    }
    let size = 30_000_000;
    let calls: Vec<_> = hosts[1..]
        .iter()
        .flat_map(|other| world.send_many(hosts[0], Some(*other), &[size; 2]))
        .collect();
    let refused = |(ticket, _): &&(_, _)| {
        world.fate(hosts[0], *ticket) == Fate::Refused(ErrorCode::QueueFull)
    };
    let refused = calls.iter().filter(refused).count();
    assert_eq!(calls.len() - refused, NODE_QUEUE_BYTES_MAX / size);
    world.assert_kept();
}

/// A caller gives up: what was not sent is never sent, what was may have arrived.
#[test]
fn cancelled_message_is_settled_by_what_is_known() {
    let mut world = World::new(5_700);
    let hosts = world.mesh(2);
    world.mute(hosts[0], hosts[1]);
    let calls = world.send_many(hosts[0], None, &[100, 10_000_000, 10_000_000]);
    for (ticket, _) in &calls {
        world.feed(hosts[0], Input::Cancel { ticket: *ticket });
    }
    let how = |index: usize| match world.fate(hosts[0], calls[index].0) {
        Fate::Settled { failed, .. } => failed.first().map(|(_, code, how)| (*code, *how)),
        _ => None,
    };
    assert_eq!(how(0), Some((ErrorCode::Cancelled, Delivery::Unknown)));
    assert_eq!(how(2), Some((ErrorCode::Cancelled, Delivery::NotSent)));
    world.run(60_000);
    assert!(!world.checker.has(hosts[1], calls[2].1));
    world.assert_kept();
}

/// Neither server nor any peer: the room says that it is offline, and that it is back.
#[test]
fn offline_is_said() {
    let mut world = World::new(5_800);
    let hosts = world.mesh(2);
    world.unplug(hosts[0]);
    let other = hosts[0];
    let told = |status: RoomStatus| {
        move |world: &World| {
            let statuses = world.host(other).notices.iter().rev();
            let mut statuses = statuses.filter_map(|(_, notice)| match notice {
                Notice::Status(status) => Some(*status),
                _ => None,
            });
            statuses.next() == Some(status)
        }
    };
    world.until(60_000, "offline", told(RoomStatus::Offline));
    world.plug(hosts[0], true);
    world.until(60_000, "connected", told(RoomStatus::Connected));
    world.until(5_000, "linked", |world| world.all_linked(&hosts));
    assert_talk(&mut world, hosts[0], hosts[1]);
    world.assert_kept();
}
