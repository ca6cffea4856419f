//! STUN binding responses (RFC 8489): tells a client the address its packets come from.
//!
//! Only that one request is answered. No state, no authentication, no fallback to RFC 3489. A
//! response is at most 32 bytes longer than its request and never answers a response, so the
//! server cannot be used to amplify or to loop. The codec is 28 bytes of fixed layout and one
//! attribute; the crates that would do it bring MD5, HMAC and a text preparation along.

use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

/// Answers binding requests. Never returns.
pub(crate) async fn answer(socket: UdpSocket) {
    let mut packet = [0; PACKET_BYTES_MAX];
    loop {
        // An error concerns one packet (a client that is gone, say); the next may be well.
        let Ok((length, from)) = socket.recv_from(&mut packet).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if let Some(response) = packet.get(..length).and_then(|packet| response(packet, from)) {
            let _ = socket.send_to(&response, from).await;
        }
    }
}

/// What to answer to a packet; `None` for whatever is not a well-formed binding request.
///
/// Layout: type (2 bytes), length of the attributes (2), magic cookie (4), transaction (12), then
/// attributes: type (2), length (2), value padded to 4 bytes. A request with an attribute that must
/// be understood and is not gets error 420 naming it.
#[must_use]
pub fn response(packet: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let (head, attributes) = packet.split_first_chunk::<HEAD_BYTES>()?;
    let [type_high, type_low, length_high, length_low, cookie @ ..] = head;
    let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
    let transaction = cookie.strip_prefix(&MAGIC_COOKIE)?;
    if [*type_high, *type_low] != BINDING_REQUEST || length != attributes.len() {
        return None;
    }
    match unknown_attributes(attributes)? {
        unknown if unknown.is_empty() => {
            let address = xor_mapped_address(from, transaction);
            Some(message(BINDING_SUCCESS, transaction, &[(XOR_MAPPED_ADDRESS, &address)]))
        }
        unknown => {
            let code = [&[0, 0, 4, 20][..], b"Unknown Attribute"].concat();
            let attributes = [(ERROR_CODE, &code[..]), (UNKNOWN_ATTRIBUTES, &unknown)];
            Some(message(BINDING_ERROR, transaction, &attributes))
        }
    }
}

/// The types of attributes that must be understood and are not; `None` if they are malformed.
fn unknown_attributes(mut attributes: &[u8]) -> Option<Vec<u8>> {
    let mut unknown = Vec::new();
    while !attributes.is_empty() {
        let ([kind_high, kind_low, length_high, length_low], rest) =
            attributes.split_first_chunk()?;
        let kind = u16::from_be_bytes([*kind_high, *kind_low]);
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        attributes = rest.get(length.next_multiple_of(4)..)?;
        if kind < OPTIONAL_MIN && !UNDERSTOOD.contains(&kind) && unknown.len() < 2 * UNKNOWN_MAX {
            unknown.extend(kind.to_be_bytes());
        }
    }
    Some(unknown)
}

fn message(kind: [u8; 2], transaction: &[u8], attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    for (kind, value) in attributes {
        body.extend(kind.to_be_bytes());
        body.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
        body.extend(*value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let length = u16::try_from(body.len()).unwrap_or(0).to_be_bytes();
    [&kind[..], &length, &MAGIC_COOKIE, transaction, &body].concat()
}

/// The address, masked with the cookie and the transaction, since some routers rewrite every
/// address they recognise in a packet.
fn xor_mapped_address(from: SocketAddr, transaction: &[u8]) -> Vec<u8> {
    let address = from.ip().to_canonical();
    let (family, mut octets) = match address {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let [port_high, port_low] = from.port().to_be_bytes();
    let [cookie_high, cookie_low, ..] = MAGIC_COOKIE;
    let mask = MAGIC_COOKIE.iter().chain(transaction);
    octets.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
    let mut value = vec![0, family, port_high ^ cookie_high, port_low ^ cookie_low];
    value.append(&mut octets);
    value
}

const HEAD_BYTES: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const BINDING_ERROR: [u8; 2] = [0x01, 0x11];
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// From here on attributes may be ignored.
const OPTIONAL_MIN: u16 = 0x8000;
/// USERNAME, MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256, PRIORITY, USE-CANDIDATE: what ICE agents
/// are known to send along, and what a server without authentication may pass over.
const UNDERSTOOD: [u16; 5] = [0x0006, 0x0008, 0x001c, 0x0024, 0x0025];
/// Most attributes named in an error: it must not grow with the request.
const UNKNOWN_MAX: usize = 8;
/// Longer requests than this are none of ours.
const PACKET_BYTES_MAX: usize = 548;

#[cfg(test)]
mod tests;
