//! Signals: what two links must tell each other before, or beside, their channels.
//!
//! A signal travels sealed through the server, or plainly on the link's own control channel; its
//! bytes are the same. [`SignalQueue`] numbers signals and sends them again until they are
//! acknowledged, whichever way they go, so that a killed server or a dead connection loses none.
//!
//! Source: docs/protocol.md.

use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::{DecodeError, Reader, Writer};
use crate::id::{Epoch, Nonce};
use crate::limits::{
    CANDIDATE_BYTES_MAX, CANDIDATE_COUNT_MAX, SDP_BYTES_MAX, SIGNAL_ACK_DELAY,
    SIGNAL_EARLY_COUNT_MAX, SIGNAL_FLIGHT_COUNT_MAX, SIGNAL_RETRY_MAX, SIGNAL_RETRY_MIN,
};
use crate::table::Table;
use crate::time::{Span, Timestamp, earliest};

use super::transport::{Candidate, Description, DescriptionKind};

/// One signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Nothing more than its acknowledgement; also what a signal of a dead connection becomes.
    Empty,
    /// A session description, and the nonce its sender drew for this connection.
    Description {
        /// The description.
        description: Description,
        /// For the hello.
        nonce: Nonce,
    },
    /// The beginning of a description that is too long for one signal; the next signal goes on.
    Part(String),
    /// Candidates gathered within a short time.
    Candidates(Vec<Candidate>),
    /// The sender gives this link up.
    GiveUp(GiveUp),
}

/// Why a side gives a link up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// It leaves the room.
    Leaving,
    /// The other side's hello did not hold.
    HelloRejected,
    /// The other side broke the protocol.
    ProtocolViolation,
}

impl GiveUp {
    fn from_number(found: u64) -> Result<Self, DecodeError> {
        match found {
            0 => Ok(Self::Leaving),
            1 => Ok(Self::HelloRejected),
            2 => Ok(Self::ProtocolViolation),
            _ => Err(DecodeError::UnknownKind { found }),
        }
    }
}

const EMPTY: u64 = 0;
const OFFER: u64 = 1;
const ANSWER: u64 = 2;
const CANDIDATES: u64 = 3;
const GIVE_UP: u64 = 4;
const PART: u64 = 5;

impl Signal {
    /// Reads a signal.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let field_count = reader.array(3)?;
        let kind = reader.u64()?;
        let signal = match (kind, field_count) {
            (EMPTY, 1) => Self::Empty,
            (OFFER | ANSWER, 3) => {
                let sdp = String::from(reader.text(SDP_BYTES_MAX)?);
                let kind =
                    if kind == OFFER { DescriptionKind::Offer } else { DescriptionKind::Answer };
                let nonce = Nonce::from_bytes(reader.array_of()?);
                Self::Description { description: Description { kind, sdp }, nonce }
            }
            (CANDIDATES, 2) => {
                let count = reader.array(CANDIDATE_COUNT_MAX)?;
                let mut candidates = Vec::with_capacity(count);
                for _ in 0..count {
                    candidates.push(decode_candidate(&mut reader)?);
                }
                Self::Candidates(candidates)
            }
            (PART, 2) => Self::Part(String::from(reader.text(SDP_BYTES_MAX)?)),
            (GIVE_UP, 2) => Self::GiveUp(GiveUp::from_number(reader.u64()?)?),
            _ => return Err(DecodeError::UnknownKind { found: kind }),
        };
        reader.end()?;
        Ok(signal)
    }

    /// The bytes of this signal.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Self::Empty => {
                writer.array(1).u64(EMPTY);
            }
            Self::Description { description, nonce } => {
                let kind = match description.kind {
                    DescriptionKind::Offer => OFFER,
                    DescriptionKind::Answer => ANSWER,
                };
                writer.array(3).u64(kind).text(&description.sdp).bytes(nonce.as_bytes());
            }
            Self::Part(sdp) => {
                writer.array(2).u64(PART).text(sdp);
            }
            Self::Candidates(candidates) => {
                writer.array(2).u64(CANDIDATES).array(candidates.len());
                for candidate in candidates {
                    encode_candidate(&mut writer, candidate);
                }
            }
            Self::GiveUp(reason) => {
                writer.array(2).u64(GIVE_UP).u64(*reason as u64);
            }
        }
        writer.finish()
    }
}

fn decode_candidate(reader: &mut Reader<'_>) -> Result<Candidate, DecodeError> {
    reader.fields(4)?;
    Ok(Candidate {
        candidate: String::from(reader.text(CANDIDATE_BYTES_MAX)?),
        mid: reader.optional(|reader| reader.text(CANDIDATE_BYTES_MAX).map(String::from))?,
        line_index: reader.optional(Reader::u16)?,
        username_fragment: reader
            .optional(|reader| reader.text(CANDIDATE_BYTES_MAX).map(String::from))?,
    })
}

fn encode_candidate(writer: &mut Writer, candidate: &Candidate) {
    writer.array(4).text(&candidate.candidate);
    writer.optional(candidate.mid.as_deref(), |writer, mid| {
        writer.text(mid);
    });
    writer.optional(candidate.line_index, |writer, index| {
        writer.u64(u64::from(index));
    });
    writer.optional(candidate.username_fragment.as_deref(), |writer, fragment| {
        writer.text(fragment);
    });
}

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

    use super::*;

    fn candidate() -> Candidate {
        Candidate {
            candidate: String::from("candidate:1 1 udp 2 10.0.0.1 9 typ host"),
            mid: Some(String::from("0")),
            line_index: Some(0),
            username_fragment: None,
        }
    }

    fn samples() -> Vec<Signal> {
        let nonce = Nonce::from_bytes([7; 16]);
        let description =
            |kind| Description { kind, sdp: String::from("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n") };
        vec![
            Signal::Empty,
            Signal::Description { description: description(DescriptionKind::Offer), nonce },
            Signal::Description { description: description(DescriptionKind::Answer), nonce },
            Signal::Part(String::from("v=0\r\n")),
            Signal::Candidates(vec![candidate(), candidate()]),
            Signal::GiveUp(GiveUp::HelloRejected),
        ]
    }

    /// every signal decodes to itself; cut, lengthened or bent it is refused or another.
    #[test]
    fn signals_round_trip_and_refuse_what_is_not_theirs() {
        for signal in samples() {
            let bytes = signal.encode();
            assert_eq!(Signal::decode(&bytes), Ok(signal.clone()));
            for len in 0..bytes.len() {
                assert!(Signal::decode(&bytes[..len]).is_err(), "{signal:?} at {len}");
            }
            for bit in 0..bytes.len() * 8 {
                let mut bent = bytes.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                if let Ok(other) = Signal::decode(&bent) {
                    assert_eq!(other.encode(), bent);
                }
            }
        }
    }

    /// descriptions and candidate lists over their limits are refused.
    #[test]
    fn refuses_oversize() {
        let sdp = "x".repeat(SDP_BYTES_MAX + 1);
        let description = Description { kind: DescriptionKind::Offer, sdp };
        let signal = Signal::Description { description, nonce: Nonce::from_bytes([0; 16]) };
        assert!(matches!(
            Signal::decode(&signal.encode()),
            Err(DecodeError::Oversize { limit: SDP_BYTES_MAX, .. })
        ));
        let many = Signal::Candidates(vec![candidate(); CANDIDATE_COUNT_MAX + 1]);
        assert!(matches!(Signal::decode(&many.encode()), Err(DecodeError::Oversize { .. })));
    }

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
