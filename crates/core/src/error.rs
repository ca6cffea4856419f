//! What the application is told when something could not be done.
//!
//! One closed set of codes for every operation of the application's surface, since JavaScript sees
//! them as one union. Each machine has its own small error enum; the node translates. Messages may
//! change; codes may not.

use core::fmt;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident => $sentence:literal,)*) => {
        /// Why something could not be done. The names are the codes JavaScript sees.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as JavaScript sees it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it means, as one sentence for the generated types.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }

            /// What a person reads when nothing more exact is known.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)* }
            }
        }
    };
}

codes! {
    /// The room address cannot be read.
    InvalidAddress => "this is not a room address",
    /// An option or argument has a value that cannot be used.
    InvalidArgument => "an argument has a value that cannot be used",
    /// No server could be reached before the deadline.
    ServerUnreachable => "the server cannot be reached",
    /// The server speaks another version of the protocol.
    VersionMismatch => "the server speaks another version of the protocol",
    /// The server answered with something that is not this protocol.
    ServerProtocol => "the server does not speak this protocol",
    /// The server refused the proof of the session key.
    ServerRefused => "the server refused this peer",
    /// The room holds as many peers as it may.
    RoomFull => "the room is full",
    /// The server has more connections or messages from here than it allows.
    RateLimited => "the server limits how much it takes from here",
    /// A signal is larger than the server takes.
    SignalTooLarge => "a signal is larger than the server takes",
    /// The server is lost; links go on without it.
    SignallingLost => "the connection to the server is lost",
    /// Neither side found an address at which it can be reached.
    NoCandidates => "no network address was found to connect from",
    /// No pair of addresses connects the two peers.
    IceFailed => "no path connects the two peers",
    /// The encrypted transport could not be set up.
    DtlsFailed => "the encrypted transport could not be set up",
    /// The connection is up but its data channels did not open.
    ChannelTimeout => "the data channels did not open in time",
    /// The channels are open but the peer did not prove who it is in time.
    HelloTimeout => "the peer did not prove in time who it is",
    /// The peer's proof of who it is does not hold.
    HelloRejected => "the peer's proof of who it is does not hold",
    /// The peer stayed frozen longer than its messages are kept.
    PeerFrozen => "the peer stayed frozen for too long",
    /// The peer left, or nothing was heard of it for too long.
    PeerLeft => "the peer has left",
    /// The peer started anew; what it had not acknowledged may or may not have arrived.
    PeerRestarted => "the peer started anew",
    /// A later start of this same peer took its place.
    Replaced => "a later start of this peer took its place",
    /// The peer cannot take more.
    Overloaded => "the peer cannot take more",
    /// The other side broke the protocol.
    ProtocolViolation => "the other side broke the protocol",
    /// The browser could not carry out a WebRTC operation.
    WebRtcFailed => "the browser could not carry out a WebRTC operation",
    /// There is no WebRTC here.
    NoWebRtc => "there is no WebRTC here",
    /// The room has been left or was closed.
    RoomClosed => "the room is closed",
    /// Nobody by this name is in the room.
    UnknownPeer => "no such peer is in the room",
    /// A value cannot be sent as it is.
    NotSerializable => "this value cannot be sent",
    /// A message is longer than allowed.
    MessageTooLarge => "the message is too large",
    /// More is queued than allowed; nothing of this message was sent.
    QueueFull => "too much is queued",
    /// The caller gave up.
    Cancelled => "cancelled by the caller",
    /// No answer came in time.
    RequestTimeout => "no answer came in time",
    /// The peer has no handler for this request.
    NoHandler => "the peer has no handler for this request",
    /// The peer's handler failed.
    HandlerFailed => "the peer's handler failed",
    /// More requests or streams at once than allowed.
    TooMany => "more at once than allowed",
    /// The library itself failed: a bug. The room is closed.
    InternalFault => "the library itself failed",
    /// A block breaks the rules of the ledger; `expected` and `found` say which.
    BlockRefused => "a block breaks the rules of the ledger",
    /// A genesis is not the one that the room's address names.
    GenesisMismatch => "this is not the genesis of the room",
    /// The ledger is not open yet, or its genesis has not come.
    LedgerNotReady => "the ledger is not open yet",
    /// An author wrote two histories, for which there is a proof; a `peer` that wrote as that author was left.
    AuthorForked => "an author wrote two histories",
    /// The store's `allow` refuses the action.
    NotAllowed => "the store does not allow this action",
    /// A store's reducer threw; the action has no effect, here and everywhere.
    ReducerFailed => "a reducer threw",
    /// A block does not hold what a store's actions look like; it has no effect.
    ActionsMalformed => "a block's actions cannot be read",
    /// Peers that fold the same actions come to different states.
    Diverged => "peers came to different states",
    /// Nothing can be stored here; the room goes on in memory.
    StorageRefused => "nothing can be stored here",
    /// There is no more space to store in; the room goes on in memory.
    StorageFull => "the storage is full",
    /// A stored record is damaged; it is asked of others.
    StorageCorrupt => "a stored record is damaged",
    /// An application's listener threw.
    ListenerFailed => "a listener threw",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// What is known of a message that could not be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Not a byte of it was sent.
    NotSent,
    /// It may or may not have arrived.
    Unknown,
}

impl Delivery {
    /// The word JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not-sent",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_explained() {
        for (index, code) in ErrorCode::ALL.iter().enumerate() {
            assert!(ErrorCode::ALL[..index].iter().all(|other| other.name() != code.name()));
            assert!(code.meaning().trim().ends_with('.'), "{code:?}");
            assert!(!code.sentence().ends_with('.'), "{code:?}");
        }
    }
}
