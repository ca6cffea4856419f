//! Writing the deterministic encoding.

use alloc::vec::Vec;

use super::{FALSE, Major, NULL, TRUE, head_bytes};

/// Writes items one by one in the deterministic encoding.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
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
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Writes an unsigned number.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.head(Major::UNSIGNED, value)
    }

    /// Writes an unsigned number.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.u64(u64::from(value))
    }

    /// Writes a boolean.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.head(Major::SIMPLE, if value { TRUE } else { FALSE })
    }

    /// Writes a byte string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.string(Major::BYTES, value)
    }

    /// Writes a text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.string(Major::TEXT, value.as_bytes())
    }

    /// Writes the head of an array of `count` items.
    pub fn array(&mut self, count: usize) -> &mut Self {
        self.head(Major::ARRAY, count as u64)
    }

    /// Writes null.
    pub fn null(&mut self) -> &mut Self {
        self.head(Major::SIMPLE, u64::from(NULL))
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
        self.bytes.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn string(&mut self, major: Major, value: &[u8]) -> &mut Self {
        self.head(major, value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// The shortest head of this type with this argument. RFC 8949 section 3.
    fn head(&mut self, major: Major, value: u64) -> &mut Self {
        let argument = value.to_be_bytes();
        let len = head_bytes(value) - 1;
        let [.., low] = argument;
        let short = match len {
            0 => low,
            1 => 24,
            2 => 25,
            4 => 26,
            _ => 27,
        };
        self.bytes.push(major.0 << 5 | short);
        self.bytes.extend_from_slice(argument.get(8 - len..).unwrap_or_default());
        self
    }
}
