//! The node: one peer in one room.
//!
//! It routes between the machines that decide - the server's [`crate::signalling::client::Client`]
//! and one [`crate::link::Link`] for each peer - and adds what belongs to the room as a whole: who
//! is here, which call waits for which acknowledgement, requests, presence, streams, the state the
//! application sees. It speaks to its driver in [`Input`]s and [`Effect`]s, and to the application
//! in [`Notice`]s.
//!
//! ```text
//!   driver --Input--> Node --ClientInput--> Client --ClientEffect--+
//!                      |  \--LinkInput----> Link   --LinkEffect----+--> poll_effect --> driver
//! ```
//!
//! Everything is drained lazily in [`Node::poll_effect`]: what the application sends within one turn
//! is queued first and then shares frames.
//!
//! Out of scope here: rooms larger than a full mesh, files beyond one message.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::crypto::{SealingSecret, Signing};
use crate::error::ErrorCode;
use crate::id::{ConnectionId, Instance, PeerId, SessionKey, StreamKey};
use crate::limits::{ADMISSION_DEADLINE, REMNANT_COUNT_MAX};
use crate::link::Link;
use crate::queue::Queue;
use crate::rng::{Rng, Seed};
use crate::signalling::address::RoomAddress;
use crate::signalling::client::{Client, ClientConfig, ClientInput};
use crate::signalling::envelope::Identity;
use crate::signalling::keys::RoomKeys;
use crate::table::Table;
use crate::time::{Clock, Now, Span, Timestamp, earliest};

mod calls;
mod content;
mod diagnose;
mod effect;
mod input;
mod ledger;
mod life;
mod links;
mod members;
mod notice;
mod outcome;
mod outgoing;
pub mod parcel;
mod peer;
mod report;
mod requests;
mod signals;
mod streams;
mod troubles;

pub use content::Content;
pub use effect::{Effect, IceServer};
pub use input::{Answer, Input, Lifecycle, Recipient};
pub use ledger::{Ledger, LedgerConfig, LedgerEffect, LedgerView, Record, StorageFault};
pub use notice::{Audience, MeshError, Notice, PeerState, RoomStatus};
pub use outcome::Outcome;
pub use report::{PeerReport, Report};

use calls::Calls;
use diagnose::Diagnosis;
use outgoing::Outgoing;
use peer::Peer;
use requests::Requests;
use streams::LocalStream;
use troubles::Troubles;

/// What a node needs to know before it starts.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The room address, or a public room's bare name.
    pub address: String,
    /// The server, where the address does not name it.
    pub server: Option<String>,
    /// A secret seed that names this peer; a fresh one is drawn where none is given.
    pub identity: Option<Seed>,
    /// ICE servers to use instead of those the signalling server names.
    pub ice_servers: Option<Vec<IceServer>>,
    /// Whether only relayed candidates may be used.
    pub relay_only: bool,
    /// How long to wait for admission; [`crate::limits::ADMISSION_DEADLINE`] if not given.
    pub timeout: Option<Span>,
}

/// Where the node stands with the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not started.
    Idle,
    /// The server has not admitted us yet.
    Joining { due: Timestamp },
    /// In the room.
    Joined,
    /// Waiting for acknowledgements before the goodbyes.
    Flushing { due: Timestamp },
    /// Waiting for the links to close.
    Parting { due: Timestamp },
    /// Over.
    Closed,
}

/// How the server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Server {
    Connecting,
    Connected,
    Lost(ErrorCode),
}

/// One peer in one room.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    address: RoomAddress,
    keys: RoomKeys,
    signing: Signing,
    sealing: SealingSecret,
    instance: Instance,
    rng: Rng,
    clock: Clock,
    /// When we wanted to be called again, to notice that we slept.
    expected_at: Option<Timestamp>,
    phase: Phase,
    /// Blocks of the room were stored: it can be used without the server.
    is_stored: bool,
    status: RoomStatus,
    server: Server,
    client: Client,
    client_count: u32,
    ice_servers: Vec<IceServer>,
    peers: Table<PeerId, Peer>,
    slots: Table<u32, PeerId>,
    slot_count: u32,
    members: Table<SessionKey, PeerId>,
    calls: Calls,
    requests: Requests,
    presence: Option<Vec<u8>>,
    streams: Table<StreamKey, LocalStream>,
    diagnosis: Diagnosis,
    troubles: Troubles,
    ledger: Ledger,
    outgoing: Outgoing,
    pool_queue: Queue<(PeerId, usize)>,
    dirty: Queue<PeerId>,
    /// Peers whose pair keys were not made yet.
    keyless: Queue<PeerId>,
    effects: Queue<Effect>,
}

impl Node {
    /// A node that has not started.
    ///
    /// # Errors
    /// `InvalidAddress`, with what was expected and found.
    pub fn new(config: NodeConfig, seed: Seed, now: Now) -> Result<Self, MeshError> {
        let address = RoomAddress::parse(&config.address, config.server.as_deref())
            .map_err(|error| members::address_error(&error))?;
        let keys = address.room().keys();
        let mut rng = Rng::new(seed);
        let identity = config.identity.unwrap_or_else(|| Seed(rng.bytes()));
        let signing = Signing::from_seed(&identity.0);
        let sealing = SealingSecret::from_bytes(rng.bytes());
        let instance = Instance::new(now.wall, rng.bytes());
        let ledger = Ledger::new(address.room(), Seed(rng.bytes()));
        let mut clock = Clock::default();
        clock.advance(now);
        let client =
            members::client(&address, &keys, &signing, &sealing, instance, &mut rng, now, &config);
        Ok(Self {
            ice_servers: config.ice_servers.clone().unwrap_or_default(),
            config,
            address,
            keys,
            signing,
            sealing,
            instance,
            rng,
            clock,
            expected_at: None,
            phase: Phase::Idle,
            is_stored: false,
            status: RoomStatus::Alone,
            server: Server::Connecting,
            client,
            client_count: 0,
            peers: Table::new(),
            slots: Table::new(),
            slot_count: 0,
            members: Table::new(),
            calls: Calls::default(),
            requests: Requests::default(),
            presence: None,
            streams: Table::new(),
            diagnosis: Diagnosis::default(),
            troubles: Troubles::default(),
            ledger,
            outgoing: Outgoing::default(),
            pool_queue: Queue::new(),
            dirty: Queue::new(),
            keyless: Queue::new(),
            effects: Queue::new(),
        })
    }

    /// Our own name.
    #[must_use]
    pub fn self_id(&self) -> PeerId {
        self.signing.peer()
    }

    /// The room address, which is the invite.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_text()
    }

    /// Takes one input. Drain [`Node::poll_effect`] afterwards, at the latest at the end of the turn.
    pub fn handle(&mut self, now: Now, input: Input) -> Outcome {
        let now = self.clock.advance(now).monotonic;
        self.notice_stall(now);
        if self.phase == Phase::Closed {
            return self.handle_closed(&input);
        }
        let is_next_turn = matches!(input, Input::Tick);
        let outcome = self.dispatch(input);
        self.run_timers(is_next_turn);
        outcome
    }

    /// The next thing to do, `None` when there is nothing left.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        loop {
            if let Some(effect) = self.effects.pop() {
                return Some(effect);
            }
            if !self.pump() {
                self.agree_keys();
                self.expected_at = self.next_timeout();
                return None;
            }
        }
    }

    /// When to call [`Node::handle`] with [`Input::Tick`] at the latest. Where that is now, the application
    /// is told first what happened, so that its answer carries the acknowledgement.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.next_timeout()
    }

    // Apart for the reason that stands at the link's.
    #[inline(never)]
    fn dispatch(&mut self, input: Input) -> Outcome {
        match input {
            Input::Start => self.start(),
            Input::Tick => {}
            Input::Entropy(seed) => {
                self.rng.stir(seed);
                self.ledger.stir(Seed(self.rng.bytes()));
            }
            Input::Lifecycle(lifecycle) => self.on_lifecycle(lifecycle),
            Input::SocketOpened { socket } => {
                return self.tell_client(ClientInput::SocketOpened { socket });
            }
            Input::SocketReceived { socket, bytes } => {
                return self.tell_client(ClientInput::SocketReceived { socket, bytes });
            }
            Input::SocketClosed { socket } => {
                return self.tell_client(ClientInput::SocketClosed { socket });
            }
            Input::Send { ticket, to, content, payload } => {
                self.send(ticket, to, content, payload);
            }
            Input::SendTopic { ticket, to, name, content, payload } => {
                self.send_topic(ticket, to, name, content, payload);
            }
            Input::SendLossy { ticket, to, name, content, payload } => {
                self.send_lossy(ticket, to, name, content, payload);
            }
            Input::Cancel { ticket } => self.cancel(ticket),
            Input::Request { ticket, peer, name, content, payload, timeout } => {
                self.request(ticket, peer, name, content, payload, timeout);
            }
            Input::Respond { request, answer } => return self.respond(request, answer),
            Input::SetPresence { payload } => self.set_presence(payload),
            Input::AddStream { stream, media_id, label, to } => {
                self.add_stream(stream, LocalStream { media_id, label, to });
            }
            Input::RemoveStream { stream } => self.remove_stream(stream),
            Input::AwaitDrained { ticket, peer } => self.await_drained(ticket, peer),
            Input::Diagnose { ticket } => self.diagnose(ticket),
            Input::Stats { connection, ticket, stats } => self.on_stats(connection, ticket, stats),
            Input::TrackArrived { connection, media_id } => {
                return self.on_track(connection, media_id);
            }
            Input::Leave => self.leave(),
            driver => return self.tell_connection(driver),
        }
        Outcome::Done
    }

    /// A call after the end is refused by name; everything else concerns what is gone.
    fn handle_closed(&mut self, input: &Input) -> Outcome {
        match input {
            Input::Send { ticket, .. }
            | Input::SendTopic { ticket, .. }
            | Input::SendLossy { ticket, .. }
            | Input::Request { ticket, .. }
            | Input::Import { ticket, .. } => {
                let error =
                    MeshError::new(ErrorCode::RoomClosed).delivery(crate::error::Delivery::NotSent);
                self.notify(Notice::Refused { ticket: *ticket, error });
            }
            Input::AwaitDrained { ticket, .. } => self.notify(Notice::Drained { ticket: *ticket }),
            Input::Diagnose { ticket } => self.diagnose(*ticket),
            Input::WriteBlock { .. } => {
                return Outcome::Refused(Box::new(MeshError::new(ErrorCode::RoomClosed)));
            }
            _ => return Outcome::Stale,
        }
        Outcome::Done
    }

    /// What the ledger says comes before the links put frames together, so that it shares them with
    /// acknowledgements and messages; what it stores comes after all of them.
    fn pump(&mut self) -> bool {
        let now = self.clock.now();
        self.pump_client() || self.pump_ledger() || self.pump_links() || self.ledger.flush(now)
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        let mut next = match self.phase {
            Phase::Closed => return None,
            Phase::Joining { due } | Phase::Flushing { due } | Phase::Parting { due } => Some(due),
            Phase::Idle | Phase::Joined => None,
        };
        next = earliest(next, self.client.poll_timeout());
        for peer in self.peers.values() {
            next = earliest(next, peer.link.poll_timeout());
            if self.server == Server::Connected {
                next = earliest(next, peer.retry_at);
            }
        }
        next = earliest(next, self.requests.deadline());
        next = earliest(next, self.ledger.deadline());
        earliest(next, self.diagnosis.deadline())
    }

    fn now(&self) -> Timestamp {
        self.clock.now().monotonic
    }

    fn notify(&mut self, notice: Notice) {
        self.effects.push(Effect::Notify(notice));
    }

    /// Tells of what others did wrong, though not each time.
    fn trouble(&mut self, error: MeshError) {
        if let Some(error) = self.troubles.admit(self.now(), error) {
            self.notify(Notice::Trouble(error));
        }
    }

    /// Tells of what the application did wrong in a call that has no promise to reject: each time.
    fn misuse(&mut self, error: MeshError) {
        self.notify(Notice::Trouble(error));
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            keys: &self.keys,
            signing: &self.signing,
            instance: self.instance,
            session_key: self.client.session_key(),
            sealing: &self.sealing,
        }
    }

    fn update_status(&mut self) {
        let visible = || self.peers.values().filter(|peer| peer.is_visible);
        let status = if self.phase == Phase::Closed {
            RoomStatus::Closed
        } else if visible().any(|peer| peer.is_joined) {
            RoomStatus::Connected
        } else if self.server != Server::Connected {
            RoomStatus::Offline
        } else if visible().next().is_some() {
            RoomStatus::Linking
        } else {
            RoomStatus::Alone
        };
        if status != self.status && !matches!(self.phase, Phase::Idle | Phase::Joining { .. }) {
            self.status = status;
            self.notify(Notice::Status(status));
        }
    }

    fn peer_of(&self, connection: ConnectionId) -> Option<PeerId> {
        self.slots.get(&Link::slot_of(connection)).copied()
    }

    /// Peers that are gone for good are kept for their numbers, those that left last the longest. No
    /// time makes them forgettable: a machine may sleep for a night and go on with its numbers, and if
    /// only one side forgot, the two would never understand each other again.
    fn forget_remnants(&mut self) {
        let remnants = |node: &Self| -> Vec<(Timestamp, PeerId)> {
            let gone = node.peers.iter();
            gone.filter_map(|(id, peer)| Some((peer.gone_since()?, *id))).collect()
        };
        while let remnants = remnants(self)
            && remnants.len() > REMNANT_COUNT_MAX
            && let Some((_, oldest)) = remnants.into_iter().min()
        {
            self.forget(oldest);
        }
    }

    fn forget(&mut self, id: PeerId) {
        self.peers.remove(&id);
        self.slots.retain(|_, owner| *owner != id);
        self.dirty.retain(|dirty| *dirty != id);
    }
}

/// A failure that names what the driver or the application handed in.
fn invalid_argument(expected: &str, found: impl ToString) -> MeshError {
    MeshError::new(ErrorCode::InvalidArgument).mismatch(expected, found.to_string())
}

/// A failure of the client's configuration type, so that it is built in one place.
fn client_config(
    address: &RoomAddress,
    keys: &RoomKeys,
    session: Signing,
    introduction: Vec<u8>,
) -> ClientConfig {
    ClientConfig {
        socket_url: address.socket_url(),
        host: String::from(address.host()),
        topic: keys.topic(),
        session,
        introduction,
        admission_deadline: ADMISSION_DEADLINE,
    }
}

#[cfg(test)]
mod tests;
