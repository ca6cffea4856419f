//! Writing the deterministic encoding.

use alloc::vec::Vec;

use minicbor::Encoder;

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

/// Writing to a `Vec` cannot fail: its error type has no values.
fn infallible(result: Result<(), minicbor::encode::Error<core::convert::Infallible>>) {
    debug_assert!(result.is_ok(), "writing CBOR to memory cannot fail");
}
