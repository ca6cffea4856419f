//! The sans-I/O core of Meshlace: everything that decides.
//!
//! Every machine here, and the [`node::Node`] that joins them, is a pure function of (state, now,
//! input). A driver - TypeScript in a browser, the simulator's world in tests - feeds it one
//! [`node::Input`], drains [`node::Effect`]s until there are none, sleeps until the next timeout and
//! repeats. Nothing here reads a clock, draws entropy, locks, spawns or awaits.
//!
//! The rooms of this house, each allowed to use only what stands above it:
//!
//! ```text
//! limits time id codec crypto rng error table
//!        link      ledger     signalling        (siblings never import one another)
//!                   node                       (routes between them)
//! ```
#![no_std]

extern crate alloc;

pub mod codec;
pub mod crypto;
pub mod error;
pub mod id;
pub mod ledger;
pub mod limits;
pub mod link;
pub mod node;
pub mod queue;
pub mod rng;
pub mod signalling;
pub mod table;
pub mod time;
