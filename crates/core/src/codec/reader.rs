//! Reading the deterministic encoding, and refusing every other.

use minicbor::Decoder;
use minicbor::data::Type;

use super::{DecodeError, head_bytes};

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
        self.narrow()
    }

    /// An unsigned number of at most 16 bits.
    ///
    /// # Errors
    /// As [`Reader::u64`], and `OutOfRange`.
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        self.narrow()
    }

    /// An unsigned number of at most 8 bits.
    ///
    /// # Errors
    /// As [`Reader::u64`], and `OutOfRange`.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        self.narrow()
    }

    fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, DecodeError> {
        let offset = self.offset();
        let found = self.u64()?;
        T::try_from(found).map_err(|_| DecodeError::OutOfRange { offset, found })
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
