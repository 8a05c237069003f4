//! The memory of the slots: zeroed by the system, and not touched before a key comes to live in it.

use super::slot::{Back, Front, Slot};

/// Asks the processor for the cache lines of something, from its first to its last byte two at the most, for a use
/// soon to come.
#[inline]
pub(super) fn prefetch<T>(thing: &T) {
    #[cfg(all(target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle))))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = std::ptr::from_ref(thing).cast::<i8>();
        // SAFETY: a prefetch of any address changes nothing but the caches.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first) };
        if size_of::<T>() > 64 {
            let last = first.wrapping_add(size_of::<T>() - 1);
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(last) };
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle)))))]
    let _ = thing;
}

#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
mod imp {
    use super::{Back, Front, Slot};
    use crate::sync::AtomicU64;

    /// Words of the front and of the back of a slot.
    const FRONT: usize = size_of::<Front>() / size_of::<AtomicU64>();
    const BACK: usize = size_of::<Back>() / size_of::<AtomicU64>();
    /// Words of two adjacent cache lines, at which the slots begin.
    const PAIR: usize = 16;

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

    /// Nobody asks for a place beyond the table. Should someone, the words that are there are no key's of theirs: a worse
    /// answer than a panic in a test, and a better one in a gateway.
    #[cold]
    #[inline(never)]
    fn instead_of(place: usize) -> usize {
        debug_assert!(false, "place {place} is beyond the table");
        0
    }

    /// A fixed number of slots, all vacant at first.
    ///
    /// The fronts of all slots stand together, two in a cache line, and then their backs.
    ///
    /// Asking an allocator for zeroed memory at the alignment of a slot makes it touch every page; so plain
    /// words are asked for, two cache lines too many, and the slots begin where such a pair does.
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
            // `at` goes by there being a first one.
            let count = len.checked_sub(1).map(|_| len)?.checked_mul(FRONT + BACK)?.checked_add(PAIR)?;
            let words = bytemuck::allocation::try_zeroed_slice_box::<AtomicU64>(count).ok()?;
            if huge_pages {
                ask_for_huge_pages(&words);
            }
            let first = words.as_ptr().align_offset(PAIR * size_of::<AtomicU64>());
            Some(Self { words, first, len })
        }

        pub(crate) fn len(&self) -> usize {
            self.len
        }

        /// All words as they are.
        #[cfg(test)]
        pub(crate) fn snapshot(&self) -> Vec<u64> {
            self.words.iter().map(|word| word.load(crate::sync::Ordering::Relaxed)).collect()
        }

        /// A slot by its place; the first one if there is no such place.
        #[inline]
        pub(crate) fn at(&self, place: usize) -> Slot<'_> {
            let place = if place < self.len { place } else { instead_of(place) };
            let front = self.first + place * FRONT;
            let back = self.first + self.len * FRONT + place * BACK;
            // SAFETY: `first` is the offset of the first word at the beginning of a line, less than a line, and the
            // allocation is a line longer than `len` fronts and `len` backs; so both lie within it, and aligned,
            // since a line is a multiple of their alignment, and so is a front's and a back's size. `Front` and
            // `Back` are `repr(C)` and hold nothing but atomic words without padding; zeroed words are valid for
            // both. They are only ever changed through their atomics, each word is
            // of one `Front` or one `Back`, and the borrow of `self` keeps the memory.
            unsafe {
                let words = self.words.as_ptr();
                Slot { front: &*words.add(front).cast::<Front>(), back: &*words.add(back).cast::<Back>() }
            }
        }

        /// Asks the processor for the front of a slot, for a decision soon to come.
        #[inline]
        pub(crate) fn prefetch(&self, place: usize) {
            super::prefetch(self.at(place).front);
        }
    }
}

#[cfg(any(tidegate_loom, tidegate_shuttle))]
mod imp {
    use super::{Back, Front, Slot};

    #[derive(Debug)]
    pub(crate) struct Slots(Box<[(Front, Back)]>);

    impl Slots {
        pub(crate) fn vacant(len: usize, _huge_pages: bool) -> Option<Self> {
            Some(Self((0..len).map(|_| (Front::vacant(), Back::vacant())).collect()))
        }

        pub(crate) fn len(&self) -> usize {
            self.0.len()
        }

        pub(crate) fn at(&self, place: usize) -> Slot<'_> {
            let (front, back) = &self.0[place];
            Slot { front, back }
        }

        pub(crate) fn prefetch(&self, _place: usize) {}
    }
}

pub(super) use imp::Slots;
