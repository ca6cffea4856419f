//! What a driver tells the node: what happened outside, and what the application asks for.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{ConnectionId, PeerId, SocketId, StreamKey, Ticket};
use crate::ledger::Flags;
use crate::rng::Seed;
use crate::time::Span;

use crate::link::{Candidate, Channel, ConnectionState, ConnectionStats, Description, IceState};

use super::content::Content;
use super::ledger::{LedgerConfig, StorageFault};

/// One thing that happened. The driver feeds them in the order in which they happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// Join the room. First input, once.
    Start,
    /// Time has passed; nothing else happened. What the application answers to what it was just told has
    /// been handed over.
    Tick,
    /// Fresh entropy, asked for by nobody: drivers give it on waking.
    Entropy(Seed),
    /// Something happened to the page or the machine.
    Lifecycle(Lifecycle),

    /// The WebSocket is open.
    SocketOpened {
        /// As named by `OpenSocket`.
        socket: SocketId,
    },
    /// A binary message came in.
    SocketReceived {
        /// As named by `OpenSocket`.
        socket: SocketId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The WebSocket closed, or could not be opened.
    SocketClosed {
        /// As named by `OpenSocket`.
        socket: SocketId,
    },

    /// `setLocalDescription()` is done.
    Described {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Of the `Describe` effect.
        ticket: Ticket,
        /// The local description as it stands now.
        description: Description,
    },
    /// `setRemoteDescription(..)` is done.
    Applied {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Of the `Apply` effect.
        ticket: Ticket,
    },
    /// The browser refused an operation.
    OperationFailed {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Of the effect that asked for it.
        ticket: Ticket,
        /// What the browser said.
        detail: String,
    },
    /// A local candidate was gathered.
    CandidateGathered {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// The candidate.
        candidate: Candidate,
    },
    /// No more local candidates will come.
    GatheringDone {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
    },
    /// A STUN or TURN server did not answer as it should (`icecandidateerror`).
    GatheringFailed {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// The server's address.
        url: String,
        /// STUN error code, or 701 where none came.
        code: u16,
        /// What the browser said.
        detail: String,
    },
    /// `negotiationneeded` fired.
    NegotiationNeeded {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
    },
    /// `iceConnectionState` or `connectionState` changed.
    TransportChanged {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// `iceConnectionState`.
        ice: IceState,
        /// `connectionState`.
        state: ConnectionState,
    },
    /// A data channel is open.
    ChannelOpened {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Which of the three.
        channel: Channel,
    },
    /// A data channel closed or failed.
    ChannelClosed {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Which of the three.
        channel: Channel,
    },
    /// A frame came in.
    FrameReceived {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Which of the three.
        channel: Channel,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A channel's `bufferedAmount`: told after each drain in which frames were handed to it, and
    /// when `bufferedamountlow` fires.
    Buffered {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Which of the three.
        channel: Channel,
        /// Units: bytes.
        bytes: usize,
    },
    /// A media track of a remote stream arrived.
    TrackArrived {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// The id of the `MediaStream` that carries it.
        media_id: String,
    },
    /// Answer to `ReadStats`.
    Stats {
        /// As named by `CreateConnection`.
        connection: ConnectionId,
        /// Of the effect.
        ticket: Ticket,
        /// The figures.
        stats: ConnectionStats,
    },

    /// Send to one peer or to all who are here. Answered by `Sent` or `Refused`.
    Send {
        /// Names the call.
        ticket: Ticket,
        /// Who gets it.
        to: Recipient,
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// Send on a named channel, reliably. Answered by `Sent` or `Refused`.
    SendTopic {
        /// Names the call.
        ticket: Ticket,
        /// Who gets it.
        to: Recipient,
        /// The channel's name.
        name: String,
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// Send on a named channel to whoever can be reached now; may be lost, never late. Answered
    /// only by `Refused`, if it cannot be sent at all.
    SendLossy {
        /// Names the call.
        ticket: Ticket,
        /// Who gets it.
        to: Recipient,
        /// The channel's name.
        name: String,
        /// What it is.
        content: Content,
        /// Its bytes. At most [`crate::limits::LOSSY_BYTES_MAX`].
        payload: Vec<u8>,
    },
    /// The caller gave up on a send or request. What was not sent will not be.
    Cancel {
        /// Of the call.
        ticket: Ticket,
    },
    /// Ask a peer. Answered by `Answered`.
    Request {
        /// Names the call.
        ticket: Ticket,
        /// Who is asked.
        peer: PeerId,
        /// The request's name.
        name: String,
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
        /// How long to wait; [`crate::limits::REQUEST_TIMEOUT`] if none is given.
        timeout: Option<Span>,
    },
    /// Answer a peer's request.
    Respond {
        /// Of the `Asked` notice.
        request: Ticket,
        /// The answer.
        answer: Answer,
    },
    /// Replace what others see of us. `None` clears it.
    SetPresence {
        /// Bytes of the value, as JSON text.
        payload: Option<Vec<u8>>,
    },
    /// Share a media stream.
    AddStream {
        /// Names the stream between driver and core.
        stream: StreamKey,
        /// The `MediaStream`'s id, as the other side will see it.
        media_id: String,
        /// The application's label.
        label: String,
        /// Who gets it; peers that join later are part of `All`.
        to: Recipient,
    },
    /// Stop sharing a media stream.
    RemoveStream {
        /// As named by `AddStream`.
        stream: StreamKey,
    },
    /// Say when more may be sent to a peer without queueing over the mark.
    AwaitDrained {
        /// Names the call.
        ticket: Ticket,
        /// The peer.
        peer: PeerId,
    },
    /// Report on everything. Answered by `Diagnosis`.
    Diagnose {
        /// Names the call.
        ticket: Ticket,
    },
    /// Open the room's ledger. With storage, records follow and then `RestoreDone`. Answered by
    /// `LedgerOpened`, or at once by [`super::Outcome::Refused`].
    OpenLedger(LedgerConfig),
    /// A stored record, in the order of the keys.
    Restored {
        /// Its key.
        key: Vec<u8>,
        /// What was stored under it.
        bytes: Vec<u8>,
    },
    /// All records were fed.
    RestoreDone,
    /// A `Store` effect is carried out.
    Stored {
        /// Of the effect.
        ticket: Ticket,
        /// Whether it is durable.
        result: Result<(), StorageFault>,
    },
    /// Write a block. Answered at once by [`super::Outcome::Written`] or
    /// [`super::Outcome::Refused`].
    WriteBlock {
        /// What it says.
        payload: Vec<u8>,
        /// What it asks for.
        flags: Flags,
    },
    /// Take in a file of this room's ledger. Answered by `LedgerImported` or `Refused`.
    Import {
        /// Names the call.
        ticket: Ticket,
        /// The file.
        bytes: Vec<u8>,
    },
    /// Leave the room. Answered by `Closed` within [`crate::limits::LEAVE_DEADLINE`].
    Leave,
}

/// What happens to pages and machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The page is about to be frozen: nothing runs until it resumes.
    Frozen,
    /// The page runs again.
    Resumed,
    /// The page goes away, for good or into the back/forward cache.
    Hidden,
    /// The page came back from the back/forward cache.
    Shown,
    /// The machine has a network again, or another one.
    Online,
}

/// Who gets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Everyone who is in the room at the call.
    All,
    /// One peer.
    One(PeerId),
}

/// A handler's answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The handler's value.
    Value {
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// There is no handler by that name.
    NoHandler,
    /// The handler failed.
    Failed {
        /// What it said.
        detail: String,
    },
}
