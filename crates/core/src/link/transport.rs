//! The words in which link and driver speak of one WebRTC connection.

use alloc::string::String;

/// One of the three negotiated channels of a connection. The number is its stream id. Control is made with the
/// connection, the others when somebody needs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Id 0: ordered, reliable. Hello, heartbeats, acknowledgements, signals, small messages.
    Control,
    /// Id 1: ordered, reliable. Pieces of large messages.
    Bulk,
    /// Id 2: unordered, never retransmitted. What may be lost.
    Lossy,
}

impl Channel {
    /// All three, in the order of their ids.
    pub const ALL: [Self; 3] = [Self::Control, Self::Bulk, Self::Lossy];

    /// Those that are made when they are needed.
    pub const NEEDED: [Self; 2] = [Self::Bulk, Self::Lossy];

    /// The stream id, and the place in arrays of one per channel.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The channel with this stream id.
    #[must_use]
    pub const fn from_index(index: usize) -> Option<Self> {
        match index {
            0 => Some(Self::Control),
            1 => Some(Self::Bulk),
            2 => Some(Self::Lossy),
            _ => None,
        }
    }

    /// The channel's label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Bulk => "bulk",
            Self::Lossy => "lossy",
        }
    }
}

/// Offer or answer. Rollback is implicit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DescriptionKind {
    /// An offer.
    Offer,
    /// An answer.
    Answer,
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Offer or answer.
    pub kind: DescriptionKind,
    /// The SDP text (RFC 8866).
    pub sdp: String,
}

/// An ICE candidate, in the fields of `RTCIceCandidateInit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `candidate`.
    pub candidate: String,
    /// `sdpMid`.
    pub mid: Option<String>,
    /// `sdpMLineIndex`.
    pub line_index: Option<u16>,
    /// `usernameFragment`.
    pub username_fragment: Option<String>,
}

/// `RTCIceConnectionState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IceState {
    /// Nothing tried yet.
    #[default]
    New,
    /// Trying pairs.
    Checking,
    /// A pair works.
    Connected,
    /// A pair works and no more are tried.
    Completed,
    /// The pair fell silent.
    Disconnected,
    /// No pair works.
    Failed,
    /// Closed.
    Closed,
}

/// `RTCPeerConnectionState`: ICE and DTLS together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    /// Nothing tried yet.
    #[default]
    New,
    /// ICE or DTLS under way.
    Connecting,
    /// Both are up.
    Connected,
    /// ICE fell silent.
    Disconnected,
    /// ICE or DTLS failed.
    Failed,
    /// Closed.
    Closed,
}

/// The figures `getStats` gives of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// Candidate type of the selected pair on our side (`host`, `srflx`, `prflx`, `relay`).
    pub local_candidate: Option<String>,
    /// Candidate type of the selected pair on the other side.
    pub remote_candidate: Option<String>,
    /// Transport protocol of the selected pair.
    pub protocol: Option<String>,
    /// Round trip of the selected pair. Units: milliseconds.
    pub round_trip_ms: Option<u32>,
    /// Bytes sent over the transport, media included.
    pub sent_bytes: u64,
    /// Bytes received over the transport, media included.
    pub received_bytes: u64,
}
