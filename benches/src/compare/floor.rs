//! The machine's floor: a touch of a random slot, and nothing decided.
//!
//! The slots are as large and as many as those of Tidegate's table, on whatever pages the system gives.

use crate::contender::Contender;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words of a slot of 128 bytes.
const SLOT_WORDS: usize = 16;

/// What a touch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touch {
    /// Reads a word: the time until the slot's first line is there.
    Load,
    /// Adds to a word: with the locked operation that any decision must make to count a call.
    Swap,
}

/// A table of slots that nobody decides on.
#[derive(Debug)]
pub struct Floor {
    name: &'static str,
    words: Box<[AtomicU64]>,
    touch: Touch,
}

impl Floor {
    fn new(name: &'static str, population: u64, touch: Touch) -> Self {
        // As many slots as Tidegate has for as many keys: a quarter more.
        let slots = population + population / 4 + 1;
        let words = (0..slots as usize * SLOT_WORDS).map(|_| AtomicU64::new(0)).collect();
        Self { name, words, touch }
    }

    /// A load from a random slot.
    pub fn load(population: u64) -> Self {
        Self::new("floor: touch", population, Touch::Load)
    }

    /// A locked operation on a random slot.
    pub fn swap(population: u64) -> Self {
        Self::new("floor: locked touch", population, Touch::Swap)
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn decide(&self, key: u64, _call: u64) -> bool {
        // The multiplication scatters neighbouring keys, as a hash does.
        let slots = (self.words.len() / SLOT_WORDS) as u64;
        let scattered = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = ((u128::from(scattered) * u128::from(slots)) >> 64) as usize;
        let word = &self.words[slot * SLOT_WORDS];
        // Ordering: Relaxed; only the time it takes matters. The words are and stay zero.
        match self.touch {
            Touch::Load => word.load(Ordering::Relaxed) == 0,
            Touch::Swap => word.fetch_add(0, Ordering::Relaxed) == 0,
        }
    }
}
