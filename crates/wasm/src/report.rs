//! The report of `diagnose`: `Report` in `src/types.ts`.

use meshlace_core::link::{ConnectionState, ConnectionStats, IceState};
use meshlace_core::node::{PeerReport, Report};

use crate::values::Writer;

pub(crate) fn write(report: &Report, out: &mut Writer) {
    out.map().text("selfId").text(&report.self_id.to_text());
    out.text("status").text(report.status.name());
    out.text("server").text(&report.server);
    out.text("peers").list();
    for each in &report.peers {
        peer(each, out);
    }
    out.end().end();
}

fn peer(report: &PeerReport, out: &mut Writer) {
    let link = &report.link;
    out.map().text("peer").peer(&report.peer);
    out.text("state").text(report.state.name());
    out.text("findings").texts(&report.findings);
    out.text("link").text(link.state.name());
    out.text("spentMs").map();
    for (state, span) in &link.spent {
        out.text(state.name()).count(span.as_ms());
    }
    out.end().text("epoch").number(link.epoch.0);
    out.text("iceState").text(ice_name(link.ice));
    out.text("connectionState").text(connection_name(link.connection));
    out.text("localCandidates").texts(&link.local_candidates);
    out.text("remoteCandidates").texts(&link.remote_candidates);
    out.text("gatheringFailures").list();
    for (url, detail) in &link.gathering_failures {
        out.map().text("url").text(url).text("detail").text(detail).end();
    }
    out.end().text("path");
    match &link.stats {
        Some(stats) => path(stats, out),
        None => out.undefined(),
    };
    out.text("roundTripMs").optional_count(link.round_trip_ms);
    out.text("sentBytes").count(link.sent_bytes);
    out.text("receivedBytes").count(link.received_bytes);
    out.text("deliveredCount").count(link.delivered_count);
    out.text("receivedCount").count(link.received_count);
    out.text("lossyDroppedCount").count(link.lossy_dropped_count);
    out.text("queuedBytes").count(link.queued_bytes as u64);
    out.text("restartCount").number(link.restart_count);
    out.text("rebuildCount").number(link.rebuild_count);
    out.text("silentMs").count(link.silent_for.as_ms());
    out.text("lastFailure").optional_text(link.last_failure.map(|code| code.name())).end();
}

fn path<'a>(stats: &ConnectionStats, out: &'a mut Writer) -> &'a mut Writer {
    out.map().text("localCandidate").optional_text(stats.local_candidate.as_deref());
    out.text("remoteCandidate").optional_text(stats.remote_candidate.as_deref());
    out.text("protocol").optional_text(stats.protocol.as_deref());
    out.text("roundTripMs").optional_count(stats.round_trip_ms.map(u64::from));
    out.text("sentBytes").count(stats.sent_bytes);
    out.text("receivedBytes").count(stats.received_bytes).end()
}

const fn ice_name(state: IceState) -> &'static str {
    match state {
        IceState::New => "new",
        IceState::Checking => "checking",
        IceState::Connected => "connected",
        IceState::Completed => "completed",
        IceState::Disconnected => "disconnected",
        IceState::Failed => "failed",
        IceState::Closed => "closed",
    }
}

const fn connection_name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::New => "new",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Disconnected => "disconnected",
        ConnectionState::Failed => "failed",
        ConnectionState::Closed => "closed",
    }
}
