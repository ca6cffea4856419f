//! Why a server refuses something, as a closed set of codes.

use core::fmt;

use crate::codec::{DecodeError, Reader};
use crate::error::ErrorCode;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$line:meta])* $variant:ident = $code:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$line])* $variant,)*
        }

        impl $name {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The number it travels as.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            /// Reads the number it travels as.
            pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let offset = reader.offset();
                match reader.u64()? {
                    $($code => Ok(Self::$variant),)*
                    found => Err(DecodeError::OutOfRange { offset, found }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

reasons! {
    /// Why the server refused a message.
    RefusalReason {
        /// No version is spoken on both sides.
        Version = 1, "no common version";
        /// The proof was made for another server.
        Host = 2, "the proof is for another host";
        /// The proof of the session key does not hold.
        Proof = 3, "the proof does not hold";
        /// The room holds as many members as it may.
        RoomFull = 4, "the room is full";
        /// Too many sockets and sessions come from this address, or are at this server.
        TooManyClients = 5, "too many clients";
        /// More messages or bytes than allowed.
        OverAllowance = 6, "more messages or bytes than allowed";
        /// A message longer than allowed.
        TooLarge = 7, "a message is too large";
        /// A message that cannot be read.
        Malformed = 8, "a message cannot be read";
        /// A good message that does not belong here.
        Unexpected = 9, "a message does not belong here";
        /// There is no such session, or no longer; the socket stays open for a join.
        UnknownSession = 10, "no such session";
        /// Nothing came in time.
        Deadline = 11, "nothing came in time";
        /// The server is stopping.
        Draining = 12, "the server is stopping";
        /// The session goes on with another socket.
        Replaced = 13, "the session has another socket";
    }
}

reasons! {
    /// Why an envelope did not reach its receiver.
    UndeliverableReason {
        /// There is no such member in the room.
        NotHere = 1, "no such member";
        /// It is longer than the server takes.
        TooLarge = 2, "too large";
        /// As much as is kept already waits for the receiver, whose socket is gone.
        ReceiverFull = 3, "too much waits for the receiver";
        /// The sender sent more than it may.
        OverAllowance = 4, "more than allowed";
        /// We have no server at the moment. Never sent by one.
        Offline = 5, "the server is lost";
    }
}

impl RefusalReason {
    /// The code the application sees.
    #[must_use]
    pub const fn error_code(self) -> ErrorCode {
        match self {
            Self::Version => ErrorCode::VersionMismatch,
            Self::Host | Self::Proof | Self::Replaced => ErrorCode::ServerRefused,
            Self::RoomFull => ErrorCode::RoomFull,
            Self::TooManyClients | Self::OverAllowance => ErrorCode::RateLimited,
            Self::TooLarge => ErrorCode::SignalTooLarge,
            Self::Malformed | Self::Unexpected | Self::UnknownSession => ErrorCode::ServerProtocol,
            Self::Deadline | Self::Draining => ErrorCode::ServerUnreachable,
        }
    }
}

impl UndeliverableReason {
    /// The code the application sees.
    #[must_use]
    pub const fn error_code(self) -> ErrorCode {
        match self {
            Self::NotHere => ErrorCode::UnknownPeer,
            Self::TooLarge => ErrorCode::SignalTooLarge,
            Self::ReceiverFull => ErrorCode::Overloaded,
            Self::OverAllowance => ErrorCode::RateLimited,
            Self::Offline => ErrorCode::SignallingLost,
        }
    }
}
