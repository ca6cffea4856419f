//! What the golden vectors ask of the built module: read bytes and write them again.

use alloc::string::ToString;
use alloc::vec::Vec;
use meshlace_core::codec::DecodeError;
use meshlace_core::crypto::verifies;
use meshlace_core::ledger::sync::message::SyncMessage;
use meshlace_core::link::Channel;
use meshlace_core::link::frame::Frame;
use meshlace_core::link::signal::Signal;
use meshlace_core::node::parcel::Parcel;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Reads `bytes` as one `kind` of thing (`control`, `bulk` or `lossy` for a frame of that channel,
/// `signal`, `sync` for a message of the ledger, or anything else for a parcel) and writes it again. There is one encoding, so the bytes
/// come back as they were.
///
/// # Errors
/// A sentence that says why the bytes were refused.
#[wasm_bindgen]
pub fn reencode(kind: &str, bytes: &[u8]) -> Result<Vec<u8>, JsValue> {
    written_again(kind, bytes).map_err(|error| JsValue::from_str(&error.to_string()))
}

/// Whether `key` signed `message`: the verdict of the module that ships.
#[wasm_bindgen(js_name = verifySignature)]
#[must_use]
pub fn verify_signature(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verifies(key, message, signature)
}

fn written_again(kind: &str, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let channel = Channel::ALL.into_iter().find(|channel| channel.name() == kind);
    if let Some(channel) = channel {
        return Ok(Frame::decode(channel, bytes)?.encode());
    }
    if kind == "signal" {
        return Ok(Signal::decode(bytes)?.encode());
    }
    if kind == "sync" {
        return Ok(SyncMessage::decode(bytes)?.encode());
    }
    let (parcel, offset) = Parcel::open(bytes)?;
    Ok(parcel.seal(bytes.get(offset..).unwrap_or_default()).to_vec())
}
