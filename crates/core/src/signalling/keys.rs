//! What a room's secret is turned into.
//!
//! The secret never leaves the peer. The server gets the topic, which says nothing about the secret
//! and nothing about the room to whoever does not hold it; introductions are sealed with the other
//! key. A public room has no secret, so whoever knows its name derives both, the server included.
//!
//! Source: docs/protocol.md.

use crate::crypto::{Context, Digest, derive};
use crate::id::{Instance, LinkSession, RoomId, Topic};
use crate::limits::ROOM_BYTES;

/// What a peer derives from a room address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RoomKeys {
    room: RoomId,
    topic: Topic,
    seal: Digest,
}

impl core::fmt::Debug for RoomKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RoomKeys({:?})", self.room)
    }
}

impl RoomKeys {
    /// The keys of a room with this secret; a public room has an empty one.
    #[must_use]
    pub fn derive(room: RoomId, secret: &[u8]) -> Self {
        let parts: [&[u8]; 2] = [secret, room.as_bytes()];
        let topic = Topic::from_bytes(*derive(Context::TOPIC, &parts).as_bytes());
        Self { room, topic, seal: derive(Context::SEAL, &parts) }
    }

    /// The room itself.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// What the server knows the room by.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        self.topic
    }

    /// The key that seals introductions.
    pub(super) const fn seal(&self) -> &Digest {
        &self.seal
    }
}

/// The id of the room made from these random bytes.
#[must_use]
pub fn room_id(room: &[u8; ROOM_BYTES]) -> RoomId {
    RoomId::from_bytes(*derive(Context::ROOM_ID, &[room]).as_bytes())
}

/// The id of the public room with this name.
#[must_use]
pub fn public_room_id(name: &str) -> RoomId {
    RoomId::from_bytes(*derive(Context::PUBLIC_ROOM_ID, &[name.as_bytes()]).as_bytes())
}

/// What a link between two instances is called, the same on both sides.
#[must_use]
pub fn link_session(room: &RoomId, a: &Instance, b: &Instance) -> LinkSession {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let digest = derive(Context::LINK, &[room.as_bytes(), low.as_bytes(), high.as_bytes()]);
    let mut session = [0; LinkSession::BYTES];
    session.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    LinkSession::from_bytes(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rooms and public rooms live in separate namespaces.
    #[test]
    fn public_room_never_has_the_id_of_a_room_with_a_secret() {
        assert_ne!(room_id(b"0123456789abcdef"), public_room_id("0123456789abcdef"));
    }

    /// topic and seal depend on both the secret and the room, and not on one another.
    #[test]
    fn keys_differ_by_secret_and_by_room() {
        let room = room_id(&[1; 16]);
        let keys = RoomKeys::derive(room, &[2; 16]);
        assert_eq!(keys, RoomKeys::derive(room, &[2; 16]));
        let other_secret = RoomKeys::derive(room, &[3; 16]);
        let other_room = RoomKeys::derive(room_id(&[4; 16]), &[2; 16]);
        for other in [other_secret, other_room] {
            assert_ne!(keys.topic(), other.topic());
            assert_ne!(keys.seal(), other.seal());
        }
        assert_ne!(keys.topic().as_bytes(), keys.seal().as_bytes());
    }

    /// both sides name their link alike; another pair or room gives another name.
    #[test]
    fn link_session_is_symmetric() {
        let room = room_id(&[1; 16]);
        let (a, b) = (Instance::from_bytes([5; 16]), Instance::from_bytes([6; 16]));
        assert_eq!(link_session(&room, &a, &b), link_session(&room, &b, &a));
        assert_ne!(link_session(&room, &a, &b), link_session(&room, &a, &a));
        assert_ne!(link_session(&room, &a, &b), link_session(&room_id(&[9; 16]), &a, &b));
    }
}
