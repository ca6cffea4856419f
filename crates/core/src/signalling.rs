//! Introducing peers to one another through a server that knows nothing.
//!
//! A peer reads a [`address::RoomAddress`], derives the [`keys::RoomKeys`] from it and opens a
//! socket to the server. The server learns a topic and a session key made for this joining; who the
//! peer is stands in an introduction sealed for the room ([`envelope`]). Two machines speak the
//! messages of [`message`]:
//!
//! ```text
//! client::Client                                    room::Rooms
//!        <- Challenge(versions, nonce)
//!        Join(topic, session key, introduction, proof) ->
//!        <- Welcome(token, ICE servers, members)
//!        <- Joined, Attached, Detached, Left, Envelope, Undeliverable   (numbered)
//!        Envelope, Introduce, Ack, Ping, Leave ->
//! ```
//!
//! A socket that drops is not a leave: for two minutes the session can be resumed, and what was
//! missed is sent again. Out of scope: what the sealed signals say (the link module) and sockets
//! (the driver).
//!
//! Source: docs/protocol.md, section "Signalling".

pub mod address;
pub mod client;
pub mod envelope;
pub mod keys;
pub mod message;
pub mod room;

mod outcome;

pub use outcome::{Fault, Outcome};

#[cfg(test)]
mod tests;
