//! Entering a room, and coming back to it.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::crypto::{Context, Signature};
use crate::id::{Nonce, SessionKey, Topic};
use crate::limits::SERVER_MESSAGE_BYTES_MAX;
use crate::signalling::address::without_port;
use crate::signalling::message::{
    Event, IceServer, Member, Proof, RefusalReason, ResumeToken, ServerMessage, VERSION_MAX,
    VERSION_MIN,
};
use crate::signalling::{Fault, Outcome};
use crate::time::Timestamp;

use super::session::Session;
use super::{ClientId, ClientState, CloseReason, Rooms, RoomsEffect};

/// A join as it came.
pub(super) struct Join {
    pub(super) version: u32,
    pub(super) topic: Topic,
    pub(super) session_key: SessionKey,
    pub(super) introduction: Vec<u8>,
    pub(super) signature: Signature,
}

/// A resume as it came.
pub(super) struct Resume {
    pub(super) version: u32,
    pub(super) session_key: SessionKey,
    pub(super) token: ResumeToken,
    pub(super) received_count: u64,
    pub(super) signature: Signature,
}

impl Rooms {
    pub(super) fn join(&mut self, now: Timestamp, client: ClientId, join: Join) -> Outcome {
        let Some((host, nonce)) = self.expects_join(client) else {
            return self.unexpected(now, client, "one join");
        };
        let proof = Proof { host: &host, nonce, topic: join.topic };
        if let Some(outcome) = self.check_version(now, client, join.version) {
            return outcome;
        }
        if !proof.holds(Context::JOIN, &join.session_key, &join.signature) {
            return self.bad_proof(now, client, &host);
        }
        let known = self.sessions.get(&join.session_key).is_some_and(|old| old.topic == join.topic);
        if !known && !self.make_room(&join.topic) {
            let limit = self.config.room_member_count_max;
            let (expected, found) = (format!("fewer than {limit} members"), format!("{limit}"));
            self.cut(now, client, RefusalReason::RoomFull, &expected, &found);
            return Outcome::Done;
        }
        self.displace(now, join.session_key);
        // Joining anew with the key of a session is not leaving: others are told only that it
        // joined.
        let left = self.remove_session(join.session_key).filter(|left| *left != join.topic);
        if let Some(left) = left {
            let session_key = join.session_key;
            self.tell_room(&left, session_key, &Event::Left { session_key });
        }
        self.enter(client, join, &host);
        Outcome::Done
    }

    /// Whether one more fits into a room. A session without a socket makes way, or a page that was
    /// reloaded often would lock everyone out for two minutes.
    fn make_room(&mut self, topic: &Topic) -> bool {
        let members = self.rooms.get(topic).map_or(&[][..], Vec::as_slice);
        if members.len() < self.config.room_member_count_max {
            return true;
        }
        let gone = |key: &&SessionKey| {
            self.sessions.get(key).is_some_and(|session| session.client.is_none())
        };
        let Some(gone) = members.iter().find(gone).copied() else { return false };
        self.end_session(gone);
        true
    }

    pub(super) fn resume(&mut self, now: Timestamp, client: ClientId, resume: Resume) -> Outcome {
        let Some((host, nonce)) = self.expects_join(client) else {
            return self.unexpected(now, client, "one resume");
        };
        if let Some(outcome) = self.check_version(now, client, resume.version) {
            return outcome;
        }
        let key = resume.session_key;
        let known = self.sessions.get(&key).filter(|session| session.token == resume.token);
        let Some((topic, missed)) =
            known.and_then(|session| Some((session.topic, session.after(resume.received_count)?)))
        else {
            let found = "a session that ended, or one of another server";
            self.send_refusal(client, RefusalReason::UnknownSession, "a session kept here", found);
            return Outcome::Done;
        };
        let proof = Proof { host: &host, nonce, topic };
        if !proof.holds(Context::RESUME, &key, &resume.signature) {
            return self.bad_proof(now, client, &host);
        }
        self.displace(now, key);
        self.attach(now, client, key);
        if let Some(session) = self.sessions.get_mut(&key) {
            session.acknowledged(resume.received_count);
        }
        self.send(client, &ServerMessage::Resumed);
        for bytes in missed {
            self.effects.push_back(RoomsEffect::Send { client, bytes });
        }
        Outcome::Done
    }

    fn expects_join(&self, client: ClientId) -> Option<(String, Nonce)> {
        match &self.clients.get(&client)?.state {
            ClientState::ExpectJoin { host, nonce } => Some((String::from(&**host), *nonce)),
            ClientState::Member { .. } => None,
        }
    }

    fn check_version(&mut self, now: Timestamp, client: ClientId, version: u32) -> Option<Outcome> {
        if (VERSION_MIN..=VERSION_MAX).contains(&version) {
            return None;
        }
        let expected = format!("version {VERSION_MIN} to {VERSION_MAX}");
        self.cut(now, client, RefusalReason::Version, &expected, &format!("version {version}"));
        Some(Outcome::Fault(Fault::Unexpected))
    }

    fn bad_proof(&mut self, now: Timestamp, client: ClientId, host: &str) -> Outcome {
        let expected = format!("a proof for {host}");
        self.cut(now, client, RefusalReason::Proof, &expected, "one that does not hold");
        Outcome::Fault(Fault::BadProof)
    }

    /// Cuts the socket that carries a session, because another proved to hold its key.
    fn displace(&mut self, now: Timestamp, session_key: SessionKey) {
        let Some(old) = self.sessions.get(&session_key).and_then(|session| session.client) else {
            return;
        };
        let reason = RefusalReason::Replaced;
        self.send_refusal(old, reason, "one socket per session", "another");
        self.forget_client(now, old);
        let reason = CloseReason::Refused(reason);
        self.effects.push_back(RoomsEffect::Close { client: old, reason });
    }

    fn enter(&mut self, client: ClientId, join: Join, host: &str) {
        let Join { topic, session_key, introduction, .. } = join;
        let token = ResumeToken(self.rng.bytes());
        let joined = Event::Joined { session_key, introduction: introduction.clone() };
        self.tell_room(&topic, session_key, &joined);
        // Only now: whom there was no room to tell has ended.
        let members = self.members_of(&topic);
        let Some(entry) = self.clients.get_mut(&client) else { return };
        entry.state = ClientState::Member { session_key };
        let session = Session::new(topic, token, introduction, client, entry.address);
        self.sessions.insert(session_key, session);
        self.rooms.entry(topic).or_default().push(session_key);
        for message in self.welcome(token, members, host) {
            self.send(client, &message);
        }
    }

    fn attach(&mut self, now: Timestamp, client: ClientId, session_key: SessionKey) {
        let (Some(entry), Some(session)) =
            (self.clients.get_mut(&client), self.sessions.get_mut(&session_key))
        else {
            return;
        };
        entry.state = ClientState::Member { session_key };
        let address = core::mem::replace(&mut session.address, entry.address);
        session.client = Some(client);
        let topic = session.topic;
        if let Some(due) = session.detached_due.take() {
            self.timers.remove(&(due, super::Timer::Session(session_key)));
            self.detached_count -= 1;
            self.leave_address(now, address);
            self.tell_room(&topic, session_key, &Event::Attached { session_key });
        }
    }

    fn members_of(&self, topic: &Topic) -> Vec<Member> {
        let keys = self.rooms.get(topic).map_or(&[][..], Vec::as_slice);
        let member = |session_key: &SessionKey| {
            let session = self.sessions.get(session_key)?;
            Some(Member {
                session_key: *session_key,
                introduction: session.introduction.to_vec(),
                attached: session.client.is_some(),
            })
        };
        keys.iter().filter_map(member).collect()
    }

    /// A welcome, and further messages for the members that do not fit into it.
    fn welcome(&self, token: ResumeToken, members: Vec<Member>, host: &str) -> Vec<ServerMessage> {
        let mut parts: Vec<Vec<Member>> = vec![Vec::new()];
        let mut part_bytes = WELCOME_BYTES;
        for member in members {
            let bytes = member.encoded_bytes_max();
            if part_bytes + bytes > SERVER_MESSAGE_BYTES_MAX {
                parts.push(Vec::new());
                part_bytes = WELCOME_BYTES;
            }
            part_bytes += bytes;
            if let Some(part) = parts.last_mut() {
                part.push(member);
            }
        }
        let mut remaining = parts.iter().map(Vec::len).sum::<usize>();
        let mut messages = Vec::with_capacity(parts.len());
        for members in parts {
            remaining -= members.len();
            let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
            messages.push(if messages.is_empty() {
                ServerMessage::Welcome {
                    token,
                    ice_servers: self.ice_servers(host),
                    members,
                    remaining,
                }
            } else {
                ServerMessage::Members { members, remaining }
            });
        }
        messages
    }

    /// This server's STUN, under the name by which the client reached it.
    fn ice_servers(&self, host: &str) -> Vec<IceServer> {
        let stun = |port| IceServer {
            urls: vec![format!("stun:{}:{port}", without_port(host))],
            username: None,
            credential: None,
            valid_for: None,
        };
        self.config.stun_port.map(stun).into_iter().collect()
    }
}

/// Bytes of a welcome that are not members, at their most.
const WELCOME_BYTES: usize = 1_024;
const _: () = assert!(crate::limits::HOST_BYTES_MAX + 128 < WELCOME_BYTES);
const _: () = assert!(WELCOME_BYTES + 2 * 1_024 < SERVER_MESSAGE_BYTES_MAX);
