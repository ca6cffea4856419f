//! Why a block, run, genesis or proof is refused.

use alloc::string::{String, ToString};
use core::fmt;

use crate::codec::DecodeError;
use crate::error::ErrorCode;

/// Why something of the ledger is refused: one variant for each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerFault {
    /// Not in the one encoding, or over a limit.
    Malformed(DecodeError),
    /// The genesis of another room.
    WrongGenesis,
    /// A slot number that no member has.
    SlotOutOfRange {
        /// The number.
        found: u8,
    },
    /// The member did not certify this author.
    BadCertificate,
    /// No grants lead from the room's creator to the member.
    NotGranted,
    /// A grant by one who may not grant.
    GrantNotAllowed {
        /// Which of the grants.
        index: usize,
    },
    /// A grant that its issuer did not sign.
    BadGrant {
        /// Which of the grants.
        index: usize,
    },
    /// A first block that names a previous one, or a later block that names none.
    PrevMismatch {
        /// The block's sequence number.
        seq: u32,
    },
    /// A first block without a credential, or a later one with it.
    CredentialMismatch {
        /// The block's sequence number.
        seq: u32,
    },
    /// Parents that do not rise by id.
    ParentsUnsorted,
    /// Flags that this version does not know.
    UnknownFlags {
        /// The flags.
        found: u8,
    },
    /// A body shorter than its salt.
    NoSalt {
        /// The length the header claims. Units: bytes.
        found: u32,
    },
    /// A body of another length than the header says.
    BodyLength {
        /// What the header says. Units: bytes.
        expected: u32,
        /// What came. Units: bytes.
        found: usize,
    },
    /// A body with another hash than the header says.
    BodyHash,
    /// A run of no block.
    EmptyRun,
    /// A run of more blocks than one signature vouches for.
    RunTooLong {
        /// The most.
        limit: usize,
        /// How many came.
        found: usize,
    },
    /// A run of more bytes than one page carries.
    RunTooLarge {
        /// The most. Units: bytes, heads of blocks included.
        limit: usize,
        /// How many came.
        found: usize,
    },
    /// A block of a run that does not follow the one before it.
    BrokenRun {
        /// Which block of the run.
        index: usize,
    },
    /// A run whose last block carries no signature.
    UnsignedRun,
    /// The author did not sign the last block of the run.
    BadSignature,
    /// A previous block of another author.
    PrevAuthor,
    /// A previous block that is not the one before.
    PrevSeq {
        /// The sequence number it must have.
        expected: u32,
        /// The one it has.
        found: u32,
    },
    /// A parent by the block's own author.
    ParentOwn,
    /// Two parents of one author.
    ParentAuthorTwice,
    /// An anchor that is no checkpoint of this room.
    UnknownAnchor {
        /// The index it claims.
        found: u64,
    },
    /// A height that is not one more than the greatest below.
    WrongHeight {
        /// One more than the greatest below.
        expected: u32,
        /// What the block says.
        found: u32,
    },
    /// A proof whose two sides are no fork: one block, two authors, or two sequence numbers.
    NoFork,
    /// An evidence block whose payload proves nothing.
    BadEvidence,
}

impl LedgerFault {
    /// The code the application sees.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::WrongGenesis => ErrorCode::GenesisMismatch,
            _ => ErrorCode::BlockRefused,
        }
    }

    /// What was expected and what was found, for the application.
    #[must_use]
    pub fn mismatch(&self) -> (&'static str, String) {
        let expected = self.expected();
        let found = match *self {
            Self::Malformed(cause) => cause.to_string(),
            Self::SlotOutOfRange { found } | Self::UnknownFlags { found } => found.to_string(),
            Self::GrantNotAllowed { index } | Self::BadGrant { index } => numbered("grant", index),
            Self::PrevMismatch { seq } | Self::CredentialMismatch { seq } => {
                numbered("block", seq as usize)
            }
            Self::NoSalt { found } => found.to_string(),
            Self::BodyLength { found, .. }
            | Self::RunTooLong { found, .. }
            | Self::RunTooLarge { found, .. } => found.to_string(),
            Self::BrokenRun { index } => numbered("block", index),
            Self::PrevSeq { found, .. } | Self::WrongHeight { found, .. } => found.to_string(),
            Self::UnknownAnchor { found } => found.to_string(),
            _ => String::from("another"),
        };
        (expected, found)
    }

    const fn expected(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "a record in its one encoding",
            Self::WrongGenesis => "the genesis of this room",
            Self::SlotOutOfRange { .. } => "a slot below 64",
            Self::BadCertificate => "a slot certified by its member",
            Self::NotGranted => "grants from the creator to the member",
            Self::GrantNotAllowed { .. } => "a grant by one who may grant",
            Self::BadGrant { .. } => "a grant signed by its issuer",
            Self::PrevMismatch { .. } => "a previous block in all blocks but the first",
            Self::CredentialMismatch { .. } => "a credential in the first block only",
            Self::ParentsUnsorted => "parents that rise by id",
            Self::UnknownFlags { .. } => "known flags",
            Self::NoSalt { .. } => "a body of at least 16 bytes",
            Self::BodyLength { .. } => "a body as long as its header says",
            Self::BodyHash => "a body with the hash in its header",
            Self::EmptyRun => "a run of at least one block",
            Self::RunTooLong { .. } => "a run of at most 256 blocks",
            Self::RunTooLarge { .. } => "a run of at most 60 KiB",
            Self::BrokenRun { .. } => "a block that follows the one before",
            Self::UnsignedRun => "a signed block at the end of a run",
            Self::BadSignature => "a signature by the author",
            Self::PrevAuthor => "a previous block of the same author",
            Self::PrevSeq { .. } => "the block before as the previous one",
            Self::ParentOwn => "parents of other authors",
            Self::ParentAuthorTwice => "one parent of each author",
            Self::UnknownAnchor { .. } => "an anchor in this room",
            Self::WrongHeight { .. } => "a height one above the greatest below",
            Self::NoFork => "two blocks of one author and number",
            Self::BadEvidence => "evidence that proves a fork",
        }
    }
}

fn numbered(what: &str, index: usize) -> String {
    let mut text = String::from(what);
    text.push(' ');
    text.push_str(&index.to_string());
    text
}

impl From<DecodeError> for LedgerFault {
    fn from(cause: DecodeError) -> Self {
        Self::Malformed(cause)
    }
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected ")?;
        f.write_str(self.expected())
    }
}

impl core::error::Error for LedgerFault {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Malformed(cause) => Some(cause),
            _ => None,
        }
    }
}

// Every check returns one of these: two ids in it made each of them copy 72 bytes.
const _: () = assert!(size_of::<LedgerFault>() <= 40);
