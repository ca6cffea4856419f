//! The outbox against the inbox: connections come and go between them, both start anew, and what
//! is delivered stays once and in order.

use alloc::collections::BTreeMap;
use alloc::vec;

use proptest::prelude::*;

use crate::limits::{MESSAGE_BYTES_MAX, WINDOW_BYTES_MIN};
use crate::time::Timestamp;

use super::super::inbox::Inbox;
use super::super::transport::Channel;
use super::*;

/// What becomes of a message, as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Pending,
    Delivered,
    NotSent,
    Unknown,
}

/// A sender, a receiver, the frames between them, and what the model knows.
struct World {
    outbox: Outbox,
    inbox: Inbox,
    control: VecDeque<Vec<u8>>,
    bulk: VecDeque<Vec<u8>>,
    back: VecDeque<Vec<u8>>,
    now: u64,
    last_key: u64,
    fates: BTreeMap<u64, Fate>,
    /// Keys the present receiver got, and those any receiver got.
    got: Vec<u64>,
    got_ever: Vec<u64>,
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize),
    Cancel(u64),
    SendSmall,
    SendPiece,
    TakeControl,
    TakeBulk,
    Acknowledge,
    TakeBack,
    Grant,
    Reconnect,
    GiveUp,
    StartOver,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop_oneof![8_usize..100, 8_000_usize..8_400, 20_000_usize..400_000]
            .prop_map(Step::Push),
        1 => (1_u64..40).prop_map(Step::Cancel),
        8 => Just(Step::SendSmall),
        8 => Just(Step::SendPiece),
        8 => Just(Step::TakeControl),
        8 => Just(Step::TakeBulk),
        6 => Just(Step::Acknowledge),
        6 => Just(Step::TakeBack),
        4 => Just(Step::Grant),
        2 => Just(Step::Reconnect),
        1 => Just(Step::GiveUp),
        1 => Just(Step::StartOver),
    ]
}

impl World {
    fn new() -> Self {
        Self {
            outbox: Outbox::new(1),
            inbox: Inbox::new(0),
            control: VecDeque::new(),
            bulk: VecDeque::new(),
            back: VecDeque::new(),
            now: 1,
            last_key: 0,
            fates: BTreeMap::new(),
            got: Vec::new(),
            got_ever: Vec::new(),
        }
    }

    fn settle(&mut self, key: MessageKey, fate: Fate) {
        let before = self.fates.insert(key.0, fate);
        // A message cancelled in flight is settled for its caller and may be acknowledged yet.
        assert_eq!(before, Some(Fate::Pending), "{key:?} settled twice, now {fate:?}");
        match fate {
            Fate::Delivered => assert!(self.got_ever.contains(&key.0), "{key:?} is not there"),
            Fate::NotSent => assert!(!self.got_ever.contains(&key.0), "{key:?} is there"),
            _ => {}
        }
    }

    fn deliver(&mut self, bodies: Vec<Vec<u8>>) {
        for body in bodies {
            let key = u64::from_le_bytes(body[..8].try_into().expect("eight bytes"));
            assert!(body[8..].iter().all(|byte| u64::from(*byte) == key % 251), "bytes of {key}");
            assert!(self.got.last().is_none_or(|last| *last < key), "{key} out of order");
            assert!(!self.got_ever.contains(&key), "{key} twice");
            assert_ne!(self.fates.get(&key), Some(&Fate::NotSent), "{key} was not sent");
            self.got.push(key);
            self.got_ever.push(key);
        }
    }

    fn take(&mut self, step: &Step) {
        self.now += 3;
        let now = Timestamp::from_ms(self.now);
        match step {
            Step::Push(size) => {
                self.last_key += 1;
                let key = self.last_key;
                let mut body = vec![u8::try_from(key % 251).unwrap_or(0); *size];
                body[..8].copy_from_slice(&key.to_le_bytes());
                let payload = body.split_off(3);
                self.outbox.push(MessageKey(key), Body::joined(body, payload)).expect("room");
                self.fates.insert(key, Fate::Pending);
            }
            Step::Cancel(key) => {
                if self.fates.get(key) == Some(&Fate::Pending)
                    && self.outbox.cancel(MessageKey(*key)) == Some(Delivery::NotSent)
                {
                    self.settle(MessageKey(*key), Fate::NotSent);
                }
            }
            Step::SendSmall => {
                if let Some(frame) = self.outbox.next_small(0) {
                    assert!(frame.len() <= FRAME_BYTES_MAX);
                    self.control.push_back(frame);
                }
            }
            Step::SendPiece => {
                if let Some(frame) = self.outbox.next_piece(Timestamp::ZERO, FRAME_BYTES_MAX) {
                    assert!(frame.len() <= FRAME_BYTES_MAX);
                    self.bulk.push_back(frame);
                }
            }
            Step::TakeControl => self.take_control(),
            Step::TakeBulk => self.take_bulk(),
            Step::Acknowledge => {
                if let Some(ack) = self.inbox.next_ack(now) {
                    self.back.push_back(ack.encode());
                }
                if let Some(number) = self.inbox.next_grant() {
                    self.back.push_back(Frame::Grant { number }.encode());
                }
            }
            Step::TakeBack => self.take_back(),
            Step::Grant => {
                if self.inbox.wanted_pool_bytes().is_some() {
                    self.inbox.grant();
                }
            }
            Step::Reconnect => self.reconnect(),
            Step::GiveUp => {
                (self.control, self.bulk, self.back) = Default::default();
                self.inbox.abandon();
                for (key, delivery) in self.outbox.give_up() {
                    let is_unsent = delivery == Delivery::NotSent;
                    self.settle(key, if is_unsent { Fate::NotSent } else { Fate::Unknown });
                }
                self.reconnect();
            }
            Step::StartOver => {
                (self.control, self.bulk, self.back) = Default::default();
                for key in self.outbox.start_over() {
                    self.settle(key, Fate::Unknown);
                }
                self.inbox = Inbox::new(0);
                self.got.clear();
                self.reconnect();
            }
        }
    }

    fn take_control(&mut self) {
        let Some(frame) = self.control.pop_front() else { return };
        let Ok(Frame::Messages { first, bodies, .. }) = Frame::decode(Channel::Control, &frame)
        else {
            panic!("a messages frame")
        };
        let ready = self.inbox.receive_small(first, &bodies).expect("an honest sender");
        self.deliver(ready);
    }

    fn take_bulk(&mut self) {
        let Some(frame) = self.bulk.pop_front() else { return };
        let Ok(Frame::Piece { number, offset, total, bytes }) =
            Frame::decode(Channel::Bulk, &frame)
        else {
            panic!("a piece")
        };
        let ready = self.inbox.receive_piece(number, offset, total, bytes);
        self.deliver(ready.expect("an honest sender"));
    }

    fn take_back(&mut self) {
        let Some(frame) = self.back.pop_front() else { return };
        match Frame::decode(Channel::Control, &frame) {
            Ok(Frame::Ack { received_to, partial }) => {
                let keys = self
                    .outbox
                    .acknowledge(Timestamp::ZERO, received_to, partial)
                    .expect("a true ack");
                keys.into_iter().for_each(|key| self.settle(key, Fate::Delivered));
            }
            Ok(Frame::Grant { number }) => self.outbox.grant(number),
            other => panic!("an acknowledgement, not {other:?}"),
        }
    }

    /// The connection is replaced: what was on its way is lost.
    fn reconnect(&mut self) {
        (self.control, self.bulk, self.back) = Default::default();
        let standing = Standing {
            received_to: self.inbox.received_to(),
            partial: self.inbox.partial(),
            sends_from: 0,
        };
        let sends_from = self.outbox.sends_from();
        let keys = self.outbox.restart(Timestamp::ZERO, &standing).expect("a true hello");
        keys.into_iter().for_each(|key| self.settle(key, Fate::Delivered));
        let ready = self.inbox.restart(sends_from).expect("a true hello");
        self.deliver(ready);
    }

    /// Lets everything through until nothing moves.
    fn finish(&mut self) {
        let steps = [
            Step::SendSmall,
            Step::SendPiece,
            Step::TakeControl,
            Step::TakeBulk,
            Step::Grant,
            Step::Acknowledge,
            Step::TakeBack,
        ];
        for _ in 0..20_000 {
            steps.iter().for_each(|step| self.take(step));
            self.now += 20;
            if self.outbox.is_empty() && self.control.is_empty() && self.bulk.is_empty() {
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// whatever is lost, cancelled or started anew, what arrives arrives
    /// once, in order and whole; what is told delivered is there, what is told not sent is not; and
    /// once nothing is in the way everything is settled.
    #[test]
    fn delivers_once_in_order_through_everything(
        steps in proptest::collection::vec(step(), 1..160),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            let acked: usize = world.outbox.flight.iter().map(|flying| flying.acked).sum();
            prop_assert_eq!(world.outbox.backlog_bytes() + acked, world.outbox.queued_bytes());
        }
        world.finish();
        prop_assert!(world.outbox.is_empty());
        prop_assert_eq!((world.outbox.queued_bytes(), world.outbox.backlog_bytes()), (0, 0));
        prop_assert!(world.fates.values().all(|fate| *fate != Fate::Pending));
        prop_assert_eq!(world.inbox.pool_bytes(), 0);
    }

    /// acknowledgements of anything at all never panic, and only true ones are taken.
    #[test]
    fn false_acknowledgements_are_refused(
        sizes in proptest::collection::vec(8_usize..300_000, 0..6),
        received_to in 0_u64..10,
        number in 0_u64..10,
        bytes in any::<u64>(),
        is_restart in any::<bool>(),
    ) {
        let mut outbox = Outbox::new(1);
        for (key, size) in (1..).zip(&sizes) {
            let body = Body::new(vec![7; *size]);
            outbox.push(MessageKey(key), body).expect("room");
        }
        while outbox.next_small(0).is_some() || outbox.next_piece(Timestamp::ZERO, FRAME_BYTES_MAX).is_some() {}
        let partial = Some(Partial { number, bytes });
        let result = if is_restart {
            outbox.restart(Timestamp::ZERO, &Standing { received_to, partial, sends_from: 1 })
        } else {
            outbox.acknowledge(Timestamp::ZERO, received_to, partial)
        };
        if let Ok(keys) = result {
            prop_assert!(keys.len() <= sizes.len());
            prop_assert!(received_to <= sizes.len() as u64);
        }
    }
}

/// What the peer has of a message under way is no backlog, so that the next one is asked for before the
/// line runs dry.
#[test]
fn backlog_shrinks_while_a_message_is_under_way() {
    let mut outbox = Outbox::new(1);
    outbox.push(MessageKey(1), Body::new(vec![7; 250_000])).expect("room");
    let before = outbox.backlog_bytes();
    while outbox.next_piece(Timestamp::ZERO, FRAME_BYTES_MAX).is_some() {}
    assert_eq!(outbox.backlog_bytes(), before, "what was sent may not be there");
    let partial = Some(Partial { number: 1, bytes: 240_000 });
    assert_eq!(outbox.acknowledge(Timestamp::ZERO, 0, partial), Ok(vec![]));
    assert_eq!((outbox.backlog_bytes(), outbox.queued_bytes()), (before - 240_000, before));
    assert_eq!(outbox.acknowledge(Timestamp::ZERO, 1, None), Ok(vec![MessageKey(1)]));
    assert_eq!((outbox.backlog_bytes(), outbox.queued_bytes()), (0, 0));
}

/// small messages on their way take no room from a large one, or a game on a long path would let no
/// file through.
#[test]
fn small_messages_leave_the_window_to_large_ones() {
    let mut outbox = Outbox::new(1);
    for key in 0..100 {
        outbox.push(MessageKey(key), Body::new(vec![7; SMALL_MESSAGE_BYTES_MAX])).expect("room");
    }
    while outbox.next_small(0).is_some() {}
    outbox.push(MessageKey(100), Body::new(vec![7; 2 * WINDOW_BYTES_MIN])).expect("room");
    outbox.push(MessageKey(101), Body::new(vec![7; 10])).expect("room");
    outbox.grant(101);
    let mut pieces = 0;
    let mut send = |outbox: &mut Outbox| {
        while outbox.next_piece(Timestamp::ZERO, FRAME_BYTES_MAX).is_some() {
            outbox.grant(101);
            pieces += 1;
        }
        pieces * (FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES)
    };
    let sent = send(&mut outbox);
    assert!((WINDOW_BYTES_MIN..WINDOW_BYTES_MIN + FRAME_BYTES_MAX).contains(&sent), "{sent}");
    assert_eq!(outbox.acknowledge(Timestamp::ZERO, 100, None).map(|keys| keys.len()), Ok(100));
    assert_eq!(send(&mut outbox), sent, "their acknowledgement makes no room either");
}

/// a queue that is full in bytes, or in messages, takes no more, and keeps nothing of it.
#[test]
fn full_queue_refuses_and_keeps_nothing() {
    let mut outbox = Outbox::new(1);
    let body = Body::new(vec![0; MESSAGE_BYTES_MAX - 1_024]);
    for key in 0..2 {
        outbox.push(MessageKey(key), body.clone()).expect("room for two");
    }
    let held = outbox.queued_bytes();
    assert_eq!(outbox.push(MessageKey(2), body), Err(Full { limit: LINK_QUEUE_BYTES_MAX }));
    assert_eq!(outbox.queued_bytes(), held);

    let mut outbox = Outbox::new(1);
    let empty = Body::default();
    for key in 0..LINK_QUEUE_COUNT_MAX as u64 {
        outbox.push(MessageKey(key), empty.clone()).expect("room for a hundred thousand");
    }
    assert!(outbox.push(MessageKey(0), empty).is_err());
}

/// no more than the window is on the wire, in bytes and in messages.
#[test]
fn window_is_never_exceeded() {
    let mut outbox = Outbox::new(1);
    let body = Body::new(vec![0; SMALL_MESSAGE_BYTES_MAX]);
    for key in 0..1_000 {
        outbox.push(MessageKey(key), body.clone()).expect("room");
    }
    let mut bytes = 0;
    while let Some(frame) = outbox.next_small(0) {
        bytes += frame.len();
    }
    assert!(bytes <= FLIGHT_BYTES_MAX + FLIGHT_BYTES_MAX / 100, "{bytes}");
    assert!(bytes >= FLIGHT_BYTES_MAX - FRAME_BYTES_MAX, "{bytes}");

    let mut outbox = Outbox::new(1);
    let empty = Body::default();
    for key in 0..LINK_QUEUE_COUNT_MAX as u64 {
        outbox.push(MessageKey(key), empty.clone()).expect("room");
    }
    while outbox.next_small(0).is_some() {}
    assert_eq!(outbox.last_number(), FLIGHT_COUNT_MAX as u64);
}
