//! What the node tells the application.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Delivery, ErrorCode};
use crate::id::{MemberId, PeerId, Ticket};
use crate::ledger::Imported;

use super::content::Content;
use super::report::Report;

/// One thing the application hears of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The server has admitted us and said who is there; `PeerAdded` came before for each of them.
    Admitted,
    /// The room could not be joined. Nothing follows.
    JoinFailed(MeshError),
    /// The room's state as a whole.
    Status(RoomStatus),
    /// A peer is known and may be sent to; its link is not verified yet.
    PeerAdded {
        /// Who.
        peer: PeerId,
    },
    /// A peer's link is verified for the first time.
    PeerJoined {
        /// Who.
        peer: PeerId,
    },
    /// A peer's link changed its state.
    PeerState {
        /// Who.
        peer: PeerId,
        /// The state.
        state: PeerState,
    },
    /// A peer is gone.
    PeerLeft {
        /// Who.
        peer: PeerId,
        /// Whether `PeerJoined` was told of it.
        joined: bool,
        /// Why.
        reason: ErrorCode,
    },
    /// A message came in.
    Message {
        /// From whom.
        peer: PeerId,
        /// Whom it was sent to.
        to: Audience,
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// A message came in on a named channel.
    TopicMessage {
        /// From whom.
        peer: PeerId,
        /// The channel's name.
        name: String,
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// What is seen of a peer changed.
    Presence {
        /// Who.
        peer: PeerId,
        /// JSON text; `None` if cleared.
        payload: Option<Vec<u8>>,
    },
    /// A peer asks. Answer with `Respond`.
    Asked {
        /// Names the request until it is answered or withdrawn.
        request: Ticket,
        /// Who asks.
        peer: PeerId,
        /// The request's name.
        name: String,
        /// What it is.
        content: Content,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// The asker gave up or went away; an answer will be ignored.
    Withdrawn {
        /// Of the `Asked` notice.
        request: Ticket,
    },
    /// A request of ours ended.
    Answered {
        /// Of the call.
        ticket: Ticket,
        /// The answer.
        result: Result<(Content, Vec<u8>), MeshError>,
    },
    /// Every recipient of a send has settled.
    Sent {
        /// Of the call.
        ticket: Ticket,
        /// Who has it.
        delivered: Vec<PeerId>,
        /// Who may not have it, and why.
        failed: Vec<(PeerId, MeshError)>,
    },
    /// A call was refused; nothing of it was sent.
    Refused {
        /// Of the call.
        ticket: Ticket,
        /// Why.
        error: MeshError,
    },
    /// More may be sent to the peer, or the peer is gone.
    Drained {
        /// Of the call.
        ticket: Ticket,
    },
    /// A peer's media stream is here.
    StreamAdded {
        /// Whose.
        peer: PeerId,
        /// The `MediaStream`'s id.
        media_id: String,
        /// The sender's label.
        label: String,
    },
    /// A peer's media stream ended.
    StreamRemoved {
        /// Whose.
        peer: PeerId,
        /// The `MediaStream`'s id.
        media_id: String,
    },
    /// Answer to `Diagnose`.
    Diagnosis {
        /// Of the call.
        ticket: Ticket,
        /// The report.
        report: Arc<Report>,
    },
    /// The ledger is open, as far as the storage had it.
    LedgerOpened {
        /// Our member's key.
        member: MemberId,
        /// Blocks that were read.
        restored_count: u32,
    },
    /// The order of blocks changed; before this place it is as it was.
    LedgerChanged {
        /// The lowest place that changed.
        from: usize,
        /// How many blocks there are now.
        length: usize,
    },
    /// So many blocks of an author of ours are stored.
    LedgerStored {
        /// The author's number.
        author: u32,
        /// How many.
        count: u32,
    },
    /// A peer holds so many blocks of an author of ours.
    LedgerSeen {
        /// Who.
        peer: PeerId,
        /// The author's number.
        author: u32,
        /// How many.
        count: u32,
    },
    /// An author wrote two histories.
    LedgerForked {
        /// The author's number.
        author: u32,
        /// From which of its blocks on.
        seq: u32,
        /// Whether it is one of ours.
        is_own: bool,
    },
    /// Answer to `Import`.
    LedgerImported {
        /// Of the call.
        ticket: Ticket,
        /// What came of it.
        imported: Imported,
    },
    /// Nothing is stored any more; the ledger goes on in memory.
    LedgerUnsaved(MeshError),
    /// Something went wrong that no call can be told.
    Trouble(MeshError),
    /// The room is closed. Nothing follows. `None` after `Leave`.
    Closed(Option<MeshError>),
}

/// The room's state as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomStatus {
    /// Nobody else is here.
    Alone,
    /// Somebody is here, but no link is open yet.
    Linking,
    /// At least one link is open.
    Connected,
    /// Neither the server nor any peer can be reached.
    Offline,
    /// The room is closed.
    Closed,
}

impl RoomStatus {
    /// The word JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Linking => "linking",
            Self::Connected => "connected",
            Self::Offline => "offline",
            Self::Closed => "closed",
        }
    }
}

/// A peer's link as the application sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// Not verified yet.
    Linking,
    /// Verified, and heard of.
    Open,
    /// Silent or broken; being healed. Sends wait.
    Recovering,
    /// It said that it is frozen. Sends wait.
    Away,
}

impl PeerState {
    /// The word JavaScript sees.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linking => "linking",
            Self::Open => "open",
            Self::Recovering => "recovering",
            Self::Away => "away",
        }
    }
}

/// Whom a message was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone in the room.
    Room,
    /// This peer alone.
    Me,
}

/// Why something could not be done, with what is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshError {
    /// The code.
    pub code: ErrorCode,
    /// What became of the message, where there was one.
    pub delivery: Option<Delivery>,
    /// Which peer it is about.
    pub peer: Option<PeerId>,
    /// What was expected.
    pub expected: Option<String>,
    /// What was found.
    pub found: Option<String>,
    /// The limit that was met, in the unit the code speaks of.
    pub limit: Option<u64>,
    /// What a person reads. Lower case, no full stop.
    pub detail: String,
}

impl MeshError {
    /// An error that says no more than its code.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self {
            code,
            delivery: None,
            peer: None,
            expected: None,
            found: None,
            limit: None,
            detail: String::from(code.sentence()),
        }
    }

    /// The same, about a peer.
    #[must_use]
    pub fn about(mut self, peer: PeerId) -> Self {
        self.peer = Some(peer);
        self
    }

    /// The same, with what became of the message.
    #[must_use]
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = Some(delivery);
        self
    }

    /// The same, with what was expected and found.
    #[must_use]
    pub fn mismatch(mut self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }

    /// The same, with the limit that was met.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit as u64);
        self
    }

    /// The same, in other words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl fmt::Display for MeshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl core::error::Error for MeshError {}
