//! The report of `diagnose` as a JavaScript object: `Report` in `src/types.ts`.

use alloc::string::String;
use js_sys::{Array, Object, Reflect};
use meshlace_core::link::{ConnectionState, ConnectionStats, IceState};
use meshlace_core::node::{PeerReport, Report};
use wasm_bindgen::JsValue;

pub(crate) fn value(report: &Report) -> JsValue {
    let out = Fields::new();
    out.text("selfId", &report.self_id.to_text());
    out.text("status", report.status.name());
    out.text("server", &report.server);
    out.set("peers", list(&report.peers, peer));
    out.0.into()
}

fn peer(report: &PeerReport) -> JsValue {
    let link = &report.link;
    let out = Fields::new();
    out.text("peer", &report.peer.to_text());
    out.text("state", report.state.name());
    out.set("findings", texts(&report.findings));
    out.text("link", link.state.name());
    let spent = Fields::new();
    for (state, span) in &link.spent {
        spent.number(state.name(), span.as_ms());
    }
    out.set("spentMs", spent.0.into());
    out.number("epoch", link.epoch.0.into());
    out.text("iceState", ice_name(link.ice));
    out.text("connectionState", connection_name(link.connection));
    out.set("localCandidates", texts(&link.local_candidates));
    out.set("remoteCandidates", texts(&link.remote_candidates));
    out.set(
        "gatheringFailures",
        list(&link.gathering_failures, |(url, detail)| {
            let failure = Fields::new();
            failure.text("url", url);
            failure.text("detail", detail);
            failure.0.into()
        }),
    );
    out.set("path", link.stats.as_ref().map_or(JsValue::UNDEFINED, path));
    out.optional("roundTripMs", link.round_trip_ms);
    out.number("sentBytes", link.sent_bytes);
    out.number("receivedBytes", link.received_bytes);
    out.number("deliveredCount", link.delivered_count);
    out.number("receivedCount", link.received_count);
    out.number("queuedBytes", link.queued_bytes as u64);
    out.number("restartCount", link.restart_count.into());
    out.number("rebuildCount", link.rebuild_count.into());
    out.number("silentMs", link.silent_for.as_ms());
    out.optional_text("lastFailure", link.last_failure.map(|code| code.name()));
    out.0.into()
}

fn path(stats: &ConnectionStats) -> JsValue {
    let out = Fields::new();
    out.optional_text("localCandidate", stats.local_candidate.as_deref());
    out.optional_text("remoteCandidate", stats.remote_candidate.as_deref());
    out.optional_text("protocol", stats.protocol.as_deref());
    out.optional("roundTripMs", stats.round_trip_ms.map(u64::from));
    out.number("sentBytes", stats.sent_bytes);
    out.number("receivedBytes", stats.received_bytes);
    out.0.into()
}

/// An object that is being filled.
struct Fields(Object);

impl Fields {
    fn new() -> Self {
        Self(Object::new())
    }

    /// Setting a field of an object of our own cannot fail.
    fn set(&self, name: &str, value: JsValue) {
        let _ = Reflect::set(&self.0, &JsValue::from_str(name), &value);
    }

    fn text(&self, name: &str, text: &str) {
        self.set(name, JsValue::from_str(text));
    }

    fn optional_text(&self, name: &str, text: Option<&str>) {
        self.set(name, text.map_or(JsValue::UNDEFINED, JsValue::from_str));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of bytes and ms are far below 2^53")]
    fn number(&self, name: &str, number: u64) {
        self.set(name, JsValue::from_f64(number as f64));
    }

    fn optional(&self, name: &str, number: Option<u64>) {
        match number {
            Some(number) => self.number(name, number),
            None => self.set(name, JsValue::UNDEFINED),
        }
    }
}

fn list<T>(items: &[T], value: impl Fn(&T) -> JsValue) -> JsValue {
    let out = Array::new();
    for item in items {
        out.push(&value(item));
    }
    out.into()
}

fn texts(items: &[String]) -> JsValue {
    list(items, |text| JsValue::from_str(text))
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
