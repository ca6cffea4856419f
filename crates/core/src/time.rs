//! Time as an argument.
//!
//! The core never reads a clock. Its driver hands in [`Now`] with every input: a monotonic
//! [`Timestamp`] that drives every timer, and a [`WallTime`] that is only ever advisory, because a
//! peer's wall clock may be wrong or hostile. Both are clamped to a high-water mark by
//! [`Clock::advance`]: tabs sleep, and some browsers let the monotonic clock stand still or jump.

/// A point on the driver's monotonic clock. Units: milliseconds since an arbitrary origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin of the driver's clock.
    pub const ZERO: Self = Self(0);

    /// A timestamp `ms` milliseconds after the origin.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the origin.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// This moment plus `span`, saturating at the end of time.
    #[must_use]
    pub const fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A length of time. Units: milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `ms` milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// A span of `seconds` seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }

    /// The sum of two spans, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This span less `other`, never below zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This span `factor` times over, saturating.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

/// A peer's or our own wall clock, untrusted. Units: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(u64);

impl WallTime {
    /// A wall time `ms` milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

/// What a driver says about time with every input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Drives every timer.
    pub monotonic: Timestamp,
    /// Advisory only.
    pub wall: WallTime,
}

/// A high-water mark over what drivers report, so that time never moves back inside a machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock(Now);

impl Clock {
    /// Moves the mark to `now` where that is later, and returns the mark.
    pub fn advance(&mut self, now: Now) -> Now {
        self.0.monotonic = self.0.monotonic.max(now.monotonic);
        self.0.wall = self.0.wall.max(now.wall);
        self.0
    }

    /// The latest time seen.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.0
    }
}

/// The earlier of two optional deadlines.
#[must_use]
pub fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, None) => a,
        (None, b) => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_moves_back() {
        let mut clock = Clock::default();
        let late = Now { monotonic: Timestamp::from_ms(9), wall: WallTime::from_ms(9) };
        let early = Now { monotonic: Timestamp::from_ms(3), wall: WallTime::from_ms(12) };
        assert_eq!(clock.advance(late), late);
        assert_eq!(clock.advance(early).monotonic.as_ms(), 9);
        assert_eq!(clock.now().wall.as_ms(), 12);
    }

    #[test]
    fn spans_saturate() {
        let end = Timestamp::from_ms(u64::MAX);
        assert_eq!(end.after(Span::from_secs(1)), end);
        assert_eq!(Timestamp::ZERO.since(end), Span::ZERO);
    }
}
