//! What a link says of itself.

use alloc::string::String;
use alloc::vec::Vec;

use crate::time::Span;

use super::super::report::{LinkReport, LinkState};
use super::super::transport::{ConnectionState, ConnectionStats, IceState};
use super::Link;

impl Link {
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
            queued_bytes: self.outbox.queued_bytes(),
            restart_count: self.restart_count,
            rebuild_count: self.rebuild_count,
            silent_for: self.now.since(self.heard_at),
            last_failure: self.last_failure,
        }
    }
}
