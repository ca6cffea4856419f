//! Deterministic CBOR, and nothing else.
//!
//! Everything signed, stored or sent is CBOR under the core deterministic encoding requirements of
//! RFC 8949 section 4.2: shortest integers and lengths, definite lengths, no trailing bytes. We use
//! unsigned integers, byte strings, text, arrays, booleans and null. [`Reader`] refuses every head
//! but the shortest. One value therefore has exactly one encoding, and a flipped bit is either another
//! value or a refusal. Why no library does it is decision 2; tests hold this one to `minicbor`.
//!
//! Out of scope: maps, tags, floats and negative numbers, which no message here needs.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use core::fmt;

pub mod base64url;
mod reader;
mod writer;

pub use reader::Reader;
pub use writer::Writer;

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

/// The type of an item: the upper three bits of its head. RFC 8949 section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Major(u8);

impl Major {
    const UNSIGNED: Self = Self(0);
    const BYTES: Self = Self(2);
    const TEXT: Self = Self(3);
    const ARRAY: Self = Self(4);
    const SIMPLE: Self = Self(7);
}

/// Simple values. RFC 8949 section 3.3.
const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u8 = 22;

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

#[cfg(test)]
mod tests;
