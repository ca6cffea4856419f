//! `diagnose`: what is known of every link, and what stands out, in a developer's words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::id::{ConnectionId, PeerId, Ticket};
use crate::limits::STATS_DEADLINE;
use crate::link::{ConnectionStats, LinkReport, LinkState};
use crate::table::Table;
use crate::time::Timestamp;

use super::effect::Effect;
use super::notice::Notice;
use super::report::{PeerReport, Report};
use super::{Node, Server};

/// Keeps these tickets apart from those of a connection's negotiation, so that figures which cannot
/// be read are never taken for a failed description.
const STATS_TICKET_BIT: u32 = 1 << 31;

/// A report waits for the driver's figures.
#[derive(Debug, Default)]
pub(super) struct Diagnosis {
    tickets: Vec<Ticket>,
    awaited: Table<Ticket, PeerId>,
    figures: Table<PeerId, ConnectionStats>,
    due: Option<Timestamp>,
    last_read: Ticket,
}

impl Diagnosis {
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.due
    }
}

impl Node {
    pub(super) fn diagnose(&mut self, ticket: Ticket) {
        self.diagnosis.tickets.push(ticket);
        // Those who ask while figures are being read share the report.
        if self.diagnosis.due.is_some() {
            return;
        }
        self.diagnosis.figures.clear();
        let connections: Vec<(PeerId, ConnectionId)> = self
            .peers
            .iter()
            .filter_map(|(id, peer)| Some((*id, peer.link.connection_id()?)))
            .collect();
        for (id, connection) in connections {
            self.diagnosis.last_read = self.diagnosis.last_read.next();
            let ticket = Ticket(self.diagnosis.last_read.0 | STATS_TICKET_BIT);
            self.diagnosis.awaited.insert(ticket, id);
            self.effects.push(Effect::ReadStats { connection, ticket });
        }
        if self.diagnosis.awaited.is_empty() {
            return self.finish_diagnosis();
        }
        self.diagnosis.due = Some(self.now().after(STATS_DEADLINE));
    }

    pub(super) fn on_stats(
        &mut self,
        _connection: ConnectionId,
        ticket: Ticket,
        stats: ConnectionStats,
    ) {
        let Some(id) = self.diagnosis.awaited.remove(&ticket) else { return };
        self.diagnosis.figures.insert(id, stats);
        if self.diagnosis.awaited.is_empty() {
            self.finish_diagnosis();
        }
    }

    pub(super) fn expire_diagnosis(&mut self) {
        let now = self.now();
        if self.diagnosis.due.is_some_and(|due| due <= now) {
            self.finish_diagnosis();
        }
    }

    fn finish_diagnosis(&mut self) {
        self.diagnosis.due = None;
        self.diagnosis.awaited.clear();
        let tickets = core::mem::take(&mut self.diagnosis.tickets);
        let mut figures = core::mem::take(&mut self.diagnosis.figures);
        let peers = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.is_visible || peer.is_member)
            .map(|(id, peer)| {
                let link = peer.link.report(figures.remove(id));
                let findings = findings(&link, &self.server);
                PeerReport { peer: *id, state: peer.state(), link, findings }
            })
            .collect();
        let report = Arc::new(Report {
            self_id: self.self_id(),
            status: self.status,
            server: match &self.server {
                Server::Connecting => "connecting".to_string(),
                Server::Connected => "connected".to_string(),
                Server::Lost(code) => code.sentence().to_string(),
            },
            peers,
        });
        for ticket in tickets {
            self.notify(Notice::Diagnosis { ticket, report: Arc::clone(&report) });
        }
    }
}

/// What stands out, as sentences.
fn findings(link: &LinkReport, server: &Server) -> Vec<String> {
    let mut findings = Vec::new();
    let connected = matches!(link.state, LinkState::Open | LinkState::Suspect);
    for (url, detail) in &link.gathering_failures {
        findings.push(format!("no server-reflexive candidate: {url} unreachable ({detail})"));
    }
    if !connected && link.state != LinkState::New {
        if link.local_candidates.is_empty() {
            findings.push("no address to connect from was found here".to_string());
        }
        if link.remote_candidates.is_empty() {
            findings.push("the peer has sent no address".to_string());
        } else if !link.local_candidates.iter().chain(&link.remote_candidates).any(|t| t == "relay")
        {
            findings.push("no relay was tried: no TURN server is configured".to_string());
        }
        if *server != Server::Connected {
            findings.push("the server is out of reach, so nothing new can be agreed".to_string());
        }
    }
    if link.silent_for >= crate::limits::SUSPECT_AFTER {
        let seconds = link.silent_for.as_ms() / 1_000;
        findings.push(format!("nothing was heard for {seconds} s"));
    }
    if let Some(failure) = link.last_failure {
        findings.push(format!("last failure: {} ({})", failure.sentence(), failure.name()));
    }
    if let Some(stats) = &link.stats
        && [&stats.local_candidate, &stats.remote_candidate]
            .into_iter()
            .flatten()
            .any(|kind| kind == "relay")
    {
        findings.push("traffic goes through a TURN relay".to_string());
    }
    findings
}
