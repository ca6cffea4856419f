//! What goes into a link and what comes out of it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Delivery, ErrorCode};
use crate::id::{ConnectionId, Instance, LinkSession, Ticket};
use crate::time::Span;

use super::super::Body;
use super::super::connection::IceStage;
use super::super::fault::LinkFault;
use super::super::outbox::{Full, MessageKey};
use super::super::report::LinkState;
use super::super::signal::NumberedSignal;
use super::super::transport::{Candidate, Channel, ConnectionState, Description, IceState};

/// What happens to a link.
#[derive(Debug)]
pub enum LinkInput {
    /// Make a connection if there is none: offer at once, or leave the first offer to the peer for
    /// a while.
    Connect {
        /// Whether to offer at once.
        offer: bool,
    },
    /// A signal came through the server.
    Signal(NumberedSignal),
    /// The server can be reached again: send what it may have lost.
    ServerBack,
    /// The server lost or regained the peer's socket.
    PeerSocket {
        /// Whether the peer has one.
        attached: bool,
    },
    /// ICE servers changed.
    Relays {
        /// Whether there is a TURN server.
        available: bool,
    },

    /// As [`crate::node::Input::Described`].
    /// With how long it may wait for candidates.
    Described(ConnectionId, Ticket, Description, Span),
    /// As [`crate::node::Input::Applied`].
    Applied(ConnectionId, Ticket),
    /// As [`crate::node::Input::OperationFailed`].
    OperationFailed(ConnectionId, Ticket),
    /// As [`crate::node::Input::CandidateGathered`].
    /// With how long it may wait for others.
    CandidateGathered(ConnectionId, Candidate, Span),
    /// As [`crate::node::Input::GatheringDone`].
    GatheringDone(ConnectionId),
    /// As [`crate::node::Input::GatheringFailed`].
    GatheringFailed(ConnectionId, String, String),
    /// As [`crate::node::Input::NegotiationNeeded`].
    NegotiationNeeded(ConnectionId),
    /// As [`crate::node::Input::TransportChanged`].
    TransportChanged(ConnectionId, IceState, ConnectionState),
    /// As [`crate::node::Input::ChannelOpened`].
    ChannelOpened(ConnectionId, Channel),
    /// As [`crate::node::Input::ChannelClosed`].
    ChannelClosed(ConnectionId, Channel),
    /// As [`crate::node::Input::FrameReceived`].
    FrameReceived(ConnectionId, Channel, Vec<u8>),
    /// As [`crate::node::Input::Buffered`].
    Buffered(ConnectionId, Channel, usize),

    /// The pool has room for the large message under way.
    PoolGranted,
    /// Send a message that must not be lost.
    Send(MessageKey, Body),
    /// Send a message that may be lost.
    SendLossy(Body),
    /// Take a message back.
    Cancel(MessageKey),

    /// Our own timers stalled for this long.
    Stalled(Span),
    /// The network may have changed: look whether the path still carries.
    CheckPath,
    /// We are about to be frozen.
    Freeze,
    /// We are awake again.
    Thaw,
    /// Say goodbye and close.
    Leave,
    /// The same with the connection closed in this turn, which may be the page's last.
    LeaveAtOnce,
    /// Close without a word.
    Close(ErrorCode),
    /// The peer broke a rule beyond the link's own: close it, and say so.
    Expel(ErrorCode),
    /// The peer started anew.
    PeerRestarted(Instance, LinkSession),
    /// Time has passed.
    Tick,
}

/// What a link asks for.
#[derive(Debug)]
pub enum LinkEffect {
    /// Make a connection.
    Create(ConnectionId, IceStage),
    /// `setLocalDescription()`.
    Describe(ConnectionId, Ticket),
    /// `setRemoteDescription(..)`.
    Apply(ConnectionId, Ticket, Description),
    /// `addIceCandidate(..)`.
    AddCandidate(ConnectionId, Candidate),
    /// `restartIce()`.
    RestartIce(ConnectionId, IceStage),
    /// Make a channel of a connection that is there.
    OpenChannel(ConnectionId, Channel),
    /// Hand a frame to a channel.
    Frame(ConnectionId, Channel, Vec<u8>),
    /// Close and forget a connection.
    CloseConnection(ConnectionId),
    /// Send a signal through the server.
    Signal(NumberedSignal),
    /// Ask the pool for room.
    WantPool(usize),
    /// Tell the node.
    Notice(LinkNotice),
}

/// What a link tells its node.
#[derive(Debug)]
pub enum LinkNotice {
    /// The state changed.
    State(LinkState),
    /// The peer's hello held, and ours is out: what it is to hear first shares a frame with our ready.
    Ready,
    /// The link is verified on this connection. Streams belong on it now.
    Opened(ConnectionId),
    /// A message came, in order.
    Message(Vec<u8>),
    /// A message that may be lost came.
    Lossy(Vec<u8>),
    /// A message is settled.
    Settled(MessageKey, Result<(), (ErrorCode, Delivery)>),
    /// The peer said that it is about to be frozen, or that it is back.
    Away(bool),
    /// The link is over; its numbers are kept.
    Closed(ErrorCode),
}

/// What came of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum LinkOutcome {
    /// Taken.
    Done,
    /// It speaks of a connection or ticket that is gone.
    Stale,
    /// The queue is full; nothing of the message is kept.
    Full(Full),
    /// The peer broke the protocol; the link is closed.
    Fault(LinkFault),
}
