//! The header of a block: what its id is the hash of.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::id::{AuthorId, BlockId, BodyHash};
use crate::limits::{BLOCK_BODY_BYTES_MAX, BLOCK_HEADER_BYTES_MAX, PARENT_COUNT_MAX, SALT_BYTES};
use crate::time::WallTime;

use super::super::fault::LedgerFault;
use super::super::member::Credential;

/// Up to eight ids, rising. In a vector and not in place, since most blocks have few and all are moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parents {
    pub(super) ids: Vec<BlockId>,
}

impl Parents {
    /// The first eight of these ids, in the order that the header wants.
    #[must_use]
    pub fn new(ids: &[BlockId]) -> Self {
        let mut parents = Self::default();
        for id in ids.iter().take(PARENT_COUNT_MAX) {
            let mut at = parents.ids.len();
            parents.ids.push(*id);
            // Up to eight: each moves down to its place.
            while let Some([before, own]) = parents.ids.get_mut(at.saturating_sub(1)..=at)
                && *before > *id
            {
                *own = *before;
                at -= 1;
            }
            if let Some(own) = parents.ids.get_mut(at) {
                *own = *id;
            }
        }
        parents
    }

    /// The ids.
    #[must_use]
    pub fn as_slice(&self) -> &[BlockId] {
        &self.ids
    }
}

/// The newest checkpoint that the author held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// None but the room's beginning; index 0.
    #[default]
    Genesis,
    /// A certified checkpoint.
    Checkpoint {
        /// How many checkpoints lie before it; at least 1.
        index: u64,
        /// Which.
        id: BlockId,
    },
}

/// What a block asks for beside being ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub(super) u8);

impl Flags {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Asks for a checkpoint.
    pub const FINALIZE: Self = Self(1);
    /// The payload changes the room's rules.
    pub const CONFIG: Self = Self(2);
    /// The payload is a fork's proof.
    pub const EVIDENCE: Self = Self(4);
    /// All that this version knows.
    const KNOWN: u8 = 7;

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn from_bits(bits: u8) -> Result<Self, LedgerFault> {
        if bits & !Self::KNOWN == 0 {
            Ok(Self(bits))
        } else {
            Err(LedgerFault::UnknownFlags { found: bits })
        }
    }
}

/// What an author signs, by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who wrote it.
    pub author: AuthorId,
    /// Its place in the author's chain, from 0.
    pub seq: u32,
    /// The block before it; `None` for the first.
    pub prev: Option<BlockId>,
    /// Tips of distinct other authors that it has seen.
    pub parents: Parents,
    /// The newest checkpoint that it has seen.
    pub anchor: Anchor,
    /// One more than the greatest height below.
    pub height: u32,
    /// What it asks for.
    pub flags: Flags,
    /// By the author's clock; decides nothing.
    pub wall: WallTime,
    /// Units: bytes, salt included.
    pub body_bytes: u32,
    /// Of the body, salt included.
    pub body_hash: BodyHash,
    /// In the first block only.
    pub credential: Option<Box<Credential>>,
}

impl Header {
    /// Layout: `[author, seq, prev, [parents], anchor, height, flags, wall, body_bytes, body_hash,
    /// credential]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer.array(11).bytes(self.author.as_bytes()).u32(self.seq);
        writer.optional(self.prev, |writer, prev| {
            writer.bytes(prev.as_bytes());
        });
        writer.array(self.parents.ids.len());
        for parent in self.parents.as_slice() {
            writer.bytes(parent.as_bytes());
        }
        match self.anchor {
            Anchor::Genesis => writer.null(),
            Anchor::Checkpoint { index, id } => writer.array(2).u64(index).bytes(id.as_bytes()),
        };
        writer.u32(self.height).u32(u32::from(self.flags.0)).u64(self.wall.as_ms());
        writer.u32(self.body_bytes).bytes(self.body_hash.as_bytes());
        writer.optional(self.credential.as_deref(), |writer, credential| credential.write(writer));
        writer.finish()
    }

    /// Reads a header and checks what it says by itself.
    ///
    /// # Errors
    /// - [`LedgerFault::Malformed`] - not the one encoding, or over a limit.
    /// - [`LedgerFault::PrevMismatch`], [`LedgerFault::CredentialMismatch`] - first and later blocks.
    /// - [`LedgerFault::ParentsUnsorted`], [`LedgerFault::UnknownFlags`], [`LedgerFault::NoSalt`].
    pub fn decode(bytes: &[u8]) -> Result<Self, LedgerFault> {
        if bytes.len() > BLOCK_HEADER_BYTES_MAX {
            let found = bytes.len() as u64;
            return Err(
                DecodeError::Oversize { offset: 0, limit: BLOCK_HEADER_BYTES_MAX, found }.into()
            );
        }
        let mut reader = Reader::new(bytes);
        let header = Self::read(&mut reader)?;
        reader.end()?;
        if (header.seq == 0) != header.prev.is_none() {
            return Err(LedgerFault::PrevMismatch { seq: header.seq });
        }
        if (header.seq == 0) != header.credential.is_some() {
            return Err(LedgerFault::CredentialMismatch { seq: header.seq });
        }
        let parents = header.parents.as_slice();
        if !parents.iter().zip(parents.iter().skip(1)).all(|(low, high)| low < high) {
            return Err(LedgerFault::ParentsUnsorted);
        }
        if (header.body_bytes as usize) < SALT_BYTES {
            return Err(LedgerFault::NoSalt { found: header.body_bytes });
        }
        Ok(header)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, LedgerFault> {
        reader.fields(11)?;
        let author = AuthorId::from_bytes(reader.array_of()?);
        let seq = reader.u32()?;
        let prev = reader.optional(|reader| reader.array_of().map(BlockId::from_bytes))?;
        let parent_count = reader.array(PARENT_COUNT_MAX)?;
        let mut parents = Parents { ids: Vec::with_capacity(parent_count) };
        for _ in 0..parent_count {
            parents.ids.push(BlockId::from_bytes(reader.array_of()?));
        }
        let anchor = reader.optional(read_anchor)?.unwrap_or_default();
        let height = reader.u32()?;
        let flags = Flags::from_bits(reader.u8()?)?;
        let wall = WallTime::from_ms(reader.u64()?);
        let body_bytes = read_body_bytes(reader)?;
        let body_hash = BodyHash::from_bytes(reader.array_of()?);
        let credential = reader.optional(Credential::read)?.map(Box::new);
        Ok(Self {
            author,
            seq,
            prev,
            parents,
            anchor,
            height,
            flags,
            wall,
            body_bytes,
            body_hash,
            credential,
        })
    }
}

fn read_anchor(reader: &mut Reader<'_>) -> Result<Anchor, DecodeError> {
    reader.fields(2)?;
    let offset = reader.offset();
    let index = reader.u64()?;
    if index == 0 {
        return Err(DecodeError::OutOfRange { offset, found: 0 });
    }
    Ok(Anchor::Checkpoint { index, id: BlockId::from_bytes(reader.array_of()?) })
}

fn read_body_bytes(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let offset = reader.offset();
    let found = reader.u32()?;
    if found as usize <= BLOCK_BODY_BYTES_MAX {
        return Ok(found);
    }
    Err(DecodeError::Oversize { offset, limit: BLOCK_BODY_BYTES_MAX, found: u64::from(found) })
}
