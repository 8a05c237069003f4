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

/// No time was shown yet.
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
        let reach = if shown == UNSET { u64::MAX } else { shown.saturating_add(stride) };
        let time = at.get().min(reach);
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
        clock.follow(Timestamp::both(Nanos::MAX));
    }
}
