//! Reading the deterministic encoding, and refusing every other.

use super::{DecodeError, FALSE, Major, NULL, TRUE, head_bytes};

/// Reads items one by one and refuses every encoding but the deterministic one.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether every byte has been read.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }

    /// An unsigned number.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.head(Major::UNSIGNED, "an unsigned integer")
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
        match self.head(Major::SIMPLE, BOOLEAN)? {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(DecodeError::Unexpected { offset, expected: BOOLEAN }),
        }
    }

    /// A byte string of at most `limit` bytes, borrowed from the input.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn bytes(&mut self, limit: usize) -> Result<&'a [u8], DecodeError> {
        self.string(Major::BYTES, "a byte string", limit)
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
        let value = self.string(Major::TEXT, "a text", limit)?;
        core::str::from_utf8(value)
            .map_err(|_| DecodeError::Unexpected { offset, expected: "a text in UTF-8" })
    }

    /// The head of an array; its items follow.
    ///
    /// # Errors
    /// Any [`DecodeError`] but `Trailing`.
    pub fn array(&mut self, limit: usize) -> Result<usize, DecodeError> {
        let offset = self.offset();
        let found = self.head(Major::ARRAY, "an array")?;
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
        match self.bytes.get(self.offset) {
            Some(&NULL_BYTE) => {
                self.offset += 1;
                Ok(None)
            }
            Some(_) => read(self).map(Some),
            None => Err(DecodeError::Truncated { offset: self.offset }),
        }
    }

    /// The end of the message.
    ///
    /// # Errors
    /// `Trailing` if bytes are left.
    pub fn end(&self) -> Result<(), DecodeError> {
        if self.at_end() { Ok(()) } else { Err(DecodeError::Trailing { offset: self.offset() }) }
    }

    fn string(
        &mut self,
        major: Major,
        expected: &'static str,
        limit: usize,
    ) -> Result<&'a [u8], DecodeError> {
        let offset = self.offset;
        let found = self.head(major, expected)?;
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let value = usize::try_from(found).ok().and_then(|len| rest.get(..len));
        let value = value.ok_or(DecodeError::Truncated { offset })?;
        if value.len() > limit {
            return Err(DecodeError::Oversize { offset, limit, found });
        }
        self.offset += value.len();
        Ok(value)
    }

    /// The argument of a head of this type, in its shortest form. RFC 8949 section 3.
    fn head(&mut self, major: Major, expected: &'static str) -> Result<u64, DecodeError> {
        let offset = self.offset;
        let rest = self.bytes.get(offset..).unwrap_or_default();
        let (&first, rest) = rest.split_first().ok_or(DecodeError::Truncated { offset })?;
        let (found, short) = (Major(first >> 5), first & 31);
        let len = match short {
            0..24 => 0,
            24..28 => 1 << (short - 24),
            31 if matches!(found, Major::BYTES | Major::TEXT | Major::ARRAY) => {
                return Err(DecodeError::NonCanonical { offset });
            }
            _ => return Err(DecodeError::Unexpected { offset, expected }),
        };
        if found != major {
            return Err(DecodeError::Unexpected { offset, expected });
        }
        let argument = rest.get(..len).ok_or(DecodeError::Truncated { offset })?;
        let long = argument.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let value = if len == 0 { u64::from(short) } else { long };
        self.offset += 1 + len;
        if head_bytes(value) == 1 + len {
            Ok(value)
        } else {
            Err(DecodeError::NonCanonical { offset })
        }
    }
}

const BOOLEAN: &str = "a boolean";
const NULL_BYTE: u8 = Major::SIMPLE.0 << 5 | NULL;
