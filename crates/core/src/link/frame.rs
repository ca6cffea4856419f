//! Frames: the units that travel on the data channels.
//!
//! Each frame is one CBOR array `[kind, fields..]`. A kind belongs to one channel; on another it is
//! a fault. Bodies of messages are borrowed from the frame, so that a full frame costs no copy
//! before it is delivered.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::crypto::Signature;
use crate::id::Epoch;
use crate::limits::{
    BODY_BYTES_MAX, BULK_FRAME_BYTES_MAX, FRAME_BYTES_MAX, FRAME_MESSAGE_COUNT_MAX,
};

use super::transport::Channel;

/// One unit on a data channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Who we are, signed. Control.
    Hello {
        /// The signed bytes.
        body: &'a [u8],
        /// Over them.
        signature: Signature,
    },
    /// The other's hello was heard. Control.
    Ready,
    /// Consecutive messages. Control.
    Messages {
        /// Number of the first.
        first: u64,
        /// The highest number up to which everything of the other side was received.
        received_to: u64,
        /// The messages.
        bodies: Vec<&'a [u8]>,
    },
    /// What was received. Control.
    Ack {
        /// The highest number up to which everything was received.
        received_to: u64,
        /// How far the large message under way has come.
        partial: Option<Partial>,
    },
    /// A heartbeat that wants an answer. Control.
    Ping {
        /// Returned as it is.
        token: u64,
    },
    /// The answer. Control.
    Pong {
        /// Of the ping.
        token: u64,
    },
    /// A signal on the link's own channel. Control.
    Signal {
        /// Which connection it is about.
        epoch: Epoch,
        /// Its number; 0 if it only acknowledges.
        number: u64,
        /// The highest number up to which every signal was received.
        ack: u64,
        /// The encoded signal.
        body: &'a [u8],
    },
    /// The sender is about to be frozen. Control.
    Away,
    /// The sender is awake again. Control.
    Back,
    /// The sender leaves. Control.
    Goodbye,
    /// The rest of a large message may come. Control.
    Grant {
        /// Which message.
        number: u64,
    },
    /// A piece of a large message. Bulk.
    Piece {
        /// Which message.
        number: u64,
        /// Where the piece belongs. Units: bytes.
        offset: u64,
        /// How long the message is. Units: bytes.
        total: u64,
        /// The piece.
        bytes: &'a [u8],
    },
    /// This end of a channel is open. Control.
    Opened {
        /// Bulk or lossy.
        channel: Channel,
        /// Whether the receiver's probe came on it.
        heard: bool,
    },
    /// Shows that a channel carries. Bulk and lossy.
    Probe,
    /// A message that may be lost. Lossy.
    Lossy {
        /// The message.
        body: &'a [u8],
    },
}

/// How far a large message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Which message.
    pub number: u64,
    /// How much of it was received. Units: bytes.
    pub bytes: u64,
}

const HELLO: u64 = 1;
const READY: u64 = 2;
const MESSAGES: u64 = 3;
const ACK: u64 = 4;
const PING: u64 = 5;
const PONG: u64 = 6;
const SIGNAL: u64 = 7;
const AWAY: u64 = 8;
const BACK: u64 = 9;
const GOODBYE: u64 = 10;
const GRANT: u64 = 11;
const PIECE: u64 = 12;
const PROBE: u64 = 13;
const LOSSY: u64 = 14;
const OPENED: u64 = 15;

impl<'a> Frame<'a> {
    /// Reads a frame that came in on `channel`.
    ///
    /// # Errors
    /// Any [`DecodeError`]; `UnknownKind` also for a kind that does not belong to `channel`.
    pub fn decode(channel: Channel, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let limit = match channel {
            Channel::Bulk => BULK_FRAME_BYTES_MAX,
            Channel::Control | Channel::Lossy => FRAME_BYTES_MAX,
        };
        if bytes.len() > limit {
            return Err(DecodeError::Oversize { offset: 0, limit, found: bytes.len() as u64 });
        }
        let mut reader = Reader::new(bytes);
        let field_count = reader.array(8)?;
        let kind = reader.u64()?;
        let frame = match (channel, kind, field_count) {
            (Channel::Control, _, _) => Self::decode_control(&mut reader, kind, field_count)?,
            (Channel::Bulk, PIECE, 5) => Self::Piece {
                number: reader.u64()?,
                offset: reader.u64()?,
                total: reader.u64()?,
                bytes: reader.bytes(limit)?,
            },
            (Channel::Bulk | Channel::Lossy, PROBE, 1) => Self::Probe,
            (Channel::Lossy, LOSSY, 2) => Self::Lossy { body: reader.bytes(limit)? },
            _ => return Err(DecodeError::UnknownKind { found: kind }),
        };
        reader.end()?;
        if let Self::Piece { total, .. } = frame
            && total > BODY_BYTES_MAX as u64
        {
            return Err(DecodeError::Oversize { offset: 0, limit: BODY_BYTES_MAX, found: total });
        }
        Ok(frame)
    }

    fn decode_control(
        reader: &mut Reader<'a>,
        kind: u64,
        field_count: usize,
    ) -> Result<Self, DecodeError> {
        Ok(match (kind, field_count) {
            (HELLO, 3) => Self::Hello {
                body: reader.bytes(FRAME_BYTES_MAX)?,
                signature: Signature::from_bytes(reader.array_of()?),
            },
            (READY, 1) => Self::Ready,
            (MESSAGES, 4) => {
                let first = reader.u64()?;
                let received_to = reader.u64()?;
                let count = reader.array(FRAME_MESSAGE_COUNT_MAX)?;
                let mut bodies = Vec::with_capacity(count);
                for _ in 0..count {
                    bodies.push(reader.bytes(FRAME_BYTES_MAX)?);
                }
                Self::Messages { first, received_to, bodies }
            }
            (ACK, 3) => Self::Ack {
                received_to: reader.u64()?,
                partial: reader.optional(|reader| {
                    reader.fields(2)?;
                    Ok(Partial { number: reader.u64()?, bytes: reader.u64()? })
                })?,
            },
            (PING, 2) => Self::Ping { token: reader.u64()? },
            (PONG, 2) => Self::Pong { token: reader.u64()? },
            (SIGNAL, 5) => Self::Signal {
                epoch: Epoch(reader.u32()?),
                number: reader.u64()?,
                ack: reader.u64()?,
                body: reader.bytes(FRAME_BYTES_MAX)?,
            },
            (AWAY, 1) => Self::Away,
            (BACK, 1) => Self::Back,
            (GOODBYE, 1) => Self::Goodbye,
            (GRANT, 2) => Self::Grant { number: reader.u64()? },
            (OPENED, 3) => {
                let id = reader.u8()?;
                let channel = Channel::from_index(usize::from(id));
                let Some(channel) = channel.filter(|it| Channel::NEEDED.contains(it)) else {
                    return Err(DecodeError::UnknownKind { found: u64::from(id) });
                };
                Self::Opened { channel, heard: reader.bool()? }
            }
            _ => return Err(DecodeError::UnknownKind { found: kind }),
        })
    }

    /// The bytes of this frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.bytes_estimate());
        match self {
            Self::Hello { body, signature } => {
                writer.array(3).u64(HELLO).bytes(body).bytes(signature.as_bytes());
            }
            Self::Ready => {
                writer.array(1).u64(READY);
            }
            Self::Messages { first, received_to, bodies } => {
                writer.array(4).u64(MESSAGES).u64(*first).u64(*received_to).array(bodies.len());
                for body in bodies {
                    writer.bytes(body);
                }
            }
            Self::Ack { received_to, partial } => {
                writer.array(3).u64(ACK).u64(*received_to).optional(*partial, |writer, partial| {
                    writer.array(2).u64(partial.number).u64(partial.bytes);
                });
            }
            Self::Ping { token } => {
                writer.array(2).u64(PING).u64(*token);
            }
            Self::Pong { token } => {
                writer.array(2).u64(PONG).u64(*token);
            }
            Self::Signal { epoch, number, ack, body } => {
                writer.array(5).u64(SIGNAL).u32(epoch.0).u64(*number).u64(*ack).bytes(body);
            }
            Self::Away => {
                writer.array(1).u64(AWAY);
            }
            Self::Back => {
                writer.array(1).u64(BACK);
            }
            Self::Goodbye => {
                writer.array(1).u64(GOODBYE);
            }
            Self::Grant { number } => {
                writer.array(2).u64(GRANT).u64(*number);
            }
            Self::Opened { channel, heard } => {
                writer.array(3).u64(OPENED).u64(channel.index() as u64).bool(*heard);
            }
            Self::Piece { number, offset, total, bytes } => {
                writer.array(5).u64(PIECE).u64(*number).u64(*offset).u64(*total).bytes(bytes);
            }
            Self::Probe => {
                writer.array(1).u64(PROBE);
            }
            Self::Lossy { body } => {
                writer.array(2).u64(LOSSY).bytes(body);
            }
        }
        writer.finish()
    }

    fn bytes_estimate(&self) -> usize {
        32 + match self {
            Self::Hello { body, .. } => body.len() + Signature::BYTES,
            Self::Signal { body, .. } | Self::Lossy { body } => body.len(),
            Self::Piece { bytes, .. } => bytes.len(),
            Self::Messages { bodies, .. } => bodies.iter().map(|body| body.len() + 3).sum(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn samples() -> Vec<(Channel, Frame<'static>)> {
        let partial = Some(Partial { number: 9, bytes: 70_000 });
        vec![
            (
                Channel::Control,
                Frame::Hello { body: b"body", signature: Signature::from_bytes([5; 64]) },
            ),
            (Channel::Control, Frame::Ready),
            (
                Channel::Control,
                Frame::Messages { first: 300, received_to: 2, bodies: vec![b"a", b"", b"ccc"] },
            ),
            (Channel::Control, Frame::Ack { received_to: 7, partial }),
            (Channel::Control, Frame::Ack { received_to: 7, partial: None }),
            (Channel::Control, Frame::Ping { token: 1 << 40 }),
            (Channel::Control, Frame::Pong { token: 0 }),
            (
                Channel::Control,
                Frame::Signal { epoch: Epoch(2), number: 3, ack: 4, body: b"signal" },
            ),
            (Channel::Control, Frame::Away),
            (Channel::Control, Frame::Back),
            (Channel::Control, Frame::Goodbye),
            (Channel::Control, Frame::Grant { number: 12 }),
            (Channel::Control, Frame::Opened { channel: Channel::Bulk, heard: false }),
            (Channel::Control, Frame::Opened { channel: Channel::Lossy, heard: true }),
            (Channel::Bulk, Frame::Piece { number: 1, offset: 2, total: 3, bytes: b"x" }),
            (Channel::Bulk, Frame::Probe),
            (Channel::Lossy, Frame::Probe),
            (Channel::Lossy, Frame::Lossy { body: b"maybe" }),
        ]
    }

    /// every frame decodes to itself.
    #[test]
    fn round_trips() {
        for (channel, frame) in samples() {
            let bytes = frame.encode();
            assert_eq!(Frame::decode(channel, &bytes), Ok(frame.clone()), "{frame:?}");
        }
    }

    /// cut at any length, with a byte more, or with any bit flipped, a frame is refused or
    /// is another frame with that very encoding.
    #[test]
    fn refuses_truncation_trailing_and_second_spellings() {
        for (channel, frame) in samples() {
            let bytes = frame.encode();
            for len in 0..bytes.len() {
                assert!(Frame::decode(channel, &bytes[..len]).is_err(), "{frame:?} at {len}");
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Frame::decode(channel, &longer).is_err(), "{frame:?} and a byte");
            for bit in 0..bytes.len() * 8 {
                let mut bent = bytes.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                if let Ok(other) = Frame::decode(channel, &bent) {
                    assert_eq!(other.encode(), bent, "{frame:?} with bit {bit}");
                    assert_ne!(other, frame);
                }
            }
        }
    }

    /// a frame on a channel that is not its own is refused.
    #[test]
    fn refuses_frame_on_foreign_channel() {
        let bytes = Frame::Ready.encode();
        for channel in [Channel::Bulk, Channel::Lossy] {
            let refusal = Frame::decode(channel, &bytes);
            assert_eq!(refusal, Err(DecodeError::UnknownKind { found: READY }));
        }
        let piece = Frame::Piece { number: 1, offset: 0, total: 1, bytes: b"x" }.encode();
        assert!(Frame::decode(Channel::Control, &piece).is_err());
    }

    /// oversize frames and messages are refused with their limit.
    #[test]
    fn refuses_oversize() {
        let body = vec![0; FRAME_BYTES_MAX];
        let bytes = Frame::Lossy { body: &body }.encode();
        assert!(matches!(
            Frame::decode(Channel::Lossy, &bytes),
            Err(DecodeError::Oversize { limit: FRAME_BYTES_MAX, .. })
        ));
        let total = BODY_BYTES_MAX as u64 + 1;
        let bytes = Frame::Piece { number: 1, offset: 0, total, bytes: b"x" }.encode();
        assert!(matches!(
            Frame::decode(Channel::Bulk, &bytes),
            Err(DecodeError::Oversize { limit: BODY_BYTES_MAX, .. })
        ));
        let bodies = vec![&b""[..]; FRAME_MESSAGE_COUNT_MAX + 1];
        let bytes = Frame::Messages { first: 1, received_to: 0, bodies }.encode();
        assert!(matches!(
            Frame::decode(Channel::Control, &bytes),
            Err(DecodeError::Oversize { limit: FRAME_MESSAGE_COUNT_MAX, .. })
        ));
    }

    proptest! {
        /// arbitrary bytes never panic, and what is accepted has one encoding.
        #[test]
        fn arbitrary_bytes_have_one_encoding_or_none(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            for channel in Channel::ALL {
                if let Ok(frame) = Frame::decode(channel, &bytes) {
                    prop_assert_eq!(frame.encode(), bytes.clone());
                }
            }
        }
    }
}
