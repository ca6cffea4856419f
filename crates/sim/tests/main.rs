//! Whole nodes in a whole world, on virtual time.

mod departure;
mod determinism;
mod forkers;
mod hostile;
mod hostile_ledgers;
mod hostile_peers;
mod ledgers;
mod long_sleep;
mod node_ledgers;
mod reconciliation;
mod recovery;
mod regressions;
mod stage;
mod storms;
mod support;
mod two_peers;
