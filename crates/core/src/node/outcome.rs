//! What came of an input.

use crate::id::PeerId;
use crate::link::LinkFault;

/// What came of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// Taken.
    Done,
    /// It speaks of a socket, connection or ticket that is gone, and changed nothing.
    Stale,
    /// A peer broke the link protocol; its link is closed. The application hears of it too.
    Fault {
        /// Who.
        peer: PeerId,
        /// How.
        fault: LinkFault,
    },
}
