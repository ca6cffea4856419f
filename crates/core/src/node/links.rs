//! The links: what is told to them, and what becomes of what they ask for.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{ConnectionId, PeerId};
use crate::limits::{CANDIDATE_BATCH, DESCRIPTION_PATIENCE, REASSEMBLY_BYTES_MAX, RETRY_MIN};
use crate::link::{IceStage, LinkEffect, LinkFault, LinkInput, LinkNotice, LinkOutcome, LinkState};
use crate::time::Span;

use super::effect::{Effect, IceServer};
use super::input::Input;
use super::notice::{MeshError, Notice};
use super::outcome::Outcome;
use super::peer::Peer;
use super::{Node, Phase, Server};

impl Node {
    /// Hands an input to a peer's link.
    pub(super) fn tell_link(&mut self, id: PeerId, input: LinkInput) -> Outcome {
        let now = self.now();
        let Some(peer) = self.peers.get_mut(&id) else { return Outcome::Stale };
        if !self.dirty.iter().any(|dirty| *dirty == id) {
            self.dirty.push(id);
        }
        match peer.link.handle(now, input) {
            LinkOutcome::Done | LinkOutcome::Full(_) => Outcome::Done,
            LinkOutcome::Stale => Outcome::Stale,
            LinkOutcome::Fault(fault) => {
                self.on_fault(id, &fault);
                Outcome::Fault { peer: id, fault }
            }
        }
    }

    pub(super) fn tell_all_links(&mut self, input: impl Fn() -> LinkInput) {
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in ids {
            let _ = self.tell_link(id, input());
        }
    }

    /// Hands what the driver says of a connection to its link, and the rest to the ledger.
    #[inline(never)]
    pub(super) fn tell_connection(&mut self, input: Input) -> Outcome {
        let (connection, input) = match input {
            Input::Described { connection, ticket, description } => {
                let patience =
                    if self.makes_many_links() { DESCRIPTION_PATIENCE } else { Span::ZERO };
                (connection, LinkInput::Described(connection, ticket, description, patience))
            }
            Input::Applied { connection, ticket } => {
                (connection, LinkInput::Applied(connection, ticket))
            }
            Input::OperationFailed { connection, ticket, detail } => {
                return self.on_operation_failed(
                    connection,
                    LinkInput::OperationFailed(connection, ticket),
                    &detail,
                );
            }
            Input::CandidateGathered { connection, candidate } => {
                let batch = if self.makes_many_links() { CANDIDATE_BATCH } else { Span::ZERO };
                (connection, LinkInput::CandidateGathered(connection, candidate, batch))
            }
            Input::GatheringDone { connection } => {
                (connection, LinkInput::GatheringDone(connection))
            }
            Input::GatheringFailed { connection, url, code, detail } => {
                let detail = alloc::format!("{code} {detail}");
                (connection, LinkInput::GatheringFailed(connection, url, detail))
            }
            Input::NegotiationNeeded { connection } => {
                (connection, LinkInput::NegotiationNeeded(connection))
            }
            Input::TransportChanged { connection, ice, state } => {
                (connection, LinkInput::TransportChanged(connection, ice, state))
            }
            Input::ChannelOpened { connection, channel } => {
                (connection, LinkInput::ChannelOpened(connection, channel))
            }
            Input::ChannelClosed { connection, channel } => {
                (connection, LinkInput::ChannelClosed(connection, channel))
            }
            Input::FrameReceived { connection, channel, bytes } => {
                (connection, LinkInput::FrameReceived(connection, channel, bytes))
            }
            Input::Buffered { connection, channel, bytes } => {
                (connection, LinkInput::Buffered(connection, channel, bytes))
            }
            other => return self.tell_ledger(other),
        };
        match self.peer_of(connection) {
            Some(id) => self.tell_link(id, input),
            None => Outcome::Stale,
        }
    }

    /// Whether candidates may wait for others, and a description for them. The first link of a room waits
    /// for each of its candidates; where many are made at once the machine is the narrow place, and fewer
    /// signals help.
    fn makes_many_links(&self) -> bool {
        let opening =
            |peer: &&Peer| peer.gone_since().is_none() && peer.link.state() != LinkState::Open;
        self.peers.values().filter(opening).nth(1).is_some()
    }

    fn on_operation_failed(
        &mut self,
        connection: ConnectionId,
        input: LinkInput,
        detail: &str,
    ) -> Outcome {
        let Some(id) = self.peer_of(connection) else { return Outcome::Stale };
        let outcome = self.tell_link(id, input);
        if outcome == Outcome::Done {
            let error = MeshError::new(ErrorCode::WebRtcFailed).about(id);
            self.trouble(error.mismatch("a WebRTC operation to succeed", detail));
        }
        outcome
    }

    fn on_fault(&mut self, id: PeerId, fault: &LinkFault) {
        let code = match fault {
            LinkFault::Hello(_) => ErrorCode::HelloRejected,
            _ => ErrorCode::ProtocolViolation,
        };
        let until = self.now().after(RETRY_MIN);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.ignored_until = Some(until);
        }
        let (expected, found) = fault.mismatch();
        self.trouble(MeshError::new(code).about(id).mismatch(expected, found));
    }

    /// Takes one effect of one link. Whether there was one.
    pub(super) fn pump_links(&mut self) -> bool {
        while let Some(id) = self.dirty.first().copied() {
            let effect = self.peers.get_mut(&id).and_then(|peer| peer.link.poll_effect());
            match effect {
                Some(effect) => {
                    self.on_link(id, effect);
                    return true;
                }
                None => {
                    self.dirty.retain(|dirty| *dirty != id);
                    self.after_drain(id);
                    if !self.effects.is_empty() {
                        return true; // Else the waiters would hear of it at the next input.
                    }
                }
            }
        }
        false
    }

    fn on_link(&mut self, id: PeerId, effect: LinkEffect) {
        let effect = match effect {
            LinkEffect::Create(connection, stage) => Effect::CreateConnection {
                connection,
                peer: id,
                ice_servers: self.servers_for(stage),
                relay_only: self.config.relay_only,
            },
            LinkEffect::Describe(connection, ticket) => Effect::Describe { connection, ticket },
            LinkEffect::Apply(connection, ticket, description) => {
                Effect::Apply { connection, ticket, description }
            }
            LinkEffect::AddCandidate(connection, candidate) => {
                Effect::AddCandidate { connection, candidate }
            }
            LinkEffect::RestartIce(connection, stage) => Effect::RestartIce {
                connection,
                ice_servers: self.servers_for(stage),
                relay_only: self.config.relay_only,
            },
            LinkEffect::OpenChannel(connection, channel) => {
                Effect::OpenChannel { connection, channel }
            }
            LinkEffect::Frame(connection, channel, bytes) => {
                Effect::SendFrame { connection, channel, bytes }
            }
            LinkEffect::CloseConnection(connection) => Effect::CloseConnection { connection },
            LinkEffect::Signal(signal) => return self.send_signal(id, &signal),
            LinkEffect::WantPool(bytes) => {
                self.pool_queue.push((id, bytes));
                return self.grant_pool();
            }
            LinkEffect::Notice(notice) => return self.on_notice(id, notice),
        };
        self.effects.push(effect);
    }

    fn servers_for(&self, stage: IceStage) -> Vec<IceServer> {
        if stage == IceStage::Relayed {
            return self.ice_servers.clone();
        }
        let mut servers = self.ice_servers.clone();
        for server in &mut servers {
            server.urls.retain(|url| url.starts_with("stun:") || url.starts_with("stuns:"));
        }
        servers.retain(|server| !server.urls.is_empty());
        servers
    }

    /// Gives reassembly room to those who wait, in their order.
    pub(super) fn grant_pool(&mut self) {
        while let Some((id, bytes)) = self.pool_queue.first().copied() {
            let used: usize = self.peers.values().map(|peer| peer.link.pool_bytes()).sum();
            if used + bytes > REASSEMBLY_BYTES_MAX {
                return;
            }
            self.pool_queue.pop();
            let _ = self.tell_link(id, LinkInput::PoolGranted);
        }
    }

    fn on_notice(&mut self, id: PeerId, notice: LinkNotice) {
        match notice {
            LinkNotice::State(_) | LinkNotice::Away(_) => self.tell_state(id),
            LinkNotice::Ready => self.greet(id),
            LinkNotice::Opened(connection) => self.on_opened(id, connection),
            LinkNotice::Message(body) => self.on_body(id, body),
            LinkNotice::Lossy(body) => self.on_body(id, body),
            LinkNotice::Settled(key, result) => self.on_settled(key, result),
            LinkNotice::Closed(reason) => self.on_closed(id, reason),
        }
    }

    fn tell_state(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let state = peer.state();
        if peer.is_visible && state != peer.told_state && peer.link.state() != LinkState::Closed {
            peer.told_state = state;
            self.notify(Notice::PeerState { peer: id, state });
        }
    }

    fn on_opened(&mut self, id: PeerId, connection: ConnectionId) {
        self.show(id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.retry_after = RETRY_MIN;
        peer.retry_at = None;
        let first = !core::mem::replace(&mut peer.is_joined, true);
        self.tell_state(id);
        if first {
            self.notify(Notice::PeerJoined { peer: id });
            self.update_status();
        }
        self.greet(id);
        self.attach_streams(id, connection);
    }

    /// Tells a peer what each is told once: our presence, and what our ledger holds.
    fn greet(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !core::mem::replace(&mut peer.is_greeted, true) {
            self.show_presence_to(id);
            self.link_ledger(id);
        }
    }

    /// What a peer was told is forgotten with its link.
    pub(super) fn ungreet(&mut self, id: PeerId) {
        if self.peers.get_mut(&id).is_some_and(|peer| core::mem::take(&mut peer.is_greeted)) {
            self.unlink_ledger(id);
        }
    }

    fn on_closed(&mut self, id: PeerId, reason: ErrorCode) {
        let now = self.now();
        self.pool_queue.retain(|(waiting, _)| *waiting != id);
        self.ungreet(id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let left = matches!(reason, ErrorCode::PeerLeft | ErrorCode::RoomClosed);
        let (joined, told) = (peer.is_joined, peer.ignored_until.is_some_and(|until| until > now));
        let is_here = peer.is_member && peer.link.peer_is_attached();
        if is_here && self.phase == Phase::Joined {
            peer.plan_retry(now);
        }
        if !joined && !left && !told {
            self.trouble(MeshError::new(reason).about(id));
        }
        // One that never was linked but is still in the room stays to be tried again.
        if joined || !is_here || left {
            self.hide(id, reason);
        }
        self.grant_pool();
    }

    /// Tries those again that are in the room but could not be linked. Without the server no offer
    /// would reach them: they wait for it.
    pub(super) fn retry_links(&mut self) {
        if self.server != Server::Connected {
            return;
        }
        let now = self.now();
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.retry_at.is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.retry_at = None;
            }
            let _ = self.tell_link(id, LinkInput::Connect { offer: true });
        }
    }
}
