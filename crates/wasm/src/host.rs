//! The methods of JavaScript that this module calls: what `src/machine.ts` declares.

use alloc::string::String;
use alloc::vec::Vec;
use js_sys::Array;
use meshlace_core::node::{IceServer, MeshError};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// How values of JavaScript are made.
    pub type Shapes;

    #[wasm_bindgen(method, js_name = error)]
    fn error_shape(
        this: &Shapes,
        code: &str,
        message: &str,
        delivery: Option<String>,
        peer: Option<String>,
        expected: Option<String>,
        found: Option<String>,
        limit: Option<f64>,
    ) -> JsValue;
    #[wasm_bindgen(method)]
    pub(crate) fn meta(this: &Shapes, name: Option<String>, media_type: &str) -> JsValue;
    #[wasm_bindgen(method, js_name = iceServer)]
    fn ice_server(
        this: &Shapes,
        urls: Array,
        username: Option<String>,
        credential: Option<String>,
    ) -> JsValue;

    /// What the core asks of its driver.
    pub type Effects;

    #[wasm_bindgen(method, js_name = openSocket)]
    pub(crate) fn open_socket(this: &Effects, socket: u32, url: &str);
    #[wasm_bindgen(method, js_name = sendSocket)]
    pub(crate) fn send_socket(this: &Effects, socket: u32, bytes: &[u8]);
    #[wasm_bindgen(method, js_name = closeSocket)]
    pub(crate) fn close_socket(this: &Effects, socket: u32);
    #[wasm_bindgen(method, js_name = createConnection)]
    pub(crate) fn create_connection(
        this: &Effects,
        connection: u32,
        peer: &JsValue,
        servers: Array,
        relay_only: bool,
    );
    #[wasm_bindgen(method)]
    pub(crate) fn describe(this: &Effects, connection: u32, ticket: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn apply(this: &Effects, connection: u32, ticket: u32, offer: bool, sdp: &str);
    #[wasm_bindgen(method, js_name = addCandidate)]
    pub(crate) fn add_candidate(
        this: &Effects,
        connection: u32,
        candidate: &str,
        mid: Option<String>,
        line_index: Option<u16>,
        username_fragment: Option<String>,
    );
    #[wasm_bindgen(method, js_name = restartIce)]
    pub(crate) fn restart_ice(this: &Effects, connection: u32, servers: Array, relay_only: bool);
    #[wasm_bindgen(method, js_name = sendFrame)]
    pub(crate) fn send_frame(this: &Effects, connection: u32, channel: u32, bytes: &[u8]);
    #[wasm_bindgen(method, js_name = attachStream)]
    pub(crate) fn attach_stream(this: &Effects, connection: u32, stream: u32);
    #[wasm_bindgen(method, js_name = detachStream)]
    pub(crate) fn detach_stream(this: &Effects, connection: u32, stream: u32);
    #[wasm_bindgen(method, js_name = readStats)]
    pub(crate) fn read_stats(this: &Effects, connection: u32, ticket: u32);
    #[wasm_bindgen(method, js_name = closeConnection)]
    pub(crate) fn close_connection(this: &Effects, connection: u32);

    #[wasm_bindgen(method, js_name = storeRecord)]
    pub(crate) fn store_record(this: &Effects, key: &[u8], bytes: &[u8], replaces: bool);
    #[wasm_bindgen(method, js_name = deleteRecord)]
    pub(crate) fn delete_record(this: &Effects, key: &[u8]);
    #[wasm_bindgen(method, js_name = commitRecords)]
    pub(crate) fn commit_records(this: &Effects, ticket: u32);

    /// What the core tells the application.
    pub type Notices;

    #[wasm_bindgen(method, js_name = ledgerOpened)]
    pub(crate) fn ledger_opened(this: &Notices, member: &str, restored_count: u32);
    #[wasm_bindgen(method, js_name = ledgerChanged)]
    pub(crate) fn ledger_changed(this: &Notices, from: u32, length: u32);
    #[wasm_bindgen(method, js_name = ledgerStored)]
    pub(crate) fn ledger_stored(this: &Notices, author: u32, count: u32);
    #[wasm_bindgen(method, js_name = ledgerSeen)]
    pub(crate) fn ledger_seen(this: &Notices, peer: &JsValue, author: u32, count: u32);
    #[wasm_bindgen(method, js_name = ledgerForked)]
    pub(crate) fn ledger_forked(this: &Notices, author: u32, seq: u32, is_own: bool);
    #[wasm_bindgen(method, js_name = ledgerImported)]
    pub(crate) fn ledger_imported(
        this: &Notices,
        ticket: u32,
        held_count: u32,
        refused_count: u32,
        unsigned_count: u32,
    );
    #[wasm_bindgen(method, js_name = ledgerUnsaved)]
    pub(crate) fn ledger_unsaved(this: &Notices, error: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn admitted(this: &Notices);
    #[wasm_bindgen(method, js_name = joinFailed)]
    pub(crate) fn join_failed(this: &Notices, error: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn status(this: &Notices, status: &str);
    #[wasm_bindgen(method, js_name = peerAdded)]
    pub(crate) fn peer_added(this: &Notices, peer: &JsValue);
    #[wasm_bindgen(method, js_name = peerJoined)]
    pub(crate) fn peer_joined(this: &Notices, peer: &JsValue);
    #[wasm_bindgen(method, js_name = peerState)]
    pub(crate) fn peer_state(this: &Notices, peer: &JsValue, state: &str);
    #[wasm_bindgen(method, js_name = peerLeft)]
    pub(crate) fn peer_left(this: &Notices, peer: &JsValue, joined: bool, reason: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn message(
        this: &Notices,
        peer: &JsValue,
        to_me: bool,
        kind: u32,
        meta: JsValue,
        bytes: &[u8],
    );
    #[wasm_bindgen(method, js_name = topicMessage)]
    pub(crate) fn topic_message(
        this: &Notices,
        peer: &JsValue,
        name: &str,
        kind: u32,
        meta: JsValue,
        bytes: &[u8],
    );
    #[wasm_bindgen(method)]
    pub(crate) fn presence(this: &Notices, peer: &JsValue, json: &[u8]);
    #[wasm_bindgen(method, js_name = presenceCleared)]
    pub(crate) fn presence_cleared(this: &Notices, peer: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn asked(
        this: &Notices,
        request: u32,
        peer: &JsValue,
        name: &str,
        kind: u32,
        meta: JsValue,
        bytes: &[u8],
    );
    #[wasm_bindgen(method)]
    pub(crate) fn withdrawn(this: &Notices, request: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn answered(this: &Notices, ticket: u32, kind: u32, meta: JsValue, bytes: &[u8]);
    #[wasm_bindgen(method)]
    pub(crate) fn delivered(this: &Notices, ticket: u32, peer: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn undelivered(this: &Notices, ticket: u32, peer: &JsValue, error: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn sent(this: &Notices, ticket: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn refused(this: &Notices, ticket: u32, error: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn drained(this: &Notices, ticket: u32);
    #[wasm_bindgen(method, js_name = streamAdded)]
    pub(crate) fn stream_added(this: &Notices, peer: &JsValue, media_id: &str, label: &str);
    #[wasm_bindgen(method, js_name = streamRemoved)]
    pub(crate) fn stream_removed(this: &Notices, peer: &JsValue, media_id: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn diagnosis(this: &Notices, ticket: u32, report: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn trouble(this: &Notices, error: JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn closed(this: &Notices, error: JsValue);
}

/// The error as JavaScript sees it.
pub(crate) fn error(shapes: &Shapes, error: &MeshError) -> JsValue {
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    let limit = error.limit.map(|limit| limit as f64);
    shapes.error_shape(
        error.code.name(),
        &error.detail,
        error.delivery.map(|delivery| delivery.name().into()),
        error.peer.map(|peer| peer.to_text()),
        error.expected.clone(),
        error.found.clone(),
        limit,
    )
}

/// ICE servers as `RTCConfiguration` wants them.
pub(crate) fn ice_servers(shapes: &Shapes, servers: Vec<IceServer>) -> Array {
    let out = Array::new();
    for server in servers {
        let urls = Array::new();
        for url in &server.urls {
            urls.push(&JsValue::from_str(url));
        }
        out.push(&shapes.ice_server(urls, server.username, server.credential));
    }
    out
}
