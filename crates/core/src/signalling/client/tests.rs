use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use crate::crypto::Context;
use crate::limits::*;
use crate::signalling::Fault;
use crate::signalling::message::*;
use crate::time::Span;

use super::*;

mod arbitrary;
mod offline;

/// A client on virtual time, and what it asked for.
struct World {
    client: Client,
    now: Timestamp,
    opened: Vec<SocketId>,
    sent: Vec<(SocketId, ClientMessage)>,
    closed: Vec<SocketId>,
    notices: Vec<ClientNotice>,
}

const HOST: &str = "mesh.example";
const TOPIC: Topic = Topic::from_bytes([3; 32]);
const NONCE: Nonce = Nonce::from_bytes([4; 16]);
const TOKEN: ResumeToken = ResumeToken([5; 16]);

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes([byte; 32])
}

fn challenge() -> ServerMessage {
    ServerMessage::Challenge { version_min: 1, version_max: 1, nonce: NONCE }
}

fn welcome() -> ServerMessage {
    let (ice_servers, members) = (vec![], vec![]);
    ServerMessage::Welcome { token: TOKEN, ice_servers, members, remaining: 0 }
}

fn refused(reason: RefusalReason) -> ServerMessage {
    let (expected, found) = ("this".to_string(), "that".to_string());
    ServerMessage::Refused { reason, expected, found }
}

fn left(number: u64) -> ServerMessage {
    ServerMessage::Event { number, event: Event::Left { session_key: key(9) } }
}

impl World {
    fn new() -> Self {
        let config = ClientConfig {
            socket_url: "wss://mesh.example/meshlace/v1".to_string(),
            host: HOST.to_string(),
            topic: TOPIC,
            session: Signing::from_seed(&[1; 32]),
            introduction: vec![1, 2],
            admission_deadline: ADMISSION_DEADLINE,
        };
        Self {
            client: Client::new(config, Seed([2; 32]), Now::default()),
            now: Timestamp::ZERO,
            opened: vec![],
            sent: vec![],
            closed: vec![],
            notices: vec![],
        }
    }

    /// A client whose first socket opens.
    fn started() -> Self {
        let mut world = Self::new();
        world.input(ClientInput::Start).done();
        world.input(ClientInput::SocketOpened { socket: world.socket() }).done();
        world
    }

    /// A client that is in its room, with nothing left to be told of it.
    fn online() -> Self {
        let mut world = Self::started();
        world.hear(&challenge()).done();
        world.hear(&welcome()).done();
        assert!(world.client.is_online());
        world.sent.clear();
        world.notices.clear();
        world
    }

    fn input(&mut self, input: ClientInput) -> Outcome {
        let now = Now { monotonic: self.now, ..Now::default() };
        let outcome = self.client.handle(now, input);
        while let Some(effect) = self.client.poll_effect() {
            match effect {
                ClientEffect::OpenSocket { socket, .. } => self.opened.push(socket),
                ClientEffect::SendSocket { socket, bytes } => {
                    let message = ClientMessage::decode(&bytes).expect("the client's own message");
                    self.sent.push((socket, message));
                }
                ClientEffect::CloseSocket { socket } => self.closed.push(socket),
                ClientEffect::Notice(notice) => self.notices.push(notice),
            }
        }
        outcome
    }

    /// The socket opened last.
    fn socket(&self) -> SocketId {
        *self.opened.last().expect("a socket")
    }

    fn hear(&mut self, message: &ServerMessage) -> Outcome {
        let (socket, bytes) = (self.socket(), message.encode());
        self.input(ClientInput::SocketReceived { socket, bytes })
    }

    fn lose_socket(&mut self) {
        let socket = self.socket();
        self.input(ClientInput::SocketClosed { socket }).done();
    }

    /// Lets time pass, running each timer when it is due.
    fn wait(&mut self, span: Span) {
        let end = self.now.after(span);
        while let Some(due) = self.client.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.input(ClientInput::Tick).done();
        }
        self.now = end;
        self.input(ClientInput::Tick).done();
    }

    /// Waits until the next socket is opened, opens it and lets the server ask who we are.
    fn come_back(&mut self) {
        let before = self.opened.len();
        while self.opened.len() == before {
            self.wait(Span::from_ms(50));
        }
        self.input(ClientInput::SocketOpened { socket: self.socket() }).done();
        self.sent.clear();
        self.hear(&challenge()).done();
    }

    fn refusal(&self) -> Option<(ErrorCode, &str, &str)> {
        match self.notices.last()? {
            ClientNotice::Refused { code, expected, found } => Some((*code, expected, found)),
            _ => None,
        }
    }

    fn said(&mut self) -> Vec<ClientMessage> {
        core::mem::take(&mut self.sent).into_iter().map(|(_, message)| message).collect()
    }

    fn told(&mut self) -> Vec<ClientNotice> {
        core::mem::take(&mut self.notices)
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

/// the join proves the session key over host, nonce and topic.
#[test]
fn join_answers_the_challenge() {
    let mut world = World::started();
    assert!(world.sent.is_empty(), "nothing is said before the challenge");
    world.hear(&challenge()).done();
    let [ClientMessage::Join { version: 1, topic, session_key, introduction, signature }] =
        &world.said()[..]
    else {
        panic!("no join");
    };
    assert_eq!((*topic, *session_key), (TOPIC, world.client.session_key()));
    assert_eq!(introduction, &[1, 2]);
    let proof = Proof { host: HOST, nonce: NONCE, topic: TOPIC };
    assert!(proof.holds(Context::JOIN, session_key, signature));
}

/// admission is told once all members are there, in their order.
#[test]
fn admission_waits_for_all_members() {
    let mut world = World::started();
    world.hear(&challenge()).done();
    let member = |byte| Member { session_key: key(byte), introduction: vec![], attached: true };
    let ice_server = IceServer {
        urls: vec!["stun:a".into()],
        username: None,
        credential: None,
        valid_for: None,
    };
    let ice_servers = vec![ice_server];
    let (token, members) = (TOKEN, vec![member(1)]);
    let first =
        ServerMessage::Welcome { token, ice_servers: ice_servers.clone(), members, remaining: 2 };
    world.hear(&first).done();
    assert!(world.notices.is_empty() && !world.client.is_online());
    world.hear(&ServerMessage::Members { members: vec![member(2)], remaining: 1 }).done();
    world.hear(&ServerMessage::Members { members: vec![member(3)], remaining: 0 }).done();
    let members = vec![member(1), member(2), member(3)];
    assert_eq!(world.told(), [ClientNotice::Admitted { members, ice_servers }]);
}

/// a socket lost before all members are here is followed by a join, which brings them all.
#[test]
fn admission_cut_short_begins_anew() {
    let mut world = World::started();
    world.hear(&challenge()).done();
    let (token, ice_servers, members) = (TOKEN, vec![], vec![]);
    world.hear(&ServerMessage::Welcome { token, ice_servers, members, remaining: 2 }).done();
    world.lose_socket();
    world.come_back();
    assert!(matches!(world.said()[..], [ClientMessage::Join { .. }]));
    world.hear(&welcome()).done();
    assert!(matches!(world.told()[..], [ClientNotice::Admitted { .. }]));
}

/// a server that never comes to the end of its members is refused.
#[test]
fn refuses_members_without_end() {
    let mut world = World::started();
    world.hear(&challenge()).done();
    let welcome =
        ServerMessage::Welcome { token: TOKEN, ice_servers: vec![], members: vec![], remaining: 5 };
    world.hear(&welcome).done();
    let again = ServerMessage::Members { members: vec![], remaining: 5 };
    assert_eq!(world.hear(&again), Outcome::Fault(Fault::Unexpected));
    assert_eq!(world.refusal().map(|refusal| refusal.0), Some(ErrorCode::ServerProtocol));
}

/// each event becomes a notice, and is acknowledged within a second.
#[test]
fn events_are_told_and_acknowledged() {
    let mut world = World::online();
    let session_key = key(9);
    let reason = UndeliverableReason::NotHere;
    let cases = [
        (
            Event::Joined { session_key, introduction: vec![1] },
            ClientNotice::MemberJoined { session_key, introduction: vec![1] },
        ),
        (Event::Detached { session_key }, ClientNotice::MemberDetached { session_key }),
        (Event::Attached { session_key }, ClientNotice::MemberAttached { session_key }),
        (Event::Left { session_key }, ClientNotice::MemberLeft { session_key }),
        (
            Event::Envelope { from: session_key, bytes: vec![2] },
            ClientNotice::Envelope { from: session_key, bytes: vec![2] },
        ),
        (
            Event::Undeliverable { to: session_key, reason },
            ClientNotice::Undeliverable { to: session_key, reason },
        ),
    ];
    for (number, (event, notice)) in (1..).zip(cases) {
        world.hear(&ServerMessage::Event { number, event }).done();
        assert_eq!(world.told(), [notice]);
    }
    assert!(world.said().is_empty());
    world.wait(EVENT_ACK_DELAY);
    assert_eq!(world.said(), [ClientMessage::Ack { count: 6 }]);
    world.wait(EVENT_ACK_DELAY);
    assert!(world.said().is_empty(), "once is enough");
}

/// many events are acknowledged without waiting.
#[test]
fn many_events_are_acknowledged_at_once() {
    let mut world = World::online();
    (1..=EVENT_ACK_COUNT).for_each(|number| world.hear(&left(number)).done());
    assert_eq!(world.said(), [ClientMessage::Ack { count: EVENT_ACK_COUNT }]);
}

/// an event out of order loses the session, since something was missed or repeated.
#[test]
fn event_out_of_order_loses_the_session() {
    for number in [0, 2, 7] {
        let mut world = World::online();
        let fault = Fault::OutOfOrder { expected: 1, found: number };
        assert_eq!(world.hear(&left(number)), Outcome::Fault(fault));
        assert_eq!(world.told(), [ClientNotice::Offline { reason: ErrorCode::ServerProtocol }]);
        world.come_back();
        assert!(matches!(world.said()[..], [ClientMessage::Join { .. }]));
    }
}

/// another version is a refusal that names both.
#[test]
fn refuses_server_of_another_version() {
    for (min, max) in [(2, 3), (0, 0)] {
        let mut world = World::started();
        let message = ServerMessage::Challenge { version_min: min, version_max: max, nonce: NONCE };
        world.hear(&message).done();
        let found = format!("version {min} to {max}");
        let expected = Some((ErrorCode::VersionMismatch, "version 1 to 1", found.as_str()));
        assert_eq!(world.refusal(), expected);
        assert_eq!(world.closed, [world.socket()]);
        assert_eq!(world.client.poll_timeout(), None, "it is final");
    }
    let mut world = World::started();
    let newer = ServerMessage::Challenge { version_min: 1, version_max: 9, nonce: NONCE };
    world.hear(&newer).done();
    assert!(matches!(world.said()[..], [ClientMessage::Join { version: 1, .. }]));
}

/// a server that speaks something else is a refusal at once.
#[test]
fn refuses_server_that_speaks_something_else() {
    let mut world = World::started();
    let (socket, bytes) = (world.socket(), b"hello".to_vec());
    let outcome = world.input(ClientInput::SocketReceived { socket, bytes });
    assert!(matches!(outcome, Outcome::Fault(Fault::Malformed(_))));
    assert_eq!(world.refusal().map(|refusal| refusal.0), Some(ErrorCode::ServerProtocol));
    for message in [welcome(), ServerMessage::Resumed, ServerMessage::Pong, left(1)] {
        let mut world = World::started();
        assert_eq!(world.hear(&message), Outcome::Fault(Fault::Unexpected), "{message:?}");
        assert_eq!(world.refusal().map(|refusal| refusal.0), Some(ErrorCode::ServerProtocol));
    }
}

/// before the first admission a refusal is final and carries what the server said.
#[test]
fn refusal_before_admission_is_final() {
    for (reason, code) in [
        (RefusalReason::RoomFull, ErrorCode::RoomFull),
        (RefusalReason::Proof, ErrorCode::ServerRefused),
        (RefusalReason::TooManyClients, ErrorCode::RateLimited),
        (RefusalReason::Version, ErrorCode::VersionMismatch),
    ] {
        let mut world = World::started();
        world.hear(&challenge()).done();
        world.hear(&refused(reason)).done();
        assert_eq!(world.refusal(), Some((code, "this", "that")));
        world.wait(Span::from_secs(60));
        assert_eq!(world.opened.len(), 1, "no further try");
        assert_eq!(world.input(ClientInput::Start), Outcome::Ignored);
    }
}

/// without an answer in ten seconds joining fails, whatever it was that did not come.
#[test]
fn admission_has_a_deadline() {
    let stages: [fn(&mut World); 4] = [
        |_| {},
        |world| {
            let socket = world.socket();
            world.input(ClientInput::SocketOpened { socket }).done();
        },
        |world| world.hear(&challenge()).done(),
        |world| world.lose_socket(),
    ];
    for stage in stages {
        let mut world = World::new();
        world.input(ClientInput::Start).done();
        stage(&mut world);
        world.wait(ADMISSION_DEADLINE.minus(Span::from_ms(1)));
        assert_eq!(world.refusal(), None);
        world.wait(Span::from_ms(1));
        assert_eq!(world.refusal().map(|refusal| refusal.0), Some(ErrorCode::ServerUnreachable));
    }
}

/// a server that refuses connections is tried again until the deadline.
#[test]
fn server_that_starts_late_is_found() {
    let mut world = World::new();
    world.input(ClientInput::Start).done();
    world.lose_socket();
    world.come_back();
    world.hear(&welcome()).done();
    assert!(matches!(world.notices[..], [ClientNotice::Admitted { .. }]));
}

/// what is sent goes to the server as it is, within the limit.
#[test]
fn envelopes_are_sent_or_refused_by_name() {
    let mut world = World::online();
    let to = key(9);
    let largest = vec![0; ENVELOPE_BYTES_MAX];
    world.input(ClientInput::SendEnvelope { to, bytes: largest.clone() }).done();
    assert_eq!(world.said(), [ClientMessage::Envelope { to, bytes: largest }]);
    let bytes = vec![0; 17 * 1024];
    world.input(ClientInput::SendEnvelope { to, bytes }).done();
    assert!(world.said().is_empty());
    let reason = UndeliverableReason::TooLarge;
    assert_eq!(world.told(), [ClientNotice::Undeliverable { to, reason }]);
    assert!(world.client.is_online(), "nothing else is harmed");
    world.lose_socket();
    world.told();
    world.input(ClientInput::SendEnvelope { to, bytes: vec![1] }).done();
    let reason = UndeliverableReason::Offline;
    assert_eq!(world.told(), [ClientNotice::Undeliverable { to, reason }]);
}

/// leaving says so, closes the socket, and is the end.
#[test]
fn leaving_is_the_end() {
    let mut world = World::online();
    world.input(ClientInput::Leave).done();
    assert_eq!(world.said(), [ClientMessage::Leave]);
    assert_eq!(world.closed, [world.socket()]);
    assert_eq!(world.client.poll_timeout(), None);
    assert_eq!(world.input(ClientInput::Leave), Outcome::Ignored);
    world.input(ClientInput::Wake).done();
    assert_eq!(world.opened.len(), 1);
}

/// whoever leaves or gives up after asking to be let in may be in the room without knowing it.
#[test]
fn leaving_is_said_before_the_answer() {
    let asked = || {
        let mut world = World::started();
        world.hear(&challenge()).done();
        assert!(matches!(world.said()[..], [ClientMessage::Join { .. }]));
        world
    };
    let mut leaver = asked();
    leaver.input(ClientInput::Leave).done();
    assert_eq!(leaver.said(), [ClientMessage::Leave]);
    assert_eq!(leaver.closed, [leaver.socket()]);
    let mut late = asked();
    late.wait(ADMISSION_DEADLINE);
    assert_eq!(late.said(), [ClientMessage::Leave]);
    assert_eq!(late.closed, [late.socket()]);
    let mut early = World::started();
    early.input(ClientInput::Leave).done();
    assert_eq!(early.said(), [], "there is nothing to leave");
}

/// What a socket that was given up still reports changes nothing.
#[test]
fn ignores_stale_sockets() {
    let mut world = World::online();
    let stale = world.socket();
    world.lose_socket();
    world.come_back();
    let bytes = left(1).encode();
    let late = ClientInput::SocketReceived { socket: stale, bytes };
    assert_eq!(world.input(late), Outcome::Ignored);
    assert_eq!(world.input(ClientInput::SocketClosed { socket: stale }), Outcome::Ignored);
    assert_eq!(world.input(ClientInput::SocketOpened { socket: stale }), Outcome::Ignored);
    world.hear(&ServerMessage::Resumed).done();
}
