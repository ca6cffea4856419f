//! The command line.

use std::net::SocketAddr;

/// Which server is on the other side.
#[derive(Clone, Copy)]
pub enum Protocol {
    /// PeerServer.
    PeerJs,
    /// `meshlace serve`.
    Meshlace,
    /// The signalling server of y-webrtc.
    YWebrtc,
}

/// What was asked for.
pub struct Arguments {
    /// The protocol to speak.
    pub protocol: Protocol,
    /// Where the server listens.
    pub server: SocketAddr,
    /// How many clients to hold.
    pub clients: usize,
}

impl Arguments {
    /// Reads `--protocol NAME --url http://ADDRESS:PORT --clients N`.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut protocol, mut server, mut clients) = (None, None, None);
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} wants a value"))?;
            match option.as_str() {
                "--protocol" => protocol = Some(parse_protocol(&value)?),
                "--url" => server = Some(parse_server(&value)?),
                "--clients" => clients = value.parse().ok(),
                _ => return Err(format!("unknown option {option}")),
            }
        }
        match (protocol, server, clients) {
            (Some(protocol), Some(server), Some(clients)) => Ok(Self { protocol, server, clients }),
            _ => Err("--protocol, --url and --clients are needed".to_owned()),
        }
    }
}

fn parse_protocol(value: &str) -> Result<Protocol, String> {
    match value {
        "peerjs" => Ok(Protocol::PeerJs),
        "meshlace" => Ok(Protocol::Meshlace),
        "y-webrtc" => Ok(Protocol::YWebrtc),
        _ => Err(format!("unknown protocol {value}")),
    }
}

fn parse_server(value: &str) -> Result<SocketAddr, String> {
    let address = value.strip_prefix("http://").unwrap_or(value);
    address.parse().map_err(|error| format!("{value}: {error}"))
}
