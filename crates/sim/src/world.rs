//! The world: hosts, server, connections and time.

use std::collections::{BTreeMap, VecDeque};

use meshlace_core::id::{ConnectionId, PeerId, SocketId, StreamKey, Ticket};
use meshlace_core::limits::ROOM_MEMBER_COUNT_MAX;
use meshlace_core::node::{Content, Input, Node, NodeConfig, Notice, Recipient};
use meshlace_core::rng::Seed;
use meshlace_core::time::{Now, Span, Timestamp, WallTime};

use crate::chance::Chance;
use crate::checker::{Checker, Fate, Label};
use crate::connection::Connection;
use crate::disk::Disk;
use crate::journal::{Journal, Keep};
use crate::network::Network;

mod driver;
mod faults;
mod ledger;
mod malice;
mod server;
mod webrtc;

pub use malice::Malice;
pub use server::{Hostility, ServerState};

use server::ServerHost;

/// A host of the world, by number.
pub type HostId = usize;

/// How a host fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// It runs.
    Running,
    /// A frozen tab: no script runs, the browser's network stack does.
    Frozen,
    /// A stopped process: nothing runs, the kernel keeps its sockets.
    Stopped,
    /// Gone for good.
    Dead,
}

/// What a world begins with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// How much of the journal to keep.
    pub keep: Keep,
    /// Most that a browser operation takes. Units: microseconds.
    pub operation_us_max: u64,
    /// Whether the checker looks at labelled messages.
    pub room: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            keep: Keep::Last(4_000),
            operation_us_max: 5_000,
            room: "wss://mesh.example/#AAECAwQFBgcICQoLDA0ODw.EBESExQVFhcYGRobHB0eHw",
        }
    }
}

/// One page or process: a driver and its node.
#[derive(Debug)]
pub struct Host {
    /// How it fares.
    pub state: HostState,
    /// Its node's name.
    pub peer: PeerId,
    /// On which machine it runs.
    pub machine: usize,
    /// The seed of its name, if it was given one.
    pub identity: Option<[u8; 32]>,
    /// What its application heard, and when (ms).
    pub notices: Vec<(u64, Notice)>,
    /// Whether requests are answered at once with what they carried.
    pub answers: bool,
    /// So many bytes of codecs nobody asked for stand in each of its descriptions.
    pub sdp_padding_bytes: usize,
    /// What is stored of its ledger.
    pub disk: Disk,
    /// What it does to what its node says, if it is hostile.
    malice: Option<Malice>,
    /// A background tab's timers fire only at multiples of this. Units: microseconds.
    pub timer_grain_us: u64,
    node: Node,
    backlog: VecDeque<Input>,
    timer_at_us: Option<u64>,
    /// Inputs were fed of which the effects are not asked for yet.
    is_drain_due: bool,
    spin_count: u32,
    connections: BTreeMap<ConnectionId, usize>,
    sockets: BTreeMap<SocketId, usize>,
    streams: BTreeMap<StreamKey, String>,
    last_ticket: Ticket,
    last_label: u64,
    input_count: u64,
    wall_offset_ms: u64,
}

enum Event {
    Timer { host: HostId },
    Drain { host: HostId },
    Input { host: HostId, input: Input },
    Operation { connection: usize },
    NegotiationTask { connection: usize },
    Candidate { connection: usize, fragment: String, kind: &'static str },
    GatheringDone { connection: usize },
    IceProbe { connection: usize, generation: u32 },
    IceUp { connection: usize, generation: u32, partner: usize },
    DtlsUp { connection: usize },
    ChannelOpen { connection: usize, channel: usize },
    Consent { connection: usize },
    Transmitted { connection: usize, channel: usize },
    Arrival { connection: usize, channel: usize, from: usize, bytes: Vec<u8> },
    PartnerClosed { connection: usize },
    SocketArrives { socket: usize },
    SocketOpened { socket: usize },
    ToServer { socket: usize, bytes: Vec<u8> },
    ToHost { socket: usize, bytes: Vec<u8> },
    ClosedAtServer { socket: usize },
    ClosedAtHost { socket: usize },
    Stored { host: HostId },
    ServerTimer,
    Script(Box<dyn FnOnce(&mut World)>),
}

/// Hosts, server, connections and time.
pub struct World {
    /// All chance.
    pub chance: Chance,
    /// All paths.
    pub network: Network,
    /// Every promise.
    pub checker: Checker,
    /// What happened.
    pub journal: Journal,
    setup: Setup,
    now_us: u64,
    events: BTreeMap<(u64, u64), Event>,
    event_count: u64,
    hosts: Vec<Host>,
    connections: Vec<Connection>,
    fragments: BTreeMap<String, usize>,
    server: ServerHost,
    machine_count: usize,
    /// Frames handed to channels since the start.
    pub frame_count: u64,
    /// Messages handed to the server since the start.
    pub server_message_count: u64,
}

impl World {
    /// An empty world with a running server.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Setup::default())
    }

    /// An empty world, otherwise set up.
    #[must_use]
    pub fn with(seed: u64, setup: Setup) -> Self {
        let mut chance = Chance::new(seed);
        let server = ServerHost::new(chance.seed());
        Self {
            chance,
            network: Network::default(),
            checker: Checker::default(),
            journal: Journal::new(setup.keep),
            setup,
            now_us: 1_000_000,
            events: BTreeMap::new(),
            event_count: 0,
            hosts: Vec::new(),
            connections: Vec::new(),
            fragments: BTreeMap::new(),
            server,
            machine_count: 0,
            frame_count: 0,
            server_message_count: 0,
        }
    }

    /// Virtual time. Units: milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_us / 1_000
    }

    /// A host.
    #[must_use]
    pub fn host(&self, host: HostId) -> &Host {
        &self.hosts[host]
    }

    /// A host, to change how it behaves.
    pub fn host_mut(&mut self, host: HostId) -> &mut Host {
        &mut self.hosts[host]
    }

    /// How many hosts there ever were.
    #[must_use]
    pub fn host_count(&self) -> usize {
        self.hosts.len()
    }

    /// The name of a host's node.
    #[must_use]
    pub fn peer(&self, host: HostId) -> PeerId {
        self.hosts[host].peer
    }

    /// A new page on a machine of its own, which has not joined yet.
    pub fn add(&mut self) -> HostId {
        self.machine_count += 1;
        let machine = self.machine_count;
        let identity = self.chance.seed();
        self.add_with(machine, Some(identity), |_| {})
    }

    /// A new page on a given machine, with a given identity and configuration.
    pub fn add_with(
        &mut self,
        machine: usize,
        identity: Option<[u8; 32]>,
        change: impl FnOnce(&mut NodeConfig),
    ) -> HostId {
        let mut config = NodeConfig {
            address: self.setup.room.to_string(),
            server: None,
            identity: identity.map(Seed),
            ice_servers: None,
            relay_only: false,
            timeout: None,
        };
        change(&mut config);
        let seed = Seed(self.chance.seed());
        let host = self.hosts.len();
        let node = Node::new(config, seed, self.now(0)).expect("a valid configuration");
        let peer = node.self_id();
        self.hosts.push(Host {
            state: HostState::Running,
            peer,
            machine,
            identity,
            notices: Vec::new(),
            answers: true,
            sdp_padding_bytes: 0,
            disk: Disk::default(),
            malice: None,
            timer_grain_us: 1,
            node,
            backlog: VecDeque::new(),
            timer_at_us: None,
            is_drain_due: false,
            spin_count: 0,
            connections: BTreeMap::new(),
            sockets: BTreeMap::new(),
            streams: BTreeMap::new(),
            last_ticket: Ticket(0),
            last_label: 0,
            input_count: 0,
            wall_offset_ms: 0,
        });
        self.checker.host(host, peer);
        self.note(format_args!("host {host} is {peer}"));
        host
    }

    /// A new page that joins at once.
    pub fn join(&mut self) -> HostId {
        let host = self.add();
        self.start(host);
        host
    }

    /// A page joins.
    pub fn start(&mut self, host: HostId) {
        self.feed(host, Input::Start);
    }

    /// `count` pages, all linked.
    ///
    /// # Panics
    /// When they are not linked within 20 s.
    pub fn mesh(&mut self, count: usize) -> Vec<HostId> {
        let hosts: Vec<HostId> = (0..count).map(|_| self.join()).collect();
        self.until(20_000, "everyone is linked", |world| world.all_linked(&hosts));
        hosts
    }

    /// Sends a labelled message of `size` bytes to all or to one host.
    pub fn send(&mut self, from: HostId, to: Option<HostId>, size: usize) -> (Ticket, Label) {
        self.send_many(from, to, &[size]).pop().expect("one")
    }

    /// Sends several labelled messages in one turn.
    pub fn send_many(
        &mut self,
        from: HostId,
        to: Option<HostId>,
        sizes: &[usize],
    ) -> Vec<(Ticket, Label)> {
        let recipient = to.map_or(Recipient::All, |to| Recipient::One(self.hosts[to].peer));
        let mut calls = Vec::new();
        let mut inputs = Vec::new();
        for size in sizes {
            let ticket = self.next_ticket(from);
            let host = &mut self.hosts[from];
            host.last_label += 1;
            let label = Label { host: from, number: host.last_label };
            self.checker.sent(from, ticket, label);
            let (content, payload) = (Content::Bytes, label.payload(*size));
            inputs.push(Input::Send { ticket, to: recipient, content, payload });
            calls.push((ticket, label));
        }
        self.turn(from, inputs);
        calls
    }

    /// A fresh ticket for a call of a host's application.
    pub fn next_ticket(&mut self, host: HostId) -> Ticket {
        let host = &mut self.hosts[host];
        host.last_ticket = host.last_ticket.next();
        host.last_ticket
    }

    /// What became of a call.
    #[must_use]
    pub fn fate(&self, host: HostId, ticket: Ticket) -> Fate {
        self.checker.fate(host, ticket).cloned().expect("a call of this host")
    }

    /// Whether every recipient of a call has it.
    #[must_use]
    pub fn is_delivered(&self, host: HostId, ticket: Ticket) -> bool {
        matches!(self.fate(host, ticket), Fate::Settled { failed, delivered }
            if failed.is_empty() && !delivered.is_empty())
    }

    /// Whether a call is settled, however.
    #[must_use]
    pub fn is_settled(&self, host: HostId, ticket: Ticket) -> bool {
        self.fate(host, ticket) != Fate::Pending
    }

    /// Runs for a while.
    pub fn run(&mut self, ms: u64) {
        let end = self.now_us + ms * 1_000;
        while self.step(end) {}
        self.now_us = end;
    }

    /// Runs until something holds. Returns how long it took, in ms.
    ///
    /// # Panics
    /// When it does not hold within `ms`, with the end of the journal.
    pub fn until(&mut self, ms: u64, what: &str, holds: impl Fn(&Self) -> bool) -> u64 {
        let begin = self.now_us;
        let end = begin + ms * 1_000;
        while !holds(self) {
            if !self.step(end) {
                panic!("not within {ms} ms: {what}\n{}", self.account());
            }
        }
        (self.now_us - begin) / 1_000
    }

    /// Runs until something holds or the time is over. Whether it holds.
    pub fn wait(&mut self, ms: u64, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.now_us + ms * 1_000;
        while !holds(self) {
            if !self.step(end) {
                self.now_us = end;
                return false;
            }
        }
        true
    }

    /// Does something later.
    pub fn later(&mut self, ms: u64, script: impl FnOnce(&mut Self) + 'static) {
        self.schedule(ms * 1_000, Event::Script(Box::new(script)));
    }

    /// Whether all these hosts see one another as open.
    #[must_use]
    pub fn all_linked(&self, hosts: &[HostId]) -> bool {
        hosts.iter().all(|one| hosts.iter().all(|other| one == other || self.sees(*one, *other)))
    }

    /// Whether a host's application was last told that another's link is open.
    #[must_use]
    pub fn sees(&self, host: HostId, other: HostId) -> bool {
        use meshlace_core::node::PeerState;
        let peer = self.hosts[other].peer;
        for (_, notice) in self.hosts[host].notices.iter().rev() {
            match notice {
                Notice::PeerState { peer: found, state } if *found == peer => {
                    return *state == PeerState::Open;
                }
                Notice::PeerLeft { peer: found, .. } if *found == peer => return false,
                _ => {}
            }
        }
        false
    }

    /// When a host heard a notice that fits, in ms; the first one not before `since`.
    #[must_use]
    pub fn heard(&self, host: HostId, since: u64, fits: impl Fn(&Notice) -> bool) -> Option<u64> {
        let mut notices = self.hosts[host].notices.iter();
        notices.find(|(at, notice)| *at >= since && fits(notice)).map(|(at, _)| *at)
    }

    /// Connections a host has not closed.
    #[must_use]
    pub fn open_connection_count(&self, host: HostId) -> usize {
        self.connections.iter().filter(|c| c.host == host && !c.is_closed).count()
    }

    /// Fails if a promise was broken.
    ///
    /// # Panics
    /// With the violations and the end of the journal.
    pub fn assert_kept(&self) {
        assert!(self.checker.violations().is_empty(), "{}", self.account());
    }

    /// The violations and the end of the journal.
    #[must_use]
    pub fn account(&self) -> String {
        let violations = self.checker.violations().join("\n");
        let mut links = String::new();
        for (one, host) in self.hosts.iter().enumerate() {
            let open: Vec<usize> =
                (0..self.hosts.len()).filter(|other| self.sees(one, *other)).collect();
            links.push_str(&format!("h{one} {} {:?} sees {open:?}\n", host.peer, host.state));
        }
        let pending = self.checker.pending();
        let line_count = std::env::var("MESHLACE_JOURNAL_LINES").ok();
        let line_count = line_count.and_then(|text| text.parse().ok()).unwrap_or(160);
        format!(
            "{}\n-- links:\n{links}-- pending: {pending:?}\n-- violations:\n{violations}",
            self.journal.tail(line_count)
        )
    }

    /// Inputs a host's node has taken so far.
    #[must_use]
    pub fn input_count(&self, host: HostId) -> u64 {
        self.hosts[host].input_count
    }

    fn now(&self, wall_offset_ms: u64) -> Now {
        let ms = self.now_us / 1_000;
        Now {
            monotonic: Timestamp::from_ms(ms),
            wall: WallTime::from_ms(1_750_000_000_000 + ms + wall_offset_ms),
        }
    }

    fn note(&mut self, line: std::fmt::Arguments<'_>) {
        self.journal.write(self.now_us, line);
    }

    fn schedule(&mut self, delay_us: u64, event: Event) {
        self.schedule_at(self.now_us + delay_us, event);
    }

    fn schedule_at(&mut self, at_us: u64, event: Event) {
        self.event_count += 1;
        self.events.insert((at_us.max(self.now_us), self.event_count), event);
    }

    /// Takes the next event up to `end`. Whether there was one.
    fn step(&mut self, end_us: u64) -> bool {
        let Some((&(at_us, number), _)) = self.events.first_key_value() else { return false };
        if at_us > end_us {
            return false;
        }
        let event = self.events.remove(&(at_us, number)).expect("it is the first");
        self.now_us = at_us;
        self.take(event);
        true
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Timer { host } => self.on_timer(host),
            Event::Drain { host } => self.on_drain(host),
            Event::Input { host, input } => self.feed(host, input),
            Event::Operation { connection } => self.on_operation(connection),
            Event::NegotiationTask { connection } => self.on_negotiation_task(connection),
            Event::Candidate { connection, fragment, kind } => {
                self.on_gathered(connection, &fragment, kind);
            }
            Event::GatheringDone { connection } => self.on_gathering_done(connection),
            Event::IceProbe { connection, generation } => self.on_probe(connection, generation),
            Event::IceUp { connection, generation, partner } => {
                self.on_ice_up(connection, generation, partner);
            }
            Event::DtlsUp { connection } => self.on_dtls(connection),
            Event::ChannelOpen { connection, channel } => self.on_open(connection, channel),
            Event::Consent { connection } => self.on_consent(connection),
            Event::Transmitted { connection, channel } => self.on_transmitted(connection, channel),
            Event::Arrival { connection, channel, from, bytes } => {
                self.on_arrival(connection, channel, from, bytes);
            }
            Event::PartnerClosed { connection } => self.on_partner_closed(connection),
            Event::SocketArrives { socket } => self.on_socket_arrives(socket),
            Event::SocketOpened { socket } => self.on_socket_opened(socket),
            Event::ToServer { socket, bytes } => self.on_to_server(socket, bytes),
            Event::ToHost { socket, bytes } => self.on_to_host(socket, bytes),
            Event::ClosedAtServer { socket } => self.on_closed_at_server(socket),
            Event::ClosedAtHost { socket } => self.on_closed_at_host(socket),
            Event::Stored { host } => self.on_stored(host),
            Event::ServerTimer => self.on_server_timer(),
            Event::Script(script) => script(self),
        }
    }
}

/// Most connections one host may have open: one per peer it can know.
pub const CONNECTION_COUNT_MAX: usize = ROOM_MEMBER_COUNT_MAX;

/// A page that waits this long for admission outlasts every storm.
pub const PATIENCE: Span = Span::from_secs(3_600);
