//! The proof that an author wrote two histories.
//!
//! A fork is two authentic blocks of one author with the same sequence number and different ids.
//! The proof is the two headers, each with the headers above it up to one that the author signed.
//! It stands by itself: whoever knows the room's id can check it, without the ledger.
//!
//! Source: docs/protocol.md.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::codec::{Reader, Writer};
use crate::crypto::Signature;
use crate::id::{AuthorId, BlockId, RoomId};
use crate::limits::{BLOCK_HEADER_BYTES_MAX, FORK_PROOF_BYTES_MAX, RUN_COUNT_MAX};

use super::block::{Header, block_id, check_signature};
use super::fault::LedgerFault;

/// A checked proof. Only [`ForkProof::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    author: AuthorId,
    seq: u32,
    bytes: Box<[u8]>,
}

impl ForkProof {
    /// Checks a proof for this room.
    ///
    /// Layout: `[side, side]`, each `[[header: bytes, ..], signature: bytes(64)]`, the side whose
    /// first block has the smaller id first. Cost: a hash for each header and two signature checks.
    ///
    /// # Errors
    /// - [`LedgerFault::Malformed`] and those of [`Header::decode`] - not a proof, or none of blocks.
    /// - [`LedgerFault::BrokenRun`] - headers that do not follow one another.
    /// - [`LedgerFault::BadSignature`] - the author signed none of it.
    /// - [`LedgerFault::NoFork`] - no two blocks of one author and number, or not in order.
    pub fn check(room: &RoomId, bytes: &[u8]) -> Result<Self, LedgerFault> {
        let mut reader = Reader::new(bytes);
        reader.fields(2)?;
        let (first, low) = check_side(room, &mut reader)?;
        let (second, high) = check_side(room, &mut reader)?;
        reader.end()?;
        if first.author != second.author || first.seq != second.seq || low >= high {
            return Err(LedgerFault::NoFork);
        }
        Ok(Self { author: first.author, seq: first.seq, bytes: bytes.into() })
    }

    /// Puts two sides into a proof and checks it. Each is headers and the signature over the last.
    pub(super) fn join(
        room: &RoomId,
        one: (&[Vec<u8>], Signature),
        other: (&[Vec<u8>], Signature),
    ) -> Result<Self, LedgerFault> {
        let id = |side: &[Vec<u8>]| block_id(room, side.first().map_or(&[], |first| first));
        let (low, high) = if id(one.0) < id(other.0) { (one, other) } else { (other, one) };
        let mut writer = Writer::with_capacity(1_024);
        writer.array(2);
        for (headers, signature) in [low, high] {
            writer.array(2).array(headers.len());
            for header in headers {
                writer.bytes(header);
            }
            writer.bytes(signature.as_bytes());
        }
        Self::check(room, &writer.finish())
    }

    /// Who forked.
    #[must_use]
    pub const fn author(&self) -> AuthorId {
        self.author
    }

    /// The number that two of its blocks have.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// The proof as it travels, at most [`FORK_PROOF_BYTES_MAX`] bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The first header of a side, with its id.
fn check_side(room: &RoomId, reader: &mut Reader<'_>) -> Result<(Header, BlockId), LedgerFault> {
    reader.fields(2)?;
    let count = reader.array(RUN_COUNT_MAX)?;
    let mut first: Option<(Header, BlockId)> = None;
    let mut last: Option<(AuthorId, u32, BlockId)> = None;
    for index in 0..count {
        let bytes = reader.bytes(BLOCK_HEADER_BYTES_MAX)?;
        let header = Header::decode(bytes)?;
        if let Some((author, seq, id)) = last
            && (header.author != author
                || header.prev != Some(id)
                || seq.checked_add(1) != Some(header.seq))
        {
            return Err(LedgerFault::BrokenRun { index });
        }
        let id = block_id(room, bytes);
        last = Some((header.author, header.seq, id));
        first.get_or_insert((header, id));
    }
    let signature = Signature::from_bytes(reader.array_of()?);
    let (author, _, id) = last.ok_or(LedgerFault::EmptyRun)?;
    check_signature(&author, &id, &signature)?;
    first.ok_or(LedgerFault::EmptyRun)
}

const _: () = assert!(FORK_PROOF_BYTES_MAX >= 2 * (RUN_COUNT_MAX * BLOCK_HEADER_BYTES_MAX));
