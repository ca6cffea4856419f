//! Parcels: what nodes say to one another inside messages.
//!
//! A link carries bodies and does not look into them. A body is a header in deterministic CBOR,
//! which says what the message is for and what it holds, and then the content's bytes as they are,
//! so that a payload is never copied through an encoder.
//!
//! Source: docs/protocol.md.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer, owned_text};
use crate::limits::{
    FILE_NAME_BYTES_MAX, GENESIS_BYTES_MAX, HEADER_BYTES_MAX, LEDGER_MESSAGE_BYTES_MAX,
    NAME_BYTES_MAX, PRESENCE_BYTES_MAX, STREAM_LABEL_BYTES_MAX,
};
use crate::link::Body;

use super::content::Content;
use super::invalid_argument;
use super::notice::{Audience, MeshError};

/// What a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// For the application's `message` listeners.
    Message {
        /// Whom it was sent to.
        to: Audience,
        /// What it holds.
        content: Content,
    },
    /// For the subscribers of a named channel.
    Topic {
        /// The channel.
        name: String,
        /// What it holds.
        content: Content,
    },
    /// A request.
    Request {
        /// Names it between the two peers.
        id: u64,
        /// The request's name.
        name: String,
        /// What it holds.
        content: Content,
    },
    /// A handler's value.
    Value {
        /// Of the request.
        id: u64,
        /// What it holds.
        content: Content,
    },
    /// A request without an answer.
    Failure {
        /// Of the request.
        id: u64,
        /// `None` if there is no handler, else what the handler said.
        detail: Option<String>,
    },
    /// The asker does not wait any longer.
    Withdraw {
        /// Of the request.
        id: u64,
    },
    /// What others see of the sender; the payload is JSON text.
    Presence {
        /// Whether there is any.
        is_set: bool,
    },
    /// A media stream of the sender.
    Stream {
        /// The `MediaStream`'s id.
        media_id: String,
        /// The application's label.
        label: String,
    },
    /// A media stream of the sender that ended.
    StreamEnd {
        /// The `MediaStream`'s id.
        media_id: String,
    },
    /// A message of the ledger; the payload is a [`crate::ledger::sync::message::SyncMessage`].
    Ledger,
    /// The sender does not hold the room's genesis.
    GenesisAsk,
    /// The room's genesis.
    Genesis,
}

const MESSAGE: u64 = 1;
const TOPIC: u64 = 2;
const REQUEST: u64 = 3;
const VALUE: u64 = 4;
const FAILURE: u64 = 5;
const WITHDRAW: u64 = 6;
const PRESENCE: u64 = 7;
const STREAM: u64 = 8;
const STREAM_END: u64 = 9;
const LEDGER: u64 = 10;
const GENESIS_ASK: u64 = 11;
const GENESIS: u64 = 12;

/// Most bytes of what a failed handler says; the rest is cut.
const DETAIL_BYTES_MAX: usize = 512;

const _: () = assert!(NAME_BYTES_MAX + 2 * FILE_NAME_BYTES_MAX + 32 < HEADER_BYTES_MAX);
const _: () = assert!(DETAIL_BYTES_MAX + 32 < HEADER_BYTES_MAX);

impl Parcel {
    /// The body of a message: this header, then `payload`.
    #[must_use]
    pub fn seal(&self, payload: Vec<u8>) -> Body {
        let mut writer = Writer::with_capacity(64);
        self.write(&mut writer);
        Body::joined(writer.finish(), payload)
    }

    /// Reads the header of a body. Returns it and where the payload starts.
    ///
    /// # Errors
    /// Any [`DecodeError`]; `Trailing` for a payload where none belongs.
    pub fn open(body: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut reader = Reader::new(body.get(..HEADER_BYTES_MAX).unwrap_or(body));
        let field_count = reader.array(4)?;
        let kind = reader.u64()?;
        let parcel = match (kind, field_count) {
            (MESSAGE, 3) => Self::Message {
                to: if reader.bool()? { Audience::Me } else { Audience::Room },
                content: read_content(&mut reader)?,
            },
            (TOPIC, 3) => Self::Topic {
                name: owned_text(&mut reader, NAME_BYTES_MAX)?,
                content: read_content(&mut reader)?,
            },
            (REQUEST, 4) => Self::Request {
                id: reader.u64()?,
                name: owned_text(&mut reader, NAME_BYTES_MAX)?,
                content: read_content(&mut reader)?,
            },
            (VALUE, 3) => Self::Value { id: reader.u64()?, content: read_content(&mut reader)? },
            (FAILURE, 3) => Self::Failure {
                id: reader.u64()?,
                detail: reader.optional(|reader| owned_text(reader, DETAIL_BYTES_MAX))?,
            },
            (WITHDRAW, 2) => Self::Withdraw { id: reader.u64()? },
            (PRESENCE, 2) => Self::Presence { is_set: reader.bool()? },
            (STREAM, 3) => Self::Stream {
                media_id: owned_text(&mut reader, STREAM_LABEL_BYTES_MAX)?,
                label: owned_text(&mut reader, STREAM_LABEL_BYTES_MAX)?,
            },
            (STREAM_END, 2) => {
                Self::StreamEnd { media_id: owned_text(&mut reader, STREAM_LABEL_BYTES_MAX)? }
            }
            (LEDGER, 1) => Self::Ledger,
            (GENESIS_ASK, 1) => Self::GenesisAsk,
            (GENESIS, 1) => Self::Genesis,
            _ => return Err(DecodeError::UnknownKind { found: kind }),
        };
        let offset = reader.offset();
        let found = body.len() - offset;
        let limit = parcel.payload_bytes_max();
        if found > limit && limit == 0 {
            return Err(DecodeError::Trailing { offset });
        }
        if found > limit {
            return Err(DecodeError::Oversize { offset, limit, found: found as u64 });
        }
        Ok((parcel, offset))
    }

    /// Whether the other side takes the name, and the words that stand beside the content.
    ///
    /// # Errors
    /// `InvalidArgument`, with the limit.
    pub(super) fn check(&self) -> Result<(), MeshError> {
        if let Self::Topic { name, .. } | Self::Request { name, .. } = self
            && (name.is_empty() || name.len() > NAME_BYTES_MAX)
        {
            let expected = format!("a name of 1 to {NAME_BYTES_MAX} bytes");
            return Err(invalid_argument(&expected, name.len()).limit(NAME_BYTES_MAX));
        }
        let (Self::Message { content, .. }
        | Self::Topic { content, .. }
        | Self::Request { content, .. }
        | Self::Value { content, .. }) = self
        else {
            return Ok(());
        };
        let longest = match content {
            Content::Blob { media_type } => media_type.len(),
            Content::File { name, media_type } => name.len().max(media_type.len()),
            _ => 0,
        };
        if longest <= FILE_NAME_BYTES_MAX {
            return Ok(());
        }
        let expected = format!("a name and a type of at most {FILE_NAME_BYTES_MAX} bytes");
        Err(invalid_argument(&expected, longest).limit(FILE_NAME_BYTES_MAX))
    }

    fn payload_bytes_max(&self) -> usize {
        match self {
            Self::Message { .. }
            | Self::Topic { .. }
            | Self::Request { .. }
            | Self::Value { .. } => crate::limits::MESSAGE_BYTES_MAX,
            Self::Presence { is_set: true } => PRESENCE_BYTES_MAX,
            Self::Ledger => LEDGER_MESSAGE_BYTES_MAX,
            Self::Genesis => GENESIS_BYTES_MAX,
            _ => 0,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Message { to, content } => {
                writer.array(3).u64(MESSAGE).bool(*to == Audience::Me);
                write_content(writer, content);
            }
            Self::Topic { name, content } => {
                writer.array(3).u64(TOPIC).text(name);
                write_content(writer, content);
            }
            Self::Request { id, name, content } => {
                writer.array(4).u64(REQUEST).u64(*id).text(name);
                write_content(writer, content);
            }
            Self::Value { id, content } => {
                writer.array(3).u64(VALUE).u64(*id);
                write_content(writer, content);
            }
            Self::Failure { id, detail } => {
                let detail = detail.as_deref().map(|detail| cut(detail, DETAIL_BYTES_MAX));
                writer.array(3).u64(FAILURE).u64(*id).optional(detail, |writer, detail| {
                    writer.text(detail);
                });
            }
            Self::Withdraw { id } => {
                writer.array(2).u64(WITHDRAW).u64(*id);
            }
            Self::Presence { is_set } => {
                writer.array(2).u64(PRESENCE).bool(*is_set);
            }
            Self::Stream { media_id, label } => {
                writer.array(3).u64(STREAM).text(media_id).text(label);
            }
            Self::Ledger => {
                writer.array(1).u64(LEDGER);
            }
            Self::GenesisAsk => {
                writer.array(1).u64(GENESIS_ASK);
            }
            Self::Genesis => {
                writer.array(1).u64(GENESIS);
            }
            Self::StreamEnd { media_id } => {
                writer.array(2).u64(STREAM_END).text(media_id);
            }
        }
    }
}

/// `text` cut to at most `limit` bytes, between characters.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn read_content(reader: &mut Reader<'_>) -> Result<Content, DecodeError> {
    let field_count = reader.array(3)?;
    let kind = reader.u64()?;
    Ok(match (kind, field_count) {
        (0, 1) => Content::Nothing,
        (1, 1) => Content::Text,
        (2, 1) => Content::Json,
        (3, 1) => Content::Bytes,
        (4, 2) => Content::Blob { media_type: owned_text(reader, FILE_NAME_BYTES_MAX)? },
        (5, 3) => Content::File {
            name: owned_text(reader, FILE_NAME_BYTES_MAX)?,
            media_type: owned_text(reader, FILE_NAME_BYTES_MAX)?,
        },
        _ => return Err(DecodeError::UnknownKind { found: kind }),
    })
}

fn write_content(writer: &mut Writer, content: &Content) {
    match content {
        Content::Nothing => writer.array(1).u64(0),
        Content::Text => writer.array(1).u64(1),
        Content::Json => writer.array(1).u64(2),
        Content::Bytes => writer.array(1).u64(3),
        Content::Blob { media_type } => writer.array(2).u64(4).text(media_type),
        Content::File { name, media_type } => writer.array(3).u64(5).text(name).text(media_type),
    };
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn samples() -> Vec<(Parcel, &'static [u8])> {
        let name = || String::from("name");
        let file = Content::File { name: name(), media_type: String::from("text/plain") };
        let blob = Content::Blob { media_type: String::new() };
        vec![
            (Parcel::Message { to: Audience::Room, content: Content::Text }, b"hello"),
            (Parcel::Message { to: Audience::Me, content: file }, b"bytes"),
            (Parcel::Topic { name: name(), content: Content::Json }, b"{}"),
            (Parcel::Request { id: 1 << 33, name: name(), content: blob }, b""),
            (Parcel::Value { id: 2, content: Content::Nothing }, b""),
            (Parcel::Value { id: 2, content: Content::Bytes }, b"\x00"),
            (Parcel::Failure { id: 3, detail: None }, b""),
            (Parcel::Failure { id: 3, detail: Some(name()) }, b""),
            (Parcel::Withdraw { id: 4 }, b""),
            (Parcel::Presence { is_set: true }, b"{}"),
            (Parcel::Presence { is_set: false }, b""),
            (Parcel::Stream { media_id: name(), label: String::new() }, b""),
            (Parcel::StreamEnd { media_id: name() }, b""),
            (Parcel::Ledger, b"\x82\x05\x01"),
            (Parcel::GenesisAsk, b""),
            (Parcel::Genesis, b"genesis"),
        ]
    }

    /// every parcel, with every kind of content, opens to itself and its payload; a cut header is refused.
    #[test]
    fn round_trips_and_refuses_a_cut_header() {
        for (parcel, payload) in samples() {
            let body = parcel.seal(payload.to_vec()).bytes().into_owned();
            let (opened, offset) = Parcel::open(&body).expect("opens");
            assert_eq!(opened, parcel);
            assert_eq!(&body[offset..], payload);
            for len in 0..offset {
                assert!(Parcel::open(&body[..len]).is_err(), "{parcel:?} at {len}");
            }
        }
    }

    /// a flipped bit in the header gives another parcel with that very header, or none.
    #[test]
    fn header_has_one_encoding() {
        for (parcel, payload) in samples() {
            let body = parcel.seal(payload.to_vec()).bytes().into_owned();
            let (_, offset) = Parcel::open(&body).expect("opens");
            for bit in 0..offset * 8 {
                let mut bent = body.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                if let Ok((other, offset)) = Parcel::open(&bent) {
                    assert_eq!(other.seal(bent[offset..].to_vec()).bytes(), bent, "{parcel:?}");
                }
            }
        }
    }

    /// a payload where none belongs, and names over their limits, are refused.
    #[test]
    fn refuses_stray_payload_and_long_names() {
        let stray = Parcel::Withdraw { id: 4 }.seal(vec![1]);
        assert!(matches!(Parcel::open(&stray.bytes()), Err(DecodeError::Trailing { .. })));
        let name = "x".repeat(NAME_BYTES_MAX + 1);
        let long = Parcel::Topic { name, content: Content::Text }.seal(Vec::new());
        assert!(matches!(Parcel::open(&long.bytes()), Err(DecodeError::Oversize { .. })));
        let big = vec![0; PRESENCE_BYTES_MAX + 1];
        let presence = Parcel::Presence { is_set: true }.seal(big);
        assert!(matches!(Parcel::open(&presence.bytes()), Err(DecodeError::Oversize { .. })));
    }

    /// what a handler says at length is cut at a character.
    #[test]
    fn long_failure_is_cut_between_characters() {
        let detail = Some("\u{e9}".repeat(DETAIL_BYTES_MAX));
        let body = Parcel::Failure { id: 1, detail }.seal(Vec::new());
        assert!(matches!(
            Parcel::open(&body.bytes()),
            Ok((Parcel::Failure { detail: Some(_), .. }, _))
        ));
    }
}
