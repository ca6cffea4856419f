//! Whole nodes in a whole world, on virtual time.

mod determinism;
mod two_peers;
