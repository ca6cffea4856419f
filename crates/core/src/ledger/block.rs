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
    BLOCK_BODY_BYTES_MAX, BLOCK_HEADER_BYTES_MAX, RUN_BYTES_MAX, RUN_COUNT_MAX, SALT_BYTES,
};

use super::fault::LedgerFault;

mod header;
#[cfg(test)]
mod tests;

pub use header::{Anchor, Flags, Header, Parents};

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
        let decode = |block: &UnverifiedBlock<'_>| Header::decode(block.header);
        let headers: Result<Vec<Header>, LedgerFault> = blocks.iter().map(decode).collect();
        Self::check_decoded(room, blocks, headers?)
    }

    /// The same for blocks of which somebody has read the headers.
    pub(super) fn check_decoded(
        room: &RoomId,
        blocks: &[UnverifiedBlock<'_>],
        headers: Vec<Header>,
    ) -> Result<Self, LedgerFault> {
        let run = Self::assemble(room, blocks, headers)?;
        let last = run.blocks.last().ok_or(LedgerFault::EmptyRun)?;
        let signature = last.signature.ok_or(LedgerFault::UnsignedRun)?;
        check_signature(&last.header.author, &last.id, &signature)?;
        Ok(run)
    }

    /// Checks all of a run but the signature, which is there.
    fn assemble(
        room: &RoomId,
        blocks: &[UnverifiedBlock<'_>],
        headers: Vec<Header>,
    ) -> Result<Self, LedgerFault> {
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
        for (index, (block, header)) in blocks.iter().zip(headers).enumerate() {
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
        let bytes = header.encode();
        let id = block_id(room, &bytes);
        let signature = Some(key.sign(Context::BLOCK_SIGNATURE, id.as_bytes()));
        // A signature that was just made holds; to check it would take twice as long as to make it.
        let block = UnverifiedBlock { header: &bytes, body, signature };
        Self::assemble(room, &[block], alloc::vec![Header::decode(&bytes)?])
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
