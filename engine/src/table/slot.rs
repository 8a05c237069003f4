//! One record, read and replaced as a whole by any number of threads without a lock.
//!
//! A slot is a control word and the record's words. The control word says in which version the record is
//! and where its words stand: at home in the slot, or in a draft (see [`draft`](super::draft)). Most
//! changes leave the ring as it is; their draft holds the head alone.
//!
//! | control word              | the head is in  | the ring is | who may write the home words  |
//! |---------------------------|-----------------|-------------|-------------------------------|
//! | (version, home)           | the home words  | at home     | nobody                        |
//! | (version, head in d)      | draft d         | at home     | the copier, the head          |
//! | (version, whole in d)     | draft d         | in draft d  | the copier                    |
//!
//! | from → to                             | by         | meaning                                               |
//! |---------------------------------------|------------|-------------------------------------------------------|
//! | (v, home) → (v+1, head or whole in d) | a writer   | its record counts from here on; it becomes the copier |
//! | (v, head in d) → (v+1, either in e)   | a writer   | its record counts; d is free; the copier stays        |
//! | (v, whole in d) → (v+1, whole in e)   | a writer   | the same; the ring at home is not whole yet           |
//! | (v, either in d) → (v, home)          | the copier | the home words hold version v; d is free              |
//!
//! A writer makes its record count with one compare-and-swap against the control word it read, so a record
//! is always the successor of the one it was computed from. A thread stalled anywhere holds up no other:
//! readers and writers go by the draft until the copier has come home. The protocol in prose, with its
//! orderings, is in `docs/orderings.md`. (The idea of a cached copy beside an indirect one: Anderson,
//! Blelloch and Jayanti, *Big Atomics*, 2025.)

use super::draft::{DraftId, Drafts};
use super::words::{Change, RecordWords};
use crate::record::{Head, Ring};
use crate::sync::{Ordering, Typed};

/// The control word: a version in the upper 48 bits, then whether the draft holds the ring too, then the
/// draft's number plus one, or zero for home.
///
/// A thread would have to sleep through exactly 2⁴⁸ changes of one slot, three days at a change a
/// nanosecond, between its read and its swap to take a new version for an old one. That is not reckoned
/// with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Version(u64);

// SAFETY: `Version` is `repr(transparent)` over `u64`, for which all zeroes are a value.
unsafe impl bytemuck::Zeroable for Version {}
// SAFETY: `Version` is `repr(transparent)` over `u64`, which has no padding, is valid for every bit pattern
// and holds no pointer; it is `Copy` and `'static`.
unsafe impl bytemuck::Pod for Version {}

impl Version {
    const DRAFT_BITS: u32 = 15;
    const DRAFT_MASK: u64 = (1 << Self::DRAFT_BITS) - 1;
    const WHOLE: u64 = 1 << Self::DRAFT_BITS;
    const NUMBER_SHIFT: u32 = Self::DRAFT_BITS + 1;

    #[inline]
    fn draft(self) -> Option<DraftId> {
        DraftId::from_tag(self.0 & Self::DRAFT_MASK)
    }

    /// Whether the ring at home is not that of this version.
    #[inline]
    pub(super) fn ring_in_draft(self) -> bool {
        self.0 & Self::WHOLE != 0
    }

    /// The next version, in a draft.
    #[inline]
    fn next_in(self, draft: DraftId, whole: bool) -> Self {
        let number = (self.0 >> Self::NUMBER_SHIFT).wrapping_add(1);
        Self(number << Self::NUMBER_SHIFT | u64::from(whole) << Self::DRAFT_BITS | draft.tag())
    }

    /// The same version, at home.
    #[inline]
    fn at_home(self) -> Self {
        Self(self.0 >> Self::NUMBER_SHIFT << Self::NUMBER_SHIFT)
    }
}

/// A control word and the home words: two adjacent cache lines.
#[derive(Debug)]
#[repr(C, align(128))]
pub(super) struct Slot {
    control: Typed<Version>,
    home: RecordWords,
}

impl Slot {
    #[cfg(any(test, tidegate_loom))]
    pub(super) fn vacant() -> Self {
        Self { control: Typed::new(Version(0)), home: RecordWords::zeroed() }
    }

    /// The home word of the fingerprint, for a quick look: 0 while the slot is vacant or its first record
    /// on its way, and never changed after that.
    #[inline]
    pub(super) fn fingerprint(&self) -> u64 {
        self.home.head.first()
    }

    /// The head, and the version that says so.
    #[inline]
    pub(super) fn read(&self, drafts: &Drafts) -> (Version, Head) {
        loop {
            // Ordering: Acquire, partner the Release of `replace` (draft words) and `bring_home` (home
            // words).
            let version = self.control.load(Ordering::Acquire);
            let words = match version.draft() {
                None => self.home.head.load(),
                Some(draft) => drafts.words(draft).head.load(),
            };
            if self.is_still(version) {
                return (version, Head::from_words(words));
            }
        }
    }

    /// The ring of a version, if the slot still is in it.
    #[inline]
    pub(super) fn ring(&self, version: Version, drafts: &Drafts) -> Option<Ring> {
        let words = match version.draft().filter(|_| version.ring_in_draft()) {
            None => self.home.ring.load(),
            Some(draft) => drafts.words(draft).ring.load(),
        };
        self.is_still(version).then(|| Ring::from_words(words))
    }

    /// Whether words read since `version` was read are that version's.
    #[inline]
    fn is_still(&self, version: Version) -> bool {
        // Ordering: Relaxed. The Acquire loads of the words keep this one behind them.
        self.control.load(Ordering::Relaxed) == version
    }

    /// Makes the change, if the slot still is in version `seen`.
    #[inline]
    #[must_use]
    pub(super) fn replace(&self, seen: Version, change: Change<'_>, drafts: &Drafts) -> bool {
        let draft = drafts.claim();
        drafts.words(draft).store(change);
        let next = seen.next_in(draft, change.is_whole());
        // Ordering: Release publishes the draft's words to whoever reads this version; Acquire on success,
        // so that a displaced draft is freed after what its writer did. Relaxed on failure: nothing is
        // used.
        if self.control.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            drafts.release(draft);
            return false;
        }
        match seen.draft() {
            // Nothing names that draft any more. Its copier will find ours instead.
            Some(displaced) => drafts.release(displaced),
            None => self.bring_home(next, change, drafts),
        }
        true
    }

    /// The copier's part: copies the record home until the copy is the newest version.
    #[inline]
    fn bring_home(&self, mut version: Version, change: Change<'_>, drafts: &Drafts) {
        self.home.store(change);
        // Ordering: Release publishes the home words. Acquire on failure, partner the displacing writer's
        // Release, for the words of its draft.
        while let Err(newer) =
            self.control.compare_exchange(version, version.at_home(), Ordering::Release, Ordering::Acquire)
        {
            version = newer;
            if let Some(draft) = version.draft() {
                // Torn if that draft is displaced and reused meanwhile; then the swap above fails again.
                self.home.copy_from(drafts.words(draft), version.ring_in_draft());
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
    use crate::record::{HEAD_WORDS, RING_WORDS, Record};

    #[test]
    fn a_version_keeps_its_parts() {
        let draft = Drafts::new(3).claim();
        let next = Version(0).next_in(draft, true);
        assert_eq!((next.draft(), next.ring_in_draft()), (Some(draft), true));
        assert_eq!((next.at_home().draft(), next.at_home().ring_in_draft()), (None, false));
        assert_ne!(next.at_home(), Version(0));
        assert_eq!(next.at_home().next_in(draft, false).at_home().0 >> Version::NUMBER_SHIFT, 2);
        assert_eq!(Version(u64::MAX).next_in(draft, true).0 >> Version::NUMBER_SHIFT, 0);
    }

    #[test]
    fn writers_all_count_and_leave_the_drafts_free() {
        const THREADS: u64 = 4;
        const EACH: u64 = 20_000;
        let (slot, drafts) = (Slot::vacant(), Drafts::new(THREADS as usize));
        let free = drafts.free();
        // Every third change is one of the head alone, where the version allows it.
        let increment = |turn: u64| loop {
            let (version, head) = slot.read(&drafts);
            let Some(ring) = slot.ring(version, &drafts) else { continue };
            let number = head.words()[0];
            assert_eq!(head.words(), &[number; HEAD_WORDS], "a torn head");
            assert!(
                ring.words().iter().all(|word| *word == ring.words()[0] && *word <= number),
                "a torn ring"
            );
            let head = Head::from_words([number + 1; HEAD_WORDS]);
            let whole = Record { head, ring: Ring::from_words([number + 1; RING_WORDS]) };
            let alone = turn.is_multiple_of(3) && !version.ring_in_draft();
            if slot.replace(version, if alone { Change::Head(&head) } else { Change::Whole(&whole) }, &drafts)
            {
                break;
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..EACH).for_each(increment));
            }
        });
        assert_eq!(slot.read(&drafts).1.words()[0], THREADS * EACH);
        assert_eq!(drafts.free(), free);
    }

    #[test]
    fn a_slot_is_two_cache_lines() {
        assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (128, 128));
    }
}
