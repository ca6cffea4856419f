//! What needs no room: the hash of states, and what the golden vectors ask of the built module.

use alloc::string::ToString;
use alloc::vec::Vec;
use meshlace_core::codec::DecodeError;
use meshlace_core::crypto::{Context, derive, verifies};
use meshlace_core::error::ErrorCode;
use meshlace_core::ledger::sync::message::SyncMessage;
use meshlace_core::link::Channel;
use meshlace_core::link::frame::Frame;
use meshlace_core::link::signal::Signal;
use meshlace_core::node::MeshError;
use meshlace_core::node::parcel::Parcel;

use crate::machine::Answer;
use crate::names::Call;
use crate::values::Reader;

pub(crate) fn answer(call: Call, from: &mut Reader<'_>) -> Result<Answer, MeshError> {
    if call == Call::StateHash {
        let state = from.bytes();
        from.check()?;
        return Ok(Answer::Bytes(derive(Context::STATE, &[&state]).as_bytes().to_vec()));
    }
    if call == Call::VerifySignature {
        let (key, message, signature) = (from.bytes(), from.bytes(), from.bytes());
        from.check()?;
        let is_valid = verifies(&key, &message, &signature);
        return Ok(Answer::Number(f64::from(u8::from(is_valid))));
    }
    let (kind, bytes) = (from.text(), from.bytes());
    from.check()?;
    reencode(&kind, &bytes)
        .map(Answer::Bytes)
        .map_err(|error| MeshError::new(ErrorCode::ProtocolViolation).detail(error.to_string()))
}

/// Reads `bytes` as one `kind` of thing (`control`, `bulk` or `lossy` for a frame of that channel,
/// `signal`, `sync` for a message of the ledger, or anything else for a parcel) and writes it again.
/// There is one encoding, so the bytes come back as they were.
fn reencode(kind: &str, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
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
    Ok(parcel.seal(bytes.get(offset..).unwrap_or_default().to_vec()).bytes().into_owned())
}
