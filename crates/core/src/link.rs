//! The link: one verified, ordered, honest connection to one peer.
//!
//! The reason this project exists is a channel that said "open", carried nothing, and gave no
//! error. The WebRTC specification allows that: a failed ICE transport does not close the data
//! channel above it, and what arrives before a channel is open is discarded. So a [`Link`] counts as
//! open only after a signed hello and a probe of each channel crossed in both directions; messages
//! are numbered above SCTP, acknowledged by the receiving core, and sent again on the next
//! connection; silence is noticed by heartbeats, never by `readyState`; and what is broken climbs a
//! ladder of ICE restart and rebuilt connection until it is whole or closed with a reason.
//!
//! Out of scope: who is in the room, how signals are sealed and routed, what messages mean. The
//! node does that.
//!
//! Source: docs/protocol.md, section "Links"; RFC 8831 (data channels), RFC 8841 (SDP for SCTP),
//! RFC 7675 (consent freshness), W3C WebRTC 1.0.

mod body;
mod connection;
mod fault;
pub mod frame;
pub mod hello;
mod inbox;
mod machine;
mod negotiation;
mod outbox;
mod report;
#[cfg(test)]
pub(crate) mod samples;
pub mod sdp;
pub mod signal;
mod transport;
mod window;

pub use body::Body;
pub use connection::IceStage;
pub use fault::LinkFault;
pub use inbox::InboxFault;
pub use machine::{Link, LinkConfig, LinkEffect, LinkInput, LinkNotice, LinkOutcome};
pub use outbox::{FalseAck, Full, MessageKey};
pub use report::{LinkReport, LinkState};
pub use transport::{
    Candidate, Channel, ConnectionState, ConnectionStats, Description, DescriptionKind, IceState,
};
