//! Why a room address cannot be read.

use alloc::format;
use alloc::string::String;
use core::fmt;

/// Why a room address cannot be read. Never holds the secret, since errors are shown and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no text.
    Empty,
    /// The address, or a public room's name, is too long.
    TooLong {
        /// Most bytes allowed.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// A URL that is neither http(s) nor ws(s), and nothing else names a server.
    Scheme,
    /// A URL without `#ROOM.SECRET`.
    MissingFragment,
    /// A fragment with a room but no secret.
    MissingSecret,
    /// The room is not base64url.
    RoomText,
    /// The room has another length.
    RoomLength {
        /// Bytes found.
        found: usize,
    },
    /// The secret is not base64url.
    SecretText,
    /// The secret is too short or too long.
    SecretLength {
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        max: usize,
        /// Bytes found.
        found: usize,
    },
    /// Nothing says which server.
    MissingServer,
    /// The server has a user name or password before its host.
    UserInfo,
    /// The server's host cannot be read.
    Host,
    /// The server's port cannot be read.
    Port,
    /// The server has a path.
    Path,
    /// A public room's name has a character that names do not have.
    Name {
        /// The character.
        found: char,
    },
}

impl AddressError {
    /// What belongs there, for the developer.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Empty => String::from("a room address"),
            Self::TooLong { limit, .. } => format!("at most {limit} bytes"),
            Self::Scheme => {
                String::from("a URL that starts with https, http, wss or ws, or @server after it")
            }
            Self::MissingFragment => String::from("#ROOM.SECRET after the URL"),
            Self::MissingSecret => String::from("ROOM.SECRET, with a dot between"),
            Self::RoomText | Self::SecretText => String::from("unpadded base64url"),
            Self::RoomLength { .. } => String::from("a room of 16 or 32 bytes"),
            Self::SecretLength { min, max, .. } => format!("a secret of {min} to {max} bytes"),
            Self::MissingServer => String::from("a server: @server in the address, or an option"),
            Self::UserInfo => String::from("a server without a user name"),
            Self::Host => String::from("a host name or address"),
            Self::Port => String::from("a port from 1 to 65535"),
            Self::Path => String::from("a server without a path"),
            Self::Name { .. } => String::from("a name without / : ? % \\ # . @"),
        }
    }

    /// What stands there instead, without giving the secret away.
    #[must_use]
    pub fn found(&self) -> String {
        match self {
            Self::Empty => String::from("nothing"),
            Self::TooLong { found, .. }
            | Self::RoomLength { found }
            | Self::SecretLength { found, .. } => format!("{found} bytes"),
            Self::Scheme => String::from("another scheme, or none"),
            Self::MissingFragment => String::from("a URL without a room"),
            Self::MissingSecret => String::from("a room without a secret"),
            Self::RoomText => String::from("a room in another alphabet"),
            Self::SecretText => String::from("a secret in another alphabet"),
            Self::MissingServer => String::from("no server"),
            Self::UserInfo => String::from("a user name"),
            Self::Host => String::from("a host that cannot be read"),
            Self::Port => String::from("a port that cannot be read"),
            Self::Path => String::from("a path"),
            Self::Name { found } => format!("'{}'", found.escape_default()),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected(), self.found())
    }
}

impl core::error::Error for AddressError {}
