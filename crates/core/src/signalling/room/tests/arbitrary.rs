//! Arbitrary inputs: nothing panics, no limit is passed, time does not move back, and the books
//! agree with one another.

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Open { client: u64, address: u8 },
    Join { client: u64, key: u64, room: u8 },
    Resume { client: u64, key: u64, count: u64 },
    Envelope { client: u64, to: u64, len: usize },
    Ack { client: u64, count: u64 },
    Ping { client: u64 },
    Introduce { client: u64, len: usize },
    Leave { client: u64 },
    Bytes { client: u64, bytes: Vec<u8> },
    Unreadable { client: u64 },
    Close { client: u64 },
    Time { ms: u64 },
    TimeBack { ms: u64 },
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let (client, key) = (0..8_u64, 0..5_u64);
    prop_oneof![
        4 => (client.clone(), 0..3_u8).prop_map(|(client, address)| Step::Open { client, address }),
        6 => (client.clone(), key.clone(), 1..3_u8)
            .prop_map(|(client, key, room)| Step::Join { client, key, room }),
        4 => (client.clone(), key.clone(), 0..6_u64)
            .prop_map(|(client, key, count)| Step::Resume { client, key, count }),
        6 => (client.clone(), key, prop_oneof![Just(3), Just(16_000), Just(17_000)])
            .prop_map(|(client, to, len)| Step::Envelope { client, to, len }),
        2 => (client.clone(), 0..10_u64).prop_map(|(client, count)| Step::Ack { client, count }),
        1 => client.clone().prop_map(|client| Step::Ping { client }),
        1 => (client.clone(), 0..1_100_usize)
            .prop_map(|(client, len)| Step::Introduce { client, len }),
        1 => client.clone().prop_map(|client| Step::Leave { client }),
        1 => (client.clone(), proptest::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(client, bytes)| Step::Bytes { client, bytes }),
        1 => client.clone().prop_map(|client| Step::Unreadable { client }),
        3 => client.prop_map(|client| Step::Close { client }),
        3 => (0..150_000_u64).prop_map(|ms| Step::Time { ms }),
        1 => (0..10_000_u64).prop_map(|ms| Step::TimeBack { ms }),
        1 => Just(Step::Drain),
    ]
}

/// What a run knows of its clients, to make joins and resumes that may succeed.
#[derive(Default)]
struct Known {
    nonces: BTreeMap<u64, Nonce>,
    tokens: BTreeMap<u64, ResumeToken>,
    joining: BTreeMap<u64, u64>,
}

fn input(step: Step, known: &mut Known) -> RoomsInput {
    let received = |client, message: ClientMessage| RoomsInput::Received {
        client: ClientId(client),
        bytes: message.encode(),
    };
    let nonce = |client, known: &Known| {
        known.nonces.get(&client).copied().unwrap_or(Nonce::from_bytes([0; 16]))
    };
    match step {
        Step::Open { client, address } => {
            let address = (address > 0).then_some(AddressKey([address; 16]));
            RoomsInput::Opened { client: ClientId(client), host: HOST.to_string(), address }
        }
        Step::Join { client, key, room } => {
            known.joining.insert(client, key);
            received(client, join_message(key, room, nonce(client, known), HOST))
        }
        Step::Resume { client, key, count } => {
            let token = known.tokens.get(&key).copied().unwrap_or(ResumeToken([0; 16]));
            received(client, resume_message(key, nonce(client, known), token, count))
        }
        Step::Envelope { client, to, len } => received(client, envelope(to, &vec![0; len])),
        Step::Ack { client, count } => received(client, ClientMessage::Ack { count }),
        Step::Ping { client } => received(client, ClientMessage::Ping),
        Step::Introduce { client, len } => {
            received(client, ClientMessage::Introduce { introduction: vec![0; len] })
        }
        Step::Leave { client } => received(client, ClientMessage::Leave),
        Step::Bytes { client, bytes } => RoomsInput::Received { client: ClientId(client), bytes },
        Step::Unreadable { client } => RoomsInput::Unreadable { client: ClientId(client) },
        Step::Close { client } => RoomsInput::Closed { client: ClientId(client) },
        Step::Time { .. } | Step::TimeBack { .. } => RoomsInput::Tick,
        Step::Drain => RoomsInput::Drain,
    }
}

fn learn(known: &mut Known, sent: &[(ClientId, ServerMessage)]) {
    for (client, message) in sent {
        match message {
            ServerMessage::Challenge { nonce, .. } => {
                known.nonces.insert(client.0, *nonce);
            }
            ServerMessage::Welcome { token, .. } => {
                if let Some(key) = known.joining.get(&client.0) {
                    known.tokens.insert(*key, *token);
                }
            }
            _ => {}
        }
    }
}

fn check(rooms: &Rooms, config: &RoomsConfig) {
    assert!(rooms.held_count() <= config.client_count_max);
    let detached = rooms.sessions.values().filter(|session| session.client.is_none()).count();
    assert_eq!(rooms.detached_count, detached);
    let mut member_count = 0;
    for (topic, members) in &rooms.rooms {
        assert!(!members.is_empty() && members.len() <= config.room_member_count_max);
        member_count += members.len();
        assert!(members.iter().all(|key| rooms.sessions[key].topic == *topic));
    }
    assert_eq!(member_count, rooms.sessions.len());
    let forgetting = rooms.timers.iter().filter(|(_, timer)| matches!(timer, Timer::Address(_)));
    assert_eq!(rooms.timers.len(), rooms.clients.len() + detached + forgetting.count());
    for (key, session) in &rooms.sessions {
        assert!(session.kept_bytes() <= RESUME_BYTES_MAX);
        if let Some(client) = session.client {
            let state = &rooms.clients[&client].state;
            assert!(matches!(state, ClientState::Member { session_key } if session_key == key));
        } else {
            let due = session.detached_due.expect("a deadline");
            assert!(rooms.timers.contains(&(due, Timer::Session(*key))));
        }
    }
    for address in 1..3 {
        let address = Some(AddressKey([address; 16]));
        let sockets = rooms.clients.values().filter(|client| client.address == address).count();
        let sessions = rooms
            .sessions
            .values()
            .filter(|session| session.client.is_none() && session.address == address)
            .count();
        assert_eq!(rooms.addresses.count(address) as usize, sockets + sessions);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// whatever clients do, the server holds no more than its limits, and its books agree.
    #[test]
    fn arbitrary_clients_never_pass_a_limit(steps in proptest::collection::vec(step(), 1..120)) {
        let config = RoomsConfig {
            room_member_count_max: 3,
            client_count_max: 6,
            address_client_count_max: 3,
            stun_port: Some(1),
        };
        let mut world = World::new(config);
        let mut known = Known::default();
        let mut latest = Timestamp::ZERO;
        for step in steps {
            match step {
                Step::Time { ms } => world.now = latest.after(Span::from_ms(ms)),
                Step::TimeBack { ms } => {
                    world.now = Timestamp::from_ms(latest.as_ms().saturating_sub(ms));
                }
                _ => {}
            }
            latest = latest.max(world.now);
            let _ = world.input(input(step, &mut known));
            prop_assert_eq!(world.rooms.clock.now().monotonic, latest);
            prop_assert!(world.rooms.poll_timeout().is_none_or(|due| due > latest));
            let sent = core::mem::take(&mut world.sent);
            learn(&mut known, &sent);
            check(&world.rooms, &config);
        }
    }
}
