//! The server part of an address, normalised as a browser's URL parser does it.

use alloc::format;
use alloc::string::String;

use crate::limits::HOST_BYTES_MAX;

use super::{AddressError, SOCKET_PATH, ip, split_scheme};

/// A server: host, port, and whether the socket to it is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    secure: bool,
    host: String,
}

impl ServerAddress {
    /// Reads `[scheme://]host[:port][/]`. Without a scheme, the socket is encrypted unless the
    /// server is this machine or the page itself is not (`page_is_secure`).
    ///
    /// # Errors
    /// `Scheme`, `UserInfo`, `Host`, `Port` and `Path` of [`AddressError`].
    pub fn parse(text: &str, page_is_secure: bool) -> Result<Self, AddressError> {
        let text = text.trim();
        let (secure, rest) = match split_scheme(text) {
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "wss" | "https" => (Some(true), rest),
                "ws" | "http" => (Some(false), rest),
                _ => return Err(AddressError::Scheme),
            },
            None => (None, text),
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if !matches!(path, "" | "/" | SOCKET_PATH) {
            return Err(AddressError::Path);
        }
        if authority.contains('@') {
            return Err(AddressError::UserInfo);
        }
        let (name, port) = split_port(authority)?;
        let name = normal_name(name)?;
        let secure = secure.unwrap_or_else(|| page_is_secure && !is_loopback(&name));
        let host = match port {
            Some(port) if port != default_port(secure) => format!("{name}:{port}"),
            _ => name,
        };
        Ok(Self { secure, host })
    }

    /// Whether the socket is encrypted.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Host, and port unless it is the usual one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `wss://host` or `ws://host`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "wss" } else { "ws" }, self.host)
    }

    /// The shortest form that [`ServerAddress::parse`] reads back with the same `page_is_secure`.
    #[must_use]
    pub fn to_text(&self, page_is_secure: bool) -> String {
        match Self::parse(&self.host, page_is_secure) {
            Ok(parsed) if parsed == *self => self.host.clone(),
            _ => self.origin(),
        }
    }
}

/// The host of `host[:port]` without its port, IPv6 brackets kept.
#[must_use]
pub(in crate::signalling) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    let name = without_port(authority);
    let port = authority.strip_prefix(name).unwrap_or("").strip_prefix(':');
    let Some(port) = port.filter(|port| !port.is_empty()) else {
        return Ok((name, None));
    };
    if !port.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(AddressError::Port);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(AddressError::Port),
        Ok(port) => Ok((name, Some(port))),
    }
}

fn normal_name(name: &str) -> Result<String, AddressError> {
    if name.is_empty() || name.len() > HOST_BYTES_MAX - ":65535".len() {
        return Err(AddressError::Host);
    }
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let groups = ip::read_v6(inner).ok_or(AddressError::Host)?;
        return Ok(format!("[{}]", ip::write_v6(groups)));
    }
    let name = name.to_ascii_lowercase();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !name.bytes().all(fits) || name.split('.').any(str::is_empty) {
        return Err(AddressError::Host);
    }
    // Browsers read any host whose last label is a number as an IPv4 address, in many spellings.
    // Only the one with four decimal numbers is accepted here.
    let last = name.rsplit('.').next().unwrap_or("");
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        ip::read_v4(&name).ok_or(AddressError::Host)?;
    }
    Ok(name)
}

fn is_loopback(name: &str) -> bool {
    let v6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    name == "localhost"
        || name.ends_with(".localhost")
        || matches!(ip::read_v4(name), Some([127, ..]))
        || v6.and_then(ip::read_v6) == Some([0, 0, 0, 0, 0, 0, 0, 1])
}
