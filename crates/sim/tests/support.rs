//! What several scenarios ask of a world.

use meshlace_core::error::{Delivery, ErrorCode};
use meshlace_core::id::{PeerId, Ticket};
use meshlace_core::node::{Input, Notice, Report};
use meshlace_sim::checker::Fate;
use meshlace_sim::{HostId, World};

/// When a host was told that a peer left, and why; the first time from `since` on.
pub(crate) fn left(
    world: &World,
    host: HostId,
    peer: PeerId,
    since: u64,
) -> Option<(u64, ErrorCode)> {
    world.host(host).notices.iter().find_map(|(at, notice)| match notice {
        Notice::PeerLeft { peer: found, reason, .. } if *found == peer && *at >= since => {
            Some((*at, *reason))
        }
        _ => None,
    })
}

/// The peers that are in a host's `room.peers` now.
pub(crate) fn shown(world: &World, host: HostId) -> Vec<PeerId> {
    let mut shown = Vec::new();
    for (_, notice) in &world.host(host).notices {
        match notice {
            Notice::PeerAdded { peer } => shown.push(*peer),
            Notice::PeerLeft { peer, .. } => shown.retain(|found| found != peer),
            _ => {}
        }
    }
    shown
}

/// How often a host was told that a peer left.
pub(crate) fn left_count(world: &World, host: HostId) -> usize {
    let notices = &world.host(host).notices;
    notices.iter().filter(|(_, notice)| matches!(notice, Notice::PeerLeft { .. })).count()
}

/// The troubles a host was told of, by code, from `since` on.
pub(crate) fn troubles(
    world: &World,
    host: HostId,
    since: u64,
) -> Vec<(ErrorCode, Option<PeerId>)> {
    let notices = world.host(host).notices.iter().filter(|(at, _)| *at >= since);
    notices
        .filter_map(|(_, notice)| match notice {
            Notice::Trouble(error) => Some((error.code, error.peer)),
            _ => None,
        })
        .collect()
}

/// How a call failed towards a peer.
pub(crate) fn failure(
    world: &World,
    host: HostId,
    ticket: Ticket,
    peer: PeerId,
) -> Option<(ErrorCode, Delivery)> {
    match world.fate(host, ticket) {
        Fate::Settled { failed, .. } => {
            failed.iter().find(|(found, ..)| *found == peer).map(|(_, code, how)| (*code, *how))
        }
        _ => None,
    }
}

/// What a host reports of its links.
#[expect(clippy::panic, reason = "a test's helper fails the test")]
pub(crate) fn diagnose(world: &mut World, host: HostId) -> Report {
    let ticket = world.next_ticket(host);
    world.feed(host, Input::Diagnose { ticket });
    world.run(1_100);
    let notices = world.host(host).notices.iter().rev();
    let report = notices.filter_map(|(_, notice)| match notice {
        Notice::Diagnosis { ticket: found, report } if *found == ticket => {
            Some(Report::clone(report))
        }
        _ => None,
    });
    let Some(report) = report.into_iter().next() else { panic!("no report within a second") };
    report
}

/// Sends a message each way and waits for both.
pub(crate) fn assert_talk(world: &mut World, one: HostId, other: HostId) {
    let there = world.send(one, Some(other), 100).0;
    let back = world.send(other, Some(one), 100).0;
    world.until(5_000, "both talk", |world| {
        world.is_delivered(one, there) && world.is_delivered(other, back)
    });
}
