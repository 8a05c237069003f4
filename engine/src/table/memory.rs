//! The memory of the slots: zeroed by the system, and not touched before a key comes to live in it.

use super::slot::Slot;

#[cfg(not(tidegate_loom))]
mod imp {
    use super::Slot;
    use crate::sync::AtomicU64;

    /// Words of a slot.
    const SLOT_WORDS: usize = size_of::<Slot>() / size_of::<AtomicU64>();

    /// A fixed number of slots, all vacant at first.
    ///
    /// Asking an allocator for zeroed memory at the alignment of a slot makes it touch every page; so plain words are
    /// asked for, a slot too many, and the slots begin at the first one that is aligned.
    #[derive(Debug)]
    pub(crate) struct Slots {
        words: Box<[AtomicU64]>,
        first: usize,
        len: usize,
    }

    impl Slots {
        pub(crate) fn vacant(len: usize) -> Self {
            let words = bytemuck::allocation::zeroed_slice_box::<AtomicU64>((len + 1) * SLOT_WORDS);
            let first = words.as_ptr().align_offset(align_of::<Slot>());
            Self { words, first, len }
        }

        pub(crate) fn len(&self) -> usize {
            self.len
        }

        /// A slot by its place; past the end, the last one.
        #[inline]
        pub(crate) fn at(&self, place: usize) -> &Slot {
            debug_assert!(place < self.len);
            let word = self.first + place.min(self.len - 1) * SLOT_WORDS;
            // SAFETY: `first` is the offset of the first aligned word, less than a slot, and the allocation is a
            // slot longer than `len` slots, so `word .. word + SLOT_WORDS` lies within it and is aligned for a slot.
            // `Slot` is `repr(C)`: a transparent wrapper of a u64 in an atomic, then an array of atomic u64, 16
            // words in all without padding, as a test checks. Zeroed words are a valid slot. Slots are only ever
            // changed through their atomics, and the borrow of `self` keeps the memory.
            unsafe { &*self.words.as_ptr().add(word).cast::<Slot>() }
        }
    }
}

#[cfg(tidegate_loom)]
mod imp {
    use super::Slot;

    #[derive(Debug)]
    pub(crate) struct Slots(Box<[Slot]>);

    impl Slots {
        pub(crate) fn vacant(len: usize) -> Self {
            Self((0..len).map(|_| Slot::vacant()).collect())
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) fn at(&self, place: usize) -> &Slot {
            &self.0[place]
        }
    }
}

pub(super) use imp::Slots;
