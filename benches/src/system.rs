//! What only the system or the processor can do: huge pages, prefetches, waiting for what was begun. The crate's only
//! `unsafe`.

use std::sync::atomic::AtomicU64;

/// The size of a huge page, and the smallest memory worth asking for one.
#[cfg(target_os = "linux")]
const HUGE_PAGE: usize = 2 << 20;

/// Zeroed words on huge pages, where the system grants them: what Tidegate's own table asks for.
pub(crate) fn words_on_huge_pages(len: usize) -> Box<[AtomicU64]> {
    let words = bytemuck::allocation::zeroed_slice_box::<AtomicU64>(len);
    ask_for_huge_pages(&words);
    words
}

#[cfg(target_os = "linux")]
fn ask_for_huge_pages(words: &[AtomicU64]) {
    let address = words.as_ptr() as usize;
    let before = (address.next_multiple_of(HUGE_PAGE) - address) / size_of::<AtomicU64>();
    let pages = words.len().saturating_sub(before) * size_of::<AtomicU64>() / HUGE_PAGE;
    if pages > 0 {
        let start = words[before..].as_ptr() as *mut libc::c_void;
        // SAFETY: the range begins within `words` and ends, whole pages later, not beyond them; `MADV_HUGEPAGE`
        // changes what backs it, not what it holds.
        unsafe { libc::madvise(start, pages * HUGE_PAGE, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_words: &[AtomicU64]) {}

/// Asks for the line of a word, and waits for nothing.
#[inline(always)]
pub(crate) fn prefetch(word: &AtomicU64) {
    // SAFETY: a prefetch has no effect but on caches, and the address is that of a live word.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = word;
}

/// Lets nothing begin before all that came before it has ended: so that one call does not overlap the next.
///
/// An answer that the next key is made of would not do: processors guess a branch's way and go on with that.
#[inline(always)]
pub(crate) fn wait_for_what_began() {
    // SAFETY: `lfence` is part of SSE2, which every x86_64 processor has.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::x86_64::_mm_lfence();
    }
    // The nearest there is elsewhere: loads may still begin early on some processors.
    #[cfg(not(target_arch = "x86_64"))]
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

/// Gives freed memory back to the system, where the allocator can be told to.
pub(crate) fn give_freed_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes no pointer; glibc locks its own arenas.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Lets blocks of 128 KiB and more go back to the system as soon as they are freed, whichever thread frees them. glibc would
/// raise that bound as it goes, and keep what a growing map leaves behind where no trim reaches it.
pub(crate) fn give_large_blocks_back_when_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes no pointer; sets one number of the allocator's.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10);
    }
}
