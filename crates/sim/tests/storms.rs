//! Random faults over many seeds, every promise checked throughout.
//!
//! `MESHLACE_STORM_SEEDS` sets how many seeds are run, `MESHLACE_STORM_FIRST` where they begin; a
//! failure names its seed.

use meshlace_core::node::NodeConfig;
use meshlace_sim::schedule::Storm;
use meshlace_sim::world::PATIENCE;
use meshlace_sim::{HostId, World};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn patient(config: &mut NodeConfig) {
    config.timeout = Some(PATIENCE);
}

fn storm(seed: u64, peer_count: usize, storm: Storm) {
    println!("seed {seed}");
    let mut world = World::new(seed);
    let mut hosts: Vec<HostId> = Vec::new();
    for machine in 1..=peer_count {
        let identity = Some(world.chance.seed());
        let host = world.add_with(machine, identity, patient);
        world.start(host);
        hosts.push(host);
    }
    storm.rage(&mut world, hosts);
}

fn storms(usual_count: u64, salt: u64, peer_count: usize, what: Storm) {
    let first = number("MESHLACE_STORM_FIRST", 0);
    let count = number("MESHLACE_STORM_SEEDS", usual_count);
    for seed in first..first + count {
        storm(salt + seed, peer_count, what);
    }
}

/// Two peers, network faults only.
#[test]
fn two_peers_survive_a_rough_network() {
    let calm = Storm { has_departures: false, has_hostility: false, ..Storm::default() };
    storms(30, 10_000, 2, calm);
}

/// Four peers, everything at once.
#[test]
fn four_peers_survive_everything() {
    storms(25, 20_000, 4, Storm::default());
}

/// Eight peers, everything at once.
#[test]
fn eight_peers_survive_everything() {
    storms(2, 30_000, 8, Storm::default());
}

/// One seed, with the whole journal on failure (`MESHLACE_STORM_SEED`, `MESHLACE_STORM_PEERS`).
#[test]
fn one_storm_by_seed() {
    let seed = number("MESHLACE_STORM_SEED", 0);
    let peer_count = number("MESHLACE_STORM_PEERS", 2);
    let calm = Storm { has_departures: false, has_hostility: false, ..Storm::default() };
    let what = if peer_count == 2 { calm } else { Storm::default() };
    storm(seed, usize::try_from(peer_count).unwrap_or(2), what);
}
