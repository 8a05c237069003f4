//! loom's atomics in place of the standard library's.

use super::orders::{WORD_LOADED, WORD_STORED};
use std::sync::{Mutex, PoisonError};

pub(crate) type AtomicBool = ::loom::sync::atomic::AtomicBool;
pub(crate) type AtomicU64 = ::loom::sync::atomic::AtomicU64;

/// Lets another thread go on, without which this one would go round for ever.
pub(crate) fn give_way() {
    ::loom::thread::yield_now();
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
        let parting = piece_at(self.0[0].load(WORD_LOADED)).len();
        let (piece, at) = if at < parting { (0, at) } else { (1, at - parting) };
        piece_at(self.0[piece].load(WORD_LOADED))[at]
    }

    /// No other thread stores at the same time: only one thread writes a draft, or home words.
    pub(crate) fn store_first(&self, values: &[u64]) {
        let mut piece = piece_at(self.0[0].load(WORD_LOADED));
        piece[..values.len()].copy_from_slice(values);
        self.0[0].store(place_of(&piece), WORD_STORED);
    }

    pub(crate) fn load(&self) -> [u64; N] {
        let mut words = piece_at(self.0[0].load(WORD_LOADED));
        if words.len() < N {
            words.extend(piece_at(self.0[1].load(WORD_LOADED)));
        }
        std::array::from_fn(|word| words[word])
    }

    pub(crate) fn store(&self, values: &[u64; N]) {
        let (first, rest) = values.split_at(parting(N));
        self.0[0].store(place_of(first), WORD_STORED);
        if !rest.is_empty() {
            self.0[1].store(place_of(rest), WORD_STORED);
        }
    }
}
