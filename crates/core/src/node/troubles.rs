//! How often the application hears of what others do wrong: a server that alters every envelope, or a
//! peer that repeats itself, must not fill the page's console or keep its listeners busy.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::id::PeerId;
use crate::limits::{TROUBLE_COUNT_MAX, TROUBLE_INTERVAL};
use crate::time::Timestamp;

use super::notice::MeshError;

/// What was told since `begun`, each reason and peer once.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    begun: Timestamp,
    told: Vec<(ErrorCode, Option<PeerId>)>,
    /// Since one was told last.
    left_out_count: u32,
}

impl Troubles {
    /// The error as the application is to hear it, with the count of those left out before it; `None`
    /// where the same reason was told of the same peer in this [`TROUBLE_INTERVAL`].
    pub(super) fn admit(&mut self, now: Timestamp, mut error: MeshError) -> Option<MeshError> {
        if now.since(self.begun) >= TROUBLE_INTERVAL {
            self.begun = now;
            self.told.clear();
        }
        let reason = (error.code, error.peer);
        if self.told.contains(&reason) || self.told.len() >= TROUBLE_COUNT_MAX {
            self.left_out_count = self.left_out_count.saturating_add(1);
            return None;
        }
        self.told.push(reason);
        let left_out_count = core::mem::take(&mut self.left_out_count);
        if left_out_count > 0 {
            error.detail += &alloc::format!(" ({left_out_count} errors before it were left out)");
        }
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    fn violation(peer: u16) -> MeshError {
        let mut bytes = [0; PeerId::BYTES];
        bytes[..2].copy_from_slice(&peer.to_le_bytes());
        MeshError::new(ErrorCode::ProtocolViolation).about(PeerId::from_bytes(bytes))
    }

    fn told(troubles: &mut Troubles, ms: u64, error: MeshError) -> Option<String> {
        troubles.admit(Timestamp::from_ms(ms), error).map(|error| error.detail)
    }

    /// One a second of each reason and peer, with the number of those left out.
    #[test]
    fn same_reason_is_told_once_a_second() {
        let mut troubles = Troubles::default();
        let plain = violation(1).detail;
        assert_eq!(told(&mut troubles, 0, violation(1)), Some(plain.clone()));
        for ms in 1..1_000 {
            assert_eq!(told(&mut troubles, ms, violation(1)), None);
        }
        let counted = alloc::format!("{plain} (999 errors before it were left out)");
        assert_eq!(told(&mut troubles, 1_000, violation(1)), Some(counted));
        assert_eq!(told(&mut troubles, 2_000, violation(1)), Some(plain), "none was left out");
    }

    /// What one peer does hides nothing of another, nor another reason.
    #[test]
    fn other_reasons_and_peers_are_told_at_once() {
        let mut troubles = Troubles::default();
        let lost = MeshError::new(ErrorCode::SignallingLost);
        let rejected = MeshError { code: ErrorCode::HelloRejected, ..violation(1) };
        for error in [violation(1), violation(2), rejected, lost] {
            assert!(told(&mut troubles, 0, error.clone()).is_some());
            assert!(told(&mut troubles, 0, error).is_none());
        }
    }

    /// However many reasons there are, no more than the bound are kept or told in a second.
    #[test]
    fn troubles_of_a_second_are_bounded() {
        let mut troubles = Troubles::default();
        let count = (0..1_000).filter(|peer| told(&mut troubles, 0, violation(*peer)).is_some());
        assert_eq!(count.count(), TROUBLE_COUNT_MAX);
        assert_eq!(troubles.told.len(), TROUBLE_COUNT_MAX);
        let next = told(&mut troubles, 1_000, violation(0));
        assert!(next.is_some_and(|text| text.contains(" (744 errors ")));
    }
}
