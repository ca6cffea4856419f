//! What `diagnose` tells: per peer, where its link stands, how it got there and why it failed, in
//! words a developer understands.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::PeerId;
use crate::link::LinkReport;

use super::notice::{PeerState, RoomStatus};

/// Everything known about a room's links at one moment.
#[derive(Clone, Debug)]
pub struct Report {
    /// Our own name.
    pub self_id: PeerId,
    /// The room's state.
    pub status: RoomStatus,
    /// How the server stands: `connected`, `connecting`, or why not.
    pub server: String,
    /// One entry for each peer.
    pub peers: Vec<PeerReport>,
}

/// One peer of a [`Report`].
#[derive(Clone, Debug)]
pub struct PeerReport {
    /// Who.
    pub peer: PeerId,
    /// As the application sees it.
    pub state: PeerState,
    /// The link beneath.
    pub link: LinkReport,
    /// What stands out, as sentences.
    pub findings: Vec<String>,
}
