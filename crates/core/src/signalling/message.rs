//! What client and server say to one another.
//!
//! Each WebSocket message is one deterministic CBOR array `[kind, ...]` of at most 16 KiB. Events of
//! the server carry a number, so that a resumed session misses none and sees none twice.
//! [`ServerMessage::Challenge`] is the first message on every socket and keeps its layout in all
//! versions to come, so that any two programs can tell each other what they speak.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Writer};
use crate::crypto::{Context, Signature, Signing, verify};
use crate::id::{Nonce, SessionKey, Topic};
use crate::time::Span;

mod client;
mod refusal;
mod server;
#[cfg(test)]
mod tests;

pub(super) use client::oversize_envelope_receiver;
pub use refusal::{RefusalReason, UndeliverableReason};

/// The oldest version spoken here.
pub const VERSION_MIN: u32 = 1;
/// The newest version spoken here.
pub const VERSION_MAX: u32 = 1;

/// Names one session at the server that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeToken(pub [u8; 16]);

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientMessage {
    /// Enters a room.
    Join {
        /// The version spoken from here on.
        version: u32,
        /// The room.
        topic: Topic,
        /// The key of this session.
        session_key: SessionKey,
        /// Who we are, sealed for the room.
        introduction: Vec<u8>,
        /// Over [`Proof`], by the session key.
        signature: Signature,
    },
    /// Takes up a session whose socket dropped.
    Resume {
        /// The version spoken from here on.
        version: u32,
        /// The key of the session.
        session_key: SessionKey,
        /// From the welcome.
        token: ResumeToken,
        /// The number of the last event received.
        received_count: u64,
        /// Over [`Proof`], by the session key.
        signature: Signature,
    },
    /// Hands a sealed envelope on to a member.
    Envelope {
        /// The member.
        to: SessionKey,
        /// What it gets.
        bytes: Vec<u8>,
    },
    /// Replaces our introduction.
    Introduce {
        /// Who we are, sealed for the room.
        introduction: Vec<u8>,
    },
    /// Says which events need not be kept any longer.
    Ack {
        /// The number of the last event received.
        count: u64,
    },
    /// Asks for a sign of life.
    Ping,
    /// Leaves the room for good.
    Leave,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerMessage {
    /// The first message on every socket.
    Challenge {
        /// The oldest version the server speaks.
        version_min: u32,
        /// The newest version the server speaks.
        version_max: u32,
        /// What the client's proof is signed over.
        nonce: Nonce,
    },
    /// The client has entered the room.
    Welcome {
        /// Names the session when it is resumed.
        token: ResumeToken,
        /// Where to learn one's own address, and to be relayed.
        ice_servers: Vec<IceServer>,
        /// Who else is in the room, in the order of joining.
        members: Vec<Member>,
        /// How many members follow in [`ServerMessage::Members`].
        remaining: u32,
    },
    /// More members, where they did not all fit into the welcome.
    Members {
        /// Who else is in the room, in the order of joining.
        members: Vec<Member>,
        /// How many members are still to follow.
        remaining: u32,
    },
    /// The session goes on; the events that were missed follow.
    Resumed,
    /// The client's last message is refused; the socket closes, save after
    /// [`RefusalReason::UnknownSession`].
    Refused {
        /// Why.
        reason: RefusalReason,
        /// What would have been right.
        expected: String,
        /// What was there.
        found: String,
    },
    /// Answers a ping.
    Pong,
    /// Something that must reach the client once.
    Event {
        /// 1 for the first event of a session, one more for each further.
        number: u64,
        /// What happened.
        event: Event,
    },
}

/// Something a member must learn of once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A member entered, or replaced its introduction. Either way its socket is there.
    Joined {
        /// The member.
        session_key: SessionKey,
        /// Who it is, sealed for the room.
        introduction: Vec<u8>,
    },
    /// A member's socket is there again.
    Attached {
        /// The member.
        session_key: SessionKey,
    },
    /// A member's socket is gone; its session may be resumed.
    Detached {
        /// The member.
        session_key: SessionKey,
    },
    /// A member left, or did not come back in time.
    Left {
        /// The member.
        session_key: SessionKey,
    },
    /// A member sent us something.
    Envelope {
        /// The member.
        from: SessionKey,
        /// What it sent.
        bytes: Vec<u8>,
    },
    /// What we sent did not reach its receiver.
    Undeliverable {
        /// The receiver.
        to: SessionKey,
        /// Why.
        reason: UndeliverableReason,
    },
}

/// One member of a room, as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its key.
    pub session_key: SessionKey,
    /// Who it is, sealed for the room.
    pub introduction: Vec<u8>,
    /// Whether its socket is there, or only its session.
    pub attached: bool,
}

/// A STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// Its addresses, as `RTCIceServer` takes them.
    pub urls: Vec<String>,
    /// The user name, if it wants one.
    pub username: Option<String>,
    /// The credential, if it wants one.
    pub credential: Option<String>,
    /// How long user name and credential hold.
    pub valid_for: Option<Span>,
}

/// What a client signs to prove that it holds a session key: it is good for one room at one server
/// on one socket, so that nobody who sees it can use it elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The server's host as the client wrote it, and as its `Host` header says.
    pub host: &'a str,
    /// From the challenge.
    pub nonce: Nonce,
    /// The room.
    pub topic: Topic,
}

impl Proof<'_> {
    /// The signature for [`Context::JOIN`] or [`Context::RESUME`].
    #[must_use]
    pub fn sign(&self, context: Context, session: &Signing) -> Signature {
        session.sign(context, &self.message())
    }

    /// Whether `session_key` signed this for that use.
    #[must_use]
    pub fn holds(&self, context: Context, session_key: &SessionKey, signature: &Signature) -> bool {
        verify(session_key.as_bytes(), context, &self.message(), signature).is_ok()
    }

    fn message(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(96);
        writer.array(3).text(self.host).bytes(self.nonce.as_bytes()).bytes(self.topic.as_bytes());
        writer.finish()
    }
}

/// What decoding refuses by length alone.
fn check_length(bytes: &[u8]) -> Result<(), DecodeError> {
    let limit = crate::limits::SERVER_MESSAGE_BYTES_MAX;
    if bytes.len() > limit {
        return Err(DecodeError::Oversize { offset: 0, limit, found: bytes.len() as u64 });
    }
    Ok(())
}
