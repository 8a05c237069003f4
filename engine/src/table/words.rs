//! The words of a record in shared memory, and what a writer changes of them.

use crate::record::{BACK_WORDS, CHANGING_WORDS, FRONT_WORDS, Words};
use crate::sync;

/// What a writer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All but the ring, which stays as it is. Not to be changed alone against a version whose ring is in a
    /// draft.
    Head,
    /// Everything.
    Whole,
}

/// What an ordinary admission reads.
pub(super) type FrontWords = sync::Words<FRONT_WORDS>;
/// What it does not.
pub(super) type BackWords = sync::Words<BACK_WORDS>;

/// The words of a record, at home or in a draft.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) front: &'a FrontWords,
    pub(super) back: &'a BackWords,
}

impl Place<'_> {
    #[inline]
    pub(super) fn load(self) -> Words {
        Words { front: self.front.load(), back: self.back.load() }
    }

    #[inline]
    pub(super) fn store(self, part: Part, words: &Words) {
        self.front.store(&words.front);
        match part {
            Part::Head => self.back.store_first(&words.back[..CHANGING_WORDS]),
            Part::Whole => self.back.store(&words.back),
        }
    }

    /// Copies another's words.
    pub(super) fn copy_from(self, part: Part, other: Place<'_>) {
        self.store(part, &other.load());
    }
}
