//! Histories run natively. Optimised builds (`cargo test --release`) take those of
//! `vectors/v1/histories.json`, which `in_wasm.mjs` takes too: 10,000 blocks by 20 authors in 100 orders.
//! Others take smaller ones.
//!
//! `MESHLACE_WRITE_VECTORS=1 cargo test --release -p meshlace-histories` writes the file; a released one
//! never changes.
#![allow(clippy::expect_used, reason = "a test that cannot go on says so")]

use meshlace_core::crypto::Digest;
use meshlace_histories::{Plan, deliver};
use proptest::prelude::*;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/v1/histories.json");

const IS_OPTIMISED: bool = !cfg!(debug_assertions);

const HONEST: Plan = Plan { block_count: 10_000, author_count: 20, forker_count: 0, seed: 1 };
const FORKING: Plan = Plan { block_count: 3_000, author_count: 12, forker_count: 4, seed: 2 };

fn hex(hash: &Digest) -> String {
    hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ends_as_golden(at: usize, plan: &Plan, order_count: u64) {
    let found = deliver(plan, 0..order_count);
    let written = json!({
        "blocks": plan.block_count,
        "authors": plan.author_count,
        "forkers": plan.forker_count,
        "seed": plan.seed,
        "orders": order_count,
        "order": hex(&found.order),
        "digest": hex(&found.digest),
        "state": hex(&found.state),
    });
    let read = || std::fs::read_to_string(FILE).ok();
    let golden = read().and_then(|text| serde_json::from_str::<Value>(&text).ok());
    if std::env::var_os("MESHLACE_WRITE_VECTORS").is_some() {
        let mut golden = golden.unwrap_or_else(|| json!([null, null]));
        golden[at] = written;
        let text = serde_json::to_string_pretty(&golden).expect("JSON") + "\n";
        return std::fs::write(FILE, text).expect("the file can be written");
    }
    assert_eq!(golden.expect("the file can be read")[at], written);
}

/// whatever the order of arrival, the order, the digest and the state are
/// the model's, and with forkers too, whose void blocks others name.
#[test]
fn any_order_of_arrival_ends_in_the_order_of_the_model() {
    if IS_OPTIMISED {
        ends_as_golden(0, &HONEST, 100);
        ends_as_golden(1, &FORKING, 50);
    } else {
        let _ = deliver(&Plan { block_count: 3_000, ..HONEST }, 0..6);
        let _ = deliver(&Plan { block_count: 1_000, ..FORKING }, 0..6);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if IS_OPTIMISED { 64 } else { 12 }))]

    /// small histories of every kind.
    #[test]
    fn small_histories_end_in_the_order_of_the_model(
        seed in any::<u32>(),
        block_count in 60_usize..160,
        author_count in 2_usize..7,
    ) {
        let plan = Plan { block_count, author_count, forker_count: 0, seed: u64::from(seed) };
        let _ = deliver(&plan, 0..3);
    }
}
