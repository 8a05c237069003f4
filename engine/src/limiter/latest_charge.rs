//! The latest time at which a call was charged to any key.
//!
//! A change of plan moves what was used onto the segments of other windows (R9), so it must not be made at a time
//! before that of any of it: a clock may have been set back, or a thread may have read it long before its call is
//! decided. A record keeps no time of each charge, but the charges go by the callers' clock, which is the same for all keys: the
//! latest of all is nearly always earlier than the change, which is then exactly in order.
//!
//! Each of the first threads of the process writes a word of its own, so that two meet on none. A word is read only
//! by changes of plan.

use crate::nanos::Nanos;
use crate::sync::{AtomicU64, Ordering, thread_number};
use crossbeam_utils::CachePadded;

/// Threads of a number below this have a word each, as long as they live; all others share the last.
pub(super) const OWNED: usize = if cfg!(any(tidegate_loom, tidegate_shuttle)) { 1 } else { 64 };

#[derive(Debug)]
pub(super) struct LatestCharge {
    words: Box<[CachePadded<AtomicU64>; OWNED + 1]>,
}

impl LatestCharge {
    pub(super) fn new() -> Self {
        Self { words: Box::new(std::array::from_fn(|_| CachePadded::default())) }
    }

    /// A call is about to be charged at a time: to be said before the swap by which it is.
    #[inline]
    pub(super) fn note(&self, at: Nanos) {
        self.note_by(thread_number(), at);
    }

    #[inline]
    pub(super) fn note_by(&self, number: usize, at: Nanos) {
        let word = &self.words[number.min(OWNED)];
        // Ordering: Relaxed, here and below. Who reads a record that this call was charged to has read the swap that
        // did it, and so sees what was stored before.
        if word.load(Ordering::Relaxed) >= at.get() {
            return;
        }
        if number < OWNED {
            word.store(at.get(), Ordering::Relaxed);
        } else {
            word.fetch_max(at.get(), Ordering::Relaxed);
        }
    }

    /// No call that can be read in a record was charged later.
    pub(super) fn get(&self) -> Nanos {
        Nanos::new(self.words.iter().map(|word| word.load(Ordering::Relaxed)).fold(0, u64::max))
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn the_latest_of_all_threads_counts_whatever_came_after() {
        let latest = LatestCharge::new();
        assert_eq!(latest.get(), Nanos::ZERO);
        for (noted, all) in [(5, 5), (3, 5), (8, 8), (7, 8)] {
            std::thread::scope(|scope| scope.spawn(|| latest.note(Nanos::new(noted))).join().unwrap());
            latest.note(Nanos::new(noted / 2));
            assert_eq!(latest.get(), Nanos::new(all));
        }
    }

    #[test]
    fn the_first_64_threads_have_a_word_each_and_all_others_the_last() {
        let latest = LatestCharge::new();
        for (number, word) in [(0, 0), (1, 1), (63, 63), (64, 64), (65, 64), (usize::MAX, 64)] {
            let before = latest.get();
            latest.note_by(number, before + Nanos::new(1));
            let is_later = |word: &usize| latest.words[*word].load(Ordering::Relaxed) > before.get();
            assert_eq!((0..latest.words.len()).filter(is_later).collect::<Vec<_>>(), [word], "{number}");
            assert_eq!(latest.words.len(), 64 + 1);
        }
    }

    #[test]
    fn threads_beyond_the_first_ones_share_a_word() {
        let latest = LatestCharge::new();
        let barrier = std::sync::Barrier::new(2 * OWNED);
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for thread in 0..2 * OWNED as u64 {
                let (latest, barrier) = (&latest, &barrier);
                threads.push(scope.spawn(move || {
                    barrier.wait();
                    (0..100).for_each(|turn| latest.note(Nanos::new(turn * 1_000 + thread)));
                    barrier.wait();
                }));
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(latest.get(), Nanos::new(99_000 + 2 * OWNED as u64 - 1));
    }
}
