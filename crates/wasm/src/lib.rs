//! The WebAssembly skin over the core of Meshlace: shapes values for JavaScript, decides nothing.

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this build, as `package.json` and `Cargo.toml` name it.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
