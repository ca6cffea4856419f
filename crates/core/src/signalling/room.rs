//! The server's side: rooms of sessions, none of which it can look into.
//!
//! One machine holds all rooms of a server; the simulator runs the same. A client is one socket; a
//! session is one membership, which outlives its socket for two minutes:
//!
//! ```text
//! client:   Opened -> ExpectJoin --Join, Resume--> Member -> Closed
//! session:  Attached <-> Detached --2 min, Leave, fault--> Left
//! ```
//!
//! Events to a member are numbered and kept until acknowledged, within bounds; on resume those
//! after the last one received are sent again. Nothing is ever relayed to another topic than the
//! sender's. A member that breaks the protocol is told why, loses its session and is cut; one that
//! goes over its allowance is told per envelope, and cut only when it goes on.
//!
//! An idle member costs its introduction and some 400 bytes: no buffer is kept beyond its use.
//! Out of scope: sockets, slow consumers (the shell cuts them and reports `Closed`), STUN.
//!
//! Source: docs/protocol.md R-160 to R-185.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{Nonce, SessionKey, Topic};
use crate::limits::{
    ADDRESS_CLIENT_COUNT_MAX, CLIENT_SILENCE_MAX, HOST_BYTES_MAX, JOIN_DEADLINE,
    ROOM_MEMBER_COUNT_MAX, SERVER_CLIENT_COUNT_MAX,
};
use crate::rng::{Rng, Seed};
use crate::time::{Clock, Now, Timestamp};

use super::Outcome;
use super::message::{RefusalReason, ServerMessage, VERSION_MAX, VERSION_MIN};

mod allowance;
mod join;
mod receive;
mod session;
#[cfg(test)]
mod tests;
mod timers;

use allowance::{Addresses, Allowance};
use session::Session;

/// A socket, as the server's shell numbers it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Where a client comes from, for limits alone: an IPv4 address, or the 64 bits of an IPv6 prefix
/// that one household gets. Opaque here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey(pub [u8; 16]);

/// What a server is told about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomsConfig {
    /// The UDP port of this server's STUN, named in welcomes under the host the client used.
    pub stun_port: Option<u16>,
    /// Most members of one room; never more than [`ROOM_MEMBER_COUNT_MAX`].
    pub room_member_count_max: usize,
    /// Most sockets and resumable sessions.
    pub client_count_max: usize,
    /// Most sockets and resumable sessions from one address.
    pub address_client_count_max: u32,
}

impl Default for RoomsConfig {
    fn default() -> Self {
        Self {
            stun_port: None,
            room_member_count_max: ROOM_MEMBER_COUNT_MAX,
            client_count_max: SERVER_CLIENT_COUNT_MAX,
            address_client_count_max: ADDRESS_CLIENT_COUNT_MAX,
        }
    }
}

/// What happens to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomsInput {
    /// A socket is open.
    Opened {
        /// What it is called from here on.
        client: ClientId,
        /// Its `Host` header.
        host: String,
        /// Where it comes from; `None` exempts it from limits per address.
        address: Option<AddressKey>,
    },
    /// A binary message came.
    Received {
        /// On which socket.
        client: ClientId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A message came that was too long even to be read, or was not binary.
    Unreadable {
        /// On which socket.
        client: ClientId,
    },
    /// A socket is gone.
    Closed {
        /// Which.
        client: ClientId,
    },
    /// The server is about to stop: everyone is told, nobody is let in.
    Drain,
    /// Time passed.
    Tick,
}

/// What a server asks of its shell.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoomsEffect {
    /// Send a binary message.
    Send {
        /// On which socket.
        client: ClientId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close a socket once what was sent is on its way.
    Close {
        /// Which.
        client: ClientId,
        /// Why, for the log.
        reason: CloseReason,
    },
}

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The client was refused, and told so.
    Refused(RefusalReason),
    /// The client left.
    Left,
    /// Nothing was heard of the client for too long.
    Silent,
}

/// How much a server holds, and what it did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomsCounts {
    /// Sockets.
    pub client_count: usize,
    /// Sessions, with and without a socket.
    pub session_count: usize,
    /// Rooms.
    pub room_count: usize,
    /// Addresses with an account.
    pub address_count: usize,
    /// Envelopes handed on since the start.
    pub relayed_count: u64,
    /// Clients and envelopes refused since the start.
    pub refused_count: u64,
}

/// All rooms of one server.
#[derive(Debug)]
pub struct Rooms {
    config: RoomsConfig,
    clock: Clock,
    rng: Rng,
    clients: BTreeMap<ClientId, Client>,
    sessions: BTreeMap<SessionKey, Session>,
    /// Members in the order of joining.
    rooms: BTreeMap<Topic, Vec<SessionKey>>,
    addresses: Addresses,
    /// One entry per client, per detached session and per address whose last client is gone.
    timers: BTreeSet<(Timestamp, Timer)>,
    effects: VecDeque<RoomsEffect>,
    drain: Drain,
    detached_count: usize,
    relayed_count: u64,
    refused_count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drain {
    Serving,
    Draining,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Client(ClientId),
    Session(SessionKey),
    Address(AddressKey),
}

/// One socket.
#[derive(Debug)]
struct Client {
    state: ClientState,
    address: Option<AddressKey>,
    allowance: Allowance,
    heard_at: Timestamp,
    /// When its entry in the timers is due; silence is only looked at then.
    due: Timestamp,
    excess_count: u32,
}

#[derive(Debug)]
enum ClientState {
    /// Neither joined nor resumed.
    ExpectJoin { host: Box<str>, nonce: Nonce },
    /// Carries this session.
    Member { session_key: SessionKey },
}

impl Rooms {
    /// A server without rooms.
    #[must_use]
    pub fn new(mut config: RoomsConfig, seed: Seed) -> Self {
        config.room_member_count_max = config.room_member_count_max.min(ROOM_MEMBER_COUNT_MAX);
        Self {
            config,
            clock: Clock::default(),
            rng: Rng::new(seed),
            clients: BTreeMap::new(),
            sessions: BTreeMap::new(),
            rooms: BTreeMap::new(),
            addresses: Addresses::default(),
            timers: BTreeSet::new(),
            effects: VecDeque::new(),
            drain: Drain::Serving,
            detached_count: 0,
            relayed_count: 0,
            refused_count: 0,
        }
    }

    /// Takes up one input.
    pub fn handle(&mut self, now: Now, input: RoomsInput) -> Outcome {
        let now = self.clock.advance(now).monotonic;
        let outcome = match input {
            RoomsInput::Opened { client, host, address } => self.opened(now, client, host, address),
            RoomsInput::Received { client, bytes } => self.received(now, client, &bytes),
            RoomsInput::Unreadable { client } => self.unreadable(now, client),
            RoomsInput::Closed { client } => self.closed(now, client),
            RoomsInput::Drain => self.drain(),
            RoomsInput::Tick => Outcome::Done,
        };
        self.run_timers(now);
        outcome
    }

    /// The next thing to do for the shell.
    pub fn poll_effect(&mut self) -> Option<RoomsEffect> {
        self.effects.pop_front()
    }

    /// When to come back with [`RoomsInput::Tick`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// How much there is.
    #[must_use]
    pub fn counts(&self) -> RoomsCounts {
        RoomsCounts {
            client_count: self.clients.len(),
            session_count: self.sessions.len(),
            room_count: self.rooms.len(),
            address_count: self.addresses.len(),
            relayed_count: self.relayed_count,
            refused_count: self.refused_count,
        }
    }

    fn opened(
        &mut self,
        now: Timestamp,
        client: ClientId,
        host: String,
        address: Option<AddressKey>,
    ) -> Outcome {
        if self.clients.contains_key(&client) {
            return Outcome::Ignored;
        }
        if let Some((reason, expected, found)) = self.refusal_of_newcomer(now, address, &host) {
            self.refused_count += 1;
            self.send_refusal(client, reason, expected, &found);
            self.effects
                .push_back(RoomsEffect::Close { client, reason: CloseReason::Refused(reason) });
            return Outcome::Done;
        }
        let nonce = self.rng.nonce();
        self.addresses.enter(address);
        let due = now.after(JOIN_DEADLINE);
        self.timers.insert((due, Timer::Client(client)));
        let state = ClientState::ExpectJoin { host: host.to_ascii_lowercase().into(), nonce };
        let allowance = Allowance::default();
        let entry = Client { state, address, allowance, heard_at: now, due, excess_count: 0 };
        self.clients.insert(client, entry);
        let (version_min, version_max) = (VERSION_MIN, VERSION_MAX);
        self.send(client, &ServerMessage::Challenge { version_min, version_max, nonce });
        Outcome::Done
    }

    fn refusal_of_newcomer(
        &mut self,
        now: Timestamp,
        address: Option<AddressKey>,
        host: &str,
    ) -> Option<(RefusalReason, &'static str, String)> {
        let limit = self.config.address_client_count_max;
        if self.drain == Drain::Draining {
            return Some((
                RefusalReason::Draining,
                "a server that runs",
                String::from("one that stops"),
            ));
        }
        if host.len() > HOST_BYTES_MAX {
            return Some((RefusalReason::Host, "a shorter host", bytes_text(host.len())));
        }
        if self.held_count() >= self.config.client_count_max || self.addresses.is_full() {
            let found = alloc::format!("{} clients", self.held_count());
            return Some((RefusalReason::TooManyClients, "a server with room", found));
        }
        if self.addresses.count(address) >= limit {
            let found = alloc::format!("{limit} clients from this address");
            return Some((RefusalReason::TooManyClients, "fewer clients", found));
        }
        if !self.addresses.spend(now, address, 0) {
            let found = String::from("more than that from this address");
            return Some((RefusalReason::OverAllowance, "fewer messages", found));
        }
        None
    }

    /// Sockets, and sessions without one.
    fn held_count(&self) -> usize {
        self.clients.len() + self.detached_count
    }

    fn closed(&mut self, now: Timestamp, client: ClientId) -> Outcome {
        match self.forget_client(now, client) {
            None => Outcome::Ignored,
            Some(None) => Outcome::Done,
            Some(Some(session_key)) => {
                self.detach(now, session_key);
                Outcome::Done
            }
        }
    }

    /// Nobody is told that the others are gone, since only the server is.
    fn drain(&mut self) -> Outcome {
        self.drain = Drain::Draining;
        let reason = RefusalReason::Draining;
        for client in core::mem::take(&mut self.clients).into_keys() {
            self.send_refusal(client, reason, "a server that runs", "one that stops");
            let reason = CloseReason::Refused(reason);
            self.effects.push_back(RoomsEffect::Close { client, reason });
        }
        self.sessions.clear();
        self.rooms.clear();
        self.timers.clear();
        self.addresses = Addresses::default();
        self.detached_count = 0;
        Outcome::Done
    }

    /// Takes a socket out of the books; the session it carried, if any, is left without one.
    fn forget_client(&mut self, now: Timestamp, client: ClientId) -> Option<Option<SessionKey>> {
        let entry = self.clients.remove(&client)?;
        self.timers.remove(&(entry.due, Timer::Client(client)));
        self.leave_address(now, entry.address);
        Some(match entry.state {
            ClientState::ExpectJoin { .. } => None,
            ClientState::Member { session_key } => {
                let session = self.sessions.get_mut(&session_key)?;
                session.client = None;
                Some(session_key)
            }
        })
    }

    fn leave_address(&mut self, now: Timestamp, address: Option<AddressKey>) {
        if let Some((address, due)) = self.addresses.leave(now, address) {
            self.timers.insert((due, Timer::Address(address)));
        }
    }

    /// Refuses what a client did, tells it, and cuts it. Its session ends with it.
    fn cut(
        &mut self,
        now: Timestamp,
        client: ClientId,
        reason: RefusalReason,
        expected: &str,
        found: &str,
    ) {
        self.refused_count += 1;
        self.send_refusal(client, reason, expected, found);
        let session = self.forget_client(now, client).flatten();
        self.effects.push_back(RoomsEffect::Close { client, reason: CloseReason::Refused(reason) });
        if let Some(session_key) = session {
            self.end_session(session_key);
        }
    }

    /// Closes a socket; the session it carried may be resumed.
    fn close(&mut self, now: Timestamp, client: ClientId, reason: CloseReason) {
        let session = self.forget_client(now, client).flatten();
        self.effects.push_back(RoomsEffect::Close { client, reason });
        if let Some(session_key) = session {
            self.detach(now, session_key);
        }
    }

    fn send(&mut self, client: ClientId, message: &ServerMessage) {
        self.effects.push_back(RoomsEffect::Send { client, bytes: message.encode() });
    }

    fn send_refusal(
        &mut self,
        client: ClientId,
        reason: RefusalReason,
        expected: &str,
        found: &str,
    ) {
        let (expected, found) = (refusal_text(expected), refusal_text(found));
        self.send(client, &ServerMessage::Refused { reason, expected, found });
    }

    /// A silent client is looked at again when it may have been silent for too long.
    fn silence_due(heard_at: Timestamp) -> Timestamp {
        heard_at.after(CLIENT_SILENCE_MAX)
    }
}

/// What fits of `text`, cut at a character.
fn refusal_text(text: &str) -> String {
    let mut end = text.len().min(crate::limits::REFUSAL_TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    String::from(text.get(..end).unwrap_or(""))
}

fn bytes_text(count: usize) -> String {
    alloc::format!("{count} bytes")
}
