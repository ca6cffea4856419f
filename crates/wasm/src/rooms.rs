//! What a room is opened with, and how one is made.

use meshlace_core::error::ErrorCode;
use meshlace_core::ledger::RoomKind;
use meshlace_core::ledger::profile::create_room;
use meshlace_core::node::{IceServer, MeshError, NodeConfig};
use meshlace_core::signalling::address::RoomAddress;
use meshlace_core::time::Span;

use crate::input::{seed, whole};
use crate::machine::Answer;
use crate::values::{Reader, Writer};

pub(crate) fn config(from: &mut Reader<'_>) -> NodeConfig {
    NodeConfig {
        address: from.text(),
        server: from.optional(Reader::text),
        identity: from.optional(seed),
        ice_servers: from.optional(|from| from.list(ice_server)),
        relay_only: from.bool(),
        timeout: from.optional(|from| Span::from_ms(whole(from.double()))),
    }
}

fn ice_server(from: &mut Reader<'_>) -> IceServer {
    from.group(|from| IceServer {
        urls: from.list(Reader::text),
        username: from.optional(Reader::text),
        credential: from.optional(Reader::text),
    })
}

/// Makes a room that a profile owns, or that is open to all who know its address: its address and
/// genesis.
///
/// # Errors
/// `InvalidAddress` if the server or page cannot be read, `InvalidArgument` if the name is too long.
pub(crate) fn create(from: &mut Reader<'_>, out: &mut Writer) -> Result<Answer, MeshError> {
    let kind = if from.bool() { RoomKind::Owned } else { RoomKind::Open };
    let (name, profile) = (from.text(), seed(from));
    let (nonce, secret) = (bytes(from), bytes(from));
    let (page, server) = (from.optional(Reader::text), from.text());
    from.check()?;
    let genesis = create_room(&profile, kind, &name, nonce).ok_or_else(|| {
        MeshError::new(ErrorCode::InvalidArgument)
            .mismatch("a name of at most 128 bytes", "a longer one")
    })?;
    let address = RoomAddress::of_created(genesis.room(), secret, page.as_deref(), &server);
    let address = address.map_err(|error| {
        MeshError::new(ErrorCode::InvalidAddress).mismatch(error.expected(), error.found())
    })?;
    out.list().text(&address.to_text()).bytes(genesis.bytes()).end();
    Ok(Answer::Written)
}

fn bytes(from: &mut Reader<'_>) -> [u8; 16] {
    from.bytes().try_into().unwrap_or_else(|_| from.refuse())
}
