//! Requests and their answers.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{PeerId, Ticket};
use crate::limits::{REQUEST_COUNT_MAX, REQUEST_TIMEOUT};
use crate::link::MessageKey;
use crate::table::Table;
use crate::time::{Span, Timestamp};

use super::Node;
use super::content::Content;
use super::input::Answer;
use super::notice::{MeshError, Notice};
use super::outcome::Outcome;
use super::parcel::Parcel;

/// A request of ours.
#[derive(Debug)]
struct Asking {
    peer: PeerId,
    key: MessageKey,
    deadline: Timestamp,
}

/// Requests under way, ours and theirs.
#[derive(Debug, Default)]
pub(super) struct Requests {
    asking: Table<Ticket, Asking>,
    /// The peer and the number it gave, by the name the application knows.
    asked: Table<Ticket, (PeerId, u64)>,
    last_asked: Ticket,
}

impl Requests {
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.asking.values().map(|asking| asking.deadline).min()
    }
}

impl Node {
    pub(super) fn request(
        &mut self,
        ticket: Ticket,
        id: PeerId,
        name: String,
        content: Content,
        payload: Vec<u8>,
        timeout: Option<Span>,
    ) {
        if let Err(error) = self.check_request(id, payload.len()) {
            return self.refuse(ticket, error);
        }
        let parcel = Parcel::Request { id: u64::from(ticket.0), name, content };
        if let Err(error) = parcel.check() {
            return self.refuse(ticket, error);
        }
        match self.send_request(ticket, id, &parcel, payload) {
            Ok(key) => {
                let deadline = self.now().after(timeout.unwrap_or(REQUEST_TIMEOUT));
                self.requests.asking.insert(ticket, Asking { peer: id, key, deadline });
            }
            Err(error) => self.refuse(ticket, error),
        }
    }

    fn check_request(&self, id: PeerId, payload_bytes: usize) -> Result<(), MeshError> {
        self.check_sendable(payload_bytes)?;
        if !self.peers.get(&id).is_some_and(|peer| peer.is_visible) {
            return Err(MeshError::new(ErrorCode::UnknownPeer).about(id));
        }
        if self.requests.asking.len() >= REQUEST_COUNT_MAX {
            return Err(MeshError::new(ErrorCode::TooMany).limit(REQUEST_COUNT_MAX));
        }
        Ok(())
    }

    /// A request came in.
    pub(super) fn on_request(
        &mut self,
        id: PeerId,
        wire_id: u64,
        name: String,
        content: Content,
        payload: Vec<u8>,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.asked.len() >= REQUEST_COUNT_MAX || peer.asked.contains_key(&wire_id) {
            let detail = Some(String::from("too many requests at once"));
            return self.send_own(id, &Parcel::Failure { id: wire_id, detail }, Vec::new());
        }
        self.requests.last_asked = self.requests.last_asked.next();
        let request = self.requests.last_asked;
        peer.asked.insert(wire_id, request);
        self.requests.asked.insert(request, (id, wire_id));
        self.notify(Notice::Asked { request, peer: id, name, content, payload });
    }

    /// The application answers.
    pub(super) fn respond(&mut self, request: Ticket, answer: Answer) -> Outcome {
        let Some((id, wire_id)) = self.requests.asked.remove(&request) else {
            return Outcome::Stale;
        };
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.asked.remove(&wire_id);
        }
        let (parcel, payload) = match answer {
            Answer::Value { content, payload } => (Parcel::Value { id: wire_id, content }, payload),
            Answer::NoHandler => (Parcel::Failure { id: wire_id, detail: None }, Vec::new()),
            Answer::Failed { detail } => {
                (Parcel::Failure { id: wire_id, detail: Some(detail) }, Vec::new())
            }
        };
        if let Err(error) = self.check_sendable(payload.len()).and_then(|()| parcel.check()) {
            let detail = Some(error.detail.clone());
            self.send_own(id, &Parcel::Failure { id: wire_id, detail }, Vec::new());
            self.misuse(error.about(id));
            return Outcome::Done;
        }
        self.send_own(id, &parcel, payload);
        Outcome::Done
    }

    /// An answer came in. One nobody waits for any more is late, not false.
    pub(super) fn on_answer(
        &mut self,
        id: PeerId,
        wire_id: u64,
        result: Result<(Content, Vec<u8>), MeshError>,
    ) {
        let Ok(number) = u32::try_from(wire_id) else { return };
        let ticket = Ticket(number);
        if self.requests.asking.get(&ticket).is_some_and(|asking| asking.peer == id) {
            self.requests.asking.remove(&ticket);
            self.notify(Notice::Answered { ticket, result });
        }
    }

    pub(super) fn on_failure(&mut self, id: PeerId, wire_id: u64, detail: Option<String>) {
        let error = match detail {
            None => MeshError::new(ErrorCode::NoHandler),
            Some(detail) => MeshError::new(ErrorCode::HandlerFailed).detail(detail),
        };
        self.on_answer(id, wire_id, Err(error.about(id)));
    }

    pub(super) fn on_withdraw(&mut self, id: PeerId, wire_id: u64) {
        let request = self.peers.get_mut(&id).and_then(|peer| peer.asked.remove(&wire_id));
        if let Some(request) = request {
            self.requests.asked.remove(&request);
            self.notify(Notice::Withdrawn { request });
        }
    }

    pub(super) fn fail_request(&mut self, ticket: Ticket, error: MeshError) {
        if self.requests.asking.remove(&ticket).is_some() {
            self.notify(Notice::Answered { ticket, result: Err(error) });
        }
    }

    /// The caller gave up. Whether the ticket was a request's.
    pub(super) fn cancel_request(&mut self, ticket: Ticket) -> bool {
        let Some(asking) = self.requests.asking.get(&ticket) else { return false };
        let (id, key) = (asking.peer, asking.key);
        self.fail_request(ticket, MeshError::new(ErrorCode::Cancelled).about(id));
        self.cancel_messages(&[key]);
        self.send_own(id, &Parcel::Withdraw { id: u64::from(ticket.0) }, Vec::new());
        true
    }

    pub(super) fn expire_requests(&mut self) {
        let now = self.now();
        let due: Vec<(Ticket, PeerId, MessageKey)> = self
            .requests
            .asking
            .iter()
            .filter(|(_, asking)| asking.deadline <= now)
            .map(|(ticket, asking)| (*ticket, asking.peer, asking.key))
            .collect();
        for (ticket, id, key) in due {
            self.fail_request(ticket, MeshError::new(ErrorCode::RequestTimeout).about(id));
            // What was not sent yet would only be asked for nothing.
            self.cancel_messages(&[key]);
            self.send_own(id, &Parcel::Withdraw { id: u64::from(ticket.0) }, Vec::new());
        }
    }

    /// A peer is gone: its requests are withdrawn, ours to it fail.
    pub(super) fn fail_requests_to(&mut self, id: PeerId, reason: ErrorCode) {
        let ours: Vec<Ticket> = self
            .requests
            .asking
            .iter()
            .filter(|(_, asking)| asking.peer == id)
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in ours {
            let delivery = crate::error::Delivery::Unknown;
            self.fail_request(ticket, MeshError::new(reason).about(id).delivery(delivery));
        }
        let theirs = match self.peers.get_mut(&id) {
            Some(peer) => core::mem::take(&mut peer.asked),
            None => return,
        };
        for (_, request) in theirs.into_entries() {
            self.requests.asked.remove(&request);
            self.notify(Notice::Withdrawn { request });
        }
    }

    pub(super) fn end_requests(&mut self) {
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in ids {
            self.fail_requests_to(id, ErrorCode::RoomClosed);
        }
    }
}
