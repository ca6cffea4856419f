//! Whole nodes in a whole world, on virtual time.

mod departure;
mod determinism;
mod long_sleep;
mod recovery;
mod storms;
mod support;
mod two_peers;
