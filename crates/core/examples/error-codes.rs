//! Prints the error codes as TypeScript, for the npm package: `cargo run --example error-codes`.
use meshlace_core::error::ErrorCode;

fn main() {
    println!("// Generated from the Rust enum `ErrorCode`. Do not edit.\n");
    println!("/** Why something could not be done. */\nexport type MeshErrorCode =");
    for code in ErrorCode::ALL {
        println!("  /** {} */\n  | '{}'", code.meaning().trim(), code.name());
    }
    println!("\n// What a person reads, each by itself: the core's errors bring their own.");
    for code in ErrorCode::ALL {
        println!("export const {} = {:?}", code.name(), code.sentence());
    }
}
