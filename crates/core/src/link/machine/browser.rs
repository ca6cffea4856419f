//! What the browser told of the connection under way.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::Ticket;
use crate::limits::{
    CANDIDATE_BATCH, CANDIDATE_BYTES_MAX, CANDIDATE_COUNT_MAX, DESCRIPTION_BYTES_MAX, SDP_BYTES_MAX,
};
use crate::time::{Span, earliest};

use super::super::connection::Connection;
use super::super::report::LinkState;
use super::super::sdp;
use super::super::signal::Signal;
use super::super::transport::{Candidate, Channel, ConnectionState, Description, IceState};
use super::attempt::note;
use super::{Link, LinkOutcome, PeerSocket};

impl Link {
    /// The first description of a connection waits so long for candidates to stand in it.
    pub(super) fn on_described(
        &mut self,
        ticket: Ticket,
        local: Description,
        patience: Span,
    ) -> LinkOutcome {
        let Some(connection) = &mut self.connection else { return LinkOutcome::Stale };
        let Some(send) = connection.negotiation.described(ticket, local.kind) else {
            return LinkOutcome::Stale;
        };
        connection.operation_since = None;
        let Ok(fingerprint) = sdp::fingerprint(&local.sdp) else {
            self.fail_attempt(ErrorCode::WebRtcFailed);
            return LinkOutcome::Done;
        };
        let is_first = connection.fingerprint.replace(fingerprint).is_none();
        let [ours, _] = &mut connection.bulk_frame_bytes;
        *ours = sdp::message_bytes_max(&local.sdp);
        let waits = send && is_first && patience > Span::ZERO;
        if waits && connection.batch.is_empty() {
            connection.batch_at = Some(self.now.after(patience));
        } else if !connection.batch.is_empty() {
            connection.batch_at = Some(self.now);
        }
        if waits {
            connection.unsent = Some(local);
        } else if send {
            self.send_description(&local);
        }
        LinkOutcome::Done
    }

    fn send_description(&mut self, local: &Description) {
        let Some(connection) = &self.connection else { return };
        let (parts, rest) = split(&local.sdp);
        let fits = local.sdp.len() <= DESCRIPTION_BYTES_MAX;
        if !fits || !self.signals.has_room_for(parts.len() + 1) {
            return self.fail_attempt(ErrorCode::SignalTooLarge);
        }
        let description = Description { kind: local.kind, sdp: String::from(rest) };
        let last = Signal::Description { description, nonce: connection.nonce };
        for part in parts {
            self.signals.push(self.epoch, Signal::Part(String::from(part)));
        }
        self.signals.push(self.epoch, last);
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
        let at = self.now.after(batch);
        if connection.batch.len() >= CANDIDATE_COUNT_MAX {
            self.flush_candidates();
        } else if connection.batch_at.is_none() || connection.unsent.is_some() {
            connection.batch_at = earliest(connection.batch_at, Some(at));
        }
    }

    /// Sends the gathered candidates, once the description they belong to has gone out; in it, where it
    /// waited for them.
    pub(super) fn flush_candidates(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        if let Some(mut local) = connection.unsent.take() {
            let sdp = &mut local.sdp;
            connection.batch.retain(|next| !sdp::insert_candidate(sdp, next, SDP_BYTES_MAX));
            self.send_description(&local);
        }
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
