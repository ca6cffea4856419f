//! Deterministic CBOR, and nothing else.
//!
//! Everything signed, stored or sent is CBOR under the core deterministic encoding requirements of
//! RFC 8949 section 4.2: shortest integers and lengths, definite lengths, no trailing bytes. We use
//! unsigned integers, byte strings, text, arrays, booleans and null. `minicbor` reads and writes
//! the items; it tolerates longer forms than needed, so [`Reader`] compares the length of each head
//! with the shortest one and refuses the rest. One value therefore has exactly one encoding, and a
//! flipped bit is either another value or a refusal.
//!
//! Out of scope: maps, tags, floats and negative numbers, which no message here needs.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

pub mod base64url;

/// Why bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside an item; `offset` is where it starts.
    Truncated {
        /// Byte offset of the item.
        offset: usize,
    },
    /// An item of another type stands at `offset`.
    Unexpected {
        /// Byte offset of the item.
        offset: usize,
        /// What belongs here.
        expected: &'static str,
    },
    /// A longer form than the shortest was used at `offset`.
    NonCanonical {
        /// Byte offset of the item.
        offset: usize,
    },
    /// A string or array is longer than allowed.
    Oversize {
        /// Byte offset of the item.
        offset: usize,
        /// The most allowed, in bytes or items.
        limit: usize,
        /// What was claimed.
        found: u64,
    },
    /// A number lies outside what this field allows.
    OutOfRange {
        /// Byte offset of the item.
        offset: usize,
        /// The number found.
        found: u64,
    },
    /// An array has another count of items than this message has fields.
    WrongCount {
        /// Byte offset of the array.
        offset: usize,
        /// How many items belong here.
        expected: u64,
        /// How many were claimed.
        found: u64,
    },
    /// No message has this kind.
    UnknownKind {
        /// The kind found.
        found: u64,
    },
    /// Bytes follow the last item.
    Trailing {
        /// Where the message ended.
        offset: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { offset } => write!(f, "truncated in the item at byte {offset}"),
            Self::Unexpected { offset, expected } => {
                write!(f, "expected {expected} at byte {offset}")
            }
            Self::NonCanonical { offset } => {
                write!(f, "not the shortest encoding at byte {offset}")
            }
            Self::Oversize { offset, limit, found } => {
                write!(f, "at most {limit} allowed at byte {offset}, found {found}")
            }
            Self::OutOfRange { offset, found } => {
                write!(f, "number {found} out of range at byte {offset}")
            }
            Self::WrongCount { offset, expected, found } => {
                write!(f, "expected {expected} items at byte {offset}, found {found}")
            }
            Self::UnknownKind { found } => write!(f, "unknown kind {found}"),
            Self::Trailing { offset } => write!(f, "trailing bytes after byte {offset}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Reads items one by one and refuses every encoding but the deterministic one.
#[derive(Debug)]
pub struct Reader<'a> {
    decoder: Decoder<'a>,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { decoder: Decoder::new(bytes) }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.decoder.position()
    }

    /// Whether every byte has been read.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.offset() >= self.decoder.input().len()
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        let offset = self.offset();
        self.expect(
            |kind| matches!(kind, Type::U8 | Type::U16 | Type::U32 | Type::U64),
            "an unsigned integer",
        )?;
        let value = self.decoder.u64().map_err(|_| DecodeError::Truncated { offset })?;
        self.shortest(offset, value)?;
        Ok(value)
    }

    /// An unsigned number of at most 32 bits.
    ///
    /// # Errors
    /// As [`Reader::u64`], and `OutOfRange`.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        let offset = self.offset();
        let found = self.u64()?;
        u32::try_from(found).map_err(|_| DecodeError::OutOfRange { offset, found })
    }

    /// An unsigned number of at most 16 bits.
    ///
    /// # Errors
    /// As [`Reader::u64`], and `OutOfRange`.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        let offset = self.offset();
        let found = self.u64()?;
        u16::try_from(found).map_err(|_| DecodeError::OutOfRange { offset, found })
    }

    /// An unsigned number of at most 8 bits.
    ///
    /// # Errors
    /// As [`Reader::u64`], and `OutOfRange`.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        let offset = self.offset();
        let found = self.u64()?;
        u8::try_from(found).map_err(|_| DecodeError::OutOfRange { offset, found })
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// `Truncated` and `Unexpected`.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        let offset = self.offset();
        self.expect(|kind| kind == Type::Bool, "a boolean")?;
        self.decoder.bool().map_err(|_| DecodeError::Truncated { offset })
    }

    /// A byte string of at most `limit` bytes, borrowed from the input.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn bytes(&mut self, limit: usize) -> Result<&'a [u8], DecodeError> {
        let offset = self.offset();
        self.expect(|kind| kind == Type::Bytes, "a byte string")?;
        let value = self.decoder.bytes().map_err(|_| DecodeError::Truncated { offset })?;
        self.shortest_string(offset, value.len(), limit)?;
        Ok(value)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::bytes`], and `WrongCount` for another length.
    pub fn array_of<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let offset = self.offset();
        let bytes = self.bytes(N)?;
        <[u8; N]>::try_from(bytes).map_err(|_| DecodeError::WrongCount {
            offset,
            expected: N as u64,
            found: bytes.len() as u64,
        })
    }

    /// A text of at most `limit` bytes, borrowed from the input.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`; text that is not UTF-8 is `Unexpected`.
    pub fn text(&mut self, limit: usize) -> Result<&'a str, DecodeError> {
        let offset = self.offset();
        self.expect(|kind| kind == Type::String, "a text")?;
        let value = self.decoder.str().map_err(|error| {
            if error.is_end_of_input() {
                DecodeError::Truncated { offset }
            } else {
                DecodeError::Unexpected { offset, expected: "a text in UTF-8" }
            }
        })?;
        self.shortest_string(offset, value.len(), limit)?;
        Ok(value)
    }

    /// The head of an array; its items follow.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn array(&mut self, limit: usize) -> Result<usize, DecodeError> {
        let offset = self.offset();
        self.expect(|kind| kind == Type::Array, "an array")?;
        let found = self
            .decoder
            .array()
            .map_err(|_| DecodeError::Truncated { offset })?
            .ok_or(DecodeError::NonCanonical { offset })?;
        self.shortest(offset, found)?;
        match usize::try_from(found) {
            Ok(count) if count <= limit => Ok(count),
            _ => Err(DecodeError::Oversize { offset, limit, found }),
        }
    }

    /// The head of an array of exactly `count` items.
    ///
    /// # Errors
    /// As [`Reader::array`], and `WrongCount`.
    pub fn fields(&mut self, count: usize) -> Result<(), DecodeError> {
        let offset = self.offset();
        let found = self.array(usize::MAX)?;
        if found == count {
            return Ok(());
        }
        Err(DecodeError::WrongCount { offset, expected: count as u64, found: found as u64 })
    }

    /// `None` for null, else what `read` makes of the item.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        let offset = self.offset();
        match self.decoder.datatype() {
            Ok(Type::Null) => {
                self.decoder.null().map_err(|_| DecodeError::Truncated { offset })?;
                Ok(None)
            }
            Ok(_) => read(self).map(Some),
            Err(_) => Err(DecodeError::Truncated { offset }),
        }
    }

    /// The end of the message.
    ///
    /// # Errors
    /// `Trailing` if bytes are left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.at_end() { Ok(()) } else { Err(DecodeError::Trailing { offset: self.offset() }) }
    }

    fn expect(
        &self,
        fits: impl FnOnce(Type) -> bool,
        expected: &'static str,
    ) -> Result<(), DecodeError> {
        let offset = self.offset();
        match self.decoder.datatype() {
            Ok(kind) if fits(kind) => Ok(()),
            Ok(Type::BytesIndef | Type::StringIndef | Type::ArrayIndef) => {
                Err(DecodeError::NonCanonical { offset })
            }
            Err(error) if error.is_end_of_input() => Err(DecodeError::Truncated { offset }),
            _ => Err(DecodeError::Unexpected { offset, expected }),
        }
    }

    fn shortest(&self, offset: usize, value: u64) -> Result<(), DecodeError> {
        if self.offset() - offset == head_bytes(value) {
            Ok(())
        } else {
            Err(DecodeError::NonCanonical { offset })
        }
    }

    fn shortest_string(&self, offset: usize, len: usize, limit: usize) -> Result<(), DecodeError> {
        if len > limit {
            return Err(DecodeError::Oversize { offset, limit, found: len as u64 });
        }
        if self.offset() - offset - len == head_bytes(len as u64) {
            Ok(())
        } else {
            Err(DecodeError::NonCanonical { offset })
        }
    }
}

/// Writes items one by one in the deterministic encoding.
#[derive(Debug)]
pub struct Writer {
    encoder: Encoder<Vec<u8>>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// A writer with nothing written.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(64)
    }

    /// A writer with room for `bytes` bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { encoder: Encoder::new(Vec::with_capacity(bytes)) }
    }

    /// Writes an unsigned number.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        infallible(self.encoder.u64(value).map(drop));
        self
    }

    /// Writes an unsigned number.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.u64(u64::from(value))
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        infallible(self.encoder.bool(value).map(drop));
        self
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        infallible(self.encoder.bytes(value).map(drop));
        self
    }

    /// Writes a text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        infallible(self.encoder.str(value).map(drop));
        self
    }

    /// Writes the head of an array of `count` items.
    pub fn array(&mut self, count: usize) -> &mut Self {
        infallible(self.encoder.array(count as u64).map(drop));
        self
    }

    /// Writes null.
    pub fn null(&mut self) -> &mut Self {
        infallible(self.encoder.null().map(drop));
        self
    }

    /// Writes null or what `write` makes of the value.
    pub fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            None => {
                self.null();
            }
            Some(value) => write(self, value),
        }
        self
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.encoder.writer().len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.encoder.into_writer()
    }
}

/// The shortest head that carries `value`. Units: bytes.
#[must_use]
pub const fn head_bytes(value: u64) -> usize {
    match value {
        0..=0x17 => 1,
        0x18..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Owned text of at most `limit` bytes.
///
/// # Errors
/// As [`Reader::text`].
pub fn owned_text(reader: &mut Reader<'_>, limit: usize) -> Result<String, DecodeError> {
    reader.text(limit).map(String::from)
}

/// Writing to a `Vec` cannot fail: its error type has no values.
fn infallible(result: Result<(), minicbor::encode::Error<core::convert::Infallible>>) {
    debug_assert!(result.is_ok(), "writing CBOR to memory cannot fail");
}

#[cfg(test)]
mod tests;
