//! Why an introduction or signal is refused.

use core::fmt;

use crate::codec::DecodeError;
use crate::id::Instance;

/// Why an introduction or signal is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// More bytes than the server carries.
    TooLarge {
        /// Most bytes allowed.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// Fewer bytes than sealing alone adds.
    Truncated {
        /// Fewest bytes.
        min: usize,
        /// Bytes found.
        found: usize,
    },
    /// Sealed with another key or bound to other sessions, or altered on the way.
    NotOpenable,
    /// What was sealed cannot be read.
    Malformed(DecodeError),
    /// A sealing key that gives the same secret to everyone.
    WeakKey,
    /// An introduction that speaks for another session key.
    WrongSessionKey,
    /// A signal for another room.
    WrongRoom,
    /// A signal from another peer than its session belongs to.
    WrongSender,
    /// A signal for another peer.
    WrongReceiver,
    /// A signal for or from another start of the peer.
    WrongInstance {
        /// The start we know of.
        expected: Instance,
        /// The start it names.
        found: Instance,
    },
    /// An introduction that the peer it names did not sign.
    BadSignature,
}

impl From<DecodeError> for EnvelopeError {
    fn from(cause: DecodeError) -> Self {
        Self::Malformed(cause)
    }
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit, found } => {
                write!(f, "{found} bytes, at most {limit} allowed")
            }
            Self::Truncated { min, found } => write!(f, "{found} bytes, at least {min} needed"),
            Self::NotOpenable => f.write_str("sealed for others, or altered"),
            Self::Malformed(_) => f.write_str("its content cannot be read"),
            Self::WeakKey => f.write_str("a sealing key that gives no secret"),
            Self::WrongSessionKey => f.write_str("it speaks for another session"),
            Self::WrongRoom => f.write_str("it belongs to another room"),
            Self::WrongSender => f.write_str("it comes from another peer"),
            Self::WrongReceiver => f.write_str("it is for another peer"),
            Self::WrongInstance { .. } => f.write_str("it belongs to another start of the peer"),
            Self::BadSignature => f.write_str("the peer it names did not sign it"),
        }
    }
}

impl core::error::Error for EnvelopeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Malformed(cause) => Some(cause),
            _ => None,
        }
    }
}
