//! What the node asks of its driver.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::{ConnectionId, PeerId, SocketId, StreamKey, Ticket};

use crate::link::{Candidate, Channel, Description};

use super::ledger::Record;
use super::notice::Notice;

/// A STUN or TURN server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` addresses.
    pub urls: Vec<String>,
    /// TURN user name.
    pub username: Option<String>,
    /// TURN credential.
    pub credential: Option<String>,
}

/// One thing to do. The driver does them in order and waits for none of them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Open a WebSocket (`binaryType = 'arraybuffer'`).
    OpenSocket {
        /// Names it from now on.
        socket: SocketId,
        /// Where to.
        url: String,
    },
    /// Send a binary message.
    SendSocket {
        /// Which.
        socket: SocketId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Close a WebSocket. No further input may name it.
    CloseSocket {
        /// Which.
        socket: SocketId,
    },

    /// Make a connection with its negotiated control channel (id 0), handlers set in the same turn, and
    /// keep it strongly referenced until `CloseConnection`.
    CreateConnection {
        /// Names it from now on.
        connection: ConnectionId,
        /// Who is on the other side.
        peer: PeerId,
        /// The servers to use at this stage.
        ice_servers: Vec<IceServer>,
        /// Whether only relayed candidates may be used.
        relay_only: bool,
    },
    /// `setLocalDescription()`; answer with `Described` or `OperationFailed`.
    Describe {
        /// Which.
        connection: ConnectionId,
        /// For the answer.
        ticket: Ticket,
    },
    /// `setRemoteDescription(..)`; answer with `Applied` or `OperationFailed`.
    Apply {
        /// Which.
        connection: ConnectionId,
        /// For the answer.
        ticket: Ticket,
        /// The description.
        description: Description,
    },
    /// `addIceCandidate(..)`. A refusal is no failure: other candidates may do.
    AddCandidate {
        /// Which.
        connection: ConnectionId,
        /// The candidate.
        candidate: Candidate,
    },
    /// `setConfiguration(..)` with these servers, then `restartIce()`.
    RestartIce {
        /// Which.
        connection: ConnectionId,
        /// The servers to use from now on.
        ice_servers: Vec<IceServer>,
        /// Whether only relayed candidates may be used.
        relay_only: bool,
    },
    /// Make another of the connection's channels, negotiated by its id (1 or 2); answer with
    /// `ChannelOpened` or `ChannelClosed`.
    OpenChannel {
        /// Which connection.
        connection: ConnectionId,
        /// Bulk or lossy; control is made with the connection.
        channel: Channel,
    },
    /// Hand a frame to a channel.
    SendFrame {
        /// Which connection.
        connection: ConnectionId,
        /// Which channel.
        channel: Channel,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Add the stream's tracks to the connection.
    AttachStream {
        /// Which connection.
        connection: ConnectionId,
        /// Which stream.
        stream: StreamKey,
    },
    /// Take the stream's tracks off the connection.
    DetachStream {
        /// Which connection.
        connection: ConnectionId,
        /// Which stream.
        stream: StreamKey,
    },
    /// `getStats()`; answer with `Stats`.
    ReadStats {
        /// Which.
        connection: ConnectionId,
        /// For the answer.
        ticket: Ticket,
    },
    /// Close a connection and forget it. No further input may name it.
    CloseConnection {
        /// Which.
        connection: ConnectionId,
    },

    /// Store these records in one durable transaction; answer with `Stored`. One is out at a time.
    Store {
        /// For the answer.
        ticket: Ticket,
        /// What to put and what to remove.
        records: Vec<Record>,
        /// Whether blocks that were written here are among them.
        has_own: bool,
    },

    /// Tell the application.
    Notify(Notice),
}
