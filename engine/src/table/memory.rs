//! The memory of the slots: zeroed by the system, and not touched before a key comes to live in it.

use super::slot::Slot;

#[cfg(not(tidegate_loom))]
mod imp {
    use super::Slot;
    use crate::sync::AtomicU64;

    /// Words of a slot.
    const SLOT_WORDS: usize = size_of::<Slot>() / size_of::<AtomicU64>();

    /// The size of a huge page, and the smallest memory worth asking for one.
    #[cfg(target_os = "linux")]
    const HUGE_PAGE: usize = 2 << 20;

    /// Tells the system that memory is used at random all over: a third of the time of a miss goes on
    /// finding small pages. A wish; where it is not granted, nothing changes.
    #[cfg(target_os = "linux")]
    fn ask_for_huge_pages(words: &[AtomicU64]) {
        let start = words.as_ptr() as usize;
        let (first, end) = (start.next_multiple_of(HUGE_PAGE), start + size_of_val(words));
        let len = end.saturating_sub(first) / HUGE_PAGE * HUGE_PAGE;
        if len > 0 {
            // SAFETY: the range lies within `words`, page by page, and `MADV_HUGEPAGE` changes only what
            // backs it, not what it holds.
            unsafe {
                libc::madvise(
                    words.as_ptr().cast::<u8>().add(first - start) as *mut libc::c_void,
                    len,
                    libc::MADV_HUGEPAGE,
                )
            };
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn ask_for_huge_pages(_words: &[AtomicU64]) {}

    /// A fixed number of slots, all vacant at first.
    ///
    /// Asking an allocator for zeroed memory at the alignment of a slot makes it touch every page; so plain
    /// words are asked for, a slot too many, and the slots begin at the first one that is aligned.
    #[derive(Debug)]
    pub(crate) struct Slots {
        words: Box<[AtomicU64]>,
        first: usize,
        len: usize,
    }

    impl Slots {
        /// Vacant slots, in huge pages if asked for and to be had.
        /// `None` if the system does not give the memory.
        pub(crate) fn vacant(len: usize, huge_pages: bool) -> Option<Self> {
            let count = len.checked_add(1)?.checked_mul(SLOT_WORDS)?;
            let words = bytemuck::allocation::try_zeroed_slice_box::<AtomicU64>(count).ok()?;
            if huge_pages {
                ask_for_huge_pages(&words);
            }
            let first = words.as_ptr().align_offset(align_of::<Slot>());
            Some(Self { words, first, len })
        }

        pub(crate) fn len(&self) -> usize {
            self.len
        }

        /// A slot by its place; past the end, the last one.
        #[inline]
        pub(crate) fn at(&self, place: usize) -> &Slot {
            debug_assert!(place < self.len);
            let word = self.first + place.min(self.len - 1) * SLOT_WORDS;
            // SAFETY: `first` is the offset of the first aligned word, less than a slot, and the allocation
            // is a slot longer than `len` slots, so `word .. word + SLOT_WORDS` lies within it and is
            // aligned for a slot. `Slot` is `repr(C)`: a transparent wrapper of a u64 in an atomic, then an
            // array of atomic u64, 16 words in all without padding, as a test checks. Zeroed words are a
            // valid slot. Slots are only ever changed through their atomics, and the borrow of `self` keeps
            // the memory.
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
        pub(crate) fn vacant(len: usize, _huge_pages: bool) -> Option<Self> {
            Some(Self((0..len).map(|_| Slot::vacant()).collect()))
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
