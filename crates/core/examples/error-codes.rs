//! Prints the error codes as TypeScript, for the npm package: `cargo run --example error-codes`.
use meshlace_core::error::ErrorCode;

fn main() {
    println!("// Generated from the Rust enum `ErrorCode`. Do not edit.\n");
    println!("/** Why something could not be done. */\nexport type MeshErrorCode =");
    for code in ErrorCode::ALL {
        println!("  /** {} */\n  | '{}'", code.meaning().trim(), code.name());
    }
    println!("\n/** Every code, with what a person reads. */");
    println!("export const ERROR_SENTENCES: Readonly<Record<MeshErrorCode, string>> = {{");
    for code in ErrorCode::ALL {
        println!("  {}: {:?},", code.name(), code.sentence());
    }
    println!("}}");
}
