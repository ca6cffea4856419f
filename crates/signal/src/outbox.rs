//! What a socket is still to be sent.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What a socket is still to be sent. Empty, it holds no memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// Close once the queue is sent.
    Finish,
    /// Close now.
    Cut,
}

/// What a socket does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send a message.
    Message(Vec<u8>),
    /// Everything is sent: close.
    Finish,
    /// The client was too slow: drop the socket.
    Cut,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pushed {
    Queued,
    /// More waits than a client may leave unread; the socket is being cut.
    Overflow,
}

impl Outbox {
    pub(crate) fn push(&self, bytes: Vec<u8>) -> Pushed {
        let mut state = self.lock();
        if state.queued_bytes + bytes.len() > OUTBOX_BYTES_MAX {
            *state = State { end: End::Cut, ..State::default() };
            self.changed.notify_one();
            return Pushed::Overflow;
        }
        state.queued_bytes += bytes.len();
        state.queue.push_back(bytes);
        self.changed.notify_one();
        Pushed::Queued
    }

    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        if state.end == End::Open {
            state.end = End::Finish;
        }
        self.changed.notify_one();
    }

    /// What to do next; waits until there is something. Only one task may wait.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.changed.notified().await;
        }
    }

    /// Returns once the socket is to be dropped, whatever is still being sent.
    pub(crate) async fn cut(&self) {
        while self.lock().end != End::Cut {
            self.changed.notified().await;
        }
    }

    fn try_next(&self) -> Option<Next> {
        let mut state = self.lock();
        if state.end == End::Cut {
            return Some(Next::Cut);
        }
        if let Some(bytes) = state.queue.pop_front() {
            state.queued_bytes -= bytes.len();
            if state.queue.is_empty() {
                state.queue = VecDeque::new();
            }
            return Some(Next::Message(bytes));
        }
        (state.end == End::Finish).then_some(Next::Finish)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most bytes that wait for one client: what is kept for resuming, four times over.
const OUTBOX_BYTES_MAX: usize = 4 * meshlace_core::limits::RESUME_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_in_order_and_then_finishes() {
        let outbox = Outbox::default();
        assert_eq!(outbox.try_next(), None);
        assert_eq!(outbox.push(vec![1]), Pushed::Queued);
        assert_eq!(outbox.push(vec![2]), Pushed::Queued);
        outbox.finish();
        assert_eq!(outbox.try_next(), Some(Next::Message(vec![1])));
        assert_eq!(outbox.try_next(), Some(Next::Message(vec![2])));
        assert_eq!(outbox.try_next(), Some(Next::Finish));
    }

    #[test]
    fn overflow_cuts_and_frees_what_waited() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push(vec![0; OUTBOX_BYTES_MAX]), Pushed::Queued);
        assert_eq!(outbox.push(vec![0]), Pushed::Overflow);
        assert_eq!(outbox.try_next(), Some(Next::Cut));
        assert_eq!(outbox.lock().queue.capacity(), 0);
    }
}
