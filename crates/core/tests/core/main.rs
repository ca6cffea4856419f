//! The core from outside: two links on virtual time, the bytes that both languages read, and the
//! ids of the protocol's rules.

mod signalling_vectors;
