//! Words that are zero, in memory that the system gives only once they are used.

use crate::sync::AtomicU64;

/// So many words of zero, on pages that take up no memory before their first word is written. `None` if the
/// system does not give the memory.
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
pub(crate) fn words(count: usize) -> Option<Box<[AtomicU64]>> {
    bytemuck::allocation::try_zeroed_slice_box(count).ok()
}

/// The same for models, whose atomics are no plain words.
#[cfg(any(tidegate_loom, tidegate_shuttle))]
pub(crate) fn words(count: usize) -> Option<Box<[AtomicU64]>> {
    Some((0..count).map(|_| AtomicU64::new(0)).collect())
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use crate::sync::Ordering;

    #[test]
    fn there_are_as_many_words_as_asked_for_and_all_are_zero() {
        for count in [0, 1, 1_000] {
            let words = super::words(count).unwrap();
            assert_eq!(words.len(), count);
            assert!(words.iter().all(|word| word.load(Ordering::Relaxed) == 0));
        }
    }

    #[test]
    fn more_than_addresses_tell_apart_is_none() {
        assert!(super::words(usize::MAX / 8).is_none());
        assert!(super::words(usize::MAX).is_none());
    }
}
