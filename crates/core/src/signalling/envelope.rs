//! What the server carries and cannot read: introductions and directed signals.
//!
//! An introduction says who a session key belongs to. It is signed by the peer over the room and
//! sealed with the room's key; the session key is bound in twice, by the signature and by the seal,
//! so that the server cannot put one member's introduction on another's session. A signal is sealed
//! with the key for one direction between two peers, which follows from the sealing keys in their
//! signed introductions. Only those two can make a seal that opens, so it says by itself who sealed
//! it, and no signature stands beside it. Both session keys are bound in, and the signal names
//! everything it belongs to (room, both peers, both instances, link session, epoch, number), since
//! an introduction may hold a sealing key that is another's. Replays are for the link to refuse, by
//! number.
//!
//! ```text
//! bytes -> UnverifiedIntroduction -> VerifiedIntroduction
//! bytes -> open_signal            -> VerifiedSignal
//! ```
//!
//! Source: docs/protocol.md R-110 to R-119.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::crypto::{
    Context, Digest, SEAL_NONCE_BYTES, SEAL_OVERHEAD_BYTES, SealingSecret, Signature, Signing,
    open, seal, verify,
};
use crate::id::{Epoch, Instance, LinkSession, PeerId, RoomId, SealingKey, SessionKey};
use crate::limits::{ENVELOPE_BYTES_MAX, INTRODUCTION_BYTES_MAX};
use crate::time::WallTime;

use super::keys::RoomKeys;

mod error;
#[cfg(test)]
mod tests;

pub use error::EnvelopeError;

/// Who we are to others: everything that goes into, and opens, what we exchange with them.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The room's keys.
    pub keys: &'a RoomKeys,
    /// Our author key.
    pub signing: &'a Signing,
    /// Our start.
    pub instance: Instance,
    /// Our key at the server.
    pub session_key: SessionKey,
    /// What opens signals sealed to us.
    pub sealing: &'a SealingSecret,
}

impl Identity<'_> {
    /// Our introduction, sealed for the room.
    #[must_use]
    pub fn introduce(&self, wall: WallTime, nonce: [u8; SEAL_NONCE_BYTES]) -> Vec<u8> {
        let mut body = Writer::with_capacity(160);
        body.array(5)
            .bytes(self.signing.peer().as_bytes())
            .bytes(self.instance.as_bytes())
            .bytes(self.session_key.as_bytes())
            .bytes(self.sealing.public().as_bytes())
            .u64(wall.as_ms());
        let body = body.finish();
        let message = introduction_message(&self.keys.room(), &body);
        let signature = self.signing.sign(Context::INTRODUCTION, &message);
        let signed = signed(&body, &signature);
        seal(self.keys.seal(), nonce, self.session_key.as_bytes(), &signed)
    }
}

/// An introduction as it came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedIntroduction {
    session_key: SessionKey,
    sealed: Vec<u8>,
}

impl UnverifiedIntroduction {
    /// The bytes the server says belong to `session_key`.
    #[must_use]
    pub const fn new(session_key: SessionKey, sealed: Vec<u8>) -> Self {
        Self { session_key, sealed }
    }

    /// Opens and checks it.
    ///
    /// # Errors
    /// - [`EnvelopeError::TooLarge`], [`EnvelopeError::Truncated`] - by length alone.
    /// - [`EnvelopeError::NotOpenable`] - sealed for another room or session key, or altered.
    /// - [`EnvelopeError::Malformed`] - sealed well, but not an introduction.
    /// - [`EnvelopeError::WrongSessionKey`] - it speaks for another session key.
    /// - [`EnvelopeError::BadSignature`] - the peer it names did not sign it for this room.
    pub fn verify(self, keys: &RoomKeys) -> Result<VerifiedIntroduction, EnvelopeError> {
        check_length(self.sealed.len(), INTRODUCTION_BYTES_MAX)?;
        let opened = open(keys.seal(), self.session_key.as_bytes(), &self.sealed)
            .ok_or(EnvelopeError::NotOpenable)?;
        let (body, signature) = split_signed(&opened)?;
        let introduction = read_introduction(body)?;
        if introduction.session_key != self.session_key {
            return Err(EnvelopeError::WrongSessionKey);
        }
        let message = introduction_message(&keys.room(), body);
        verify(introduction.peer.as_bytes(), Context::INTRODUCTION, &message, &signature)
            .map_err(|_| EnvelopeError::BadSignature)?;
        Ok(introduction)
    }
}

/// Who a session key belongs to, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedIntroduction {
    peer: PeerId,
    instance: Instance,
    session_key: SessionKey,
    sealing_key: SealingKey,
    wall: WallTime,
}

impl VerifiedIntroduction {
    /// The peer.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.peer
    }

    /// Its start.
    #[must_use]
    pub const fn instance(&self) -> Instance {
        self.instance
    }

    /// Its key at the server.
    #[must_use]
    pub const fn session_key(&self) -> SessionKey {
        self.session_key
    }

    /// The key to which signals for it are sealed.
    #[must_use]
    pub const fn sealing_key(&self) -> SealingKey {
        self.sealing_key
    }

    /// When it was written, by that peer's clock.
    #[must_use]
    pub const fn wall(&self) -> WallTime {
        self.wall
    }
}

/// What one signal says and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal<'a> {
    /// The link.
    pub session: LinkSession,
    /// The connection of the link.
    pub epoch: Epoch,
    /// The number of this signal on the link.
    pub number: u64,
    /// The highest number up to which all signals of the other side have come.
    pub ack: u64,
    /// What it says; for the link to read.
    pub payload: &'a [u8],
}

/// A signal that opened under the key from its sender to us and names both of us. The seal vouches
/// for it, and to us alone: we could have made it ourselves, so it proves nothing to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSignal {
    session: LinkSession,
    epoch: Epoch,
    number: u64,
    ack: u64,
    payload: Vec<u8>,
}

impl VerifiedSignal {
    /// The link it belongs to.
    #[must_use]
    pub const fn session(&self) -> LinkSession {
        self.session
    }

    /// The connection it belongs to.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// What its sender has received.
    #[must_use]
    pub const fn ack(&self) -> u64 {
        self.ack
    }

    /// What it says.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What it says, taken out.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }
}

/// The keys for signals between us and one peer, one for each direction. Agreeing on them costs
/// more than everything else about an envelope, so they are kept with the peer.
#[derive(Clone, Copy, Debug)]
pub struct PairKeys {
    to_peer: Digest,
    from_peer: Digest,
}

impl PairKeys {
    /// Agrees on the keys with `peer`.
    ///
    /// # Errors
    /// [`EnvelopeError::WeakKey`] - the peer's sealing key gives no secret.
    pub fn agree(own: &Identity<'_>, peer: &VerifiedIntroduction) -> Result<Self, EnvelopeError> {
        let (to_peer, from_peer) =
            own.sealing.pair_keys(&peer.sealing_key).ok_or(EnvelopeError::WeakKey)?;
        Ok(Self { to_peer, from_peer })
    }
}

/// Seals a signal from us to `to`.
///
/// # Errors
/// - [`EnvelopeError::TooLarge`] - the server would not carry it.
pub fn seal_signal(
    own: &Identity<'_>,
    to: &VerifiedIntroduction,
    keys: &PairKeys,
    signal: &Signal<'_>,
    nonce: [u8; SEAL_NONCE_BYTES],
) -> Result<Vec<u8>, EnvelopeError> {
    let mut body = Writer::with_capacity(signal.payload.len() + 224);
    body.array(10)
        .bytes(own.keys.room().as_bytes())
        .bytes(own.signing.peer().as_bytes())
        .bytes(to.peer.as_bytes())
        .bytes(own.instance.as_bytes())
        .bytes(to.instance.as_bytes())
        .bytes(signal.session.as_bytes())
        .u32(signal.epoch.0)
        .u64(signal.number)
        .u64(signal.ack)
        .bytes(signal.payload);
    let body = body.finish();
    let found = body.len() + SEAL_OVERHEAD_BYTES;
    if found > ENVELOPE_BYTES_MAX {
        return Err(EnvelopeError::TooLarge { limit: ENVELOPE_BYTES_MAX, found });
    }
    Ok(seal(&keys.to_peer, nonce, &both_sessions(&own.session_key, &to.session_key), &body))
}

/// Opens and checks a signal from `from` to us.
///
/// # Errors
/// - [`EnvelopeError::TooLarge`], [`EnvelopeError::Truncated`] - by length alone.
/// - [`EnvelopeError::NotOpenable`] - sealed by or for another, or altered on the way.
/// - [`EnvelopeError::Malformed`] - sealed well, but not a signal.
/// - [`EnvelopeError::WrongRoom`], [`EnvelopeError::WrongSender`], [`EnvelopeError::WrongReceiver`],
///   [`EnvelopeError::WrongInstance`] - it belongs elsewhere.
pub fn open_signal(
    own: &Identity<'_>,
    from: &VerifiedIntroduction,
    keys: &PairKeys,
    sealed: &[u8],
) -> Result<VerifiedSignal, EnvelopeError> {
    check_length(sealed.len(), ENVELOPE_BYTES_MAX)?;
    let opened = open(&keys.from_peer, &both_sessions(&from.session_key, &own.session_key), sealed)
        .ok_or(EnvelopeError::NotOpenable)?;
    read_signal(&opened, own, from)
}

/// Most bytes a signal may say, so that it always fits into an envelope.
pub const SIGNAL_PAYLOAD_BYTES_MAX: usize = ENVELOPE_BYTES_MAX - SIGNAL_OVERHEAD_BYTES;

/// Seal, and the body's fields at their longest with all heads.
const SIGNAL_OVERHEAD_BYTES: usize = SEAL_OVERHEAD_BYTES + (1 + 3 * 34 + 3 * 17 + 5 + 2 * 9 + 3);

const _: () = assert!(crate::limits::SDP_BYTES_MAX + 512 <= SIGNAL_PAYLOAD_BYTES_MAX);

fn check_length(found: usize, limit: usize) -> Result<(), EnvelopeError> {
    if found > limit {
        return Err(EnvelopeError::TooLarge { limit, found });
    }
    if found < SEAL_OVERHEAD_BYTES {
        return Err(EnvelopeError::Truncated { min: SEAL_OVERHEAD_BYTES, found });
    }
    Ok(())
}

/// What a peer signs to introduce itself: the room's id, then the body.
fn introduction_message(room: &RoomId, body: &[u8]) -> Vec<u8> {
    [&room.as_bytes()[..], body].concat()
}

fn both_sessions(from: &SessionKey, to: &SessionKey) -> Vec<u8> {
    [&from.as_bytes()[..], to.as_bytes()].concat()
}

fn signed(body: &[u8], signature: &Signature) -> Vec<u8> {
    let mut writer = Writer::with_capacity(body.len() + Signature::BYTES + 8);
    writer.array(2).bytes(body).bytes(signature.as_bytes());
    writer.finish()
}

fn split_signed(opened: &[u8]) -> Result<(&[u8], Signature), DecodeError> {
    let mut reader = Reader::new(opened);
    reader.fields(2)?;
    let body = reader.bytes(ENVELOPE_BYTES_MAX)?;
    let signature = Signature::from_bytes(reader.array_of()?);
    reader.end()?;
    Ok((body, signature))
}

fn read_introduction(body: &[u8]) -> Result<VerifiedIntroduction, DecodeError> {
    let mut reader = Reader::new(body);
    reader.fields(5)?;
    let introduction = VerifiedIntroduction {
        peer: PeerId::from_bytes(reader.array_of()?),
        instance: Instance::from_bytes(reader.array_of()?),
        session_key: SessionKey::from_bytes(reader.array_of()?),
        sealing_key: SealingKey::from_bytes(reader.array_of()?),
        wall: WallTime::from_ms(reader.u64()?),
    };
    reader.end()?;
    Ok(introduction)
}

fn read_signal(
    body: &[u8],
    own: &Identity<'_>,
    from: &VerifiedIntroduction,
) -> Result<VerifiedSignal, EnvelopeError> {
    let mut reader = Reader::new(body);
    reader.fields(10)?;
    if RoomId::from_bytes(reader.array_of()?) != own.keys.room() {
        return Err(EnvelopeError::WrongRoom);
    }
    if PeerId::from_bytes(reader.array_of()?) != from.peer {
        return Err(EnvelopeError::WrongSender);
    }
    if PeerId::from_bytes(reader.array_of()?) != own.signing.peer() {
        return Err(EnvelopeError::WrongReceiver);
    }
    let sender_instance = Instance::from_bytes(reader.array_of()?);
    let receiver_instance = Instance::from_bytes(reader.array_of()?);
    let signal = VerifiedSignal {
        session: LinkSession::from_bytes(reader.array_of()?),
        epoch: Epoch(reader.u32()?),
        number: reader.u64()?,
        ack: reader.u64()?,
        payload: reader.bytes(ENVELOPE_BYTES_MAX)?.to_vec(),
    };
    reader.end()?;
    if receiver_instance != own.instance {
        let (expected, found) = (own.instance, receiver_instance);
        return Err(EnvelopeError::WrongInstance { expected, found });
    }
    if sender_instance != from.instance {
        let (expected, found) = (from.instance, sender_instance);
        return Err(EnvelopeError::WrongInstance { expected, found });
    }
    Ok(signal)
}
