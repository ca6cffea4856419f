//! Both machines together, over sockets that break at any moment.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::address::RoomAddress;
use super::client::{Client, ClientConfig, ClientEffect, ClientInput, ClientNotice};
use super::room::{ClientId, Rooms, RoomsConfig, RoomsEffect, RoomsInput};
use crate::crypto::Signing;
use crate::id::{SessionKey, SocketId};
use crate::limits::ADMISSION_DEADLINE;
use crate::rng::Seed;
use crate::time::{Now, Span, Timestamp};

/// One socket, with what is on its way in both directions.
struct Wire {
    client_index: usize,
    socket: SocketId,
    id: ClientId,
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
    /// Each side may learn at its own time that the socket is gone.
    client_end: bool,
    server_end: bool,
}

/// What one client was told.
#[derive(Default)]
struct Told {
    members: BTreeMap<SessionKey, bool>,
    received: BTreeMap<SessionKey, Vec<u64>>,
    left: bool,
    refused: bool,
}

struct World {
    rooms: Rooms,
    clients: Vec<Client>,
    told: Vec<Told>,
    wires: Vec<Wire>,
    wire_count: u64,
    envelope_count: u64,
    now: Timestamp,
}

const CLIENT_COUNT: usize = 4;

impl World {
    fn new() -> Self {
        let address = RoomAddress::parse("room", Some("wss://mesh.example")).expect("an address");
        let client = |number| {
            let config = ClientConfig {
                socket_url: address.socket_url(),
                host: address.host().into(),
                topic: address.room().keys().topic(),
                session: Signing::from_seed(&[number; 32]),
                introduction: vec![number],
                admission_deadline: ADMISSION_DEADLINE.times(1_000),
            };
            Client::new(config, Seed([number; 32]), Now::default())
        };
        let clients: Vec<Client> = (1..).take(CLIENT_COUNT).map(client).collect();
        let mut world = Self {
            rooms: Rooms::new(RoomsConfig::default(), Seed([0; 32])),
            told: clients.iter().map(|_| Told::default()).collect(),
            clients,
            wires: vec![],
            wire_count: 0,
            envelope_count: 0,
            now: Timestamp::ZERO,
        };
        (0..CLIENT_COUNT).for_each(|index| world.client(index, ClientInput::Start));
        world
    }

    fn client(&mut self, index: usize, input: ClientInput) {
        let now = Now { monotonic: self.now, ..Now::default() };
        let _ = self.clients[index].handle(now, input);
        while let Some(effect) = self.clients[index].poll_effect() {
            match effect {
                ClientEffect::OpenSocket { socket, .. } => self.open(index, socket),
                ClientEffect::SendSocket { socket, bytes } => {
                    if let Some(wire) = self.wire(index, socket) {
                        wire.to_server.push_back(bytes);
                    }
                }
                ClientEffect::CloseSocket { socket } => {
                    if let Some(wire) = self.wire(index, socket) {
                        wire.client_end = true;
                    }
                }
                ClientEffect::Notice(notice) => self.notice(index, notice),
            }
        }
    }

    fn wire(&mut self, index: usize, socket: SocketId) -> Option<&mut Wire> {
        self.wires.iter_mut().find(|wire| wire.client_index == index && wire.socket == socket)
    }

    fn open(&mut self, client_index: usize, socket: SocketId) {
        self.wire_count += 1;
        let id = ClientId(self.wire_count);
        let (to_server, to_client) = (VecDeque::new(), VecDeque::new());
        self.wires.push(Wire {
            client_index,
            socket,
            id,
            to_server,
            to_client,
            client_end: false,
            server_end: false,
        });
        self.server(RoomsInput::Opened { client: id, host: "mesh.example".into(), address: None });
    }

    fn server(&mut self, input: RoomsInput) {
        let now = Now { monotonic: self.now, ..Now::default() };
        let _ = self.rooms.handle(now, input);
        while let Some(effect) = self.rooms.poll_effect() {
            match effect {
                RoomsEffect::Send { client, bytes } => {
                    if let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == client) {
                        wire.to_client.push_back(bytes);
                    }
                }
                RoomsEffect::Close { client, .. } => {
                    if let Some(wire) = self.wires.iter_mut().find(|wire| wire.id == client) {
                        wire.server_end = true;
                    }
                }
            }
        }
    }

    fn notice(&mut self, index: usize, notice: ClientNotice) {
        let told = &mut self.told[index];
        match notice {
            ClientNotice::Admitted { members, .. } => {
                let entries = members.iter().map(|member| (member.session_key, member.attached));
                told.members = entries.collect();
            }
            ClientNotice::MemberJoined { session_key, .. }
            | ClientNotice::MemberAttached { session_key } => {
                told.members.insert(session_key, true);
            }
            ClientNotice::MemberDetached { session_key } => {
                told.members.insert(session_key, false);
            }
            ClientNotice::MemberLeft { session_key } => {
                told.members.remove(&session_key);
            }
            ClientNotice::Envelope { from, bytes } => {
                let number = u64::from_le_bytes(bytes.try_into().expect("a number"));
                told.received.entry(from).or_default().push(number);
            }
            ClientNotice::Refused { .. } => told.refused = true,
            _ => {}
        }
    }

    /// One message, or one closing, crosses one wire.
    fn carry(&mut self, at: usize, upward: bool) {
        if self.wires.is_empty() {
            return;
        }
        let at = at % self.wires.len();
        let wire = &mut self.wires[at];
        let (index, socket, id) = (wire.client_index, wire.socket, wire.id);
        if upward {
            match wire.to_server.pop_front() {
                Some(bytes) if !wire.server_end => {
                    self.server(RoomsInput::Received { client: id, bytes });
                }
                None if wire.client_end && !wire.server_end => {
                    wire.server_end = true;
                    self.server(RoomsInput::Closed { client: id });
                }
                _ => {}
            }
        } else {
            match wire.to_client.pop_front() {
                Some(bytes) if !wire.client_end => {
                    self.client(index, ClientInput::SocketReceived { socket, bytes });
                }
                None if wire.server_end && !wire.client_end => {
                    wire.client_end = true;
                    self.client(index, ClientInput::SocketClosed { socket });
                }
                _ => {}
            }
        }
        let gone = |wire: &Wire| wire.client_end && wire.server_end && wire.to_client.is_empty();
        self.wires.retain(|wire| !gone(wire));
    }

    /// A wire breaks: what is on it is lost, and each side learns of it when it listens.
    fn cut(&mut self, at: usize) {
        if self.wires.is_empty() {
            return;
        }
        let at = at % self.wires.len();
        let wire = &mut self.wires[at];
        wire.to_server.clear();
        wire.to_client.clear();
        let (index, socket, id) = (wire.client_index, wire.socket, wire.id);
        let (tell_client, tell_server) = (!wire.client_end, !wire.server_end);
        self.wires.remove(at);
        if tell_client {
            self.client(index, ClientInput::SocketClosed { socket });
        }
        if tell_server {
            self.server(RoomsInput::Closed { client: id });
        }
    }

    fn send(&mut self, from: usize, to: usize) {
        self.envelope_count += 1;
        let to = self.clients[to].session_key();
        let bytes = self.envelope_count.to_le_bytes().to_vec();
        self.client(from, ClientInput::SendEnvelope { to, bytes });
    }

    fn leave(&mut self, index: usize) {
        self.told[index].left = true;
        self.client(index, ClientInput::Leave);
    }

    fn wait(&mut self, span: Span) {
        self.now = self.now.after(span);
        self.server(RoomsInput::Tick);
        (0..CLIENT_COUNT).for_each(|index| self.client(index, ClientInput::Tick));
    }

    /// Nothing breaks any more: everything on its way arrives, and time passes.
    fn heal(&mut self) {
        for _ in 0..400 {
            for _ in 0..40 {
                for at in 0..self.wires.len() {
                    self.carry(at, true);
                    self.carry(at, false);
                }
            }
            self.wait(Span::from_secs(1));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Carry(usize, bool),
    Cut(usize),
    Send(usize, usize),
    Leave(usize),
    Wake(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0..CLIENT_COUNT;
    prop_oneof![
        60 => (0..8_usize, any::<bool>()).prop_map(|(at, upward)| Step::Carry(at, upward)),
        4 => (0..8_usize).prop_map(Step::Cut),
        12 => (index.clone(), index.clone()).prop_map(|(from, to)| Step::Send(from, to)),
        1 => index.clone().prop_map(Step::Leave),
        4 => index.prop_map(Step::Wake),
        8 => (0..3_000_u64).prop_map(Step::Wait),
        1 => (0..140_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// whatever sockets do, once they hold every member knows exactly who is
    /// there, and no envelope arrives twice or out of order.
    #[test]
    fn members_agree_once_sockets_hold(steps in proptest::collection::vec(step(), 1..400)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Carry(at, upward) => world.carry(at, upward),
                Step::Cut(at) => world.cut(at),
                Step::Send(from, to) => world.send(from, to),
                Step::Leave(index) => world.leave(index),
                Step::Wake(index) => world.client(index, ClientInput::Wake),
                Step::Wait(ms) => world.wait(Span::from_ms(ms)),
            }
        }
        world.heal();
        for index in 0..CLIENT_COUNT {
            prop_assert!(!world.told[index].refused);
            for numbers in world.told[index].received.values() {
                prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
            }
            if world.told[index].left {
                continue;
            }
            prop_assert!(world.clients[index].is_online(), "client {}", index);
            let others = (0..CLIENT_COUNT).filter(|other| *other != index);
            let expected: BTreeMap<SessionKey, bool> = others
                .filter(|other| !world.told[*other].left)
                .map(|other| (world.clients[other].session_key(), true))
                .collect();
            let found = &world.told[index].members;
            prop_assert_eq!(found, &expected, "{}", format!("what client {index} knows"));
        }
    }
}
