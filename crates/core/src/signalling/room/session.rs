//! One membership: what it must be told, and what it has acknowledged.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::id::Topic;
use crate::limits::{RESUME_BYTES_MAX, RESUME_MESSAGE_COUNT_MAX};
use crate::signalling::message::{Event, ResumeToken, ServerMessage};
use crate::time::Timestamp;

use super::{AddressKey, ClientId};

/// One membership of one room.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) topic: Topic,
    pub(super) token: ResumeToken,
    pub(super) introduction: Box<[u8]>,
    /// The socket that carries it.
    pub(super) client: Option<ClientId>,
    /// Where it comes from; a session without a socket counts there.
    pub(super) address: Option<AddressKey>,
    /// When it ends, if it has no socket until then.
    pub(super) detached_due: Option<Timestamp>,
    events: Events,
}

/// Numbered events, kept until acknowledged.
#[derive(Debug, Default)]
struct Events {
    /// The number of the last event.
    last: u64,
    /// The last events, encoded.
    kept: VecDeque<Box<[u8]>>,
    kept_bytes: usize,
}

/// Whether a detached session had room for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Encoded; to be sent if there is a socket.
    Yes,
    /// As much as is kept is kept already, and none of it was ever sent.
    Full,
}

impl Session {
    pub(super) fn new(
        topic: Topic,
        token: ResumeToken,
        introduction: Vec<u8>,
        client: ClientId,
        address: Option<AddressKey>,
    ) -> Self {
        Self {
            topic,
            token,
            introduction: introduction.into_boxed_slice(),
            client: Some(client),
            address,
            detached_due: None,
            events: Events::default(),
        }
    }

    /// Numbers and keeps an event. A member with a socket has most likely got the oldest ones, so
    /// those make way; without a socket nothing that was not sent may be lost.
    pub(super) fn keep(&mut self, event: Event) -> (Kept, Vec<u8>) {
        let number = self.events.last + 1;
        let bytes = ServerMessage::Event { number, event }.encode();
        while !self.events.has_room_for(bytes.len()) {
            if self.client.is_none() {
                return (Kept::Full, Vec::new());
            }
            self.events.drop_oldest();
        }
        self.events.last = number;
        self.events.kept_bytes += bytes.len();
        self.events.kept.push_back(bytes.clone().into_boxed_slice());
        (Kept::Yes, bytes)
    }

    /// Whether an event of so many bytes could be kept without losing another.
    pub(super) fn has_room_for(&self, byte_count: usize) -> bool {
        self.client.is_some() || self.events.has_room_for(byte_count + EVENT_BYTES)
    }

    /// Forgets events up to `count`; `false` if there never were so many.
    pub(super) fn acknowledged(&mut self, count: u64) -> bool {
        if count > self.events.last {
            return false;
        }
        while self.events.first_kept() <= count && !self.events.kept.is_empty() {
            self.events.drop_oldest();
        }
        if self.events.kept.is_empty() {
            // An idle member shall not hold the buffer of a busy moment.
            self.events.kept = VecDeque::new();
        }
        true
    }

    #[cfg(test)]
    pub(super) fn kept_capacity(&self) -> usize {
        self.events.kept.capacity()
    }

    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.events.kept_bytes
    }

    /// What must be sent again after `count`; `None` if some of it is no longer kept.
    pub(super) fn after(&self, count: u64) -> Option<Vec<Vec<u8>>> {
        if count > self.events.last || count + 1 < self.events.first_kept() {
            return None;
        }
        let skip = usize::try_from(count + 1 - self.events.first_kept()).ok()?;
        Some(self.events.kept.iter().skip(skip).map(|bytes| bytes.to_vec()).collect())
    }
}

impl Events {
    /// The number of the oldest event kept; one after the last if none is.
    fn first_kept(&self) -> u64 {
        self.last + 1 - self.kept.len() as u64
    }

    fn has_room_for(&self, byte_count: usize) -> bool {
        self.kept.len() < RESUME_MESSAGE_COUNT_MAX
            && self.kept_bytes + byte_count <= RESUME_BYTES_MAX
    }

    fn drop_oldest(&mut self) {
        if let Some(bytes) = self.kept.pop_front() {
            self.kept_bytes -= bytes.len();
        }
    }
}

/// Bytes of an event that are not its envelope, at their most.
const EVENT_BYTES: usize = 64;
