//! The link: one verified, ordered, honest connection to one peer.

mod report;
mod transport;

pub use report::{LinkReport, LinkState};
pub use transport::{
    Candidate, Channel, ConnectionState, ConnectionStats, Description, DescriptionKind, IceState,
};
