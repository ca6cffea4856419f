//! How a peer can break the link protocol.

use core::fmt;

use crate::codec::DecodeError;

use super::hello::HelloError;
use super::inbox::InboxFault;
use super::outbox::FalseAck;
use super::sdp::SdpError;
use super::signal::SignalError;
use super::transport::Channel;

/// What the peer did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkFault {
    /// A frame that is none.
    Frame(Channel, DecodeError),
    /// A hello that does not hold.
    Hello(HelloError),
    /// A frame at a moment when none of its kind may come.
    Unexpected {
        /// What came.
        found: &'static str,
    },
    /// A signal that is none, or false.
    Signal(SignalError),
    /// A description whose fingerprint is missing, doubled or malformed.
    Description(SdpError),
    /// An acknowledgement of what was never sent.
    FalseAck(FalseAck),
    /// Messages that break the rules of their numbers.
    Inbox(InboxFault),
    /// More frames before the hello than there can be.
    TooEarly {
        /// The most held.
        limit: usize,
    },
}

impl LinkFault {
    /// What was expected and what was found, for the application.
    #[must_use]
    pub fn mismatch(&self) -> (&'static str, alloc::string::String) {
        use alloc::format;
        use alloc::string::ToString;
        match self {
            Self::Frame(channel, error) => ("a frame", format!("{error} on {}", channel.name())),
            Self::Hello(HelloError::Malformed(error)) => ("a hello", error.to_string()),
            Self::Hello(HelloError::Version { found, .. }) => {
                ("link version 1", format!("link version {found}"))
            }
            Self::Hello(HelloError::Differs { field }) => {
                ("a hello for this connection", format!("another {field}"))
            }
            Self::Hello(HelloError::BadSignature) => {
                ("a hello signed by the peer's key", "a signature that does not hold".to_string())
            }
            Self::Unexpected { found } => ("another frame", (*found).to_string()),
            Self::Signal(SignalError::Malformed(error)) => ("a signal", error.to_string()),
            Self::Signal(SignalError::AckOutOfRange { expected, found }) => {
                ("an acknowledgement of a signal", format!("{found} where {expected} is the last"))
            }
            Self::Signal(SignalError::TooLong { limit }) => {
                ("a description", format!("parts of more than {limit} bytes"))
            }
            Self::Signal(SignalError::TooManyEarly { limit }) => {
                ("signals in their order", format!("more than {limit} before a missing one"))
            }
            Self::Description(SdpError::SecondFingerprint) => {
                ("one DTLS fingerprint", "a second fingerprint".to_string())
            }
            Self::Description(SdpError::NoFingerprint) => {
                ("one DTLS fingerprint", "none".to_string())
            }
            Self::Description(SdpError::MalformedFingerprint) => {
                ("a SHA-256 fingerprint", "something else".to_string())
            }
            Self::FalseAck(FalseAck { expected, found }) => {
                ("an acknowledgement of what was sent", format!("{found} instead of {expected}"))
            }
            Self::Inbox(fault) => ("messages in their order", fault.to_string()),
            Self::TooEarly { limit } => ("a hello", format!("more than {limit} frames before it")),
        }
    }
}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, found) = self.mismatch();
        write!(f, "expected {expected}, found {found}")
    }
}

impl core::error::Error for LinkFault {}
