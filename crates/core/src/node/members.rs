//! Who is here: what the server says, checked against what the peers signed.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::crypto::{SealingSecret, Signing};
use crate::error::ErrorCode;
use crate::id::{Instance, PeerId, SessionKey};
use crate::limits::{PEER_COUNT_MAX, RETRY_MIN, STORED_ADMISSION_DEADLINE};
use crate::link::{IceStage, Link, LinkConfig, LinkInput, LinkState};
use crate::rng::{Rng, Seed};
use crate::signalling::address::{AddressError, RoomAddress};
use crate::signalling::client::{Client, ClientEffect, ClientInput, ClientNotice, Member};
use crate::signalling::envelope::{Identity, UnverifiedIntroduction, VerifiedIntroduction};
use crate::signalling::keys::{RoomKeys, link_session};
use crate::signalling::message::UndeliverableReason;
use crate::signalling::{Outcome as ClientOutcome, message};
use crate::time::Now;

use super::effect::{Effect, IceServer};
use super::notice::{MeshError, Notice, PeerState};
use super::outcome::Outcome;
use super::peer::Peer;
use super::{Node, NodeConfig, Phase, Server, client_config};

pub(super) fn address_error(error: &AddressError) -> MeshError {
    MeshError::new(ErrorCode::InvalidAddress)
        .mismatch("https://page/#ROOM.SECRET@server", error.to_string())
        .detail(error.to_string())
}

/// A client with a session key of its own, so that the server cannot follow a peer from one
/// session to the next.
#[expect(clippy::too_many_arguments, reason = "the parts of a node that does not exist yet")]
pub(super) fn client(
    address: &RoomAddress,
    keys: &RoomKeys,
    signing: &Signing,
    sealing: &SealingSecret,
    instance: Instance,
    rng: &mut Rng,
    now: Now,
    config: &NodeConfig,
) -> Client {
    let session = Signing::from_seed(&rng.bytes());
    let session_key = session.session_key();
    let identity = Identity { keys, signing, instance, session_key, sealing };
    let introduction = identity.introduce(now.wall, rng.bytes());
    let mut client_config = client_config(address, keys, session, introduction);
    if let Some(timeout) = config.timeout {
        client_config.admission_deadline = timeout;
    }
    Client::new(client_config, Seed(rng.bytes()), now)
}

impl Node {
    pub(super) fn tell_client(&mut self, input: ClientInput) -> Outcome {
        match self.client.handle(self.clock.now(), input) {
            ClientOutcome::Ignored => Outcome::Stale,
            // The client closes the socket and says so in its notices.
            _ => Outcome::Done,
        }
    }

    /// Takes one effect of the client. Whether there was one.
    pub(super) fn pump_client(&mut self) -> bool {
        let Some(effect) = self.client.poll_effect() else { return false };
        match effect {
            ClientEffect::OpenSocket { socket, url } => {
                self.effects.push(Effect::OpenSocket { socket, url });
            }
            ClientEffect::SendSocket { socket, bytes } => {
                self.effects.push(Effect::SendSocket { socket, bytes });
            }
            ClientEffect::CloseSocket { socket } => {
                self.effects.push(Effect::CloseSocket { socket });
            }
            ClientEffect::Notice(_) if self.phase == Phase::Closed => {}
            ClientEffect::Notice(notice) => self.on_client(notice),
        }
        true
    }

    pub(super) fn on_client(&mut self, notice: ClientNotice) {
        match notice {
            ClientNotice::Admitted { members, ice_servers } => {
                self.on_admitted(members, ice_servers);
            }
            ClientNotice::MemberJoined { session_key, introduction } => {
                self.on_member(session_key, introduction, false);
            }
            ClientNotice::MemberDetached { session_key } => self.on_member_gone(session_key, true),
            ClientNotice::MemberLeft { session_key } => self.on_member_gone(session_key, false),
            ClientNotice::MemberAttached { session_key } => {
                if let Some(id) = self.members.get(&session_key).copied() {
                    let _ = self.tell_link(id, LinkInput::PeerSocket { attached: true });
                    self.meet_again(id);
                }
            }
            ClientNotice::Envelope { from, bytes } => self.on_envelope(from, &bytes),
            ClientNotice::Undeliverable { to, reason: UndeliverableReason::NotHere } => {
                self.on_not_here(to);
            }
            // The link sends again until it is acknowledged, and gives up by its own deadlines.
            ClientNotice::Undeliverable { .. } => {}
            ClientNotice::Offline { reason } => {
                self.server = Server::Lost(reason);
                self.update_status();
                if self.phase == Phase::Joined {
                    let found = reason.sentence();
                    let expected = "a connection to the server";
                    self.trouble(
                        MeshError::new(ErrorCode::SignallingLost).mismatch(expected, found),
                    );
                }
            }
            ClientNotice::Online { .. } => {
                self.server = Server::Connected;
                self.update_status();
                self.tell_all_links(|| LinkInput::ServerBack);
            }
            ClientNotice::Refused { code, expected, found } => {
                let error = MeshError::new(code).mismatch(expected, found);
                if matches!(self.phase, Phase::Joining { .. }) {
                    self.join_failed(error);
                } else {
                    self.server = Server::Lost(code);
                    self.update_status();
                    self.trouble(error);
                }
            }
        }
    }

    fn on_admitted(&mut self, members: Vec<Member>, ice_servers: Vec<message::IceServer>) {
        if self.config.ice_servers.is_none() {
            self.ice_servers = ice_servers
                .into_iter()
                .map(|server| IceServer {
                    urls: server.urls,
                    username: server.username,
                    credential: server.credential,
                })
                .collect();
            let available = self.has_relay();
            self.tell_all_links(|| LinkInput::Relays { available });
        }
        self.server = Server::Connected;
        // A server that started anew knows only who came back to it: absence says nothing.
        self.members.clear();
        for member in members {
            if let Some(id) = self.on_member(member.session_key, member.introduction, true)
                && !member.attached
            {
                let _ = self.tell_link(id, LinkInput::PeerSocket { attached: false });
            }
        }
        if matches!(self.phase, Phase::Joining { .. }) {
            self.phase = Phase::Joined;
            self.notify(Notice::Admitted);
        }
        self.update_status();
    }

    /// A room that is stored need not wait long for the server.
    pub(super) fn hurry_if_stored(&mut self) {
        if let (true, Phase::Joining { due }) = (self.is_stored, self.phase) {
            let soon = self.now().after(STORED_ADMISSION_DEADLINE);
            self.phase = Phase::Joining { due: due.min(soon) };
        }
    }

    /// Opens a stored room without the server, which is tried again like one that was lost.
    pub(super) fn join_offline(&mut self) {
        self.phase = Phase::Joined;
        let _ = self.tell_client(ClientInput::Persist);
        self.notify(Notice::Admitted);
        self.update_status();
    }

    /// A member as the server shows it. Those who were there before us wait for our offer.
    fn on_member(
        &mut self,
        session_key: SessionKey,
        introduction: Vec<u8>,
        was_there_first: bool,
    ) -> Option<PeerId> {
        let unverified = UnverifiedIntroduction::new(session_key, introduction);
        match unverified.verify(&self.keys) {
            Ok(introduction) => self.introduce(introduction, was_there_first),
            Err(error) => {
                self.trouble(
                    MeshError::new(ErrorCode::ProtocolViolation)
                        .mismatch("a signed introduction", error.to_string()),
                );
                None
            }
        }
    }

    pub(super) fn introduce(
        &mut self,
        introduction: VerifiedIntroduction,
        offer: bool,
    ) -> Option<PeerId> {
        let id = introduction.peer();
        let instance = introduction.instance();
        if id == self.self_id() {
            self.meet_ourselves(instance);
            return None;
        }
        let known = self.peers.get(&id).map(|peer| peer.introduction.instance());
        match known {
            Some(known) if instance < known => return None,
            Some(known) if instance > known => {
                self.restart_peer(id, introduction);
            }
            Some(_) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.introduce(introduction);
                }
                let _ = self.tell_link(id, LinkInput::PeerSocket { attached: true });
                // What was sent to its former session key is lost.
                let _ = self.tell_link(id, LinkInput::ServerBack);
            }
            None => {
                self.forget_remnants();
                let is_here = |peer: &&Peer| peer.gone_since().is_none();
                if self.peers.values().filter(is_here).count() >= PEER_COUNT_MAX {
                    let limit = PEER_COUNT_MAX;
                    self.trouble(MeshError::new(ErrorCode::RoomFull).about(id).limit(limit));
                    return None;
                }
                let link = self.new_link(&introduction);
                self.peers.insert(id, Peer::new(link, introduction));
            }
        }
        self.members.insert(introduction.session_key(), id);
        self.keyless.push(id);
        self.show(id);
        if let Some(peer) = self.peers.get_mut(&id) {
            (peer.retry_at, peer.retry_after) = (None, RETRY_MIN);
        }
        let _ = self.tell_link(id, LinkInput::Connect { offer });
        Some(id)
    }

    /// The server shows us our own key. A later start takes our place; an earlier one will hear of
    /// us in the same way and stop.
    fn meet_ourselves(&mut self, instance: Instance) {
        if instance > self.instance && self.phase != Phase::Closed {
            let _ = self.tell_client(ClientInput::Leave);
            let error = MeshError::new(ErrorCode::Replaced)
                .mismatch("one start of this peer", "a later one");
            if matches!(self.phase, Phase::Joining { .. }) {
                self.join_failed(error);
            } else {
                self.end(Some(error));
            }
        }
    }

    fn new_link(&mut self, introduction: &VerifiedIntroduction) -> Link {
        self.slot_count = (self.slot_count + 1) & 0xf_ffff;
        self.slots.insert(self.slot_count, introduction.peer());
        let peer_instance = introduction.instance();
        let config = LinkConfig {
            room: self.keys.room(),
            key: self.signing.clone(),
            instance: self.instance,
            peer: introduction.peer(),
            peer_instance,
            session: link_session(&self.keys.room(), &self.instance, &peer_instance),
            slot: self.slot_count,
            seed: Seed(self.rng.bytes()),
            stage: if self.config.relay_only { IceStage::Relayed } else { IceStage::Direct },
            has_relay: self.has_relay(),
        };
        Link::new(config, self.now())
    }

    pub(super) fn has_relay(&self) -> bool {
        let is_relay = |url: &String| url.starts_with("turn:") || url.starts_with("turns:");
        self.ice_servers.iter().any(|server| server.urls.iter().any(is_relay))
    }

    /// The same peer, started anew: what was not sent goes to the new start.
    fn restart_peer(&mut self, id: PeerId, introduction: VerifiedIntroduction) {
        let session = link_session(&self.keys.room(), &self.instance, &introduction.instance());
        // What the former start said in this very turn comes before the word that it is gone.
        while self.pump_links() {}
        self.hide(id, ErrorCode::PeerRestarted);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.introduce(introduction);
            peer.ignored_until = None;
        }
        let instance = introduction.instance();
        let _ = self.tell_link(id, LinkInput::PeerRestarted(instance, session));
        let _ = self.tell_link(id, LinkInput::PeerSocket { attached: true });
    }

    fn on_member_gone(&mut self, session_key: SessionKey, may_return: bool) {
        let Some(id) = self.members.get(&session_key).copied() else { return };
        let current =
            self.peers.get(&id).is_some_and(|peer| peer.introduction.session_key() == session_key);
        if current {
            let _ = self.tell_link(id, LinkInput::PeerSocket { attached: false });
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.retry_at = None;
                peer.is_member = may_return;
            }
            if !may_return {
                self.members.remove(&session_key);
                // It may have opened in this very turn.
                while self.pump_links() {}
                // An open link lives on by itself. A connection that was begun with one who left
                // meanwhile would only run into its deadline.
                if self.peers.get(&id).is_some_and(|peer| !peer.is_joined) {
                    let _ = self.tell_link(id, LinkInput::Close(ErrorCode::PeerLeft));
                }
            }
        }
    }

    /// A member's socket is back: one given up meanwhile is tried at once, for it may have given us up
    /// too and wait for our offer.
    fn meet_again(&mut self, id: PeerId) {
        let now = self.now();
        // Who leaves has told its links so, and would not close another one.
        if !matches!(self.phase, Phase::Joining { .. } | Phase::Joined) {
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let is_ignored = peer.ignored_until.is_some_and(|until| until > now);
        if peer.is_member && !is_ignored && peer.link.state() == LinkState::Closed {
            (peer.retry_at, peer.retry_after) = (None, RETRY_MIN);
            let _ = self.tell_link(id, LinkInput::Connect { offer: true });
        }
    }

    /// The server does not know a member we still tried: one that did not come back to a server that
    /// started anew. An open link lives on by itself, one that was never open is over; neither is
    /// tried again until the peer is introduced anew.
    fn on_not_here(&mut self, session_key: SessionKey) {
        let is_it = |peer: &Peer| peer.is_member && peer.introduction.session_key() == session_key;
        let found = self.peers.iter().find(|(_, peer)| is_it(peer)).map(|(id, _)| *id);
        let Some(id) = found else { return };
        let Some(peer) = self.peers.get_mut(&id) else { return };
        (peer.is_member, peer.retry_at) = (false, None);
        let joined = peer.is_joined;
        if !joined {
            let _ = self.tell_link(id, LinkInput::PeerSocket { attached: false });
        }
    }

    /// Puts a peer into `room.peers`.
    pub(super) fn show(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.is_visible {
            return;
        }
        peer.is_visible = true;
        peer.told_state = PeerState::Linking;
        self.notify(Notice::PeerAdded { peer: id });
        self.update_status();
    }

    /// Takes a peer out of `room.peers`, and ends what hung on it.
    pub(super) fn hide(&mut self, id: PeerId, reason: ErrorCode) {
        self.fail_requests_to(id, reason);
        self.end_streams_of(id);
        self.release_drain_waiters(id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.presence = None;
        peer.announced.clear();
        peer.attached.clear();
        peer.attached_to = None;
        let joined = core::mem::take(&mut peer.is_joined);
        self.ungreet(id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if core::mem::take(&mut peer.is_visible) {
            self.notify(Notice::PeerLeft { peer: id, joined, reason });
        }
        self.update_status();
    }
}
