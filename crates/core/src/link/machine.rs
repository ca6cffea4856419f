//! The link machine: one peer, through as many connections as it takes.
//!
//! ```text
//! New -> Signalling -> Connecting -> AwaitingHello -> Open <-> Suspect -> Restarting -> Rebuilding
//!         ^                                             |                                  |
//!         +---------------------------------------------+----------------------------------+
//!                                              any -> Closed(reason), kept dormant for its numbers
//! ```
//!
//! A closed link keeps its message and signal numbers, since the same two instances may meet again:
//! a machine that slept for a minute wakes up, its peers have long rejected what they had sent, and
//! nothing of that may arrive afterwards.
//!
//! Source: docs/protocol.md, section "Links".

use alloc::string::String;

use crate::crypto::Signing;
use crate::error::{Delivery, ErrorCode};
use crate::id::{Epoch, Instance, LinkSession, PeerId, RoomId};
use crate::queue::Queue;
use crate::rng::{Rng, Seed};
use crate::time::{Span, Timestamp};

use super::connection::{Connection, IceStage};
use super::fault::LinkFault;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::report::LinkState;
use super::signal::{GiveUp, SignalQueue};

mod account;
mod attempt;
mod browser;
mod channels;
mod frames;
mod interface;
mod liveness;
mod output;
mod proof;

pub use interface::{LinkEffect, LinkInput, LinkNotice, LinkOutcome};

/// What a link needs to know.
#[derive(Debug)]
pub struct LinkConfig {
    /// The room.
    pub room: RoomId,
    /// Our key.
    pub key: Signing,
    /// Our start.
    pub instance: Instance,
    /// The peer.
    pub peer: PeerId,
    /// The peer's start.
    pub peer_instance: Instance,
    /// The link's name, alike on both sides.
    pub session: LinkSession,
    /// Tells this link's connections from those of the node's other links: the upper 20 bits of
    /// their ids.
    pub slot: u32,
    /// For nonces.
    pub seed: Seed,
    /// Which ICE servers to begin with.
    pub stage: IceStage,
    /// Whether there is a TURN server to fall back to.
    pub has_relay: bool,
}

/// One verified, ordered, honest link to one peer.
#[derive(Debug)]
pub struct Link {
    pub(super) config: LinkConfig,
    pub(super) rng: Rng,
    pub(super) now: Timestamp,
    pub(super) state: LinkState,
    pub(super) state_since: Timestamp,
    pub(super) spent: [Span; LinkState::ALL.len()],
    pub(super) epoch: Epoch,
    pub(super) connection_count: u32,
    pub(super) connection: Option<Connection>,
    pub(super) signals: SignalQueue,
    /// The beginning of a description, and the epoch it is of.
    pub(super) parts: (Epoch, String),
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    pub(super) effects: Queue<LinkEffect>,
    /// Whether the link was verified since it was last closed.
    pub(super) was_open: bool,
    /// When a message came that its sender may await: what is answered in this turn carries its
    /// acknowledgement, and otherwise the next tick sends it.
    pub(super) answer_at: Option<Timestamp>,
    pub(super) heard_at: Timestamp,
    pub(super) sent_at: Timestamp,
    pub(super) round_trip: Option<Span>,
    pub(super) away_since: Option<Timestamp>,
    /// Whether we said that we are about to be frozen: nothing may follow it.
    pub(super) is_frozen: bool,
    /// When a signal last came through the server.
    pub(super) server_signal_at: Option<Timestamp>,
    pub(super) peer_socket: PeerSocket,
    pub(super) attempt_count: u32,
    pub(super) offer_at: Option<Timestamp>,
    pub(super) restart_at: Option<Timestamp>,
    pub(super) check_at: Option<Timestamp>,
    /// When the round trip of a connection that just opened is measured.
    pub(super) measure_at: Option<Timestamp>,
    pub(super) closed_by_peer: bool,
    pub(super) restarted_at: Option<Timestamp>,
    pub(super) leaving_at: Option<Timestamp>,
    pub(super) pool_asked: bool,
    pub(super) last_failure: Option<ErrorCode>,
    pub(super) restart_count: u32,
    pub(super) rebuild_count: u32,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
    pub(super) lossy_dropped_count: u64,
}

/// What the server last said of the peer's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerSocket {
    Attached,
    Gone,
}

impl Link {
    /// A link on which nothing has been tried.
    #[must_use]
    pub fn new(config: LinkConfig, now: Timestamp) -> Self {
        Self {
            rng: Rng::new(config.seed),
            config,
            now,
            state: LinkState::New,
            state_since: now,
            spent: [Span::ZERO; LinkState::ALL.len()],
            epoch: Epoch(0),
            connection_count: 0,
            connection: None,
            signals: SignalQueue::default(),
            parts: (Epoch(0), String::new()),
            outbox: Outbox::new(1),
            inbox: Inbox::new(0),
            effects: Queue::new(),
            was_open: false,
            answer_at: None,
            heard_at: now,
            sent_at: now,
            round_trip: None,
            away_since: None,
            is_frozen: false,
            server_signal_at: None,
            peer_socket: PeerSocket::Attached,
            attempt_count: 0,
            offer_at: None,
            restart_at: None,
            check_at: None,
            measure_at: None,
            closed_by_peer: false,
            restarted_at: None,
            leaving_at: None,
            pool_asked: false,
            last_failure: None,
            restart_count: 0,
            rebuild_count: 0,
            sent_bytes: 0,
            received_bytes: 0,
            lossy_dropped_count: 0,
        }
    }

    /// Takes one input. Drain [`Link::poll_effect`] afterwards.
    pub fn handle(&mut self, now: Timestamp, input: LinkInput) -> LinkOutcome {
        self.now = self.now.max(now);
        // A frozen page takes nothing: what comes says that it is awake, told or not.
        if matches!(input, LinkInput::Tick | LinkInput::FrameReceived(..)) {
            self.thaw();
        }
        let outcome = self.dispatch(input).and_then(|outcome| {
            self.progress()?;
            Ok(outcome)
        });
        outcome.unwrap_or_else(|fault| {
            self.fail_for(&fault);
            LinkOutcome::Fault(fault)
        })
    }

    // What every event runs through stays in functions of their own, here and in the node: made one, an
    // engine compiles it anew while a page joins, tens of milliseconds of a second thread.
    #[inline(never)]
    fn dispatch(&mut self, input: LinkInput) -> Result<LinkOutcome, LinkFault> {
        match input {
            LinkInput::Connect { offer } => self.connect(offer),
            LinkInput::Signal(signal) => {
                self.on_server_signal();
                return self.on_signal(&signal);
            }
            LinkInput::ServerBack => self.signals.resend(),
            LinkInput::PeerSocket { attached } => self.on_peer_socket(attached),
            LinkInput::Relays { available } => self.config.has_relay = available,
            LinkInput::PoolGranted => {
                self.pool_asked = false;
                self.inbox.grant();
            }
            LinkInput::Send(key, body) => {
                return Ok(match self.outbox.push(key, body) {
                    Ok(()) => LinkOutcome::Done,
                    Err(full) => LinkOutcome::Full(full),
                });
            }
            LinkInput::SendLossy(body) => self.send_lossy(&body.bytes()),
            LinkInput::Cancel(key) => {
                if let Some(delivery) = self.outbox.cancel(key) {
                    let result = Err((ErrorCode::Cancelled, delivery));
                    self.notice(LinkNotice::Settled(key, result));
                }
            }
            LinkInput::Stalled(span) => self.shift(span),
            LinkInput::CheckPath => self.check_path(),
            LinkInput::Freeze => {
                self.say(&super::frame::Frame::Away);
                self.is_frozen = true;
            }
            LinkInput::Thaw => {
                self.thaw();
                self.check_path();
            }
            LinkInput::Leave => self.leave(),
            LinkInput::LeaveAtOnce => self.leave_at_once(),
            LinkInput::Close(code) => self.close(code),
            LinkInput::Expel(code) => self.expel(code, GiveUp::ProtocolViolation),
            LinkInput::PeerRestarted(instance, session) => self.start_over(instance, session),
            LinkInput::Tick => self.answer_at = None,
            driver => return self.on_driver(driver),
        }
        Ok(LinkOutcome::Done)
    }

    #[inline(never)]
    fn on_driver(&mut self, input: LinkInput) -> Result<LinkOutcome, LinkFault> {
        let id = match &input {
            LinkInput::Described(id, ..)
            | LinkInput::Applied(id, ..)
            | LinkInput::OperationFailed(id, ..)
            | LinkInput::CandidateGathered(id, ..)
            | LinkInput::GatheringDone(id)
            | LinkInput::GatheringFailed(id, ..)
            | LinkInput::NegotiationNeeded(id)
            | LinkInput::TransportChanged(id, ..)
            | LinkInput::ChannelOpened(id, ..)
            | LinkInput::ChannelClosed(id, ..)
            | LinkInput::FrameReceived(id, ..)
            | LinkInput::Buffered(id, ..) => *id,
            _ => return Ok(LinkOutcome::Stale),
        };
        if self.connection.as_ref().is_none_or(|connection| connection.id != id) {
            return Ok(LinkOutcome::Stale);
        }
        match input {
            LinkInput::Described(_, ticket, description, patience) => {
                return Ok(self.on_described(ticket, description, patience));
            }
            LinkInput::Applied(_, ticket) => return Ok(self.on_applied(ticket)),
            LinkInput::OperationFailed(_, ticket) => return Ok(self.on_operation_failed(ticket)),
            LinkInput::CandidateGathered(_, candidate, batch) => {
                self.on_candidate(candidate, batch)
            }
            LinkInput::GatheringDone(_) => self.flush_candidates(),
            LinkInput::GatheringFailed(_, url, detail) => self.on_gathering_failed(url, detail),
            LinkInput::NegotiationNeeded(_) => self.on_negotiation_needed(),
            LinkInput::TransportChanged(_, ice, state) => self.on_transport(ice, state),
            LinkInput::ChannelOpened(_, channel) => self.on_channel_opened(channel),
            LinkInput::ChannelClosed(_, channel) => self.on_channel_closed(channel),
            LinkInput::FrameReceived(_, channel, bytes) => self.on_frame(channel, bytes)?,
            LinkInput::Buffered(_, channel, bytes) => self.on_buffered(channel, bytes),
            _ => {}
        }
        Ok(LinkOutcome::Done)
    }

    /// The next thing to do, `None` when there is nothing left.
    pub fn poll_effect(&mut self) -> Option<LinkEffect> {
        if let Some(effect) = self.effects.pop() {
            return Some(effect);
        }
        self.next_output()
    }

    /// When to call [`Link::handle`] with [`LinkInput::Tick`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        self.next_deadline()
    }

    pub(super) fn notice(&mut self, notice: LinkNotice) {
        self.effects.push(LinkEffect::Notice(notice));
    }

    pub(super) fn enter(&mut self, state: LinkState) {
        if state == self.state {
            return;
        }
        if let Some(spent) = self.spent.get_mut(self.state as usize) {
            *spent = spent.plus(self.now.since(self.state_since));
        }
        // What went out on the link's own channel may never arrive there.
        if self.state == LinkState::Open {
            self.signals.resend();
        }
        self.state = state;
        self.state_since = self.now;
        self.notice(LinkNotice::State(state));
    }

    /// Closes the link: every message is settled, the numbers are kept.
    pub(super) fn close(&mut self, code: ErrorCode) {
        if self.state == LinkState::Closed {
            // What was sent to a peer that was to be tried again.
            return self.settle_all(code);
        }
        self.drop_connection();
        self.settle_all(code);
        self.inbox.abandon();
        self.signals.shed();
        self.pool_asked = false;
        self.last_failure = Some(code);
        (self.offer_at, self.restart_at, self.restarted_at) = (None, None, None);
        (self.leaving_at, self.away_since, self.was_open) = (None, None, false);
        self.closed_by_peer = false;
        self.attempt_count = 0;
        self.enter(LinkState::Closed);
        self.notice(LinkNotice::Closed(code));
    }

    pub(super) fn settle_all(&mut self, code: ErrorCode) {
        for (key, delivery) in self.outbox.give_up() {
            self.notice(LinkNotice::Settled(key, Err((code, delivery))));
        }
    }

    fn fail_for(&mut self, fault: &LinkFault) {
        let (code, reason) = match fault {
            LinkFault::Hello(_) => (ErrorCode::HelloRejected, GiveUp::HelloRejected),
            _ => (ErrorCode::ProtocolViolation, GiveUp::ProtocolViolation),
        };
        self.expel(code, reason);
    }

    fn expel(&mut self, code: ErrorCode, reason: GiveUp) {
        self.close(code);
        if self.signals.has_room() {
            self.signals.push(self.epoch, super::signal::Signal::GiveUp(reason));
        }
    }

    fn start_over(&mut self, instance: Instance, session: LinkSession) {
        for key in self.outbox.start_over() {
            let result = Err((ErrorCode::PeerRestarted, Delivery::Unknown));
            self.notice(LinkNotice::Settled(key, result));
        }
        self.drop_connection();
        self.config.peer_instance = instance;
        self.config.session = session;
        self.inbox = Inbox::new(0);
        self.pool_asked = false;
        self.signals = SignalQueue::default();
        self.parts = (Epoch(0), String::new());
        self.epoch = Epoch(0);
        self.last_failure = Some(ErrorCode::PeerRestarted);
        (self.offer_at, self.restart_at, self.restarted_at) = (None, None, None);
        (self.away_since, self.was_open, self.attempt_count) = (None, false, 0);
        self.enter(LinkState::New);
    }
}

#[cfg(test)]
mod tests;
