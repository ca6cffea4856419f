//! The WebAssembly skin over the core of Meshlace: carries values across, decides nothing.
//!
//! Little crosses, so that the module is small: [`Core::call`] with the number of what is wanted and its
//! arguments as bytes, and back again one function that takes effects, notices and results as bytes (see
//! `values`). Who is called by which number stands in `names`, for both sides. Long bytes are never
//! written there: they go over beside, as they are, and the other side uses or copies them before it
//! returns.
#![forbid(unsafe_code)]
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod drain;
mod golden;
mod input;
mod ledger;
mod machine;
mod names;
mod report;
mod rooms;
#[cfg(target_arch = "wasm32")]
mod runtime;
mod values;

pub use machine::Core;
pub use names::names;
