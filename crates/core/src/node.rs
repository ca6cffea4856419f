//! The node: one peer in one room. It routes between the server's client, the links and the
//! application, and decides what a page's driver does.

use alloc::vec::Vec;

use crate::rng::Seed;

mod content;
mod effect;
mod input;
mod notice;
mod report;

pub use content::Content;
pub use effect::{Effect, IceServer};
pub use input::{Answer, Input, Lifecycle, Recipient};
pub use notice::{Audience, MeshError, Notice, PeerState, RoomStatus};
pub use report::{PeerReport, Report};

/// What a node needs to know before it starts.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The room address, or a public room's bare name.
    pub address: alloc::string::String,
    /// The server, where the address does not name it.
    pub server: Option<alloc::string::String>,
    /// A secret seed that names this peer; a fresh one is drawn where none is given.
    pub identity: Option<Seed>,
    /// ICE servers to use instead of those the signalling server names.
    pub ice_servers: Option<Vec<IceServer>>,
    /// Whether only relayed candidates may be used.
    pub relay_only: bool,
    /// How long to wait for admission; [`crate::limits::ADMISSION_DEADLINE`] if not given.
    pub timeout: Option<crate::time::Span>,
}
