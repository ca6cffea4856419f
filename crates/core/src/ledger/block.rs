//! Blocks: what is signed, what is hashed, and the one check that makes bytes a block.
//!
//! A block is a header, a body beside it, and a signature beside both. The id is the hash of the
//! header bytes as received, under the room: the room is not repeated in the header, and a block
//! moved to another room has another id, for which no signature holds. The header carries the hash
//! of the body, which begins with a salt, so that a body can be erased and its hash gives nothing
//! away.
//!
//! A signature vouches for the block it covers and, through `prev`, for the blocks below it. So
//! blocks travel as runs: consecutive blocks of one author whose last one is signed, up to 256 for
//! the cost of one check. Signatures inside of a run are dropped, since nobody checked them.
//!
//! Source: docs/protocol.md.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::crypto::{Context, Signature, Signing, derive, verify};
use crate::id::{AuthorId, BlockId, BodyHash, RoomId};
use crate::limits::{
    BLOCK_BODY_BYTES_MAX, BLOCK_HEADER_BYTES_MAX, PARENT_COUNT_MAX, RUN_BYTES_MAX, RUN_COUNT_MAX,
    SALT_BYTES,
};
use crate::time::WallTime;

use super::fault::LedgerFault;
use super::member::Credential;

#[cfg(test)]
mod tests;

/// Up to eight ids, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parents {
    ids: [BlockId; PARENT_COUNT_MAX],
    count: usize,
}

impl Default for Parents {
    fn default() -> Self {
        Self { ids: [BlockId::from_bytes([0; 32]); PARENT_COUNT_MAX], count: 0 }
    }
}

impl Parents {
    /// The first eight of these ids, in the order that the header wants.
    #[must_use]
    pub fn new(ids: &[BlockId]) -> Self {
        let mut parents = Self::default();
        for id in ids.iter().take(PARENT_COUNT_MAX) {
            let mut at = parents.count;
            parents.count += 1;
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
        self.ids.get(..self.count).unwrap_or_default()
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
pub struct Flags(u8);

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
        writer.array(self.parents.count);
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
        let mut parents = Parents { count: reader.array(PARENT_COUNT_MAX)?, ..Parents::default() };
        let count = parents.count;
        for parent in parents.ids.iter_mut().take(count) {
            *parent = BlockId::from_bytes(reader.array_of()?);
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

/// Heads of a block, its header and its body, and no signature.
pub(super) const BLOCK_OVERHEAD_BYTES: usize = 1 + 3 + 3 + 1;

/// The id of the block with these header bytes.
#[must_use]
pub fn block_id(room: &RoomId, header: &[u8]) -> BlockId {
    BlockId::from_bytes(*derive(Context::BLOCK, &[room.as_bytes(), header]).as_bytes())
}

/// The hash of a body, which begins with its salt.
#[must_use]
pub fn body_hash(body: &[u8]) -> BodyHash {
    BodyHash::from_bytes(*derive(Context::BODY, &[body]).as_bytes())
}

/// A salt and the payload after it.
#[must_use]
pub fn salted(salt: [u8; SALT_BYTES], payload: &[u8]) -> Vec<u8> {
    [&salt[..], payload].concat()
}

/// A block as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnverifiedBlock<'a> {
    /// The header's bytes, as they are hashed.
    pub header: &'a [u8],
    /// Salt and payload.
    pub body: &'a [u8],
    /// Of the author over the id; the last block of a run has one.
    pub signature: Option<Signature>,
}

impl<'a> UnverifiedBlock<'a> {
    /// Layout: `[header: bytes, body: bytes, signature: bytes(64) / null]`.
    pub fn write(&self, writer: &mut Writer) {
        writer.array(3).bytes(self.header).bytes(self.body);
        writer.optional(self.signature, |writer, signature| {
            writer.bytes(signature.as_bytes());
        });
    }

    /// What it takes of a run: header, body and their heads, with no signature.
    pub(super) fn cost_bytes(&self) -> usize {
        self.header.len() + self.body.len() + BLOCK_OVERHEAD_BYTES
    }

    /// Reads what [`UnverifiedBlock::write`] wrote.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.fields(3)?;
        let header = reader.bytes(BLOCK_HEADER_BYTES_MAX)?;
        let body = reader.bytes(BLOCK_BODY_BYTES_MAX)?;
        let signature = reader.optional(|reader| reader.array_of().map(Signature::from_bytes))?;
        Ok(Self { header, body, signature })
    }
}

/// A block whose form, body and author are checked; whether its ancestors are held is not its own
/// to say. Only [`VerifiedRun::check`] and [`VerifiedRun::sign`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBlock {
    pub(super) id: BlockId,
    pub(super) header: Header,
    pub(super) body: Box<[u8]>,
    pub(super) signature: Option<Signature>,
}

impl VerifiedBlock {
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> BlockId {
        self.id
    }

    /// What it says.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What its author wrote, without the salt.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.body.get(SALT_BYTES..).unwrap_or_default()
    }

    /// The author's signature, if this block was the last of its run.
    #[must_use]
    pub const fn signature(&self) -> Option<Signature> {
        self.signature
    }
}

/// Consecutive blocks of one author, the last of them signed by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRun {
    pub(super) blocks: Vec<VerifiedBlock>,
}

impl VerifiedRun {
    /// Checks a run as it came. The only way from bytes to [`VerifiedBlock`].
    ///
    /// Cost: two hashes for each block and one signature check.
    ///
    /// # Errors
    /// - [`LedgerFault::EmptyRun`], [`LedgerFault::RunTooLong`], [`LedgerFault::RunTooLarge`],
    ///   [`LedgerFault::UnsignedRun`].
    /// - [`LedgerFault::BodyLength`], [`LedgerFault::BodyHash`] - a body that is not the header's.
    /// - [`LedgerFault::BrokenRun`] - a block that does not follow the one before it.
    /// - [`LedgerFault::BadSignature`] - the author did not sign the last one.
    /// - those of [`Header::decode`].
    pub fn check(room: &RoomId, blocks: &[UnverifiedBlock<'_>]) -> Result<Self, LedgerFault> {
        let run = Self::assemble(room, blocks)?;
        let last = run.blocks.last().ok_or(LedgerFault::EmptyRun)?;
        let signature = last.signature.ok_or(LedgerFault::UnsignedRun)?;
        check_signature(&last.header.author, &last.id, &signature)?;
        Ok(run)
    }

    /// Checks all of a run but the signature, which is there.
    fn assemble(room: &RoomId, blocks: &[UnverifiedBlock<'_>]) -> Result<Self, LedgerFault> {
        let found = blocks.len();
        if found > RUN_COUNT_MAX {
            return Err(LedgerFault::RunTooLong { limit: RUN_COUNT_MAX, found });
        }
        let bytes: usize = blocks.iter().map(UnverifiedBlock::cost_bytes).sum();
        if bytes > RUN_BYTES_MAX {
            return Err(LedgerFault::RunTooLarge { limit: RUN_BYTES_MAX, found: bytes });
        }
        let signature = blocks.last().ok_or(LedgerFault::EmptyRun)?.signature;
        let signature = signature.ok_or(LedgerFault::UnsignedRun)?;
        let mut verified: Vec<VerifiedBlock> = Vec::with_capacity(found);
        for (index, block) in blocks.iter().enumerate() {
            let header = Header::decode(block.header)?;
            check_body(&header, block.body)?;
            let id = block_id(room, block.header);
            if verified.last().is_some_and(|before| !follows(&header, before)) {
                return Err(LedgerFault::BrokenRun { index });
            }
            verified.push(VerifiedBlock { id, header, body: block.body.into(), signature: None });
        }
        let last = verified.last_mut().ok_or(LedgerFault::EmptyRun)?;
        last.signature = Some(signature);
        Ok(Self { blocks: verified })
    }

    /// Signs a block of one's own: a run of one. The header's author, body length and hash are set
    /// here.
    ///
    /// # Errors
    /// As [`VerifiedRun::check`]: what we write, others will take.
    pub fn sign(
        room: &RoomId,
        key: &Signing,
        mut header: Header,
        body: &[u8],
    ) -> Result<Self, LedgerFault> {
        header.author = key.author();
        header.body_hash = body_hash(body);
        header.body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let header = header.encode();
        let id = block_id(room, &header);
        let signature = Some(key.sign(Context::BLOCK_SIGNATURE, id.as_bytes()));
        // A signature that was just made holds; to check it would take twice as long as to make it.
        Self::assemble(room, &[UnverifiedBlock { header: &header, body, signature }])
    }

    /// The blocks, in the order of their numbers.
    #[must_use]
    pub fn blocks(&self) -> &[VerifiedBlock] {
        &self.blocks
    }
}

/// Checks a run as it travels, `[block, ..]`. How many blocks it has; 0 if it does not hold.
#[must_use]
pub fn check_run(room: &RoomId, bytes: &[u8]) -> usize {
    let mut reader = Reader::new(bytes);
    let count = reader.array(RUN_COUNT_MAX).unwrap_or(0);
    let blocks = (0..count).map_while(|_| UnverifiedBlock::read(&mut reader).ok());
    let blocks: Vec<UnverifiedBlock<'_>> = blocks.collect();
    VerifiedRun::check(room, &blocks).map_or(0, |run| run.blocks.len())
}

/// Checks that `author` signed the block `id`.
///
/// # Errors
/// [`LedgerFault::BadSignature`] if it did not.
pub(super) fn check_signature(
    author: &AuthorId,
    id: &BlockId,
    signature: &Signature,
) -> Result<(), LedgerFault> {
    verify(author.as_bytes(), Context::BLOCK_SIGNATURE, id.as_bytes(), signature)
        .map_err(|_| LedgerFault::BadSignature)
}

fn follows(header: &Header, before: &VerifiedBlock) -> bool {
    header.prev == Some(before.id)
        && header.author == before.header.author
        && before.header.seq.checked_add(1) == Some(header.seq)
}

fn check_body(header: &Header, body: &[u8]) -> Result<(), LedgerFault> {
    if body.len() != header.body_bytes as usize {
        return Err(LedgerFault::BodyLength { expected: header.body_bytes, found: body.len() });
    }
    if body_hash(body) == header.body_hash { Ok(()) } else { Err(LedgerFault::BodyHash) }
}
