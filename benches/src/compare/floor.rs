//! The machine's floor: a touch of a random slot, and nothing decided.
//!
//! The slots are as large and as many as those of Tidegate's table, and on huge pages as those are, where the system
//! grants them. A touch is a compare-and-swap, the least that charging a call can be.

use crate::contender::{Contender, Course};
use crate::system::{prefetch, words_on_huge_pages};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::Nanos;

/// Words of a slot of 128 bytes.
const SLOT_WORDS: usize = 16;

/// A table of slots that nobody decides on.
#[derive(Debug)]
pub struct Slots(Box<[AtomicU64]>);

impl Slots {
    /// As many slots as Tidegate has for as many keys: a quarter more.
    pub fn new(population: u64) -> Self {
        let slots = usize::try_from(population + population / 4 + 1).expect("keys fit in memory");
        Self(words_on_huge_pages(slots * SLOT_WORDS))
    }

    /// The first word of a key's slot. The multiplication scatters neighbouring keys, as a hash does.
    #[inline]
    fn word(&self, key: u64) -> &AtomicU64 {
        let slots = (self.0.len() / SLOT_WORDS) as u64;
        let scattered = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = ((u128::from(scattered) * u128::from(slots)) >> 64) as usize;
        &self.0[slot * SLOT_WORDS]
    }

    /// Counts a call in a key's slot and gives the count before.
    #[inline]
    fn touch(&self, key: u64) -> u64 {
        let word = self.word(key);
        // Ordering: Relaxed; only the time it takes matters, and no other data rides on the count.
        let mut count = word.load(Ordering::Relaxed);
        loop {
            match word.compare_exchange_weak(count, count + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(before) => return before,
                Err(found) => count = found,
            }
        }
    }
}

/// Touches that do not wait for each other: as many at once as the processor manages by itself.
#[derive(Debug)]
pub struct Stream(pub Arc<Slots>);

impl Contender for Stream {
    fn name(&self) -> &'static str {
        "floor"
    }

    #[inline]
    fn decide(&self, key: u64, _time: Nanos) -> bool {
        self.0.touch(key);
        true
    }
}

/// Each touch waits for the one before: the floor of a lone decision.
#[derive(Debug)]
pub struct Chain(pub Arc<Slots>);

impl Contender for Chain {
    fn name(&self) -> &'static str {
        "floor, chain"
    }

    fn decide(&self, key: u64, _time: Nanos) -> bool {
        self.0.touch(key);
        true
    }

    /// Whatever the course's pace.
    fn run(&self, course: &Course<'_>) -> u64 {
        // Zero, and the compiler cannot know: so no key is known before the touch for the last one has ended.
        let zero = black_box(0);
        let mut before = 0;
        for &key in course.keys {
            // An unconditional addition: a compare-and-swap's outcome would be guessed, and not waited for.
            // Ordering: Relaxed, as in `Slots::touch`.
            before = self.0.word(u64::from(key) ^ (before & zero)).fetch_add(1, Ordering::Relaxed);
        }
        black_box(before);
        course.keys.len() as u64
    }
}

/// Touches 32 at a time, all of whose lines were asked for before the first: the floor of a batch.
#[derive(Debug)]
pub struct Batch(pub Arc<Slots>);

impl Contender for Batch {
    fn name(&self) -> &'static str {
        "floor, batches of 32"
    }

    fn decide(&self, key: u64, _time: Nanos) -> bool {
        self.0.touch(key);
        true
    }

    /// Whatever the course's pace.
    fn run(&self, course: &Course<'_>) -> u64 {
        for batch in course.keys.chunks(32) {
            batch.iter().for_each(|&key| prefetch(self.0.word(key.into())));
            batch.iter().for_each(|&key| _ = self.0.touch(key.into()));
        }
        course.keys.len() as u64
    }
}
