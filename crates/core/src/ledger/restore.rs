//! Blocks in storage, and in a file that carries a whole ledger.
//!
//! A stored block is what travels: header, body, and the signature where one was checked. Blocks are
//! stored in the order in which they came to be held, so ancestors come first; those that a later
//! signature vouches for wait here until it comes, and are then checked with it as a run. A record
//! that storage spoiled takes with it only what that run vouches for: what is missing then is asked of
//! others.
//!
//! A file is the room's genesis, then blocks, then proofs of forks, one CBOR item after the other (RFC
//! 8742). It is checked like anything a stranger sends.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer, owned_text};
use crate::id::{AuthorId, RoomId};
use crate::limits::{
    BLOCK_BODY_BYTES_MAX, BLOCK_HEADER_BYTES_MAX, FORK_PROOF_BYTES_MAX, GENESIS_BYTES_MAX,
    ROOM_NAME_BYTES_MAX, RUN_COUNT_MAX,
};
use crate::table::Table;

use super::block::{Header, UnverifiedBlock, VerifiedRun};
use super::dag::{BlockIndex, Dag};
use super::fault::LedgerFault;
use super::fork::ForkProof;
use super::genesis::Genesis;

#[cfg(test)]
mod tests;

/// The version of the file.
const FILE_VERSION: u64 = 1;

/// Blocks of one author that no signature vouches for yet.
#[derive(Debug, Default)]
struct Open {
    blocks: Vec<Vec<u8>>,
    headers: Vec<Header>,
}

/// Puts stored blocks together into runs that can be checked.
#[derive(Debug)]
pub struct Restore {
    room: RoomId,
    /// Blocks without a signature, by author and the number that comes next.
    open: Table<(AuthorId, u32), Open>,
    /// The run that did not hold last.
    failed: Vec<Vec<u8>>,
}

impl Restore {
    /// For blocks of this room.
    #[must_use]
    pub const fn new(room: RoomId) -> Self {
        Self { room, open: Table::new(), failed: Vec::new() }
    }

    /// Takes the next stored block, as [`Dag::block_bytes`] gave it. Returns a run when a signature
    /// ends one.
    ///
    /// # Errors
    /// Those of [`VerifiedRun::check`]; the blocks of that run are forgotten, others are not.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<VerifiedRun>, LedgerFault> {
        let mut reader = Reader::new(bytes);
        let block = UnverifiedBlock::read(&mut reader)?;
        reader.end()?;
        let header = Header::decode(block.header)?;
        let mut run = self.open.remove(&(header.author, header.seq)).unwrap_or_default();
        let is_signed = block.signature.is_some();
        let next = header.seq.checked_add(1).map(|seq| (header.author, seq));
        run.blocks.push(bytes.to_vec());
        run.headers.push(header);
        if !is_signed && run.blocks.len() < RUN_COUNT_MAX {
            if let Some(next) = next {
                self.open.insert(next, run);
            }
            return Ok(None);
        }
        let mut blocks = Vec::with_capacity(run.blocks.len());
        for bytes in &run.blocks {
            blocks.push(UnverifiedBlock::read(&mut Reader::new(bytes))?);
        }
        let checked = VerifiedRun::check_decoded(&self.room, &blocks, run.headers);
        if checked.is_err() {
            self.failed = run.blocks;
        }
        checked.map(Some)
    }

    /// The blocks of the run that did not hold last.
    pub fn take_failed(&mut self) -> Vec<Vec<u8>> {
        core::mem::take(&mut self.failed)
    }

    /// How many blocks wait for a signature. After the last record: how many are lost.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.open.values().map(|run| run.blocks.len()).sum()
    }
}

impl Dag {
    /// A held block as it is stored and travels: `[header, body, signature / null]`.
    #[must_use]
    pub fn block_bytes(&self, index: BlockIndex) -> Option<Vec<u8>> {
        let header = self.header_of(index)?.encode();
        let body = self.body_of(index)?;
        let signature = self.block(index)?.signature;
        let mut writer = Writer::with_capacity(header.len() + body.len() + 80);
        UnverifiedBlock { header: &header, body, signature }.write(&mut writer);
        Some(writer.finish())
    }
}

/// One item of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileItem<'a> {
    /// The room: first, and once.
    Genesis {
        /// The name of a public room, which has no record.
        public_name: Option<String>,
        /// The record; empty for a public room.
        bytes: &'a [u8],
    },
    /// A block, for [`Restore::push`].
    Block(&'a [u8]),
    /// A fork's proof.
    Proof(&'a [u8]),
}

impl<'a> FileItem<'a> {
    /// The first item of a file about this room.
    #[must_use]
    pub fn of_genesis(genesis: &'a Genesis) -> Self {
        let is_public = genesis.bytes().is_empty();
        let public_name = is_public.then(|| String::from(genesis.name()));
        Self::Genesis { public_name, bytes: genesis.bytes() }
    }

    /// Layout: `[0, version, public name: text / null, genesis: bytes]`, `[1, block: bytes]`, `[2,
    /// proof: bytes]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Genesis { public_name, bytes } => {
                writer.array(4).u64(0).u64(FILE_VERSION);
                writer.optional(public_name.as_deref(), |writer, name| {
                    writer.text(name);
                });
                writer.bytes(bytes);
            }
            Self::Block(bytes) => {
                writer.array(2).u64(1).bytes(bytes);
            }
            Self::Proof(bytes) => {
                writer.array(2).u64(2).bytes(bytes);
            }
        }
        writer.finish()
    }

    /// Reads the next item.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let fields = reader.array(4)? as u64;
        let kind = reader.u64()?;
        let expected = if kind == 0 { 4 } else { 2 };
        let offset = reader.offset();
        if fields != expected && kind <= 2 {
            return Err(DecodeError::WrongCount { offset, expected, found: fields });
        }
        match kind {
            0 => {
                let offset = reader.offset();
                let version = reader.u64()?;
                if version != FILE_VERSION {
                    return Err(DecodeError::OutOfRange { offset, found: version });
                }
                let name = |reader: &mut Reader<'_>| owned_text(reader, ROOM_NAME_BYTES_MAX);
                let public_name = reader.optional(name)?;
                Ok(Self::Genesis { public_name, bytes: reader.bytes(GENESIS_BYTES_MAX)? })
            }
            1 => reader.bytes(BLOCK_BYTES_MAX).map(Self::Block),
            2 => reader.bytes(FORK_PROOF_BYTES_MAX).map(Self::Proof),
            found => Err(DecodeError::UnknownKind { found }),
        }
    }
}

/// A block with its heads and signature.
const BLOCK_BYTES_MAX: usize = BLOCK_HEADER_BYTES_MAX + BLOCK_BODY_BYTES_MAX + 80;

/// Where the blocks of a file about this room begin.
///
/// # Errors
/// - [`LedgerFault::WrongGenesis`] - of another room than the one that is open here.
/// - [`LedgerFault::Malformed`] - not a file of this version.
pub fn blocks_offset(genesis: &Genesis, bytes: &[u8]) -> Result<usize, LedgerFault> {
    let mut reader = Reader::new(bytes);
    let offset = reader.offset();
    let item = FileItem::read(&mut reader)?;
    if !matches!(item, FileItem::Genesis { .. }) {
        return Err(DecodeError::Unexpected { offset, expected: "a genesis" }.into());
    }
    if item == FileItem::of_genesis(genesis) {
        Ok(reader.offset())
    } else {
        Err(LedgerFault::WrongGenesis)
    }
}

/// The genesis that a file begins with, where its room has one.
///
/// # Errors
/// [`LedgerFault::Malformed`] - not a file of this version.
pub fn file_genesis(bytes: &[u8]) -> Result<&[u8], LedgerFault> {
    match FileItem::read(&mut Reader::new(bytes))? {
        FileItem::Genesis { bytes, .. } => Ok(bytes),
        _ => Err(DecodeError::Unexpected { offset: 0, expected: "a genesis" }.into()),
    }
}

/// What taking in a file brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Blocks held now that were not before.
    pub held_count: u32,
    /// Runs, blocks and proofs that do not hold.
    pub refused_count: u32,
    /// Blocks that no signature in the file vouches for.
    pub unsigned_count: usize,
}

impl Dag {
    /// A file's items but the first, from this block on, so that a long ledger is written in parts of
    /// about `bytes_max`. Returns them with the block to go on from; after the last come the proofs.
    #[must_use]
    pub fn export_from(&self, from: BlockIndex, bytes_max: usize) -> (Vec<u8>, Option<BlockIndex>) {
        let mut bytes = Vec::new();
        for at in from.0..self.held_count() {
            if bytes.len() >= bytes_max {
                return (bytes, Some(BlockIndex(at)));
            }
            let block = self.block_bytes(BlockIndex(at)).unwrap_or_default();
            bytes.extend_from_slice(&FileItem::Block(&block).encode());
        }
        for proof in self.forks() {
            bytes.extend_from_slice(&FileItem::Proof(proof.bytes()).encode());
        }
        (bytes, None)
    }

    /// Takes in a file of this room. What does not hold is counted and left out.
    ///
    /// Cost: as for blocks from a peer.
    ///
    /// # Errors
    /// Those of [`blocks_offset`]; and [`LedgerFault::Malformed`] where an item cannot be read: what
    /// came before it stays.
    pub fn import(&mut self, bytes: &[u8]) -> Result<Imported, LedgerFault> {
        let start = blocks_offset(self.genesis(), bytes)?;
        let mut reader = Reader::new(bytes.get(start..).unwrap_or_default());
        let mut restore = Restore::new(self.room());
        let mut imported = Imported::default();
        while !reader.at_end() {
            match FileItem::read(&mut reader)? {
                FileItem::Genesis { .. } => imported.refused_count += 1,
                FileItem::Block(bytes) => match restore.push(bytes) {
                    Ok(None) => {}
                    Ok(Some(run)) => {
                        let offered = self.offer(run, super::Source(0));
                        imported.held_count += offered.held_count;
                        let refused = u32::try_from(offered.refused.len()).unwrap_or(u32::MAX);
                        imported.refused_count += refused;
                    }
                    Err(_) => imported.refused_count += 1,
                },
                FileItem::Proof(bytes) => match ForkProof::check(&self.room(), bytes) {
                    Ok(proof) => {
                        self.note_fork(proof);
                    }
                    Err(_) => imported.refused_count += 1,
                },
            }
        }
        imported.unsigned_count = restore.waiting_count();
        Ok(imported)
    }
}
