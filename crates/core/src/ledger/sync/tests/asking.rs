use super::*;

fn last_message(world: &mut World, node: usize) -> Option<Vec<u8>> {
    let mut last = None;
    while let Some(effect) = world.nodes[node].sync.poll_effect() {
        last = Some(effect.bytes);
    }
    last
}

/// a peer that does not answer is given up, and another one asked.
#[test]
fn silent_peer_is_given_up_and_another_asked() {
    let mut world = World::new(3);
    for n in 0..50 {
        world.write(0, n % 5);
    }
    world.link(0, 1);
    world.settle();
    // Node 1 says what it has and then nothing more.
    world.link(2, 1);
    let until = world.ms + 50;
    world.run(until);
    world.mute.insert(1);
    world.link(2, 0);
    world.settle();
    world.assert_alike(&[0, 2]);
}

/// claims that are not made good are void after four tries, and then all is quiet.
#[test]
fn claims_that_are_not_made_good_are_void() {
    let mut world = World::new(2);
    world.link(0, 1);
    world.settle();
    let claims = vec![Claim { author: key(9).author(), count: 1_000, head: [0; 32], forked: None }];
    let boast = frontier(claims);
    let before = world.message_count;
    world.input(0, SyncInput::Message { from: link_to(1), bytes: &boast });
    world.settle();
    assert_eq!(world.message_count - before, 8, "four questions and four empty answers");
    assert!(world.nodes[0].sync.is_idle());
}

/// ancestors that nobody has are asked for ten times, then no more.
#[test]
fn withheld_ancestors_are_not_asked_for_for_ever() {
    let mut world = World::new(3);
    world.write(2, 1);
    let block = world.write(2, 1);
    world.link(0, 1);
    world.settle();
    let (run, _) = world.nodes[2].dag.run_from(block, 9_999, &|_| true).expect("a run");
    let push = message::page(0, &[run]);
    let before = world.message_count;
    world.input(0, SyncInput::Message { from: link_to(1), bytes: &push });
    assert_eq!(world.nodes[0].dag.pending_count(), 1);
    world.settle();
    assert_eq!(world.message_count - before, 20, "ten questions and ten empty answers");
    assert_eq!(world.nodes[0].sync.poll_timeout(), None);
}

/// an answer has at most eight pages of 64 KiB, and then an end.
#[test]
fn answer_is_at_most_eight_pages() {
    let mut world = World::new(2);
    for _ in 0..60 {
        world.write_bytes(0, 1, &[0; 20_000]);
    }
    world.link(0, 1);
    let _ = last_message(&mut world, 0);
    let range = message::Range { author: key(1).author(), from: 0, to: 60 };
    let request = Request { number: 5, ranges: vec![range], ..Request::default() };
    let bytes = SyncMessage::Request(request).encode();
    let Node { dag, sync, .. } = &mut world.nodes[0];
    let _ = sync.handle(now(0), dag, SyncInput::Message { from: link_to(1), bytes: &bytes });
    let mut pages = 0;
    let mut ended = false;
    while let Some(effect) = sync.poll_effect() {
        match SyncMessage::decode(&effect.bytes).expect("a message") {
            SyncMessage::Page { number: 5, .. } => pages += 1,
            SyncMessage::End { number: 5 } => ended = true,
            other => panic!("{other:?}"),
        }
        assert!(effect.bytes.len() <= SYNC_PAGE_BYTES_MAX);
    }
    assert_eq!((pages, ended), (SYNC_PAGE_COUNT_MAX, true));
}

/// what a link is served is budgeted; beyond it answers are empty, and time brings more.
#[test]
fn bytes_served_to_a_link_are_budgeted() {
    let mut world = World::new(2);
    for _ in 0..30 {
        world.write_bytes(0, 1, &[0; 20_000]);
    }
    world.link(0, 1);
    let range = message::Range { author: key(1).author(), from: 0, to: 30 };
    let served = |world: &mut World, ms: u64, count: u64| -> usize {
        let Node { dag, sync, .. } = &mut world.nodes[0];
        let mut bytes = 0;
        for number in 1..=count {
            let request = Request { number, ranges: vec![range], ..Request::default() };
            let message = SyncMessage::Request(request).encode();
            let from = link_to(1);
            let _ = sync.handle(now(ms), dag, SyncInput::Message { from, bytes: &message });
            while let Some(effect) = sync.poll_effect() {
                bytes += effect.bytes.len();
            }
        }
        bytes
    };
    let saved = usize::try_from(crate::limits::SYNC_SERVED_BYTES_SAVED).expect("fits");
    let at_once = served(&mut world, 0, 300);
    assert!(at_once <= saved + 300 * 8 && at_once > saved - 1_000_000, "{at_once}");
    let later = served(&mut world, 1_000, 300);
    assert!((7_000_000..9_000_000).contains(&later), "{later}");
}
