//! What a room begins with.
//!
//! Whoever creates a room writes its genesis, and the hash of it is the room's id: an address that
//! carries the id cannot be answered with another genesis. A public room is known by its name alone;
//! its genesis is computed from that, so nobody owns it and nobody has to hand it over.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::{Reader, Writer, owned_text};
use crate::crypto::{Context, derive};
use crate::id::{MemberId, RoomId};
use crate::limits::{GENESIS_BYTES_MAX, GENESIS_NONCE_BYTES, ROOM_NAME_BYTES_MAX};

use super::fault::LedgerFault;

/// The version of the ledger spoken here.
const LEDGER_VERSION: u64 = 1;

/// Who may write in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoomKind {
    /// Any member: whoever has the address.
    Open,
    /// The creator, and whoever it grants to.
    Owned,
    /// Anyone; named by its bare name, and capped.
    Public,
}

impl RoomKind {
    const fn number(self) -> u64 {
        match self {
            Self::Open => 0,
            Self::Owned => 1,
            Self::Public => 2,
        }
    }
}

/// A room's first record, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    room: RoomId,
    kind: RoomKind,
    creator: Option<MemberId>,
    name: String,
    bytes: Vec<u8>,
}

impl Genesis {
    /// The genesis of a new room; `nonce` is drawn for it. `None` if the kind is `Public`, which
    /// nobody creates, or the name is too long.
    #[must_use]
    pub fn create(
        kind: RoomKind,
        creator: MemberId,
        name: &str,
        nonce: [u8; GENESIS_NONCE_BYTES],
    ) -> Option<Self> {
        if kind == RoomKind::Public || name.len() > ROOM_NAME_BYTES_MAX {
            return None;
        }
        let mut writer = Writer::with_capacity(GENESIS_BYTES_MAX);
        writer.array(5).u64(LEDGER_VERSION).u64(kind.number());
        writer.bytes(creator.as_bytes()).text(name).bytes(&nonce);
        let bytes = writer.finish();
        Some(Self { room: room_of(&bytes), kind, creator: Some(creator), name: name.into(), bytes })
    }

    /// The genesis of the public room with this name, computed. `None` if the name is too long.
    #[must_use]
    pub fn public(name: &str) -> Option<Self> {
        if name.len() > ROOM_NAME_BYTES_MAX {
            return None;
        }
        let digest = derive(Context::PUBLIC_ROOM_ID, &[name.as_bytes()]);
        Some(Self {
            room: RoomId::from_bytes(*digest.as_bytes()),
            kind: RoomKind::Public,
            creator: None,
            name: name.into(),
            bytes: Vec::new(),
        })
    }

    /// The genesis of a room that is made from the bytes in its address, as behind a passphrase: open,
    /// and created by nobody. In a file the room's id stands in its place.
    #[must_use]
    pub fn of_address(room: RoomId) -> Self {
        let (kind, creator, name) = (RoomKind::Open, None, String::new());
        Self { room, kind, creator, name, bytes: room.as_bytes().to_vec() }
    }

    /// Reads the genesis of `room`, as a peer or the storage gave it.
    ///
    /// # Errors
    /// - [`LedgerFault::WrongGenesis`] - the genesis of another room; checked first, over the bytes.
    /// - [`LedgerFault::Malformed`] - right by its hash, and yet not a genesis of this version.
    pub fn read(room: &RoomId, bytes: &[u8]) -> Result<Self, LedgerFault> {
        if bytes.len() > GENESIS_BYTES_MAX || room_of(bytes) != *room {
            return Err(LedgerFault::WrongGenesis);
        }
        let mut reader = Reader::new(bytes);
        reader.fields(5)?;
        let offset = reader.offset();
        let version = reader.u64()?;
        if version != LEDGER_VERSION {
            return Err(crate::codec::DecodeError::OutOfRange { offset, found: version }.into());
        }
        let kind = match reader.u64()? {
            0 => RoomKind::Open,
            1 => RoomKind::Owned,
            found => return Err(crate::codec::DecodeError::UnknownKind { found }.into()),
        };
        let creator = Some(MemberId::from_bytes(reader.array_of()?));
        let name = owned_text(&mut reader, ROOM_NAME_BYTES_MAX)?;
        reader.array_of::<GENESIS_NONCE_BYTES>()?;
        reader.end()?;
        Ok(Self { room: *room, kind, creator, name, bytes: bytes.to_vec() })
    }

    /// The room's id.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.room
    }

    /// Who may write.
    #[must_use]
    pub const fn kind(&self) -> RoomKind {
        self.kind
    }

    /// Who created the room, if anyone did.
    #[must_use]
    pub const fn creator(&self) -> Option<MemberId> {
        self.creator
    }

    /// What the room is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The record whose hash is the room's id. Where there is none: empty for a public room, else the
    /// id itself.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn room_of(bytes: &[u8]) -> RoomId {
    RoomId::from_bytes(*derive(Context::GENESIS, &[bytes]).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::DecodeError;

    fn sample(kind: RoomKind) -> Genesis {
        let creator = MemberId::from_bytes([3; 32]);
        Genesis::create(kind, creator, "board", [4; 16]).expect("a genesis")
    }

    /// a genesis reads back under the id that is its hash.
    #[test]
    fn genesis_reads_back_under_its_hash() {
        for kind in [RoomKind::Open, RoomKind::Owned] {
            let genesis = sample(kind);
            assert_eq!(Genesis::read(&genesis.room(), genesis.bytes()), Ok(genesis));
        }
        let creator = MemberId::from_bytes([3; 32]);
        let other = Genesis::create(RoomKind::Open, creator, "board", [5; 16]).expect("a genesis");
        assert_ne!(other.room(), sample(RoomKind::Open).room());
    }

    /// cut, bent or of another room, it is refused by its hash.
    #[test]
    fn refuses_genesis_of_another_room() {
        let genesis = sample(RoomKind::Owned);
        let room = genesis.room();
        for len in 0..genesis.bytes().len() {
            let mut bent = genesis.bytes().to_vec();
            bent[len] ^= 1;
            for forged in [&bent[..], &genesis.bytes()[..len]] {
                let refusal = Genesis::read(&room, forged);
                assert_eq!(refusal, Err(LedgerFault::WrongGenesis), "byte {len}");
            }
        }
    }

    /// right by its hash, but of another version, kind or form.
    #[test]
    fn refuses_genesis_that_is_none() {
        let write = |version: u64, kind: u64, name: &str| {
            let mut writer = Writer::new();
            writer.array(5).u64(version).u64(kind).bytes(&[1; 32]).text(name).bytes(&[2; 16]);
            writer.finish()
        };
        let refusal = |bytes: &[u8]| Genesis::read(&room_of(bytes), bytes).expect_err("refused");
        let malformed = |cause| LedgerFault::Malformed(cause);
        let version = DecodeError::OutOfRange { offset: 1, found: 2 };
        assert_eq!(refusal(&write(2, 0, "")), malformed(version));
        assert_eq!(refusal(&write(1, 2, "")), malformed(DecodeError::UnknownKind { found: 2 }));
        let long = "x".repeat(ROOM_NAME_BYTES_MAX + 1);
        let over = DecodeError::Oversize { offset: 37, limit: 128, found: 129 };
        assert_eq!(refusal(&write(1, 0, &long)), malformed(over));
        let mut trailing = write(1, 0, "");
        trailing.push(0);
        let offset = trailing.len() - 1;
        assert_eq!(refusal(&trailing), malformed(DecodeError::Trailing { offset }));
        assert_eq!(
            Genesis::create(RoomKind::Public, MemberId::from_bytes([1; 32]), "", [0; 16]),
            None
        );
        assert_eq!(Genesis::public(&long), None);
    }

    /// a public room is its name, and owned by nobody.
    #[test]
    fn public_room_is_computed_from_its_name() {
        let room = Genesis::public("lobby").expect("a genesis");
        assert_eq!(room, Genesis::public("lobby").expect("a genesis"));
        assert_ne!(room.room(), Genesis::public("attic").expect("a genesis").room());
        assert_eq!((room.kind(), room.creator()), (RoomKind::Public, None));
    }
}
