//! Sends: which call waits for which acknowledgements.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{Delivery, ErrorCode};
use crate::id::{PeerId, Ticket};
use crate::limits::{
    DRAINED_BYTES, LINK_QUEUE_BYTES_MAX, LOSSY_BYTES_MAX, MESSAGE_BYTES_MAX, NODE_QUEUE_BYTES_MAX,
    PRESENCE_BYTES_MAX,
};
use crate::link::{Body, LinkInput, MessageKey};
use crate::table::Table;

use super::content::Content;
use super::input::Recipient;
use super::notice::{Audience, MeshError, Notice};
use super::parcel::Parcel;
use super::{Node, Phase};

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// A send of the application.
    Send(Ticket),
    /// A request of the application.
    Request(Ticket),
    /// The node's own.
    Node,
}

/// A send that waits for its recipients.
#[derive(Debug, Default)]
struct Waiting {
    keys: Vec<MessageKey>,
    delivered: Vec<PeerId>,
    failed: Vec<(PeerId, MeshError)>,
}

/// Which call waits for which acknowledgements.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last_key: u64,
    owners: Table<MessageKey, (Owner, PeerId)>,
    waiting: Table<Ticket, Waiting>,
}

impl Calls {
    fn next_key(&mut self, owner: Owner, peer: PeerId) -> MessageKey {
        self.last_key += 1;
        let key = MessageKey(self.last_key);
        self.owners.insert(key, (owner, peer));
        key
    }
}

impl Node {
    pub(super) fn send(
        &mut self,
        ticket: Ticket,
        to: Recipient,
        content: Content,
        payload: Vec<u8>,
    ) {
        let audience = match to {
            Recipient::All => Audience::Room,
            Recipient::One(_) => Audience::Me,
        };
        self.send_parcel(ticket, to, &Parcel::Message { to: audience, content }, payload);
    }

    pub(super) fn send_topic(
        &mut self,
        ticket: Ticket,
        to: Recipient,
        name: String,
        content: Content,
        payload: Vec<u8>,
    ) {
        self.send_parcel(ticket, to, &Parcel::Topic { name, content }, payload);
    }

    pub(super) fn send_lossy(
        &mut self,
        ticket: Ticket,
        to: Recipient,
        name: String,
        content: Content,
        payload: Vec<u8>,
    ) {
        if payload.len() > LOSSY_BYTES_MAX {
            let error = MeshError::new(ErrorCode::MessageTooLarge).limit(LOSSY_BYTES_MAX);
            let expected = alloc::format!("at most {LOSSY_BYTES_MAX} bytes");
            return self.refuse(ticket, error.mismatch(expected, payload.len().to_string()));
        }
        let parcel = Parcel::Topic { name, content };
        if let Err(error) = parcel.check() {
            return self.refuse(ticket, error);
        }
        let body = parcel.seal(payload);
        for id in self.recipients(to) {
            let _ = self.tell_link(id, LinkInput::SendLossy(body.clone()));
        }
    }

    /// The peers a call is for: those who are here now.
    fn recipients(&self, to: Recipient) -> Vec<PeerId> {
        let visible = self.peers.iter().filter(|(_, peer)| peer.is_visible).map(|(id, _)| *id);
        match to {
            Recipient::All => visible.collect(),
            Recipient::One(one) => visible.filter(|id| *id == one).collect(),
        }
    }

    fn send_parcel(&mut self, ticket: Ticket, to: Recipient, parcel: &Parcel, payload: Vec<u8>) {
        if let Err(error) = self.check_sendable(payload.len()).and_then(|()| parcel.check()) {
            return self.refuse(ticket, error);
        }
        let recipients = self.recipients(to);
        if let (Recipient::One(one), []) = (to, &*recipients) {
            return self.refuse(ticket, MeshError::new(ErrorCode::UnknownPeer).about(one));
        }
        let body = parcel.seal(payload);
        let mut waiting = Waiting::default();
        for id in recipients {
            match self.push(id, Owner::Send(ticket), &body) {
                Ok(key) => waiting.keys.push(key),
                Err(error) => waiting.failed.push((id, error)),
            }
        }
        if !waiting.keys.is_empty() {
            self.calls.waiting.insert(ticket, waiting);
        } else if let Some((_, error)) = waiting.failed.into_iter().next() {
            self.refuse(ticket, error);
        } else {
            self.notify(Notice::Sent { ticket, delivered: Vec::new(), failed: Vec::new() });
        }
    }

    pub(super) fn check_sendable(&self, payload_bytes: usize) -> Result<(), MeshError> {
        if self.phase != Phase::Joined {
            return Err(MeshError::new(ErrorCode::RoomClosed));
        }
        if payload_bytes > MESSAGE_BYTES_MAX {
            let error = MeshError::new(ErrorCode::MessageTooLarge).limit(MESSAGE_BYTES_MAX);
            let expected = alloc::format!("at most {MESSAGE_BYTES_MAX} bytes");
            return Err(error.mismatch(expected, payload_bytes.to_string()));
        }
        Ok(())
    }

    fn push(&mut self, id: PeerId, owner: Owner, body: &Body) -> Result<MessageKey, MeshError> {
        let total: usize = self.peers.values().map(|peer| peer.link.queued_bytes()).sum();
        let link_takes = self.peers.get(&id).is_some_and(|peer| peer.link.takes(body.len()));
        let node_takes = total + body.len() <= NODE_QUEUE_BYTES_MAX;
        if !link_takes || !node_takes {
            let limit = if link_takes { NODE_QUEUE_BYTES_MAX } else { LINK_QUEUE_BYTES_MAX };
            return Err(MeshError::new(ErrorCode::QueueFull)
                .about(id)
                .delivery(Delivery::NotSent)
                .limit(limit));
        }
        let key = self.calls.next_key(owner, id);
        let _ = self.tell_link(id, LinkInput::Send(key, body.clone()));
        Ok(key)
    }

    /// Sends a message of the node's own. One that does not fit is dropped: the queue is full of
    /// the application's own, and its next calls are refused.
    pub(super) fn send_own(&mut self, id: PeerId, parcel: &Parcel, payload: Vec<u8>) {
        self.push_own(id, &parcel.seal(payload));
    }

    pub(super) fn push_own(&mut self, id: PeerId, body: &Body) {
        let _ = self.push(id, Owner::Node, body);
    }

    /// Sends a request's message.
    pub(super) fn send_request(
        &mut self,
        ticket: Ticket,
        id: PeerId,
        parcel: &Parcel,
        payload: Vec<u8>,
    ) -> Result<MessageKey, MeshError> {
        self.push(id, Owner::Request(ticket), &parcel.seal(payload))
    }

    pub(super) fn refuse(&mut self, ticket: Ticket, error: MeshError) {
        self.notify(Notice::Refused { ticket, error: error.delivery(Delivery::NotSent) });
    }

    pub(super) fn on_settled(
        &mut self,
        key: MessageKey,
        result: Result<(), (ErrorCode, Delivery)>,
    ) {
        let Some((owner, id)) = self.calls.owners.remove(&key) else { return };
        match owner {
            Owner::Node => {}
            Owner::Request(ticket) => {
                if let Err((code, delivery)) = result {
                    self.fail_request(ticket, MeshError::new(code).about(id).delivery(delivery));
                }
            }
            Owner::Send(ticket) => {
                let Some(waiting) = self.calls.waiting.get_mut(&ticket) else { return };
                waiting.keys.retain(|other| *other != key);
                match result {
                    Ok(()) => waiting.delivered.push(id),
                    Err((code, delivery)) => {
                        let error = MeshError::new(code).about(id).delivery(delivery);
                        waiting.failed.push((id, error));
                    }
                }
                if waiting.keys.is_empty()
                    && let Some(Waiting { delivered, failed, .. }) =
                        self.calls.waiting.remove(&ticket)
                {
                    self.notify(Notice::Sent { ticket, delivered, failed });
                }
            }
        }
    }

    pub(super) fn cancel(&mut self, ticket: Ticket) {
        if self.cancel_request(ticket) {
            return;
        }
        let keys = self.calls.waiting.get(&ticket).map(|waiting| waiting.keys.clone());
        self.cancel_messages(&keys.unwrap_or_default());
    }

    pub(super) fn cancel_messages(&mut self, keys: &[MessageKey]) {
        for key in keys {
            if let Some((_, id)) = self.calls.owners.get(key).copied() {
                let _ = self.tell_link(id, LinkInput::Cancel(*key));
            }
        }
    }

    pub(super) fn set_presence(&mut self, payload: Option<Vec<u8>>) {
        if let Some(bytes) = payload.as_ref().map(Vec::len)
            && bytes > PRESENCE_BYTES_MAX
        {
            let error = MeshError::new(ErrorCode::MessageTooLarge).limit(PRESENCE_BYTES_MAX);
            let expected = alloc::format!("a presence of at most {PRESENCE_BYTES_MAX} bytes");
            return self.misuse(error.mismatch(expected, bytes.to_string()));
        }
        self.presence = payload;
        let greeted: Vec<PeerId> =
            self.peers.iter().filter(|(_, peer)| peer.is_greeted).map(|(id, _)| *id).collect();
        for id in greeted {
            let payload = self.presence.clone().unwrap_or_default();
            let is_set = self.presence.is_some();
            self.send_own(id, &Parcel::Presence { is_set }, payload);
        }
    }

    pub(super) fn show_presence_to(&mut self, id: PeerId) {
        if let Some(payload) = self.presence.clone() {
            self.send_own(id, &Parcel::Presence { is_set: true }, payload);
        }
    }

    /// A message of a peer, in order, or one that may be lost.
    pub(super) fn on_body(&mut self, id: PeerId, mut body: Vec<u8>) {
        let (parcel, offset) = match Parcel::open(&body) {
            Ok(opened) => opened,
            Err(error) => {
                let error = MeshError::new(ErrorCode::ProtocolViolation)
                    .about(id)
                    .mismatch("a message", error.to_string());
                self.trouble(error);
                let close = LinkInput::Close(ErrorCode::ProtocolViolation);
                let _ = self.tell_link(id, close);
                return;
            }
        };
        // In place: a message may have 32 MiB.
        body.drain(..offset);
        match parcel {
            Parcel::Message { to, content } => {
                self.notify(Notice::Message { peer: id, to, content, payload: body });
            }
            Parcel::Topic { name, content } => {
                self.notify(Notice::TopicMessage { peer: id, name, content, payload: body });
            }
            Parcel::Presence { is_set } => {
                let payload = is_set.then_some(body);
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.presence.clone_from(&payload);
                }
                self.notify(Notice::Presence { peer: id, payload });
            }
            Parcel::Request { id: wire_id, name, content } => {
                self.on_request(id, wire_id, name, content, body);
            }
            Parcel::Value { id: wire_id, content } => {
                self.on_answer(id, wire_id, Ok((content, body)));
            }
            Parcel::Failure { id: wire_id, detail } => self.on_failure(id, wire_id, detail),
            Parcel::Withdraw { id: wire_id } => self.on_withdraw(id, wire_id),
            Parcel::Stream { media_id, label } => self.on_stream(id, media_id, label),
            Parcel::StreamEnd { media_id } => self.on_stream_end(id, &media_id),
            Parcel::Ledger | Parcel::GenesisAsk | Parcel::Genesis => {
                self.on_ledger_parcel(id, &parcel, &body);
            }
        }
    }

    pub(super) fn await_drained(&mut self, ticket: Ticket, id: PeerId) {
        match self.peers.get_mut(&id) {
            Some(peer) if peer.is_visible && peer.link.backlog_bytes() > DRAINED_BYTES => {
                peer.drain_waiters.push(ticket);
            }
            _ => self.notify(Notice::Drained { ticket }),
        }
    }

    /// A link has said all that it can say in this turn: those who waited for its queue may go on.
    pub(super) fn after_drain(&mut self, id: PeerId) {
        let drained = self.peers.get(&id).is_some_and(|peer| {
            !peer.drain_waiters.is_empty() && peer.link.backlog_bytes() <= DRAINED_BYTES
        });
        if drained {
            self.release_drain_waiters(id);
        }
        if !self.pool_queue.is_empty() {
            self.grant_pool();
        }
    }

    pub(super) fn release_drain_waiters(&mut self, id: PeerId) {
        let waiters = match self.peers.get_mut(&id) {
            Some(peer) => core::mem::take(&mut peer.drain_waiters),
            None => return,
        };
        for ticket in waiters {
            self.notify(Notice::Drained { ticket });
        }
    }
}
