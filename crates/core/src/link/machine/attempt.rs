//! From the first signal to a verified connection.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{ConnectionId, Epoch, Ticket};
use crate::limits::{
    CANDIDATE_BATCH, CANDIDATE_BYTES_MAX, CANDIDATE_COUNT_MAX, DESCRIPTION_BYTES_MAX,
    OFFER_PATIENCE, SDP_BYTES_MAX,
};
use crate::time::Span;

use super::super::connection::{Connection, IceStage};
use super::super::fault::LinkFault;
use super::super::frame::Frame;
use super::super::hello::{self, Side, Standing, Terms};
use super::super::negotiation::{Manners, Negotiation, Step};
use super::super::report::LinkState;
use super::super::sdp;
use super::super::signal::{GiveUp, NumberedSignal, Signal, SignalError};
use super::super::transport::{
    Candidate, Channel, ConnectionState, Description, DescriptionKind, IceState,
};
use super::liveness::MEASURE_AFTER;
use super::{Link, LinkEffect, LinkNotice, LinkOutcome, PeerSocket};
use crate::limits::ATTEMPT_COUNT_MAX;

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
            self.effects.push(LinkEffect::CloseConnection(connection.id));
        }
        (self.restart_at, self.restarted_at, self.check_at) = (None, None, None);
        self.measure_at = None;
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

    pub(super) fn on_described(&mut self, ticket: Ticket, local: Description) -> LinkOutcome {
        let Some(connection) = &mut self.connection else { return LinkOutcome::Stale };
        let Some(send) = connection.negotiation.described(ticket, local.kind) else {
            return LinkOutcome::Stale;
        };
        connection.operation_since = None;
        let Ok(fingerprint) = sdp::fingerprint(&local.sdp) else {
            self.fail_attempt(ErrorCode::WebRtcFailed);
            return LinkOutcome::Done;
        };
        let (parts, rest) = split(&local.sdp);
        let fits = local.sdp.len() <= DESCRIPTION_BYTES_MAX;
        if !fits || !self.signals.has_room_for(parts.len() + 1) {
            self.fail_attempt(ErrorCode::SignalTooLarge);
            return LinkOutcome::Done;
        }
        connection.fingerprint = Some(fingerprint);
        if !connection.batch.is_empty() {
            connection.batch_at = Some(self.now);
        }
        let [ours, _] = &mut connection.bulk_frame_bytes;
        *ours = sdp::message_bytes_max(&local.sdp);
        if send {
            for part in parts {
                self.signals.push(self.epoch, Signal::Part(String::from(part)));
            }
            let description = Description { kind: local.kind, sdp: String::from(rest) };
            let signal = Signal::Description { description, nonce: connection.nonce };
            self.signals.push(self.epoch, signal);
        }
        LinkOutcome::Done
    }

    pub(super) fn on_applied(&mut self, ticket: Ticket) -> LinkOutcome {
        let Some(connection) = &mut self.connection else { return LinkOutcome::Stale };
        if !connection.negotiation.applied(ticket) {
            return LinkOutcome::Stale;
        }
        connection.operation_since = None;
        if !self.was_open && self.state == LinkState::Signalling {
            self.enter(LinkState::Connecting);
        }
        LinkOutcome::Done
    }

    pub(super) fn on_operation_failed(&mut self, ticket: Ticket) -> LinkOutcome {
        let awaited = self.connection.as_ref().is_some_and(|c| c.negotiation.awaits(ticket));
        if !awaited {
            return LinkOutcome::Stale;
        }
        self.fail_attempt(ErrorCode::WebRtcFailed);
        LinkOutcome::Done
    }

    pub(super) fn on_negotiation_needed(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.negotiation.need();
        }
    }

    pub(super) fn on_candidate(&mut self, candidate: Candidate, batch: Span) {
        let Some(connection) = &mut self.connection else { return };
        if candidate.candidate.len() > CANDIDATE_BYTES_MAX {
            return;
        }
        if let Some(name) = sdp::candidate_type(&candidate.candidate) {
            note(&mut connection.local_candidates, name);
        }
        connection.batch.push(candidate);
        if connection.batch.len() >= CANDIDATE_COUNT_MAX {
            self.flush_candidates();
        } else if connection.batch_at.is_none() {
            connection.batch_at = Some(self.now.after(batch));
        }
    }

    /// Sends the gathered candidates, once the description they belong to has gone out.
    pub(super) fn flush_candidates(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if connection.fingerprint.is_none() {
            connection.batch_at = None; // They follow the description at once.
            return;
        }
        if !self.signals.has_room() {
            connection.batch_at = Some(self.now.after(CANDIDATE_BATCH));
            return;
        }
        connection.batch_at = None;
        let mut batch = core::mem::take(&mut connection.batch);
        batch.truncate(CANDIDATE_COUNT_MAX);
        if !batch.is_empty() {
            self.signals.push(self.epoch, Signal::Candidates(batch));
        }
    }

    pub(super) fn on_gathering_failed(&mut self, url: String, detail: String) {
        let Some(connection) = &mut self.connection else { return };
        let known = connection.gathering_failures.iter().any(|(known, _)| *known == url);
        if !known && connection.gathering_failures.len() < CANDIDATE_COUNT_MAX {
            connection.gathering_failures.push((url, detail));
        }
    }

    pub(super) fn on_transport(&mut self, ice: IceState, state: ConnectionState) {
        let now = self.now;
        let Some(connection) = &mut self.connection else { return };
        (connection.ice, connection.state) = (ice, state);
        let verified = connection.is_verified();
        if connection.is_broken() {
            if connection.disconnected_at.is_none() {
                connection.disconnected_at = Some(now);
                if verified {
                    self.ping();
                }
            }
        } else if matches!(ice, IceState::Connected | IceState::Completed) {
            let healed = connection.disconnected_at.take().is_some();
            if verified && healed {
                self.restart_at = None;
                self.ping();
            }
        }
        let Some(connection) = &mut self.connection else { return };
        if state == ConnectionState::Connected && connection.connected_at.is_none() {
            connection.connected_at = Some(now);
            if !self.was_open {
                self.enter(LinkState::AwaitingHello);
            }
        }
        if self.connection.as_ref().is_some_and(Connection::has_failed) {
            if !verified {
                let reason = self.attempt_reason();
                self.fail_attempt(reason);
            } else if self.state != LinkState::Restarting {
                self.plan_restart();
            }
        }
    }

    pub(super) fn on_channel_opened(&mut self, channel: Channel) {
        if let Some(connection) = &mut self.connection {
            connection.channel(channel).is_open = true;
            // A channel cannot open over a transport that is not up; Firefox may say so later.
            if connection.connected_at.is_none() {
                connection.connected_at = Some(self.now);
            }
        }
    }

    pub(super) fn on_channel_closed(&mut self, channel: Channel) {
        let Some(connection) = &mut self.connection else { return };
        connection.channel(channel).is_open = false;
        if self.leaving_at.is_some() {
            return self.close(ErrorCode::RoomClosed);
        }
        // Only a path that still carries brings the news that the other side closed.
        self.closed_by_peer = connection.is_verified();
        if self.closed_by_peer && self.peer_socket == PeerSocket::Gone {
            return self.close(ErrorCode::PeerLeft);
        }
        self.fail_attempt(ErrorCode::ChannelTimeout);
    }

    /// What a true hello from our side says.
    fn terms(&self) -> Option<Terms> {
        let connection = self.connection.as_ref()?;
        Some(Terms {
            room: self.config.room,
            session: self.config.session,
            epoch: self.epoch,
            ours: Side {
                peer: self.config.key.peer(),
                instance: self.config.instance,
                nonce: connection.nonce,
                fingerprint: connection.fingerprint?,
            },
            theirs: Side {
                peer: self.config.peer,
                instance: self.config.peer_instance,
                nonce: connection.peer_nonce?,
                fingerprint: connection.peer_fingerprint?,
            },
        })
    }

    /// What a true hello from the peer's side says.
    pub(super) fn peer_terms(&self) -> Option<Terms> {
        self.terms().map(|terms| terms.mirrored())
    }

    /// Asks the driver for what negotiation needs next.
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

    /// Sends hello, probes and ready as soon as each may go, and opens the link when both sides
    /// have heard everything.
    pub(super) fn prove(&mut self) -> Result<(), LinkFault> {
        let Some(terms) = self.terms() else { return Ok(()) };
        let standing = Standing {
            received_to: self.inbox.received_to(),
            partial: self.inbox.partial(),
            sends_from: self.outbox.sends_from(),
        };
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.is_verified() {
            return Ok(());
        }
        let now = self.now;
        let control = connection.channel(Channel::Control);
        if control.is_open && !control.proof_sent {
            control.proof_sent = true;
            let (body, signature) = hello::sign(&self.config.key, &terms, &standing);
            let frame = Frame::Hello { body: &body, signature }.encode();
            self.send_frame(Channel::Control, frame);
        }
        for channel in [Channel::Bulk, Channel::Lossy] {
            let Some(connection) = &mut self.connection else { return Ok(()) };
            let progress = connection.channel(channel);
            if progress.is_open && !progress.proof_sent {
                progress.proof_sent = true;
                connection.probed_at = Some(now);
                self.send_frame(channel, Frame::Probe.encode());
            }
        }
        self.take_early_frames()?;
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let all_sent = connection.channels.iter().all(|channel| channel.proof_sent);
        if all_sent && connection.heard_everything() && !connection.ready_sent {
            connection.ready_sent = true;
            self.send_frame(Channel::Control, Frame::Ready.encode());
        }
        if self.connection.as_ref().is_some_and(Connection::is_proven) {
            self.open()?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), LinkFault> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let id = connection.id;
        connection.is_opened = true;
        let standing = connection.peer_standing.take().unwrap_or_default();
        let early_pieces = core::mem::take(&mut connection.early_pieces);
        self.was_open = true;
        self.attempt_count = 0;
        self.heard_at = self.now;
        (self.away_since, self.closed_by_peer) = (None, false);
        (self.restart_at, self.restarted_at, self.check_at) = (None, None, None);
        self.enter(LinkState::Open);
        self.notice(LinkNotice::Opened(id));
        for key in self.outbox.restart(&standing).map_err(LinkFault::FalseAck)? {
            self.notice(LinkNotice::Settled(key, Ok(())));
        }
        for body in self.inbox.restart(standing.sends_from).map_err(LinkFault::Inbox)? {
            self.notice(LinkNotice::Message(body));
        }
        self.measure_at = Some(self.now.after(MEASURE_AFTER));
        for frame in early_pieces {
            self.on_frame(Channel::Bulk, frame)?;
        }
        Ok(())
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
fn note(kinds: &mut Vec<&'static str>, kind: &'static str) {
    if !kinds.contains(&kind) {
        kinds.push(kind);
    }
}

/// A description as the parts that stand in signals of their own, and the rest.
fn split(sdp: &str) -> (Vec<&str>, &str) {
    let (mut parts, mut rest) = (Vec::new(), sdp);
    while rest.len() > SDP_BYTES_MAX {
        let mut end = SDP_BYTES_MAX;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    (parts, rest)
}
