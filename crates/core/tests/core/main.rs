//! The core from outside: two links on virtual time, the bytes that both languages read, and the
//! ids of the protocol's rules.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

mod bounds;
mod channels;
mod golden;
mod hex;
mod ledger_vectors;
mod life;
mod link_vectors;
mod opening;
mod pair;
mod reconciliation_vectors;
mod rules;
mod signalling_messages;
mod signalling_vectors;
mod signature_vectors;
