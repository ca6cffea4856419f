//! What a link can tell of itself.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::{Epoch, Instance};
use crate::time::Span;

use super::transport::{ConnectionState, ConnectionStats, IceState};

/// Where a link stands. Named for what it awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkState {
    /// The peer is known; nothing was tried yet.
    New,
    /// Descriptions are being exchanged.
    Signalling,
    /// ICE and DTLS are under way.
    Connecting,
    /// The transport is up; channels, hello and probes are awaited.
    AwaitingHello,
    /// Verified both ways.
    Open,
    /// Verified, but silent for longer than it should be.
    Suspect,
    /// An ICE restart is under way.
    Restarting,
    /// The connection is being replaced by a new one.
    Rebuilding,
    /// Over.
    Closed,
}

impl LinkState {
    /// Every state, in order.
    pub const ALL: [Self; 9] = [
        Self::New,
        Self::Signalling,
        Self::Connecting,
        Self::AwaitingHello,
        Self::Open,
        Self::Suspect,
        Self::Restarting,
        Self::Rebuilding,
        Self::Closed,
    ];

    /// The word JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Signalling => "signalling",
            Self::Connecting => "connecting",
            Self::AwaitingHello => "awaiting-hello",
            Self::Open => "open",
            Self::Suspect => "suspect",
            Self::Restarting => "restarting",
            Self::Rebuilding => "rebuilding",
            Self::Closed => "closed",
        }
    }
}

/// Everything a link knows about itself at one moment.
#[derive(Clone, Debug)]
pub struct LinkReport {
    /// Where it stands.
    pub state: LinkState,
    /// How long it has been in each state it was ever in.
    pub spent: Vec<(LinkState, Span)>,
    /// The peer's instance.
    pub instance: Instance,
    /// Which connection of the link this is.
    pub epoch: Epoch,
    /// As the browser last said.
    pub ice: IceState,
    /// As the browser last said.
    pub connection: ConnectionState,
    /// Kinds of candidates gathered here, in order of appearance.
    pub local_candidates: Vec<String>,
    /// Kinds of candidates the peer sent, in order of appearance.
    pub remote_candidates: Vec<String>,
    /// What STUN and TURN servers failed to give: address and what the browser said.
    pub gathering_failures: Vec<(String, String)>,
    /// Figures of the transport, where the driver could read them.
    pub stats: Option<ConnectionStats>,
    /// Round trip of the last heartbeat over the control channel. Units: milliseconds.
    pub round_trip_ms: Option<u64>,
    /// Bytes of frames handed to the channels.
    pub sent_bytes: u64,
    /// Bytes of frames received.
    pub received_bytes: u64,
    /// Messages acknowledged by the peer.
    pub delivered_count: u64,
    /// Messages received in order.
    pub received_count: u64,
    /// Lossy messages dropped unsent: the link was not open, or too much was buffered. What was lost on
    /// the way, or by the peer, is not among them. Source: docs/protocol.md R-211.
    pub lossy_dropped_count: u64,
    /// Bytes queued and not yet acknowledged.
    pub queued_bytes: usize,
    /// ICE restarts so far.
    pub restart_count: u32,
    /// Connections replaced so far.
    pub rebuild_count: u32,
    /// Since when nothing was heard.
    pub silent_for: Span,
    /// Why the last attempt failed.
    pub last_failure: Option<ErrorCode>,
}
