//! The client's side: one peer's session at the server, kept up through lost sockets.
//!
//! ```text
//! Idle --Start--> Opening -> ExpectChallenge -> ExpectAnswer -> ExpectMembers -> Online
//!                    ^            |  any failure: backoff, jittered                 |
//!                    +----------- Waiting <-----------------------------------------+
//! any --Leave, final refusal--> Ended
//! ```
//!
//! Before the first admission a failure that will not pass is final and reported as
//! [`ClientNotice::Refused`]; afterwards links live without the server, so every failure is only
//! [`ClientNotice::Offline`] and the server is tried again for as long as the room is open. A lost
//! socket is resumed with the number of the last event; where the server no longer knows the
//! session, the same socket joins anew.
//!
//! Out of scope: what is inside introductions and envelopes, and resending envelopes (the link).
//!
//! Source: docs/protocol.md R-140 to R-158.

use alloc::string::String;
use alloc::vec::Vec;

use crate::crypto::Signing;
use crate::error::ErrorCode;
use crate::id::{Nonce, SessionKey, SocketId, Topic};
use crate::queue::Queue;
use crate::rng::{Rng, Seed};
use crate::time::{Clock, Now, Span, Timestamp};

use super::Outcome;
pub use super::message::{IceServer, Member};
use super::message::{ResumeToken, UndeliverableReason};

mod receive;
mod socket;
#[cfg(test)]
mod tests;
mod timers;

/// What a client needs to know to join.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where the socket opens.
    pub socket_url: String,
    /// The server's host and port as the `Host` header carries them.
    pub host: String,
    /// The room, as the server knows it.
    pub topic: Topic,
    /// The key of this session, made for it alone.
    pub session: Signing,
    /// Who we are, sealed for the room.
    pub introduction: Vec<u8>,
    /// How long to try before the first admission; [`crate::limits::ADMISSION_DEADLINE`] is usual.
    pub admission_deadline: Span,
}

/// What happens to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientInput {
    /// Begins. Ignored after the first time.
    Start,
    /// A socket is open.
    SocketOpened {
        /// Which.
        socket: SocketId,
    },
    /// A binary message came.
    SocketReceived {
        /// On which socket.
        socket: SocketId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A socket could not be opened, or is gone.
    SocketClosed {
        /// Which.
        socket: SocketId,
    },
    /// Hands a sealed envelope to a member.
    SendEnvelope {
        /// The member.
        to: SessionKey,
        /// The sealed envelope.
        bytes: Vec<u8>,
    },
    /// Replaces our introduction.
    Introduce {
        /// Who we are, sealed for the room.
        introduction: Vec<u8>,
    },
    /// The room can do without the server: no failure and no silence ends the wait for admission.
    Persist,
    /// We woke, or the network changed: a lost server is tried and a silent one asked at once.
    Wake,
    /// Leaves for good.
    Leave,
    /// Time passed.
    Tick,
}

/// What a client asks of its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEffect {
    /// Open a WebSocket with binary messages.
    OpenSocket {
        /// What it is called from here on.
        socket: SocketId,
        /// Where.
        url: String,
    },
    /// Send a binary message.
    SendSocket {
        /// On which socket.
        socket: SocketId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close a socket. What it still reports is ignored.
    CloseSocket {
        /// Which.
        socket: SocketId,
    },
    /// Tell the node.
    Notice(ClientNotice),
}

/// What a client tells its node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientNotice {
    /// We are in the room. Comes again, with everyone who is there now, after a session was lost.
    Admitted {
        /// Who else is in the room, in the order of joining.
        members: Vec<Member>,
        /// The server's STUN and TURN servers.
        ice_servers: Vec<IceServer>,
    },
    /// A member entered, or replaced its introduction. Either way its socket is there.
    MemberJoined {
        /// The member's key.
        session_key: SessionKey,
        /// Who it is, sealed for the room.
        introduction: Vec<u8>,
    },
    /// A member's socket is gone; its session may be resumed.
    MemberDetached {
        /// The member's key.
        session_key: SessionKey,
    },
    /// A member's socket is there again.
    MemberAttached {
        /// The member's key.
        session_key: SessionKey,
    },
    /// A member left, or did not come back in time.
    MemberLeft {
        /// The member's key.
        session_key: SessionKey,
    },
    /// A member sent us an envelope.
    Envelope {
        /// The member's key.
        from: SessionKey,
        /// The sealed envelope.
        bytes: Vec<u8>,
    },
    /// An envelope of ours did not reach its receiver.
    Undeliverable {
        /// The receiver's key.
        to: SessionKey,
        /// Why.
        reason: UndeliverableReason,
    },
    /// The server is lost and will be tried again. Said once per loss.
    Offline {
        /// Why.
        reason: ErrorCode,
    },
    /// The server is back.
    Online {
        /// Whether the session went on without missing anything; else [`ClientNotice::Admitted`]
        /// comes next.
        resumed: bool,
    },
    /// We will not be admitted. Final.
    Refused {
        /// What the application sees.
        code: ErrorCode,
        /// What would have been right.
        expected: String,
        /// What was there.
        found: String,
    },
}

/// One peer's session at the server.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    clock: Clock,
    rng: Rng,
    state: State,
    socket_last: SocketId,
    session: Option<Session>,
    /// Until when the first admission must have come.
    admission_due: Option<Timestamp>,
    /// Whether we were ever admitted, and whether the node believes us online.
    presence: Presence,
    /// Failures since the server was last with us.
    failure_count: u32,
    /// Why the last try failed, for the refusal at the admission deadline.
    failure: Failure,
    introduction_sent: bool,
    effects: Queue<ClientEffect>,
}

/// Where we stand with the server.
#[derive(Debug)]
enum State {
    Idle,
    /// The next try is due.
    Waiting {
        until: Timestamp,
    },
    /// The driver opens a socket.
    Opening {
        socket: SocketId,
        due: Timestamp,
    },
    ExpectChallenge {
        socket: SocketId,
        due: Timestamp,
    },
    /// A join or a resume is on its way.
    ExpectAnswer {
        socket: SocketId,
        due: Timestamp,
        nonce: Nonce,
        version: u32,
        asked: Asked,
    },
    /// The welcome came, but not yet all members. There is no session before they are here: what
    /// is resumed brings no members.
    ExpectMembers {
        socket: SocketId,
        due: Timestamp,
        token: ResumeToken,
        members: Vec<Member>,
        ice_servers: Vec<IceServer>,
        remaining: u32,
    },
    Online {
        socket: SocketId,
        heard_at: Timestamp,
        /// When an answer to our ping is due.
        pong_due: Option<Timestamp>,
        /// When events must be acknowledged.
        ack_due: Option<Timestamp>,
    },
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Join,
    Resume,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    NeverAdmitted,
    Online,
    Offline,
}

/// What we know of our session at the server.
#[derive(Debug)]
struct Session {
    token: ResumeToken,
    received_count: u64,
    acked_count: u64,
}

/// Why a try failed.
#[derive(Clone, Debug)]
struct Failure {
    code: ErrorCode,
    expected: String,
    found: String,
}

impl Client {
    /// A client that has not begun.
    #[must_use]
    pub fn new(config: ClientConfig, seed: Seed, now: Now) -> Self {
        let mut clock = Clock::default();
        clock.advance(now);
        Self {
            config,
            clock,
            rng: Rng::new(seed),
            state: State::Idle,
            socket_last: SocketId::default(),
            session: None,
            admission_due: None,
            presence: Presence::NeverAdmitted,
            failure_count: 0,
            failure: Failure::unreachable("no answer"),
            introduction_sent: false,
            effects: Queue::new(),
        }
    }

    /// Takes up one input.
    pub fn handle(&mut self, now: Now, input: ClientInput) -> Outcome {
        let now = self.clock.advance(now).monotonic;
        let outcome = match input {
            ClientInput::Start => self.start(now),
            ClientInput::SocketOpened { socket } => self.socket_opened(now, socket),
            ClientInput::SocketReceived { socket, bytes } => {
                self.socket_received(now, socket, &bytes)
            }
            ClientInput::SocketClosed { socket } => self.socket_closed(now, socket),
            ClientInput::SendEnvelope { to, bytes } => self.send_envelope(to, bytes),
            ClientInput::Introduce { introduction } => self.introduce(introduction),
            ClientInput::Persist => self.persist(),
            ClientInput::Wake => self.wake(now),
            ClientInput::Leave => self.leave(),
            ClientInput::Tick => Outcome::Done,
        };
        self.run_timers(now);
        outcome
    }

    /// The next thing to do for the driver.
    pub fn poll_effect(&mut self) -> Option<ClientEffect> {
        self.effects.pop()
    }

    /// When to come back with [`ClientInput::Tick`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.next_timeout()
    }

    /// Our key at the server.
    #[must_use]
    pub fn session_key(&self) -> SessionKey {
        self.config.session.session_key()
    }

    /// Whether the server is with us.
    #[must_use]
    pub const fn is_online(&self) -> bool {
        matches!(self.state, State::Online { .. })
    }

    fn notice(&mut self, notice: ClientNotice) {
        self.effects.push(ClientEffect::Notice(notice));
    }

    fn send(&mut self, socket: SocketId, message: &super::message::ClientMessage) {
        self.effects.push(ClientEffect::SendSocket { socket, bytes: message.encode() });
    }
}

impl Failure {
    fn new(code: ErrorCode, expected: &str, found: &str) -> Self {
        Self { code, expected: String::from(expected), found: String::from(found) }
    }

    fn unreachable(found: &str) -> Self {
        Self::new(ErrorCode::ServerUnreachable, "an answer from the server", found)
    }
}
