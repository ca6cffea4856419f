//! Opening, losing and using the socket.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{SessionKey, SocketId};
use crate::limits::{
    ENVELOPE_BYTES_MAX, INTRODUCTION_BYTES_MAX, SERVER_PING_INTERVAL, SOCKET_ATTEMPT_DEADLINE,
    SOCKET_RETRY_MAX, SOCKET_RETRY_MIN, WAKE_ATTEMPT_AGE, WAKE_PONG_DEADLINE,
};
use crate::signalling::message::{ClientMessage, UndeliverableReason};
use crate::signalling::{Fault, Outcome};
use crate::time::{Span, Timestamp, earliest};

use super::{Client, ClientEffect, ClientNotice, Failure, Presence, State};

impl Client {
    pub(super) fn start(&mut self, now: Timestamp) -> Outcome {
        if !matches!(self.state, State::Idle) {
            return Outcome::Ignored;
        }
        self.admission_due = Some(now.after(self.config.admission_deadline));
        self.open_socket(now);
        Outcome::Done
    }

    pub(super) fn open_socket(&mut self, now: Timestamp) {
        let socket = self.socket_last.next();
        self.socket_last = socket;
        self.state = State::Opening { socket, due: now.after(SOCKET_ATTEMPT_DEADLINE) };
        let url = self.config.socket_url.clone();
        self.effects.push(ClientEffect::OpenSocket { socket, url });
    }

    pub(super) fn socket_opened(&mut self, _now: Timestamp, opened: SocketId) -> Outcome {
        match self.state {
            State::Opening { socket, due } if socket == opened => {
                self.state = State::ExpectChallenge { socket, due };
                Outcome::Done
            }
            _ => Outcome::Ignored,
        }
    }

    pub(super) fn socket_closed(&mut self, now: Timestamp, closed: SocketId) -> Outcome {
        if self.state.socket() != Some(closed) {
            return Outcome::Ignored;
        }
        let failure = match self.state {
            State::Opening { .. } => Failure::unreachable("a socket that cannot be opened"),
            _ => Failure::unreachable("a socket that closed"),
        };
        self.retreat(now, failure);
        Outcome::Done
    }

    /// Gives the current socket up, if there is one, and tries again later.
    pub(super) fn fail(&mut self, now: Timestamp, failure: Failure) {
        if let Some(socket) = self.state.socket() {
            self.effects.push(ClientEffect::CloseSocket { socket });
        }
        self.retreat(now, failure);
    }

    /// Ends for good, and says why.
    pub(super) fn refuse(&mut self, failure: Failure) {
        if let Some(socket) = self.state.socket() {
            self.effects.push(ClientEffect::CloseSocket { socket });
        }
        self.state = State::Ended;
        let Failure { code, expected, found } = failure;
        self.notice(ClientNotice::Refused { code, expected, found });
    }

    /// Waits for the next try, longer after each failure. Half of the pause is left to chance, so
    /// that a server that comes back is not met by everyone at once.
    fn retreat(&mut self, now: Timestamp, failure: Failure) {
        if self.presence == Presence::Online {
            self.presence = Presence::Offline;
            let reason = match failure.code {
                ErrorCode::ServerUnreachable => ErrorCode::SignallingLost,
                code => code,
            };
            self.notice(ClientNotice::Offline { reason });
        }
        let doubled = SOCKET_RETRY_MIN.times(1 << self.failure_count.min(16));
        let pause = doubled.min(SOCKET_RETRY_MAX).as_ms();
        let chance = self.rng.below(pause / 2 + 1);
        self.failure_count = self.failure_count.saturating_add(1);
        self.failure = failure;
        self.state = State::Waiting { until: now.after(Span::from_ms(pause - pause / 2 + chance)) };
    }

    pub(super) fn send_envelope(&mut self, to: SessionKey, bytes: Vec<u8>) -> Outcome {
        let reason = match self.state {
            _ if bytes.len() > ENVELOPE_BYTES_MAX => UndeliverableReason::TooLarge,
            State::Online { socket, .. } => {
                self.send(socket, &ClientMessage::Envelope { to, bytes });
                return Outcome::Done;
            }
            _ => UndeliverableReason::Offline,
        };
        self.notice(ClientNotice::Undeliverable { to, reason });
        Outcome::Done
    }

    pub(super) fn introduce(&mut self, introduction: Vec<u8>) -> Outcome {
        let found = introduction.len();
        if found > INTRODUCTION_BYTES_MAX {
            return Outcome::Fault(Fault::TooLarge { limit: INTRODUCTION_BYTES_MAX, found });
        }
        self.config.introduction = introduction;
        self.introduction_sent = false;
        if let State::Online { .. } = self.state {
            self.send_introduction();
        }
        Outcome::Done
    }

    /// Sends the introduction if the server does not have it yet.
    pub(super) fn send_introduction(&mut self) {
        if let (State::Online { socket, .. }, false) = (&self.state, self.introduction_sent) {
            let introduction = self.config.introduction.clone();
            self.send(*socket, &ClientMessage::Introduce { introduction });
            self.introduction_sent = true;
        }
    }

    /// From here on the server is one that was lost.
    pub(super) fn persist(&mut self) -> Outcome {
        self.admission_due = None;
        if self.presence == Presence::NeverAdmitted {
            self.presence = Presence::Offline;
        }
        Outcome::Done
    }

    pub(super) fn wake(&mut self, now: Timestamp) -> Outcome {
        match self.state {
            State::Waiting { .. } => {
                self.failure_count = 0;
                self.open_socket(now);
            }
            State::Online { socket, ref mut pong_due, .. } => {
                *pong_due = earliest(*pong_due, Some(now.after(WAKE_PONG_DEADLINE)));
                self.send(socket, &ClientMessage::Ping);
            }
            State::Opening { socket, due }
            | State::ExpectChallenge { socket, due }
            | State::ExpectAnswer { socket, due, .. }
            | State::ExpectMembers { socket, due, .. } => {
                // A try that began before the network changed would hang until its deadline. One
                // that has just begun is left alone: wishes to wake come in groups.
                let age = SOCKET_ATTEMPT_DEADLINE.minus(due.since(now));
                if age >= WAKE_ATTEMPT_AGE {
                    self.effects.push(ClientEffect::CloseSocket { socket });
                    self.open_socket(now);
                }
            }
            State::Idle | State::Ended => {}
        }
        Outcome::Done
    }

    pub(super) fn leave(&mut self) -> Outcome {
        if matches!(self.state, State::Ended) {
            return Outcome::Ignored;
        }
        self.say_leave();
        if let Some(socket) = self.state.socket() {
            self.effects.push(ClientEffect::CloseSocket { socket });
        }
        self.state = State::Ended;
        Outcome::Done
    }

    /// Once we asked to be let in we may be in the room, and would stay there for as long as a session
    /// without a socket is kept.
    pub(super) fn say_leave(&mut self) {
        if let State::ExpectAnswer { socket, .. }
        | State::ExpectMembers { socket, .. }
        | State::Online { socket, .. } = self.state
        {
            self.send(socket, &ClientMessage::Leave);
        }
    }

    pub(super) fn ping(&mut self, now: Timestamp) {
        if let State::Online { socket, ref mut pong_due, .. } = self.state {
            *pong_due = Some(now.after(crate::limits::SERVER_PONG_DEADLINE));
            self.send(socket, &ClientMessage::Ping);
        }
    }

    pub(super) fn ack(&mut self) {
        let (State::Online { socket, ack_due, .. }, Some(session)) =
            (&mut self.state, &mut self.session)
        else {
            return;
        };
        *ack_due = None;
        session.acked_count = session.received_count;
        let (socket, count) = (*socket, session.received_count);
        self.send(socket, &ClientMessage::Ack { count });
    }
}

impl State {
    /// The socket in use.
    pub(super) const fn socket(&self) -> Option<SocketId> {
        match self {
            Self::Idle | Self::Waiting { .. } | Self::Ended => None,
            Self::Opening { socket, .. }
            | Self::ExpectChallenge { socket, .. }
            | Self::ExpectAnswer { socket, .. }
            | Self::ExpectMembers { socket, .. }
            | Self::Online { socket, .. } => Some(*socket),
        }
    }

    /// When something must have happened.
    pub(super) fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Idle | Self::Ended => None,
            Self::Waiting { until } => Some(*until),
            Self::Opening { due, .. }
            | Self::ExpectChallenge { due, .. }
            | Self::ExpectAnswer { due, .. }
            | Self::ExpectMembers { due, .. } => Some(*due),
            Self::Online { heard_at, pong_due, ack_due, .. } => {
                let liveness = pong_due.unwrap_or(heard_at.after(SERVER_PING_INTERVAL));
                earliest(Some(liveness), *ack_due)
            }
        }
    }
}
