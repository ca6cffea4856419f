//! Whatever driver and peer do, a link stays within its bounds and comes to rest.
#![expect(clippy::cast_possible_truncation, reason = "arbitrary numbers are as good when cut")]

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::id::Nonce;
use crate::limits::{LINK_QUEUE_BYTES_MAX, LOSSY_BUFFER_BYTES_HIGH, STASH_BYTES_MAX};

use super::super::Body;
use super::super::frame::{Frame, Partial};
use super::super::hello::{self, Standing};
use super::super::outbox::MessageKey;
use super::super::samples::{LEAP_MS, Step, candidate, sdp, step};
use super::super::signal::NumberedSignal;
use super::super::signal::Signal;
use super::super::transport::{Channel, ConnectionState, Description, DescriptionKind, IceState};
use super::*;
use crate::id::{ConnectionId, Ticket};

struct Rig {
    link: Link,
    peer_key: Signing,
    now: Timestamp,
    next_key: u64,
    next_signal: u64,
    next_message: u64,
    tickets: Vec<(ConnectionId, Ticket, bool)>,
}

impl Rig {
    fn new() -> Self {
        let (key, peer_key) = (Signing::from_seed(&[1; 32]), Signing::from_seed(&[2; 32]));
        let now = Timestamp::from_ms(10_000);
        let config = LinkConfig {
            room: RoomId::from_bytes([7; 32]),
            instance: Instance::from_bytes([1; 16]),
            peer: peer_key.peer(),
            peer_instance: Instance::from_bytes([2; 16]),
            session: LinkSession::from_bytes([8; 16]),
            slot: 1,
            seed: Seed([3; 32]),
            stage: IceStage::Direct,
            has_relay: true,
            key,
        };
        let link = Link::new(config, now);
        let (next_key, next_signal, next_message) = (0, 0, 0);
        Self { link, peer_key, now, next_key, next_signal, next_message, tickets: Vec::new() }
    }

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(effect) = self.link.poll_effect() {
            count += 1;
            assert!(count < 5_000, "effects without end");
            match effect {
                LinkEffect::Describe(id, ticket) => self.tickets.push((id, ticket, true)),
                LinkEffect::Apply(id, ticket, _) => self.tickets.push((id, ticket, false)),
                LinkEffect::Frame(_, channel, bytes) => {
                    let frame = Frame::decode(channel, &bytes);
                    assert!(frame.is_ok(), "a frame that its receiver refuses: {frame:?}");
                }
                _ => {}
            }
        }
    }

    fn give(&mut self, input: LinkInput) {
        let before = self.link.now;
        let outcome = self.link.handle(self.now, input);
        assert!(self.link.now >= before, "time moved back");
        if let LinkOutcome::Fault(_) = outcome {
            assert_eq!(self.link.state(), LinkState::Closed, "a fault closes the link");
        }
        self.drain();
        // What is due now is done by a few ticks.
        let mut count = 0;
        while self.link.poll_timeout().is_some_and(|at| at <= self.now) {
            count += 1;
            assert!(count < 20, "a timer that spins: {:?}", self.link);
            let _ = self.link.handle(self.now, LinkInput::Tick);
            self.drain();
        }
        assert!(self.link.queued_bytes() <= LINK_QUEUE_BYTES_MAX);
        assert!(self.link.pool_bytes() <= 2 * crate::limits::BODY_BYTES_MAX);
        if let Some(connection) = &self.link.connection {
            let held: usize = connection.held.iter().map(Vec::len).sum();
            assert!(held <= STASH_BYTES_MAX && connection.early_frames.len() <= 16);
            let waiting: usize = connection.waiting.iter().map(Vec::len).sum();
            assert!(waiting <= LOSSY_BUFFER_BYTES_HIGH);
        }
    }

    fn frame(&mut self, id: ConnectionId, channel: Channel, frame: &Frame<'_>) {
        self.give(LinkInput::FrameReceived(id, channel, frame.encode()));
    }

    fn signal(&mut self, step: Step, signal: &Signal) {
        let epoch = Epoch(match step.a {
            0..4 => self.link.epoch.0.saturating_add((step.a % 2) as u32),
            far => far as u32,
        });
        let number = if step.b < 6 { self.next_signal + 1 } else { step.b };
        if number == self.next_signal + 1 {
            self.next_signal = number;
        }
        let ack = if step.b == 5 { step.a } else { 0 };
        let body = signal.encode();
        self.give(LinkInput::Signal(NumberedSignal { epoch, number, ack, body }));
    }

    /// A hello that holds, and "ready".
    fn prove(&mut self, id: ConnectionId, step: Step) {
        let Some(terms) = self.link.peer_terms() else { return };
        let standing =
            Standing { received_to: 0, partial: None, sends_from: step.a.min(self.next_message) };
        let (body, signature) = hello::sign(&self.peer_key, &terms, &standing);
        self.frame(id, Channel::Control, &Frame::Hello { body: &body, signature });
        self.frame(id, Channel::Control, &Frame::Ready);
    }

    fn take(&mut self, step: Step) {
        self.now = Timestamp::from_ms(self.now.as_ms().saturating_add(step.wait_ms % LEAP_MS));
        if step.wait_ms > LEAP_MS {
            // A clock that jumps back.
            let earlier = self.now.as_ms().saturating_sub(step.a);
            let _ = self.link.handle(Timestamp::from_ms(earlier), LinkInput::Tick);
        }
        let known = self.link.connection_id();
        let id = known.filter(|_| step.b != 77).unwrap_or(ConnectionId(step.a as u32));
        let channel = Channel::ALL[(step.a % 3) as usize];
        match step.what % 42 {
            0 => self.give(LinkInput::Connect { offer: step.a.is_multiple_of(2) }),
            1..5 => self.answer(step),
            5 | 6 => {
                let kind = [DescriptionKind::Offer, DescriptionKind::Answer][(step.b % 2) as usize];
                let sdp = if step.a == 5 { String::new() } else { sdp(u8::from(step.a == 4)) };
                let description = Description { kind, sdp };
                let nonce = Nonce::from_bytes([9; 16]);
                self.signal(step, &Signal::Description { description, nonce });
            }
            7 => self.signal(step, &Signal::Candidates(vec![candidate()])),
            8 => self.signal(step, &Signal::Empty),
            9 if step.a == 3 => self.signal(step, &Signal::GiveUp(GiveUp::Leaving)),
            10 => {
                self.give(LinkInput::CandidateGathered(id, candidate(), Span::from_ms(step.b % 20)))
            }
            11 => self.give(LinkInput::GatheringDone(id)),
            12 => self.give(LinkInput::NegotiationNeeded(id)),
            13 => {
                let ice = [IceState::Connected, IceState::Disconnected, IceState::Failed];
                let states = [
                    ConnectionState::Connected,
                    ConnectionState::Disconnected,
                    ConnectionState::Failed,
                ];
                let index = (step.a % 3) as usize;
                self.give(LinkInput::TransportChanged(id, ice[index], states[index]));
            }
            14 | 15 => {
                for channel in Channel::ALL {
                    self.give(LinkInput::ChannelOpened(id, channel));
                }
            }
            16 if step.a < 2 => self.give(LinkInput::ChannelClosed(id, channel)),
            17..20 => self.prove(id, step),
            20 | 21 => {
                let bodies = vec![b"message".as_slice(); (step.a % 4) as usize];
                let first = if step.b < 5 { self.next_message + 1 } else { step.b };
                if step.b < 5 {
                    self.next_message += bodies.len() as u64;
                }
                self.frame(
                    id,
                    Channel::Control,
                    &Frame::Messages { first, received_to: 0, bodies },
                );
            }
            22 => {
                let partial = (step.b < 3).then_some(Partial { number: step.b, bytes: step.a });
                let ack = Frame::Ack { received_to: step.a, partial };
                self.frame(id, Channel::Control, &ack);
            }
            23 => {
                let bytes = &[5; 9_000][..];
                let (number, offset) = (self.next_message + 1 + step.b % 2, (step.a % 3) * 9_000);
                let piece = Frame::Piece { number, offset, total: 27_000, bytes };
                self.frame(id, Channel::Bulk, &piece);
            }
            24 => self.frame(id, Channel::Control, &Frame::Grant { number: step.a }),
            25 => self.frame(id, Channel::Control, &Frame::Ping { token: step.a }),
            26 => self.frame(id, Channel::Control, &Frame::Pong { token: step.b }),
            27 => self.frame(id, Channel::Control, &Frame::Away),
            28 => self.frame(id, Channel::Control, &Frame::Back),
            29 if step.a == 1 => self.frame(id, Channel::Control, &Frame::Goodbye),
            30 => {
                let bytes = step.a.to_le_bytes()[..(step.b % 9) as usize].to_vec();
                self.give(LinkInput::FrameReceived(id, channel, bytes));
            }
            31 | 32 => {
                self.next_key += 1;
                let size = [10, 9_000, 100_000, 1_000_000][(step.a % 4) as usize];
                let body = Body::new(vec![1; size]);
                self.give(LinkInput::Send(MessageKey(self.next_key), body));
            }
            33 => self.give(LinkInput::Cancel(MessageKey(step.a))),
            34 => self.give(LinkInput::Buffered(id, channel, step.a as usize)),
            35 => self.give(LinkInput::PeerSocket { attached: step.a.is_multiple_of(2) }),
            36 => self.give(match step.a % 6 {
                0 => LinkInput::Freeze,
                1 => LinkInput::Thaw,
                2 => LinkInput::CheckPath,
                3 => LinkInput::ServerBack,
                4 => LinkInput::PoolGranted,
                _ => LinkInput::Stalled(Span::from_ms(step.b)),
            }),
            37 if step.a == 0 => {
                let instance = Instance::from_bytes([step.b as u8; 16]);
                let session = LinkSession::from_bytes([step.b as u8; 16]);
                self.give(LinkInput::PeerRestarted(instance, session));
                (self.next_signal, self.next_message) = (0, 0);
            }
            38 if step.a == 0 => self.give(LinkInput::Leave),
            38 if step.a == 1 => self.give(LinkInput::LeaveAtOnce),
            39 if step.a == 0 => self.give(LinkInput::Close(ErrorCode::RoomClosed)),
            40 => {
                let channel = Channel::NEEDED[(step.a % 2) as usize];
                let heard = step.b.is_multiple_of(2);
                self.frame(id, Channel::Control, &Frame::Opened { channel, heard });
                if step.b < 7 {
                    self.give(LinkInput::ChannelOpened(id, channel));
                    self.frame(id, channel, &Frame::Probe);
                }
            }
            41 => {
                let size = [10, 9_000, 16_000][(step.a % 3) as usize];
                self.give(LinkInput::SendLossy(Body::new(vec![2; size])));
            }
            _ => self.give(LinkInput::Tick),
        }
    }

    /// The browser carries out what it was asked for.
    fn answer(&mut self, step: Step) {
        let Some((id, ticket, describes)) = self.tickets.pop() else { return };
        if step.b == 6 {
            return self.give(LinkInput::OperationFailed(id, ticket));
        }
        if !describes {
            return self.give(LinkInput::Applied(id, ticket));
        }
        let kind = [DescriptionKind::Offer, DescriptionKind::Answer][(step.a % 2) as usize];
        self.give(LinkInput::Described(
            id,
            ticket,
            Description { kind, sdp: sdp(0xaa) },
            Span::from_ms(step.b % 20),
        ));
    }

    /// From the first offer to a verified link, in one go.
    fn open(&mut self) {
        self.give(LinkInput::Connect { offer: true });
        let quiet = Step { what: 0, a: 0, b: 0, wait_ms: 0 };
        self.answer(quiet);
        let nonce = Nonce::from_bytes([9; 16]);
        let description = Description { kind: DescriptionKind::Answer, sdp: sdp(0) };
        self.signal(quiet, &Signal::Description { description, nonce });
        self.answer(quiet);
        let id = self.link.connection_id().expect("a connection");
        let (ice, state) = (IceState::Connected, ConnectionState::Connected);
        self.give(LinkInput::TransportChanged(id, ice, state));
        for channel in Channel::ALL {
            self.give(LinkInput::ChannelOpened(id, channel));
        }
        self.prove(id, quiet);
        assert_eq!(self.link.state(), LinkState::Open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// R-239 and every bound of: arbitrary inputs to a new link never panic,
    /// exceed a limit, spin or move time back.
    #[test]
    fn arbitrary_inputs_to_a_new_link(
        steps in proptest::collection::vec(step(), 1..100),
    ) {
        let mut rig = Rig::new();
        for step in steps {
            rig.take(step);
        }
    }

    /// The same of a link that is open.
    #[test]
    fn arbitrary_inputs_to_an_open_link(
        steps in proptest::collection::vec(step(), 1..100),
    ) {
        let mut rig = Rig::new();
        rig.open();
        for step in steps {
            rig.take(step);
        }
    }
}
