//! What of this the WebAssembly module lends to JavaScript.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::Plan;

/// The three hashes of [`crate::Verdict`], one after the other. A difference is a trap: the native run of
/// the same plan says which.
#[wasm_bindgen]
#[must_use]
pub fn deliver(
    block_count: u32,
    author_count: u32,
    forker_count: u32,
    seed: u32,
    from: u32,
    to: u32,
) -> Vec<u8> {
    let plan = Plan {
        block_count: block_count as usize,
        author_count: author_count as usize,
        forker_count: forker_count as usize,
        seed: u64::from(seed),
    };
    let verdict = crate::deliver(&plan, u64::from(from)..u64::from(to));
    [verdict.order, verdict.digest, verdict.state].map(|hash| *hash.as_bytes()).concat()
}
