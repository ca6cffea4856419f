//! The outbox: messages on their way to one peer, from the call until the acknowledgement.
//!
//! SCTP's own acknowledgements die with the connection. So every message gets a number above it,
//! stays here until the peer's cumulative acknowledgement passes that number, and is sent again on
//! the next connection if it did not. A number is given only when a message is about to be sent:
//! what is still queued can be taken back without leaving a gap, and is known not to have been
//! sent.
//!
//! ```text
//! queue (no number) --> flight (numbered; small ones in shared frames, large ones in pieces) --> gone
//! ```
//!
//! Out of scope: which channel has room, which the link decides; what is inside a message.
//!
//! Source: docs/protocol.md R-240 to R-247 and R-269.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::error::Delivery;
use crate::limits::{
    FLIGHT_BYTES_MAX, FLIGHT_COUNT_MAX, FRAME_BYTES_MAX, FRAME_MESSAGE_COUNT_MAX,
    FRAME_OVERHEAD_BYTES, LINK_QUEUE_BYTES_MAX, LINK_QUEUE_COUNT_MAX, SMALL_MESSAGE_BYTES_MAX,
    UNGRANTED_BYTES_MAX,
};
use crate::queue::Queue;
use crate::time::Timestamp;

use super::Body;
use super::frame::{Frame, Partial};
use super::hello::Standing;
use super::window::Window;

/// Names a message between link and node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(pub u64);

/// Bookkeeping of one queued message beyond its bytes, so that empty messages count too.
/// Units: bytes.
const MESSAGE_COST_BYTES: usize = 64;

#[derive(Debug)]
struct Queued {
    key: MessageKey,
    body: Body,
}

#[derive(Debug)]
struct Flying {
    key: MessageKey,
    body: Body,
    /// Handed to the present connection. Units: bytes; a small message is all or nothing.
    sent: usize,
    /// Known to be received. Units: bytes.
    acked: usize,
    /// The most of it that was ever handed to one connection. Units: bytes.
    ever_sent: usize,
    /// Whether the receiver let the rest come, on the present connection.
    granted: bool,
}

impl Flying {
    fn is_small(&self) -> bool {
        self.body.len() <= SMALL_MESSAGE_BYTES_MAX
    }

    /// What `sent` is when all of it was handed over: an empty message counts as one byte.
    fn whole(&self) -> usize {
        self.body.len().max(1)
    }

    fn mark_sent(&mut self, bytes: usize) {
        self.sent = bytes;
        self.ever_sent = self.ever_sent.max(bytes);
    }
}

/// The peer acknowledged what was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FalseAck {
    /// The highest number sent.
    pub expected: u64,
    /// The number acknowledged.
    pub found: u64,
}

/// The queue for this peer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The bound that was met. Units: bytes.
    pub limit: usize,
}

/// Messages on their way to one peer.
#[derive(Debug)]
pub(super) struct Outbox {
    queue: Queue<Queued>,
    queue_bytes: usize,
    /// Bytes of messages in flight that are known to be received.
    acked_bytes: usize,
    flight: VecDeque<Flying>,
    /// Number of the first message in flight, or of the next to be numbered.
    first: u64,
    /// Bytes handed to the present connection and not known to be received.
    wire_bytes: usize,
    /// How many bytes of large messages may be among them.
    window: Window,
    /// Index in flight below which every small message was handed over.
    small_cursor: usize,
    /// Index in flight below which every large message was handed over.
    large_cursor: usize,
    /// Large messages in flight not wholly handed over.
    large_pending: usize,
    delivered_count: u64,
}

impl Outbox {
    /// An empty outbox whose next message gets the number `first`.
    #[must_use]
    pub(super) fn new(first: u64) -> Self {
        Self {
            queue: Queue::new(),
            queue_bytes: 0,
            acked_bytes: 0,
            flight: VecDeque::new(),
            first: first.max(1),
            wire_bytes: 0,
            window: Window::new(),
            small_cursor: 0,
            large_cursor: 0,
            large_pending: 0,
            delivered_count: 0,
        }
    }

    /// Takes a message.
    ///
    /// # Errors
    /// [`Full`] if it would exceed what may be queued for one peer; nothing of it is kept.
    pub(super) fn push(&mut self, key: MessageKey, body: Body) -> Result<(), Full> {
        if !self.takes(body.len()) {
            return Err(Full { limit: LINK_QUEUE_BYTES_MAX });
        }
        self.queue_bytes += body.len() + MESSAGE_COST_BYTES;
        self.queue.push(Queued { key, body });
        Ok(())
    }

    /// Whether another message of this length would be taken.
    pub(super) fn takes(&self, bytes: usize) -> bool {
        self.queue_bytes + bytes + MESSAGE_COST_BYTES <= LINK_QUEUE_BYTES_MAX
            && self.queue.len() + self.flight.len() < LINK_QUEUE_COUNT_MAX
    }

    /// Takes a message back that was not sent yet. Says what became of it, `None` if it is gone.
    pub(super) fn cancel(&mut self, key: MessageKey) -> Option<Delivery> {
        if let Some(queued) = self.queue.take(|queued| queued.key == key) {
            self.queue_bytes -= queued.body.len() + MESSAGE_COST_BYTES;
            return Some(Delivery::NotSent);
        }
        self.flight.iter().any(|flying| flying.key == key).then_some(Delivery::Unknown)
    }

    /// Bytes kept here, each message with a fixed cost beside its length.
    #[must_use]
    pub(super) fn queued_bytes(&self) -> usize {
        self.queue_bytes
    }

    /// The same without what the peer is known to have of a message under way.
    #[must_use]
    pub(super) fn backlog_bytes(&self) -> usize {
        self.queue_bytes.saturating_sub(self.acked_bytes)
    }

    /// Messages the peer has acknowledged.
    #[must_use]
    pub(super) fn delivered_count(&self) -> u64 {
        self.delivered_count
    }

    /// Whether nothing is queued or in flight.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.flight.is_empty()
    }

    /// Whether a large message is under way, or the next to be.
    #[must_use]
    pub(super) fn has_large(&self) -> bool {
        self.large_pending > 0
            || self.queue.first().is_some_and(|next| next.body.len() > SMALL_MESSAGE_BYTES_MAX)
    }

    /// The lowest number that may still be sent.
    #[must_use]
    pub(super) fn sends_from(&self) -> u64 {
        self.first
    }

    fn last_number(&self) -> u64 {
        self.first + self.flight.len() as u64 - 1
    }

    /// Whether everything up to `received_to` can have arrived: it was handed over whole, if not
    /// to this connection then to an earlier one.
    fn check(&self, received_to: u64) -> Result<(), FalseAck> {
        let count = received_to.saturating_add(1).saturating_sub(self.first);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let unsent = self.flight.iter().take(count).position(|next| next.ever_sent < next.whole());
        let possible = unsent.unwrap_or(self.flight.len());
        if count > possible {
            let expected = (self.first + possible as u64).saturating_sub(1);
            return Err(FalseAck { expected, found: received_to });
        }
        Ok(())
    }

    /// Everything up to `received_to` has arrived. Returns the keys of what is delivered now.
    ///
    /// # Errors
    /// [`FalseAck`] if it covers what was never sent.
    pub(super) fn acknowledge(
        &mut self,
        now: Timestamp,
        received_to: u64,
        partial: Option<Partial>,
    ) -> Result<Vec<MessageKey>, FalseAck> {
        self.check(received_to)?;
        let mut large_bytes = 0;
        let mut delivered = Vec::new();
        while self.first <= received_to {
            let Some(flying) = self.flight.pop_front() else { break };
            self.first += 1;
            self.small_cursor = self.small_cursor.saturating_sub(1);
            self.large_cursor = self.large_cursor.saturating_sub(1);
            let came = flying.sent - flying.acked;
            self.wire_bytes = self.wire_bytes.saturating_sub(came);
            self.acked_bytes -= flying.acked;
            if !flying.is_small() {
                large_bytes += came;
                self.large_pending -= usize::from(flying.sent < flying.whole());
            }
            self.queue_bytes -= flying.body.len() + MESSAGE_COST_BYTES;
            self.delivered_count += 1;
            delivered.push(flying.key);
        }
        if let Some(partial) = partial {
            large_bytes += self.acknowledge_partial(partial)?;
        }
        self.window.acknowledged(now, large_bytes);
        Ok(delivered)
    }

    /// Returns how many bytes came that were not known to have come.
    fn acknowledge_partial(&mut self, partial: Partial) -> Result<usize, FalseAck> {
        let bytes = usize::try_from(partial.bytes).unwrap_or(usize::MAX);
        let last = self.last_number();
        let Some(index) = partial.number.checked_sub(self.first) else { return Ok(0) };
        let flying = usize::try_from(index).ok().and_then(|index| self.flight.get_mut(index));
        match flying {
            Some(flying) if !flying.is_small() && bytes <= flying.sent => {
                let came = bytes.saturating_sub(flying.acked);
                self.wire_bytes = self.wire_bytes.saturating_sub(came);
                self.acked_bytes += came;
                flying.acked += came;
                Ok(came)
            }
            _ => Err(FalseAck { expected: last, found: partial.number }),
        }
    }

    /// A connection is verified: everything not received goes out again on it, a large message
    /// from where the receiver has it.
    ///
    /// # Errors
    /// [`FalseAck`] if the peer claims to have received what was never sent.
    pub(super) fn restart(
        &mut self,
        now: Timestamp,
        standing: &Standing,
    ) -> Result<Vec<MessageKey>, FalseAck> {
        let delivered = self.acknowledge(now, standing.received_to, None)?;
        self.window = Window::new();
        for flying in &mut self.flight {
            (flying.sent, flying.acked, flying.granted) = (0, 0, false);
        }
        (self.wire_bytes, self.acked_bytes) = (0, 0);
        (self.small_cursor, self.large_cursor) = (0, 0);
        self.large_pending = self.flight.iter().filter(|flying| !flying.is_small()).count();
        if let Some(partial) = standing.partial
            && let Some(index) = partial.number.checked_sub(self.first)
            && let Some(flying) =
                usize::try_from(index).ok().and_then(|index| self.flight.get_mut(index))
        {
            let bytes = usize::try_from(partial.bytes).unwrap_or(usize::MAX);
            if flying.is_small() || bytes > flying.ever_sent || bytes >= flying.whole() {
                let expected = self.last_number();
                return Err(FalseAck { expected, found: partial.number });
            }
            (flying.sent, flying.acked) = (bytes, bytes);
            self.acked_bytes = bytes;
        }
        Ok(delivered)
    }

    /// The receiver lets the rest of a large message come.
    pub(super) fn grant(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(flying) = index.and_then(|index| self.flight.get_mut(index)) {
            flying.granted = true;
        }
    }

    /// Gives a number to the next queued message. One large message at a time is under way: more
    /// would only make the receiver hold what overtakes them.
    fn admit_one(&mut self) -> bool {
        let Some(next) = self.queue.first() else { return false };
        let is_small = next.body.len() <= SMALL_MESSAGE_BYTES_MAX;
        if self.flight.len() >= FLIGHT_COUNT_MAX || (!is_small && self.large_pending > 0) {
            return false;
        }
        let Some(Queued { key, body }) = self.queue.pop() else { return false };
        self.large_pending += usize::from(!is_small);
        let (sent, acked, ever_sent, granted) = (0, 0, 0, false);
        self.flight.push_back(Flying { key, body, sent, acked, ever_sent, granted });
        true
    }

    /// The next frame of small messages, `None` if there are none or the window is full.
    pub(super) fn next_small(&mut self, received_to: u64) -> Option<Vec<u8>> {
        let mut start = self.small_cursor;
        loop {
            if start == self.flight.len() && !self.admit_one() {
                self.small_cursor = start;
                return None;
            }
            if self.flight.get(start).is_some_and(|next| next.is_small() && next.sent == 0) {
                break;
            }
            start += 1;
        }
        self.small_cursor = start;
        let window = FLIGHT_BYTES_MAX.saturating_sub(self.wire_bytes);
        let mut end = start;
        let mut bytes = 0;
        while end - start < FRAME_MESSAGE_COUNT_MAX {
            if end == self.flight.len() && !self.admit_one() {
                break;
            }
            let Some(flying) = self.flight.get(end) else { break };
            // Three bytes of head for each body, as the longest short form takes.
            let cost = flying.body.len() + 3;
            if !flying.is_small()
                || bytes + cost > FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES
                || bytes + cost > window
            {
                break;
            }
            bytes += cost;
            end += 1;
        }
        if end == start {
            return None;
        }
        let bodies = self.flight.range(start..end).map(|flying| flying.body.short()).collect();
        let first = self.first + start as u64;
        let frame = Frame::Messages { first, received_to, bodies }.encode();
        for flying in self.flight.range_mut(start..end) {
            flying.mark_sent(flying.whole());
            self.wire_bytes += flying.sent;
        }
        self.small_cursor = end;
        Some(frame)
    }

    /// The next piece of a large message, at most `frame_bytes_max` long as a frame; `None` if
    /// there is none, the window is full or the receiver's grant for the rest is awaited.
    pub(super) fn next_piece(&mut self, now: Timestamp, frame_bytes_max: usize) -> Option<Vec<u8>> {
        if !self.has_large() || (self.large_pending == 0 && !self.admit_one()) {
            return None;
        }
        let index = (self.large_cursor..self.flight.len()).find(|&index| {
            self.flight
                .get(index)
                .is_some_and(|flying| !flying.is_small() && flying.sent < flying.whole())
        })?;
        self.large_cursor = index;
        let number = self.first + index as u64;
        let flying = self.flight.get_mut(index)?;
        let total = flying.body.len();
        let offset = flying.sent;
        let end = total.min(offset + (frame_bytes_max - FRAME_OVERHEAD_BYTES));
        // The beginning comes without a grant, so that asking for one costs no pause.
        let is_full = self.wire_bytes >= FLIGHT_BYTES_MAX || !self.window.has_room();
        if is_full || (end > UNGRANTED_BYTES_MAX && !flying.granted) {
            return None;
        }
        let bytes = &flying.body.range(offset..end);
        let piece = Frame::Piece { number, offset: offset as u64, total: total as u64, bytes };
        let frame = piece.encode();
        flying.mark_sent(end);
        self.wire_bytes += end - offset;
        self.window.sent(now, end - offset);
        if end == total {
            self.large_pending -= 1;
        }
        Some(frame)
    }

    /// Gives up everything: returns each message's key with what is known of it, and keeps the
    /// numbers, so that none of it can be taken for a later message.
    pub(super) fn give_up(&mut self) -> Vec<(MessageKey, Delivery)> {
        let mut lost = Vec::new();
        while let Some(flying) = self.flight.pop_front() {
            self.first += 1;
            let delivery = if flying.ever_sent > 0 { Delivery::Unknown } else { Delivery::NotSent };
            lost.push((flying.key, delivery));
        }
        while let Some(queued) = self.queue.pop() {
            lost.push((queued.key, Delivery::NotSent));
        }
        (self.queue_bytes, self.wire_bytes, self.acked_bytes) = (0, 0, 0);
        self.window = Window::new();
        (self.small_cursor, self.large_cursor, self.large_pending) = (0, 0, 0);
        lost
    }

    /// The peer started anew: gives up what was sent, keeps what was not, numbered from 1.
    pub(super) fn start_over(&mut self) -> Vec<MessageKey> {
        let mut lost = Vec::new();
        let mut kept = Queue::new();
        while let Some(flying) = self.flight.pop_front() {
            if flying.ever_sent > 0 {
                self.queue_bytes -= flying.body.len() + MESSAGE_COST_BYTES;
                lost.push(flying.key);
            } else {
                kept.push(Queued { key: flying.key, body: flying.body });
            }
        }
        while let Some(queued) = self.queue.pop() {
            kept.push(queued);
        }
        self.queue = kept;
        (self.first, self.wire_bytes, self.acked_bytes) = (1, 0, 0);
        self.window = Window::new();
        (self.small_cursor, self.large_cursor, self.large_pending) = (0, 0, 0);
        lost
    }
}

#[cfg(test)]
mod tests;
