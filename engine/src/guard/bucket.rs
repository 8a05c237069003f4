//! Strikes that drain: a leaky bucket in one word.

use crate::nanos::Nanos;
use std::num::NonZero;

/// How far times of racing threads may differ before a clock is taken to have gone back.
pub(super) const CLOCK_SLACK: Nanos = Nanos::from_secs(1);

/// Times are kept below 2⁶³ ns (292 years); later ones stand still there.
pub(super) fn held(time: Nanos) -> Nanos {
    time.min(Nanos::new(u64::MAX >> 1))
}

/// What a bucket holds and how fast it drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// The time in which one drains, in units of [`Bucket`].
    interval: NonZero<u64>,
    /// So many may stand.
    room: u64,
}

impl Rate {
    /// One drains in each `interval`, and at most `room` stand.
    pub(super) const fn new(interval: Nanos, room: u32) -> Self {
        let interval = interval.get() >> Bucket::UNIT_BITS;
        let interval = match NonZero::new(interval) {
            Some(interval) => interval,
            None => NonZero::<u64>::MIN,
        };
        Self { interval, room: room as u64 }
    }

    fn capacity(self) -> u64 {
        self.interval.get().saturating_mul(self.room)
    }
}

/// The moment at which all that stands will have drained, in units of 4.096 µs: 2⁶³ ns are 51 bits of them.
///
/// That is GCRA's theoretical arrival time. Its known weakness, that a count becomes another one when the rate
/// changes, is none here: a guard's rate never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket(pub(super) u64);

/// What became of one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// It stands; so many do now, parts counted as whole.
    Stands(u32),
    /// There was no room for it.
    Over,
}

impl Bucket {
    const UNIT_BITS: u32 = 12;

    fn unit(time: Nanos) -> u64 {
        held(time).get() >> Self::UNIT_BITS
    }

    /// When it has drained; now, if it has. A time further ahead than a full bucket needs is of a clock that
    /// has gone back since, and counts for nothing. One that has gone back by less makes what stands look newer, and so
    /// more: racing threads, whose times differ by microseconds, notice nothing of it.
    fn drained_at(self, rate: Rate, now: Nanos) -> u64 {
        let unit = Self::unit(now);
        let latest = Self::unit(now + CLOCK_SLACK).saturating_add(rate.capacity());
        if self.0 > latest { unit } else { self.0.max(unit) }
    }

    /// Whether nothing stands.
    pub(super) fn is_drained(self, rate: Rate, now: Nanos) -> bool {
        self.drained_at(rate, now) <= Self::unit(now)
    }

    /// One more, if there is room.
    pub(super) fn add(self, rate: Rate, now: Nanos) -> (Self, Added) {
        let unit = Self::unit(now);
        let drained = self.drained_at(rate, now).saturating_add(rate.interval.get());
        let standing = drained - unit;
        // So it is below 2⁵², as a payload must be: a guard's capacities are below 2⁴⁰.
        if standing > rate.capacity() {
            return (self, Added::Over);
        }
        (Self(drained), Added::Stands(standing.div_ceil(rate.interval.get()) as u32))
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    const RATE: Rate = Rate::new(Nanos::new(100 << 12), 3);

    fn at(unit: u64) -> Nanos {
        Nanos::new(unit << 12)
    }

    /// What each addition at these times becomes.
    fn added(times: &[u64]) -> Vec<Added> {
        let mut bucket = Bucket(0);
        let mut add = |time: &u64| {
            let (next, added) = bucket.add(RATE, at(*time));
            bucket = next;
            added
        };
        times.iter().map(&mut add).collect()
    }

    #[test]
    fn what_stands_drains_one_an_interval() {
        use Added::{Over, Stands};
        assert_eq!(added(&[5, 5, 5, 5]), [Stands(1), Stands(2), Stands(3), Over]);
        assert_eq!(added(&[5, 5, 5, 104, 105]), [Stands(1), Stands(2), Stands(3), Over, Stands(3)]);
        assert_eq!(added(&[5, 5, 5, 305]), [Stands(1), Stands(2), Stands(3), Stands(1)]);
    }

    #[test]
    fn it_is_drained_when_the_last_one_is() {
        let bucket = Bucket(0).add(RATE, at(50)).0;
        assert!(Bucket(0).is_drained(RATE, at(0)));
        assert!(!bucket.is_drained(RATE, at(149)) && bucket.is_drained(RATE, at(150)));
    }

    #[test]
    fn a_clock_that_goes_back_leaves_nothing_standing() {
        let year = at(1 << 43);
        let full = (0..3).fold(Bucket(0), |bucket, _| bucket.add(RATE, year).0);
        assert_eq!(full.add(RATE, year).1, Added::Over);
        let slack = Nanos::from_secs(1);
        assert_eq!(full.add(RATE, year - slack).1, Added::Over, "threads may differ");
        assert_eq!(full.add(RATE, year - slack - Nanos::new(1)).1, Added::Stands(1), "by no more");
        assert_eq!(full.add(RATE, year - Nanos::from_secs(5)).1, Added::Stands(1));
    }

    #[test]
    fn times_are_held_below_2_to_the_63() {
        let last = Nanos::new(u64::MAX >> 1);
        assert_eq!([held(Nanos::MAX), held(last), held(Nanos::new(7))], [last, last, Nanos::new(7)]);
    }

    #[test]
    fn time_may_stand_at_its_end() {
        let mut bucket = Bucket(0);
        for expected in [Added::Stands(1), Added::Stands(2), Added::Stands(3), Added::Over] {
            let (next, added) = bucket.add(RATE, Nanos::MAX);
            assert_eq!(added, expected);
            bucket = next;
        }
    }

    #[test]
    fn what_a_guard_may_count_fits_a_word_to_the_end_of_time() {
        let slowest = Rate::new(Nanos::from_secs(3_600), 1_000);
        let full = (0..1_000).fold(Bucket(0), |bucket, _| bucket.add(slowest, Nanos::MAX).0);
        assert_eq!(full.add(slowest, Nanos::MAX), (full, Added::Over));
        assert!(full.0 <= crate::guard::table::MAX_PAYLOAD);
    }

    /// A guard's numbers are far smaller.
    #[test]
    fn the_largest_numbers_do_not_wrap() {
        let most = Rate::new(Nanos::MAX, u32::MAX);
        let interval = 1 << (64 - Bucket::UNIT_BITS);
        assert_eq!((most.capacity(), most.interval.get()), (u64::MAX, interval - 1));
        let brim = Bucket(u64::MAX);
        assert!(!brim.is_drained(most, Nanos::ZERO));
        assert_eq!(brim.add(most, Nanos::ZERO), (brim, Added::Stands((1 << Bucket::UNIT_BITS) + 1)));
    }

    quickcheck! {
        /// Against a count with its own drain, in whole units: the same answers.
        fn as_a_count_that_drains(gaps: Vec<u16>) -> bool {
            let (mut now, mut owed, mut last) = (0_u64, 0_u64, 0_u64);
            let times: Vec<u64> = gaps.iter().map(|gap| { now += u64::from(*gap % 250); now }).collect();
            let model = times.iter().map(|time| {
                owed = owed.saturating_sub(time - last);
                last = *time;
                if owed + 100 > 300 { return Added::Over; }
                owed += 100;
                Added::Stands(owed.div_ceil(100) as u32)
            });
            added(&times) == model.collect::<Vec<_>>()
        }

        /// Against a bucket in whole nanoseconds, for every rate and time: times are cut to units of 4,096 ns, so that
        /// what stands drains sooner by at most one for each that was added since it was empty and one more.
        fn as_a_bucket_in_nanoseconds_but_for_a_unit_each(
            interval: u64, room: u16, start: u64, gaps: Vec<u64>
        ) -> bool {
            let unit = 1 << Bucket::UNIT_BITS;
            let interval = 1_000_000 + interval % (3_600_000_000_000 - 1_000_000 + 1);
            let rate = Rate::new(Nanos::new(interval), 1 + u32::from(room) % 1_000);
            let (mut now, mut bucket, mut exact, mut added) = (start >> 2, Bucket(0), 0_u128, 0_u128);
            gaps.iter().all(|gap| {
                now = now.saturating_add(gap % (2 * interval)).min(1 << 62);
                let time = u128::from(now);
                if exact <= time {
                    added = 0;
                }
                let (next, answer) = bucket.add(rate, Nanos::new(now));
                bucket = next;
                if let Added::Stands(_) = answer {
                    (exact, added) = (exact.max(time) + u128::from(interval), added + 1);
                }
                let drained = u128::from(bucket.0) * unit;
                drained <= exact && exact - drained <= (added + 1) * unit
            })
        }
    }
}
