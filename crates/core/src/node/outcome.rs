//! What came of an input.

use alloc::boxed::Box;

use crate::id::PeerId;
use crate::ledger::BlockIndex;
use crate::link::LinkFault;

use super::notice::MeshError;

/// What came of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// Taken.
    Done,
    /// It speaks of a socket, connection or ticket that is gone, and changed nothing.
    Stale,
    /// A block is written, held and in the order.
    Written(BlockIndex),
    /// The application's call cannot be done.
    Refused(Box<MeshError>),
    /// A peer broke the link protocol; its link is closed. The application hears of it too.
    Fault {
        /// Who.
        peer: PeerId,
        /// How.
        fault: LinkFault,
    },
}
