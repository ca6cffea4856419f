//! Whole nodes in a whole world, on virtual time.

mod departure;
mod determinism;
mod hostile;
mod long_sleep;
mod recovery;
mod storms;
mod support;
mod two_peers;
