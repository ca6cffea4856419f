//! Values as bytes: the one form in which arguments, results, effects and notices cross.
//!
//! Each value is a tag and what the tag says: numbers are doubles, lengths and counts 32 bits, all little
//! endian. Long bytes travel beside the others, uncopied, and leave a tag in their place.
//! `packages/meshlace/src/values.ts` is the other half.

use alloc::string::String;
use alloc::vec::Vec;
use meshlace_core::error::ErrorCode;
use meshlace_core::id::PeerId;
use meshlace_core::node::MeshError;

use crate::names::{EffectName, NoticeName};

const UNDEFINED: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const TEXT: u8 = 4;
const BYTES: u8 = 5;
/// Text or bytes that travel beside.
const BESIDE: u8 = 6;
/// Values up to an end.
const LIST: u8 = 7;
/// Texts, each with its value, up to an end.
const MAP: u8 = 8;
const ERROR: u8 = 9;
/// A peer whose name was told before, by its place.
const PEER: u8 = 10;
/// A place, and the name that has it from now on.
const NEW_PEER: u8 = 11;
/// Begins an effect, and ends what stands before.
const EFFECT: u8 = 12;
/// Begins a notice, and ends what stands before.
const NOTICE: u8 = 13;
/// Ends a list or a map.
const END: u8 = 14;

/// Bytes longer than this are handed over where they are.
const INLINE_BYTES_MAX: usize = 1024;

/// Well above the peers of one room; the names are told anew when it is reached.
const PEER_COUNT_MAX: usize = 256;

/// Writes values for JavaScript.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    /// Peers whose names the other side knows by their place.
    peers: Vec<PeerId>,
}

impl Writer {
    fn tag(&mut self, tag: u8) -> &mut Self {
        self.bytes.push(tag);
        self
    }

    fn size(&mut self, size: usize) -> &mut Self {
        // A wasm32 module holds less than 2^32 of anything.
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&size.to_le_bytes());
        self
    }

    pub(crate) fn effect(&mut self, name: EffectName) -> &mut Self {
        self.tag(EFFECT).tag(name as u8)
    }

    pub(crate) fn notice(&mut self, name: NoticeName) -> &mut Self {
        self.tag(NOTICE).tag(name as u8)
    }

    pub(crate) fn undefined(&mut self) -> &mut Self {
        self.tag(UNDEFINED)
    }

    pub(crate) fn bool(&mut self, bool: bool) -> &mut Self {
        self.tag(if bool { TRUE } else { FALSE })
    }

    #[inline(never)]
    pub(crate) fn number(&mut self, number: u32) -> &mut Self {
        self.double(number.into())
    }

    /// A count that is far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "counts of bytes and ms are far below 2^53")]
    pub(crate) fn count(&mut self, count: u64) -> &mut Self {
        self.double(count as f64)
    }

    fn double(&mut self, double: f64) -> &mut Self {
        self.tag(NUMBER).bytes.extend_from_slice(&double.to_le_bytes());
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.tag(TEXT).sized(text.as_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.tag(BYTES).sized(bytes)
    }

    fn sized(&mut self, bytes: &[u8]) -> &mut Self {
        self.size(bytes.len()).bytes.extend_from_slice(bytes);
        self
    }

    /// Bytes that may be long, and then are to be handed over with those written here.
    pub(crate) fn payload(&mut self, bytes: &[u8]) -> &mut Self {
        if is_long(bytes) { self.tag(BESIDE) } else { self.bytes(bytes) }
    }

    /// Begins a list.
    pub(crate) fn list(&mut self) -> &mut Self {
        self.tag(LIST)
    }

    pub(crate) fn texts(&mut self, texts: &[String]) -> &mut Self {
        self.list();
        for text in texts {
            self.text(text);
        }
        self.end()
    }

    /// Begins a map.
    pub(crate) fn map(&mut self) -> &mut Self {
        self.tag(MAP)
    }

    /// Ends a list or a map.
    pub(crate) fn end(&mut self) -> &mut Self {
        self.tag(END)
    }

    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.undefined(),
        }
    }

    pub(crate) fn optional_count(&mut self, count: Option<u64>) -> &mut Self {
        match count {
            Some(count) => self.count(count),
            None => self.undefined(),
        }
    }

    /// The peer's name, which crosses once: decoding 43 characters each time would cost more than the
    /// rest of a message.
    pub(crate) fn peer(&mut self, peer: &PeerId) -> &mut Self {
        if let Some(place) = self.peers.iter().position(|known| known == peer) {
            return self.tag(PEER).size(place);
        }
        if self.peers.len() >= PEER_COUNT_MAX {
            self.peers.clear();
        }
        let place = self.peers.len();
        self.peers.push(*peer);
        self.tag(NEW_PEER).size(place).sized(peer.to_text().as_bytes())
    }

    pub(crate) fn error(&mut self, error: &MeshError) -> &mut Self {
        self.tag(ERROR).text(error.code.name()).text(&error.detail);
        self.optional_text(error.delivery.map(|delivery| delivery.name()));
        match &error.peer {
            Some(peer) => self.peer(peer),
            None => self.undefined(),
        };
        self.optional_text(error.expected.as_deref()).optional_text(error.found.as_deref());
        self.optional_count(error.limit)
    }
}

/// Whether bytes travel beside the others.
pub(crate) fn is_long(bytes: &[u8]) -> bool {
    bytes.len() > INLINE_BYTES_MAX
}

/// Reads values of JavaScript. What is not there, or of another kind than asked for, reads as an empty
/// one and is remembered: `check` tells at the end.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    beside: Vec<u8>,
    is_bad: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], beside: Vec<u8>) -> Self {
        Self { bytes, beside, is_bad: false }
    }

    /// Says whether all was read, and all of it was as asked for: without this nothing may be done.
    ///
    /// # Errors
    /// `InternalFault`: our own other half wrote it.
    pub(crate) fn check(&self) -> Result<(), MeshError> {
        if self.is_bad || !self.bytes.is_empty() { Err(unreadable()) } else { Ok(()) }
    }

    /// Says that a value is none that can be used. Nothing is read after it.
    pub(crate) fn refuse<T: Default>(&mut self) -> T {
        self.is_bad = true;
        self.bytes = &[];
        T::default()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let Some((taken, rest)) = self.bytes.split_at_checked(count) else {
            return self.refuse();
        };
        self.bytes = rest;
        taken
    }

    fn array<const COUNT: usize>(&mut self) -> [u8; COUNT]
    where
        [u8; COUNT]: Default,
    {
        match self.take(COUNT).try_into() {
            Ok(array) => array,
            Err(_) => self.refuse(),
        }
    }

    fn tag(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    fn size(&mut self) -> usize {
        u32::from_le_bytes(self.array()) as usize
    }

    fn is_next(&mut self, tag: u8) -> bool {
        let is_next = self.bytes.first() == Some(&tag);
        if is_next {
            self.take(1);
        }
        is_next
    }

    fn expect(&mut self, tag: u8) {
        if !self.is_next(tag) {
            self.refuse()
        }
    }

    pub(crate) fn bool(&mut self) -> bool {
        match self.tag() {
            TRUE => true,
            FALSE => false,
            _ => self.refuse(),
        }
    }

    pub(crate) fn double(&mut self) -> f64 {
        self.expect(NUMBER);
        f64::from_le_bytes(self.array())
    }

    /// A number of 32 bits; what is below or above is the least or the greatest.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, which is what is wanted"
    )]
    #[inline(never)]
    pub(crate) fn number(&mut self) -> u32 {
        self.double() as u32
    }

    pub(crate) fn text(&mut self) -> String {
        let bytes = self.long(TEXT);
        match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => self.refuse(),
        }
    }

    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        self.long(BYTES)
    }

    /// The bytes of a text, which nothing here reads.
    pub(crate) fn text_bytes(&mut self) -> Vec<u8> {
        self.long(TEXT)
    }

    fn long(&mut self, tag: u8) -> Vec<u8> {
        if self.is_next(BESIDE) {
            return core::mem::take(&mut self.beside);
        }
        self.expect(tag);
        let size = self.size();
        self.take(size).to_vec()
    }

    /// A list of what `read` reads.
    pub(crate) fn list<T>(&mut self, read: impl Fn(&mut Self) -> T) -> Vec<T> {
        self.expect(LIST);
        let mut items = Vec::new();
        while !self.is_bad && !self.is_next(END) {
            items.push(read(self));
        }
        items
    }

    /// What `read` reads of a list, which must be all of it.
    pub(crate) fn group<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.expect(LIST);
        let group = read(self);
        self.expect(END);
        group
    }

    /// What `read` reads, if there is a value.
    pub(crate) fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.is_next(UNDEFINED) { None } else { Some(read(self)) }
    }
}

/// What a call fails with that nobody could mean.
pub(crate) fn unreadable() -> MeshError {
    MeshError::new(ErrorCode::InternalFault).detail("a call to the core cannot be read")
}

#[cfg(test)]
mod tests;
