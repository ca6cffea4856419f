//! What members say, and what others are told of it.

use alloc::format;
use alloc::vec::Vec;

use crate::id::{SessionKey, Topic};
use crate::limits::{EXCESS_COUNT_MAX, RESUME_KEPT, SERVER_MESSAGE_BYTES_MAX};
use crate::signalling::message::{
    ClientMessage, Event, RefusalReason, ServerMessage, UndeliverableReason,
    oversize_envelope_receiver,
};
use crate::signalling::{Fault, Outcome};
use crate::time::Timestamp;

use super::join::{Join, Resume};
use super::session::Kept;
use super::{ClientId, ClientState, CloseReason, Rooms, RoomsEffect, Timer, bytes_text};

impl Rooms {
    pub(super) fn received(&mut self, now: Timestamp, client: ClientId, bytes: &[u8]) -> Outcome {
        let Some(entry) = self.clients.get_mut(&client) else {
            return Outcome::Ignored;
        };
        entry.heard_at = now;
        let spent = entry.allowance.spend(now, bytes.len(), 1);
        let address = entry.address;
        if !spent || !self.addresses.spend(now, address, bytes.len()) {
            return self.over_allowance(now, client, bytes);
        }
        self.forgive(client);
        if bytes.len() > SERVER_MESSAGE_BYTES_MAX {
            return self.too_large(now, client, bytes);
        }
        match ClientMessage::decode(bytes) {
            Ok(message) => self.message(now, client, message),
            Err(cause) => {
                let found = format!("{cause}");
                self.cut(now, client, RefusalReason::Malformed, "the Meshlace protocol", &found);
                Outcome::Fault(Fault::Malformed(cause))
            }
        }
    }

    pub(super) fn unreadable(&mut self, now: Timestamp, client: ClientId) -> Outcome {
        if !self.clients.contains_key(&client) {
            return Outcome::Ignored;
        }
        let expected = format!("binary messages of at most {SERVER_MESSAGE_BYTES_MAX} bytes");
        self.cut(now, client, RefusalReason::TooLarge, &expected, "a longer one, or text");
        Outcome::Fault(Fault::Unexpected)
    }

    pub(super) fn unexpected(
        &mut self,
        now: Timestamp,
        client: ClientId,
        expected: &str,
    ) -> Outcome {
        self.cut(now, client, RefusalReason::Unexpected, expected, "another message");
        Outcome::Fault(Fault::Unexpected)
    }

    fn message(&mut self, now: Timestamp, client: ClientId, message: ClientMessage) -> Outcome {
        match message {
            ClientMessage::Join { version, topic, session_key, introduction, signature } => {
                let join = Join { version, topic, session_key, introduction, signature };
                return self.join(now, client, join);
            }
            ClientMessage::Resume { version, session_key, token, received_count, signature } => {
                let resume = Resume { version, session_key, token, received_count, signature };
                return self.resume(now, client, resume);
            }
            ClientMessage::Leave => {
                self.leave(now, client);
                return Outcome::Done;
            }
            _ => {}
        }
        let Some((session_key, topic)) = self.membership(client) else {
            return self.unexpected(now, client, "a join or a resume");
        };
        match message {
            ClientMessage::Envelope { to, bytes } => self.relay(session_key, &topic, to, bytes),
            ClientMessage::Introduce { introduction } => {
                self.introduce(session_key, &topic, introduction);
            }
            ClientMessage::Ack { count } => {
                let session = self.sessions.get_mut(&session_key);
                if !session.is_some_and(|session| session.acknowledged(count)) {
                    return self.unexpected(now, client, "an acknowledgement of what was sent");
                }
            }
            ClientMessage::Ping => self.send(client, &ServerMessage::Pong),
            // Taken up above, by whoever is in no room yet as well.
            ClientMessage::Join { .. } | ClientMessage::Resume { .. } | ClientMessage::Leave => {}
        }
        Outcome::Done
    }

    /// Also of one that is in no room: it left before it heard that its join was refused, or its session
    /// unknown.
    fn leave(&mut self, now: Timestamp, client: ClientId) {
        if let Some(Some(session_key)) = self.forget_client(now, client) {
            self.end_session(session_key);
        }
        self.effects.push_back(RoomsEffect::Close { client, reason: CloseReason::Left });
    }

    fn membership(&self, client: ClientId) -> Option<(SessionKey, Topic)> {
        match self.clients.get(&client)?.state {
            ClientState::ExpectJoin { .. } => None,
            ClientState::Member { session_key } => {
                self.sessions.get(&session_key).map(|session| (session_key, session.topic))
            }
        }
    }

    /// Hands an envelope on, to a member of the sender's own room only.
    fn relay(&mut self, from: SessionKey, topic: &Topic, to: SessionKey, bytes: Vec<u8>) {
        let receiver = self.sessions.get(&to).filter(|receiver| receiver.topic == *topic);
        let reason = match receiver {
            None => UndeliverableReason::NotHere,
            Some(receiver) if !receiver.has_room_for(bytes.len()) => {
                UndeliverableReason::ReceiverFull
            }
            Some(_) => {
                self.relayed_count += 1;
                return self.tell(to, Event::Envelope { from, bytes });
            }
        };
        self.undeliverable(from, to, reason);
    }

    fn undeliverable(&mut self, from: SessionKey, to: SessionKey, reason: UndeliverableReason) {
        self.refused_count += 1;
        self.tell(from, Event::Undeliverable { to, reason });
    }

    fn introduce(&mut self, session_key: SessionKey, topic: &Topic, introduction: Vec<u8>) {
        if let Some(session) = self.sessions.get_mut(&session_key) {
            session.introduction = introduction.clone().into_boxed_slice();
        }
        self.tell_room(topic, session_key, &Event::Joined { session_key, introduction });
    }

    /// A signal that is too large is answered by name and harms nothing else; anything else that
    /// large is no message of ours.
    fn too_large(&mut self, now: Timestamp, client: ClientId, bytes: &[u8]) -> Outcome {
        let (limit, found) = (SERVER_MESSAGE_BYTES_MAX, bytes.len());
        match (self.membership(client), oversize_envelope_receiver(bytes)) {
            (Some((from, _)), Some(to)) => {
                self.undeliverable(from, to, UndeliverableReason::TooLarge);
            }
            _ => {
                let expected = format!("at most {}", bytes_text(limit));
                let reason = RefusalReason::TooLarge;
                self.cut(now, client, reason, &expected, &bytes_text(found));
            }
        }
        Outcome::Fault(Fault::TooLarge { limit, found })
    }

    /// An envelope over the allowance is answered by name, so that its sender can wait and send it
    /// again. Whoever goes on nevertheless is cut.
    fn over_allowance(&mut self, now: Timestamp, client: ClientId, bytes: &[u8]) -> Outcome {
        let excess_count = self.clients.get_mut(&client).map_or(0, |entry| {
            entry.excess_count += 1;
            entry.excess_count
        });
        match (self.membership(client), ClientMessage::decode(bytes)) {
            (Some((from, _)), Ok(ClientMessage::Envelope { to, .. }))
                if excess_count <= EXCESS_COUNT_MAX =>
            {
                self.undeliverable(from, to, UndeliverableReason::OverAllowance);
            }
            // Without its acknowledgements and pings a client only loses what is kept for it.
            (Some(_), Ok(ClientMessage::Ack { .. } | ClientMessage::Ping))
                if excess_count <= EXCESS_COUNT_MAX => {}
            _ => {
                let found = "more messages or bytes than that";
                let reason = RefusalReason::OverAllowance;
                self.cut(now, client, reason, "what one client may send", found);
            }
        }
        Outcome::Fault(Fault::OverAllowance)
    }

    /// Each message within the allowance makes up for one beyond it, so that a rare burst is not
    /// held against a client for as long as it stays.
    fn forgive(&mut self, client: ClientId) {
        if let Some(entry) = self.clients.get_mut(&client) {
            entry.excess_count = entry.excess_count.saturating_sub(1);
        }
    }

    /// Tells one member. Where a session without a socket has no room left for what it must not
    /// miss, resuming it would be a lie, so it ends.
    fn tell(&mut self, to: SessionKey, event: Event) {
        let Some(session) = self.sessions.get_mut(&to) else { return };
        match (session.keep(event), session.client) {
            ((Kept::Yes, bytes), Some(client)) => {
                self.effects.push_back(RoomsEffect::Send { client, bytes });
            }
            ((Kept::Yes, _), None) => {}
            ((Kept::Full, _), _) => self.end_session(to),
        }
    }

    /// Tells everyone in the room but `about`.
    pub(super) fn tell_room(&mut self, topic: &Topic, about: SessionKey, event: &Event) {
        let others: Vec<SessionKey> = self
            .rooms
            .get(topic)
            .map(|members| members.iter().copied().filter(|key| *key != about).collect())
            .unwrap_or_default();
        for other in others {
            self.tell(other, event.clone());
        }
    }

    /// A session whose socket is gone may be resumed for a while.
    pub(super) fn detach(&mut self, now: Timestamp, session_key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&session_key) else { return };
        let due = now.after(RESUME_KEPT);
        session.client = None;
        session.detached_due = Some(due);
        let (topic, address) = (session.topic, session.address);
        self.timers.insert((due, Timer::Session(session_key)));
        self.detached_count += 1;
        self.addresses.enter(address);
        self.tell_room(&topic, session_key, &Event::Detached { session_key });
    }

    /// A session that is over; its socket, if it has one, is not touched. Those whom there is no
    /// room to tell end as well, each once, so this comes to an end.
    pub(super) fn end_session(&mut self, session_key: SessionKey) {
        if let Some(topic) = self.remove_session(session_key) {
            self.tell_room(&topic, session_key, &Event::Left { session_key });
        }
    }

    /// Takes a session out of the books without a word; says where it was.
    pub(super) fn remove_session(&mut self, session_key: SessionKey) -> Option<Topic> {
        let session = self.sessions.remove(&session_key)?;
        if let Some(due) = session.detached_due {
            self.timers.remove(&(due, Timer::Session(session_key)));
            self.detached_count -= 1;
            let now = self.clock.now().monotonic;
            self.leave_address(now, session.address);
        }
        if let Some(members) = self.rooms.get_mut(&session.topic) {
            members.retain(|member| *member != session_key);
            if members.is_empty() {
                self.rooms.remove(&session.topic);
            }
        }
        Some(session.topic)
    }
}
