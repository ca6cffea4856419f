use alloc::string::ToString;
use alloc::vec;

use crate::codec::DecodeError;
use crate::crypto::{Context, Signing};
use crate::limits::*;
use crate::signalling::Fault;
use crate::signalling::message::*;
use crate::time::Span;

use super::*;

mod arbitrary;
mod limits;
mod resume;

/// A server on virtual time, and what it sent.
struct World {
    rooms: Rooms,
    now: Timestamp,
    sent: Vec<(ClientId, ServerMessage)>,
    closed: Vec<(ClientId, CloseReason)>,
}

const HOST: &str = "mesh.example:4242";

impl World {
    fn new(config: RoomsConfig) -> Self {
        let rooms = Rooms::new(config, Seed([1; 32]));
        Self { rooms, now: Timestamp::ZERO, sent: vec![], closed: vec![] }
    }

    fn input(&mut self, input: RoomsInput) -> Outcome {
        let now = Now { monotonic: self.now, ..Now::default() };
        let outcome = self.rooms.handle(now, input);
        while let Some(effect) = self.rooms.poll_effect() {
            match effect {
                RoomsEffect::Send { client, bytes } => {
                    let message = ServerMessage::decode(&bytes).expect("the server's own message");
                    self.sent.push((client, message));
                }
                RoomsEffect::Close { client, reason } => self.closed.push((client, reason)),
            }
        }
        outcome
    }

    fn wait(&mut self, span: Span) {
        let end = self.now.after(span);
        while let Some(due) = self.rooms.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(RoomsInput::Tick).done();
        }
        self.now = end;
        self.input(RoomsInput::Tick).done();
    }

    fn say(&mut self, client: u64, message: &ClientMessage) -> Outcome {
        let bytes = message.encode();
        self.input(RoomsInput::Received { client: ClientId(client), bytes })
    }

    /// What a client was sent since the last time it was asked about.
    fn heard(&mut self, client: u64) -> Vec<ServerMessage> {
        let client = ClientId(client);
        let heard = self.sent.iter().filter(|(to, _)| *to == client).map(|(_, m)| m.clone());
        let heard = heard.collect();
        self.sent.retain(|(to, _)| *to != client);
        heard
    }

    fn open_from(&mut self, client: u64, address: Option<AddressKey>) -> Option<Nonce> {
        let host = HOST.to_string();
        self.input(RoomsInput::Opened { client: ClientId(client), host, address }).done();
        match self.heard(client).as_slice() {
            [ServerMessage::Challenge { nonce, .. }] => Some(*nonce),
            _ => None,
        }
    }

    fn open(&mut self, client: u64) -> Nonce {
        self.open_from(client, None).expect("a challenge")
    }

    /// Opens a socket and joins with the key of that number; its messages stay to be heard.
    fn join(&mut self, client: u64, room: u8) {
        let nonce = self.open(client);
        self.say(client, &join_message(client, room, nonce, HOST)).done();
    }

    fn resume(&mut self, client: u64, key: u64, token: ResumeToken, received_count: u64) {
        let nonce = self.open(client);
        let message = resume_message(key, nonce, token, received_count);
        self.say(client, &message).done();
    }

    /// Joins, and forgets what was said of it.
    fn join_all(&mut self, clients: &[u64], room: u8) {
        clients.iter().for_each(|client| self.join(*client, room));
        self.sent.clear();
    }

    fn token_of(&mut self, client: u64) -> ResumeToken {
        let token = self.heard(client).iter().find_map(|message| match message {
            ServerMessage::Welcome { token, .. } => Some(*token),
            _ => None,
        });
        token.expect("a welcome")
    }

    fn events(&mut self, client: u64) -> Vec<(u64, Event)> {
        let event = |message| match message {
            ServerMessage::Event { number, event } => Some((number, event)),
            _ => None,
        };
        self.heard(client).into_iter().filter_map(event).collect()
    }

    fn refusal(&mut self, client: u64) -> Option<RefusalReason> {
        self.heard(client).into_iter().find_map(|message| match message {
            ServerMessage::Refused { reason, .. } => Some(reason),
            _ => None,
        })
    }

    fn was_cut(&mut self, client: u64, reason: RefusalReason) {
        assert_eq!(self.refusal(client), Some(reason));
        let close = (ClientId(client), CloseReason::Refused(reason));
        assert!(self.closed.contains(&close), "{:?}", self.closed);
    }
}

trait Done {
    fn done(self);
}

impl Done for Outcome {
    fn done(self) {
        assert_eq!(self, Outcome::Done);
    }
}

fn session(number: u64) -> Signing {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    Signing::from_seed(&seed)
}

fn key(number: u64) -> SessionKey {
    session(number).session_key()
}

fn introduction(number: u64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn topic(room: u8) -> Topic {
    Topic::from_bytes([room; 32])
}

fn join_message(number: u64, room: u8, nonce: Nonce, host: &str) -> ClientMessage {
    let topic = topic(room);
    let signature = Proof { host, nonce, topic }.sign(Context::JOIN, &session(number));
    let (session_key, introduction) = (key(number), introduction(number));
    ClientMessage::Join { version: 1, topic, session_key, introduction, signature }
}

fn resume_message(
    number: u64,
    nonce: Nonce,
    token: ResumeToken,
    received_count: u64,
) -> ClientMessage {
    let proof = Proof { host: HOST, nonce, topic: topic(1) };
    let signature = proof.sign(Context::RESUME, &session(number));
    let session_key = key(number);
    ClientMessage::Resume { version: 1, session_key, token, received_count, signature }
}

fn envelope(to: u64, bytes: &[u8]) -> ClientMessage {
    ClientMessage::Envelope { to: key(to), bytes: bytes.to_vec() }
}

/// whoever joins learns of those who are there, in their order, and they of it.
#[test]
fn members_learn_of_one_another() {
    let mut world = World::new(RoomsConfig::default());
    world.join(1, 1);
    world.join(2, 1);
    world.join(3, 1);
    let welcome = world.heard(3);
    let [ServerMessage::Welcome { members, remaining: 0, ice_servers, .. }] = welcome.as_slice()
    else {
        panic!("{welcome:?}");
    };
    assert!(ice_servers.is_empty());
    let member = |number| Member {
        session_key: key(number),
        introduction: introduction(number),
        attached: true,
    };
    assert_eq!(members, &[member(1), member(2)]);
    let joined =
        |number| Event::Joined { session_key: key(number), introduction: introduction(number) };
    assert_eq!(world.events(1), [(1, joined(2)), (2, joined(3))]);
    assert_eq!(world.events(2), [(1, joined(3))]);
}

/// the welcome names this server's STUN under the host the client used.
#[test]
fn welcome_names_stun_under_the_clients_host() {
    let config = RoomsConfig { stun_port: Some(4243), ..RoomsConfig::default() };
    for (host, url) in [
        ("mesh.example:4242", "stun:mesh.example:4243"),
        ("192.168.1.2", "stun:192.168.1.2:4243"),
        ("[::1]:4242", "stun:[::1]:4243"),
    ] {
        let mut world = World::new(config);
        let opened = RoomsInput::Opened { client: ClientId(1), host: host.into(), address: None };
        world.input(opened).done();
        let heard = world.heard(1);
        let [ServerMessage::Challenge { nonce, .. }] = heard.as_slice() else { panic!() };
        world.say(1, &join_message(1, 1, *nonce, host)).done();
        let heard = world.heard(1);
        let [ServerMessage::Welcome { ice_servers, .. }] = heard.as_slice() else { panic!() };
        assert_eq!(ice_servers[0].urls, [url]);
    }
}

/// members that do not fit into a welcome follow it, in order.
#[test]
fn large_room_is_told_in_parts() {
    let mut world = World::new(RoomsConfig::default());
    for number in 1..=64 {
        let nonce = world.open(number);
        let mut message = join_message(number, 1, nonce, HOST);
        if let ClientMessage::Join { introduction, .. } = &mut message {
            *introduction = vec![0; INTRODUCTION_BYTES_MAX];
        }
        world.say(number, &message).done();
    }
    let (mut keys, mut left) = (vec![], 63);
    for message in world.heard(64) {
        let (ServerMessage::Welcome { members, remaining, .. }
        | ServerMessage::Members { members, remaining }) = message
        else {
            panic!("{message:?}");
        };
        left -= members.len();
        assert_eq!(remaining as usize, left);
        keys.extend(members.iter().map(|member| member.session_key));
    }
    assert_eq!(keys, (1..=63).map(key).collect::<Vec<_>>());
}

/// an envelope reaches its receiver with the sender's key, and nobody else.
#[test]
fn envelope_reaches_its_receiver_only() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2, 3], 1);
    world.say(1, &envelope(2, b"sealed")).done();
    let expected = Event::Envelope { from: key(1), bytes: b"sealed".to_vec() };
    assert_eq!(world.events(2), [(2, expected)]);
    assert!(world.events(1).is_empty() && world.events(3).is_empty());
    assert_eq!(world.rooms.counts().relayed_count, 1);
}

/// nothing crosses from one room to another, and the sender learns so.
#[test]
fn never_relays_across_rooms() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1], 1);
    world.join_all(&[2], 2);
    world.say(1, &envelope(2, b"sealed")).done();
    assert!(world.events(2).is_empty());
    let expected = Event::Undeliverable { to: key(2), reason: UndeliverableReason::NotHere };
    assert_eq!(world.events(1), [(1, expected)]);
}

/// a proof made for another host, nonce, topic, key or use is refused.
#[test]
fn refuses_proof_made_for_anything_else() {
    let mut world = World::new(RoomsConfig::default());
    let other_nonce = Nonce::from_bytes([0; 16]);
    let alter = |change: &dyn Fn(Nonce) -> ClientMessage, world: &mut World, client| {
        let nonce = world.open(client);
        let outcome = world.say(client, &change(nonce));
        assert_eq!(outcome, Outcome::Fault(Fault::BadProof));
        world.was_cut(client, RefusalReason::Proof);
    };
    alter(&|nonce| join_message(1, 1, nonce, "evil.example"), &mut world, 1);
    alter(&|_| join_message(1, 1, other_nonce, HOST), &mut world, 2);
    let other_topic = topic(2);
    alter(
        &|nonce| {
            let mut message = join_message(1, 1, nonce, HOST);
            if let ClientMessage::Join { topic, .. } = &mut message {
                *topic = other_topic;
            }
            message
        },
        &mut world,
        3,
    );
    alter(
        &|nonce| {
            let mut message = join_message(1, 1, nonce, HOST);
            if let ClientMessage::Join { session_key, .. } = &mut message {
                *session_key = key(2);
            }
            message
        },
        &mut world,
        4,
    );
    alter(
        &|nonce| {
            let mut message = join_message(1, 1, nonce, HOST);
            let proof = Proof { host: HOST, nonce, topic: topic(1) };
            if let ClientMessage::Join { signature, .. } = &mut message {
                *signature = proof.sign(Context::RESUME, &session(1));
            }
            message
        },
        &mut world,
        5,
    );
    assert_eq!(world.rooms.counts().session_count, 0);
}

/// hosts are compared without regard to case, as DNS does.
#[test]
fn host_header_may_differ_in_case() {
    let mut world = World::new(RoomsConfig::default());
    let host = "Mesh.Example".to_string();
    world.input(RoomsInput::Opened { client: ClientId(1), host, address: None }).done();
    let heard = world.heard(1);
    let [ServerMessage::Challenge { nonce, .. }] = heard.as_slice() else { panic!() };
    world.say(1, &join_message(1, 1, *nonce, "mesh.example")).done();
}

/// another version is refused with the versions spoken.
#[test]
fn refuses_another_version() {
    let mut world = World::new(RoomsConfig::default());
    let nonce = world.open(1);
    let mut message = join_message(1, 1, nonce, HOST);
    if let ClientMessage::Join { version, .. } = &mut message {
        *version = 2;
    }
    assert_eq!(world.say(1, &message), Outcome::Fault(Fault::Unexpected));
    let heard = world.heard(1);
    let [ServerMessage::Refused { reason: RefusalReason::Version, expected, found }] =
        heard.as_slice()
    else {
        panic!("{heard:?}");
    };
    assert_eq!((expected.as_str(), found.as_str()), ("version 1 to 1", "version 2"));
}

/// what does not belong where it comes is refused.
#[test]
fn refuses_messages_out_of_place() {
    let unexpected = Outcome::Fault(Fault::Unexpected);
    let mut world = World::new(RoomsConfig::default());
    for (client, message) in
        (1..).zip([envelope(1, b"x"), ClientMessage::Ping, ClientMessage::Ack { count: 0 }])
    {
        world.open(client);
        assert_eq!(world.say(client, &message), unexpected);
        world.was_cut(client, RefusalReason::Unexpected);
    }
    world.join(10, 1);
    let again = join_message(10, 1, Nonce::from_bytes([0; 16]), HOST);
    assert_eq!(world.say(10, &again), unexpected);
    world.was_cut(10, RefusalReason::Unexpected);
    world.join(11, 1);
    assert_eq!(world.say(11, &ClientMessage::Ack { count: 1 }), unexpected);
    world.was_cut(11, RefusalReason::Unexpected);
    assert_eq!(world.rooms.counts().client_count, 0);
}

/// bytes that are no message end the session, and the room learns of it.
#[test]
fn refuses_bytes_that_are_no_message() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    let bytes = vec![0x81, 0x18, 0x63];
    let outcome = world.input(RoomsInput::Received { client: ClientId(1), bytes });
    let cause = DecodeError::UnknownKind { found: 99 };
    assert_eq!(outcome, Outcome::Fault(Fault::Malformed(cause)));
    world.was_cut(1, RefusalReason::Malformed);
    assert_eq!(world.events(2), [(1, Event::Left { session_key: key(1) })]);
}

/// a signal of 17 KiB is answered by name, and both sides go on.
#[test]
fn signal_of_17_kib_is_answered_by_name() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    let outcome = world.say(1, &envelope(2, &[0; 17 * 1024]));
    assert!(matches!(outcome, Outcome::Fault(Fault::TooLarge { limit: 16_384, .. })));
    let expected = Event::Undeliverable { to: key(2), reason: UndeliverableReason::TooLarge };
    assert_eq!(world.events(1), [(2, expected)]);
    world.say(1, &envelope(2, &[0; ENVELOPE_BYTES_MAX])).done();
    assert!(matches!(world.events(2).as_slice(), [(1, Event::Envelope { .. })]));
    let between = envelope(2, &[0; ENVELOPE_BYTES_MAX + 1]);
    let outcome = world.say(1, &between);
    assert!(matches!(outcome, Outcome::Fault(_)), "fits the message but not the envelope");
}

/// what is too large and no envelope, or too large to be read, ends the session.
#[test]
fn refuses_what_is_too_large_to_be_a_message() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    let bytes = vec![0; SERVER_MESSAGE_BYTES_MAX + 1];
    let outcome = world.input(RoomsInput::Received { client: ClientId(1), bytes });
    assert!(matches!(outcome, Outcome::Fault(Fault::TooLarge { .. })));
    world.was_cut(1, RefusalReason::TooLarge);
    let outcome = world.input(RoomsInput::Unreadable { client: ClientId(2) });
    assert_eq!(outcome, Outcome::Fault(Fault::Unexpected));
    world.was_cut(2, RefusalReason::TooLarge);
}

/// whoever leaves is gone at once; a new introduction is told to the others.
#[test]
fn leaving_and_introducing_anew_are_told() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    world.say(1, &ClientMessage::Introduce { introduction: vec![9] }).done();
    world.say(1, &ClientMessage::Leave).done();
    let expected = [
        (1, Event::Joined { session_key: key(1), introduction: vec![9] }),
        (2, Event::Left { session_key: key(1) }),
    ];
    assert_eq!(world.events(2), expected);
    assert_eq!(world.closed, [(ClientId(1), CloseReason::Left)]);
    world.say(2, &ClientMessage::Leave).done();
    let counts = world.rooms.counts();
    assert_eq!((counts.client_count, counts.session_count, counts.room_count), (0, 0, 0));
    assert_eq!(world.rooms.poll_timeout(), None);
}

/// whoever leaves without having been let in broke no rule.
#[test]
fn leaving_before_joining_is_no_fault() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1], 1);
    world.open(2);
    world.say(2, &ClientMessage::Leave).done();
    assert_eq!(world.closed, [(ClientId(2), CloseReason::Left)]);
    assert_eq!(world.events(1), []);
    assert_eq!(world.rooms.counts().client_count, 1);
}

/// a ping is answered.
#[test]
fn ping_is_answered() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1], 1);
    world.say(1, &ClientMessage::Ping).done();
    assert_eq!(world.heard(1), [ServerMessage::Pong]);
}

/// a stopping server tells everyone, lets nobody in and says nothing of the members.
#[test]
fn draining_tells_everyone() {
    let mut world = World::new(RoomsConfig::default());
    world.join_all(&[1, 2], 1);
    world.input(RoomsInput::Drain).done();
    assert!(world.events(1).is_empty());
    world.input(RoomsInput::Drain).done();
    world.was_cut(2, RefusalReason::Draining);
    assert_eq!(world.open_from(3, None), None);
    assert_eq!(world.rooms.counts().client_count, 0);
}

/// What a socket that is gone still reports changes nothing.
#[test]
fn ignores_clients_it_does_not_know() {
    let mut world = World::new(RoomsConfig::default());
    let client = ClientId(9);
    assert_eq!(world.input(RoomsInput::Closed { client }), Outcome::Ignored);
    assert_eq!(world.input(RoomsInput::Unreadable { client }), Outcome::Ignored);
    assert_eq!(world.say(9, &ClientMessage::Ping), Outcome::Ignored);
    let nonce = world.open(1);
    let host = HOST.to_string();
    let twice = RoomsInput::Opened { client: ClientId(1), host, address: None };
    assert_eq!(world.input(twice), Outcome::Ignored);
    world.say(1, &join_message(1, 1, nonce, HOST)).done();
}
