//! The bytes of [`ClientMessage`].

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::crypto::Signature;
use crate::id::{SessionKey, Topic};
use crate::limits::{ENVELOPE_BYTES_MAX, INTRODUCTION_BYTES_MAX, SERVER_READ_BYTES_MAX};

use super::{ClientMessage, ResumeToken, check_length};

impl ClientMessage {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.capacity());
        match self {
            Self::Join { version, topic, session_key, introduction, signature } => writer
                .array(6)
                .u64(JOIN)
                .u32(*version)
                .bytes(topic.as_bytes())
                .bytes(session_key.as_bytes())
                .bytes(introduction)
                .bytes(signature.as_bytes()),
            Self::Resume { version, session_key, token, received_count, signature } => writer
                .array(6)
                .u64(RESUME)
                .u32(*version)
                .bytes(session_key.as_bytes())
                .bytes(&token.0)
                .u64(*received_count)
                .bytes(signature.as_bytes()),
            Self::Envelope { to, bytes } => {
                writer.array(3).u64(ENVELOPE).bytes(to.as_bytes()).bytes(bytes)
            }
            Self::Introduce { introduction } => writer.array(2).u64(INTRODUCE).bytes(introduction),
            Self::Ack { count } => writer.array(2).u64(ACK).u64(*count),
            Self::Ping => writer.array(1).u64(PING),
            Self::Leave => writer.array(1).u64(LEAVE),
        };
        writer.finish()
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_length(bytes)?;
        let mut reader = Reader::new(bytes);
        let count = reader.array(FIELD_COUNT_MAX)?;
        let kind = reader.u64()?;
        let expected = match kind {
            JOIN | RESUME => 6,
            ENVELOPE => 3,
            INTRODUCE | ACK => 2,
            PING | LEAVE => 1,
            found => return Err(DecodeError::UnknownKind { found }),
        };
        if count != expected {
            let (expected, found) = (expected as u64, count as u64);
            return Err(DecodeError::WrongCount { offset: 0, expected, found });
        }
        let message = Self::read_fields(&mut reader, kind)?;
        reader.end()?;
        Ok(message)
    }

    fn read_fields(reader: &mut Reader<'_>, kind: u64) -> Result<Self, DecodeError> {
        Ok(match kind {
            JOIN => Self::Join {
                version: reader.u32()?,
                topic: Topic::from_bytes(reader.array_of()?),
                session_key: SessionKey::from_bytes(reader.array_of()?),
                introduction: reader.bytes(INTRODUCTION_BYTES_MAX)?.to_vec(),
                signature: Signature::from_bytes(reader.array_of()?),
            },
            RESUME => Self::Resume {
                version: reader.u32()?,
                session_key: SessionKey::from_bytes(reader.array_of()?),
                token: ResumeToken(reader.array_of()?),
                received_count: reader.u64()?,
                signature: Signature::from_bytes(reader.array_of()?),
            },
            ENVELOPE => Self::Envelope {
                to: SessionKey::from_bytes(reader.array_of()?),
                bytes: reader.bytes(ENVELOPE_BYTES_MAX)?.to_vec(),
            },
            INTRODUCE => {
                Self::Introduce { introduction: reader.bytes(INTRODUCTION_BYTES_MAX)?.to_vec() }
            }
            ACK => Self::Ack { count: reader.u64()? },
            PING => Self::Ping,
            LEAVE => Self::Leave,
            found => return Err(DecodeError::UnknownKind { found }),
        })
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Join { introduction, .. } => introduction.len() + 160,
            Self::Resume { .. } => 160,
            Self::Envelope { bytes, .. } => bytes.len() + 48,
            Self::Introduce { introduction } => introduction.len() + 8,
            Self::Ack { .. } | Self::Ping | Self::Leave => 12,
        }
    }
}

/// Whom an envelope that is too large was for, so that its sender can be told which one it was.
pub(in crate::signalling) fn oversize_envelope_receiver(bytes: &[u8]) -> Option<SessionKey> {
    let mut reader = Reader::new(bytes);
    reader.fields(3).ok()?;
    if reader.u64().ok()? != ENVELOPE {
        return None;
    }
    let to = SessionKey::from_bytes(reader.array_of().ok()?);
    reader.bytes(SERVER_READ_BYTES_MAX).ok()?;
    reader.end().ok().map(|()| to)
}

const FIELD_COUNT_MAX: usize = 6;

const JOIN: u64 = 0;
const RESUME: u64 = 1;
const ENVELOPE: u64 = 2;
const INTRODUCE: u64 = 3;
const ACK: u64 = 4;
const PING: u64 = 5;
const LEAVE: u64 = 6;
