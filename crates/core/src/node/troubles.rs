//! How often the application hears of what others do wrong: a server that alters every envelope, or a
//! peer that repeats itself, must not fill the page's console or keep its listeners busy.

use alloc::collections::VecDeque;

use crate::error::ErrorCode;
use crate::id::PeerId;
use crate::limits::{TROUBLE_COUNT_MAX, TROUBLE_INTERVAL};
use crate::time::Timestamp;

use super::notice::MeshError;

/// The troubles told last, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    told: VecDeque<Told>,
}

/// One reason, about one peer or nobody.
#[derive(Debug)]
struct Told {
    code: ErrorCode,
    peer: Option<PeerId>,
    at: Timestamp,
    left_out_count: u32,
}

impl Troubles {
    /// The error as the application is to hear it; `None` where it heard the same reason about the
    /// same peer within [`TROUBLE_INTERVAL`]. Those left out are counted in the next that is told.
    pub(super) fn admit(&mut self, now: Timestamp, mut error: MeshError) -> Option<MeshError> {
        let (code, peer) = (error.code, error.peer);
        let same = |told: &Told| (told.code, told.peer) == (code, peer);
        let found = self.told.iter().position(same);
        if let Some(told) = found.and_then(|at| self.told.get_mut(at))
            && now.since(told.at) < TROUBLE_INTERVAL
        {
            told.left_out_count = told.left_out_count.saturating_add(1);
            return None;
        }
        let before = found.and_then(|at| self.told.remove(at));
        if let Some(Told { left_out_count, .. }) = before.filter(|told| told.left_out_count > 0) {
            error.detail += &alloc::format!(" ({left_out_count} more since it was last told)");
        }
        if self.told.len() >= TROUBLE_COUNT_MAX {
            self.told.pop_front();
        }
        self.told.push_back(Told { code, peer, at: now, left_out_count: 0 });
        Some(error)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    fn violation(peer: u8) -> MeshError {
        MeshError::new(ErrorCode::ProtocolViolation).about(PeerId::from_bytes([peer; 32]))
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
        let counted = alloc::format!("{plain} (999 more since it was last told)");
        assert_eq!(told(&mut troubles, 1_000, violation(1)), Some(counted));
        assert_eq!(told(&mut troubles, 1_999, violation(1)), None);
        assert!(told(&mut troubles, 5_000, violation(1)).is_some_and(|text| text.contains("(1 ")));
        assert_eq!(told(&mut troubles, 9_000, violation(1)), Some(plain), "none was left out");
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

    /// However many reasons there are, no more than the bound are kept; those told last are.
    #[test]
    fn memory_of_troubles_is_bounded() {
        let mut troubles = Troubles::default();
        let peers: Vec<[u8; 2]> = (0..1_000_u16).map(u16::to_le_bytes).collect();
        let error = |peer: &[u8; 2]| {
            let mut bytes = [0; PeerId::BYTES];
            bytes[..2].copy_from_slice(peer);
            MeshError::new(ErrorCode::ProtocolViolation).about(PeerId::from_bytes(bytes))
        };
        for peer in &peers {
            assert!(told(&mut troubles, 0, error(peer)).is_some());
            assert!(troubles.told.len() <= TROUBLE_COUNT_MAX);
        }
        assert!(told(&mut troubles, 0, error(&peers[999])).is_none());
    }
}
