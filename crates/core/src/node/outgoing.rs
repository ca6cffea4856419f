//! Messages of the ledger that wait for a link to have room.
//!
//! They are handed over while little is queued there, so that whatever the application sends stands
//! behind a few pages at most and not behind whole answers.

use crate::id::PeerId;
use crate::limits::LEDGER_QUEUE_BYTES_MAX;
use crate::link::Body;
use crate::queue::Queue;
use crate::table::Table;

#[derive(Debug, Default)]
struct Line {
    bodies: Queue<Body>,
    bytes: usize,
    /// Whether something did not fit.
    has_lost: bool,
}

/// One line for each peer.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    lines: Table<PeerId, Line>,
}

impl Outgoing {
    /// Puts a message at the end of a peer's line. One that does not fit is dropped.
    pub(super) fn push(&mut self, to: PeerId, body: Body) {
        let Some(line) = self.lines.or_default(to) else { return };
        if line.bytes + body.len() > LEDGER_QUEUE_BYTES_MAX && !line.bodies.is_empty() {
            line.has_lost = true;
            return;
        }
        line.bytes += body.len();
        line.bodies.push(body);
    }

    /// A peer with something in its line, of which `is_free` says that its link has room.
    pub(super) fn next(&self, is_free: impl Fn(&PeerId) -> bool) -> Option<PeerId> {
        let waiting = self.lines.iter().filter(|(_, line)| !line.bodies.is_empty());
        waiting.map(|(id, _)| *id).find(|id| is_free(id))
    }

    pub(super) fn pop(&mut self, id: &PeerId) -> Option<Body> {
        let line = self.lines.get_mut(id)?;
        let body = line.bodies.pop()?;
        line.bytes -= body.len();
        Some(body)
    }

    /// Whether a line is empty by now in which something did not fit. Said once.
    pub(super) fn has_caught_up(&mut self, id: &PeerId) -> bool {
        let Some(line) = self.lines.get_mut(id) else { return false };
        line.bodies.is_empty() && core::mem::take(&mut line.has_lost)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.values().all(|line| line.bodies.is_empty())
    }

    pub(super) fn forget(&mut self, id: &PeerId) {
        self.lines.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// a line takes so many bytes and no more, and says once that something was dropped.
    #[test]
    fn line_is_bounded_and_says_what_it_lost_when_empty() {
        let (id, mut outgoing) = (PeerId::from_bytes([1; 32]), Outgoing::default());
        let body = Body::new(vec![0; LEDGER_QUEUE_BYTES_MAX / 4]);
        (0..6).for_each(|_| outgoing.push(id, body.clone()));
        assert_eq!(outgoing.next(|_| false), None);
        for _ in 0..4 {
            assert!(!outgoing.has_caught_up(&id));
            assert_eq!(outgoing.next(|_| true), Some(id));
            assert!(outgoing.pop(&id).is_some());
        }
        assert!(outgoing.pop(&id).is_none());
        assert_eq!(outgoing.next(|_| true), None);
        assert!(outgoing.has_caught_up(&id) && !outgoing.has_caught_up(&id));
    }
}
