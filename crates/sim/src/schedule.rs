//! Random schedules of faults, and what must hold once they are over.
//!
//! A storm draws one fault after the other from the world's own chance, with traffic between them.
//! Afterwards everything is healed, and [`Storm::settle`] states the promise: within
//! [`SETTLE_MS`] of virtual time every living page is linked to every other, and every call of a
//! living page is settled.

use meshlace_core::id::StreamKey;
use meshlace_core::node::{Content, Input, Lifecycle, Recipient};

use crate::checker::Fate;
use crate::network::Path;
use crate::world::{Hostility, ServerState};
use crate::{HostId, HostState, World};

/// Everything is whole again within this: a page that went while it was away is waited for for five
/// minutes; an unreachable one is tried again after at most two
/// minutes, and an attempt takes up to 15 s. Units: milliseconds.
pub const SETTLE_MS: u64 = 360_000;

/// What a storm may do.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// How long it lasts. Units: milliseconds.
    pub span_ms: u64,
    /// Longest pause between two faults. Units: milliseconds.
    pub pause_ms_max: u64,
    /// Largest message. Units: bytes.
    pub message_bytes_max: u64,
    /// Whether pages may go away and others come.
    pub has_departures: bool,
    /// Whether the server may tamper with envelopes.
    pub has_hostility: bool,
}

impl Default for Storm {
    fn default() -> Self {
        Self {
            span_ms: 60_000,
            pause_ms_max: 4_000,
            message_bytes_max: 600_000,
            has_departures: true,
            has_hostility: true,
        }
    }
}

impl Storm {
    /// Rages over `hosts`, heals everything and waits until it has settled. Returns who lives.
    ///
    /// # Panics
    /// When a promise is broken, with the end of the journal.
    pub fn rage(self, world: &mut World, mut hosts: Vec<HostId>) -> Vec<HostId> {
        let end = world.now_ms() + self.span_ms;
        while world.now_ms() < end {
            self.strike(world, &mut hosts);
            let pause = world.chance.below(self.pause_ms_max);
            world.run(pause);
            world.assert_kept();
        }
        Self::heal(world, &hosts);
        Self::settle(world, &hosts);
        hosts
    }

    /// Undoes every fault.
    pub fn heal(world: &mut World, hosts: &[HostId]) {
        world.set_hostility(Hostility::default());
        world.network.heal();
        world.network.usual = Path::default();
        match world.server_state() {
            ServerState::Running => {}
            ServerState::Stopped => world.continue_server(),
            ServerState::Killed => world.start_server(),
        }
        for host in hosts {
            world.host_mut(*host).timer_grain_us = 1;
            world.thaw(*host);
            world.resume(*host);
        }
    }

    /// Waits until everything is whole.
    ///
    /// # Panics
    /// When it is not within [`SETTLE_MS`], or a promise is broken.
    pub fn settle(world: &mut World, hosts: &[HostId]) {
        world.until(SETTLE_MS, "everyone is linked and every call settled", |world| {
            world.all_linked(hosts) && world.checker.pending_count() == 0
        });
        let calls: Vec<_> =
            hosts.iter().map(|host| (*host, world.send(*host, None, 64).0)).collect();
        // Pages that went without a word are waited for until they count as dead.
        world.until(60_000, "everyone hears everyone", |world| {
            calls.iter().all(|(host, ticket)| match world.fate(*host, *ticket) {
                Fate::Settled { delivered, .. } => hosts
                    .iter()
                    .all(|other| other == host || delivered.contains(&world.peer(*other))),
                _ => false,
            })
        });
        world.until(SETTLE_MS, "nobody holds a connection to nobody", |world| {
            hosts.iter().all(|host| world.open_connection_count(*host) == hosts.len() - 1)
        });
        world.assert_kept();
    }

    fn strike(self, world: &mut World, hosts: &mut Vec<HostId>) {
        let one = hosts[world.chance.below(hosts.len() as u64) as usize];
        let other = hosts[world.chance.below(hosts.len() as u64) as usize];
        match world.chance.below(26) {
            0..6 => self.talk(world, one, other),
            6 => world.cut(one, other),
            7 | 8 => world.mend(one, other),
            9 => {
                let (from, to) = (world.host(one).machine, world.host(other).machine);
                world.network.cut_one_way(from, to);
            }
            10 => world.unplug(one),
            11 | 12 => {
                let is_new = world.chance.permille(500);
                world.plug(one, is_new);
            }
            13 => world.mute(one, other),
            14 => world.freeze(one),
            15 => world.stop(one),
            16 | 17 => {
                world.thaw(one);
                world.resume(one);
            }
            18 => match world.server_state() {
                ServerState::Running if world.chance.permille(500) => world.kill_server(),
                ServerState::Running => world.stop_server(),
                ServerState::Stopped => world.continue_server(),
                ServerState::Killed => world.start_server(),
            },
            19 => {
                world.network.usual.loss_permille = world.chance.below(200);
                world.network.usual.jitter_us = world.chance.below(300_000);
                world.network.usual.bandwidth = world.chance.between(100, 20_000);
            }
            20 if self.has_hostility => {
                let hostility = Hostility {
                    drop_permille: world.chance.below(300),
                    double_permille: world.chance.below(300),
                    alter_permille: world.chance.below(300),
                    delay_permille: world.chance.below(300),
                };
                world.set_hostility(hostility);
            }
            21 => world.feed(one, Input::Lifecycle(Lifecycle::Online)),
            22 => {
                world.host_mut(one).timer_grain_us =
                    if world.chance.permille(500) { 1 } else { 60_000_000 };
            }
            23 if self.has_departures => self.depart(world, hosts, one),
            24 => Self::share(world, one),
            _ => {}
        }
    }

    fn talk(self, world: &mut World, one: HostId, other: HostId) {
        let count = world.chance.between(1, 6);
        let sizes: Vec<usize> = (0..count)
            .map(|_| {
                let most = [200, 9_000, 70_000, self.message_bytes_max];
                let most = most[world.chance.below(4) as usize].min(self.message_bytes_max);
                world.chance.below(most) as usize
            })
            .collect();
        let to = (one != other && world.chance.permille(500)).then_some(other);
        let calls = world.send_many(one, to, &sizes);
        if world.chance.permille(150) {
            let index = world.chance.below(calls.len() as u64) as usize;
            world.feed(one, Input::Cancel { ticket: calls[index].0 });
        }
        if one != other && world.chance.permille(300) {
            let ticket = world.next_ticket(one);
            let peer = world.peer(other);
            let name = "ask".to_string();
            let (content, payload) = (Content::Bytes, vec![7; 50]);
            let request = Input::Request { ticket, peer, name, content, payload, timeout: None };
            world.feed(one, request);
        }
    }

    fn share(world: &mut World, host: HostId) {
        let stream = StreamKey(world.chance.below(4) as u32);
        if world.chance.permille(500) {
            world.feed(host, Input::RemoveStream { stream });
        } else {
            let media_id = format!("media-{host}-{}", stream.0);
            let label = "camera".to_string();
            world.feed(host, Input::AddStream { stream, media_id, label, to: Recipient::All });
        }
    }

    /// One page goes, in one of several ways, and another comes.
    fn depart(self, world: &mut World, hosts: &mut Vec<HostId>, one: HostId) {
        if world.host(one).state != HostState::Running {
            return;
        }
        match world.chance.below(3) {
            0 => world.kill(one),
            1 => world.close_page(one),
            _ => {
                world.feed(one, Input::Leave);
                world.run(4_200);
                world.kill(one);
            }
        }
        let machine = world.host(one).machine;
        hosts.retain(|host| *host != one);
        let again = world.chance.permille(300);
        let identity = if again { world.host(one).identity } else { None };
        let new = world.add_with(machine, identity, |config| {
            config.timeout = Some(crate::world::PATIENCE);
        });
        world.start(new);
        hosts.push(new);
    }
}
