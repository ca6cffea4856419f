//! Losing the server, and finding it again.

use super::*;

/// a lost socket is resumed with the number of the last event and a proof.
#[test]
fn lost_socket_is_resumed() {
    let mut world = World::online();
    world.hear(&left(1)).done();
    world.told();
    world.lose_socket();
    assert_eq!(world.told(), [ClientNotice::Offline { reason: ErrorCode::SignallingLost }]);
    world.come_back();
    let [ClientMessage::Resume { session_key, token: TOKEN, received_count: 1, signature, .. }] =
        &world.said()[..]
    else {
        panic!("no resume");
    };
    let proof = Proof { host: HOST, nonce: NONCE, topic: TOPIC };
    assert!(proof.holds(Context::RESUME, session_key, signature));
    world.hear(&ServerMessage::Resumed).done();
    world.hear(&left(2)).done();
    let left = ClientNotice::MemberLeft { session_key: key(9) };
    assert_eq!(world.told(), [ClientNotice::Online { resumed: true }, left]);
}

/// a server that no longer knows the session is joined anew on the same socket.
#[test]
fn unknown_session_is_joined_anew() {
    let mut world = World::online();
    world.hear(&left(1)).done();
    world.lose_socket();
    world.come_back();
    world.told();
    world.said();
    world.hear(&refused(RefusalReason::UnknownSession)).done();
    assert!(matches!(world.said()[..], [ClientMessage::Join { .. }]));
    world.hear(&welcome()).done();
    assert!(matches!(
        world.told()[..],
        [ClientNotice::Online { resumed: false }, ClientNotice::Admitted { .. }]
    ));
    world.hear(&left(1)).done();
}

/// pauses grow to their longest, half of each left to chance, and one loss is told once.
#[test]
fn pauses_grow_and_are_jittered() {
    let mut world = World::online();
    world.lose_socket();
    let mut pauses = vec![];
    for _ in 0..12 {
        let lost_at = world.now;
        let before = world.opened.len();
        while world.opened.len() == before {
            world.wait(Span::from_ms(1));
        }
        pauses.push(world.now.since(lost_at));
        world.lose_socket();
    }
    for (index, pause) in pauses.iter().enumerate() {
        let longest = SOCKET_RETRY_MIN.times(1 << index).min(SOCKET_RETRY_MAX).as_ms();
        assert!((longest / 2..=longest + 1).contains(&pause.as_ms()), "{index}: {pause:?}");
    }
    assert_eq!(world.told().len(), 1);
    let (a, b) = (pauses[10], pauses[11]);
    assert_ne!(a, b, "chance");
}

/// waking tries at once, with short pauses again.
#[test]
fn waking_tries_at_once() {
    let mut world = World::online();
    world.lose_socket();
    for _ in 0..8 {
        world.come_back();
        world.lose_socket();
    }
    let count = world.opened.len();
    world.input(ClientInput::Wake).done();
    assert_eq!(world.opened.len(), count + 1);
    world.lose_socket();
    world.wait(SOCKET_RETRY_MIN);
    assert_eq!(world.opened.len(), count + 2);
}

/// waking begins a try anew that hangs since before, and leaves a fresh one alone.
#[test]
fn waking_does_not_wait_for_a_hanging_try() {
    let mut world = World::new();
    world.input(ClientInput::Start).done();
    let first = world.socket();
    world.input(ClientInput::Wake).done();
    assert_eq!(world.opened.len(), 1);
    world.wait(WAKE_ATTEMPT_AGE);
    world.input(ClientInput::Wake).done();
    assert_eq!(world.opened.len(), 2);
    assert_eq!(world.closed, [first]);
    world.input(ClientInput::SocketOpened { socket: world.socket() }).done();
    world.hear(&challenge()).done();
    world.hear(&welcome()).done();
    assert!(world.client.is_online());
}

/// a silent server is asked, and given up if it does not answer.
#[test]
fn silent_server_is_asked_and_given_up() {
    let mut world = World::online();
    world.wait(SERVER_PING_INTERVAL);
    assert_eq!(world.said(), [ClientMessage::Ping]);
    world.hear(&ServerMessage::Pong).done();
    world.wait(SERVER_PING_INTERVAL);
    assert_eq!(world.said(), [ClientMessage::Ping]);
    world.wait(SERVER_PONG_DEADLINE.minus(Span::from_ms(1)));
    assert!(world.client.is_online());
    world.wait(Span::from_ms(1));
    assert_eq!(world.told(), [ClientNotice::Offline { reason: ErrorCode::SignallingLost }]);
    assert_eq!(world.closed.len(), 1);
    world.come_back();
    assert!(matches!(world.said()[..], [ClientMessage::Resume { .. }]));
}

/// on waking the server is asked at once, and has less time.
#[test]
fn waking_asks_a_server_that_seems_there() {
    let mut world = World::online();
    world.input(ClientInput::Wake).done();
    assert_eq!(world.said(), [ClientMessage::Ping]);
    world.wait(WAKE_PONG_DEADLINE);
    assert!(!world.client.is_online());
}

/// a pong that is late because we slept is waited for once more.
#[test]
fn own_stall_does_not_lose_the_server() {
    let mut world = World::online();
    world.wait(SERVER_PING_INTERVAL);
    world.said();
    world.now = world.now.after(Span::from_secs(300));
    world.input(ClientInput::Tick).done();
    assert_eq!(world.said(), [ClientMessage::Ping]);
    assert!(world.client.is_online());
    world.hear(&ServerMessage::Pong).done();
    world.wait(SERVER_PONG_DEADLINE);
    assert!(world.client.is_online());
}

/// after the first admission no refusal is final.
#[test]
fn refusal_after_admission_is_only_a_pause() {
    for reason in [
        RefusalReason::RoomFull,
        RefusalReason::OverAllowance,
        RefusalReason::Version,
        RefusalReason::Draining,
        RefusalReason::Replaced,
    ] {
        let mut world = World::online();
        world.hear(&refused(reason)).done();
        assert!(matches!(world.told()[..], [ClientNotice::Offline { .. }]), "{reason:?}");
        world.come_back();
        let resumes = reason != RefusalReason::Replaced;
        let said = world.said();
        assert_eq!(matches!(said[..], [ClientMessage::Resume { .. }]), resumes, "{reason:?}");
    }
}

/// an introduction replaced while offline reaches the server after a resume.
#[test]
fn introduction_replaced_while_offline_is_sent_later() {
    let mut world = World::online();
    let introduce = |byte| ClientInput::Introduce { introduction: vec![byte] };
    let sent = |byte| ClientMessage::Introduce { introduction: vec![byte] };
    world.input(introduce(1)).done();
    assert_eq!(world.said(), [sent(1)]);
    world.lose_socket();
    world.input(introduce(2)).done();
    world.come_back();
    world.said();
    world.hear(&ServerMessage::Resumed).done();
    assert_eq!(world.said(), [sent(2)]);
    let introduction = vec![0; INTRODUCTION_BYTES_MAX + 1];
    let outcome = world.input(ClientInput::Introduce { introduction });
    assert!(matches!(outcome, Outcome::Fault(Fault::TooLarge { .. })));
}

/// a try that hangs is given up and repeated.
#[test]
fn hanging_try_is_given_up() {
    let mut world = World::online();
    world.lose_socket();
    while world.opened.len() == 1 {
        world.wait(Span::from_ms(50));
    }
    let socket = world.socket();
    world.wait(SOCKET_ATTEMPT_DEADLINE);
    assert!(world.closed.contains(&socket));
    world.come_back();
}

/// told that the room can do without the server, it goes on trying after the deadline, a
/// refusal ends nothing, and admission still comes.
#[test]
fn a_room_that_is_stored_outlives_the_deadline_and_refusals() {
    let mut world = World::started();
    world.input(ClientInput::Persist).done();
    world.wait(ADMISSION_DEADLINE);
    world.wait(ADMISSION_DEADLINE);
    assert_eq!(world.told(), []);
    world.come_back();
    world.hear(&refused(RefusalReason::RoomFull)).done();
    assert_eq!(world.told(), []);
    world.come_back();
    world.hear(&welcome()).done();
    assert!(matches!(world.told().last(), Some(ClientNotice::Admitted { .. })));
}
