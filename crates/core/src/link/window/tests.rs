use alloc::collections::VecDeque;

use proptest::prelude::*;

use super::Window;
use crate::limits::{BULK_FRAME_BYTES_MAX, FLIGHT_BYTES_MAX, PATH_AGE_MAX, WINDOW_BYTES_MIN};
use crate::time::Timestamp;

/// A path that carries so many bytes in a millisecond and takes so long both ways together.
struct Path {
    bytes_per_ms: usize,
    round_trip_ms: u64,
    now: u64,
    /// Until when it is busy with what was sent. Units: ms.
    busy_to: u64,
    wire_bytes: usize,
    /// When each piece is acknowledged.
    coming: VecDeque<(u64, usize)>,
}

impl Path {
    fn new(bytes_per_ms: usize, round_trip_ms: u64) -> Self {
        let coming = VecDeque::new();
        Self { bytes_per_ms, round_trip_ms, now: 0, busy_to: 0, wire_bytes: 0, coming }
    }

    /// Sends all that the window lets go for so long. Returns the bytes acknowledged.
    fn run(&mut self, window: &mut Window, ms: u64) -> usize {
        let mut acked = 0;
        let end = self.now + ms;
        while self.now < end {
            while self.coming.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, bytes) = self.coming.pop_front().expect("one");
                self.wire_bytes -= bytes;
                acked += bytes;
                window.acknowledged(Timestamp::from_ms(self.now), bytes);
            }
            while window.has_room() {
                let bytes = BULK_FRAME_BYTES_MAX;
                self.wire_bytes += bytes;
                window.sent(Timestamp::from_ms(self.now), bytes);
                self.busy_to = self.busy_to.max(self.now) + (bytes / self.bytes_per_ms) as u64;
                self.coming.push_back((self.busy_to + self.round_trip_ms, bytes));
            }
            self.now += 1;
        }
        acked
    }
}

/// a path of 1 MB on its way is filled, and its line is no longer than another such.
#[test]
fn window_grows_to_twice_what_a_long_path_carries() {
    let (mut path, mut window) = (Path::new(10_000, 100), Window::new());
    path.run(&mut window, 2_000);
    let carried = path.run(&mut window, 5_000);
    assert!(carried > 47_000_000, "{carried} of 50,000,000");
    assert!((1_800_000..2_600_000).contains(&window.bytes), "{}", window.bytes);
}

/// where little fits on the way, nothing more than the least is sent. A piece of its own takes 4 ms here.
#[test]
fn window_stays_at_its_least_on_a_short_path() {
    let (mut path, mut window) = (Path::new(30_000, 0), Window::new());
    for _ in 0..100 {
        path.run(&mut window, 10);
        assert_eq!(window.bytes, WINDOW_BYTES_MIN);
        assert!(path.wire_bytes < WINDOW_BYTES_MIN + BULK_FRAME_BYTES_MAX);
    }
}

/// it never passes what may be in flight, however much the path would carry.
#[test]
fn window_never_passes_what_may_be_in_flight() {
    let (mut path, mut window) = (Path::new(65_536, 1_000), Window::new());
    path.run(&mut window, 20_000);
    assert_eq!(window.bytes, FLIGHT_BYTES_MAX);
}

/// a path that became longer is measured anew; until then it is not filled.
#[test]
fn path_that_changed_is_measured_anew() {
    let (mut path, mut window) = (Path::new(10_000, 20), Window::new());
    path.run(&mut window, 5_000);
    let short = window.bytes;
    path.round_trip_ms = 150;
    path.run(&mut window, PATH_AGE_MAX.as_ms() + 5_000);
    assert!(window.bytes >= 3_000_000, "{short} to {}", window.bytes);
    // For as long as a round trip is believed, so that it is measured anew once meanwhile.
    let carried = path.run(&mut window, PATH_AGE_MAX.as_ms());
    assert!(carried > 90_000_000, "{carried} of 100,000,000");
}

/// measuring anew costs little, and no piece waits for more than a round trip for it.
#[test]
fn measuring_anew_costs_little() {
    let (mut path, mut window) = (Path::new(10_000, 100), Window::new());
    path.run(&mut window, 2_000);
    let carried = path.run(&mut window, 60_000);
    assert!(carried > 560_000_000, "{carried} of 600,000,000");
}

proptest! {
    /// whatever comes, the window stays within its bounds.
    #[test]
    fn window_stays_within_its_bounds(
        steps in prop::collection::vec((any::<bool>(), any::<u32>(), 0_u64..20_000), 0..200),
    ) {
        let mut window = Window::new();
        let mut now = 0;
        for (is_sent, bytes, wait) in steps {
            now += wait;
            let at = Timestamp::from_ms(now);
            if is_sent {
                window.sent(at, bytes as usize);
            } else {
                window.acknowledged(at, bytes as usize);
            }
            prop_assert!((WINDOW_BYTES_MIN..=FLIGHT_BYTES_MAX).contains(&window.bytes));
        }
    }
}
