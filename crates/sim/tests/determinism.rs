//! One seed owns all chance.

use meshlace_sim::World;

fn digest(seed: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    world.network.usual.loss_permille = 50;
    let hosts = world.mesh(4);
    for host in &hosts {
        world.send_many(*host, None, &[100, 20_000, 400_000]);
    }
    world.run(3_000);
    world.mute(hosts[0], hosts[1]);
    world.run(40_000);
    world.assert_kept();
    (world.journal.digest(), world.journal.line_count())
}

/// The same seed twice, then another: same journal, another journal.
#[test]
fn same_seed_gives_the_same_journal() {
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7), digest(8));
}
