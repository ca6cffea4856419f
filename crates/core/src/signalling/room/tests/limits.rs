//! One test for each thing the server bounds.

use super::*;

fn address(number: u8) -> Option<AddressKey> {
    Some(AddressKey([number; 16]))
}

/// a socket that does not join in time is cut.
#[test]
fn socket_that_does_not_join_is_cut() {
    let mut world = World::new(RoomsConfig::default());
    world.open(1);
    world.wait(JOIN_DEADLINE.minus(Span::from_ms(1)));
    assert!(world.closed.is_empty());
    world.wait(Span::from_ms(1));
    world.was_cut(1, RefusalReason::Deadline);
    assert_eq!(world.rooms.poll_timeout(), None);
}

/// a silent client loses its socket but not yet its session; one that pings keeps both.
#[test]
fn silent_client_is_cut_and_a_pinging_one_kept() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    for _ in 0..20 {
        world.say(2, &ClientMessage::Ping).done();
        world.wait(SERVER_PING_INTERVAL);
        if !world.closed.is_empty() {
            break;
        }
    }
    assert_eq!(world.closed, [(ClientId(1), CloseReason::Silent)]);
    assert!(world.now.since(Timestamp::ZERO) < CLIENT_SILENCE_MAX.plus(SERVER_PING_INTERVAL));
    let detached = Event::Detached { session_key: key(1) };
    assert!(world.events(2).contains(&(1, detached)));
}

/// a server that was stopped itself does not hold the silence against its clients.
#[test]
fn stalled_server_does_not_cut_its_clients() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1], 1);
    world.now = world.now.after(Span::from_secs(3_600));
    world.input(RoomsInput::Tick).done();
    assert!(world.closed.is_empty());
    world.wait(JOIN_DEADLINE);
    assert_eq!(world.closed.len(), 1, "it had its time to speak");
}

/// a full room refuses, with the limit; who left makes way.
#[test]
fn full_room_refuses() {
    let mut world = World::new(RoomsConfig { room_member_count_max: 2, ..RoomsConfig::default() });
    world.join_all(&[1, 2], 1);
    world.join(3, 1);
    world.was_cut(3, RefusalReason::RoomFull);
    world.join(4, 2);
    assert_eq!(world.refusal(4), None, "another room has its own limit");
    world.say(1, &ClientMessage::Leave).done();
    world.join(5, 1);
    assert_eq!(world.refusal(5), None);
}

/// a session without a socket makes way in a full room.
#[test]
fn absent_session_makes_way_in_a_full_room() {
    let mut world = World::new(RoomsConfig { room_member_count_max: 2, ..RoomsConfig::default() });
    world.join_all(&[1, 2], 1);
    world.input(RoomsInput::Closed { client: ClientId(1) }).done();
    world.join(3, 1);
    assert_eq!(world.refusal(3), None);
    assert!(world.events(2).contains(&(2, Event::Left { session_key: key(1) })));
}

/// clients of one address are limited, sessions without a socket included, others are not.
#[test]
fn clients_of_one_address_are_limited() {
    let mut world =
        World::new(RoomsConfig { address_client_count_max: 2, ..RoomsConfig::default() });
    let nonce = world.open_from(1, address(1)).expect("a challenge");
    world.say(1, &join_message(1, 1, nonce, HOST)).done();
    world.open_from(2, address(1)).expect("a challenge");
    assert_eq!(world.open_from(3, address(1)), None);
    assert!(
        world.closed.contains(&(ClientId(3), CloseReason::Refused(RefusalReason::TooManyClients)))
    );
    world.open_from(4, address(2)).expect("another address is let in");
    world.open_from(5, None).expect("no address, no limit");
    world.input(RoomsInput::Closed { client: ClientId(1) }).done();
    assert_eq!(world.open_from(6, address(1)), None, "its session still counts");
    world.input(RoomsInput::Closed { client: ClientId(2) }).done();
    world.open_from(7, address(1)).expect("one place is free");
    world.wait(RESUME_KEPT.plus(ALLOWANCE_SAVED));
    assert_eq!(world.rooms.counts().address_count, 0, "accounts are forgotten in the end");
}

/// the server as a whole is limited.
#[test]
fn clients_of_a_server_are_limited() {
    let mut world = World::new(RoomsConfig { client_count_max: 2, ..RoomsConfig::default() });
    world.join_all(&[1, 2], 1);
    assert_eq!(world.open_from(3, None), None);
    world.input(RoomsInput::Closed { client: ClientId(1) }).done();
    assert_eq!(world.open_from(4, None), None, "its session can be resumed and counts");
    world.wait(RESUME_KEPT);
    world.open_from(5, None).expect("one place is free");
}

/// envelopes over the allowance are answered by name; going on nevertheless is cut.
#[test]
fn envelopes_over_the_allowance_are_answered_and_then_cut() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    let burst = CLIENT_MESSAGES_PER_SECOND * 10;
    // Joining was one message.
    for _ in 0..burst - 1 {
        world.say(1, &envelope(2, b"x")).done();
    }
    world.sent.clear();
    let over = Outcome::Fault(Fault::OverAllowance);
    assert_eq!(world.say(1, &envelope(2, b"x")), over);
    let refused = Event::Undeliverable { to: key(2), reason: UndeliverableReason::OverAllowance };
    assert_eq!(world.events(1), [(2, refused)]);
    assert!(world.events(2).is_empty());
    assert_eq!(world.say(1, &ClientMessage::Ping), over);
    world.wait(Span::from_secs(1));
    world.say(1, &envelope(2, b"x")).done();
    for _ in 0..CLIENT_MESSAGES_PER_SECOND + u64::from(EXCESS_COUNT_MAX) {
        let _ = world.say(1, &envelope(2, b"x"));
    }
    world.was_cut(1, RefusalReason::OverAllowance);
}

/// bursts with pauses between them are never cut.
#[test]
fn rare_bursts_are_forgiven() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    let burst = CLIENT_MESSAGES_PER_SECOND * 10;
    for _ in 0..10 {
        for _ in 0..burst + u64::from(EXCESS_COUNT_MAX) / 2 {
            let _ = world.say(1, &envelope(2, b"x"));
        }
        world.wait(ALLOWANCE_SAVED);
        world.sent.clear();
    }
    assert!(world.closed.is_empty());
}

/// many clients of one address share what that address may send.
#[test]
fn one_address_shares_its_allowance() {
    let mut world = World::new(RoomsConfig::default());
    let count = ADDRESS_ALLOWANCE_FACTOR * 2;
    for client in 1..=count {
        let nonce = world.open_from(client, address(1)).expect("a challenge");
        world.say(client, &join_message(client, 1, nonce, HOST)).done();
    }
    let mut sent = 0;
    'all: for _ in 0..CLIENT_MESSAGES_PER_SECOND * 10 {
        for client in 1..=count {
            if world.say(client, &ClientMessage::Ping) != Outcome::Done {
                break 'all;
            }
            sent += 1;
        }
    }
    let burst = CLIENT_MESSAGES_PER_SECOND * 10 * ADDRESS_ALLOWANCE_FACTOR;
    assert!((burst - 4 * count..=burst).contains(&sent), "{sent} of {burst}");
}

/// a host that is no host is refused before anything is kept of it.
#[test]
fn refuses_endless_host() {
    let mut world = World::new(RoomsConfig::default());
    let host = "h".repeat(HOST_BYTES_MAX + 1);
    world.input(RoomsInput::Opened { client: ClientId(1), host, address: None }).done();
    world.was_cut(1, RefusalReason::Host);
}

/// An idle member holds nothing that only a busy one needs.
#[test]
fn idle_member_holds_no_buffer() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    for _ in 0..100 {
        world.say(2, &envelope(1, &[0; 1_000])).done();
    }
    let last = world.events(1).last().expect("events").0;
    world.say(1, &ClientMessage::Ack { count: last }).done();
    assert_eq!(world.rooms.sessions[&key(1)].kept_capacity(), 0);
    assert!(size_of::<Client>() + size_of::<Session>() <= 320);
}
