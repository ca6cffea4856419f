//! Attempts to connect: signals in, connections made, followed, and given up.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{ConnectionId, Epoch};
use crate::limits::{ATTEMPT_COUNT_MAX, DESCRIPTION_BYTES_MAX, OFFER_PATIENCE, SDP_BYTES_MAX};
use crate::time::Span;

use super::super::connection::{Connection, IceStage};
use super::super::fault::LinkFault;
use super::super::negotiation::{Manners, Negotiation, Step};
use super::super::report::LinkState;
use super::super::sdp;
use super::super::signal::{GiveUp, NumberedSignal, Signal, SignalError};
use super::super::transport::{DescriptionKind, IceState};
use super::{Link, LinkEffect, LinkOutcome, PeerSocket};

/// Bits of a connection id that count the connections of one link.
const CONNECTION_BITS: u32 = 12;

impl Link {
    /// The link slot a connection id belongs to.
    #[must_use]
    pub fn slot_of(connection: ConnectionId) -> u32 {
        connection.0 >> CONNECTION_BITS
    }

    pub(super) fn connect(&mut self, offer: bool) {
        if self.state == LinkState::Closed {
            self.enter(LinkState::New);
        }
        if self.connection.is_some() {
            return;
        }
        if offer {
            self.start_attempt();
        } else if self.offer_at.is_none() {
            self.offer_at = Some(self.now.after(OFFER_PATIENCE));
        }
    }

    /// A new connection, of the next epoch, with our offer.
    pub(super) fn start_attempt(&mut self) {
        self.drop_connection();
        self.epoch = self.epoch.next();
        self.create(true);
    }

    fn manners(&self) -> Manners {
        if self.config.key.peer() < self.config.peer { Manners::Polite } else { Manners::Impolite }
    }

    pub(super) fn is_polite(&self) -> bool {
        self.manners() == Manners::Polite
    }

    fn create(&mut self, offers: bool) {
        self.offer_at = None;
        // Whichever side began it: what counts is that there was a connection before.
        self.rebuild_count += u32::from(self.connection_count > 0);
        self.connection_count = (self.connection_count + 1) & ((1 << CONNECTION_BITS) - 1);
        let id = ConnectionId(self.config.slot << CONNECTION_BITS | self.connection_count);
        let negotiation = Negotiation::new(self.manners(), offers);
        let stage = self.config.stage;
        let nonce = self.rng.nonce();
        self.connection = Some(Connection::new(id, negotiation, nonce, stage, self.now));
        self.effects.push(LinkEffect::Create(id, stage));
        self.enter(if self.was_open { LinkState::Rebuilding } else { LinkState::Signalling });
    }

    pub(super) fn drop_connection(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.lossy_dropped_count += connection.waiting.len() as u64;
            self.effects.push(LinkEffect::CloseConnection(connection.id));
        }
        (self.restart_at, self.restarted_at, self.check_at) = (None, None, None);
        (self.measure_at, self.answer_at) = (None, None);
    }

    /// The attempt under way came to nothing.
    pub(super) fn fail_attempt(&mut self, reason: ErrorCode) {
        self.last_failure = Some(reason);
        self.drop_connection();
        self.attempt_count += 1;
        if self.peer_socket == PeerSocket::Gone && !self.was_open {
            return self.close(ErrorCode::PeerLeft);
        }
        if !self.was_open && self.attempt_count >= ATTEMPT_COUNT_MAX {
            return self.close(reason);
        }
        let pause = Span::from_ms(500).times(u64::from(self.attempt_count.min(10) - 1));
        self.offer_at = Some(self.now.after(pause));
        self.enter(LinkState::Rebuilding);
    }

    /// Why the attempt under way is not connected, in the one word that fits best.
    pub(super) fn attempt_reason(&self) -> ErrorCode {
        let Some(connection) = &self.connection else { return ErrorCode::SignallingLost };
        if connection.peer_nonce.is_none() {
            ErrorCode::SignallingLost
        } else if connection.local_candidates.is_empty() || connection.remote_candidates.is_empty()
        {
            ErrorCode::NoCandidates
        } else if matches!(connection.ice, IceState::Connected | IceState::Completed) {
            ErrorCode::DtlsFailed
        } else {
            ErrorCode::IceFailed
        }
    }

    pub(super) fn on_signal(&mut self, signal: &NumberedSignal) -> Result<LinkOutcome, LinkFault> {
        let ready = self.signals.receive(self.now, signal).map_err(LinkFault::Signal)?;
        for (epoch, signal) in ready {
            self.take_signal(epoch, signal)?;
        }
        Ok(LinkOutcome::Done)
    }

    fn take_signal(&mut self, epoch: Epoch, signal: Signal) -> Result<(), LinkFault> {
        // Who gives up gives the link up, not one connection of it: it may have closed the connection
        // first, which begins a new epoch here.
        if epoch < self.epoch && !matches!(signal, Signal::GiveUp(_)) {
            return Ok(());
        }
        match signal {
            Signal::Empty => {}
            Signal::GiveUp(reason) => self.close(match reason {
                GiveUp::Leaving => ErrorCode::PeerLeft,
                GiveUp::HelloRejected => ErrorCode::HelloRejected,
                GiveUp::ProtocolViolation => ErrorCode::ProtocolViolation,
            }),
            Signal::Part(sdp) => self.take_part(epoch, &sdp)?,
            Signal::Description { mut description, nonce } => {
                let (of, parts) = core::mem::take(&mut self.parts);
                if of == epoch {
                    description.sdp.insert_str(0, &parts);
                }
                let fingerprint =
                    sdp::fingerprint(&description.sdp).map_err(LinkFault::Description)?;
                if !self.follow(epoch, description.kind) {
                    return Ok(());
                }
                // It may speak of a connection that the peer gives up for our offer.
                let is_ignored = description.kind == DescriptionKind::Offer
                    && self
                        .connection
                        .as_ref()
                        .is_some_and(|connection| connection.negotiation.would_ignore_offer());
                let changed = self.connection.as_ref().is_some_and(|connection| {
                    connection.peer_fingerprint.is_some_and(|known| known != fingerprint)
                });
                // Another certificate is another connection: it needs another proof.
                if changed && !is_ignored {
                    self.fail_attempt(ErrorCode::DtlsFailed);
                    return Ok(());
                }
                if let Some(connection) = &mut self.connection
                    && !is_ignored
                {
                    connection.peer_fingerprint = Some(fingerprint);
                    connection.peer_nonce = Some(nonce);
                    let [_, theirs] = &mut connection.bulk_frame_bytes;
                    *theirs = sdp::message_bytes_max(&description.sdp);
                    for name in sdp::candidate_types(&description.sdp) {
                        note(&mut connection.remote_candidates, name);
                    }
                    if connection.is_verified()
                        && connection.is_broken()
                        && description.kind == DescriptionKind::Offer
                    {
                        // The other side restarts ICE: ours would only collide with it.
                        self.restart_at = None;
                        self.restarted_at = None;
                        self.enter(LinkState::Restarting);
                    }
                }
                if let Some(connection) = &mut self.connection {
                    connection.negotiation.receive(description);
                }
            }
            Signal::Candidates(candidates) => {
                if epoch == self.epoch
                    && let Some(connection) = &mut self.connection
                {
                    for name in candidates.iter().filter_map(|c| sdp::candidate_type(&c.candidate))
                    {
                        note(&mut connection.remote_candidates, name);
                    }
                    connection.negotiation.receive_candidates(candidates);
                }
            }
        }
        Ok(())
    }

    /// Keeps the beginning of a description; signals come in order, so the rest follows.
    fn take_part(&mut self, epoch: Epoch, sdp: &str) -> Result<(), LinkFault> {
        let limit = DESCRIPTION_BYTES_MAX - SDP_BYTES_MAX;
        let (of, parts) = &mut self.parts;
        if *of != epoch {
            (*of, *parts) = (epoch, String::new());
        }
        if parts.len() + sdp.len() > limit {
            return Err(LinkFault::Signal(SignalError::TooLong { limit }));
        }
        parts.push_str(sdp);
        Ok(())
    }

    /// Moves to the connection a description speaks of. Whether it is to be taken.
    fn follow(&mut self, epoch: Epoch, kind: DescriptionKind) -> bool {
        if epoch == self.epoch
            && let Some(connection) = &self.connection
        {
            if kind == DescriptionKind::Offer && connection.negotiation.would_roll_back_first() {
                self.give_way();
            }
            return true;
        }
        if kind == DescriptionKind::Answer {
            return false;
        }
        if self.state == LinkState::Closed {
            self.enter(LinkState::New);
        }
        if epoch == self.epoch {
            // The peer goes on with a connection that is closed here, as one that slept does.
            self.start_attempt();
            return false;
        }
        self.drop_connection();
        self.epoch = epoch;
        self.create(false);
        true
    }

    /// Takes a fresh connection for the peer's offer instead of rolling our first one back.
    fn give_way(&mut self) {
        self.drop_connection();
        self.create(false);
        // The same attempt, with another connection.
        self.rebuild_count = self.rebuild_count.saturating_sub(1);
    }

    /// Asks the driver for what negotiation needs next.
    #[inline(never)]
    pub(super) fn negotiate(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let mut steps = Vec::new();
        while let Some(step) = connection.negotiation.step() {
            if !matches!(step, Step::Candidate(_)) {
                connection.operation_since = Some(self.now);
            }
            steps.push(step);
        }
        let id = connection.id;
        self.effects.extend(steps.into_iter().map(|step| match step {
            Step::Describe(ticket) => LinkEffect::Describe(id, ticket),
            Step::Apply(ticket, description) => LinkEffect::Apply(id, ticket, description),
            Step::Candidate(candidate) => LinkEffect::AddCandidate(id, candidate),
        }));
    }

    /// Uses relays too from now on.
    pub(super) fn add_relays(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.stage = IceStage::Relayed;
            let id = connection.id;
            self.effects.push(LinkEffect::RestartIce(id, IceStage::Relayed));
        }
    }
}

/// Notes a kind of candidate once; there are four.
pub(super) fn note(kinds: &mut Vec<&'static str>, kind: &'static str) {
    if !kinds.contains(&kind) {
        kinds.push(kind);
    }
}
