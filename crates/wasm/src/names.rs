//! The names of what crosses, and their numbers. `examples/names.rs` writes them for TypeScript, so that
//! both sides have the same.

use alloc::string::String;
use alloc::vec::Vec;

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident { $($name:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum $kind {
            $($name,)*
        }

        impl $kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            fn names() -> Vec<String> {
                Self::ALL.iter().map(|name| method(name.name())).collect()
            }
        }
    };
}

names! {
    /// What JavaScript calls: a method of the same name, but for its first letter.
    Call {
        Timeout SelfId Address Open
        Start Tick Entropy Lifecycle
        SocketOpened SocketReceived SocketClosed
        Described Applied OperationFailed CandidateGathered GatheringDone GatheringFailed
        NegotiationNeeded TransportChanged ChannelOpened ChannelClosed Buffered TrackArrived Stats
        SendText SendBytes SendTopicText SendTopicBytes Cancel
        Request Respond RespondNoHandler RespondFailed
        SetPresence ClearPresence AddStream RemoveStream AwaitDrained Diagnose Leave
        LedgerOpen LedgerRestore LedgerRestored RecordsStored RecordsFailed LedgerWrite LedgerImport
        LedgerLength LedgerRead LedgerAuthors LedgerLinks LedgerPlace LedgerCheck LedgerDigest
        LedgerUnbatched LedgerProof LedgerExport
        CreateRoom StateHash Reencode VerifySignature
    }
}

names! {
    /// What the core asks of its driver.
    EffectName {
        OpenSocket SendSocket CloseSocket
        CreateConnection Describe Apply AddCandidate RestartIce OpenChannel SendFrame
        AttachStream DetachStream ReadStats CloseConnection
        StoreRecord DeleteRecord CommitRecords
    }
}

names! {
    /// What the core tells the application.
    NoticeName {
        Admitted JoinFailed Status PeerAdded PeerJoined PeerState PeerLeft
        Message TopicMessage Presence PresenceCleared
        Asked Withdrawn Answered Delivered Undelivered Sent Refused Drained
        StreamAdded StreamRemoved Diagnosis Trouble Closed
        LedgerOpened LedgerChanged LedgerStored LedgerSeen LedgerForked LedgerImported LedgerUnsaved
    }
}

impl Call {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// Whether it throws what the core refuses. Others are told of it by a notice.
    pub(crate) fn throws(self) -> bool {
        matches!(self, Self::LedgerOpen | Self::LedgerWrite)
    }
}

/// The names of calls, effects and notices, each at the place of its number.
#[must_use]
pub fn names() -> [(&'static str, Vec<String>); 3] {
    let (effects, notices) = (EffectName::names(), NoticeName::names());
    [("CALLS", Call::names()), ("EFFECTS", effects), ("NOTICES", notices)]
}

/// The name of a method, which begins with a small letter.
fn method(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    [&first.to_ascii_lowercase(), rest].concat()
}
