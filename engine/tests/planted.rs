//! Faults that a sanitizer must report, or its silence about the engine means nothing: `cargo x sanitize` runs each, and
//! fails if it ends well. Two are no faults: of them nothing must be reported. Not there in other builds: the faults are
//! undefined behaviour.
#![cfg(tidegate_planted)]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Zeroed words, and one of them by its place, as the table finds its slots.
fn word(words: &[AtomicU64], place: usize) -> &AtomicU64 {
    // SAFETY: none, if the place lies beyond: that is the fault.
    unsafe { &*words.as_ptr().add(black_box(place)) }
}

fn words() -> Box<[AtomicU64]> {
    (0..32).map(|_| AtomicU64::new(0)).collect()
}

#[test]
fn a_place_beyond_the_table() {
    black_box(word(&words(), 32).load(Ordering::Relaxed));
}

#[test]
fn a_table_that_is_gone() {
    let table = words();
    let word: *const AtomicU64 = word(&table, 3);
    drop(table);
    // SAFETY: none; the words were freed.
    black_box(unsafe { &*word }.load(Ordering::Relaxed));
}

#[test]
fn a_table_that_is_never_given_back() {
    std::mem::forget(black_box(words()));
}

/// A plain word.
struct Plain(UnsafeCell<u64>);

// SAFETY: none, where two threads write it: that is the fault.
unsafe impl Sync for Plain {}

impl Plain {
    fn write(&self) {
        // SAFETY: as above.
        unsafe { *self.0.get() += 1 };
    }
}

#[test]
fn a_plain_word_that_two_threads_write() {
    let word = Plain(UnsafeCell::new(0));
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| (0..1_000).for_each(|_| word.write())));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Two threads that claim a word by a flag and release it, as drafts are, each a thousand times.
fn claimed_in_turns(release: Ordering) {
    let (claimed, word) = (AtomicBool::new(false), Plain(UnsafeCell::new(0)));
    let in_turns = || {
        for _ in 0..1_000 {
            // Ordering: Acquire, partner the release below.
            while claimed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
                thread::yield_now();
            }
            word.write();
            claimed.store(false, release);
        }
    };
    thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(in_turns));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// The weakness that no run on this processor shows, since its stores are all releases.
#[test]
fn a_draft_released_without_release() {
    claimed_in_turns(Ordering::Relaxed);
}

/// No fault: this one must end well.
#[test]
fn a_draft_released_as_it_should_be() {
    claimed_in_turns(Ordering::Release);
}

/// The swap of two words, where the build has one that the sanitizer is to see.
#[cfg(tidegate_watched)]
mod pair {
    use super::*;
    use portable_atomic::AtomicU128;

    /// One thread writes a plain word and publishes it by the swap, the other reads the pair and then the word.
    fn published_by_a_swap(order: Ordering) {
        let (pair, word) = (AtomicU128::new(0), Plain(UnsafeCell::new(0)));
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                word.write();
                while pair.compare_exchange(0, 1 << 64 | 1, order, Ordering::Relaxed).is_err() {}
            });
            // Ordering: Acquire, partner the swap.
            while pair.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            word.write();
            writer.join().unwrap();
        });
    }

    /// No fault.
    #[test]
    fn a_word_published_by_a_swap() {
        published_by_a_swap(Ordering::AcqRel);
    }

    #[test]
    fn a_word_published_by_a_relaxed_swap() {
        published_by_a_swap(Ordering::Relaxed);
    }
}
