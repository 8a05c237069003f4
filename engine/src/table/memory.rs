//! The memory of the slots: zeroed by the system, and not touched before a key comes to live in it.

use super::slot::{Back, Front, Slot};

/// Asks the processor for the cache lines of something, from its first to its last byte two at the most, for a use
/// soon to come.
#[inline]
pub(super) fn prefetch<T>(thing: &T) {
    #[cfg(all(target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle))))]
    {
        let first = std::ptr::from_ref(thing).cast::<i8>();
        prefetch_line(first);
        if let Some(last) = last_byte_of(size_of::<T>()) {
            prefetch_line(first.wrapping_add(last));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle)))))]
    let _ = thing;
}

/// Asks the processor for the cache line of a byte.
#[cfg(all(target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle))))]
#[inline]
fn prefetch_line(byte: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    #[cfg(test)]
    asked::for_line_of(byte);
    // SAFETY: a prefetch of any address changes nothing but the caches.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(byte) };
}

/// Which bytes the processor is asked for: it does not tell.
#[cfg(all(test, target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle))))]
pub(super) mod asked {
    use std::cell::RefCell;

    thread_local! {
        /// The addresses of this thread, if someone wants to know.
        static FOR: RefCell<Option<Vec<usize>>> = const { RefCell::new(None) };
    }

    pub(super) fn for_line_of(byte: *const i8) {
        FOR.with_borrow_mut(|asked| asked.iter_mut().for_each(|asked| asked.push(byte as usize)));
    }

    /// What is asked for within a function.
    pub(in crate::table) fn within(asks: impl FnOnce()) -> Vec<usize> {
        FOR.set(Some(Vec::new()));
        asks();
        FOR.take().unwrap()
    }
}

/// Where the last byte of a thing is that does not fit one cache line.
#[cfg(all(target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle))))]
#[inline]
fn last_byte_of(size: usize) -> Option<usize> {
    const LINE: usize = 64;
    size.checked_sub(1).filter(|last| *last >= LINE)
}

#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
mod imp {
    use super::{Back, Front, Slot};
    use crate::sync::AtomicU64;
    use std::num::NonZeroUsize;
    #[cfg(target_os = "linux")]
    use std::ops::Range;

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
        let pages = huge_pages_within(words.as_ptr() as usize, size_of_val(words));
        if !pages.is_empty() {
            // SAFETY: the range lies within `words`, page by page, and `MADV_HUGEPAGE` changes only what
            // backs it, not what it holds.
            unsafe {
                libc::madvise(
                    words.as_ptr().cast::<u8>().add(pages.start) as *mut libc::c_void,
                    pages.len(),
                    libc::MADV_HUGEPAGE,
                )
            };
        }
    }

    /// Which bytes of so many that begin at this address make up whole huge pages.
    #[cfg(target_os = "linux")]
    fn huge_pages_within(start: usize, bytes: usize) -> Range<usize> {
        let first = start.next_multiple_of(HUGE_PAGE) - start;
        let pages = bytes.saturating_sub(first) / HUGE_PAGE;
        first..first + pages * HUGE_PAGE
    }

    #[cfg(not(target_os = "linux"))]
    fn ask_for_huge_pages(_words: &[AtomicU64]) {}

    /// Nobody asks for a place beyond the table. Should someone, the words that are there are no key's of theirs: a worse
    /// answer than a panic in a test, and a better one in a gateway.
    #[cold]
    #[inline(never)]
    fn instead() -> usize {
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
            let count = NonZeroUsize::new(len)?.get().checked_mul(FRONT + BACK)?.checked_add(PAIR)?;
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
            debug_assert!(place < self.len, "place {place} is beyond the table");
            self.at_or_first(place)
        }

        #[inline]
        fn at_or_first(&self, place: usize) -> Slot<'_> {
            let place = if place < self.len { place } else { instead() };
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

    #[cfg(test)]
    mod tests {
        use super::*;

        /// The address of a front or a back.
        fn address<T>(of: &T) -> usize {
            std::ptr::from_ref(of) as usize
        }

        #[test]
        fn slots_stand_side_by_side_within_their_memory() {
            for len in [1, 2, 3, 100] {
                let slots = Slots::vacant(len, false).unwrap();
                assert_eq!((slots.len(), slots.words.len()), (len, len * 16 + PAIR));
                let range = slots.words.as_ptr_range();
                let (memory, end) = (range.start as usize, range.end as usize);
                let fronts = address(slots.at(0).front);
                let backs = fronts + 32 * len;
                assert!(fronts.is_multiple_of(128) && memory <= fronts && fronts < memory + 128);
                for place in 0..len {
                    let Slot { front, back } = slots.at(place);
                    assert_eq!((address(front), address(back)), (fronts + 32 * place, backs + 96 * place));
                    assert!(address(back) + 96 <= end);
                }
            }
        }

        #[test]
        fn no_slots_or_more_than_addresses_tell_apart_are_none() {
            for len in [0, usize::MAX / 128, usize::MAX / 16, usize::MAX / 16 + 2, usize::MAX] {
                assert!(Slots::vacant(len, false).is_none(), "{len}");
            }
        }

        #[test]
        fn a_place_beyond_the_table_is_the_first_one() {
            let slots = Slots::vacant(3, false).unwrap();
            let front = |place| address(slots.at_or_first(place).front);
            assert!(front(2) != front(0) && front(3) == front(0) && front(usize::MAX) == front(0));
        }

        #[test]
        #[cfg(debug_assertions)]
        #[should_panic(expected = "place 3 is beyond the table")]
        fn to_ask_for_it_is_an_error() {
            let _ = Slots::vacant(3, false).unwrap().at(3);
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn huge_pages_are_those_that_lie_within_as_a_whole() {
            const MIB: usize = 1 << 20;
            for (start, bytes, pages) in [
                (0, 2 * MIB - 1, 0..0),
                (0, 2 * MIB, 0..2 * MIB),
                (0, 4 * MIB - 1, 0..2 * MIB),
                (16, 4 * MIB, 2 * MIB - 16..4 * MIB - 16),
                (16, 4 * MIB - 17, 2 * MIB - 16..2 * MIB - 16),
                (7 * MIB, 10 * MIB, MIB..9 * MIB),
                (7 * MIB, MIB - 1, MIB..MIB),
                (7 * MIB, 0, MIB..MIB),
            ] {
                assert_eq!(huge_pages_within(start, bytes), pages, "{bytes} bytes at {start}");
            }
        }

        /// Whether the system was told so of the memory at this address; `None` where it knows no huge pages.
        #[cfg(target_os = "linux")]
        fn is_to_be_in_huge_pages(address: usize) -> Option<bool> {
            std::fs::metadata("/sys/kernel/mm/transparent_hugepage").ok()?;
            let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
            let is_within = |line: &str| {
                let (from, to) = line.split(' ').next()?.split_once('-')?;
                let [from, to] = [from, to].map(|end| usize::from_str_radix(end, 16).ok());
                Some((from?..to?).contains(&address))
            };
            let flags = maps.lines().skip_while(|line| is_within(line) != Some(true));
            let flags = flags.into_iter().find_map(|line| line.strip_prefix("VmFlags:"))?;
            Some(flags.split(' ').any(|flag| flag == "hg"))
        }

        #[cfg(target_os = "linux")]
        #[test]
        fn huge_pages_are_asked_for_where_they_are_wanted() {
            for wanted in [false, true] {
                // So much that the allocator has it from the system, and not from what it was given back.
                let slots = Slots::vacant(1 << 19, wanted).unwrap();
                let middle = address(slots.at(1 << 18).back);
                assert!([None, Some(wanted)].contains(&is_to_be_in_huge_pages(middle)), "{wanted}");
            }
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

#[cfg(all(test, target_arch = "x86_64", not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn what_fits_a_cache_line_has_no_other_end() {
        assert_eq!([0, 1, 32, 64].map(last_byte_of), [None; 4]);
        assert_eq!([65, 96, 128].map(last_byte_of), [Some(64), Some(95), Some(127)]);
    }
}
