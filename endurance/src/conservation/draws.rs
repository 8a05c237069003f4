//! Random numbers of a round.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Draws, that a seed repeats.
#[derive(Debug)]
pub(super) struct Draws(SmallRng);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// From 0 up to, not including, `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    pub(super) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Small numbers as often as large ones: each number of bits as often as any other.
    pub(super) fn of_any_size(&mut self, end: u64) -> u64 {
        let bits = self.below(65 - u64::from(end.leading_zeros()));
        self.below(end.min(1 << bits) + 1)
    }
}
