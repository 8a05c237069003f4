//! Where a record is written before it counts.
//!
//! Drafts belong to the table and are never freed, so any thread may read one at any time; whether what
//! it read was whole, the slot's control word tells. A draft is claimed by the thread that writes it, and released by
//! whoever makes the last control word forget it.

use super::slot::RecordWords;
use crate::sync::{AtomicBool, Ordering, thread_hint};
use crossbeam_utils::CachePadded;
use std::num::NonZeroU64;

/// A draft's place. Its tag, the place plus one, fits the control word's 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DraftId(NonZeroU64);

impl DraftId {
    /// The most drafts that tags can tell apart.
    pub(super) const MAX: usize = u16::MAX as usize;

    #[inline]
    pub(super) fn from_tag(tag: u64) -> Option<Self> {
        NonZeroU64::new(tag).map(Self)
    }

    #[inline]
    pub(super) fn tag(self) -> u64 {
        self.0.get()
    }
}

/// One draft; two cache lines, so that neighbours do not disturb each other.
#[derive(Debug)]
struct Draft {
    claimed: AtomicBool,
    words: RecordWords,
}

/// As many drafts as threads may store at the same instant.
#[derive(Debug)]
pub(super) struct Drafts {
    drafts: Box<[CachePadded<Draft>]>,
}

impl Drafts {
    /// Drafts for so many threads; at least one, at most [`DraftId::MAX`].
    pub(super) fn new(threads: usize) -> Self {
        let vacant =
            || CachePadded::new(Draft { claimed: AtomicBool::new(false), words: RecordWords::zeroed() });
        Self { drafts: (0..threads.clamp(1, DraftId::MAX)).map(|_| vacant()).collect() }
    }

    /// A draft for the calling thread alone. A free one is at hand unless more threads than the table was made for
    /// are within a store at this instant; then this one goes round until one of them is through.
    #[inline]
    pub(super) fn claim(&self) -> DraftId {
        let mut at = thread_hint() % self.drafts.len();
        loop {
            let claimed = &self.drafts[at].claimed;
            // Ordering: Acquire, partner `release`: what was done with the draft before lies before what we do. Relaxed on
            // failure: nothing follows from finding it taken.
            if claimed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return DraftId(NonZeroU64::MIN.saturating_add(at as u64));
            }
            at = (at + 1) % self.drafts.len();
            #[cfg(tidegate_loom)]
            loom::thread::yield_now();
        }
    }

    /// Gives a draft back that no control word names.
    #[inline]
    pub(super) fn release(&self, draft: DraftId) {
        // Ordering: Release, partner the exchange in `claim`.
        self.draft(draft).claimed.store(false, Ordering::Release);
    }

    /// How many drafts nobody has claimed.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        // A compare-and-swap, because loom lets a mere load see a value that is long gone.
        let is_free = |draft: &Draft| {
            draft.claimed.compare_exchange(false, false, Ordering::Acquire, Ordering::Relaxed).is_ok()
        };
        self.drafts.iter().filter(|draft| is_free(draft)).count()
    }

    #[inline]
    pub(super) fn words(&self, draft: DraftId) -> &RecordWords {
        &self.draft(draft).words
    }

    #[inline]
    fn draft(&self, draft: DraftId) -> &Draft {
        // Tags are made in `claim` alone, so the place is within the drafts.
        &self.drafts[draft.tag() as usize - 1]
    }
}
