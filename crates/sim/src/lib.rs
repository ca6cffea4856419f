//! A deterministic world in which Meshlace nodes meet.
//!
//! The core's promises are about what happens when things go wrong, and browsers go wrong rarely,
//! slowly and never twice in the same way. Here everything around the core is a model on virtual
//! time: machines and the paths between them, WebSockets and the signalling server (the real
//! [`meshlace_core::signalling::room::Rooms`]), WebRTC connections with the oddities that matter,
//! frozen tabs, stopped processes and vanished peers. One `u64` seed owns all chance, every event is
//! written into a [`journal::Journal`], and the same seed gives the same journal.
//!
//! ```text
//!   World -- events in order of (time, number) --> hosts (a driver and a Node each)
//!     |                                             |  effects
//!     |   server (Rooms) <-- sockets --------------+
//!     |   connections (WebRTC model) <-- paths ----+
//!     +-- Checker: sees every call and notice, knows every promise
//! ```
//!
//! What is in here is what ships: the nodes run unchanged. Out of scope: throughput as measured in
//! browsers, codecs, anything above the node's surface.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "a test rig: a broken assumption of the world must stop it at once"
)]

pub mod chance;
pub mod checker;
pub mod connection;
pub mod disk;
pub mod journal;
pub mod ledgers;
pub mod network;
pub mod schedule;

pub mod world;

pub use world::{Host, HostId, HostState, Setup, World};
