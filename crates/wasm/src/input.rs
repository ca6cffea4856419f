//! One method of [`Machine`] for each input.

use alloc::string::String;
use alloc::vec::Vec;
use meshlace_core::id::{ConnectionId, SocketId, StreamKey, Ticket};
use meshlace_core::link::{
    Candidate, Channel, ConnectionState, ConnectionStats, Description, DescriptionKind, IceState,
};
use meshlace_core::node::{Answer, Input, Lifecycle};
use meshlace_core::time::Span;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::machine::{Machine, content, peer, recipient, seed_of, text_content, whole};

/// What happens outside of the application.
#[wasm_bindgen]
impl Machine {
    /// Joins the room.
    pub fn start(&mut self) {
        self.feed(Input::Start);
    }

    /// Time has passed.
    pub fn tick(&mut self) {
        self.feed(Input::Tick);
    }

    /// Fresh entropy of 32 bytes.
    pub fn entropy(&mut self, seed: &[u8]) {
        if let Ok(seed) = seed_of(seed) {
            self.feed(Input::Entropy(seed));
        }
    }

    /// Something happened to the page, in the numbers of `src/machine.ts`.
    pub fn lifecycle(&mut self, kind: u32) {
        let event = match kind {
            0 => Lifecycle::Frozen,
            1 => Lifecycle::Resumed,
            2 => Lifecycle::Hidden,
            3 => Lifecycle::Shown,
            _ => Lifecycle::Online,
        };
        self.feed(Input::Lifecycle(event));
    }

    /// The WebSocket is open.
    #[wasm_bindgen(js_name = socketOpened)]
    pub fn socket_opened(&mut self, socket: u32) {
        self.feed(Input::SocketOpened { socket: SocketId(socket) });
    }

    /// A message came in.
    #[wasm_bindgen(js_name = socketReceived)]
    pub fn socket_received(&mut self, socket: u32, bytes: Vec<u8>) {
        self.feed(Input::SocketReceived { socket: SocketId(socket), bytes });
    }

    /// The WebSocket closed, or could not be opened.
    #[wasm_bindgen(js_name = socketClosed)]
    pub fn socket_closed(&mut self, socket: u32) {
        self.feed(Input::SocketClosed { socket: SocketId(socket) });
    }

    /// `setLocalDescription` is done.
    pub fn described(&mut self, connection: u32, ticket: u32, offer: bool, sdp: String) {
        let kind = if offer { DescriptionKind::Offer } else { DescriptionKind::Answer };
        self.feed(Input::Described {
            connection: ConnectionId(connection),
            ticket: Ticket(ticket),
            description: Description { kind, sdp },
        });
    }

    /// `setRemoteDescription` is done.
    pub fn applied(&mut self, connection: u32, ticket: u32) {
        let (connection, ticket) = (ConnectionId(connection), Ticket(ticket));
        self.feed(Input::Applied { connection, ticket });
    }

    /// The browser refused an operation.
    #[wasm_bindgen(js_name = operationFailed)]
    pub fn operation_failed(&mut self, connection: u32, ticket: u32, detail: String) {
        let (connection, ticket) = (ConnectionId(connection), Ticket(ticket));
        self.feed(Input::OperationFailed { connection, ticket, detail });
    }

    /// A local candidate was gathered.
    #[wasm_bindgen(js_name = candidateGathered)]
    pub fn candidate_gathered(
        &mut self,
        connection: u32,
        candidate: String,
        mid: Option<String>,
        line_index: Option<u16>,
        username_fragment: Option<String>,
    ) {
        self.feed(Input::CandidateGathered {
            connection: ConnectionId(connection),
            candidate: Candidate { candidate, mid, line_index, username_fragment },
        });
    }

    /// No more candidates will come.
    #[wasm_bindgen(js_name = gatheringDone)]
    pub fn gathering_done(&mut self, connection: u32) {
        self.feed(Input::GatheringDone { connection: ConnectionId(connection) });
    }

    /// `icecandidateerror`.
    #[wasm_bindgen(js_name = gatheringFailed)]
    pub fn gathering_failed(&mut self, connection: u32, url: String, code: u16, detail: String) {
        let connection = ConnectionId(connection);
        self.feed(Input::GatheringFailed { connection, url, code, detail });
    }

    /// `negotiationneeded`.
    #[wasm_bindgen(js_name = negotiationNeeded)]
    pub fn negotiation_needed(&mut self, connection: u32) {
        self.feed(Input::NegotiationNeeded { connection: ConnectionId(connection) });
    }

    /// States of ICE and of the connection, in the order of their enums.
    #[wasm_bindgen(js_name = transportChanged)]
    pub fn transport_changed(&mut self, connection: u32, ice: u32, state: u32) {
        let ice = match ice {
            0 => IceState::New,
            1 => IceState::Checking,
            2 => IceState::Connected,
            3 => IceState::Completed,
            4 => IceState::Disconnected,
            5 => IceState::Failed,
            _ => IceState::Closed,
        };
        let state = match state {
            0 => ConnectionState::New,
            1 => ConnectionState::Connecting,
            2 => ConnectionState::Connected,
            3 => ConnectionState::Disconnected,
            4 => ConnectionState::Failed,
            _ => ConnectionState::Closed,
        };
        self.feed(Input::TransportChanged { connection: ConnectionId(connection), ice, state });
    }

    /// A data channel is open.
    #[wasm_bindgen(js_name = channelOpened)]
    pub fn channel_opened(&mut self, connection: u32, channel: u32) {
        let (connection, channel) = (ConnectionId(connection), channel_of(channel));
        self.feed(Input::ChannelOpened { connection, channel });
    }

    /// A data channel closed.
    #[wasm_bindgen(js_name = channelClosed)]
    pub fn channel_closed(&mut self, connection: u32, channel: u32) {
        let (connection, channel) = (ConnectionId(connection), channel_of(channel));
        self.feed(Input::ChannelClosed { connection, channel });
    }

    /// A frame came in.
    #[wasm_bindgen(js_name = frameReceived)]
    pub fn frame_received(&mut self, connection: u32, channel: u32, bytes: Vec<u8>) {
        let (connection, channel) = (ConnectionId(connection), channel_of(channel));
        self.feed(Input::FrameReceived { connection, channel, bytes });
    }

    /// A channel's `bufferedAmount`.
    pub fn buffered(&mut self, connection: u32, channel: u32, bytes: u32) {
        let (connection, channel) = (ConnectionId(connection), channel_of(channel));
        self.feed(Input::Buffered { connection, channel, bytes: bytes as usize });
    }

    /// A track of a remote stream arrived.
    #[wasm_bindgen(js_name = trackArrived)]
    pub fn track_arrived(&mut self, connection: u32, media_id: String) {
        self.feed(Input::TrackArrived { connection: ConnectionId(connection), media_id });
    }

    /// What `getStats` says.
    #[expect(
        clippy::too_many_arguments,
        reason = "plain arguments cross more cheaply than an object"
    )]
    pub fn stats(
        &mut self,
        connection: u32,
        ticket: u32,
        local_candidate: Option<String>,
        remote_candidate: Option<String>,
        protocol: Option<String>,
        round_trip_ms: Option<u32>,
        sent_bytes: f64,
        received_bytes: f64,
    ) {
        self.feed(Input::Stats {
            connection: ConnectionId(connection),
            ticket: Ticket(ticket),
            stats: ConnectionStats {
                local_candidate,
                remote_candidate,
                protocol,
                round_trip_ms,
                sent_bytes: whole(sent_bytes),
                received_bytes: whole(received_bytes),
            },
        });
    }
}

/// What the application asks for.
#[wasm_bindgen]
impl Machine {
    /// Sends text or JSON. `to` is a peer's name; the empty name stands for everyone.
    #[wasm_bindgen(js_name = sendText)]
    pub fn send_text(&mut self, ticket: u32, to: &str, json: bool, text: String) {
        self.feed(Input::Send {
            ticket: Ticket(ticket),
            to: recipient(to),
            content: text_content(json),
            payload: text.into_bytes(),
        });
    }

    /// Sends bytes, a blob or a file.
    #[wasm_bindgen(js_name = sendBytes)]
    pub fn send_bytes(
        &mut self,
        ticket: u32,
        to: &str,
        kind: u32,
        name: String,
        media_type: String,
        payload: Vec<u8>,
    ) {
        let (ticket, to, content) =
            (Ticket(ticket), recipient(to), content(kind, name, media_type));
        self.feed(Input::Send { ticket, to, content, payload });
    }

    /// Sends text or JSON on a named channel.
    #[wasm_bindgen(js_name = sendTopicText)]
    pub fn send_topic_text(
        &mut self,
        ticket: u32,
        to: &str,
        name: String,
        lossy: bool,
        json: bool,
        text: String,
    ) {
        let (ticket, to, content) = (Ticket(ticket), recipient(to), text_content(json));
        let payload = text.into_bytes();
        self.feed(if lossy {
            Input::SendLossy { ticket, to, name, content, payload }
        } else {
            Input::SendTopic { ticket, to, name, content, payload }
        });
    }

    /// Sends bytes, a blob or a file on a named channel.
    #[wasm_bindgen(js_name = sendTopicBytes)]
    #[expect(
        clippy::too_many_arguments,
        reason = "plain arguments cross more cheaply than an object"
    )]
    pub fn send_topic_bytes(
        &mut self,
        ticket: u32,
        to: &str,
        name: String,
        lossy: bool,
        kind: u32,
        file_name: String,
        media_type: String,
        payload: Vec<u8>,
    ) {
        let content = content(kind, file_name, media_type);
        let (ticket, to) = (Ticket(ticket), recipient(to));
        self.feed(if lossy {
            Input::SendLossy { ticket, to, name, content, payload }
        } else {
            Input::SendTopic { ticket, to, name, content, payload }
        });
    }

    /// The caller gave up.
    pub fn cancel(&mut self, ticket: u32) {
        self.feed(Input::Cancel { ticket: Ticket(ticket) });
    }

    /// Asks a peer. A negative timeout means the default.
    #[expect(
        clippy::too_many_arguments,
        reason = "plain arguments cross more cheaply than an object"
    )]
    pub fn request(
        &mut self,
        ticket: u32,
        to: &str,
        name: String,
        kind: u32,
        file_name: String,
        media_type: String,
        payload: Vec<u8>,
        timeout_ms: f64,
    ) {
        let timeout = (timeout_ms >= 0.0).then(|| Span::from_ms(whole(timeout_ms)));
        self.feed(Input::Request {
            ticket: Ticket(ticket),
            peer: peer(to),
            name,
            content: content(kind, file_name, media_type),
            payload,
            timeout,
        });
    }

    /// Answers a request.
    pub fn respond(
        &mut self,
        request: u32,
        kind: u32,
        name: String,
        media_type: String,
        payload: Vec<u8>,
    ) {
        let answer = Answer::Value { content: content(kind, name, media_type), payload };
        self.feed(Input::Respond { request: Ticket(request), answer });
    }

    /// There is no handler for a request.
    #[wasm_bindgen(js_name = respondNoHandler)]
    pub fn respond_no_handler(&mut self, request: u32) {
        self.feed(Input::Respond { request: Ticket(request), answer: Answer::NoHandler });
    }

    /// The handler of a request failed.
    #[wasm_bindgen(js_name = respondFailed)]
    pub fn respond_failed(&mut self, request: u32, detail: String) {
        self.feed(Input::Respond { request: Ticket(request), answer: Answer::Failed { detail } });
    }

    /// Replaces what others see of us.
    #[wasm_bindgen(js_name = setPresence)]
    pub fn set_presence(&mut self, json: String) {
        self.feed(Input::SetPresence { payload: Some(json.into_bytes()) });
    }

    /// Clears what others see of us.
    #[wasm_bindgen(js_name = clearPresence)]
    pub fn clear_presence(&mut self) {
        self.feed(Input::SetPresence { payload: None });
    }

    /// Shares a media stream.
    #[wasm_bindgen(js_name = addStream)]
    pub fn add_stream(&mut self, stream: u32, media_id: String, label: String, to: &str) {
        let (stream, to) = (StreamKey(stream), recipient(to));
        self.feed(Input::AddStream { stream, media_id, label, to });
    }

    /// Stops sharing a media stream.
    #[wasm_bindgen(js_name = removeStream)]
    pub fn remove_stream(&mut self, stream: u32) {
        self.feed(Input::RemoveStream { stream: StreamKey(stream) });
    }

    /// Asks to be told when more may be sent to a peer.
    #[wasm_bindgen(js_name = awaitDrained)]
    pub fn await_drained(&mut self, ticket: u32, to: &str) {
        self.feed(Input::AwaitDrained { ticket: Ticket(ticket), peer: peer(to) });
    }

    /// Asks for a report on everything.
    pub fn diagnose(&mut self, ticket: u32) {
        self.feed(Input::Diagnose { ticket: Ticket(ticket) });
    }

    /// Leaves the room.
    pub fn leave(&mut self) {
        self.feed(Input::Leave);
    }
}

/// The channel with this id; numbers come from our own driver, which knows of no other.
fn channel_of(index: u32) -> Channel {
    Channel::from_index(index as usize).unwrap_or(Channel::Lossy)
}
