//! A piece of work that is always the same, timed beside the decisions: what changes in its time is the machine's doing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Memory far beyond the caches, in which one random word is counted up: the cache miss and the locked operation
/// of a decision without the decision.
#[derive(Debug)]
pub(super) struct Control {
    words: Box<[AtomicU64]>,
}

impl Control {
    /// 256 MiB.
    const WORDS: usize = 1 << 25;

    pub(super) fn new() -> Self {
        // One, not zero: the pages are there before anything is timed.
        Self { words: (0..Self::WORDS).map(|_| AtomicU64::new(1)).collect() }
    }

    /// Counts up the word that a random number chooses.
    #[inline]
    pub(super) fn touch(&self, random: u64) -> u64 {
        self.words[random as usize % Self::WORDS].fetch_add(1, Ordering::Relaxed)
    }
}
