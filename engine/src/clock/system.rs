//! The machine's clocks.

use super::{Clock, Timestamp};
use crate::nanos::Nanos;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The processor's time-stamp counter for the monotonic part, where it is dependable, by way of `quanta`; the
/// system's clock for the wall part.
///
/// The wall clock is asked at most once in [`SystemClock::WALL_REFRESH`] and carried on by the counter in
/// between: a step of the system's clock is seen within that time. Neither part makes a system call where the
/// kernel offers both through its vDSO, as Linux on x86-64 and aarch64 does.
#[derive(Debug)]
pub struct SystemClock {
    counter: quanta::Clock,
    start: u64,
    /// The wall clock less the monotonic one, when last asked; wraps.
    wall_offset: AtomicU64,
    /// The monotonic time at which to ask again.
    refresh_at: AtomicU64,
}

impl SystemClock {
    /// How old the reading of the wall clock may get.
    pub const WALL_REFRESH: Nanos = Nanos::from_millis(100);

    /// Calibrates the counter, which takes some milliseconds the first time in a process.
    pub fn new() -> Self {
        let counter = quanta::Clock::new();
        let start = counter.raw();
        let wall_offset = AtomicU64::new(unix_now());
        Self { counter, start, wall_offset, refresh_at: AtomicU64::new(Self::WALL_REFRESH.get()) }
    }

    fn refresh_wall(&self, monotonic: u64) -> u64 {
        let offset = unix_now().wrapping_sub(monotonic);
        // Ordering: Relaxed. Each word stands for itself: of two threads that refresh at once either offset
        // will do, and a reader that sees the new deadline with the old offset is late by one refresh.
        self.wall_offset.store(offset, Ordering::Relaxed);
        self.refresh_at.store(monotonic + Self::WALL_REFRESH.get(), Ordering::Relaxed);
        offset
    }

    /// Both clocks at a time of the monotonic one.
    #[inline]
    fn at(&self, monotonic: u64) -> Timestamp {
        // Ordering: Relaxed, as in `refresh_wall`.
        let offset = if monotonic < self.refresh_at.load(Ordering::Relaxed) {
            self.wall_offset.load(Ordering::Relaxed)
        } else {
            self.refresh_wall(monotonic)
        };
        Timestamp { monotonic: Nanos::new(monotonic), unix: Nanos::new(monotonic.wrapping_add(offset)) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> Timestamp {
        self.at(self.counter.delta_as_nanos(self.start, self.counter.raw()))
    }
}

/// The wall clock in nanoseconds since 1970.
fn unix_now() -> u64 {
    since_1970(SystemTime::now())
}

/// Nanoseconds since 1970; zero before that.
fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| Nanos::from(elapsed).get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A wall clock that shows 1970 wherever it was not asked anew.
    fn set_to_1970(clock: &SystemClock) {
        clock.wall_offset.store(0, Ordering::Relaxed);
    }

    /// Whether the wall part is the machine's, at a time of the monotonic one.
    fn is_asked_anew(clock: &SystemClock, monotonic: u64) -> bool {
        set_to_1970(clock);
        let at = clock.at(monotonic);
        assert_eq!(at.monotonic.get(), monotonic);
        let anew = at.unix.get().abs_diff(unix_now()) < 60_000_000_000;
        assert!(anew || at.unix == at.monotonic);
        anew
    }

    #[test]
    fn the_wall_clock_is_asked_once_in_a_tenth_of_a_second() {
        let clock = SystemClock::default();
        let tenth = 100_000_000;
        // From the third on it is late, and the next tenth is counted from there.
        let times =
            [0, tenth - 1, tenth, tenth + 1, 2 * tenth - 1, 3 * tenth + 7, 4 * tenth + 6, 4 * tenth + 7];
        let anew = times.map(|time| is_asked_anew(&clock, time));
        assert_eq!(anew, [false, false, true, false, false, true, false, true]);
    }

    #[test]
    fn the_wall_clock_may_be_behind_the_monotonic_one() {
        let clock = SystemClock::new();
        // Since a moment long before 1970.
        assert!(is_asked_anew(&clock, u64::MAX >> 1));
        assert!(clock.at((u64::MAX >> 1) + 1).unix.get().abs_diff(unix_now()) < 60_000_000_000);
    }

    #[test]
    fn a_wall_clock_that_is_set_before_1970_reads_as_1970() {
        let second = Duration::from_secs(1);
        assert_eq!([UNIX_EPOCH - second, UNIX_EPOCH].map(since_1970), [0, 0]);
        assert_eq!(since_1970(UNIX_EPOCH + second), 1_000_000_000);
    }

    #[test]
    fn both_parts_follow_the_machine() {
        // A thread that loses its processor between two readings of the machine's clocks finds them apart: not each time.
        let mut apart = Vec::new();
        for _ in 0..20 {
            let clock = SystemClock::new();
            let before = clock.now();
            std::thread::sleep(Duration::from_millis(120));
            let after = clock.now();
            let elapsed = after.monotonic - before.monotonic;
            assert!(elapsed >= Nanos::from_millis(119), "{elapsed}");
            let of_machine = after.unix.get().abs_diff(unix_now());
            let of_itself = after.unix.get().abs_diff((before.unix + elapsed).get());
            if of_machine < 1_000_000_000 && of_itself < 50_000_000 {
                return;
            }
            apart.push((of_machine, of_itself));
        }
        panic!("{apart:?}");
    }
}
