//! When an address was told to come back with a key, in one word, and whether a call keeps to that.
//!
//! Nobody tells the guard which of the workers behind an address a call comes from. So a promise is that of
//! all of them: the earliest that stands. A call before it is surely before its own, unless its worker was
//! told nothing yet, which is what the tolerance is for.
//!
//! ```text
//!            opened                  promise − leeway
//!   ───────────┬────────┬───────────────────┬──────────────▶ time of a denied call
//!    (nothing) │together│       early       │ kept: opens anew
//! ```

use super::bucket::{CLOCK_SLACK, held};
use crate::nanos::Nanos;

/// Calls denied within so long of the first one to be denied are on their way together: none of them can
/// have heard of a denial. Workers that were told the same time come back together too.
pub(super) const TOGETHER: Nanos = Nanos::from_millis(100);

/// A promise of more than this counts as one of this: 4,095 ticks, 68.7 s.
pub(super) const LONGEST: Nanos = Nanos::new(Promise::MAX_LENGTH << Promise::TICK_BITS);

/// What a denied call's time says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    /// It breaks no promise, as far as can be known.
    Kept,
    /// It comes before any time that was promised to its address and key.
    Early,
}

/// The earliest time promised, and how long before that the first of its calls was denied.
///
/// Ticks are of 2²⁴ ns (16.8 ms): 2⁶³ ns are 39 bits of them. A promise is rounded down, in the caller's favour.
///
/// ```text
/// 52 bits     length in ticks 12 bits | promise in ticks 40 bits
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise(pub(super) u64);

impl Promise {
    const TICK_BITS: u32 = 24;
    const TIME_BITS: u32 = u64::BITS - Self::TICK_BITS;
    const MAX_LENGTH: u64 = (1 << 12) - 1;

    fn ticks(time: Nanos) -> u64 {
        held(time).get() >> Self::TICK_BITS
    }

    fn new(opened: u64, promised: u64) -> Self {
        // At most `MAX_LENGTH`: nobody is told to wait longer than `LONGEST`.
        let length = promised.saturating_sub(opened);
        Self(length << Self::TIME_BITS | promised)
    }

    fn promised(self) -> u64 {
        self.0 & ((1 << Self::TIME_BITS) - 1)
    }

    fn opened(self) -> u64 {
        self.promised().saturating_sub(self.0 >> Self::TIME_BITS)
    }

    /// Whether a call now would be before it. One that reaches further ahead than any may is of a clock that
    /// has gone back since, and stands no more.
    pub(super) fn stands(self, leeway: Nanos, now: Nanos) -> bool {
        let now = held(now);
        let promised = Nanos::new(self.promised() << Self::TICK_BITS);
        promised > now + leeway && promised <= now + LONGEST + CLOCK_SLACK
    }

    /// A call that is denied now and told to come back after `wait`.
    pub(super) fn denied(self, wait: Nanos, leeway: Nanos, now: Nanos) -> (Self, Timing) {
        let own = Self::ticks(held(now) + wait.min(LONGEST));
        if !self.stands(leeway, now) {
            let opens = Self::new(Self::ticks(now), own);
            // One that is over before it could be broken is not worth a write.
            return (if opens.stands(leeway, now) { opens } else { self }, Timing::Kept);
        }
        let together = Nanos::new((self.opened() + 1) << Self::TICK_BITS) + TOGETHER;
        let timing = if held(now) < together { Timing::Kept } else { Timing::Early };
        (Self::new(self.opened(), own.min(self.promised())), timing)
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use Timing::{Early, Kept};
    use quickcheck::quickcheck;

    const LEEWAY: Nanos = Nanos::from_millis(100);

    /// What calls denied at these milliseconds, and told to wait so many, are.
    fn timings(calls: &[(u64, u64)]) -> Vec<Timing> {
        let mut promise = Promise(0);
        let mut denied = |&(at, wait): &(u64, u64)| {
            let (next, timing) =
                promise.denied(Nanos::from_millis(wait), LEEWAY, Nanos::from_millis(1_000_000 + at));
            promise = next;
            timing
        };
        calls.iter().map(&mut denied).collect()
    }

    #[test]
    fn a_call_before_the_promise_is_early_and_one_after_is_not() {
        assert_eq!(timings(&[(0, 2_000), (1_000, 1_000)]), [Kept, Early]);
        assert_eq!(timings(&[(0, 2_000), (1_880, 120)]), [Kept, Early], "120 ms before");
        assert_eq!(timings(&[(0, 2_000), (1_900, 100)]), [Kept, Kept], "within the leeway");
        assert_eq!(timings(&[(0, 2_000), (2_000, 2_000), (4_000, 2_000)]), [Kept; 3]);
        assert_eq!(timings(&[(0, 2_000), (2_000, 2_000), (3_000, 2_000)]), [Kept, Kept, Early]);
    }

    #[test]
    fn calls_under_way_together_have_heard_of_nothing() {
        assert_eq!(
            timings(&[(0, 9_000), (10, 9_000), (100, 9_000), (150, 9_000)]),
            [Kept, Kept, Kept, Early]
        );
        // The same when workers who were told the same come back at that time.
        assert_eq!(
            timings(&[(0, 9_000), (9_000, 3_000), (9_050, 3_000), (9_200, 3_000)]),
            [Kept, Kept, Kept, Early]
        );
    }

    #[test]
    fn the_earliest_promise_counts() {
        // A large call is told 20 s; a small one, which is early, 2 s; that one comes back as told.
        assert_eq!(timings(&[(0, 20_000), (1_000, 2_000), (3_000, 2_000)]), [Kept, Early, Kept]);
    }

    #[test]
    fn short_waits_cannot_be_broken() {
        assert_eq!(timings(&[(0, 60), (200, 60), (201, 0), (400, 100)]), [Kept; 4]);
        assert_eq!(Promise(0).denied(Nanos::ZERO, LEEWAY, Nanos::from_secs(1)).0, Promise(0), "no write");
    }

    #[test]
    fn a_repeated_hint_changes_nothing() {
        let now = Nanos::from_secs(1_000);
        let first = Promise(0).denied(Nanos::from_secs(30), LEEWAY, now).0;
        let later = first.denied(Nanos::from_secs(29), LEEWAY, now + Nanos::from_secs(1)).0;
        assert_eq!(first, later);
    }

    #[test]
    fn a_long_wait_is_remembered_for_a_minute() {
        let day = 86_400_000;
        assert_eq!(
            timings(&[(0, day), (60_000, day), (69_000, day), (70_000, day)]),
            [Kept, Early, Kept, Early]
        );
    }

    #[test]
    fn a_clock_that_goes_back_leaves_no_promise() {
        let now = Nanos::from_secs(1_000_000);
        let promise = Promise(0).denied(Nanos::from_secs(60), LEEWAY, now).0;
        assert!(promise.stands(LEEWAY, now) && promise.stands(LEEWAY, now - Nanos::from_millis(500)));
        assert!(!promise.stands(LEEWAY, now - Nanos::from_secs(60)));
    }

    #[test]
    fn the_bounds_of_a_promise_are_exact() {
        let (tick, nanosecond) = (Nanos::new(1 << Promise::TICK_BITS), Nanos::new(1));
        let opened = Nanos::new(1 << 50);
        let denied = |promise: Promise, wait, now| promise.denied(wait, LEEWAY, now);
        let promise = denied(Promise(0), LONGEST, opened).0;
        assert_eq!((promise.opened(), promise.promised()), (1 << 26, (1 << 26) + 4_095));
        // Calls are together until a tenth of a second after the tick in which it was opened.
        let together = opened + tick + Nanos::from_millis(100);
        assert_eq!(denied(promise, LONGEST, together - nanosecond), (promise, Kept));
        assert_eq!(denied(promise, LONGEST, together), (promise, Early));
        // It can be broken until the leeway before its time, ...
        let kept = opened + LONGEST - LEEWAY;
        assert_eq!(denied(promise, LONGEST, kept - nanosecond), (promise, Early));
        let (anew, timing) = denied(promise, LONGEST, kept);
        assert_eq!((anew.opened(), timing), ((1 << 26) + 4_089, Kept));
        // ... and by no clock that has gone back by more than a second.
        let earliest = opened - Nanos::from_secs(1);
        assert!(promise.stands(LEEWAY, earliest) && !promise.stands(LEEWAY, earliest - nanosecond));
    }

    #[test]
    fn what_is_promised_before_it_was_opened_has_no_length() {
        // Threads differ: the second call, which need not wait, reads a time half a second before the first.
        let now = Nanos::from_secs(1_000_000);
        let first = Promise(0).denied(Nanos::from_secs(60), LEEWAY, now).0;
        let earlier = now - Nanos::from_millis(500);
        let (second, timing) = first.denied(Nanos::from_millis(200), LEEWAY, earlier);
        assert_eq!(timing, Kept);
        assert!(second.stands(LEEWAY, earlier) && !second.stands(LEEWAY, now));
        assert_eq!(second.opened(), second.promised());
        assert_eq!(Promise(4_095 << Promise::TIME_BITS | 7).opened(), 0, "a word that nobody wrote");
    }

    quickcheck! {
        fn any_times_fit_the_word(word: u64, wait: u64, leeway: u64, now: u64) -> bool {
            let promise = Promise(word >> 12);
            let next = promise.denied(Nanos::new(wait), Nanos::new(leeway % (1 << 34)), Nanos::new(now)).0;
            next.0 < 1 << 52 && next.promised() >= next.opened()
        }

        /// One worker that always waits as told is never early, whatever it is told.
        fn one_worker_that_obeys_is_never_early(start: u64, waits: Vec<(u32, u16)>) -> bool {
            let (mut now, mut promise) = (Nanos::new(start >> 2), Promise(0));
            waits.iter().all(|(wait, late)| {
                let wait = Nanos::new(u64::from(*wait) * 40);
                let (next, timing) = promise.denied(wait, LEEWAY, now);
                promise = next;
                now = now + wait + Nanos::new(u64::from(*late));
                timing == Kept
            })
        }
    }
}
