//! The atomics the engine is built of: the standard library's, or loom's under `cfg(tidegate_loom)`.
//!
//! Nothing else in the decision path names an atomic type, so that loom sees the code that ships.

pub(crate) use std::sync::atomic::Ordering;

#[cfg(not(tidegate_loom))]
mod imp {
    use std::cell::Cell;
    use std::sync::atomic::Ordering;

    pub(crate) type AtomicBool = std::sync::atomic::AtomicBool;
    pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
    /// An atomic of any plain type of a word's size.
    pub(crate) type Typed<T> = atomic::Atomic<T>;

    /// A small number of the calling thread's own, to spread threads over shared places. Not unique for
    /// ever: it is a hint.
    #[inline]
    pub(crate) fn thread_hint() -> usize {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        thread_local! {
            // Const and without a destructor: using it never allocates.
            static HINT: Cell<usize> = const { Cell::new(usize::MAX) };
        }
        HINT.with(|hint| {
            if hint.get() == usize::MAX {
                // Ordering: Relaxed, a counter from which nothing else follows.
                hint.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            hint.get()
        })
    }
}

#[cfg(tidegate_loom)]
mod imp {
    use std::marker::PhantomData;

    pub(crate) type AtomicBool = loom::sync::atomic::AtomicBool;
    pub(crate) type AtomicU64 = loom::sync::atomic::AtomicU64;

    /// What `atomic::Atomic` is to the standard atomics, for loom's.
    #[derive(Debug)]
    pub(crate) struct Typed<T> {
        word: AtomicU64,
        of: PhantomData<T>,
    }

    impl<T: bytemuck::Pod> Typed<T> {
        pub(crate) fn new(value: T) -> Self {
            Self { word: AtomicU64::new(bytemuck::cast(value)), of: PhantomData }
        }

        pub(crate) fn load(&self, order: super::Ordering) -> T {
            bytemuck::cast(self.word.load(order))
        }

        pub(crate) fn compare_exchange(
            &self,
            current: T,
            new: T,
            success: super::Ordering,
            failure: super::Ordering,
        ) -> Result<T, T> {
            self.word
                .compare_exchange(bytemuck::cast(current), bytemuck::cast(new), success, failure)
                .map(bytemuck::cast)
                .map_err(bytemuck::cast)
        }
    }

    pub(crate) fn thread_hint() -> usize {
        0
    }
}

pub(crate) use imp::{AtomicBool, AtomicU64, Typed, thread_hint};
