//! One record, read and replaced as a whole by any number of threads without a lock.
//!
//! A slot is a control word and the record's words. The control word says in which version the record is and
//! where its words stand: at home in the slot, or in a draft (see [`draft`](super::draft)).
//!
//! | control word          | the record is                          | who may write the home words |
//! |-----------------------|----------------------------------------|------------------------------|
//! | (version, home)       | the home words                         | nobody                       |
//! | (version, draft d)    | the words of draft d                   | one thread, the copier       |
//!
//! | from → to                          | by        | meaning                                                |
//! |------------------------------------|-----------|--------------------------------------------------------|
//! | (v, home) → (v+1, draft d)         | a writer  | its record counts from here on; it becomes the copier  |
//! | (v, draft d) → (v+1, draft e)      | a writer  | its record counts; draft d is free; the copier stays   |
//! | (v, draft d) → (v, home)           | the copier| the home words hold version v; draft d is free         |
//!
//! A writer makes its record count with one compare-and-swap against the control word it read, so a record is always
//! the successor of the one it was computed from. A thread stalled anywhere holds up no other: readers and
//! writers go by the draft until the copier has come home. The protocol in prose, with its orderings, is
//! in `docs/orderings.md`. (The idea of a cached copy beside an indirect one: Anderson, Blelloch and Jayanti, *Big
//! Atomics*, 2025.)

use super::draft::{DraftId, Drafts};
use crate::record::{Record, WORDS};
use crate::sync::{Ordering, Typed, Words};

/// The control word: a version in the upper 48 bits, and a draft's number plus one or zero for home in the lower 16.
///
/// 2⁴⁸ changes of one slot between a thread's read and its swap, three years at a change a nanosecond … a
/// thread that sleeps through that is not reckoned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Version(u64);

// SAFETY: `Version` is `repr(transparent)` over `u64`, which has no padding, is valid for every bit pattern, and holds no
// pointer; it is `Copy` and `'static`.
unsafe impl bytemuck::Zeroable for Version {}
// SAFETY: as above.
unsafe impl bytemuck::Pod for Version {}

impl Version {
    const DRAFT_BITS: u32 = 16;
    const DRAFT_MASK: u64 = (1 << Self::DRAFT_BITS) - 1;

    #[inline]
    fn draft(self) -> Option<DraftId> {
        DraftId::from_tag(self.0 & Self::DRAFT_MASK)
    }

    /// The next version, its record in a draft.
    #[inline]
    fn next_in(self, draft: DraftId) -> Self {
        let version = (self.0 >> Self::DRAFT_BITS).wrapping_add(1);
        Self(version << Self::DRAFT_BITS | draft.tag())
    }

    /// The same version, its record at home.
    #[inline]
    fn at_home(self) -> Self {
        Self(self.0 & !Self::DRAFT_MASK)
    }
}

/// A control word and the home words: two adjacent cache lines.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Slot {
    control: Typed<Version>,
    home: RecordWords,
}

/// The words of a record, at home or in a draft.
pub(super) type RecordWords = Words<WORDS>;

impl Slot {
    #[cfg(any(test, tidegate_loom))]
    pub(super) fn vacant() -> Self {
        Self { control: Typed::new(Version(0)), home: RecordWords::zeroed() }
    }

    /// The home word of the fingerprint, for a quick look: 0 while the slot is vacant or its first record on its
    /// way, and never changed after that.
    #[inline]
    pub(super) fn fingerprint(&self) -> u64 {
        self.home.first()
    }

    /// The record, and the version that says so.
    #[inline]
    pub(super) fn read(&self, drafts: &Drafts) -> (Version, Record) {
        loop {
            // Ordering: Acquire, partner the Release of `replace` (draft words) and `bring_home` (home words).
            let version = self.control.load(Ordering::Acquire);
            let words = match version.draft() {
                None => self.home.load(),
                Some(draft) => drafts.words(draft).load(),
            };
            // Ordering: Relaxed. The Acquire loads of the words keep this one behind them.
            if self.control.load(Ordering::Relaxed) == version {
                return (version, Record::from_words(words));
            }
        }
    }

    /// Makes `record` the slot's record, if it still is in version `seen`.
    #[inline]
    #[must_use]
    pub(super) fn replace(&self, seen: Version, record: &Record, drafts: &Drafts) -> bool {
        let draft = drafts.claim();
        drafts.words(draft).store(record.words());
        let next = seen.next_in(draft);
        // Ordering: Release publishes the draft's words to whoever reads this version; Acquire on success, so that a
        // displaced draft is freed after what its writer did. Relaxed on failure: nothing is used.
        if self.control.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            drafts.release(draft);
            return false;
        }
        match seen.draft() {
            // Nothing names that draft any more. Its copier will find ours instead.
            Some(displaced) => drafts.release(displaced),
            None => self.bring_home(next, record, drafts),
        }
        true
    }

    /// The copier's part: copies the record home until the copy is the newest version.
    #[inline]
    fn bring_home(&self, mut version: Version, record: &Record, drafts: &Drafts) {
        self.home.store(record.words());
        // Ordering: Release publishes the home words. Acquire on failure, partner the displacing writer's Release,
        // for the words of its draft.
        while let Err(newer) =
            self.control.compare_exchange(version, version.at_home(), Ordering::Release, Ordering::Acquire)
        {
            version = newer;
            if let Some(draft) = version.draft() {
                // Torn if that draft is displaced and reused meanwhile; then the swap above fails again.
                self.home.store(&drafts.words(draft).load());
            }
        }
        if let Some(draft) = version.draft() {
            drafts.release(draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_its_parts() {
        let drafts = Drafts::new(3);
        let draft = drafts.claim();
        let next = Version(0).next_in(draft);
        assert_eq!(next.draft(), Some(draft));
        assert_eq!(next.at_home().draft(), None);
        assert_ne!(next.at_home(), Version(0));
        assert_eq!(next.at_home().next_in(draft).at_home().0 >> 16, 2);
        assert_eq!(Version(u64::MAX).next_in(draft).0 >> 16, 0);
    }

    #[test]
    fn writers_all_count_and_leave_the_drafts_free() {
        const THREADS: u64 = 4;
        const EACH: u64 = 20_000;
        let (slot, drafts) = (Slot::vacant(), Drafts::new(THREADS as usize));
        let increment = || loop {
            let (version, record) = slot.read(&drafts);
            let number = record.words()[0];
            assert_eq!(record.words(), &[number; WORDS], "a torn record");
            if slot.replace(version, &Record::from_words([number + 1; WORDS]), &drafts) {
                break;
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..EACH).for_each(|_| increment()));
            }
        });
        assert_eq!(slot.read(&drafts).1.words()[0], THREADS * EACH);
        assert_eq!(drafts.free(), THREADS as usize);
    }

    #[test]
    fn a_slot_is_two_cache_lines() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (128, 128));
    }
}
