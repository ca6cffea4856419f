//! Signals: what two links must tell each other before, or beside, their channels.
//!
//! A signal travels sealed through the server, or plainly on the link's own control channel; its
//! bytes are the same. [`SignalQueue`] numbers signals and sends them again until they are
//! acknowledged, whichever way they go, so that a killed server or a dead connection loses none.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::id::Nonce;
use crate::limits::{CANDIDATE_BYTES_MAX, CANDIDATE_COUNT_MAX, SDP_BYTES_MAX};

use super::transport::{Candidate, Description, DescriptionKind};

mod queue;

pub use queue::{NumberedSignal, SignalError, SignalQueue};

/// One signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Nothing more than its acknowledgement; also what a signal of a dead connection becomes.
    Empty,
    /// A session description, and the nonce its sender drew for this connection.
    Description {
        /// The description.
        description: Description,
        /// For the hello.
        nonce: Nonce,
    },
    /// The beginning of a description that is too long for one signal; the next signal goes on.
    Part(String),
    /// Candidates gathered within a short time.
    Candidates(Vec<Candidate>),
    /// The sender gives this link up.
    GiveUp(GiveUp),
}

/// Why a side gives a link up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// It leaves the room.
    Leaving,
    /// The other side's hello did not hold.
    HelloRejected,
    /// The other side broke the protocol.
    ProtocolViolation,
}

impl GiveUp {
    fn from_number(found: u64) -> Result<Self, DecodeError> {
        match found {
            0 => Ok(Self::Leaving),
            1 => Ok(Self::HelloRejected),
            2 => Ok(Self::ProtocolViolation),
            _ => Err(DecodeError::UnknownKind { found }),
        }
    }
}

const EMPTY: u64 = 0;
const OFFER: u64 = 1;
const ANSWER: u64 = 2;
const CANDIDATES: u64 = 3;
const GIVE_UP: u64 = 4;
const PART: u64 = 5;

impl Signal {
    /// Reads a signal.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let field_count = reader.array(3)?;
        let kind = reader.u64()?;
        let signal = match (kind, field_count) {
            (EMPTY, 1) => Self::Empty,
            (OFFER | ANSWER, 3) => {
                let sdp = String::from(reader.text(SDP_BYTES_MAX)?);
                let kind =
                    if kind == OFFER { DescriptionKind::Offer } else { DescriptionKind::Answer };
                let nonce = Nonce::from_bytes(reader.array_of()?);
                Self::Description { description: Description { kind, sdp }, nonce }
            }
            (CANDIDATES, 2) => {
                let count = reader.array(CANDIDATE_COUNT_MAX)?;
                let mut candidates = Vec::with_capacity(count);
                for _ in 0..count {
                    candidates.push(decode_candidate(&mut reader)?);
                }
                Self::Candidates(candidates)
            }
            (PART, 2) => Self::Part(String::from(reader.text(SDP_BYTES_MAX)?)),
            (GIVE_UP, 2) => Self::GiveUp(GiveUp::from_number(reader.u64()?)?),
            _ => return Err(DecodeError::UnknownKind { found: kind }),
        };
        reader.end()?;
        Ok(signal)
    }

    /// The bytes of this signal.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Empty => {
                writer.array(1).u64(EMPTY);
            }
            Self::Description { description, nonce } => {
                let kind = match description.kind {
                    DescriptionKind::Offer => OFFER,
                    DescriptionKind::Answer => ANSWER,
                };
                writer.array(3).u64(kind).text(&description.sdp).bytes(nonce.as_bytes());
            }
            Self::Part(sdp) => {
                writer.array(2).u64(PART).text(sdp);
            }
            Self::Candidates(candidates) => {
                writer.array(2).u64(CANDIDATES).array(candidates.len());
                for candidate in candidates {
                    encode_candidate(&mut writer, candidate);
                }
            }
            Self::GiveUp(reason) => {
                writer.array(2).u64(GIVE_UP).u64(*reason as u64);
            }
        }
        writer.finish()
    }
}

fn decode_candidate(reader: &mut Reader<'_>) -> Result<Candidate, DecodeError> {
    reader.fields(4)?;
    Ok(Candidate {
        candidate: String::from(reader.text(CANDIDATE_BYTES_MAX)?),
        mid: reader.optional(|reader| reader.text(CANDIDATE_BYTES_MAX).map(String::from))?,
        line_index: reader.optional(Reader::u16)?,
        username_fragment: reader
            .optional(|reader| reader.text(CANDIDATE_BYTES_MAX).map(String::from))?,
    })
}

fn encode_candidate(writer: &mut Writer, candidate: &Candidate) {
    writer.array(4).text(&candidate.candidate);
    writer.optional(candidate.mid.as_deref(), |writer, mid| {
        writer.text(mid);
    });
    writer.optional(candidate.line_index, |writer, index| {
        writer.u64(u64::from(index));
    });
    writer.optional(candidate.username_fragment.as_deref(), |writer, fragment| {
        writer.text(fragment);
    });
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn candidate() -> Candidate {
        Candidate {
            candidate: String::from("candidate:1 1 udp 2 10.0.0.1 9 typ host"),
            mid: Some(String::from("0")),
            line_index: Some(0),
            username_fragment: None,
        }
    }

    fn samples() -> Vec<Signal> {
        let nonce = Nonce::from_bytes([7; 16]);
        let description =
            |kind| Description { kind, sdp: String::from("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n") };
        vec![
            Signal::Empty,
            Signal::Description { description: description(DescriptionKind::Offer), nonce },
            Signal::Description { description: description(DescriptionKind::Answer), nonce },
            Signal::Part(String::from("v=0\r\n")),
            Signal::Candidates(vec![candidate(), candidate()]),
            Signal::GiveUp(GiveUp::HelloRejected),
        ]
    }

    /// every signal decodes to itself; cut, lengthened or bent it is refused or another.
    #[test]
    fn signals_round_trip_and_refuse_what_is_not_theirs() {
        for signal in samples() {
            let bytes = signal.encode();
            assert_eq!(Signal::decode(&bytes), Ok(signal.clone()));
            for len in 0..bytes.len() {
                assert!(Signal::decode(&bytes[..len]).is_err(), "{signal:?} at {len}");
            }
            for bit in 0..bytes.len() * 8 {
                let mut bent = bytes.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                if let Ok(other) = Signal::decode(&bent) {
                    assert_eq!(other.encode(), bent);
                }
            }
        }
    }

    /// descriptions and candidate lists over their limits are refused.
    #[test]
    fn refuses_oversize() {
        let sdp = "x".repeat(SDP_BYTES_MAX + 1);
        let description = Description { kind: DescriptionKind::Offer, sdp };
        let signal = Signal::Description { description, nonce: Nonce::from_bytes([0; 16]) };
        assert!(matches!(
            Signal::decode(&signal.encode()),
            Err(DecodeError::Oversize { limit: SDP_BYTES_MAX, .. })
        ));
        let many = Signal::Candidates(vec![candidate(); CANDIDATE_COUNT_MAX + 1]);
        assert!(matches!(Signal::decode(&many.encode()), Err(DecodeError::Oversize { .. })));
    }
}
