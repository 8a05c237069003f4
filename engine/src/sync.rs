//! The atomics the engine is built of: the standard library's, or loom's under `cfg(tidegate_loom)`.
//!
//! Nothing else in the decision path names an atomic type, so that loom sees the code that ships. Two things
//! are other there: [`Words`] is read and written in two pieces instead of word by word, because so many
//! steps at each reading would leave loom no room for anything else, and two pieces can tear as eight words
//! can (and in one piece in the models that are not about tearing); and a [`Pair`] is swapped by loom's own
//! compare-and-swap on a number that stands for both its halves.

mod pair;
mod sole_writer;
mod thread_number;

pub(crate) use pair::Pair;
pub(crate) use sole_writer::SoleWriter;
pub(crate) use std::sync::atomic::Ordering;
pub(crate) use thread_number::thread_number;

#[cfg(not(tidegate_loom))]
mod imp {
    use std::sync::atomic::Ordering;

    pub(crate) type AtomicBool = std::sync::atomic::AtomicBool;
    pub(crate) type AtomicU64 = std::sync::atomic::AtomicU64;
    /// An atomic of any plain type of a word's size.
    pub(crate) type Typed<T> = atomic::Atomic<T>;

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
            self.0[at].load(Ordering::Acquire)
        }

        /// Stores the first words only.
        #[inline]
        pub(crate) fn store_first(&self, values: &[u64]) {
            for (word, value) in self.0.iter().zip(values) {
                // Ordering: Release, partner `load`; see the type.
                word.store(*value, Ordering::Release);
            }
        }

        #[inline]
        pub(crate) fn load(&self) -> [u64; N] {
            // Ordering: Acquire, partner `store`; see the type.
            std::array::from_fn(|word| self.0[word].load(Ordering::Acquire))
        }

        #[inline]
        pub(crate) fn store(&self, values: &[u64; N]) {
            self.store_first(values);
        }
    }
}

#[cfg(tidegate_loom)]
mod imp {
    use super::Ordering;
    use std::marker::PhantomData;
    use std::sync::{Mutex, PoisonError};

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

        pub(crate) fn load(&self, order: Ordering) -> T {
            bytemuck::cast(self.word.load(order))
        }

        pub(crate) fn compare_exchange(
            &self,
            current: T,
            new: T,
            success: Ordering,
            failure: Ordering,
        ) -> Result<T, T> {
            self.word
                .compare_exchange(bytemuck::cast(current), bytemuck::cast(new), success, failure)
                .map(bytemuck::cast)
                .map_err(bytemuck::cast)
        }
    }

    /// Contents of pieces of [`Words`] and of [`Pair`](super::Pair)s, each once; an atomic holds a place in this list.
    static PIECES: Mutex<Vec<Vec<u64>>> = Mutex::new(Vec::new());

    pub(super) fn place_of(piece: &[u64]) -> u64 {
        let mut pieces = PIECES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pieces.iter().position(|known| known == piece);
        known.unwrap_or_else(|| {
            pieces.push(piece.to_vec());
            pieces.len() - 1
        }) as u64
    }

    pub(super) fn piece_at(place: u64) -> Vec<u64> {
        PIECES.lock().unwrap_or_else(PoisonError::into_inner)[place as usize].clone()
    }

    std::thread_local! {
        /// Whether [`Words`] tear in this model. (loom runs the threads of a model on one of the system's.)
        static TEARS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }

    /// Lets the words of this model be read and written in two steps.
    #[cfg(test)]
    pub(crate) fn let_words_tear() {
        TEARS.set(true);
    }

    /// Whether they are.
    pub(crate) fn words_tear() -> bool {
        TEARS.get()
    }

    /// The words in two pieces, each written and read at one step: the first half and the rest, where words tear;
    /// else all of them and nothing.
    #[derive(Debug)]
    pub(crate) struct Words<const N: usize>([AtomicU64; 2]);

    /// Where the pieces part.
    fn parting(words: usize) -> usize {
        if TEARS.get() { words / 2 } else { words }
    }

    impl<const N: usize> Words<N> {
        pub(crate) fn zeroed() -> Self {
            let zeroes = [0; N];
            let (first, rest) = zeroes.split_at(parting(N));
            Self([AtomicU64::new(place_of(first)), AtomicU64::new(place_of(rest))])
        }

        pub(crate) fn first(&self) -> u64 {
            self.word(0)
        }

        pub(crate) fn word(&self, at: usize) -> u64 {
            let parting = piece_at(self.0[0].load(Ordering::Acquire)).len();
            let (piece, at) = if at < parting { (0, at) } else { (1, at - parting) };
            piece_at(self.0[piece].load(Ordering::Acquire))[at]
        }

        /// No other thread stores at the same time: only one thread writes a draft, or home words.
        pub(crate) fn store_first(&self, values: &[u64]) {
            let mut piece = piece_at(self.0[0].load(Ordering::Acquire));
            piece[..values.len()].copy_from_slice(values);
            self.0[0].store(place_of(&piece), Ordering::Release);
        }

        pub(crate) fn load(&self) -> [u64; N] {
            let mut words = piece_at(self.0[0].load(Ordering::Acquire));
            if words.len() < N {
                words.extend(piece_at(self.0[1].load(Ordering::Acquire)));
            }
            std::array::from_fn(|word| words[word])
        }

        pub(crate) fn store(&self, values: &[u64; N]) {
            let (first, rest) = values.split_at(parting(N));
            self.0[0].store(place_of(first), Ordering::Release);
            if !rest.is_empty() {
                self.0[1].store(place_of(rest), Ordering::Release);
            }
        }
    }
}

#[cfg(all(test, tidegate_loom))]
pub(crate) use imp::let_words_tear;
pub(crate) use imp::{AtomicBool, AtomicU64, Typed, Words};
