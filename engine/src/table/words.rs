//! The words of a record in shared memory, and what a writer changes of them.

use crate::record::{HEAD_WORDS, Head, RING_WORDS, Record};
use crate::sync::Words;

/// What a writer changes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// The head; the ring stays as it is. Not to be made against a version whose ring is in a draft.
    Head(&'a Head),
    /// Both.
    Whole(&'a Record),
}

impl Change<'_> {
    #[inline]
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Whole(_))
    }
}

/// The words of a record, at home or in a draft.
#[derive(Debug)]
#[repr(C)]
pub(super) struct RecordWords {
    pub(super) head: Words<HEAD_WORDS>,
    pub(super) ring: Words<RING_WORDS>,
}

impl RecordWords {
    pub(super) fn zeroed() -> Self {
        Self { head: Words::zeroed(), ring: Words::zeroed() }
    }

    #[inline]
    pub(super) fn store(&self, change: Change<'_>) {
        match change {
            Change::Head(head) => self.head.store(head.words()),
            Change::Whole(record) => {
                self.head.store(record.head.words());
                self.ring.store(record.ring.words());
            }
        }
    }

    /// Copies another's words, the ring only if asked for.
    pub(super) fn copy_from(&self, other: &Self, whole: bool) {
        self.head.store(&other.head.load());
        if whole {
            self.ring.store(&other.ring.load());
        }
    }
}
