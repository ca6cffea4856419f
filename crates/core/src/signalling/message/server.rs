//! The bytes of [`ServerMessage`].

use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer, owned_text};
use crate::id::{Nonce, SessionKey};
use crate::limits::{
    ENVELOPE_BYTES_MAX, ICE_SERVER_BYTES_MAX, ICE_SERVER_COUNT_MAX, INTRODUCTION_BYTES_MAX,
    REFUSAL_TEXT_BYTES_MAX, ROOM_MEMBER_COUNT_MAX, SERVER_MESSAGE_BYTES_MAX,
};
use crate::time::Span;

use super::{
    Event, IceServer, Member, RefusalReason, ResumeToken, ServerMessage, UndeliverableReason,
    check_length,
};

impl ServerMessage {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(self.capacity());
        match self {
            Self::Challenge { version_min, version_max, nonce } => {
                writer.array(4).u64(CHALLENGE).u32(*version_min).u32(*version_max);
                writer.bytes(nonce.as_bytes());
            }
            Self::Welcome { token, ice_servers, members, remaining } => {
                writer.array(5).u64(WELCOME).bytes(&token.0).array(ice_servers.len());
                ice_servers.iter().for_each(|server| write_ice_server(&mut writer, server));
                write_members(&mut writer, members);
                writer.u32(*remaining);
            }
            Self::Members { members, remaining } => {
                writer.array(3).u64(MEMBERS);
                write_members(&mut writer, members);
                writer.u32(*remaining);
            }
            Self::Resumed => {
                writer.array(1).u64(RESUMED);
            }
            Self::Refused { reason, expected, found } => {
                let reason = u64::from(reason.code());
                writer.array(4).u64(REFUSED).u64(reason).text(expected).text(found);
            }
            Self::Pong => {
                writer.array(1).u64(PONG);
            }
            Self::Event { number, event } => write_event(&mut writer, *number, event),
        }
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
            CHALLENGE | REFUSED | JOINED | ENVELOPE | UNDELIVERABLE => 4,
            WELCOME => 5,
            MEMBERS | ATTACHED | DETACHED | LEFT => 3,
            RESUMED | PONG => 1,
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
            CHALLENGE => Self::Challenge {
                version_min: reader.u32()?,
                version_max: reader.u32()?,
                nonce: Nonce::from_bytes(reader.array_of()?),
            },
            WELCOME => {
                let token = ResumeToken(reader.array_of()?);
                let count = reader.array(ICE_SERVER_COUNT_MAX)?;
                let ice_servers: Result<Vec<_>, _> =
                    (0..count).map(|_| read_ice_server(reader)).collect();
                Self::Welcome {
                    token,
                    ice_servers: ice_servers?,
                    members: read_members(reader)?,
                    remaining: read_remaining(reader)?,
                }
            }
            MEMBERS => {
                Self::Members { members: read_members(reader)?, remaining: read_remaining(reader)? }
            }
            RESUMED => Self::Resumed,
            REFUSED => Self::Refused {
                reason: RefusalReason::read(reader)?,
                expected: owned_text(reader, REFUSAL_TEXT_BYTES_MAX)?,
                found: owned_text(reader, REFUSAL_TEXT_BYTES_MAX)?,
            },
            PONG => Self::Pong,
            _ => {
                let number = reader.u64()?;
                Self::Event { number, event: read_event(reader, kind)? }
            }
        })
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Welcome { members, .. } | Self::Members { members, .. } => {
                256 + members.iter().map(Member::encoded_bytes_max).sum::<usize>()
            }
            Self::Event { event: Event::Joined { introduction: bytes, .. }, .. }
            | Self::Event { event: Event::Envelope { bytes, .. }, .. } => 64 + bytes.len(),
            _ => 64,
        }
    }
}

impl Member {
    /// Never less than what this member takes in a message.
    pub(in crate::signalling) fn encoded_bytes_max(&self) -> usize {
        MEMBER_OVERHEAD_BYTES + self.introduction.len()
    }
}

/// Head, key, head of the introduction, boolean.
const MEMBER_OVERHEAD_BYTES: usize = 1 + 34 + 3 + 1;

fn write_ice_server(writer: &mut Writer, server: &IceServer) {
    writer.array(4).array(server.urls.len());
    for url in &server.urls {
        writer.text(url);
    }
    for text in [&server.username, &server.credential] {
        writer.optional(text.as_deref(), |writer, text| {
            writer.text(text);
        });
    }
    writer.optional(server.valid_for, |writer, span| {
        writer.u64(span.as_ms());
    });
}

fn read_ice_server(reader: &mut Reader<'_>) -> Result<IceServer, DecodeError> {
    reader.fields(4)?;
    let count = reader.array(ICE_SERVER_COUNT_MAX)?;
    let urls: Result<Vec<_>, _> =
        (0..count).map(|_| owned_text(reader, ICE_SERVER_BYTES_MAX)).collect();
    Ok(IceServer {
        urls: urls?,
        username: reader.optional(|reader| owned_text(reader, ICE_SERVER_BYTES_MAX))?,
        credential: reader.optional(|reader| owned_text(reader, ICE_SERVER_BYTES_MAX))?,
        valid_for: reader.optional(Reader::u64)?.map(Span::from_ms),
    })
}

fn write_members(writer: &mut Writer, members: &[Member]) {
    writer.array(members.len());
    for member in members {
        writer.array(3).bytes(member.session_key.as_bytes()).bytes(&member.introduction);
        writer.bool(member.attached);
    }
}

fn read_members(reader: &mut Reader<'_>) -> Result<Vec<Member>, DecodeError> {
    let count = reader.array(ROOM_MEMBER_COUNT_MAX)?;
    let read = |_| {
        reader.fields(3)?;
        Ok(Member {
            session_key: SessionKey::from_bytes(reader.array_of()?),
            introduction: reader.bytes(INTRODUCTION_BYTES_MAX)?.to_vec(),
            attached: reader.bool()?,
        })
    };
    (0..count).map(read).collect()
}

fn read_remaining(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let offset = reader.offset();
    let remaining = reader.u32()?;
    if remaining as usize > ROOM_MEMBER_COUNT_MAX {
        return Err(DecodeError::OutOfRange { offset, found: u64::from(remaining) });
    }
    Ok(remaining)
}

fn write_event(writer: &mut Writer, number: u64, event: &Event) {
    match event {
        Event::Joined { session_key, introduction } => {
            writer.array(4).u64(JOINED).u64(number);
            writer.bytes(session_key.as_bytes()).bytes(introduction);
        }
        Event::Attached { session_key } => {
            writer.array(3).u64(ATTACHED).u64(number).bytes(session_key.as_bytes());
        }
        Event::Detached { session_key } => {
            writer.array(3).u64(DETACHED).u64(number).bytes(session_key.as_bytes());
        }
        Event::Left { session_key } => {
            writer.array(3).u64(LEFT).u64(number).bytes(session_key.as_bytes());
        }
        Event::Envelope { from, bytes } => {
            writer.array(4).u64(ENVELOPE).u64(number).bytes(from.as_bytes()).bytes(bytes);
        }
        Event::Undeliverable { to, reason } => {
            writer.array(4).u64(UNDELIVERABLE).u64(number).bytes(to.as_bytes());
            writer.u64(u64::from(reason.code()));
        }
    }
}

fn read_event(reader: &mut Reader<'_>, kind: u64) -> Result<Event, DecodeError> {
    let session_key = SessionKey::from_bytes(reader.array_of()?);
    Ok(match kind {
        JOINED => Event::Joined {
            session_key,
            introduction: reader.bytes(INTRODUCTION_BYTES_MAX)?.to_vec(),
        },
        ATTACHED => Event::Attached { session_key },
        DETACHED => Event::Detached { session_key },
        LEFT => Event::Left { session_key },
        ENVELOPE => {
            Event::Envelope { from: session_key, bytes: reader.bytes(ENVELOPE_BYTES_MAX)?.to_vec() }
        }
        UNDELIVERABLE => {
            Event::Undeliverable { to: session_key, reason: UndeliverableReason::read(reader)? }
        }
        found => return Err(DecodeError::UnknownKind { found }),
    })
}

/// Bytes of an event that are not its envelope.
const EVENT_OVERHEAD_BYTES: usize = 1 + 1 + 9 + 34 + 3;
const _: () = assert!(ENVELOPE_BYTES_MAX + EVENT_OVERHEAD_BYTES <= SERVER_MESSAGE_BYTES_MAX);

const FIELD_COUNT_MAX: usize = 5;

const CHALLENGE: u64 = 0;
const WELCOME: u64 = 1;
const MEMBERS: u64 = 2;
const RESUMED: u64 = 3;
const REFUSED: u64 = 4;
const PONG: u64 = 5;
const JOINED: u64 = 6;
const ATTACHED: u64 = 7;
const DETACHED: u64 = 8;
const LEFT: u64 = 9;
const ENVELOPE: u64 = 10;
const UNDELIVERABLE: u64 = 11;
