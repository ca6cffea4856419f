//! Room addresses: the URL that opens a room.
//!
//! ```text
//! https://page/path#ROOM.SECRET            the page's own host is the server
//! https://page/path#ROOM.SECRET@server     another server
//! wss://server/#ROOM.SECRET                no page
//! #ROOM.SECRET@server, ROOM.SECRET         the bare fragment
//! file:///page.html#ROOM.SECRET@server     a page that has no host
//! kitchen                                  a public room, by its bare name
//! ```
//!
//! ROOM is the 32 bytes of a room's id, which is the hash of its genesis, or 16 bytes that a room is
//! made from where nobody creates it, as behind a passphrase. SECRET is 16 to 64 bytes, both are
//! unpadded base64url. They stand in the fragment, which a browser sends to nobody. A name with a dot is refused as a public room: a
//! half-copied invite must not open a room that strangers can enter.
//!
//! `server` is `host[:port]`, also with `wss://`, `ws://`, `https://` or `http://` before it. Without
//! a scheme the socket is encrypted, except to this machine itself or from a page that is not.
//! Hosts are normalised as browsers do it, because the proof of joining is signed over the host and
//! the server compares it with the `Host` header. Out of scope: IDNA (write the punycode form).
//!
//! Source: docs/protocol.md R-104 to R-108.

use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::codec::base64url;
use crate::id::RoomId;
use crate::limits::{
    ADDRESS_BYTES_MAX, ROOM_BYTES, ROOM_NAME_BYTES_MAX, SECRET_BYTES_MAX, SECRET_BYTES_MIN,
};

use super::keys::{RoomKeys, public_room_id, room_id};

mod error;
mod ip;
mod server;
#[cfg(test)]
mod tests;

pub use error::AddressError;
pub use server::ServerAddress;
pub(super) use server::without_port;

/// Where the server's socket is.
pub const SOCKET_PATH: &str = "/meshlace/v1";

/// Which room, and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub enum RoomRef {
    /// A room with a secret.
    Secret {
        /// What the room was made from.
        room: [u8; ROOM_BYTES],
        /// What opens it.
        secret: RoomSecret,
    },
    /// A room that somebody created, with a secret: whoever enters checks its genesis.
    Created {
        /// The room's id: the hash of its genesis.
        room: RoomId,
        /// What opens it.
        secret: RoomSecret,
    },
    /// A public room: whoever knows its name can enter.
    Public {
        /// Its name.
        name: String,
    },
}

/// A room's secret. Not `Debug`-printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomSecret(alloc::vec::Vec<u8>);

impl RoomSecret {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RoomSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoomSecret(..)")
    }
}

impl fmt::Debug for RoomRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { .. } | Self::Created { .. } => write!(f, "RoomRef({:?})", self.id()),
            Self::Public { name } => write!(f, "RoomRef(public {name:?})"),
        }
    }
}

impl RoomRef {
    /// The room's id.
    #[must_use]
    pub fn id(&self) -> RoomId {
        match self {
            Self::Secret { room, .. } => room_id(room),
            Self::Created { room, .. } => *room,
            Self::Public { name } => public_room_id(name),
        }
    }

    /// What the room's secret is turned into.
    #[must_use]
    pub fn keys(&self) -> RoomKeys {
        match self {
            Self::Secret { secret, .. } | Self::Created { secret, .. } => {
                RoomKeys::derive(self.id(), secret.as_bytes())
            }
            Self::Public { .. } => RoomKeys::derive(self.id(), &[]),
        }
    }

    /// Whether strangers can enter.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        matches!(self, Self::Public { .. })
    }
}

/// The URL that opens a room: server, room, secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomAddress {
    room: RoomRef,
    server: ServerAddress,
    page: Option<String>,
}

impl RoomAddress {
    /// Reads an address. `server_option` is what the application says the server is; it counts
    /// where the address itself names none, and before the page's own host.
    ///
    /// # Errors
    /// [`AddressError`], one variant for each thing that can be wrong.
    pub fn parse(text: &str, server_option: Option<&str>) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError::TooLong { limit: ADDRESS_BYTES_MAX, found: text.len() });
        }
        let option = server_option.map(|server| ServerAddress::parse(server, true)).transpose()?;
        let (before, fragment) = match text.split_once('#') {
            Some((before, fragment)) => (before, fragment),
            None if split_scheme(text).is_some() => return Err(AddressError::MissingFragment),
            None if text.contains(['.', '@']) => ("", text),
            None => return Self::public(text, option),
        };
        let (page, host) = page_of(before)?;
        let (room, named) = fragment_of(fragment, host.as_ref())?;
        let missing = match (&page, &host) {
            (Some(_), None) => AddressError::Scheme,
            _ => AddressError::MissingServer,
        };
        let server = named.or(option_or(host, page.is_some(), option));
        Ok(Self { room, server: server.ok_or(missing)?, page })
    }

    /// The address of a room made from these bytes. `page` is the URL of the page that opens it, if
    /// there is one.
    ///
    /// # Errors
    /// [`AddressError`] if `page` or `server` cannot be read.
    pub fn create(
        room: [u8; ROOM_BYTES],
        secret: [u8; SECRET_BYTES_MIN],
        page: Option<&str>,
        server: &str,
    ) -> Result<Self, AddressError> {
        let secret = RoomSecret(secret.to_vec());
        Self::of_room(RoomRef::Secret { room, secret }, page, server)
    }

    /// The address of the room that begins with the genesis of this hash.
    ///
    /// # Errors
    /// As [`RoomAddress::create`].
    pub fn of_created(
        room: RoomId,
        secret: [u8; SECRET_BYTES_MIN],
        page: Option<&str>,
        server: &str,
    ) -> Result<Self, AddressError> {
        let secret = RoomSecret(secret.to_vec());
        Self::of_room(RoomRef::Created { room, secret }, page, server)
    }

    fn of_room(room: RoomRef, page: Option<&str>, server: &str) -> Result<Self, AddressError> {
        let (page, host) = match page {
            Some(page) if page.len() > ADDRESS_BYTES_MAX / 2 => {
                return Err(AddressError::TooLong {
                    limit: ADDRESS_BYTES_MAX / 2,
                    found: page.len(),
                });
            }
            Some(page) => page_of(page.split('#').next().unwrap_or(page))?,
            None => (None, None),
        };
        let server = ServerAddress::parse(server, host.is_none_or(|page| page.is_secure()))?;
        Ok(Self { room, server, page })
    }

    /// Which room, and what opens it.
    #[must_use]
    pub const fn room(&self) -> &RoomRef {
        &self.room
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// Where the driver opens the socket.
    #[must_use]
    pub fn socket_url(&self) -> String {
        format!("{}{SOCKET_PATH}", self.server.origin())
    }

    /// The server's host and port as a browser writes them into the `Host` header.
    #[must_use]
    pub fn host(&self) -> &str {
        self.server.host()
    }

    /// The address as text, to be handed to others. A public room is handed on by its bare name.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (room, secret): (&[u8], _) = match &self.room {
            RoomRef::Public { name } => return name.clone(),
            RoomRef::Secret { room, secret } => (room, secret),
            RoomRef::Created { room, secret } => (room.as_bytes(), secret),
        };
        let fragment =
            format!("{}.{}", base64url::encode(room), base64url::encode(secret.as_bytes()));
        let Some(page) = &self.page else {
            return format!("{}/#{fragment}", self.server.origin());
        };
        match page_of(page) {
            Ok((_, Some(host))) if host == self.server => format!("{page}#{fragment}"),
            Ok((_, host)) => {
                let page_is_secure = host.is_none_or(|host| host.is_secure());
                format!("{page}#{fragment}@{}", self.server.to_text(page_is_secure))
            }
            Err(_) => format!("{}/#{fragment}", self.server.origin()),
        }
    }

    fn public(name: &str, server: Option<ServerAddress>) -> Result<Self, AddressError> {
        if name.len() > ROOM_NAME_BYTES_MAX {
            return Err(AddressError::TooLong { limit: ROOM_NAME_BYTES_MAX, found: name.len() });
        }
        let bad = |letter: char| letter.is_control() || "/:?%\\".contains(letter);
        if let Some(found) = name.chars().find(|letter| bad(*letter)) {
            return Err(AddressError::Name { found });
        }
        let server = server.ok_or(AddressError::MissingServer)?;
        Ok(Self { room: RoomRef::Public { name: String::from(name) }, server, page: None })
    }
}

/// What stands before the fragment: the page (if it is one) and the host it names. A page of another
/// scheme, such as a file's or an application's, names none.
fn page_of(before: &str) -> Result<(Option<String>, Option<ServerAddress>), AddressError> {
    if before.is_empty() {
        return Ok((None, None));
    }
    let (scheme, rest) = split_scheme(before).ok_or(AddressError::Scheme)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let is_page = match scheme.to_ascii_lowercase().as_str() {
        "https" | "http" => true,
        "wss" | "ws" if matches!(path, "" | "/" | SOCKET_PATH) => false,
        "wss" | "ws" => return Err(AddressError::Path),
        other if is_scheme(other) => return Ok((Some(String::from(before)), None)),
        _ => return Err(AddressError::Scheme),
    };
    let host = ServerAddress::parse(&format!("{scheme}://{authority}"), true)?;
    Ok((is_page.then(|| String::from(before)), Some(host)))
}

/// `scheme://rest`. By letters, because a search for text brings 3 KB of WebAssembly.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    rest.strip_prefix("//").map(|rest| (scheme, rest))
}

/// RFC 3986 section 3.1, in lower case.
fn is_scheme(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(fits)
}

/// A socket URL names its server itself; a page's own host only counts when nobody names another.
fn option_or(
    host: Option<ServerAddress>,
    is_page: bool,
    option: Option<ServerAddress>,
) -> Option<ServerAddress> {
    match host {
        Some(host) if !is_page => Some(host),
        host => option.or(host),
    }
}

/// `ROOM.SECRET[@server]`.
fn fragment_of(
    fragment: &str,
    page: Option<&ServerAddress>,
) -> Result<(RoomRef, Option<ServerAddress>), AddressError> {
    // Some messengers percent-encode the at sign of a link they pass on.
    let encoded = || {
        let (opener, rest) = fragment.split_once('%')?;
        rest.strip_prefix("40").map(|server| (opener, server))
    };
    let (opener, server) = match fragment.split_once('@').or_else(encoded) {
        Some((opener, server)) => (opener, Some(server)),
        None => (fragment, None),
    };
    if opener.is_empty() {
        return Err(AddressError::MissingFragment);
    }
    let (room, secret) = opener.split_once('.').ok_or(AddressError::MissingSecret)?;
    let room = base64url::decode(room).ok_or(AddressError::RoomText)?;
    let secret = base64url::decode(secret).ok_or(AddressError::SecretText)?;
    if !(SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&secret.len()) {
        return Err(AddressError::SecretLength {
            min: SECRET_BYTES_MIN,
            max: SECRET_BYTES_MAX,
            found: secret.len(),
        });
    }
    let page_is_secure = page.is_none_or(ServerAddress::is_secure);
    let server = server.map(|server| ServerAddress::parse(server, page_is_secure)).transpose()?;
    Ok((room_of(&room, RoomSecret(secret))?, server))
}

/// Which room these bytes mean, by their count.
fn room_of(room: &[u8], secret: RoomSecret) -> Result<RoomRef, AddressError> {
    if let Ok(room) = room.try_into() {
        return Ok(RoomRef::Secret { room, secret });
    }
    match room.try_into() {
        Ok(room) => Ok(RoomRef::Created { room: RoomId::from_bytes(room), secret }),
        Err(_) => Err(AddressError::RoomLength { found: room.len() }),
    }
}
