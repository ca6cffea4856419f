//! What the property tests of links and nodes draw and hand in alike.

use alloc::format;
use alloc::string::{String, ToString};

use proptest::prelude::*;

use super::Candidate;

/// What a step does is drawn from these numbers, so that proptest can shrink it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// Which input.
    pub(crate) what: u8,
    /// Numbers for it, mostly small ones that name something known.
    pub(crate) a: u64,
    pub(crate) b: u64,
    /// How long after the step before; more than [`LEAP_MS`] for a clock that is out of order.
    pub(crate) wait_ms: u64,
}

/// The longest time that passes between two steps: 34 years.
pub(crate) const LEAP_MS: u64 = 1 << 40;

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let number = || prop_oneof![8 => 0_u64..8, 1 => 0_u64..100_000, 1 => any::<u64>()];
    let wait = prop_oneof![6 => Just(0_u64), 3 => 0_u64..3_000, 2 => 0_u64..90_000,
        1 => any::<u64>()];
    (any::<u8>(), number(), number(), wait).prop_map(|(what, a, b, wait_ms)| Step {
        what,
        a,
        b,
        wait_ms,
    })
}

pub(crate) fn candidate() -> Candidate {
    Candidate {
        candidate: "candidate:1 1 udp 2 10.0.0.1 9 typ host".to_string(),
        mid: None,
        line_index: Some(0),
        username_fragment: None,
    }
}

/// A description, as far as the core reads it, of a side with this fingerprint.
pub(crate) fn sdp(fingerprint: u8) -> String {
    let hex = format!("{fingerprint:02X}");
    let pairs = [hex.as_str(); 32].join(":");
    format!("v=0\r\na=fingerprint:sha-256 {pairs}\r\na=max-message-size:262144\r\n")
}
