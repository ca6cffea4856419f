//! What two peers say to bring their ledgers together.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::id::{AuthorId, BlockId};
use crate::limits::{
    FORK_PROOF_BYTES_MAX, RUN_COUNT_MAX, SEEN_COUNT_MAX, SYNC_CLAIM_COUNT_MAX, SYNC_DOWN_COUNT_MAX,
    SYNC_ID_COUNT_MAX, SYNC_PAGE_BYTES_MAX, SYNC_PROOF_COUNT_MAX, SYNC_RANGE_COUNT_MAX,
};

use super::super::block::UnverifiedBlock;
use super::super::dag::FrontierEntry;

#[cfg(test)]
mod tests;

/// Bytes of a head in a short frontier.
const SHORT_HEAD_BYTES: usize = 8;

/// How far a peer says it holds an author's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub author: AuthorId,
    /// How many good blocks; at least 1.
    pub count: u32,
    /// The last one's id, or its first eight bytes and zeros.
    pub head: [u8; BlockId::BYTES],
    /// The lowest number of a fork, if it knows of one.
    pub forked: Option<u32>,
}

impl Claim {
    /// What this says of a chain held here, `is_full` with the whole head.
    #[must_use]
    pub fn of(entry: &FrontierEntry, is_full: bool) -> Self {
        let mut head = [0; BlockId::BYTES];
        let from = entry.head.as_bytes().iter();
        head.iter_mut().zip(from).take(head_bytes(is_full)).for_each(|(to, from)| *to = *from);
        Self { author: entry.author, count: entry.count, head, forked: entry.forked }
    }
}

const fn head_bytes(is_full: bool) -> usize {
    if is_full { BlockId::BYTES } else { SHORT_HEAD_BYTES }
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

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncMessage<'a> {
    /// What the sender's ledger is, in 32 bytes.
    Digest([u8; 32]),
    /// What it is, author by author.
    Frontier {
        /// Whether heads are whole.
        is_full: bool,
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
            Self::Frontier { is_full, asks_back, claims } => {
                writer.array(4).u64(1).bool(*is_full).bool(*asks_back).array(claims.len());
                for claim in claims {
                    let head = claim.head.get(..head_bytes(*is_full)).unwrap_or_default();
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
            0 | 5 | 6 => 2,
            3 | 4 => 3,
            1 => 4,
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
                let is_full = reader.bool()?;
                let asks_back = reader.bool()?;
                let claims = read_claims(&mut reader, is_full)?;
                Self::Frontier { is_full, asks_back, claims }
            }
            2 => Self::Request(read_request(&mut reader)?),
            3 => read_page(&mut reader, bytes.len())?,
            4 => Self::Proof { number: reader.u64()?, proof: reader.bytes(FORK_PROOF_BYTES_MAX)? },
            5 => Self::End { number: reader.u64()? },
            _ => Self::Seen(read_seen(&mut reader)?),
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

fn read_claims(reader: &mut Reader<'_>, is_full: bool) -> Result<Vec<Claim>, DecodeError> {
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
        if is_full {
            head = reader.array_of()?;
        } else {
            let short: [u8; SHORT_HEAD_BYTES] = reader.array_of()?;
            head.iter_mut().zip(short).for_each(|(to, from)| *to = from);
        }
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

fn at_least_one(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let offset = reader.offset();
    match reader.u64()? {
        0 => Err(DecodeError::OutOfRange { offset, found: 0 }),
        number => Ok(number),
    }
}
