//! The words of a record, where each is an atomic of its own: as they ship, and under shuttle.

use super::AtomicU64;
use super::orders::{WORD_LOADED, WORD_STORED};

/// Words that are each atomic by themselves, not together.
///
/// Every load is Acquire and every store Release, where a seqlock would use fences: a reader that meets
/// a word of a later version has then also seen the control word leave the version it believes to read,
/// and its check fails. Thread sanitizers understand this form, and on x86-64 it costs nothing.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Words<const N: usize>([AtomicU64; N]);

impl<const N: usize> Words<N> {
    pub(crate) fn zeroed() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    #[inline]
    pub(crate) fn first(&self) -> u64 {
        self.word(0)
    }

    #[inline]
    pub(crate) fn word(&self, at: usize) -> u64 {
        // Ordering: Acquire, partner `store`; see the type.
        self.0[at].load(WORD_LOADED)
    }

    /// Stores the first words only.
    #[inline]
    pub(crate) fn store_first(&self, values: &[u64]) {
        for (word, value) in self.0.iter().zip(values) {
            // Ordering: Release, partner `load`; see the type.
            word.store(*value, WORD_STORED);
        }
    }

    #[inline]
    pub(crate) fn load(&self) -> [u64; N] {
        // Ordering: Acquire, partner `store`; see the type.
        std::array::from_fn(|word| self.0[word].load(WORD_LOADED))
    }

    #[inline]
    pub(crate) fn store(&self, values: &[u64; N]) {
        self.store_first(values);
    }
}

#[cfg(all(test, not(tidegate_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn words_are_zero_at_first_and_then_as_they_were_stored() {
        let words = Words::<3>::zeroed();
        assert_eq!(words.load(), [0; 3]);
        words.store(&[1, 2, 3]);
        assert_eq!(words.load(), [1, 2, 3]);
        assert_eq!((words.first(), [0, 1, 2].map(|at| words.word(at))), (1, [1, 2, 3]));
        words.store_first(&[4, 5]);
        assert_eq!(words.load(), [4, 5, 3]);
    }
}
