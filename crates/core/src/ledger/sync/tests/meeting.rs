use proptest::prelude::*;

use super::*;

/// two ledgers alike say so, and nothing more; nothing is armed afterwards.
#[test]
fn equal_ledgers_say_two_digests() {
    let mut world = World::new(2);
    world.link(0, 1);
    world.settle();
    assert_eq!(world.message_count, 2);
    assert!(world.nodes.iter().all(|node| node.sync.is_idle()));
}

/// two peers that wrote apart hold the same afterwards.
#[test]
fn two_peers_that_wrote_apart_meet() {
    let mut world = World::new(2);
    for n in 0..40 {
        world.write(0, n % 3);
        world.write(1, 3 + n % 4);
    }
    world.link(0, 1);
    world.settle();
    world.assert_alike(&[0, 1]);
    assert_eq!(world.nodes[0].dag.held_count(), 80);
}

/// a newcomer gets a long history in pages, most of it by few signatures, and can serve it on.
#[test]
fn newcomer_gets_a_long_history_and_serves_it_on() {
    let mut world = World::new(3);
    for n in 0..3_000_u32 {
        world.write(0, u8::try_from(n % 10).expect("small"));
    }
    world.link(0, 1);
    world.settle();
    world.assert_alike(&[0, 1]);
    world.cut(0, 1);
    world.link(1, 2);
    world.settle();
    world.assert_alike(&[1, 2]);
    let signed = |node: usize| {
        let dag = &world.nodes[node].dag;
        (0..dag.held_count())
            .filter(|at| dag.block(BlockIndex(*at)).is_some_and(|it| it.signature.is_some()))
            .count()
    };
    assert_eq!(signed(0), 3_000);
    assert!(signed(1) <= 160, "{} signatures checked", signed(1));
    assert!(signed(2) <= signed(1) + 10, "{} signatures checked", signed(2));
}

/// several peers share the work.
#[test]
fn several_peers_are_asked_at_once() {
    let mut world = World::new(4);
    for n in 0..600_u32 {
        world.write_bytes(0, u8::try_from(n % 9).expect("small"), &[0; 3_000]);
    }
    for other in 1..3 {
        world.link(0, other);
    }
    world.settle();
    world.assert_alike(&[0, 1, 2]);
    world.answered.clear();
    for other in 0..3 {
        world.link(3, other);
    }
    world.settle();
    world.assert_alike(&[0, 1, 2, 3]);
    for other in 0..3 {
        let bytes = world.answered.get(&other).copied().unwrap_or(0);
        assert!(bytes > 200_000, "peer {other} answered with {bytes} bytes only");
    }
    let all: usize = world.answered.values().sum();
    assert!(all < 2 * 600 * 3_300, "{all} bytes for 600 blocks");
}

/// a block that was just written reaches all links; what was lost on the way is asked for.
#[test]
fn pushed_blocks_arrive_and_lost_ones_are_asked_for() {
    let mut world = World::new(3);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.link(a, b);
    }
    world.settle();
    for n in 0..9_usize {
        world.push(n % 3, u8::try_from(n % 3).expect("small"));
        if n == 4 {
            // What node 1 just said to node 2 is lost.
            world.wire.retain(|(_, from, to, _)| (*from, *to) != (1, 2));
        }
        let until = world.ms + 30;
        world.run(until);
    }
    world.settle();
    world.assert_alike(&[0, 1, 2]);
    assert_eq!(world.nodes[2].dag.held_count(), 9);
}

/// two histories of one author, however long, leave everyone with the fork and one digest.
#[test]
fn fork_is_found_where_the_histories_part() {
    for (common, branch) in [(0, 1), (3, 2), (10, 700)] {
        let mut world = World::new(2);
        for _ in 0..common {
            world.write(0, 1);
        }
        world.link(0, 1);
        world.settle();
        world.cut(0, 1);
        for _ in 0..branch {
            world.write_bytes(0, 1, b"left");
            world.write_bytes(1, 1, b"right");
        }
        world.write(0, 5);
        world.write(1, 6);
        world.link(0, 1);
        world.settle();
        world.assert_alike(&[0, 1]);
        for node in &world.nodes {
            let fork = node.dag.fork_of(&key(1).author()).expect("a fork");
            assert_eq!(fork.seq(), common, "branches of {branch} blocks");
        }
    }
}

/// one history longer than the other, and a third peer that has neither.
#[test]
fn fork_with_branches_of_different_lengths_is_found() {
    let mut world = World::new(3);
    for _ in 0..5 {
        world.write(0, 1);
    }
    world.link(0, 1);
    world.settle();
    world.cut(0, 1);
    for n in 0..30_u8 {
        world.write_bytes(0, 1, &[0, n]);
    }
    for n in 0..7_u8 {
        world.write_bytes(1, 1, &[1, n]);
    }
    world.write(1, 4);
    world.link(1, 2);
    world.link(0, 2);
    world.settle();
    world.assert_alike(&[0, 1, 2]);
    assert_eq!(world.nodes[2].dag.fork_of(&key(1).author()).map(ForkProof::seq), Some(5));
}

/// An honest peer would stop: its author's fork says that its own history was lost.
fn write_unless_forked(world: &mut World, node: usize, author: u8) {
    if world.nodes[node].dag.fork_of(&key(author).author()).is_none() {
        world.push(node, author);
    }
}

/// Four nodes that write, link, are cut and lose messages as the steps say, and then are all linked.
fn play(steps: &[(u8, usize, usize)], hides_heads: bool) -> World {
    let mut world = World::new(4);
    world.hides_heads = hides_heads;
    for (step, a, b) in steps.iter().copied() {
        match step {
            0 if a != b && !world.links.contains(&(a, b)) => world.link(a, b),
            1 if world.links.contains(&(a, b)) => world.cut(a, b),
            2 => world.wire.retain(|(_, from, ..)| *from != a),
            3 => {
                let until = world.ms + 35;
                world.run(until);
            }
            // Authors 8 and 9 write on two nodes, and so fork.
            4 if a < 2 => write_unless_forked(&mut world, a, 8),
            5 if a < 2 => write_unless_forked(&mut world, a, 9),
            _ => world.push(a, u8::try_from(a).expect("small")),
        }
    }
    for a in 0..4 {
        for b in a + 1..4 {
            if world.links.contains(&(a, b)) {
                world.cut(a, b);
            }
            world.link(a, b);
        }
    }
    world.settle();
    world.assert_alike(&[0, 1, 2, 3]);
    world
}

/// whoever brought a block is asked for what it waits for, also if it was busy the first time.
#[test]
fn busy_one_that_brought_a_block_is_asked_for_its_ancestors_later() {
    let steps = [
        [(5, 0, 0), (0, 0, 2), (4, 0, 0), (4, 1, 0), (0, 1, 1), (4, 1, 0)],
        [(2, 0, 0), (1, 0, 0), (4, 1, 0), (0, 0, 2), (5, 1, 0), (5, 1, 0)],
        [(1, 1, 0), (5, 0, 0), (4, 2, 0), (3, 0, 0), (4, 2, 0), (5, 0, 0)],
    ];
    let _ = play(&steps.concat(), false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// whatever is written, linked, cut and lost: once linked again all peers are
    /// alike, and then nobody says anything more; also where whoever forks ground its ids.
    #[test]
    fn peers_agree_after_any_partition_and_fall_silent(
        steps in proptest::collection::vec((0_u8..7, 0_usize..4, 0_usize..4), 1..60),
        hides_heads in any::<bool>(),
    ) {
        let mut world = play(&steps, hides_heads);
        let count = world.message_count;
        let until = world.ms + 3_600_000;
        prop_assert!(world.run(until));
        prop_assert_eq!(world.message_count, count);
    }
}
