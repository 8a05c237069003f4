//! An address's block, and how often it has been blocked of late, in one word.

use super::bucket::{CLOCK_SLACK, held};
use crate::nanos::Nanos;

/// How long blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// The first block.
    pub(super) first: Nanos,
    /// No block is longer.
    pub(super) longest: Nanos,
    /// A block that begins within this of the beginning of the one before is twice as long.
    pub(super) forgiveness: Nanos,
}

impl Terms {
    /// The length of a block that follows so many others.
    fn length(self, before: u64) -> Nanos {
        // The largest factor that there is: two nanoseconds and more are the longest time with it.
        let doubled = self.first.get().saturating_mul(1 << before.min(63));
        Nanos::new(doubled).min(self.longest)
    }
}

/// The end of the last block, and how many blocks it followed.
///
/// Its times are in ticks of 2²⁰ ns (1.05 ms): 2⁶³ ns are 43 bits of them. An end is rounded up.
///
/// ```text
/// 52 bits     blocks before 8 bits | end in ticks 44 bits
/// ```
///
/// | state     | holds while                                  | a further offence                                  |
/// |-----------|----------------------------------------------|----------------------------------------------------|
/// | free      | no block yet, or forgiven                    | → blocked, for the first length                    |
/// | blocked   | until its end                                | changes nothing                                    |
/// | on record | until `forgiveness` after the block's beginning | → blocked, for twice the last length, at most `longest` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block(pub(super) u64);

impl Block {
    const TICK_BITS: u32 = 20;
    const TIME_BITS: u32 = u64::BITS - Self::TICK_BITS;
    const MAX_BEFORE: u64 = (1 << 8) - 1;

    /// When the last block ends or ended.
    pub(super) fn end(self) -> Nanos {
        // The bits above, those of `before`, are shifted out.
        Nanos::new(self.0 << Self::TICK_BITS)
    }

    /// How many blocks the last one followed.
    pub(super) fn before(self) -> u32 {
        (self.0 >> Self::TIME_BITS) as u32
    }

    fn length(self, terms: Terms) -> Nanos {
        terms.length(u64::from(self.before()))
    }

    /// How long the block still lasts. A block that a clock which has gone back would make longer than it was
    /// meant is over.
    pub(super) fn remaining(self, terms: Terms, now: Nanos) -> Option<Nanos> {
        let (remaining, length) = (self.end() - held(now), self.length(terms));
        if remaining == Nanos::ZERO || remaining > length + CLOCK_SLACK {
            return None;
        }
        Some(remaining.min(length))
    }

    /// Whether a block that began now would be longer than the first.
    pub(super) fn is_on_record(self, terms: Terms, now: Nanos) -> bool {
        let begin = self.end() - self.length(terms);
        self.0 != 0 && held(now) < begin + terms.forgiveness && begin <= held(now) + CLOCK_SLACK
    }

    /// An offence: begins a block unless one lasts. Tells whether it did.
    pub(super) fn offend(self, terms: Terms, now: Nanos) -> (Self, bool) {
        if self.remaining(terms, now).is_some() {
            return (self, false);
        }
        let before = if self.is_on_record(terms, now) {
            (u64::from(self.before()) + 1).min(Self::MAX_BEFORE)
        } else {
            0
        };
        let end = held(now) + terms.length(before);
        (Self(before << Self::TIME_BITS | end.get().div_ceil(1 << Self::TICK_BITS)), true)
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    const TERMS: Terms = Terms {
        first: Nanos::from_secs(30),
        longest: Nanos::from_secs(100),
        forgiveness: Nanos::from_secs(3_600),
    };

    fn secs(secs: u64) -> Nanos {
        Nanos::from_secs(1_000_000 + secs)
    }

    /// The whole seconds that a block begun at each of these times lasts, one after another.
    fn lengths(times: &[u64]) -> Vec<u64> {
        let mut block = Block(0);
        let mut offend = |time: &u64| {
            block = block.offend(TERMS, secs(*time)).0;
            block.remaining(TERMS, secs(*time)).unwrap().as_secs_ceil()
        };
        times.iter().map(&mut offend).collect()
    }

    #[test]
    fn a_block_lasts_as_long_as_it_says() {
        let (block, began) = Block(0).offend(TERMS, secs(0));
        assert!(began);
        assert_eq!(block.remaining(TERMS, secs(0)), Some(Nanos::from_secs(30)));
        assert!(block.remaining(TERMS, secs(30) - Nanos::new(1)).is_some());
        assert_eq!(block.remaining(TERMS, secs(30) + Nanos::from_millis(2)), None);
        assert_eq!(block.offend(TERMS, secs(29)), (block, false), "who is blocked is not blocked anew");
    }

    #[test]
    fn each_block_within_the_hour_is_twice_as_long_up_to_the_longest() {
        assert_eq!(lengths(&[0, 40, 120, 300, 500]), [30, 60, 100, 100, 100]);
    }

    #[test]
    fn an_hour_after_its_beginning_a_block_is_forgiven() {
        assert_eq!(lengths(&[0, 3_599]), [30, 60]);
        assert_eq!(lengths(&[0, 3_601]), [30, 30]);
        assert_eq!(lengths(&[0, 100, 3_699, 7_300]), [30, 60, 100, 30]);
    }

    #[test]
    fn a_clock_that_goes_back_ends_the_block() {
        let (block, _) = Block(0).offend(TERMS, secs(0));
        let back = secs(0) - Nanos::from_secs(3_600);
        assert_eq!(block.remaining(TERMS, back), None);
        assert!(!block.is_on_record(TERMS, back));
        assert_eq!(block.remaining(TERMS, secs(0) - Nanos::from_millis(900)), Some(Nanos::from_secs(30)));
    }

    #[test]
    fn the_bounds_of_a_block_are_exact() {
        let nanosecond = Nanos::new(1);
        // It ends at a tick, 30 s after it began.
        let block = Block(1 << 30);
        let (end, begin) = (Nanos::new(1 << 50), Nanos::new(1 << 50) - TERMS.first);
        assert_eq!((block.end(), block.before()), (end, 0));
        assert_eq!((Block(1 << 44 | 5).end(), Block(1 << 44 | 5).before()), (Nanos::new(5 << 20), 1));
        assert_eq!(block.remaining(TERMS, end - nanosecond), Some(nanosecond));
        assert_eq!(block.remaining(TERMS, end), None);
        let earliest = begin - Nanos::from_secs(1);
        assert_eq!(block.remaining(TERMS, earliest), Some(TERMS.first));
        assert_eq!(block.remaining(TERMS, earliest - nanosecond), None);
        let forgiven = begin + TERMS.forgiveness;
        let on_record = [earliest - nanosecond, earliest, forgiven - nanosecond, forgiven]
            .map(|now| block.is_on_record(TERMS, now));
        assert_eq!(on_record, [false, true, true, false]);
        assert!(!Block(0).is_on_record(TERMS, Nanos::ZERO) && Block(1).is_on_record(TERMS, Nanos::ZERO));
    }

    #[test]
    fn a_block_is_never_longer_than_the_longest_however_many_came_before() {
        for before in 0..300_u64 {
            let (first, longest) = (Nanos::new(2), Nanos::MAX);
            let doubled = 1_u64.checked_shl(before as u32 + 1).map_or(longest, Nanos::new);
            assert_eq!(Terms { first, longest, ..TERMS }.length(before), doubled, "{before}");
        }
        // The count stands still at what its bits hold.
        let end = 1 << 30;
        for (before, next) in [(253, 254), (254, 255), (255, 255)] {
            let block = Block(before << Block::TIME_BITS | end);
            let (offended, began) = block.offend(TERMS, block.end());
            assert_eq!((offended.before(), began), (next, true));
            assert_eq!(offended.remaining(TERMS, block.end()), Some(TERMS.longest));
        }
    }

    quickcheck! {
        /// So that whoever keeps those on record keeps those that are blocked.
        fn a_block_that_lasts_is_on_record(word: u64, back: u64) -> bool {
            let block = Block(word >> 12);
            let now = block.end() - Nanos::new(back % (2 * TERMS.longest.get()));
            block.remaining(TERMS, now).is_none() || block.is_on_record(TERMS, now)
        }

        fn any_word_and_time_fit(word: u64, now: u64) -> bool {
            let block = Block(word >> 12);
            let (next, _) = block.offend(TERMS, Nanos::new(now));
            next.0 < 1 << 52 && next.remaining(TERMS, Nanos::new(now)).is_some_and(|left| left <= TERMS.longest)
        }
    }
}
