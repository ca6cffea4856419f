//! A machine that sleeps for longer than its peers keep its numbers.

use meshlace_sim::World;

use super::support::assert_talk;

/// A peer sleeps for an hour; meanwhile the others forget it, and one of them because of a newcomer.
/// When it wakes, all of them talk again, and nothing is lost without a word.
#[test]
fn peer_that_slept_for_an_hour_is_met_anew() {
    let mut world = World::new(71);
    let hosts = world.mesh(3);
    for _ in 0..5 {
        assert_talk(&mut world, hosts[0], hosts[1]);
        assert_talk(&mut world, hosts[2], hosts[1]);
    }
    world.stop(hosts[1]);
    world.run(3_600_000);
    let late = world.join();
    world.run(10_000);
    world.resume(hosts[1]);
    let all = [hosts[0], hosts[1], hosts[2], late];
    world.until(120_000, "everyone is linked again", |world| world.all_linked(&all));
    assert_talk(&mut world, hosts[0], hosts[1]);
    assert_talk(&mut world, hosts[2], hosts[1]);
    assert_talk(&mut world, late, hosts[1]);
    world.assert_kept();
}
