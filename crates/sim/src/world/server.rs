//! The signalling server and the sockets to it.

use std::collections::BTreeMap;

use meshlace_core::id::SocketId;
use meshlace_core::node::Input;
use meshlace_core::rng::Seed;
use meshlace_core::signalling::message::ClientMessage;
use meshlace_core::signalling::room::{ClientId, Rooms, RoomsConfig, RoomsEffect, RoomsInput};

use crate::network::SERVER;

use super::{Event, HostId, HostState, World};

/// How the server fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It runs.
    Running,
    /// Its process is stopped; the kernel keeps its sockets.
    Stopped,
    /// It is gone; connecting is refused.
    Killed,
}

/// What a hostile server does to envelopes, each so many times out of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hostility {
    /// Not handed on.
    pub drop_permille: u64,
    /// Handed on twice.
    pub double_permille: u64,
    /// One bit is flipped.
    pub alter_permille: u64,
    /// Handed on later than those that follow.
    pub delay_permille: u64,
}

#[derive(Debug)]
pub(super) struct Socket {
    host: HostId,
    id: SocketId,
    client: ClientId,
    url_host: String,
    /// Which run of the server it belongs to.
    run: u32,
    is_open_at_host: bool,
    is_open_at_server: bool,
    to_server_us: u64,
    to_host_us: u64,
}

#[derive(Debug)]
pub(super) struct ServerHost {
    rooms: Rooms,
    state: ServerState,
    run: u32,
    sockets: Vec<Socket>,
    clients: BTreeMap<ClientId, usize>,
    timer_at_us: Option<u64>,
    backlog: Vec<RoomsInput>,
    pub(super) hostility: Hostility,
}

impl ServerHost {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            rooms: Rooms::new(RoomsConfig::default(), Seed(seed)),
            state: ServerState::Running,
            run: 0,
            sockets: Vec::new(),
            clients: BTreeMap::new(),
            timer_at_us: None,
            backlog: Vec::new(),
            hostility: Hostility::default(),
        }
    }
}

impl World {
    /// How the server fares.
    #[must_use]
    pub fn server_state(&self) -> ServerState {
        self.server.state
    }

    /// Makes the server hostile, or honest again.
    pub fn set_hostility(&mut self, hostility: Hostility) {
        self.server.hostility = hostility;
    }

    /// Kills the server: every socket closes, everything is forgotten.
    pub fn kill_server(&mut self) {
        self.note(format_args!("server killed"));
        self.server.state = ServerState::Killed;
        self.server.run += 1;
        self.server.clients.clear();
        self.server.backlog.clear();
        for socket in 0..self.server.sockets.len() {
            if std::mem::take(&mut self.server.sockets[socket].is_open_at_server) {
                self.close_towards_host(socket);
            }
        }
    }

    /// Starts the server anew.
    pub fn start_server(&mut self) {
        self.note(format_args!("server started"));
        let seed = self.chance.seed();
        self.server.rooms = Rooms::new(RoomsConfig::default(), Seed(seed));
        self.server.state = ServerState::Running;
        self.server.timer_at_us = None;
    }

    /// Stops the server's process.
    pub fn stop_server(&mut self) {
        self.note(format_args!("server stopped"));
        self.server.state = ServerState::Stopped;
    }

    /// Lets the server's process run on.
    pub fn continue_server(&mut self) {
        self.note(format_args!("server runs on"));
        self.server.state = ServerState::Running;
        for input in std::mem::take(&mut self.server.backlog) {
            self.feed_server(input);
        }
        self.feed_server(RoomsInput::Tick);
    }

    fn feed_server(&mut self, input: RoomsInput) {
        match self.server.state {
            ServerState::Killed => return,
            ServerState::Stopped => {
                self.server.backlog.push(input);
                return;
            }
            ServerState::Running => {}
        }
        let now = self.now(0);
        let _ = self.server.rooms.handle(now, input);
        while let Some(effect) = self.server.rooms.poll_effect() {
            match effect {
                RoomsEffect::Send { client, bytes } => {
                    if let Some(socket) = self.server.clients.get(&client).copied() {
                        self.send_to_host(socket, bytes);
                    }
                }
                RoomsEffect::Close { client, reason } => {
                    self.note(format_args!("server closes {client:?}: {reason:?}"));
                    if let Some(socket) = self.server.clients.remove(&client) {
                        self.server.sockets[socket].is_open_at_server = false;
                        self.close_towards_host(socket);
                    }
                }
                other => panic!("an effect this world does not know: {other:?}"),
            }
        }
        if let Some(at) = self.server.rooms.poll_timeout() {
            let at_us = (at.as_ms() * 1_000).max(self.now_us);
            if self.server.timer_at_us != Some(at_us) {
                self.server.timer_at_us = Some(at_us);
                self.schedule_at(at_us, Event::ServerTimer);
            }
        }
    }

    pub(super) fn on_server_timer(&mut self) {
        if self.server.timer_at_us == Some(self.now_us) {
            self.server.timer_at_us = None;
            self.feed_server(RoomsInput::Tick);
        }
    }

    fn delay_to_server(&mut self, host: HostId) -> u64 {
        let path = self.network.path(self.hosts[host].machine, SERVER);
        let mut delay = path.latency_us + self.chance.below(path.jitter_us + 1);
        if path.loss_permille > 0 && self.chance.permille(path.loss_permille) {
            delay += self.chance.between(200_000, 800_000); // TCP sends it again.
        }
        delay
    }

    pub(super) fn open_socket(&mut self, host: HostId, id: SocketId, url: &str) {
        let rest = url.split("://").nth(1).expect("a URL");
        let url_host = rest.split('/').next().expect("a host").to_string();
        let index = self.server.sockets.len();
        self.server.sockets.push(Socket {
            host,
            id,
            client: ClientId(index as u64),
            url_host,
            run: self.server.run,
            is_open_at_host: true,
            is_open_at_server: false,
            to_server_us: 0,
            to_host_us: 0,
        });
        self.hosts[host].sockets.insert(id, index);
        let delay = 2 * self.delay_to_server(host);
        self.note(format_args!("h{host} -> open {id:?}"));
        self.schedule(delay, Event::SocketArrives { socket: index });
    }

    pub(super) fn on_socket_arrives(&mut self, socket: usize) {
        let (host, client) = (self.server.sockets[socket].host, self.server.sockets[socket].client);
        if !self.server.sockets[socket].is_open_at_host {
            return;
        }
        if !self.network.carries_both(self.hosts[host].machine, SERVER) {
            // Nobody answers; the browser goes on trying for longer than anyone waits.
            self.schedule(500_000, Event::SocketArrives { socket });
            return;
        }
        if self.server.state == ServerState::Killed {
            self.close_towards_host(socket);
            return;
        }
        self.server.sockets[socket].run = self.server.run;
        self.server.sockets[socket].is_open_at_server = true;
        self.server.clients.insert(client, socket);
        let delay = self.delay_to_server(host);
        let at_us = self.now_us + delay;
        self.server.sockets[socket].to_host_us = at_us;
        self.schedule_at(at_us, Event::SocketOpened { socket });
        let url_host = self.server.sockets[socket].url_host.clone();
        self.feed_server(RoomsInput::Opened { client, host: url_host, address: None });
    }

    pub(super) fn on_socket_opened(&mut self, socket: usize) {
        let found = &self.server.sockets[socket];
        if found.is_open_at_host {
            let (host, input) = (found.host, Input::SocketOpened { socket: found.id });
            self.feed(host, input);
        }
    }

    pub(super) fn send_socket(&mut self, host: HostId, id: SocketId, bytes: Vec<u8>) {
        // A socket that closed without the core having heard of it yet takes nothing.
        let Some(socket) = self.hosts[host].sockets.get(&id).copied() else { return };
        self.server_message_count += 1;
        let delay = self.delay_to_server(host);
        let found = &mut self.server.sockets[socket];
        found.to_server_us = found.to_server_us.max(self.now_us + delay);
        let at_us = found.to_server_us;
        self.schedule_at(at_us, Event::ToServer { socket, bytes });
    }

    pub(super) fn on_to_server(&mut self, socket: usize, bytes: Vec<u8>) {
        let (host, client) = (self.server.sockets[socket].host, self.server.sockets[socket].client);
        if !self.server.sockets[socket].is_open_at_server {
            return;
        }
        if !self.network.carries_both(self.hosts[host].machine, SERVER) {
            self.schedule(300_000, Event::ToServer { socket, bytes });
            return;
        }
        for bytes in self.tamper(socket, bytes) {
            self.feed_server(RoomsInput::Received { client, bytes });
        }
    }

    /// What a hostile server makes of a message.
    fn tamper(&mut self, socket: usize, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        let hostility = self.server.hostility;
        let Ok(ClientMessage::Envelope { to, bytes: mut sealed }) = ClientMessage::decode(&bytes)
        else {
            return vec![bytes];
        };
        if self.chance.permille(hostility.drop_permille) {
            self.note(format_args!("server drops an envelope"));
            return Vec::new();
        }
        if self.chance.permille(hostility.delay_permille) {
            self.note(format_args!("server delays an envelope"));
            let delay = self.chance.between(10_000, 3_000_000);
            self.schedule(delay, Event::ToServer { socket, bytes });
            return Vec::new();
        }
        if self.chance.permille(hostility.alter_permille) && !sealed.is_empty() {
            self.note(format_args!("server alters an envelope"));
            let at = self.chance.below(sealed.len() as u64) as usize;
            sealed[at] ^= 1 << self.chance.below(8);
            return vec![ClientMessage::Envelope { to, bytes: sealed }.encode()];
        }
        if self.chance.permille(hostility.double_permille) {
            self.note(format_args!("server doubles an envelope"));
            return vec![bytes.clone(), bytes];
        }
        vec![bytes]
    }

    fn send_to_host(&mut self, socket: usize, bytes: Vec<u8>) {
        let host = self.server.sockets[socket].host;
        let delay = self.delay_to_server(host);
        let found = &mut self.server.sockets[socket];
        found.to_host_us = found.to_host_us.max(self.now_us + delay);
        let at_us = found.to_host_us;
        self.schedule_at(at_us, Event::ToHost { socket, bytes });
    }

    pub(super) fn on_to_host(&mut self, socket: usize, bytes: Vec<u8>) {
        let found = &self.server.sockets[socket];
        if !found.is_open_at_host {
            return;
        }
        let (host, id) = (found.host, found.id);
        if !self.network.carries_both(self.hosts[host].machine, SERVER) {
            self.schedule(300_000, Event::ToHost { socket, bytes });
            return;
        }
        self.feed(host, Input::SocketReceived { socket: id, bytes });
    }

    fn close_towards_host(&mut self, socket: usize) {
        let host = self.server.sockets[socket].host;
        let delay = self.delay_to_server(host);
        let at_us = self.server.sockets[socket].to_host_us.max(self.now_us + delay);
        self.schedule_at(at_us, Event::ClosedAtHost { socket });
    }

    pub(super) fn on_closed_at_host(&mut self, socket: usize) {
        let found = &mut self.server.sockets[socket];
        if !found.is_open_at_host {
            return;
        }
        let (host, id) = (found.host, found.id);
        if !self.network.carries_both(self.hosts[host].machine, SERVER) {
            self.schedule(300_000, Event::ClosedAtHost { socket });
            return;
        }
        self.server.sockets[socket].is_open_at_host = false;
        self.hosts[host].sockets.remove(&id);
        self.feed(host, Input::SocketClosed { socket: id });
    }

    pub(super) fn close_socket(&mut self, host: HostId, id: SocketId) {
        let Some(socket) = self.hosts[host].sockets.remove(&id) else { return };
        self.server.sockets[socket].is_open_at_host = false;
        let delay = self.delay_to_server(host);
        let at_us = self.server.sockets[socket].to_server_us.max(self.now_us + delay);
        self.schedule_at(at_us, Event::ClosedAtServer { socket });
    }

    pub(super) fn on_closed_at_server(&mut self, socket: usize) {
        let (host, client) = (self.server.sockets[socket].host, self.server.sockets[socket].client);
        if !self.network.carries_both(self.hosts[host].machine, SERVER) {
            self.schedule(300_000, Event::ClosedAtServer { socket });
            return;
        }
        if std::mem::take(&mut self.server.sockets[socket].is_open_at_server) {
            self.server.clients.remove(&client);
            self.feed_server(RoomsInput::Closed { client });
        }
    }

    /// The kernel closes every socket of a process that is gone.
    pub(super) fn close_sockets_of(&mut self, host: HostId) {
        let ids: Vec<SocketId> = self.hosts[host].sockets.keys().copied().collect();
        for id in ids {
            self.close_socket(host, id);
        }
        debug_assert_eq!(self.hosts[host].state, HostState::Dead);
    }
}
