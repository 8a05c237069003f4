//! The words of a record in shared memory, and what a writer changes of them.

use crate::record::{HEAD_WORDS, TAIL_WORDS, Words};
use crate::sync;

/// What a writer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The head, and the first word of the tail; the rest stays as it is. Not to be changed alone against a
    /// version whose ring is in a draft.
    Head,
    /// Everything.
    Whole,
}

/// The head's words: what an ordinary admission reads.
pub(super) type HeadWords = sync::Words<HEAD_WORDS>;
/// The tail's.
pub(super) type TailWords = sync::Words<TAIL_WORDS>;

/// The words of a record, wherever they stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) head: &'a HeadWords,
    pub(super) tail: &'a TailWords,
}

impl Place<'_> {
    #[inline]
    pub(super) fn load(self) -> Words {
        Words { head: self.head.load(), tail: self.tail.load() }
    }

    #[inline]
    pub(super) fn store(self, part: Part, words: &Words) {
        self.head.store(&words.head);
        match part {
            Part::Head => self.tail.store_first(words.tail[0]),
            Part::Whole => self.tail.store(&words.tail),
        }
    }

    /// Copies another's words.
    pub(super) fn copy_from(self, part: Part, other: Place<'_>) {
        self.store(part, &other.load());
    }
}
