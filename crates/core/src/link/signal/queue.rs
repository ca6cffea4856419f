//! Signals in order, once each, until they are acknowledged, whichever way they go.

use alloc::vec::Vec;

use crate::codec::DecodeError;
use crate::id::Epoch;
use crate::limits::{
    SIGNAL_ACK_DELAY, SIGNAL_EARLY_COUNT_MAX, SIGNAL_FLIGHT_COUNT_MAX, SIGNAL_RETRY_MAX,
    SIGNAL_RETRY_MIN,
};
use crate::table::Table;
use crate::time::{Span, Timestamp, earliest};

use super::Signal;

/// A signal with what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedSignal {
    /// Which connection it is about.
    pub epoch: Epoch,
    /// Its number, from 1; 0 if it only acknowledges.
    pub number: u64,
    /// The highest number up to which every signal was received.
    pub ack: u64,
    /// The encoded signal.
    pub body: Vec<u8>,
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignalError {
    /// Not a signal.
    Malformed(DecodeError),
    /// It acknowledges what was never sent.
    AckOutOfRange {
        /// The last number sent.
        expected: u64,
        /// The number acknowledged.
        found: u64,
    },
    /// The parts of a description are longer than any description.
    TooLong {
        /// The most bytes of all parts.
        limit: usize,
    },
    /// Too many came before an earlier one that is missing.
    TooManyEarly {
        /// The most held.
        limit: usize,
    },
}

#[derive(Debug)]
struct Unacknowledged {
    number: u64,
    epoch: Epoch,
    signal: Signal,
}

/// Numbers signals out and puts signals in order.
#[derive(Debug, Default)]
pub struct SignalQueue {
    last_number: u64,
    flight: Vec<Unacknowledged>,
    unsent_from: u64,
    retry_at: Option<Timestamp>,
    retry_after: Span,
    received_to: u64,
    early: Table<u64, (Epoch, Signal)>,
    /// When an acknowledgement goes out on its own, if no signal carries it before.
    ack_at: Option<Timestamp>,
}

impl SignalQueue {
    /// Takes a signal to be sent. Over the bound the oldest of a dead epoch makes way; a link
    /// has at most a few under way.
    pub fn push(&mut self, epoch: Epoch, signal: Signal) {
        self.last_number += 1;
        if self.flight.is_empty() {
            self.unsent_from = self.last_number;
            self.retry_after = SIGNAL_RETRY_MIN;
        }
        self.flight.push(Unacknowledged { number: self.last_number, epoch, signal });
    }

    /// Whether another signal may be taken.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    /// Whether so many more signals may be taken.
    #[must_use]
    pub fn has_room_for(&self, count: usize) -> bool {
        self.flight.len() + count <= SIGNAL_FLIGHT_COUNT_MAX
    }

    /// Whether every signal sent was acknowledged.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.flight.is_empty()
    }

    /// The next signal to send, in order; then an acknowledgement if one is due. Most are not: the
    /// answer carries that of the offer, and once the link is open they cost no envelope.
    pub fn next(&mut self, now: Timestamp, current: Epoch) -> Option<NumberedSignal> {
        let unsent_from = self.unsent_from;
        let next = self.flight.iter_mut().find(|waiting| waiting.number >= unsent_from);
        if let Some(waiting) = next {
            if waiting.epoch < current {
                waiting.signal = Signal::Empty;
            }
            self.unsent_from = waiting.number + 1;
            self.ack_at = None;
            self.retry_at = Some(now.after(self.retry_after));
            return Some(NumberedSignal {
                epoch: waiting.epoch,
                number: waiting.number,
                ack: self.received_to,
                body: waiting.signal.encode(),
            });
        }
        self.ack_at.take_if(|at| *at <= now)?;
        let body = Signal::Empty.encode();
        Some(NumberedSignal { epoch: current, number: 0, ack: self.received_to, body })
    }

    /// The link closed: what was to be said of its connection is over, and only numbers are kept.
    pub fn shed(&mut self) {
        for waiting in &mut self.flight {
            if !matches!(waiting.signal, Signal::GiveUp(_)) {
                waiting.signal = Signal::Empty;
            }
        }
    }

    /// Sends everything unacknowledged again from now on: the way it went may have lost it.
    pub fn resend(&mut self) {
        if let Some(first) = self.flight.first() {
            self.unsent_from = first.number;
            self.retry_after = SIGNAL_RETRY_MIN;
        }
    }

    /// When [`SignalQueue::on_time`] wants to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let retry_at = if self.flight.is_empty() { None } else { self.retry_at };
        earliest(retry_at, self.ack_at)
    }

    /// Sends again what was not acknowledged in time, each time after twice as long.
    pub fn on_time(&mut self, now: Timestamp) {
        if !self.flight.is_empty() && self.retry_at.is_some_and(|at| at <= now) {
            let after = self.retry_after.times(2).min(SIGNAL_RETRY_MAX);
            self.resend();
            self.retry_after = after;
            self.retry_at = None;
        }
    }

    /// Takes a signal in. Returns those that are now in order, with their epochs.
    ///
    /// # Errors
    /// See [`SignalError`].
    pub fn receive(
        &mut self,
        now: Timestamp,
        incoming: &NumberedSignal,
    ) -> Result<Vec<(Epoch, Signal)>, SignalError> {
        if incoming.ack > self.last_number {
            return Err(SignalError::AckOutOfRange {
                expected: self.last_number,
                found: incoming.ack,
            });
        }
        let signal = Signal::decode(&incoming.body).map_err(SignalError::Malformed)?;
        while self.flight.first().is_some_and(|first| first.number <= incoming.ack) {
            self.flight.remove(0);
        }
        if incoming.number == 0 {
            return Ok(Vec::new());
        }
        self.ack_at = Some(self.ack_at.unwrap_or(now.after(SIGNAL_ACK_DELAY)));
        if incoming.number <= self.received_to {
            return Ok(Vec::new());
        }
        if self.early.len() >= SIGNAL_EARLY_COUNT_MAX {
            return Err(SignalError::TooManyEarly { limit: SIGNAL_EARLY_COUNT_MAX });
        }
        self.early.insert(incoming.number, (incoming.epoch, signal));
        let mut ready = Vec::new();
        while let Some(next) = self.early.remove(&(self.received_to + 1)) {
            self.received_to += 1;
            ready.push(next);
        }
        Ok(ready)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::GiveUp;
    use super::*;
    use crate::link::samples::candidate;

    fn pass(from: &mut SignalQueue, to: &mut SignalQueue, at: u64) -> usize {
        let mut count = 0;
        while let Some(signal) = from.next(Timestamp::from_ms(at), Epoch(1)) {
            count +=
                to.receive(Timestamp::from_ms(at), &signal).map(|ready| ready.len()).unwrap_or(0);
        }
        count
    }

    /// a lost signal is sent again until it is acknowledged, and counted once.
    #[test]
    fn lost_signal_is_sent_again_and_duplicate_counted_once() {
        let (mut a, mut b) = (SignalQueue::default(), SignalQueue::default());
        a.push(Epoch(1), Signal::GiveUp(GiveUp::Leaving));
        let lost = a.next(Timestamp::ZERO, Epoch(1)).expect("first try");
        let at = a.deadline().expect("a retry is due");
        assert_eq!(at.as_ms(), SIGNAL_RETRY_MIN.as_ms());
        a.on_time(at);
        assert_eq!(pass(&mut a, &mut b, at.as_ms()), 1);
        assert_eq!(b.receive(at, &lost), Ok(vec![]), "the late first try is a duplicate");
        let ack_at = b.deadline().expect("an acknowledgement is due");
        assert_eq!(pass(&mut b, &mut a, at.as_ms()), 0);
        assert!(!a.is_acknowledged(), "it waits for a signal to ride on");
        assert_eq!(pass(&mut b, &mut a, ack_at.as_ms()), 0);
        assert!(a.is_acknowledged());
        assert_eq!(a.deadline(), None);
    }

    /// signals that overtake one another are put in order.
    #[test]
    fn overtaking_signals_are_put_in_order() {
        let (mut a, mut b) = (SignalQueue::default(), SignalQueue::default());
        a.push(Epoch(1), Signal::Empty);
        a.push(Epoch(2), Signal::GiveUp(GiveUp::Leaving));
        let first = a.next(Timestamp::ZERO, Epoch(1)).expect("first");
        let second = a.next(Timestamp::ZERO, Epoch(1)).expect("second");
        assert_eq!(b.receive(Timestamp::ZERO, &second), Ok(vec![]));
        let ready = b.receive(Timestamp::ZERO, &first).expect("in order now");
        assert_eq!(
            ready,
            vec![(Epoch(1), Signal::Empty), (Epoch(2), Signal::GiveUp(GiveUp::Leaving))]
        );
    }

    /// a signal of a dead connection is emptied before it is sent again.
    #[test]
    fn signal_of_dead_epoch_is_emptied() {
        let mut queue = SignalQueue::default();
        queue.push(Epoch(1), Signal::Candidates(vec![candidate()]));
        let sent = queue.next(Timestamp::ZERO, Epoch(2)).expect("numbers stay without gaps");
        assert_eq!(Signal::decode(&sent.body), Ok(Signal::Empty));
    }

    /// what acknowledges the unsent, and what hoards early signals, is refused.
    #[test]
    fn refuses_false_acknowledgement_and_hoarding() {
        let mut queue = SignalQueue::default();
        let body = Signal::Empty.encode();
        let false_ack = NumberedSignal { epoch: Epoch(1), number: 1, ack: 1, body: body.clone() };
        assert_eq!(
            queue.receive(Timestamp::ZERO, &false_ack),
            Err(SignalError::AckOutOfRange { expected: 0, found: 1 })
        );
        let mut early = |number| {
            let body = body.clone();
            queue
                .receive(Timestamp::ZERO, &NumberedSignal { epoch: Epoch(1), number, ack: 0, body })
        };
        for number in 0..SIGNAL_EARLY_COUNT_MAX as u64 {
            assert_eq!(early(number + 2), Ok(vec![]));
        }
        let limit = SIGNAL_EARLY_COUNT_MAX;
        assert_eq!(early(1_000), Err(SignalError::TooManyEarly { limit }));
    }
}
