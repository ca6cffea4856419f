//! What became of one input, the same for both machines.

use core::fmt;

use crate::codec::DecodeError;

/// What became of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// It was taken up.
    Done,
    /// It concerns a socket or session that is no more, and changed nothing.
    Ignored,
    /// The other side broke the protocol.
    Fault(Fault),
}

/// How the other side broke the protocol, or what of it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Its message could not be read.
    Malformed(DecodeError),
    /// Its message is longer than allowed.
    TooLarge {
        /// Most bytes allowed.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// A good message that does not belong here.
    Unexpected,
    /// The proof of its session key does not hold.
    BadProof,
    /// It sent more than its allowance.
    OverAllowance,
    /// Its event has another number than the one due.
    OutOfOrder {
        /// The number due.
        expected: u64,
        /// The number found.
        found: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Malformed(_) => f.write_str("a message cannot be read"),
            Self::TooLarge { limit, found } => {
                write!(f, "a message of {found} bytes, at most {limit} allowed")
            }
            Self::Unexpected => f.write_str("a message that does not belong here"),
            Self::BadProof => f.write_str("the proof of the session key does not hold"),
            Self::OverAllowance => f.write_str("more messages than allowed"),
            Self::OutOfOrder { expected, found } => {
                write!(f, "event {found} where {expected} was due")
            }
        }
    }
}

impl core::error::Error for Fault {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Malformed(cause) => Some(cause),
            _ => None,
        }
    }
}
