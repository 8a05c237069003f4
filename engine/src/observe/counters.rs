//! Counts of what was decided.
//!
//! **No count is lost.** A word of a stripe with one writer is loaded and stored by that thread alone, which reads
//! what it stored last: nothing can come between. On a stripe of many writers a count is one fetch-and-add, which adds
//! to the last value whoever wrote it. The two never meet: which way a stripe is written follows from its place.
//! A plain store costs a fifth of a locked add.

use super::stripes::{BLOCK_WORDS, Block, Stripe, Writers};
use crate::sync::{AtomicU64, Ordering};
use crate::unit::LimitId;
use std::ops::Add;

/// What is counted, each in a word of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Admitted,
    Settled,
    Cancelled,
    /// A denial of a key that could not be noted in the list of the most denied.
    Unlisted,
    Denied(LimitId),
    Never(LimitId),
    Shadowed(LimitId),
}

impl Count {
    /// Its word.
    #[inline]
    const fn place(self) -> usize {
        let place = match self {
            Self::Admitted => 0,
            Self::Settled => 1,
            Self::Cancelled => 2,
            Self::Unlisted => 3,
            Self::Denied(limit) => 4 + limit as usize,
            Self::Never(limit) => 8 + limit as usize,
            Self::Shadowed(limit) => 12 + limit as usize,
        };
        // Never so; this way the compiler sees that the word is there.
        place % BLOCK_WORDS
    }
}

/// The counters of a stripe.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters<'a>(pub(super) &'a Block);

impl Stripe<'_> {
    /// Counts one.
    #[inline]
    pub(super) fn count(&self, count: Count) {
        add_one(&self.counters.0[count.place()], self.writers);
    }

    /// What this stripe has counted.
    pub(super) fn observed(&self) -> Observed {
        // Ordering: Relaxed; each count stands for itself.
        let read = |count: Count| self.counters.0[count.place()].load(Ordering::Relaxed);
        let by_limit = |count: fn(LimitId) -> Count| PerLimit(LimitId::ALL.map(|limit| read(count(limit))));
        Observed {
            admitted: read(Count::Admitted),
            denied: by_limit(Count::Denied),
            never: by_limit(Count::Never),
            shadowed: by_limit(Count::Shadowed),
            settled: read(Count::Settled),
            cancelled: read(Count::Cancelled),
            unlisted: read(Count::Unlisted),
        }
    }
}

/// Adds one to a word of a stripe with such writers.
#[inline]
fn add_one(word: &AtomicU64, writers: Writers) {
    match writers {
        // Ordering: Relaxed; a count from which nothing else follows. The load sees this thread's own store, see
        // the module.
        Writers::One => word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed),
        Writers::Many => {
            // Ordering: Relaxed, likewise.
            word.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a limiter has counted since it was made; see [`Limiter::observed`](crate::Limiter::observed).
///
/// Every call that was decided is counted once: `admitted`, `denied` or `never`. Each number only ever grows. Read while others
/// decide, they may be some calls apart from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// Calls that were admitted.
    pub admitted: u64,
    /// Calls that were denied, by the limit that denied them.
    pub denied: PerLimit,
    /// Calls that asked for more than a limit ever admits, by that limit.
    pub never: PerLimit,
    /// Calls that were admitted and that a limit in shadow would have denied (R12), by that limit. A call that two would
    /// have denied counts for both.
    pub shadowed: PerLimit,
    /// Reservations that were settled, by estimate too.
    pub settled: u64,
    /// Reservations that were cancelled.
    pub cancelled: u64,
    /// Denied calls that are missing from the counts of [`DeniedKey`](crate::DeniedKey): two of the threads that share
    /// memory, those beyond the first 64 of the process, met in one place. The upper bound of a key is too low by at most so many.
    pub unlisted: u64,
}

impl Observed {
    /// Reservations that are under way: neither settled nor cancelled so far. Calls that nobody is going to settle, for they
    /// were charged what they cost, stay among them.
    pub fn unsettled(&self) -> u64 {
        self.admitted.saturating_sub(self.settled.saturating_add(self.cancelled))
    }
}

impl Add for Observed {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            admitted: self.admitted.wrapping_add(other.admitted),
            denied: self.denied + other.denied,
            never: self.never + other.never,
            shadowed: self.shadowed + other.shadowed,
            settled: self.settled.wrapping_add(other.settled),
            cancelled: self.cancelled.wrapping_add(other.cancelled),
            unlisted: self.unlisted.wrapping_add(other.unlisted),
        }
    }
}

impl std::iter::Sum for Observed {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Add::add)
    }
}

/// A count for each of the four limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerLimit([u64; 4]);

impl PerLimit {
    /// The count of one limit.
    pub const fn of(&self, limit: LimitId) -> u64 {
        self.0[limit as usize]
    }

    /// Of all four together.
    pub fn total(&self) -> u64 {
        self.0.iter().copied().fold(0, u64::wrapping_add)
    }

    /// Limits and their counts, in order.
    pub fn iter(&self) -> impl Iterator<Item = (LimitId, u64)> {
        LimitId::ALL.into_iter().map(|limit| (limit, self.of(limit)))
    }
}

impl Add for PerLimit {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|limit| self.0[limit].wrapping_add(other.0[limit])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(count: impl Fn(u64) -> u64) -> Observed {
        let by_limit = |first| PerLimit(std::array::from_fn(|limit| count(first + limit as u64)));
        Observed {
            admitted: count(1),
            denied: by_limit(2),
            never: by_limit(6),
            shadowed: by_limit(10),
            settled: count(14),
            cancelled: count(15),
            unlisted: count(16),
        }
    }

    #[test]
    fn counts_of_threads_are_added_each_to_its_like() {
        let all: Observed =
            [each(|place| place), each(|place| 100 * place), Observed::default()].into_iter().sum();
        assert_eq!(all, each(|place| 101 * place));
        assert_eq!((all.denied.total(), all.denied.of(LimitId::TokensDay)), (101 * 14, 101 * 5));
    }

    #[test]
    fn sums_that_overflow_wrap_and_panic_nowhere() {
        assert_eq!(each(|_| u64::MAX) + each(|place| place + 1), each(|place| place));
        assert_eq!(each(|_| u64::MAX / 2).never.total(), u64::MAX - 3);
    }

    #[test]
    fn no_fewer_than_none_are_under_way() {
        let of = |admitted, settled, cancelled| {
            Observed { admitted, settled, cancelled, ..Observed::default() }.unsettled()
        };
        assert_eq!([of(9, 3, 4), of(9, 4, 5), of(9, 5, 5)], [2, 0, 0]);
        assert_eq!(of(9, u64::MAX, 2), 0);
    }
}
