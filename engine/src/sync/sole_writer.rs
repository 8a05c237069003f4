//! A claim that only one thread at a time writes something, put where others can see whether it holds.
//!
//! Words that one thread writes are atomic all the same, since others read them; so no tool sees a race on them. A mark
//! beside them is a plain word, which each writer writes: should two write at once, or one after another without an
//! order that the memory model knows of, ThreadSanitizer reports it (`cargo x sanitize thread`). In all other builds a mark
//! is nothing.

#[cfg(tidegate_watched)]
mod imp {
    use std::cell::UnsafeCell;

    #[derive(Debug)]
    pub(crate) struct SoleWriter(UnsafeCell<u64>);

    // SAFETY: the word is reached through `writes` alone, by one thread at a time, if the engine is right. If it is not,
    // that is what this build is for.
    unsafe impl Sync for SoleWriter {}

    impl SoleWriter {
        pub(crate) const fn new() -> Self {
            Self(UnsafeCell::new(0))
        }

        #[inline(never)]
        pub(crate) fn writes(&self) {
            let word = self.0.get();
            // SAFETY: the pointer is valid for as long as the borrow, and no other thread is here, as the caller claims.
            unsafe { word.write(word.read().wrapping_add(1)) };
        }
    }
}

#[cfg(not(tidegate_watched))]
mod imp {
    /// The claim; see the module.
    #[derive(Debug)]
    pub(crate) struct SoleWriter;

    impl SoleWriter {
        pub(crate) const fn new() -> Self {
            Self
        }

        /// The calling thread is the only one that writes.
        #[inline]
        pub(crate) fn writes(&self) {}
    }
}

pub(crate) use imp::SoleWriter;
