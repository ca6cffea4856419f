//! Prints the names of what crosses as TypeScript, for the npm package: `cargo run --example names`.
use meshlace_wasm::names;

fn main() {
    println!("// Generated from the Rust enums of `crates/wasm/src/names.rs`. Do not edit.");
    for (list, names) in names() {
        println!("\n/** By their numbers. */\nexport const {list} = [");
        for name in names {
            println!("  '{name}',");
        }
        println!("] as const");
    }
}
