//! Arbitrary inputs: nothing panics, time does not move back, what is sent is well-formed, and a
//! client that has begun either waits for something or has ended.

use proptest::prelude::*;

use super::*;

fn message() -> impl Strategy<Value = ServerMessage> {
    let number = 0..6_u64;
    prop_oneof![
        4 => (0..3_u32, 0..3_u32).prop_map(|(version_min, version_max)| {
            ServerMessage::Challenge { version_min, version_max, nonce: NONCE }
        }),
        4 => Just(challenge()),
        4 => Just(welcome()),
        2 => (0..3_u32).prop_map(|remaining| ServerMessage::Welcome {
            token: TOKEN,
            ice_servers: vec![],
            members: vec![],
            remaining,
        }),
        2 => (0..3_u32).prop_map(|remaining| ServerMessage::Members { members: vec![], remaining }),
        2 => Just(ServerMessage::Resumed),
        1 => Just(ServerMessage::Pong),
        2 => (0..RefusalReason::ALL.len()).prop_map(|index| refused(RefusalReason::ALL[index])),
        4 => number.prop_map(left),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Input(ClientInput),
    /// On the socket opened last, less so many.
    Opened(u32),
    Closed(u32),
    Received(u32, ServerMessage),
    Bytes(Vec<u8>),
    Time(u64),
    TimeBack(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let stale = prop_oneof![8 => Just(0), 1 => 1..3_u32];
    prop_oneof![
        1 => Just(Step::Input(ClientInput::Start)),
        1 => Just(Step::Input(ClientInput::Wake)),
        1 => (0..40_u32).prop_map(|chance| match chance {
            0 => Step::Input(ClientInput::Leave),
            _ => Step::Input(ClientInput::Start),
        }),
        1 => (0..17_000_usize).prop_map(|len| Step::Input(ClientInput::SendEnvelope {
            to: key(1),
            bytes: vec![0; len],
        })),
        1 => (0..1_100_usize).prop_map(|len| Step::Input(ClientInput::Introduce {
            introduction: vec![0; len],
        })),
        4 => stale.clone().prop_map(Step::Opened),
        2 => stale.clone().prop_map(Step::Closed),
        12 => (stale, message()).prop_map(|(stale, message)| Step::Received(stale, message)),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Step::Bytes),
        3 => (0..40_000_u64).prop_map(Step::Time),
        1 => (0..40_000_u64).prop_map(Step::TimeBack),
    ]
}

proptest! {
    /// whatever the server and the driver do, the client goes on or says why it does not.
    #[test]
    fn arbitrary_inputs_never_break_the_client(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        let mut latest = Timestamp::ZERO;
        let mut started = false;
        for step in steps {
            let last = world.opened.last().copied().unwrap_or_default();
            let socket = |stale| SocketId(last.0.wrapping_sub(stale));
            let input = match step {
                Step::Input(input) => input,
                Step::Opened(stale) => ClientInput::SocketOpened { socket: socket(stale) },
                Step::Closed(stale) => ClientInput::SocketClosed { socket: socket(stale) },
                Step::Received(stale, message) => {
                    let bytes = message.encode();
                    ClientInput::SocketReceived { socket: socket(stale), bytes }
                }
                Step::Bytes(bytes) => ClientInput::SocketReceived { socket: last, bytes },
                Step::Time(ms) => {
                    world.now = latest.after(Span::from_ms(ms));
                    ClientInput::Tick
                }
                Step::TimeBack(ms) => {
                    world.now = Timestamp::from_ms(latest.as_ms().saturating_sub(ms));
                    ClientInput::Tick
                }
            };
            started |= input == ClientInput::Start;
            let left = input == ClientInput::Leave;
            latest = latest.max(world.now);
            let _ = world.input(input);
            if left && !started {
                return Ok(());
            }
            prop_assert_eq!(world.client.clock.now().monotonic, latest);
            let ended = matches!(world.client.state, State::Ended);
            prop_assert_eq!(world.client.poll_timeout().is_some(), started && !ended);
            prop_assert!(world.client.poll_timeout().is_none_or(|due| due > latest));
            let refusals =
                world.notices.iter().filter(|n| matches!(n, ClientNotice::Refused { .. })).count();
            prop_assert!(refusals <= 1 && (refusals == 0 || ended));
        }
        // Told offline and online in turns.
        let turns = world.notices.iter().filter_map(|notice| match notice {
            ClientNotice::Offline { .. } => Some(false),
            ClientNotice::Online { .. } => Some(true),
            _ => None,
        });
        let turns: Vec<bool> = turns.collect();
        prop_assert!(turns.iter().enumerate().all(|(index, online)| *online == (index % 2 == 1)));
    }
}
