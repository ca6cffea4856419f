//! What two peers say to bring their ledgers together.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::id::{AuthorId, BlockId, Nonce};
use crate::limits::{
    FORK_PROOF_BYTES_MAX, RUN_COUNT_MAX, SEEN_COUNT_MAX, SYNC_BAND_COUNT_MAX, SYNC_CLAIM_COUNT_MAX,
    SYNC_DOWN_COUNT_MAX, SYNC_ID_COUNT_MAX, SYNC_LISTED_COUNT_MAX, SYNC_PAGE_BYTES_MAX,
    SYNC_PROOF_COUNT_MAX, SYNC_RANGE_COUNT_MAX,
};

use super::super::block::UnverifiedBlock;
use super::super::dag::FrontierEntry;

#[cfg(test)]
mod tests;

/// Bytes of a head in a frontier.
pub(super) const HEAD_BYTES: usize = 8;

/// How far a peer says it holds an author's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub author: AuthorId,
    /// How many good blocks; at least 1.
    pub count: u32,
    /// The first eight bytes of the last one's id, and zeros; all of it where a reconciliation told it.
    pub head: [u8; BlockId::BYTES],
    /// The lowest number of a fork, if it knows of one.
    pub forked: Option<u32>,
}

impl Claim {
    /// What this says of a chain held here.
    #[must_use]
    pub fn of(entry: &FrontierEntry) -> Self {
        let mut head = [0; BlockId::BYTES];
        let from = entry.head.as_bytes().iter();
        head.iter_mut().zip(from).take(HEAD_BYTES).for_each(|(to, from)| *to = *from);
        Self { author: entry.author, count: entry.count, head, forked: entry.forked }
    }
}

/// A stretch of an author's good chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Whose.
    pub author: AuthorId,
    /// The first number.
    pub from: u32,
    /// The number after the last.
    pub to: u32,
}

/// A block by its id, and how many of those below it in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Single {
    /// Which.
    pub id: BlockId,
    /// So many below; at most 255.
    pub down: u32,
}

/// What one peer asks of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Names the request on its link; at least 1.
    pub number: u64,
    /// Stretches of chains.
    pub ranges: Vec<Range>,
    /// Single blocks.
    pub singles: Vec<Single>,
    /// Authors whose fork is to be proved.
    pub proofs: Vec<AuthorId>,
}

/// Where a band ends: before the first block of this height whose id is not below this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Of blocks.
    pub height: u32,
    /// Among blocks of that height.
    pub id: BlockId,
}

/// A block that its sender holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who wrote it.
    pub author: AuthorId,
    /// Its number.
    pub seq: u32,
    /// Which.
    pub id: BlockId,
}

/// Bytes of an imprint. Who grinds for one knows neither nonce.
pub const IMPRINT_BYTES: usize = 16;

/// The imprint of a band of which nothing is to be said: no hash is likely to be this.
pub const SKIP: [u8; IMPRINT_BYTES] = [0; IMPRINT_BYTES];

/// The blocks from the band before up to an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Its end.
    pub edge: Edge,
    /// A hash over what the sender holds there. The hash over nothing says that all of it is listed.
    pub imprint: [u8; IMPRINT_BYTES],
}

/// One step of a reconciliation. Above the last band nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bands {
    /// Names the reconciliation: the imprint of no blocks.
    pub name: [u8; IMPRINT_BYTES],
    /// By rising edges.
    pub bands: Vec<Band>,
    /// What the sender holds: in its bands that are listed, and what the other's lists lacked.
    pub listed: Vec<Listed>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncMessage<'a> {
    /// What the sender's ledger is, in 32 bytes.
    Digest([u8; 32]),
    /// What it is, author by author.
    Frontier {
        /// Its digest at that moment.
        digest: [u8; 32],
        /// Whether the receiver is to say its own.
        asks_back: bool,
        /// By rising author.
        claims: Vec<Claim>,
    },
    /// A question.
    Request(Request),
    /// Runs of blocks: an answer, or under number 0 what was just written.
    Page {
        /// Of the request.
        number: u64,
        /// Each consecutive blocks of one author.
        runs: Vec<Vec<UnverifiedBlock<'a>>>,
    },
    /// A fork's proof: an answer.
    Proof {
        /// Of the request.
        number: u64,
        /// See [`super::super::ForkProof`].
        proof: &'a [u8],
    },
    /// How much of chains the sender holds, of which it was sent blocks.
    Seen(Vec<(AuthorId, u32)>),
    /// The end of an answer.
    End {
        /// Of the request.
        number: u64,
    },
    /// The sender's part of what keys a reconciliation.
    Reconcile(Nonce),
    /// A step of one.
    Bands(Bands),
}

impl<'a> SyncMessage<'a> {
    /// Writes everything but a page, for which [`page`] is there.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Digest(digest) => {
                writer.array(2).u64(0).bytes(digest);
            }
            Self::Frontier { digest, asks_back, claims } => {
                writer.array(4).u64(1).bytes(digest).bool(*asks_back).array(claims.len());
                for claim in claims {
                    let head = claim.head.get(..HEAD_BYTES).unwrap_or_default();
                    writer.array(4).bytes(claim.author.as_bytes()).u32(claim.count).bytes(head);
                    writer.optional(claim.forked, |writer, seq| {
                        writer.u32(seq);
                    });
                }
            }
            Self::Request(request) => write_request(&mut writer, request),
            Self::Page { number, runs } => {
                writer.array(3).u64(3).u64(*number).array(runs.len());
                for run in runs {
                    writer.array(run.len());
                    run.iter().for_each(|block| block.write(&mut writer));
                }
            }
            Self::Proof { number, proof } => {
                writer.array(3).u64(4).u64(*number).bytes(proof);
            }
            Self::Seen(counts) => {
                writer.array(2).u64(6).array(counts.len());
                for (author, count) in counts {
                    writer.array(2).bytes(author.as_bytes()).u32(*count);
                }
            }
            Self::End { number } => {
                writer.array(2).u64(5).u64(*number);
            }
            Self::Reconcile(nonce) => {
                writer.array(2).u64(7).bytes(nonce.as_bytes());
            }
            Self::Bands(bands) => write_bands(&mut writer, bands),
        }
        writer.finish()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Any [`DecodeError`]: there is one encoding, and each list has its limit.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let fields = reader.array(5)?;
        let kind = reader.u64()?;
        let expected = match kind {
            0 | 5 | 6 | 7 => 2,
            3 | 4 => 3,
            1 | 8 => 4,
            2 => 5,
            found => return Err(DecodeError::UnknownKind { found }),
        };
        if fields != expected {
            let (expected, found) = (expected as u64, fields as u64);
            return Err(DecodeError::WrongCount { offset: 0, expected, found });
        }
        let message = match kind {
            0 => Self::Digest(reader.array_of()?),
            1 => {
                let digest = reader.array_of()?;
                let asks_back = reader.bool()?;
                Self::Frontier { digest, asks_back, claims: read_claims(&mut reader)? }
            }
            2 => Self::Request(read_request(&mut reader)?),
            3 => read_page(&mut reader, bytes.len())?,
            4 => Self::Proof { number: reader.u64()?, proof: reader.bytes(FORK_PROOF_BYTES_MAX)? },
            5 => Self::End { number: reader.u64()? },
            6 => Self::Seen(read_seen(&mut reader)?),
            7 => Self::Reconcile(Nonce::from_bytes(reader.array_of()?)),
            _ => Self::Bands(read_bands(&mut reader)?),
        };
        reader.end()?;
        Ok(message)
    }
}

/// A page made of runs that are written already.
#[must_use]
pub fn page(number: u64, runs: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(16);
    writer.array(3).u64(3).u64(number).array(runs.len());
    let mut bytes = writer.finish();
    runs.iter().for_each(|run| bytes.extend_from_slice(run));
    bytes
}

fn write_request(writer: &mut Writer, request: &Request) {
    writer.array(5).u64(2).u64(request.number).array(request.ranges.len());
    for range in &request.ranges {
        writer.array(3).bytes(range.author.as_bytes()).u32(range.from).u32(range.to);
    }
    writer.array(request.singles.len());
    for single in &request.singles {
        writer.array(2).bytes(single.id.as_bytes()).u32(single.down);
    }
    writer.array(request.proofs.len());
    for author in &request.proofs {
        writer.bytes(author.as_bytes());
    }
}

fn read_request(reader: &mut Reader<'_>) -> Result<Request, DecodeError> {
    let mut request = Request { number: at_least_one(reader)?, ..Request::default() };
    for _ in 0..reader.array(SYNC_RANGE_COUNT_MAX)? {
        reader.fields(3)?;
        let author = AuthorId::from_bytes(reader.array_of()?);
        let from = reader.u32()?;
        let offset = reader.offset();
        let to = reader.u32()?;
        if to <= from {
            return Err(DecodeError::OutOfRange { offset, found: u64::from(to) });
        }
        request.ranges.push(Range { author, from, to });
    }
    for _ in 0..reader.array(SYNC_ID_COUNT_MAX)? {
        reader.fields(2)?;
        let id = BlockId::from_bytes(reader.array_of()?);
        let offset = reader.offset();
        let down = reader.u32()?;
        if down > SYNC_DOWN_COUNT_MAX {
            return Err(DecodeError::OutOfRange { offset, found: u64::from(down) });
        }
        request.singles.push(Single { id, down });
    }
    for _ in 0..reader.array(SYNC_PROOF_COUNT_MAX)? {
        request.proofs.push(AuthorId::from_bytes(reader.array_of()?));
    }
    Ok(request)
}

fn read_claims(reader: &mut Reader<'_>) -> Result<Vec<Claim>, DecodeError> {
    let count = reader.array(SYNC_CLAIM_COUNT_MAX)?;
    // What is claimed is not believed: a list grows with what comes.
    let mut claims: Vec<Claim> = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        reader.fields(4)?;
        let offset = reader.offset();
        let author = AuthorId::from_bytes(reader.array_of()?);
        if claims.last().is_some_and(|before| before.author >= author) {
            return Err(DecodeError::NonCanonical { offset });
        }
        let count = at_least_one(reader)?;
        let count =
            u32::try_from(count).map_err(|_| DecodeError::OutOfRange { offset, found: count })?;
        let mut head = [0; BlockId::BYTES];
        let short: [u8; HEAD_BYTES] = reader.array_of()?;
        head.iter_mut().zip(short).for_each(|(to, from)| *to = from);
        let forked = reader.optional(Reader::u32)?;
        claims.push(Claim { author, count, head, forked });
    }
    Ok(claims)
}

fn read_seen(reader: &mut Reader<'_>) -> Result<Vec<(AuthorId, u32)>, DecodeError> {
    let mut counts = Vec::new();
    for _ in 0..reader.array(SEEN_COUNT_MAX)? {
        reader.fields(2)?;
        counts.push((AuthorId::from_bytes(reader.array_of()?), reader.u32()?));
    }
    Ok(counts)
}

fn read_page<'a>(reader: &mut Reader<'a>, bytes: usize) -> Result<SyncMessage<'a>, DecodeError> {
    if bytes > SYNC_PAGE_BYTES_MAX {
        let found = bytes as u64;
        return Err(DecodeError::Oversize { offset: 0, limit: SYNC_PAGE_BYTES_MAX, found });
    }
    let number = reader.u64()?;
    let count = reader.array(SYNC_PAGE_BYTES_MAX)?;
    let mut runs = Vec::new();
    for _ in 0..count {
        let mut run = Vec::new();
        for _ in 0..reader.array(RUN_COUNT_MAX)? {
            run.push(UnverifiedBlock::read(reader)?);
        }
        runs.push(run);
    }
    Ok(SyncMessage::Page { number, runs })
}

fn write_bands(writer: &mut Writer, said: &Bands) {
    let mut bands = Vec::new();
    for Band { edge, imprint } in &said.bands {
        bands.extend_from_slice(&edge.height.to_be_bytes());
        bands.extend_from_slice(edge.id.as_bytes());
        bands.extend_from_slice(imprint);
    }
    let mut listed = Vec::new();
    for Listed { author, seq, id } in &said.listed {
        listed.extend_from_slice(author.as_bytes());
        listed.extend_from_slice(&seq.to_be_bytes());
        listed.extend_from_slice(id.as_bytes());
    }
    writer.array(4).u64(8).bytes(&said.name).bytes(&bands).bytes(&listed);
}

fn read_bands(reader: &mut Reader<'_>) -> Result<Bands, DecodeError> {
    let mut said = Bands { name: reader.array_of()?, bands: Vec::new(), listed: Vec::new() };
    let offset = reader.offset();
    let mut bytes = read_entries(reader, BAND_BYTES, SYNC_BAND_COUNT_MAX)?;
    while !bytes.is_empty() {
        let height = u32::from_be_bytes(take(&mut bytes));
        let edge = Edge { height, id: BlockId::from_bytes(take(&mut bytes)) };
        if said.bands.last().is_some_and(|before| before.edge >= edge) {
            return Err(DecodeError::NonCanonical { offset });
        }
        said.bands.push(Band { edge, imprint: take(&mut bytes) });
    }
    let mut bytes = read_entries(reader, LISTED_BYTES, SYNC_LISTED_COUNT_MAX)?;
    while !bytes.is_empty() {
        let author = AuthorId::from_bytes(take(&mut bytes));
        let seq = u32::from_be_bytes(take(&mut bytes));
        said.listed.push(Listed { author, seq, id: BlockId::from_bytes(take(&mut bytes)) });
    }
    Ok(said)
}

/// A height, an id and an imprint, and what a listed block takes: author, number and id.
const BAND_BYTES: usize = 4 + BlockId::BYTES + IMPRINT_BYTES;
const LISTED_BYTES: usize = 32 + 4 + BlockId::BYTES;

const _: () = assert!(
    SYNC_BAND_COUNT_MAX * BAND_BYTES + SYNC_LISTED_COUNT_MAX * LISTED_BYTES + 32
        <= SYNC_PAGE_BYTES_MAX
);

/// Entries of so many bytes each, one after the other.
fn read_entries<'a>(
    reader: &mut Reader<'a>,
    bytes: usize,
    count_max: usize,
) -> Result<&'a [u8], DecodeError> {
    let offset = reader.offset();
    let entries = reader.bytes(count_max * bytes)?;
    match entries.len() % bytes {
        0 => Ok(entries),
        rest => Err(DecodeError::OutOfRange { offset, found: rest as u64 }),
    }
}

/// The next bytes, of which there are enough.
fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (first, rest) = bytes.split_first_chunk().unwrap_or((&[0; N], &[]));
    *bytes = rest;
    *first
}

fn at_least_one(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let offset = reader.offset();
    match reader.u64()? {
        0 => Err(DecodeError::OutOfRange { offset, found: 0 }),
        number => Ok(number),
    }
}
