//! One peer as the node knows it: who it is at the server, its link, and what was agreed with it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::crypto::SEAL_NONCE_BYTES;
use crate::id::{ConnectionId, StreamKey, Ticket};
use crate::limits::{RETRY_MAX, RETRY_MIN};
use crate::link::{Link, LinkState};
use crate::queue::Queue;
use crate::signalling::envelope::{PairKeys, VerifiedIntroduction};
use crate::table::Table;
use crate::time::{Span, Timestamp};

use super::notice::PeerState;

/// Envelopes remembered to tell a replay from a resend, which is sealed anew.
const ENVELOPE_MEMORY_COUNT: usize = 128;

/// One peer as the node knows it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) link: Link,
    pub(super) introduction: VerifiedIntroduction,
    /// For its signals; agreed on when the first is sent or comes.
    pub(super) pair_keys: Option<PairKeys>,
    /// Whether the server says that the peer has a session there.
    pub(super) is_member: bool,
    /// Whether the application sees it in `room.peers`.
    pub(super) is_visible: bool,
    /// Whether it was told, or will be with our first frames, what each peer is told once.
    pub(super) is_greeted: bool,
    /// Whether the application was told `PeerJoined`.
    pub(super) is_joined: bool,
    /// The state the application was last told.
    pub(super) told_state: PeerState,
    /// When to try again to connect.
    pub(super) retry_at: Option<Timestamp>,
    pub(super) retry_after: Span,
    /// Until when nothing of it is taken, after it broke the protocol.
    pub(super) ignored_until: Option<Timestamp>,
    seen_envelopes: Queue<[u8; SEAL_NONCE_BYTES]>,
    pub(super) presence: Option<Vec<u8>>,
    pub(super) streams: Table<String, RemoteStream>,
    /// Our streams it was told of.
    pub(super) announced: Vec<StreamKey>,
    /// Our streams on its present connection.
    pub(super) attached: Vec<StreamKey>,
    pub(super) attached_to: Option<ConnectionId>,
    pub(super) drain_waiters: Vec<Ticket>,
    pub(super) asked: Table<u64, Ticket>,
}

/// A stream of the peer.
#[derive(Debug, Default)]
pub(super) struct RemoteStream {
    pub(super) label: Option<String>,
    pub(super) has_arrived: bool,
    pub(super) is_told: bool,
}

impl Peer {
    pub(super) fn new(link: Link, introduction: VerifiedIntroduction) -> Self {
        Self {
            link,
            introduction,
            pair_keys: None,
            is_member: true,
            is_visible: false,
            is_greeted: false,
            is_joined: false,
            told_state: PeerState::Linking,
            retry_at: None,
            retry_after: RETRY_MIN,
            ignored_until: None,
            seen_envelopes: Queue::new(),
            presence: None,
            streams: Table::new(),
            announced: Vec::new(),
            attached: Vec::new(),
            attached_to: None,
            drain_waiters: Vec::new(),
            asked: Table::new(),
        }
    }

    /// The peer introduces itself anew.
    pub(super) fn introduce(&mut self, introduction: VerifiedIntroduction) {
        if introduction.sealing_key() != self.introduction.sealing_key() {
            self.pair_keys = None;
        }
        self.introduction = introduction;
        self.is_member = true;
    }

    /// Since when it is gone for good; only its numbers are kept.
    pub(super) fn gone_since(&self) -> Option<Timestamp> {
        self.link.closed_since().filter(|_| !self.is_member && !self.is_visible)
    }

    /// The state the application sees.
    pub(super) fn state(&self) -> PeerState {
        if self.link.is_away() {
            return PeerState::Away;
        }
        match self.link.state() {
            LinkState::Open => PeerState::Open,
            _ if self.is_joined => PeerState::Recovering,
            _ => PeerState::Linking,
        }
    }

    /// Notes an envelope. Whether this very one came before.
    pub(super) fn is_replay(&mut self, sealed: &[u8]) -> bool {
        let Some(nonce) = sealed.first_chunk::<SEAL_NONCE_BYTES>() else { return false };
        if self.seen_envelopes.iter().any(|seen| seen == nonce) {
            return true;
        }
        if self.seen_envelopes.len() == ENVELOPE_MEMORY_COUNT {
            self.seen_envelopes.pop();
        }
        self.seen_envelopes.push(*nonce);
        false
    }

    /// Plans the next try to connect, each later than the last.
    pub(super) fn plan_retry(&mut self, now: Timestamp) {
        self.retry_at = Some(now.after(self.retry_after));
        self.retry_after = self.retry_after.times(2).min(RETRY_MAX);
    }
}
