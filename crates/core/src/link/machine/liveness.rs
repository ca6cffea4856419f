//! Time: heartbeats, suspicion, the recovery ladder, and every deadline.

use crate::error::ErrorCode;
use crate::limits::{
    AWAY_KEPT, CONNECT_DEADLINE, DEAD_AFTER, DISCONNECTED_PATIENCE, GONE_AFTER, HEARTBEAT_INTERVAL,
    HELLO_DEADLINE, OPERATION_DEADLINE, RELAY_STAGE_AFTER, RESTART_DEADLINE, SIGNAL_RETRY_MAX,
    SUSPECT_AFTER,
};
use crate::time::{Span, Timestamp, earliest};

use super::super::connection::{Connection, IceStage};
use super::super::fault::LinkFault;
use super::super::frame::Frame;
use super::super::report::LinkState;
use super::super::signal::{GiveUp, Signal};
use super::super::transport::Channel;
use super::{Link, LinkEffect, LinkNotice, PeerSocket};

/// A ping asked for on suspicion is waited for so long before the path counts as broken.
const CHECK_PATIENCE: Span = Span::from_secs(3);
/// How far a peer is away can wait until the rush of joining is over: with eight pages the ping and its
/// answer were a quarter of all frames of that second.
pub(super) const MEASURE_AFTER: Span = Span::from_ms(500);
/// The polite side leaves the ICE restart to the other for so long.
const RESTART_COURTESY: Span = Span::from_secs(1);
/// The other side's closing of the connection is waited for so long after our goodbye.
const GOODBYE_PATIENCE: Span = Span::from_ms(500);

impl Link {
    /// Does everything that is due now.
    #[inline(never)]
    pub(super) fn progress(&mut self) -> Result<(), LinkFault> {
        let now = self.now;
        if self.leaving_at.is_some_and(|at| at <= now) {
            self.close(ErrorCode::RoomClosed);
        }
        if self.state == LinkState::Closed || self.is_frozen {
            return Ok(());
        }
        self.signals.on_time(now);
        self.check_attempt();
        self.check_liveness();
        if self.offer_at.is_some_and(|at| at <= now) {
            self.start_attempt();
        }
        self.negotiate();
        self.prove()?;
        self.prove_channels();
        self.want_pool();
        Ok(())
    }

    #[inline(never)]
    fn check_attempt(&mut self) {
        let now = self.now;
        let Some(connection) = &mut self.connection else { return };
        if connection.batch_at.is_some_and(|at| at <= now) {
            self.flush_candidates();
        }
        let Some(connection) = &mut self.connection else { return };
        if connection.operation_since.is_some_and(|since| since.after(OPERATION_DEADLINE) <= now) {
            return self.fail_attempt(ErrorCode::WebRtcFailed);
        }
        if connection.is_verified() {
            return self.check_channels();
        }
        if let Some(connected_at) = connection.connected_at {
            if connected_at.after(HELLO_DEADLINE) <= now {
                let is_open = connection.carries(Channel::Control);
                let reason =
                    if is_open { ErrorCode::HelloTimeout } else { ErrorCode::ChannelTimeout };
                self.fail_attempt(reason);
            }
        } else if connection.created_at.after(CONNECT_DEADLINE) <= now {
            let reason = self.attempt_reason();
            self.fail_attempt(reason);
        } else if self.relays_are_due(now) {
            self.add_relays();
        }
    }

    fn relays_are_due(&self, now: Timestamp) -> bool {
        self.relay_stage_at().is_some_and(|at| at <= now)
    }

    fn relay_stage_at(&self) -> Option<Timestamp> {
        let connection = self.connection.as_ref()?;
        let waits = self.config.has_relay
            && connection.stage == IceStage::Direct
            && connection.connected_at.is_none()
            && connection.peer_nonce.is_some();
        waits.then(|| connection.created_at.after(RELAY_STAGE_AFTER))
    }

    #[inline(never)]
    fn check_liveness(&mut self) {
        let now = self.now;
        if let Some(since) = self.away_since {
            if since.after(AWAY_KEPT) <= now {
                self.close(ErrorCode::PeerFrozen);
            }
            return;
        }
        if !self.was_open {
            return;
        }
        let silent = now.since(self.heard_at);
        if silent >= DEAD_AFTER || (self.peer_socket == PeerSocket::Gone && silent >= GONE_AFTER) {
            return self.close(ErrorCode::PeerLeft);
        }
        if !self.connection.as_ref().is_some_and(Connection::is_verified) {
            return;
        }
        let measures = self.measure_at.is_some_and(|at| at <= now);
        if measures || now.since(self.sent_at) >= HEARTBEAT_INTERVAL {
            self.ping();
        }
        if self.state == LinkState::Open && silent >= SUSPECT_AFTER {
            self.enter(LinkState::Suspect);
            self.ping();
            self.check_at = Some(now.after(CHECK_PATIENCE));
        }
        if self.check_at.is_some_and(|at| at <= now) {
            self.check_at = None;
            self.plan_restart();
        }
        if self.broken_at().is_some_and(|at| at <= now) && self.state != LinkState::Restarting {
            self.plan_restart();
        }
        if self.restart_at.is_some_and(|at| at <= now) {
            self.restart();
        }
        if self.state == LinkState::Restarting {
            self.watch_restart();
        }
    }

    /// When a path that ICE calls disconnected, and on which nothing is heard, counts as broken.
    fn broken_at(&self) -> Option<Timestamp> {
        let disconnected_at = self.connection.as_ref()?.disconnected_at?;
        Some(disconnected_at.max(self.heard_at).after(DISCONNECTED_PATIENCE))
    }

    /// Both sides notice a broken path at about the same time; one restart is enough.
    pub(super) fn plan_restart(&mut self) {
        if self.restart_at.is_some() || self.state == LinkState::Restarting {
            return;
        }
        if self.state == LinkState::Open {
            self.enter(LinkState::Suspect);
        }
        let courtesy = if self.is_polite() { RESTART_COURTESY } else { Span::ZERO };
        self.restart_at = Some(self.now.after(courtesy));
    }

    fn restart(&mut self) {
        (self.restart_at, self.restarted_at) = (None, None);
        let stage = if self.config.has_relay { IceStage::Relayed } else { self.config.stage };
        let Some(connection) = &mut self.connection else { return };
        connection.stage = stage;
        let id = connection.id;
        self.restart_count += 1;
        self.effects.push(LinkEffect::RestartIce(id, stage));
        self.enter(LinkState::Restarting);
        self.signals.resend();
    }

    /// The clock of a restart runs only once both sides have exchanged descriptions: while neither
    /// the server nor the peer can be reached, a new connection would be no better off.
    fn watch_restart(&mut self) {
        let settled = self.connection.as_ref().is_some_and(|open| open.negotiation.is_settled());
        if !settled || !self.signals.is_acknowledged() {
            self.restarted_at = None;
        } else if let Some(at) = self.restarted_at {
            if at.after(RESTART_DEADLINE) <= self.now {
                self.fail_attempt(ErrorCode::IceFailed);
            }
        } else {
            self.restarted_at = Some(self.now);
            self.ping();
        }
    }

    pub(super) fn on_peer_socket(&mut self, attached: bool) {
        self.peer_socket = if attached { PeerSocket::Attached } else { PeerSocket::Gone };
        if attached || self.away_since.is_some() {
            return;
        }
        if self.state == LinkState::Closed {
            // It was to be tried again: what waited for that is now known never to be sent.
            self.settle_all(ErrorCode::PeerLeft);
            return self.notice(LinkNotice::Closed(ErrorCode::PeerLeft));
        }
        let nothing_under_way = self.connection.is_none() && !self.was_open;
        if self.closed_by_peer || nothing_under_way {
            self.close(ErrorCode::PeerLeft);
        }
    }

    /// The network may be another one, or we slept: does the path still carry?
    pub(super) fn check_path(&mut self) {
        self.signals.resend();
        let Some(connection) = &self.connection else {
            if self.offer_at.is_some() && self.state == LinkState::Rebuilding {
                self.offer_at = Some(self.now);
            }
            return;
        };
        if !connection.is_verified() {
            return;
        }
        if connection.is_broken() {
            self.plan_restart();
        } else {
            self.check_at = Some(self.now.after(CHECK_PATIENCE));
        }
        self.ping();
    }

    /// We are awake: says so, once.
    pub(super) fn thaw(&mut self) {
        if core::mem::take(&mut self.is_frozen) {
            self.say(&Frame::Back);
        }
    }

    /// A peer that goes through the server while the link is open does not trust the path: look at
    /// it, and answer the way it asked.
    pub(super) fn on_server_signal(&mut self) {
        self.server_signal_at = Some(self.now);
        if self.state == LinkState::Open && self.check_at.is_none() {
            self.check_at = Some(self.now.after(CHECK_PATIENCE));
            self.ping();
        }
    }

    /// Whether signals have to go through the server too while the link is open.
    pub(super) fn distrusts_path(&self) -> bool {
        let at = self.server_signal_at;
        at.is_some_and(|at| self.now.since(at) <= SIGNAL_RETRY_MAX)
    }

    pub(super) fn ping(&mut self) {
        let token = self.now.as_ms();
        self.measure_at = None;
        self.say(&Frame::Ping { token });
    }

    pub(super) fn leave(&mut self) {
        if self.connection.as_ref().is_some_and(Connection::is_verified) {
            self.say(&Frame::Goodbye);
            self.leaving_at = Some(self.now.after(GOODBYE_PATIENCE));
            return;
        }
        let begun = self.connection.is_some();
        self.close(ErrorCode::RoomClosed);
        if begun && self.signals.has_room() {
            self.signals.push(self.epoch, Signal::GiveUp(GiveUp::Leaving));
        }
    }

    /// A browser passes frames on in a thread of its own, and ends the process of a page that is left without
    /// waiting for it. Only closing the connection waits until it has passed on what came before.
    pub(super) fn leave_at_once(&mut self) {
        self.leave();
        self.drop_connection();
    }

    /// We were asleep for `span`: what the others did not hear of us, and we of them, in that time
    /// says nothing about them.
    pub(super) fn shift(&mut self, span: Span) {
        let now = self.now;
        let later = |at: &mut Timestamp| *at = at.after(span).min(now);
        later(&mut self.heard_at);
        if let Some(at) = &mut self.away_since {
            later(at);
        }
        for at in [&mut self.check_at, &mut self.restarted_at].into_iter().flatten() {
            *at = at.after(span);
        }
        if let Some(connection) = &mut self.connection {
            later(&mut connection.created_at);
            let since = [
                &mut connection.connected_at,
                &mut connection.operation_since,
                &mut connection.disconnected_at,
            ];
            for at in since.into_iter().flatten() {
                later(at);
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        if self.state == LinkState::Closed {
            return None;
        }
        let mut next = earliest(self.leaving_at, self.signals.deadline());
        next = earliest(next, self.offer_at);
        if let Some(connection) = &self.connection {
            next = earliest(next, connection.batch_at);
            let operation = connection.operation_since.map(|at| at.after(OPERATION_DEADLINE));
            next = earliest(next, operation);
            next = earliest(next, self.connection_deadline(connection));
        }
        if let Some(since) = self.away_since {
            return earliest(next, Some(since.after(AWAY_KEPT)));
        }
        if self.was_open {
            let gone = self.peer_socket == PeerSocket::Gone;
            let dead_after = if gone { GONE_AFTER } else { DEAD_AFTER };
            next = earliest(next, Some(self.heard_at.after(dead_after)));
        }
        next
    }

    fn connection_deadline(&self, connection: &Connection) -> Option<Timestamp> {
        if !connection.is_verified() {
            let Some(connected_at) = connection.connected_at else {
                let give_up = Some(connection.created_at.after(CONNECT_DEADLINE));
                return earliest(give_up, self.relay_stage_at());
            };
            return Some(connected_at.after(HELLO_DEADLINE));
        }
        if self.leaving_at.is_some() {
            return None;
        }
        let mut next = self.answer_at.or_else(|| self.inbox.ack_deadline());
        if self.away_since.is_some() {
            return next;
        }
        next = earliest(next, self.check_at);
        next = earliest(next, self.measure_at);
        next = earliest(next, self.probe_deadline(connection));
        next = earliest(next, Some(self.sent_at.after(HEARTBEAT_INTERVAL)));
        next = earliest(next, self.restart_at);
        next = earliest(next, self.restarted_at.map(|at| at.after(RESTART_DEADLINE)));
        if self.state == LinkState::Open {
            next = earliest(next, Some(self.heard_at.after(SUSPECT_AFTER)));
        }
        if self.state != LinkState::Restarting && self.restart_at.is_none() {
            next = earliest(next, self.broken_at());
        }
        next
    }
}
