//! Prints the limits that a driver keeps to as TypeScript, for the npm package: `cargo run --example limits`.
use meshlace_core::limits::{
    BULK_BUFFER_BYTES_LOW, CONTROL_BUFFER_BYTES_LOW, LOSSY_BUFFER_BYTES_LOW, UNTOLD_BYTES_MAX,
};

fn main() {
    println!(
        "// Generated from `crates/core/src/limits.rs`, which says what they mean. Do not edit."
    );
    for (name, bytes) in [
        ("CONTROL_BUFFER_BYTES_LOW", CONTROL_BUFFER_BYTES_LOW),
        ("BULK_BUFFER_BYTES_LOW", BULK_BUFFER_BYTES_LOW),
        ("LOSSY_BUFFER_BYTES_LOW", LOSSY_BUFFER_BYTES_LOW),
        ("UNTOLD_BYTES_MAX", UNTOLD_BYTES_MAX),
    ] {
        println!("export const {name} = {bytes}");
    }
}
