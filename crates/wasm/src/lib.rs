//! The WebAssembly skin over the core of Meshlace: shapes values for JavaScript, decides nothing.
//!
//! Three kinds of traffic cross here. Inputs come in as one method each of [`Machine`]. Effects and
//! notices go out while [`Machine::drain`] runs, as one call each of a JavaScript method (see
//! `host`): plain arguments cost neither objects nor JSON, and bytes are handed over as views of this
//! module's memory that the other side uses or copies before it returns. Names of peers and fixed
//! words are made into JavaScript strings once and handed over by reference.
#![forbid(unsafe_code)]
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod drain;
mod golden;
mod host;
mod input;
mod ledger;
mod machine;
mod report;
#[cfg(target_arch = "wasm32")]
mod runtime;
mod words;

pub use golden::{reencode, verify_signature};
pub use ledger::{create, state_hash};
pub use machine::Machine;

use alloc::string::String;
use meshlace_core::signalling::address::RoomAddress;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this build, as `package.json` and `Cargo.toml` name it.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// The address of a new room.
///
/// # Errors
/// `InvalidAddress` if the server or page cannot be read, or the bytes are too few.
#[wasm_bindgen(js_name = createAddress)]
pub fn create_address(
    shapes: &host::Shapes,
    room: &[u8],
    secret: &[u8],
    page: Option<String>,
    server: &str,
) -> Result<String, JsValue> {
    machine::create_address(room, secret, page.as_deref(), server)
        .map(|address: RoomAddress| address.to_text())
        .map_err(|error| host::error(shapes, &error))
}
