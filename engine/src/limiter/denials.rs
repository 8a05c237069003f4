//! Denials remembered: what a key's last denial said, as long as nothing has changed.
//!
//! A client that hammers a used-up key is denied by the same record again and again, and the time to come back
//! to is the same too. Working it out goes through the whole record; so each of the first threads of the process
//! remembers its last denials in memory that it alone writes. A denial is taken from there if the slot is in the
//! very version in which it was worked out, nothing has been charged beside it, the call asks for the same under
//! the same plan, no earlier, and the time has not come. Every limit's room only grows while nothing is charged, so until
//! then the limit that denies longest is the same.
//!
//! Nothing is remembered of a day's quota where a window denies too: which of them denies longest depends on
//! both clocks.

use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::record::Denial;
use crate::sync::{AtomicU64, Ordering, thread_number};
use crate::table::Seen;
use crate::unit::{Cost, LimitId};
use crate::zeroed;

/// Threads of a number below this remember; no other thread has their number as long as they live. None does in loom's
/// models.
const THREADS: usize = if cfg!(tidegate_loom) {
    0
} else if cfg!(tidegate_shuttle) {
    6
} else {
    64
};
/// Denials that a thread remembers: 128 KiB, taken up by threads that deny.
const DENIALS: usize = if cfg!(any(tidegate_loom, tidegate_shuttle)) { 1 } else { 2_048 };
/// Words of one, which is a cache line.
const WORDS: usize = 8;
/// Slots lie at multiples of 32; so a limit fits beside a slot's place.
const SLOT_SHIFT: u32 = 5;

/// What a denial was worked out from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grounds {
    pub(super) seen: Seen,
    pub(super) cost: Cost,
}

/// A cost in one word, unless it is extreme.
#[inline]
fn packed(cost: Cost) -> Option<u64> {
    const TOKENS: u32 = 40;
    let fits = cost.tokens >> TOKENS == 0 && cost.requests >> (u64::BITS - TOKENS) == 0;
    fits.then_some(cost.requests << TOKENS | cost.tokens)
}

#[derive(Debug)]
pub(super) struct Denials {
    words: Box<[AtomicU64]>,
    /// The first word that is aligned to a cache line.
    first: usize,
}

impl Denials {
    /// Nothing remembered yet. `None` if the system does not give the memory.
    pub(super) fn new() -> Option<Self> {
        let words = zeroed::words((THREADS * DENIALS + 1) * WORDS)?;
        let first = words.as_ptr().align_offset(WORDS * size_of::<u64>()) % WORDS;
        Some(Self { words, first })
    }

    /// Where this thread remembers a denial by this record, if it remembers any.
    #[inline]
    fn place(&self, seen: Seen) -> Option<&[AtomicU64; WORDS]> {
        self.place_of(thread_number(), seen)
    }

    #[inline]
    fn place_of(&self, number: usize, seen: Seen) -> Option<&[AtomicU64; WORDS]> {
        if number >= THREADS {
            return None;
        }
        // Neighbouring slots are remembered in neighbouring places: those of few keys in one each.
        let denial = number * DENIALS + (seen.place >> SLOT_SHIFT) as usize % DENIALS;
        self.words.get(self.first + denial * WORDS..)?.first_chunk()
    }

    /// The denial of a call, if it is remembered and still holds.
    #[inline]
    pub(super) fn recall(&self, grounds: Grounds, at: Timestamp) -> Option<Denial> {
        let Grounds { seen, cost } = grounds;
        let cost = packed(cost)?;
        // Ordering: Relaxed throughout. No other thread writes these words.
        let word = |at: usize, place: &[AtomicU64; WORDS]| place[at].load(Ordering::Relaxed);
        let place = self.place(seen)?;
        // None, if it is another slot's.
        let limit = *LimitId::ALL.get(usize::try_from(word(3, place).wrapping_sub(seen.place)).ok()?)?;
        let holds = word(0, place) == seen.low
            && word(1, place) == seen.high
            && word(2, place) == seen.identity
            && word(4, place) == cost
            // Before that, on either clock, another limit may have denied.
            && word(5, place) <= at.unix.get()
            && word(6, place) <= at.monotonic.get();
        if !holds {
            return None;
        }
        let now = if limit.is_day() { at.unix } else { at.monotonic };
        let retry_after = Nanos::new(word(7, place)) - now;
        (retry_after > Nanos::ZERO).then_some(Denial { limit, retry_after })
    }

    /// Remembers a denial.
    pub(super) fn remember(&self, grounds: Grounds, denial: Denial, at: Timestamp) {
        let Grounds { seen, cost } = grounds;
        let (Some(place), Some(cost)) = (self.place(seen), packed(cost)) else { return };
        let now = if denial.limit.is_day() { at.unix } else { at.monotonic };
        let until = now + denial.retry_after;
        if until.get() > u64::MAX >> 1 {
            // So late that times stand still by then.
            return;
        }
        let words = [
            seen.low,
            seen.high,
            seen.identity,
            seen.place + denial.limit as u64,
            cost,
            at.unix.get(),
            at.monotonic.get(),
            until.get(),
        ];
        for (word, value) in place.iter().zip(words) {
            // Ordering: Relaxed, as in `recall`.
            word.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    const SEEN: Seen = Seen { low: 5, high: 6, identity: 7, place: 0x1000 };
    const AT: Timestamp = Timestamp { monotonic: Nanos::from_secs(1_000), unix: Nanos::from_secs(5_000) };
    const WAIT: Nanos = Nanos::from_secs(10);

    fn grounds() -> Grounds {
        Grounds { seen: SEEN, cost: Cost { requests: 1, tokens: 2 } }
    }

    /// Denials that remember one by this limit.
    fn remembering(limit: LimitId) -> Denials {
        let denials = Denials::new().unwrap();
        denials.remember(grounds(), Denial { limit, retry_after: WAIT }, AT);
        denials
    }

    #[test]
    fn a_denial_is_recalled_until_its_time_has_come_on_the_clock_of_its_limit() {
        for limit in LimitId::ALL {
            let denials = remembering(limit);
            let after = |secs| {
                let (early, late) = (Nanos::from_secs(secs), Nanos::from_secs(100));
                let (monotonic, unix) = if limit.is_day() { (late, early) } else { (early, late) };
                let at = Timestamp { monotonic: AT.monotonic + monotonic, unix: AT.unix + unix };
                denials.recall(grounds(), at).map(|denial| (denial.limit, denial.retry_after))
            };
            assert_eq!(after(0), Some((limit, WAIT)));
            assert_eq!(after(9), Some((limit, Nanos::from_secs(1))));
            assert_eq!(after(10), None);
        }
    }

    #[test]
    fn a_denial_is_not_recalled_before_its_time_on_either_clock() {
        let (denials, nanosecond) = (remembering(LimitId::TokensWindow), Nanos::new(1));
        let recalled = |at| denials.recall(grounds(), at).is_some();
        assert!(recalled(AT));
        assert!(!recalled(Timestamp { monotonic: AT.monotonic - nanosecond, ..AT }));
        assert!(!recalled(Timestamp { unix: AT.unix - nanosecond, ..AT }));
    }

    #[test]
    fn a_denial_is_not_recalled_of_another_state_or_cost() {
        let denials = remembering(LimitId::RequestsDay);
        let others = [
            Seen { low: 4, ..SEEN },
            Seen { high: 4, ..SEEN },
            Seen { identity: 4, ..SEEN },
            // The same place in memory as another slot's, a whole round further.
            Seen { place: SEEN.place + ((DENIALS as u64) << SLOT_SHIFT), ..SEEN },
            Seen { place: SEEN.place.wrapping_sub((DENIALS as u64) << SLOT_SHIFT), ..SEEN },
            Seen { place: SEEN.place - (1 << SLOT_SHIFT), ..SEEN },
        ];
        for seen in others {
            assert_eq!(denials.recall(Grounds { seen, ..grounds() }, AT), None, "{seen:?}");
        }
        for cost in [Cost { requests: 2, tokens: 2 }, Cost { requests: 1, tokens: 3 }, Cost::default()] {
            assert_eq!(denials.recall(Grounds { cost, ..grounds() }, AT), None, "{cost:?}");
        }
    }

    #[test]
    fn each_of_the_first_64_threads_remembers_in_128_kib_of_its_own_a_cache_line_for_a_denial() {
        let denials = Denials::new().unwrap();
        let place = |number, slot: u64| {
            let place = denials.place_of(number, Seen { place: 32 * slot, ..SEEN });
            place.map(|words| std::ptr::from_ref(words).addr())
        };
        let begin = place(0, 0).unwrap();
        assert_eq!((begin % 64, begin - denials.words.as_ptr().addr()), (0, denials.first * 8));
        assert_eq!(size_of_val(&*denials.words), 64 * 131_072 + 64);
        for number in 0..64 {
            for (slot, line) in [(0, 0), (1, 1), (700, 700), (2_047, 2_047), (2_048, 0), (5_000, 904)] {
                assert_eq!(
                    place(number, slot),
                    Some(begin + 131_072 * number + 64 * line),
                    "{number} {slot}"
                );
            }
        }
        assert_eq!([place(64, 0), place(65, 3), place(usize::MAX, 0)], [None; 3]);
    }

    #[test]
    fn a_denial_is_recalled_by_the_thread_that_remembers_it() {
        let denials = remembering(LimitId::TokensWindow);
        let by_another = std::thread::scope(|scope| scope.spawn(|| denials.recall(grounds(), AT)).join());
        assert_eq!(by_another.unwrap(), None);
        assert!(denials.recall(grounds(), AT).is_some());
    }

    #[test]
    fn neighbouring_slots_are_remembered_beside_each_other() {
        let denials = Denials::new().unwrap();
        let of = |slot: u64| Grounds { seen: Seen { place: slot << SLOT_SHIFT, ..SEEN }, ..grounds() };
        let told = |slot| Denial { limit: LimitId::TokensDay, retry_after: Nanos::from_secs(slot + 1) };
        (0..DENIALS as u64).for_each(|slot| denials.remember(of(slot), told(slot), AT));
        for slot in 0..DENIALS as u64 {
            assert_eq!(denials.recall(of(slot), AT), Some(told(slot)));
        }
    }

    #[test]
    fn costs_beyond_40_and_24_bits_and_times_at_the_end_are_not_remembered() {
        let most = Cost { requests: (1 << 24) - 1, tokens: (1 << 40) - 1 };
        assert_eq!(packed(most), Some(u64::MAX));
        assert_eq!(packed(Cost { requests: 1, tokens: 2 }), Some(1 << 40 | 2));
        for cost in [Cost { requests: 1 << 24, ..most }, Cost { tokens: 1 << 40, ..most }] {
            assert_eq!(packed(cost), None);
        }
        let last = Nanos::new(u64::MAX >> 1);
        for (until, is_remembered) in [(last, true), (last + Nanos::new(1), false)] {
            let denials = Denials::new().unwrap();
            let retry_after = until - AT.monotonic;
            let denial = Denial { limit: LimitId::TokensWindow, retry_after };
            denials.remember(grounds(), denial, AT);
            assert_eq!(denials.recall(grounds(), AT), is_remembered.then_some(denial));
        }
    }
}
