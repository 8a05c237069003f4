//! The time by which keys are forgotten: slow to believe in a clock that jumps.
//!
//! A key forgotten by the time of a clock that was ahead would be missed when that clock is set right again. So
//! forgetting goes by times of its own, which follow the callers' backwards at once, and forwards by an hour an
//! insertion, by four hours if the next one shows a later time still, and so on: a jump of two days is believed
//! at the fourth insertion in a row that shows it, a year at the eighth.
//!
//! And the time by which some key was forgotten is one that every key without a record has reached: a fresh
//! record begins there, so that a clock set back does not bring back a window or a day that was used up.

use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::record::ForgetAt;
use crate::sync::{AtomicU64, Ordering};

/// How far the first insertion moves a time on.
const FIRST_STRIDE: u64 = Nanos::from_secs(3_600).get();

/// The times of both clocks to forget by.
#[derive(Debug)]
pub(super) struct ForgettingClock {
    monotonic: Follower,
    unix: Follower,
    longest_reservation: Nanos,
    /// The latest times by which a key was forgotten.
    reached: [AtomicU64; 2],
}

#[derive(Debug)]
struct Follower {
    shown: AtomicU64,
    stride: AtomicU64,
}

/// No time was shown yet: every time is within a stride of it.
const UNSET: u64 = u64::MAX;

impl ForgettingClock {
    pub(super) fn new(longest_reservation: Nanos) -> Self {
        Self {
            monotonic: Follower::new(),
            unix: Follower::new(),
            longest_reservation,
            reached: [AtomicU64::new(0), AtomicU64::new(0)],
        }
    }

    /// Some key is to be forgotten by this time.
    pub(super) fn reach(&self, when: ForgetAt) {
        // Ordering: Relaxed. Who misses a key's record has read the word in which its place was given away, which was
        // written after this.
        self.reached[0].fetch_max(when.at.monotonic.get(), Ordering::Relaxed);
        self.reached[1].fetch_max(when.at.unix.get(), Ordering::Relaxed);
    }

    /// The time at which a fresh record begins.
    pub(super) fn reached(&self) -> Timestamp {
        // Ordering: Relaxed, as in `reach`.
        let [monotonic, unix] = [0, 1].map(|clock| Nanos::new(self.reached[clock].load(Ordering::Relaxed)));
        Timestamp { monotonic, unix }
    }

    /// Shows it the time of an insertion; gives the time to forget by.
    pub(super) fn follow(&self, at: Timestamp) -> ForgetAt {
        let at =
            Timestamp { monotonic: self.monotonic.follow(at.monotonic), unix: self.unix.follow(at.unix) };
        ForgetAt { at, longest_reservation: self.longest_reservation }
    }
}

impl Follower {
    fn new() -> Self {
        Self { shown: AtomicU64::new(UNSET), stride: AtomicU64::new(FIRST_STRIDE) }
    }

    fn follow(&self, at: Nanos) -> Nanos {
        // Ordering: Relaxed, and no swap, for both. A thread that overwrites another's time writes one no later than
        // its own call's, and within a stride of one that was shown.
        let (shown, stride) = (self.shown.load(Ordering::Relaxed), self.stride.load(Ordering::Relaxed));
        let time = at.get().min(shown.saturating_add(stride));
        if time != shown {
            self.shown.store(time, Ordering::Relaxed);
        }
        let next = if time < at.get() { stride.saturating_mul(4) } else { FIRST_STRIDE };
        if next != stride {
            self.stride.store(next, Ordering::Relaxed);
        }
        Nanos::new(time)
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_by_growing_strides_and_back_at_once() {
        const HOUR: u64 = 3_600;
        let clock = ForgettingClock::new(Nanos::ZERO);
        let show = |secs| clock.follow(Timestamp::both(Nanos::from_secs(secs))).at.unix.get() / 1_000_000_000;
        assert_eq!(show(1_000), 1_000);
        assert_eq!(show(4_600), 4_600);
        let year = 365 * 24 * HOUR;
        assert_eq!(show(year), 4_600 + HOUR);
        assert_eq!(show(year), 4_600 + 5 * HOUR);
        assert_eq!(show(4_601), 4_601, "back at once");
        let believed = (1..).find(|_| show(year) == year).unwrap();
        assert_eq!(believed, 8);
        assert_eq!(show(year + 2 * HOUR), year + HOUR, "small strides again");
    }

    #[test]
    fn the_first_time_shown_is_believed_whatever_it_is() {
        for first in [0, 1, Nanos::MAX.get() - 1, Nanos::MAX.get()].map(Nanos::new) {
            assert_eq!(ForgettingClock::new(Nanos::ZERO).follow(Timestamp::both(first)).at.unix, first);
        }
    }

    #[test]
    fn a_step_to_the_end_of_time_is_made_in_the_end() {
        let clock = ForgettingClock::new(Nanos::ZERO);
        let show = |at| clock.follow(Timestamp::both(at)).at.monotonic;
        show(Nanos::ZERO);
        assert!((0..40).any(|_| show(Nanos::MAX) == Nanos::MAX));
        assert_eq!(show(Nanos::MAX), Nanos::MAX);
    }

    /// Threads that race may leave the time of one and the stride of another: far behind, and almost as long as time is.
    #[test]
    fn a_stride_is_never_longer_than_time_and_never_none() {
        let follower = Follower { shown: AtomicU64::new(0), stride: AtomicU64::new(1 << 62) };
        assert_eq!(follower.follow(Nanos::MAX), Nanos::new(1 << 62));
        assert_eq!(follower.follow(Nanos::MAX), Nanos::MAX);
    }

    #[test]
    fn both_clocks_are_followed_each_for_itself() {
        let clock = ForgettingClock::new(Nanos::from_secs(60));
        let show = |monotonic, unix| {
            let (monotonic, unix) = (Nanos::from_secs(monotonic), Nanos::from_secs(unix));
            let when = clock.follow(Timestamp { monotonic, unix });
            assert_eq!(when.longest_reservation, Nanos::from_secs(60));
            [when.at.monotonic, when.at.unix].map(|time| time.get() / 1_000_000_000)
        };
        assert_eq!(show(10, 1_000_000), [10, 1_000_000]);
        assert_eq!(show(9_000, 1_000_100), [3_610, 1_000_100]);
        assert_eq!(show(3_700, 1_009_000), [3_700, 1_003_700]);
    }

    #[test]
    fn a_fresh_record_begins_at_the_latest_times_by_which_keys_were_forgotten() {
        let clock = ForgettingClock::new(Nanos::ZERO);
        let reach = |monotonic, unix| {
            let at = Timestamp { monotonic: Nanos::new(monotonic), unix: Nanos::new(unix) };
            clock.reach(ForgetAt { at, longest_reservation: Nanos::ZERO });
        };
        let reached = || (clock.reached().monotonic.get(), clock.reached().unix.get());
        assert_eq!(reached(), (0, 0), "at the beginning, where none was");
        reach(5, 70);
        assert_eq!(reached(), (5, 70));
        reach(4, 80);
        assert_eq!(reached(), (5, 80));
        reach(6, 1);
        assert_eq!(reached(), (6, 80));
    }
}
