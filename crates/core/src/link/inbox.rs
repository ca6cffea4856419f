//! The inbox: what came from one peer, put together, put in order, delivered once, acknowledged.
//!
//! Small messages and pieces of large ones travel on two channels and so overtake one another; both
//! carry numbers of one sequence. What is ahead of its turn waits in a stash no larger than what the
//! sender may have in flight. A message over [`UNGRANTED_BYTES_MAX`] is put together only once the
//! receiver's pool has room: its first piece says how long it is, and all but its beginning waits for
//! the grant.
//!
//! Acknowledgements are cumulative. A message alone in its frame, as that of a sender who awaits each
//! before the next, is acknowledged in the same turn; a stream, whose messages share frames, every
//! [`ACK_MESSAGE_COUNT`] messages, [`ACK_BYTES`] bytes or [`ACK_DELAY`]; pieces of a message that is
//! not complete every [`ACK_PIECES_BYTES`] or [`ACK_PIECES_DELAY`], since nobody waits for that.
//!
//! Source: docs/protocol.md.

use alloc::vec::Vec;
use core::fmt;

use crate::limits::{
    ACK_BYTES, ACK_DELAY, ACK_MESSAGE_COUNT, ACK_PIECES_BYTES, ACK_PIECES_DELAY, FLIGHT_COUNT_MAX,
    SMALL_MESSAGE_BYTES_MAX, STASH_BYTES_MAX, UNGRANTED_BYTES_MAX,
};
use crate::table::Table;
use crate::time::Timestamp;

use super::frame::{Frame, Partial};

/// How the sender broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InboxFault {
    /// More overtook its turn than may be in flight. Units: bytes.
    StashOverflow {
        /// The bound.
        limit: usize,
    },
    /// A piece does not continue the message under way.
    PieceOutOfPlace {
        /// Where it should start. Units: bytes.
        expected: u64,
        /// Where it starts. Units: bytes.
        found: u64,
    },
    /// A piece is of another length of message than the first piece said.
    TotalChanged {
        /// What the first piece said. Units: bytes.
        expected: u64,
        /// What this one says. Units: bytes.
        found: u64,
    },
    /// More than a message's beginning came before the grant.
    NotGranted {
        /// Which message.
        number: u64,
    },
    /// A large message is small enough for a control frame, or empty, or a small one too large.
    WrongSize {
        /// Its length. Units: bytes.
        found: u64,
    },
    /// A number so far ahead that it cannot be in flight.
    NumberOutOfRange {
        /// The highest number possible.
        limit: u64,
        /// The number.
        found: u64,
    },
}

impl fmt::Display for InboxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StashOverflow { limit } => write!(f, "more than {limit} bytes out of turn"),
            Self::PieceOutOfPlace { expected, found } => {
                write!(f, "a piece at byte {found} where {expected} is next")
            }
            Self::TotalChanged { expected, found } => {
                write!(f, "a message of {expected} bytes that now has {found}")
            }
            Self::NotGranted { number } => write!(f, "a piece of {number} before its grant"),
            Self::WrongSize { found } => write!(f, "a message of {found} bytes in this form"),
            Self::NumberOutOfRange { limit, found } => {
                write!(f, "number {found} where {limit} is the highest")
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grant {
    /// The message is short enough to need none.
    NotNeeded,
    /// Asked of the pool.
    Awaited,
    /// Given by the pool, to be told to the sender.
    Owed,
    /// Told to the sender.
    Told,
}

#[derive(Debug)]
struct Reassembly {
    number: u64,
    total: usize,
    bytes: Vec<u8>,
    grant: Grant,
}

/// What came from one peer.
#[derive(Debug)]
pub(super) struct Inbox {
    next: u64,
    stash: Table<u64, Vec<u8>>,
    stash_bytes: usize,
    reassembly: Option<Reassembly>,
    /// Pool bytes taken by large messages: the one under way and those waiting for their turn.
    pool_bytes: Table<u64, usize>,
    owed_count: usize,
    owed_bytes: usize,
    /// Of pieces of a message that is not complete: nobody waits for their acknowledgement.
    owed_pieces_bytes: usize,
    /// Whether all that is owed came alone in its frame: its sender may be waiting for just that.
    owes_lone: bool,
    acked_at: Option<Timestamp>,
}

impl Inbox {
    /// An inbox that has received everything up to `received_to`.
    #[must_use]
    pub(super) fn new(received_to: u64) -> Self {
        Self {
            next: received_to + 1,
            stash: Table::new(),
            stash_bytes: 0,
            reassembly: None,
            pool_bytes: Table::new(),
            owed_count: 0,
            owed_bytes: 0,
            owed_pieces_bytes: 0,
            owes_lone: false,
            acked_at: None,
        }
    }

    /// Everything up to here was received.
    #[must_use]
    pub(super) fn received_to(&self) -> u64 {
        self.next - 1
    }

    /// How far the large message under way has come.
    #[must_use]
    pub(super) fn partial(&self) -> Option<Partial> {
        let reassembly = self.reassembly.as_ref()?;
        let bytes = reassembly.bytes.len() as u64;
        Some(Partial { number: reassembly.number, bytes })
    }

    /// Lets go of everything that was not delivered: none of it was acknowledged, so the sender has
    /// it still, and a peer that may never come back shall not hold what others wait for.
    pub(super) fn abandon(&mut self) {
        *self = Self::new(self.received_to());
    }

    /// A connection is verified: the sender will send from `sends_from` on; what lies below never
    /// comes. A grant already given has to be told again. Returns what is in order now.
    ///
    /// # Errors
    /// [`InboxFault::NumberOutOfRange`] for a number that no sender reaches.
    pub(super) fn restart(&mut self, sends_from: u64) -> Result<Vec<Vec<u8>>, InboxFault> {
        if sends_from > NUMBER_MAX {
            return Err(InboxFault::NumberOutOfRange { limit: NUMBER_MAX, found: sends_from });
        }
        if sends_from > self.next {
            self.next = sends_from;
            self.stash.retain(|number, _| *number >= sends_from);
            self.stash_bytes = self.stash.values().map(Vec::len).sum();
            self.pool_bytes.retain(|number, _| *number >= sends_from);
            self.reassembly.take_if(|reassembly| reassembly.number < sends_from);
        }
        if let Some(reassembly) = &mut self.reassembly
            && reassembly.grant == Grant::Told
        {
            reassembly.grant = Grant::Owed;
        }
        Ok(self.in_order())
    }

    /// Consecutive small messages came. Returns what is in order now.
    ///
    /// # Errors
    /// See [`InboxFault`].
    pub(super) fn receive_small(
        &mut self,
        first: u64,
        bodies: &[&[u8]],
    ) -> Result<Vec<Vec<u8>>, InboxFault> {
        self.check_number(first.saturating_add(bodies.len() as u64))?;
        let mut ready = Vec::new();
        self.owes_lone = self.owed_count == 0 && bodies.len() == 1;
        for (number, body) in (first..).zip(bodies) {
            if body.len() > SMALL_MESSAGE_BYTES_MAX {
                return Err(InboxFault::WrongSize { found: body.len() as u64 });
            }
            self.owed_count += 1;
            self.owed_bytes += body.len();
            if number < self.next || self.stash.contains_key(&number) {
                continue; // A duplicate: acknowledged again, delivered once.
            }
            if number == self.next && self.stash.is_empty() {
                self.next += 1;
                ready.push(body.to_vec());
            } else {
                self.stash(number, body.to_vec())?;
            }
        }
        ready.append(&mut self.in_order());
        Ok(ready)
    }

    /// A piece of a large message came. Returns what is in order now.
    ///
    /// # Errors
    /// See [`InboxFault`].
    pub(super) fn receive_piece(
        &mut self,
        number: u64,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) -> Result<Vec<Vec<u8>>, InboxFault> {
        self.check_number(number)?;
        self.owes_lone = false;
        if number < self.next || self.stash.contains_key(&number) {
            self.owed_count += 1;
            return Ok(Vec::new());
        }
        self.owed_pieces_bytes += bytes.len();
        let size = usize::try_from(total).unwrap_or(usize::MAX);
        if size <= SMALL_MESSAGE_BYTES_MAX || bytes.is_empty() {
            return Err(InboxFault::WrongSize { found: total.min(bytes.len() as u64) });
        }
        let reassembly = match &mut self.reassembly {
            Some(under_way) if under_way.number == number => under_way,
            Some(under_way) => {
                let expected = under_way.bytes.len() as u64;
                return Err(InboxFault::PieceOutOfPlace { expected, found: offset });
            }
            none => {
                let needs_grant = size > UNGRANTED_BYTES_MAX;
                let grant = if needs_grant { Grant::Awaited } else { Grant::NotNeeded };
                none.insert(Reassembly { number, total: size, bytes: Vec::new(), grant })
            }
        };
        if reassembly.total != size {
            let expected = reassembly.total as u64;
            return Err(InboxFault::TotalChanged { expected, found: total });
        }
        let held = reassembly.bytes.len();
        if offset != held as u64 || bytes.len() > size - held {
            return Err(InboxFault::PieceOutOfPlace { expected: held as u64, found: offset });
        }
        let is_granted = matches!(reassembly.grant, Grant::NotNeeded | Grant::Told);
        if held + bytes.len() > UNGRANTED_BYTES_MAX && !is_granted {
            return Err(InboxFault::NotGranted { number });
        }
        reassembly.bytes.extend_from_slice(bytes);
        if reassembly.bytes.len() == size
            && let Some(whole) = self.reassembly.take()
        {
            self.owed_count += 1;
            if whole.grant == Grant::NotNeeded {
                self.stash_bytes += size;
            }
            self.stash.insert(number, whole.bytes);
            self.check_stash()?;
        }
        Ok(self.in_order())
    }

    /// Pool bytes to ask for: of a large message whose first piece is here.
    #[must_use]
    pub(super) fn wanted_pool_bytes(&self) -> Option<usize> {
        let reassembly = self.reassembly.as_ref()?;
        (reassembly.grant == Grant::Awaited).then_some(reassembly.total)
    }

    /// The pool has room for the message under way.
    pub(super) fn grant(&mut self) {
        if let Some(reassembly) = &mut self.reassembly
            && reassembly.grant == Grant::Awaited
        {
            reassembly.grant = Grant::Owed;
            reassembly.bytes.reserve_exact(reassembly.total - reassembly.bytes.len());
            self.pool_bytes.insert(reassembly.number, reassembly.total);
        }
    }

    /// Pool bytes held here at this moment.
    #[must_use]
    pub(super) fn pool_bytes(&self) -> usize {
        self.pool_bytes.values().sum()
    }

    /// The grant to tell the sender of, once.
    pub(super) fn next_grant(&mut self) -> Option<u64> {
        let reassembly = self.reassembly.as_mut()?;
        if reassembly.grant != Grant::Owed {
            return None;
        }
        reassembly.grant = Grant::Told;
        Some(reassembly.number)
    }

    /// The acknowledgement to send now, if one is due.
    pub(super) fn next_ack(&mut self, now: Timestamp) -> Option<Frame<'static>> {
        if !self.ack_is_due(now) {
            return None;
        }
        self.acked(now);
        Some(Frame::Ack { received_to: self.received_to(), partial: self.partial() })
    }

    /// An acknowledgement went out beside messages of ours.
    pub(super) fn acked(&mut self, now: Timestamp) {
        (self.owed_count, self.owed_bytes, self.owed_pieces_bytes) = (0, 0, 0);
        self.owes_lone = false;
        self.acked_at = Some(now);
    }

    /// When the next acknowledgement is due at the latest.
    #[must_use]
    pub(super) fn ack_deadline(&self) -> Option<Timestamp> {
        let since = self.acked_at.unwrap_or(Timestamp::ZERO);
        if self.owed_count > 0 {
            return Some(since.after(ACK_DELAY));
        }
        (self.owed_pieces_bytes > 0).then(|| since.after(ACK_PIECES_DELAY))
    }

    /// Whether an acknowledgement is to be sent now.
    #[must_use]
    pub(super) fn ack_is_due(&self, now: Timestamp) -> bool {
        self.owes_lone
            || self.owed_count >= ACK_MESSAGE_COUNT
            || self.owed_bytes >= ACK_BYTES
            || self.owed_pieces_bytes >= ACK_PIECES_BYTES
            || self.ack_deadline().is_some_and(|at| at <= now)
    }

    fn check_number(&self, number: u64) -> Result<(), InboxFault> {
        let limit = self.next.saturating_add(FLIGHT_COUNT_MAX as u64);
        if number > limit {
            return Err(InboxFault::NumberOutOfRange { limit, found: number });
        }
        Ok(())
    }

    fn stash(&mut self, number: u64, body: Vec<u8>) -> Result<(), InboxFault> {
        self.stash_bytes += body.len();
        self.stash.insert(number, body);
        self.check_stash()
    }

    fn check_stash(&self) -> Result<(), InboxFault> {
        if self.stash_bytes > STASH_BYTES_MAX {
            return Err(InboxFault::StashOverflow { limit: STASH_BYTES_MAX });
        }
        Ok(())
    }

    fn in_order(&mut self) -> Vec<Vec<u8>> {
        let mut ready = Vec::new();
        while let Some(body) = self.stash.remove(&self.next) {
            if self.pool_bytes.remove(&self.next).is_none() {
                self.stash_bytes = self.stash_bytes.saturating_sub(body.len());
            }
            self.next += 1;
            ready.push(body);
        }
        ready
    }
}

/// No sender gets here: a million messages a second take 285 years. Far enough below the end of
/// `u64` that counting on from it never overflows.
const NUMBER_MAX: u64 = 1 << 53;

#[cfg(test)]
mod tests;
