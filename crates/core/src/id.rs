//! Names: every identifier is its own type, so that none can stand in for another.

use alloc::string::String;
use core::fmt;

use crate::codec::base64url;
use crate::limits::INSTANCE_BYTES;
use crate::time::WallTime;

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $size:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $size]);

        impl $name {
            /// How many bytes this name has.
            pub const BYTES: usize = $size;

            /// The name with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes of this name.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }

            /// Reads the text form written by `Display` (unpadded base64url).
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                base64url::decode(text)?.try_into().ok().map(Self)
            }

            /// The text form, as `Display` writes it.
            #[must_use]
            pub fn to_text(&self) -> String {
                base64url::encode(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = self.to_text();
                write!(f, "{}({})", stringify!($name), text.get(..8).unwrap_or(&text))
            }
        }
    };
}

byte_id! {
    /// One running participant, named by its Ed25519 author key.
    PeerId, 32
}
byte_id! {
    /// A room: the hash of what it was made from.
    RoomId, 32
}
byte_id! {
    /// What the server knows a room by: a hash of the room's secret and id.
    Topic, 32
}
byte_id! {
    /// The Ed25519 key a peer shows the server: fresh for each joining, unlinkable to its [`PeerId`].
    SessionKey, 32
}
byte_id! {
    /// An X25519 public key to which directed signals are sealed.
    SealingKey, 32
}
byte_id! {
    /// The SHA-256 fingerprint of a DTLS certificate.
    Fingerprint, 32
}
byte_id! {
    /// A value drawn once, so that nothing signed over it can be replayed.
    Nonce, 16
}
byte_id! {
    /// One start of a peer: wall time in ms (6 bytes, big endian), then 10 random bytes. The later
    /// of two starts therefore sorts higher, save for clocks that moved back.
    Instance, INSTANCE_BYTES
}
byte_id! {
    /// A member of a room: a profile's Ed25519 key, derived per room so that rooms cannot be linked.
    MemberId, 32
}
byte_id! {
    /// Who writes one chain of blocks: one of a member's slot keys. A running author is a peer, and
    /// its [`PeerId`] is this key.
    AuthorId, 32
}
byte_id! {
    /// A block: the hash of its room and header.
    BlockId, 32
}
byte_id! {
    /// The hash of a block's body, salt included.
    BodyHash, 32
}
byte_id! {
    /// What one link is called on both sides: a hash of the room and the two instances.
    LinkSession, 16
}

impl Instance {
    /// The instance that started at `wall`, told apart from others of that moment by `random`.
    #[must_use]
    pub fn new(wall: WallTime, random: [u8; 10]) -> Self {
        let mut bytes = [0; INSTANCE_BYTES];
        let (time, rest) = bytes.split_at_mut(6);
        let wall = wall.as_ms().to_be_bytes();
        time.copy_from_slice(wall.get(2..).unwrap_or(&[0; 6]));
        rest.copy_from_slice(&random);
        Self(bytes)
    }
}

impl From<PeerId> for AuthorId {
    fn from(peer: PeerId) -> Self {
        Self(peer.0)
    }
}

impl From<AuthorId> for PeerId {
    fn from(author: AuthorId) -> Self {
        Self(author.0)
    }
}

macro_rules! counted_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The one after this; the first again after the last.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.wrapping_add(1))
            }
        }
    };
}

counted_id! {
    /// A WebSocket the driver opened for the core.
    SocketId
}
counted_id! {
    /// A WebRTC connection the driver made for the core.
    ConnectionId
}
counted_id! {
    /// A media stream of this peer, numbered by the driver.
    StreamKey
}
counted_id! {
    /// Ties work handed out, or a call of the application, to its answer.
    Ticket
}
counted_id! {
    /// Which connection of a link: rises by one with each rebuild. Both sides use the highest seen.
    Epoch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_refuses_others() {
        let id = PeerId::from_bytes([7; 32]);
        assert_eq!(PeerId::parse(&id.to_text()), Some(id));
        assert_eq!(id.to_text().len(), 43);
        assert_eq!(PeerId::parse("AAAA"), None);
        assert_eq!(PeerId::parse("not base64url!"), None);
    }

    #[test]
    fn later_instance_sorts_higher() {
        let early = Instance::new(WallTime::from_ms(1_000), [255; 10]);
        let late = Instance::new(WallTime::from_ms(1_001), [0; 10]);
        assert!(early < late);
    }
}
