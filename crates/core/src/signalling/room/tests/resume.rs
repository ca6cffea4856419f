//! Sessions that outlive their sockets.

use super::*;

fn close(world: &mut World, client: u64) {
    world.input(RoomsInput::Closed { client: ClientId(client) }).done();
}

/// a socket that drops is not a leave; what was missed is sent again, in order and once.
#[test]
fn resumed_session_misses_nothing() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    let token = world.token_of(1);
    world.join_all(&[2], 1);
    world.say(2, &envelope(1, b"a")).done();
    close(&mut world, 1);
    assert_eq!(world.events(2), [(1, Event::Detached { session_key: key(1) })]);
    world.say(2, &envelope(1, b"b")).done();
    world.join(3, 1);
    world.wait(Span::from_secs(119));

    world.resume(11, 1, token, 1);
    let heard = world.heard(11);
    assert_eq!(heard[0], ServerMessage::Resumed);
    let sent = |bytes: &[u8]| Event::Envelope { from: key(2), bytes: bytes.to_vec() };
    let joined = Event::Joined { session_key: key(3), introduction: introduction(3) };
    let events = [(2, sent(b"a")), (3, sent(b"b")), (4, joined)];
    let events = events.map(|(number, event)| ServerMessage::Event { number, event });
    assert_eq!(heard[1..], events);
    let attached = (3, Event::Attached { session_key: key(1) });
    assert_eq!(world.events(2).last(), Some(&attached));
    world.say(11, &ClientMessage::Ack { count: 4 }).done();
    world.say(2, &envelope(1, b"c")).done();
    assert_eq!(world.events(11), [(5, sent(b"c"))]);
}

/// a session that is not resumed within two minutes has left.
#[test]
fn session_ends_after_two_minutes() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    let token = world.token_of(1);
    world.join_all(&[2], 1);
    close(&mut world, 1);
    world.wait(RESUME_KEPT.minus(Span::from_ms(1)));
    assert_eq!(world.rooms.counts().session_count, 2);
    world.say(2, &ClientMessage::Ping).done();
    world.wait(Span::from_ms(1));
    let left = (2, Event::Left { session_key: key(1) });
    assert_eq!(world.events(2).last(), Some(&left));
    world.resume(11, 1, token, 0);
    assert_eq!(world.refusal(11), Some(RefusalReason::UnknownSession));
    assert!(world.closed.is_empty(), "the socket stays open for a join");
}

/// resuming needs the session's token, its key, and a count that is still kept.
#[test]
fn refuses_to_resume_what_it_does_not_hold() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    let token = world.token_of(1);
    world.join_all(&[2], 1);
    let refused = |world: &mut World, client, token, count| {
        world.resume(client, 1, token, count);
        assert_eq!(world.refusal(client), Some(RefusalReason::UnknownSession));
    };
    refused(&mut world, 11, ResumeToken([0; 16]), 0);
    refused(&mut world, 12, token, 2);
    world.say(1, &ClientMessage::Ack { count: 1 }).done();
    refused(&mut world, 13, token, 0);
    let nonce = world.open(14);
    let mut message = resume_message(2, nonce, token, 1);
    if let ClientMessage::Resume { session_key, .. } = &mut message {
        *session_key = key(1);
    }
    assert_eq!(world.say(14, &message), Outcome::Fault(Fault::BadProof));
    world.was_cut(14, RefusalReason::Proof);
    // Nothing of this touched the session.
    world.say(2, &envelope(1, b"x")).done();
    assert_eq!(world.events(1).len(), 1);
}

/// after a refused resume the same socket joins.
#[test]
fn refused_resume_can_be_followed_by_a_join() {
    let mut world = World::new(RoomsConfig::default());
    let nonce = world.open(1);
    world.say(1, &resume_message(1, nonce, ResumeToken([0; 16]), 0)).done();
    world.say(1, &join_message(1, 1, nonce, HOST)).done();
    assert!(matches!(world.heard(1).last(), Some(ServerMessage::Welcome { .. })));
}

/// a session resumed while its old socket seems open goes on with the new one, and nobody
/// else is told anything.
#[test]
fn resume_displaces_a_socket_that_only_seems_open() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    let token = world.token_of(1);
    world.join_all(&[2], 1);
    world.resume(11, 1, token, 1);
    world.was_cut(1, RefusalReason::Replaced);
    let late = world.input(RoomsInput::Closed { client: ClientId(1) });
    assert_eq!(late, Outcome::Ignored);
    assert!(world.events(2).is_empty());
    world.say(2, &envelope(1, b"x")).done();
    assert_eq!(world.events(11).len(), 1);
}

/// joining anew with the key of a session replaces it; the others see one member, joined.
#[test]
fn join_with_the_same_key_replaces_the_session() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    close(&mut world, 1);
    let nonce = world.open(11);
    world.say(11, &join_message(1, 1, nonce, HOST)).done();
    let joined = Event::Joined { session_key: key(1), introduction: introduction(1) };
    let detached = Event::Detached { session_key: key(1) };
    assert_eq!(world.events(2), [(1, detached), (2, joined)]);
    assert_eq!(world.rooms.counts().session_count, 2);
    let nonce = world.open(12);
    world.say(12, &join_message(1, 2, nonce, HOST)).done();
    assert_eq!(world.events(2), [(3, Event::Left { session_key: key(1) })]);
    world.was_cut(11, RefusalReason::Replaced);
}

/// what is kept for a session is bounded. Its sender learns that an envelope found no room;
/// a session that would miss a change of members ends.
#[test]
fn what_is_kept_for_an_absent_session_is_bounded() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    let token = world.token_of(1);
    world.join_all(&[2], 1);
    close(&mut world, 1);
    world.sent.clear();
    // One event, the joining of 2, is kept already.
    for _ in 0..RESUME_MESSAGE_COUNT_MAX - 1 {
        world.say(2, &envelope(1, b"x")).done();
    }
    assert!(world.events(2).is_empty());
    world.say(2, &envelope(1, b"x")).done();
    let full = Event::Undeliverable { to: key(1), reason: UndeliverableReason::ReceiverFull };
    assert_eq!(world.events(2), [(2, full)]);
    world.join(3, 1);
    assert!(world.events(2).contains(&(3, Event::Left { session_key: key(1) })));
    let heard = world.heard(3);
    let [ServerMessage::Welcome { members, .. }] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(members.len(), 1, "the one that ended is not named");
    world.resume(11, 1, token, 0);
    assert_eq!(world.refusal(11), Some(RefusalReason::UnknownSession));
}

/// bytes are bounded as well as messages.
#[test]
fn bytes_kept_for_an_absent_session_are_bounded() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    close(&mut world, 1);
    world.sent.clear();
    let large = [0; ENVELOPE_BYTES_MAX];
    let fit = RESUME_BYTES_MAX / (ENVELOPE_BYTES_MAX + 64);
    for _ in 0..fit {
        world.say(2, &envelope(1, &large)).done();
    }
    assert!(world.events(2).is_empty());
    world.say(2, &envelope(1, &large)).done();
    assert_eq!(world.events(2).len(), 1);
}

/// a member that acknowledges nothing loses only the right to resume from the beginning.
#[test]
fn member_that_never_acknowledges_is_still_served() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    let token = world.token_of(1);
    world.join_all(&[2], 1);
    for _ in 0..2 * RESUME_MESSAGE_COUNT_MAX {
        world.say(2, &envelope(1, b"x")).done();
    }
    let events = world.events(1);
    assert_eq!(events.len(), 2 * RESUME_MESSAGE_COUNT_MAX);
    let last = events.last().expect("events").0;
    world.resume(11, 1, token, 3);
    assert_eq!(world.refusal(11), Some(RefusalReason::UnknownSession));
    world.resume(12, 1, token, last - 1);
    assert_eq!(world.heard(12).len(), 2);
}
