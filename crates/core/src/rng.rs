//! Chance, from a seed the driver hands in.
//!
//! The core cannot draw entropy. It is given 32 fresh bytes at construction and more on waking, and
//! stretches them with BLAKE3's extendable output, one block number per draw. The state is never
//! stored: a restored backup must not repeat a nonce.

use core::fmt;

use crate::crypto::{Context, derive};
use crate::id::Nonce;

/// Fresh entropy from the driver. Units: 32 uniformly random bytes.
#[derive(Clone, Copy)]
pub struct Seed(pub [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A deterministic stream of random bytes.
pub struct Rng {
    key: [u8; 32],
    draw_count: u64,
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rng(draw {})", self.draw_count)
    }
}

impl Rng {
    /// The stream that grows from `seed`.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { key: *derive(Context::RNG, &[&seed.0]).as_bytes(), draw_count: 0 }
    }

    /// Mixes new entropy in. What was drawn before says nothing about what comes after.
    pub fn stir(&mut self, seed: Seed) {
        self.key = *derive(Context::RNG, &[&self.key, &seed.0]).as_bytes();
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for part in out.chunks_mut(32) {
            self.draw_count = self.draw_count.wrapping_add(1);
            let drawn = derive(Context::RNG, &[&self.key, &self.draw_count.to_le_bytes()]);
            part.iter_mut().zip(drawn.as_bytes()).for_each(|(to, from)| *to = *from);
        }
        out
    }

    /// A value drawn once.
    pub fn nonce(&mut self) -> Nonce {
        Nonce::from_bytes(self.bytes())
    }

    /// A number below `bound` (0 if `bound` is 0). The bias is below `bound / 2^64`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(u64::from_le_bytes(self.bytes())) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_stream_and_stirring_changes_it() {
        let (mut a, mut b) = (Rng::new(Seed([1; 32])), Rng::new(Seed([1; 32])));
        assert_eq!(a.bytes::<16>(), b.bytes::<16>());
        b.stir(Seed([2; 32]));
        assert_ne!(a.bytes::<16>(), b.bytes::<16>());
    }

    #[test]
    fn draws_stay_below_their_bound() {
        let mut rng = Rng::new(Seed([5; 32]));
        assert!((0..1_000).all(|_| rng.below(7) < 7));
        assert_eq!(rng.below(0), 0);
    }
}
