//! What the server says.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::crypto::Context;
use crate::error::ErrorCode;
use crate::id::{Nonce, SocketId};
use crate::limits::{EVENT_ACK_COUNT, EVENT_ACK_DELAY, ROOM_MEMBER_COUNT_MAX};
use crate::signalling::message::{
    ClientMessage, Event, IceServer, Member, Proof, RefusalReason, ServerMessage, VERSION_MAX,
    VERSION_MIN,
};
use crate::signalling::{Fault, Outcome};
use crate::time::Timestamp;

use super::{Asked, Client, ClientNotice, Failure, Presence, Session, State};

impl Client {
    pub(super) fn socket_received(
        &mut self,
        now: Timestamp,
        socket: SocketId,
        bytes: &[u8],
    ) -> Outcome {
        if self.state.socket() != Some(socket) {
            return Outcome::Ignored;
        }
        // Some drivers report the first message before, or instead of, the opening.
        if let State::Opening { socket, due } = self.state {
            self.state = State::ExpectChallenge { socket, due };
        }
        if let State::Online { heard_at, pong_due, .. } = &mut self.state {
            *heard_at = now;
            *pong_due = None;
        }
        let outcome = match ServerMessage::decode(bytes) {
            Ok(message) => self.message(now, message),
            Err(cause) => Outcome::Fault(Fault::Malformed(cause)),
        };
        if let Outcome::Fault(fault) = outcome {
            self.server_fault(now, &fault);
        }
        outcome
    }

    fn message(&mut self, now: Timestamp, message: ServerMessage) -> Outcome {
        match message {
            ServerMessage::Challenge { version_min, version_max, nonce } => {
                self.challenged(now, version_min, version_max, nonce)
            }
            ServerMessage::Welcome { token, ice_servers, members, remaining } => {
                let State::ExpectAnswer { socket, due, asked: Asked::Join, .. } = self.state else {
                    return Outcome::Fault(Fault::Unexpected);
                };
                self.state = State::ExpectMembers {
                    socket,
                    due,
                    token,
                    members: Vec::new(),
                    ice_servers,
                    remaining: u32::try_from(ROOM_MEMBER_COUNT_MAX).unwrap_or(u32::MAX),
                };
                self.members(now, members, remaining)
            }
            ServerMessage::Members { members, remaining } => self.members(now, members, remaining),
            ServerMessage::Resumed => self.resumed(now),
            ServerMessage::Refused { reason, expected, found } => {
                self.refused(now, reason, expected, found)
            }
            ServerMessage::Pong if self.is_online() => Outcome::Done,
            ServerMessage::Pong => Outcome::Fault(Fault::Unexpected),
            ServerMessage::Event { number, event } => self.numbered(now, number, event),
        }
    }

    fn challenged(&mut self, now: Timestamp, min: u32, max: u32, nonce: Nonce) -> Outcome {
        let State::ExpectChallenge { socket, due } = self.state else {
            return Outcome::Fault(Fault::Unexpected);
        };
        let version = max.min(VERSION_MAX);
        if version < min.max(VERSION_MIN) {
            let expected = format!("version {VERSION_MIN} to {VERSION_MAX}");
            let found = format!("version {min} to {max}");
            self.defeat(now, Failure { code: ErrorCode::VersionMismatch, expected, found });
            return Outcome::Done;
        }
        let asked = if self.session.is_some() { Asked::Resume } else { Asked::Join };
        self.state = State::ExpectAnswer { socket, due, nonce, version, asked };
        self.ask(socket, version, nonce);
        Outcome::Done
    }

    /// Resumes the session if there is one, else joins.
    fn ask(&mut self, socket: SocketId, version: u32, nonce: Nonce) {
        let proof = Proof { host: &self.config.host, nonce, topic: self.config.topic };
        let session_key = self.session_key();
        let message = match &self.session {
            Some(session) => ClientMessage::Resume {
                version,
                session_key,
                token: session.token,
                received_count: session.received_count,
                signature: proof.sign(Context::RESUME, &self.config.session),
            },
            None => {
                self.introduction_sent = true;
                ClientMessage::Join {
                    version,
                    topic: self.config.topic,
                    session_key,
                    introduction: self.config.introduction.clone(),
                    signature: proof.sign(Context::JOIN, &self.config.session),
                }
            }
        };
        self.send(socket, &message);
    }

    fn members(&mut self, now: Timestamp, more: Vec<Member>, remaining_now: u32) -> Outcome {
        let State::ExpectMembers { socket, token, members, ice_servers, remaining, .. } =
            &mut self.state
        else {
            return Outcome::Fault(Fault::Unexpected);
        };
        // Each message must bring the end nearer; a server cannot keep us here or fill our memory.
        let nearer = remaining_now < *remaining;
        if !nearer || members.len() + more.len() > ROOM_MEMBER_COUNT_MAX {
            return Outcome::Fault(Fault::Unexpected);
        }
        members.extend(more);
        *remaining = remaining_now;
        if remaining_now > 0 {
            return Outcome::Done;
        }
        let (socket, token) = (*socket, *token);
        let (members, ice_servers) =
            (core::mem::take(members), core::mem::take::<Vec<IceServer>>(ice_servers));
        self.session = Some(Session { token, received_count: 0, acked_count: 0 });
        self.enter(now, socket, false);
        self.notice(ClientNotice::Admitted { members, ice_servers });
        self.send_introduction();
        Outcome::Done
    }

    fn resumed(&mut self, now: Timestamp) -> Outcome {
        let State::ExpectAnswer { socket, asked: Asked::Resume, .. } = self.state else {
            return Outcome::Fault(Fault::Unexpected);
        };
        self.enter(now, socket, true);
        self.send_introduction();
        Outcome::Done
    }

    fn enter(&mut self, now: Timestamp, socket: SocketId, resumed: bool) {
        self.state = State::Online { socket, heard_at: now, pong_due: None, ack_due: None };
        self.failure_count = 0;
        self.admission_due = None;
        if self.presence == Presence::Offline {
            self.notice(ClientNotice::Online { resumed });
        }
        self.presence = Presence::Online;
    }

    fn refused(
        &mut self,
        now: Timestamp,
        reason: RefusalReason,
        expected: String,
        found: String,
    ) -> Outcome {
        if let State::ExpectAnswer { socket, due, nonce, version, asked: Asked::Resume } =
            self.state
            && reason == RefusalReason::UnknownSession
        {
            self.session = None;
            self.state = State::ExpectAnswer { socket, due, nonce, version, asked: Asked::Join };
            self.ask(socket, version, nonce);
            return Outcome::Done;
        }
        if reason == RefusalReason::Replaced {
            // Whoever holds our session now is not us: start with a session of our own.
            self.session = None;
        }
        let failure = Failure { code: reason.error_code(), expected, found };
        if matches!(reason, RefusalReason::Draining | RefusalReason::Deadline) {
            self.fail(now, failure);
        } else {
            self.defeat(now, failure);
        }
        Outcome::Done
    }

    fn numbered(&mut self, now: Timestamp, number: u64, event: Event) -> Outcome {
        let (State::Online { ack_due, .. }, Some(session)) = (&mut self.state, &mut self.session)
        else {
            return Outcome::Fault(Fault::Unexpected);
        };
        let expected = session.received_count.saturating_add(1);
        if number != expected {
            return Outcome::Fault(Fault::OutOfOrder { expected, found: number });
        }
        session.received_count = number;
        ack_due.get_or_insert(now.after(EVENT_ACK_DELAY));
        if session.received_count - session.acked_count >= EVENT_ACK_COUNT {
            self.ack();
        }
        self.notice(match event {
            Event::Joined { session_key, introduction } => {
                ClientNotice::MemberJoined { session_key, introduction }
            }
            Event::Attached { session_key } => ClientNotice::MemberAttached { session_key },
            Event::Detached { session_key } => ClientNotice::MemberDetached { session_key },
            Event::Left { session_key } => ClientNotice::MemberLeft { session_key },
            Event::Envelope { from, bytes } => ClientNotice::Envelope { from, bytes },
            Event::Undeliverable { to, reason } => ClientNotice::Undeliverable { to, reason },
        });
        Outcome::Done
    }

    /// A server that breaks the protocol loses our session: what it says of it cannot be trusted.
    fn server_fault(&mut self, now: Timestamp, fault: &Fault) {
        self.session = None;
        let code = ErrorCode::ServerProtocol;
        let found = format!("{fault}");
        self.defeat(now, Failure { code, expected: String::from("the Meshlace protocol"), found });
    }

    /// A failure that will not pass by itself: final before the first admission, later only a
    /// reason to wait.
    fn defeat(&mut self, now: Timestamp, failure: Failure) {
        if self.presence == Presence::NeverAdmitted {
            self.refuse(failure);
        } else {
            self.fail(now, failure);
        }
    }
}
