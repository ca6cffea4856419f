//! Pages that lie: a typed error at the right side within its deadline, and no effect on the links of
//! others.

use meshlace_core::error::ErrorCode;
use meshlace_core::limits::{ATTEMPT_COUNT_MAX, DESCRIPTION_BYTES_MAX, SERVER_MESSAGE_BYTES_MAX};
use meshlace_core::node::{MeshError, Notice, PeerState};
use meshlace_sim::world::Malice;
use meshlace_sim::{HostId, World};

use crate::support::{assert_talk, left_count, troubles};

/// Two honest pages, linked, and one that will be hostile and has not joined.
struct Stage {
    world: World,
    honest: [HostId; 2],
    liar: HostId,
    began_ms: u64,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let hosts = world.mesh(2);
        let liar = world.add();
        let began_ms = world.now_ms();
        Self { honest: [hosts[0], hosts[1]], liar, began_ms, world }
    }

    /// The liar joins. Nothing may come of it but a trouble of this code at both honest pages.
    fn refuses(mut self, malice: Malice, code: ErrorCode, found: &str) {
        self.world.set_malice(self.liar, malice);
        self.world.start(self.liar);
        let [one, other] = self.honest;
        let (liar, began_ms) = (self.world.peer(self.liar), self.began_ms);
        self.world.until(10_000, "both say what the liar did", |world| {
            [one, other].iter().all(|host| !troubles(world, *host, began_ms).is_empty())
        });
        for _ in 0..3 {
            self.world.run(10_000);
            assert_talk(&mut self.world, one, other);
        }
        for host in self.honest {
            let told: Vec<_> = self.troubles(host);
            assert!(
                told.iter().all(|error| error.code == code && error.peer == Some(liar)),
                "{told:?}"
            );
            let has_reason = |error: &MeshError| error.found.as_deref() == Some(found);
            assert!(told.iter().all(has_reason), "{told:?}");
            // An ignored peer is looked at again after 10 s, and is no more noise than that.
            assert!(told.len() <= 6, "{} troubles", told.len());
            assert!(!self.world.sees(host, self.liar) && !self.world.sees(self.liar, host));
        }
        // The liar is told too, by its own node: its peers closed for the same reason.
        let heard = troubles(&self.world, self.liar, 0);
        assert!(heard.iter().any(|(heard, _)| *heard == code), "{heard:?}");
        self.assert_unharmed();
    }

    fn troubles(&self, host: HostId) -> Vec<MeshError> {
        let notices = self.world.host(host).notices.iter();
        let troubles = notices.filter_map(|(at, notice)| match notice {
            Notice::Trouble(error) if *at >= self.began_ms => Some(error.clone()),
            _ => None,
        });
        troubles.collect()
    }

    /// The honest link was open throughout.
    fn assert_unharmed(&mut self) {
        let [one, other] = self.honest;
        for (host, peer) in [(one, other), (other, one)] {
            let peer = self.world.peer(peer);
            let doubted = self.world.heard(host, self.began_ms, |notice| {
                matches!(notice, Notice::PeerState { peer: found, state }
                    if *found == peer && *state != PeerState::Open)
            });
            assert_eq!((doubted, left_count(&self.world, host)), (None, 0));
        }
        assert_talk(&mut self.world, one, other);
        self.world.assert_kept();
    }
}

/// A hello that another key signed.
#[test]
fn forged_hello_is_refused_and_harms_nobody() {
    for seed in 0..3 {
        let found = "a signature that does not hold";
        Stage::new(6_000 + seed).refuses(Malice::ForgeHello, ErrorCode::HelloRejected, found);
    }
}

/// A hello in the name of one honest page, shown to both: neither takes it for the other.
#[test]
fn claimed_key_is_refused_by_its_owner_and_by_others() {
    for seed in 0..3 {
        let stage = Stage::new(6_100 + seed);
        let claimed = stage.world.peer(stage.honest[0]);
        stage.refuses(Malice::ClaimKey(claimed), ErrorCode::HelloRejected, "another sender key");
    }
}

/// A page of another version of the link protocol, which signs what it says as it should.
#[test]
fn other_version_is_refused_by_name() {
    let (code, found) = (ErrorCode::HelloRejected, "link version 2");
    Stage::new(6_200).refuses(Malice::Version(2), code, found);
}

/// A page whose messages are larger than the server takes cannot join: it is told so, and nobody else
/// hears of it.
#[test]
fn message_too_large_for_the_server_concerns_its_sender_alone() {
    let mut stage = Stage::new(6_300);
    stage.world.set_malice(stage.liar, Malice::LargeMessages(SERVER_MESSAGE_BYTES_MAX + 1));
    stage.world.start(stage.liar);
    let liar = stage.liar;
    let failed = move |world: &World| {
        world.heard(liar, 0, |notice| {
            matches!(notice, Notice::JoinFailed(error) if error.code == ErrorCode::SignalTooLarge)
        })
    };
    stage.world.until(10_000, "the join is refused", |world| failed(world).is_some());
    stage.world.run(60_000);
    assert_eq!(stage.honest.map(|host| stage.troubles(host)), [vec![], vec![]]);
    stage.assert_unharmed();
}

/// A member that begins to send such messages loses its session at the server, is told why, and keeps
/// its links.
#[test]
fn member_that_sends_too_large_messages_loses_the_server_alone() {
    let mut stage = Stage::new(6_350);
    let (liar, [one, other]) = (stage.liar, stage.honest);
    stage.world.start(liar);
    stage.world.until(10_000, "linked", |world| world.all_linked(&[one, other, liar]));
    stage.world.set_malice(liar, Malice::LargeMessages(SERVER_MESSAGE_BYTES_MAX + 1));
    stage.world.until(60_000, "the liar is told", |world| {
        let lost = |notice: &Notice| {
            matches!(notice, Notice::Trouble(error) if error.code == ErrorCode::SignallingLost
                && error.found.as_deref() == Some(ErrorCode::SignalTooLarge.sentence()))
        };
        world.heard(liar, 0, lost).is_some()
    });
    stage.world.run(30_000);
    assert_eq!(stage.honest.map(|host| stage.troubles(host)), [vec![], vec![]]);
    assert_talk(&mut stage.world, one, liar);
    stage.assert_unharmed();
}

/// A page whose description does not fit all of its signals: it is told `SignalTooLarge` for each peer
/// after its attempts; the others only ever see one that cannot be reached.
#[test]
fn description_too_large_is_named_at_its_maker() {
    let mut stage = Stage::new(6_400);
    let liar = stage.liar;
    stage.world.host_mut(liar).sdp_padding_bytes = DESCRIPTION_BYTES_MAX + 100;
    stage.world.start(liar);
    let peers = stage.honest.map(|host| stage.world.peer(host));
    let named = move |world: &World| {
        let told = troubles(world, liar, 0);
        peers.iter().all(|peer| told.contains(&(ErrorCode::SignalTooLarge, Some(*peer))))
    };
    stage.world.until(u64::from(ATTEMPT_COUNT_MAX) * 15_000, "both are named", named);
    assert!(!stage.honest.iter().any(|host| stage.world.sees(liar, *host)));
    stage.assert_unharmed();
}
