//! Why a server cannot serve.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a server cannot serve.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The address cannot be listened on for STUN.
    ListenUdp {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no entropy.
    Entropy,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, address, source) = match self {
            Self::Listen { address, source } => ("port", address, source),
            Self::ListenUdp { address, source } => ("UDP port", address, source),
            Self::Entropy => return f.write_str("the system gives no random numbers"),
        };
        let port = address.port();
        match source.kind() {
            io::ErrorKind::AddrInUse => {
                write!(f, "{what} {port} is in use by another program; choose one with --port")
            }
            io::ErrorKind::PermissionDenied => {
                write!(f, "{what} {port} needs rights this user does not have; choose another")
            }
            io::ErrorKind::AddrNotAvailable => {
                write!(f, "this machine does not have the address {}", address.ip())
            }
            _ => write!(f, "{what} {port} of {} cannot be listened on", address.ip()),
        }
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::ListenUdp { source, .. } => Some(source),
            Self::Entropy => None,
        }
    }
}
