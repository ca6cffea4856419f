//! Two links on virtual time, between them a path and a server that do what a test says.

use std::collections::VecDeque;

use meshlace_core::crypto::{Context, Signing};
use meshlace_core::error::{Delivery, ErrorCode};
use meshlace_core::id::{ConnectionId, Fingerprint, Instance, LinkSession, RoomId, Ticket};
use meshlace_core::link::frame::Frame;
use meshlace_core::link::{
    Body, Channel, ConnectionState, Description, DescriptionKind, IceStage, IceState, Link,
    LinkConfig, LinkEffect, LinkFault, LinkInput, LinkNotice, LinkOutcome, LinkState, MessageKey,
};
use meshlace_core::rng::Seed;
use meshlace_core::time::{Span, Timestamp};

/// The polite side is 0: its peer id is the smaller one.
pub(crate) struct Pair {
    pub(crate) now: Timestamp,
    pub(crate) sides: [Side; 2],
    /// Whether the direct path carries.
    pub(crate) path: bool,
    /// Whether frames of a side are lost on the way, while ICE notices nothing.
    pub(crate) cut: [bool; 2],
    /// How many lossy frames are still lost.
    pub(crate) lossy_losses: usize,
    /// Whether the browser of a side opens its channels.
    pub(crate) opens: [bool; 2],
    /// How many frames went out on channels that the other side had not made.
    pub(crate) unheard: usize,
    /// How many bytes longer than needed all descriptions are.
    pub(crate) sdp_padding_bytes: usize,
    /// How long a first description waits for candidates.
    pub(crate) patience: Span,
    /// Whether the browsers still carry out what they are asked.
    pub(crate) stuck: bool,
    /// Whether the server carries signals.
    pub(crate) server: bool,
    /// Whether the node's pool has room for what is asked of it.
    pub(crate) pool: bool,
    /// What side 0 signs in the place of its hello's body.
    pub(crate) bend_hello: Option<Box<Bend>>,
    /// The side whose application answers each message with the same, at once.
    pub(crate) echoes: Option<usize>,
    key: Signing,
    events: VecDeque<(usize, LinkInput)>,
}

type Bend = dyn Fn(&[u8]) -> Vec<u8>;

/// One side: its link, its browser and what the two said.
pub(crate) struct Side {
    pub(crate) link: Link,
    pub(crate) browser: Option<Browser>,
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) lossy: Vec<Vec<u8>>,
    pub(crate) settled: Vec<(MessageKey, Result<(), (ErrorCode, Delivery)>)>,
    pub(crate) closed: Vec<ErrorCode>,
    pub(crate) faults: Vec<LinkFault>,
    pub(crate) frames: Vec<(Channel, Vec<u8>)>,
    pub(crate) signals: Vec<Vec<u8>>,
    pub(crate) created: Vec<(Timestamp, IceStage)>,
    /// Channels that the present connection was asked for.
    pub(crate) opened: Vec<Channel>,
    pub(crate) restarts: Vec<(Timestamp, IceStage)>,
    pub(crate) fingerprint: u8,
    pub(crate) pool_bytes: Vec<usize>,
    last_key: u64,
}

/// The state of one `RTCPeerConnection`.
pub(crate) struct Browser {
    pub(crate) id: ConnectionId,
    remote: Option<ConnectionId>,
    has_offer_of: Option<Whose>,
    is_connected: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let mut keys = [Signing::from_seed(&[1; 32]), Signing::from_seed(&[2; 32])];
        keys.sort_by_key(Signing::peer);
        let instances = [Instance::from_bytes([1; 16]), Instance::from_bytes([2; 16])];
        let now = Timestamp::from_ms(1_000_000);
        let side = |ours: usize| {
            let theirs = 1 - ours;
            let config = LinkConfig {
                room: RoomId::from_bytes([7; 32]),
                key: keys[ours].clone(),
                instance: instances[ours],
                peer: keys[theirs].peer(),
                peer_instance: instances[theirs],
                session: LinkSession::from_bytes([8; 16]),
                slot: 1,
                seed: Seed([u8::try_from(ours).unwrap_or(0); 32]),
                stage: IceStage::Direct,
                has_relay: false,
            };
            Side::new(Link::new(config, now), [0xaa, 0xbb][ours])
        };
        let sides = [side(0), side(1)];
        let [key, _] = keys;
        Self {
            now,
            sides,
            path: true,
            cut: [false; 2],
            lossy_losses: 0,
            opens: [true; 2],
            unheard: 0,
            sdp_padding_bytes: 0,
            patience: Span::ZERO,
            stuck: false,
            server: true,
            pool: true,
            bend_hello: None,
            echoes: None,
            key,
            events: VecDeque::new(),
        }
    }

    /// A pair whose link is open.
    pub(crate) fn open() -> Self {
        let mut pair = Self::new();
        pair.input(0, LinkInput::Connect { offer: true });
        pair.input(1, LinkInput::Connect { offer: false });
        assert_eq!(pair.states(), [LinkState::Open, LinkState::Open]);
        pair
    }

    pub(crate) fn states(&self) -> [LinkState; 2] {
        [self.sides[0].link.state(), self.sides[1].link.state()]
    }

    /// Feeds one input and everything that follows from it at this moment.
    pub(crate) fn input(&mut self, side: usize, input: LinkInput) {
        self.feed(side, input);
        self.pump();
    }

    /// Queues a message; it goes out with the next input.
    pub(crate) fn send(&mut self, side: usize, body: &[u8]) -> MessageKey {
        let one = &mut self.sides[side];
        one.last_key += 1;
        let key = MessageKey(one.last_key);
        self.input(side, LinkInput::Send(key, Body::new(body.to_vec())));
        key
    }

    /// Hands bytes to a side as if they came from the other on its present connection.
    pub(crate) fn forge(&mut self, to: usize, channel: Channel, bytes: Vec<u8>) {
        let id = self.sides[to].browser.as_ref().expect("a connection").id;
        self.input(to, LinkInput::FrameReceived(id, channel, bytes));
    }

    /// Lets time pass, with every timer that falls due.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = Timestamp::from_ms(self.now.as_ms() + ms);
        let mut rounds = 0;
        loop {
            let due = self.sides.iter().filter_map(|side| side.link.poll_timeout()).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            rounds += 1;
            assert!(rounds < 100_000, "a deadline that nothing acts on");
            self.now = self.now.max(due);
            for side in 0..2 {
                self.feed(side, LinkInput::Tick);
            }
            self.pump();
        }
        self.now = end;
    }

    /// The server is lost, or back.
    pub(crate) fn set_server(&mut self, server: bool) {
        self.server = server;
        for side in (0..2).filter(|_| server) {
            self.input(side, LinkInput::ServerBack);
        }
    }

    /// ICE says that the path is broken, or whole again, and it is.
    pub(crate) fn set_path(&mut self, path: bool) {
        self.path = path;
        let (ice, state) = if path {
            (IceState::Connected, ConnectionState::Connected)
        } else {
            (IceState::Disconnected, ConnectionState::Disconnected)
        };
        for side in 0..2 {
            if let Some(browser) = self.sides[side].browser.as_ref().filter(|it| it.is_connected) {
                let id = browser.id;
                self.input(side, LinkInput::TransportChanged(id, ice, state));
            }
        }
    }

    /// What the browser of a side says of its channel's buffer.
    pub(crate) fn buffered(&mut self, side: usize, channel: Channel, bytes: usize) {
        let id = self.sides[side].browser.as_ref().expect("a connection").id;
        self.input(side, LinkInput::Buffered(id, channel, bytes));
    }

    /// `negotiationneeded` fires.
    pub(crate) fn need_negotiation(&mut self, side: usize) {
        let id = self.sides[side].browser.as_ref().expect("a connection").id;
        self.input(side, LinkInput::NegotiationNeeded(id));
    }

    /// The frames a side sent so far, decoded by `pick`.
    pub(crate) fn sent<T>(&self, side: usize, pick: impl Fn(&Frame<'_>) -> Option<T>) -> Vec<T> {
        let frames = self.sides[side].frames.iter();
        frames
            .filter_map(|(channel, bytes)| pick(&Frame::decode(*channel, bytes).expect("a frame")))
            .collect()
    }

    /// Feeds one input and leaves what follows for later.
    pub(crate) fn feed(&mut self, side: usize, input: LinkInput) {
        if let LinkOutcome::Fault(fault) = self.sides[side].link.handle(self.now, input) {
            self.sides[side].faults.push(fault);
        }
    }

    fn pump(&mut self) {
        loop {
            let mut quiet = true;
            for side in 0..2 {
                while let Some(effect) = self.sides[side].link.poll_effect() {
                    self.perform(side, effect);
                    quiet = false;
                }
            }
            match self.events.pop_front() {
                Some((side, input)) => self.feed(side, input),
                None if quiet && !self.end_turn() => return,
                None => {}
            }
        }
    }

    /// What is due already waited for an answer, which is given by now. Whether there was such.
    fn end_turn(&mut self) -> bool {
        let is_due =
            |side: &usize| self.sides[*side].link.poll_timeout().is_some_and(|at| at <= self.now);
        let due: Vec<usize> = (0..2).filter(is_due).collect();
        for side in &due {
            self.feed(*side, LinkInput::Tick);
        }
        !due.is_empty()
    }

    fn perform(&mut self, side: usize, effect: LinkEffect) {
        let now = self.now;
        let one = &mut self.sides[side];
        match effect {
            LinkEffect::Create(id, stage) => {
                one.opened.clear();
                one.created.push((now, stage));
                one.browser =
                    Some(Browser { id, remote: None, has_offer_of: None, is_connected: false });
            }
            LinkEffect::Describe(..) | LinkEffect::Apply(..) if self.stuck => {}
            LinkEffect::Describe(id, ticket) => self.describe(side, id, ticket),
            LinkEffect::Apply(id, ticket, description) => {
                self.apply(side, id, ticket, &description);
            }
            LinkEffect::AddCandidate(..) => {}
            LinkEffect::RestartIce(id, stage) => {
                one.restarts.push((now, stage));
                self.events.push_back((side, LinkInput::NegotiationNeeded(id)));
            }
            LinkEffect::OpenChannel(id, channel) => {
                one.opened.push(channel);
                if self.opens[side] {
                    self.events.push_back((side, LinkInput::ChannelOpened(id, channel)));
                }
            }
            LinkEffect::Frame(_, channel, mut bytes) => {
                one.frames.push((channel, bytes.clone()));
                if let (0, Some(bend)) = (side, &self.bend_hello)
                    && let Ok(Frame::Hello { body, .. }) = Frame::decode(channel, &bytes)
                {
                    let body = bend(body);
                    let signature = self.key.sign(Context::HELLO, &body);
                    bytes = Frame::Hello { body: &body, signature }.encode();
                }
                let other = &self.sides[1 - side].opened;
                if channel != Channel::Control && !other.contains(&channel) {
                    self.unheard += 1; // As browsers do: it has no such channel yet.
                }
                let is_lost = channel == Channel::Lossy && self.lossy_losses > 0;
                self.lossy_losses -= usize::from(is_lost);
                if self.path && !self.cut[side] && !is_lost && self.are_connected() {
                    let id = self.sides[1 - side].browser.as_ref().expect("connected").id;
                    let input = LinkInput::FrameReceived(id, channel, bytes);
                    self.events.push_back((1 - side, input));
                }
                let id = self.sides[side].browser.as_ref().expect("a connection").id;
                self.events.push_back((side, LinkInput::Buffered(id, channel, 0)));
            }
            LinkEffect::CloseConnection(_) => self.close(side),
            LinkEffect::Signal(signal) => {
                one.signals.push(signal.body.clone());
                // As the node does, a side that met a fault is deaf to the other for a while.
                if self.server && self.sides[1 - side].faults.is_empty() {
                    self.events.push_back((1 - side, LinkInput::Signal(signal)));
                }
            }
            LinkEffect::WantPool(bytes) => {
                one.pool_bytes.push(bytes);
                if self.pool {
                    self.events.push_back((side, LinkInput::PoolGranted));
                }
            }
            LinkEffect::Notice(notice) => match notice {
                LinkNotice::Message(body) => {
                    if self.echoes == Some(side) {
                        one.last_key += 1;
                        let echo =
                            LinkInput::Send(MessageKey(one.last_key), Body::new(body.clone()));
                        self.events.push_back((side, echo));
                    }
                    one.messages.push(body);
                }
                LinkNotice::Lossy(body) => one.lossy.push(body),
                LinkNotice::Settled(key, result) => one.settled.push((key, result)),
                LinkNotice::Closed(code) => one.closed.push(code),
                LinkNotice::State(_)
                | LinkNotice::Ready
                | LinkNotice::Opened(_)
                | LinkNotice::Away(_) => {}
            },
        }
    }

    fn describe(&mut self, side: usize, id: ConnectionId, ticket: Ticket) {
        let one = &mut self.sides[side];
        let browser = one.browser.as_mut().expect("a connection");
        let answers = browser.has_offer_of == Some(Whose::Theirs);
        browser.has_offer_of = (!answers).then_some(Whose::Ours);
        let kind = if answers { DescriptionKind::Answer } else { DescriptionKind::Offer };
        // The fingerprint stands behind the padding, so that it is only found in the whole.
        let padding = "a=x:\u{e9}\r\n".repeat(self.sdp_padding_bytes / 8);
        let line = sdp(id, one.fingerprint);
        let (first, others) = line.split_once("\r\n").expect("lines");
        let description = Description { kind, sdp: format!("{first}\r\n{padding}{others}") };
        self.events.push_back((side, LinkInput::Described(id, ticket, description, self.patience)));
        self.connect();
    }

    fn apply(&mut self, side: usize, id: ConnectionId, ticket: Ticket, remote: &Description) {
        let browser = self.sides[side].browser.as_mut().expect("a connection");
        let is_offer = remote.kind == DescriptionKind::Offer;
        browser.has_offer_of = is_offer.then_some(Whose::Theirs);
        let number = remote.sdp.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        browser.remote = number.map(ConnectionId);
        self.events.push_back((side, LinkInput::Applied(id, ticket)));
        self.connect();
    }

    fn are_connected(&self) -> bool {
        let [Some(a), Some(b)] = [&self.sides[0].browser, &self.sides[1].browser] else {
            return false;
        };
        a.is_connected && b.is_connected && a.remote == Some(b.id) && b.remote == Some(a.id)
    }

    /// Once both sides have answered one another and the path carries, both are connected.
    fn connect(&mut self) {
        let [Some(a), Some(b)] = [&self.sides[0].browser, &self.sides[1].browser] else { return };
        let settled = a.has_offer_of.is_none() && b.has_offer_of.is_none();
        if !settled || a.remote != Some(b.id) || b.remote != Some(a.id) || !self.path {
            return;
        }
        for (side, one) in self.sides.iter_mut().enumerate() {
            let browser = one.browser.as_mut().expect("both are here");
            let (id, was_connected) = (browser.id, browser.is_connected);
            browser.is_connected = true;
            let (ice, state) = (IceState::Connected, ConnectionState::Connected);
            self.events.push_back((side, LinkInput::TransportChanged(id, ice, state)));
            if !was_connected && self.opens[side] {
                self.events.push_back((side, LinkInput::ChannelOpened(id, Channel::Control)));
            }
        }
    }

    fn close(&mut self, side: usize) {
        let carried = self.path && self.are_connected();
        self.sides[side].browser = None;
        if carried && let Some(other) = &self.sides[1 - side].browser {
            let id = other.id;
            self.events.push_back((1 - side, LinkInput::ChannelClosed(id, Channel::Control)));
        }
    }
}

impl Side {
    fn new(link: Link, fingerprint: u8) -> Self {
        Self {
            link,
            browser: None,
            messages: Vec::new(),
            lossy: Vec::new(),
            settled: Vec::new(),
            closed: Vec::new(),
            faults: Vec::new(),
            frames: Vec::new(),
            signals: Vec::new(),
            created: Vec::new(),
            opened: Vec::new(),
            restarts: Vec::new(),
            fingerprint,
            pool_bytes: Vec::new(),
            last_key: 0,
        }
    }
}

/// The little of a session description that links read, and which connection it is of.
pub(crate) fn sdp(id: ConnectionId, fingerprint: u8) -> String {
    let hex = vec![format!("{fingerprint:02X}"); Fingerprint::BYTES].join(":");
    format!(
        "o= {} \r\nm=application 9\r\na=fingerprint:sha-256 {hex}\r\na=max-message-size:262144\r\n",
        id.0
    )
}
