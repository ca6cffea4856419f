//! Whole nodes in a whole world, on virtual time.

mod departure;
mod determinism;
mod recovery;
mod storms;
mod support;
mod two_peers;
