//! What a link says of itself.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{ConnectionId, Instance, LinkSession};
use crate::time::{Span, Timestamp};

use super::super::report::{LinkReport, LinkState};
use super::super::transport::{ConnectionState, ConnectionStats, IceState};
use super::{Link, PeerSocket};

impl Link {
    /// Where the link stands.
    #[must_use]
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// Whether the peer said that it is frozen and was not heard since.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.away_since.is_some()
    }

    /// The peer's start this link speaks to.
    #[must_use]
    pub fn peer_instance(&self) -> Instance {
        self.config.peer_instance
    }

    /// The link's name.
    #[must_use]
    pub fn session(&self) -> LinkSession {
        self.config.session
    }

    /// The connection that carries the link now, if one is verified.
    #[must_use]
    pub fn open_connection(&self) -> Option<ConnectionId> {
        self.connection.as_ref().filter(|connection| connection.is_verified()).map(|open| open.id)
    }

    /// The connection under way or open.
    #[must_use]
    pub fn connection_id(&self) -> Option<ConnectionId> {
        self.connection.as_ref().map(|connection| connection.id)
    }

    /// Bytes queued for the peer and not yet acknowledged.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.outbox.queued_bytes()
    }

    /// The same without what the peer is known to have of a message under way. Units: bytes.
    #[must_use]
    pub fn backlog_bytes(&self) -> usize {
        self.outbox.backlog_bytes()
    }

    /// Whether another message of this length would be taken.
    #[must_use]
    pub fn takes(&self, bytes: usize) -> bool {
        self.outbox.takes(bytes)
    }

    /// Whether the server last said that the peer has a socket there.
    #[must_use]
    pub fn peer_is_attached(&self) -> bool {
        self.peer_socket == PeerSocket::Attached
    }

    /// Whether everything sent was acknowledged.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Bytes of the node's reassembly pool held by this link.
    #[must_use]
    pub fn pool_bytes(&self) -> usize {
        self.inbox.pool_bytes()
    }

    /// Since when the link is closed, if it is.
    #[must_use]
    pub fn closed_since(&self) -> Option<Timestamp> {
        (self.state == LinkState::Closed).then_some(self.state_since)
    }

    /// Whether a message that came now waits to be acknowledged by what the application answers.
    pub(crate) fn awaits_answer(&self, now: Timestamp) -> bool {
        self.answer_at == Some(now)
    }

    /// Everything the link knows about itself.
    #[must_use]
    pub fn report(&self, stats: Option<ConnectionStats>) -> LinkReport {
        let mut spent = self.spent;
        if let Some(current) = spent.get_mut(self.state as usize) {
            *current = current.plus(self.now.since(self.state_since));
        }
        let connection = self.connection.as_ref();
        let names = |set: Option<&Vec<&'static str>>| {
            set.into_iter().flatten().map(|name| String::from(*name)).collect()
        };
        LinkReport {
            state: self.state,
            spent: LinkState::ALL
                .into_iter()
                .zip(spent)
                .filter(|(state, span)| *span > Span::ZERO || *state == self.state)
                .collect(),
            instance: self.config.peer_instance,
            epoch: self.epoch,
            ice: connection.map_or(IceState::New, |connection| connection.ice),
            connection: connection.map_or(ConnectionState::New, |connection| connection.state),
            local_candidates: names(connection.map(|connection| &connection.local_candidates)),
            remote_candidates: names(connection.map(|connection| &connection.remote_candidates)),
            gathering_failures: connection
                .map(|connection| connection.gathering_failures.clone())
                .unwrap_or_default(),
            stats,
            round_trip_ms: self.round_trip.map(Span::as_ms),
            sent_bytes: self.sent_bytes,
            received_bytes: self.received_bytes,
            delivered_count: self.outbox.delivered_count(),
            received_count: self.inbox.received_to(),
            lossy_dropped_count: self.lossy_dropped_count,
            queued_bytes: self.outbox.queued_bytes(),
            restart_count: self.restart_count,
            rebuild_count: self.rebuild_count,
            silent_for: self.now.since(self.heard_at),
            last_failure: self.last_failure,
        }
    }
}
