//! How much of large messages may be on its way and not known to be received.
//!
//! SCTP begins slowly and doubles what it has on its way until something is lost. In one machine, or
//! behind a fast link, nothing is lost until a buffer of the browser's overflows, and then so much at
//! once that Chromium's SCTP recovers by timeouts, for seconds. So the link keeps what is on its way
//! near to what the path carries: twice its bandwidth times its shortest round trip, both measured by
//! the peer's acknowledgements.
//!
//! ```text
//! a piece goes out, none is timed --> timed --> all that was on its way with it is acknowledged --> new window
//! ```
//!
//! A round trip is believed for [`PATH_AGE_MAX`]: then the window goes to its least, and the next piece
//! that finds room is timed on a path without a line.
//!
//! Out of scope: fairness and loss, which SCTP sees to below.
//!
//! Source: docs/protocol.md R-269; the model of BBR (Cardwell and others, "BBR: Congestion-Based Congestion Control", ACM Queue
//! 14(5), 2016), with acknowledgements of the link in place of those of the transport.

use crate::limits::{FLIGHT_BYTES_MAX, PATH_AGE_MAX, WINDOW_BYTES_MIN};
use crate::time::{Span, Timestamp};

/// What is timed: from a piece until it, and all before it, is acknowledged.
#[derive(Clone, Copy, Debug)]
struct Probe {
    at: Timestamp,
    /// On its way when it went out, itself included. Units: bytes.
    ahead: usize,
    /// Acknowledged since. Units: bytes.
    acked: usize,
}

/// The window for pieces on one connection.
#[derive(Debug)]
pub(super) struct Window {
    bytes: usize,
    /// Of large messages alone: small ones never wait for them, and take them no room.
    on_way: usize,
    /// The shortest round trip, and when it was last seen.
    shortest: Option<(Span, Timestamp)>,
    probe: Option<Probe>,
}

impl Window {
    /// The window of a new connection.
    pub(super) const fn new() -> Self {
        Self { bytes: WINDOW_BYTES_MIN, on_way: 0, shortest: None, probe: None }
    }

    /// Whether another piece may be sent.
    pub(super) const fn has_room(&self) -> bool {
        self.on_way < self.bytes
    }

    /// A piece of so many bytes went out.
    pub(super) fn sent(&mut self, now: Timestamp, bytes: usize) {
        self.on_way += bytes;
        self.probe.get_or_insert(Probe { at: now, ahead: self.on_way, acked: 0 });
    }

    /// So many bytes more of large messages are known to be received.
    pub(super) fn acknowledged(&mut self, now: Timestamp, bytes: usize) {
        self.on_way = self.on_way.saturating_sub(bytes);
        let Some(probe) = &mut self.probe else { return };
        probe.acked += bytes;
        let Probe { at, ahead, acked } = *probe;
        if acked < ahead {
            return;
        }
        self.probe = None;
        let taken = now.since(at).max(Span::from_ms(1));
        let (shortest, seen_at) = self.shortest.unwrap_or((taken, now));
        if taken > shortest && now.since(seen_at) > PATH_AGE_MAX {
            (self.bytes, self.shortest) = (WINDOW_BYTES_MIN, None);
            return;
        }
        let shortest = if taken <= shortest { (taken, now) } else { (shortest, seen_at) };
        self.shortest = Some(shortest);
        // Twice (bytes per round trip now / time of it now) * shortest round trip.
        let carried = acked as u64 * 2 * shortest.0.as_ms() / taken.as_ms();
        let carried = usize::try_from(carried).unwrap_or(usize::MAX);
        self.bytes = carried.clamp(WINDOW_BYTES_MIN, FLIGHT_BYTES_MAX);
    }
}

#[cfg(test)]
mod tests;
