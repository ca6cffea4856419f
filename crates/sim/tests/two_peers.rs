//! Two peers and nothing in their way.

use meshlace_core::id::StreamKey;
use meshlace_core::limits::PRESENCE_BYTES_MAX;
use meshlace_core::node::{Content, Input, Notice, Recipient, RoomStatus};
use meshlace_sim::World;
use meshlace_sim::network::Path;

/// A string each way, acknowledged.
#[test]
fn two_peers_link_and_exchange_a_string() {
    let mut world = World::new(1);
    let hosts = world.mesh(2);
    let there = world.send(hosts[0], None, 20).0;
    let back = world.send(hosts[1], Some(hosts[0]), 20).0;
    world.until(1_000, "both arrive", |world| {
        world.is_delivered(hosts[0], there) && world.is_delivered(hosts[1], back)
    });
    world.assert_kept();
}

/// Sent in the turn in which the peer is added: arrives once the link is open.
#[test]
fn message_sent_before_the_link_is_up_waits_for_it() {
    let mut world = World::new(2);
    let (one, other) = (world.join(), world.join());
    world.until(1_000, "one sees the other", |world| {
        world.heard(one, 0, |notice| matches!(notice, Notice::PeerAdded { .. })).is_some()
    });
    assert!(!world.sees(one, other));
    let (ticket, _) = world.send(one, None, 100);
    world.until(2_000, "it arrives", |world| world.is_delivered(one, ticket));
    world.assert_kept();
}

/// 20 MB both ways at once, whole and in time.
#[test]
fn large_messages_arrive_whole() {
    let mut world = World::new(3);
    let hosts = world.mesh(2);
    let there = world.send(hosts[0], None, 20_000_000).0;
    let back = world.send(hosts[1], None, 20_000_000).0;
    let small = world.send(hosts[0], None, 50).0;
    let took = world.until(10_000, "both arrive", |world| {
        [(hosts[0], there), (hosts[1], back), (hosts[0], small)]
            .iter()
            .all(|(host, ticket)| world.is_delivered(*host, *ticket))
    });
    // The path carries 10 MB/s: half of that at least is ours.
    assert!(took < 4_000, "{took} ms");
    world.assert_kept();
}

/// between continents as much is on its way as the path carries.
#[test]
fn large_message_fills_a_long_path() {
    let mut world = World::new(5);
    world.network.usual = Path { latency_us: 100_000, jitter_us: 0, ..Path::default() };
    let hosts = world.mesh(2);
    let sent = world.send(hosts[0], None, 32_000_000).0;
    let took = world.until(60_000, "it arrives", |world| world.is_delivered(hosts[0], sent));
    // 3.2 s for the bytes at 10 MB/s; with the least window all the time it takes 25 s.
    assert!(took < 5_000, "{took} ms");
    world.assert_kept();
}

/// Four messages of 8 MiB, each once the one before left room: nothing waits for a later event.
#[test]
fn drained_is_told_as_soon_as_there_is_room() {
    let mut world = World::new(44);
    let hosts = world.mesh(2);
    let other = world.peer(hosts[1]);
    for _ in 0..4 {
        let (sent, _) = world.send(hosts[0], None, 8 * 1024 * 1024);
        let ticket = world.next_ticket(hosts[0]);
        world.feed(hosts[0], Input::AwaitDrained { ticket, peer: other });
        world.until(3_000, "there is room", |world| {
            let told =
                |notice: &Notice| matches!(notice, Notice::Drained { ticket: t } if *t == ticket);
            world.heard(hosts[0], 0, told).is_some()
        });
        world.until(500, "the rest arrives", |world| world.is_delivered(hosts[0], sent));
    }
    world.assert_kept();
}

/// 10,000 messages of 100 bytes in one turn arrive once, in order.
#[test]
fn ten_thousand_small_messages_arrive_in_order() {
    let mut world = World::new(4);
    let hosts = world.mesh(2);
    let calls = world.send_many(hosts[0], None, &[100; 10_000]);
    let last = calls[calls.len() - 1].0;
    let frames = world.frame_count;
    let took = world.until(5_000, "all arrive", |world| world.is_delivered(hosts[0], last));
    assert!(calls.iter().all(|(ticket, _)| world.is_delivered(hosts[0], *ticket)));
    assert_eq!(world.checker.received_count(hosts[1], hosts[0]), 10_000);
    assert!(took < 1_000, "{took} ms");
    let frames = world.frame_count - frames;
    assert!(frames < 400, "{frames} frames: small messages should share them");
    world.assert_kept();
}

/// Sizes around every limit of the encoding: empty, small, one frame, pieces, with grant.
#[test]
fn every_size_arrives() {
    let mut world = World::new(5);
    let hosts = world.mesh(2);
    let around = [0, 8 * 1024, 16 * 1024, 64 * 1024, 256 * 1024, 1024 * 1024];
    let sizes: Vec<usize> = around
        .iter()
        .flat_map(|size: &usize| [size.saturating_sub(40), *size, size + 40])
        .collect();
    let calls = world.send_many(hosts[0], None, &sizes);
    world.until(10_000, "all arrive", |world| {
        calls.iter().all(|(ticket, _)| world.is_delivered(hosts[0], *ticket))
    });
    world.assert_kept();
}

/// a request and its answer; a request nobody answers.
#[test]
fn request_is_answered_or_times_out() {
    let mut world = World::new(6);
    let hosts = world.mesh(2);
    let peer = world.peer(hosts[1]);
    let ask = |world: &mut World| {
        let ticket = world.next_ticket(hosts[0]);
        world.feed(
            hosts[0],
            Input::Request {
                ticket,
                peer,
                name: "echo".to_string(),
                content: Content::Text,
                payload: b"hello".to_vec(),
                timeout: None,
            },
        );
        ticket
    };
    let first = ask(&mut world);
    world.until(1_000, "an answer", |world| {
        world
            .heard(hosts[0], 0, |notice| {
                matches!(notice, Notice::Answered { ticket, result: Ok((Content::Text, bytes)) }
                if *ticket == first && bytes == b"hello")
            })
            .is_some()
    });
    world.host_mut(hosts[1]).answers = false;
    let second = ask(&mut world);
    let begin = world.now_ms();
    world.until(31_000, "a timeout", |world| {
        world
            .heard(hosts[0], 0, |notice| {
                matches!(notice, Notice::Answered { ticket, result: Err(error) }
                if *ticket == second && error.code.name() == "RequestTimeout")
            })
            .is_some()
    });
    assert_eq!(world.now_ms() - begin, 30_000);
    world.until(1_000, "the request is withdrawn", |world| {
        world.heard(hosts[1], begin, |n| matches!(n, Notice::Withdrawn { .. })).is_some()
    });
    world.assert_kept();
}

/// Presence reaches those who are here, and those who come later.
#[test]
fn presence_reaches_late_joiners() {
    let mut world = World::new(7);
    let first = world.join();
    world.run(1_000);
    world.feed(first, Input::SetPresence { payload: Some(b"{\"name\":1}".to_vec()) });
    let second = world.join();
    let seen = |world: &World, bytes: Option<&[u8]>| {
        world
            .heard(second, 0, |notice| {
                matches!(notice, Notice::Presence { payload, .. } if payload.as_deref() == bytes)
            })
            .is_some()
    };
    world.until(5_000, "it is seen", |world| seen(world, Some(b"{\"name\":1}")));
    world.feed(first, Input::SetPresence { payload: None });
    world.until(1_000, "it is cleared", |world| seen(world, None));
    world.feed(first, Input::SetPresence { payload: Some(vec![b'1'; PRESENCE_BYTES_MAX + 1]) });
    let refused = |notice: &Notice| matches!(notice, Notice::Trouble(error) if error.code.name() == "MessageTooLarge");
    assert!(world.heard(first, 0, refused).is_some());
    world.assert_kept();
}

/// a stream added before anyone is there reaches a late joiner; one removed ends there.
#[test]
fn stream_reaches_a_late_joiner_and_ends() {
    let mut world = World::new(8);
    let first = world.join();
    let add = |stream: u32, media_id: &str| Input::AddStream {
        stream: StreamKey(stream),
        media_id: media_id.to_string(),
        label: "camera".to_string(),
        to: Recipient::All,
    };
    world.feed(first, add(1, "media-1"));
    let second = world.join();
    let added = |world: &World, id: &str| {
        let fits = |notice: &Notice| {
            matches!(notice, Notice::StreamAdded { media_id, label, .. }
                if media_id == id && label == "camera")
        };
        world.heard(second, 0, fits).is_some()
    };
    world.until(5_000, "the stream is there", |world| added(world, "media-1"));
    // Both sides add a stream at the same instant: glare on an open link.
    world.feed(first, add(2, "media-2"));
    world.feed(second, add(1, "media-3"));
    world.until(5_000, "the second stream is there", |world| {
        added(world, "media-2")
            && world
                .heard(
                    first,
                    0,
                    |n| matches!(n, Notice::StreamAdded { media_id, .. } if media_id == "media-3"),
                )
                .is_some()
    });
    let connection = world.connection_between(first, second).expect("connected");
    world.until(1_000, "both streams are agreed", |world| {
        ["media-1", "media-2"].iter().all(|id| world.connection(connection).sends(id))
    });
    world.feed(first, Input::RemoveStream { stream: StreamKey(1) });
    world.until(5_000, "the stream ended", |world| {
        world
            .heard(second, 0, |notice| {
                matches!(notice, Notice::StreamRemoved { media_id, .. } if media_id == "media-1")
            })
            .is_some()
    });
    world.run(5_000);
    assert!(!world.connection(connection).sends("media-1"));
    assert_eq!(world.connection_count(), 2, "no connection was rebuilt");
    world.assert_kept();
}

/// Leaving waits for what was sent, then says goodbye.
#[test]
fn leaving_delivers_the_tail() {
    let mut world = World::new(9);
    let hosts = world.mesh(2);
    let calls = world.send_many(hosts[0], None, &[100_000, 10, 10]);
    world.feed(hosts[0], Input::Leave);
    let begin = world.now_ms();
    world.until(3_000, "the room is left", |world| {
        world.heard(hosts[0], 0, |notice| matches!(notice, Notice::Closed(None))).is_some()
    });
    for (ticket, _) in &calls {
        assert!(world.is_delivered(hosts[0], *ticket));
    }
    world.until(1_000, "the other knows", |world| {
        let left = |notice: &Notice| {
            matches!(notice, Notice::PeerLeft { joined: true, reason, .. }
                if reason.name() == "PeerLeft")
        };
        world.heard(hosts[1], begin, left).is_some()
    });
    assert_eq!(world.open_connection_count(hosts[0]), 0);
    let alone = |notice: &Notice| matches!(notice, Notice::Status(RoomStatus::Alone));
    assert!(world.heard(hosts[1], begin, alone).is_some());
    world.run(60_000);
    assert_eq!(world.open_connection_count(hosts[1]), 0);
    world.assert_kept();
}

/// what each peer is told once goes in the place of *ready*: a link opens with three frames a side.
#[test]
fn link_opens_with_three_frames_a_side() {
    let mut world = World::new(11);
    let hosts = [world.add(), world.add()];
    for host in hosts {
        world.feed(host, Input::SetPresence { payload: Some(b"\"Ada\"".to_vec()) });
        world.start(host);
    }
    world.until(3_000, "linked", |world| world.all_linked(&hosts));
    world.run(300);
    // Hello, presence, acknowledgement.
    assert_eq!(world.frame_count, 6);
    for host in hosts {
        let shown = |notice: &Notice| matches!(notice, Notice::Presence { .. });
        assert!(world.heard(host, 0, shown).is_some());
    }
    world.assert_kept();
}

/// An idle link costs heartbeats and nothing else.
#[test]
fn idle_link_sends_only_heartbeats() {
    let mut world = World::new(10);
    let hosts = world.mesh(2);
    world.run(30_000);
    let (frames, messages) = (world.frame_count, world.server_message_count);
    let inputs = world.input_count(hosts[0]);
    world.run(600_000);
    let frames = world.frame_count - frames;
    // Each side pings after 5 s without sending, each ping has a pong.
    assert!((120..=490).contains(&frames), "{frames} frames in ten minutes");
    let messages = world.server_message_count - messages;
    assert!(messages <= 2 * 600 / 20 + 2, "{messages} messages to the server");
    let inputs = world.input_count(hosts[0]) - inputs;
    assert!(inputs < 800, "{inputs} inputs in ten minutes");
    world.assert_kept();
}

/// Asked for over a full queue, `drained` is told with the acknowledgement that empties it.
#[test]
fn drained_is_told_when_the_queue_empties() {
    let mut world = World::new(4);
    let hosts = world.mesh(2);
    let peer = world.peer(hosts[1]);
    let (sent, _) = world.send(hosts[0], None, 2_000_000);
    let ticket = world.next_ticket(hosts[0]);
    world.feed(hosts[0], Input::AwaitDrained { ticket, peer });
    world.until(5_000, "the message arrives", |world| world.is_delivered(hosts[0], sent));
    let is_drained =
        |notice: &Notice| matches!(notice, Notice::Drained { ticket: of } if *of == ticket);
    assert!(world.heard(hosts[0], 0, is_drained).is_some(), "not in the same turn");
}
