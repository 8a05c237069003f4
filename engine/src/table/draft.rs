//! Where a record is written before it counts.
//!
//! Drafts belong to the table and are never freed, so any thread may read one at any time; whether what it
//! read was whole, the slot's control word tells. A draft is claimed by the thread that writes it, and
//! released by whoever makes the last control word forget it.
//!
//! The first half of the drafts are private: draft n is claimed by thread n alone, without a locked
//! operation. Threads with higher numbers, and a thread whose own draft is still named somewhere, share the
//! other half.

use super::words::{BackWords, FrontWords, Place};
use crate::sync::{AtomicBool, Ordering, SoleWriter, give_way, thread_number};
use crossbeam_utils::CachePadded;
use std::num::{NonZeroU64, NonZeroUsize};

/// A draft's place. Its tag, the place plus one, fits the control word's 15 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DraftId(NonZeroU64);

impl DraftId {
    /// The most drafts that tags can tell apart.
    pub(super) const MAX: usize = (1 << 15) - 1;

    #[inline]
    pub(super) fn from_tag(tag: u64) -> Option<Self> {
        NonZeroU64::new(tag).map(Self)
    }

    #[inline]
    pub(super) fn tag(self) -> u64 {
        self.0.get()
    }

    #[inline]
    fn at(place: usize) -> Self {
        Self(NonZeroU64::MIN.saturating_add(place as u64))
    }
}

/// One draft, apart from its neighbours in the cache.
#[derive(Debug)]
struct Draft {
    claimed: AtomicBool,
    /// Who claimed it.
    writer: SoleWriter,
    front: FrontWords,
    back: BackWords,
}

/// As many drafts as threads may store at the same instant, and as many private ones.
#[derive(Debug)]
pub(super) struct Drafts {
    drafts: Box<[CachePadded<Draft>]>,
    private: NonZeroUsize,
    /// Stands for a draft that there is none of. No tag is of one: the compiler cannot know.
    none: CachePadded<Draft>,
}

impl Drafts {
    /// The most threads that drafts can be made for.
    pub(super) const MAX_THREADS: usize = DraftId::MAX / 2;

    /// Drafts for so many threads; at least one, at most [`Self::MAX_THREADS`].
    pub(super) fn new(threads: usize) -> Self {
        let private = NonZeroUsize::new(threads.min(Self::MAX_THREADS)).unwrap_or(NonZeroUsize::MIN);
        let vacant = || {
            CachePadded::new(Draft {
                claimed: AtomicBool::new(false),
                writer: SoleWriter::new(),
                front: FrontWords::zeroed(),
                back: BackWords::zeroed(),
            })
        };
        Self { drafts: (0..2 * private.get()).map(|_| vacant()).collect(), private, none: vacant() }
    }

    /// A draft for the calling thread alone.
    #[inline]
    pub(super) fn claim(&self) -> DraftId {
        self.claim_as(thread_number())
    }

    /// A draft for the thread of this number.
    #[inline]
    fn claim_as(&self, number: usize) -> DraftId {
        if let Some(draft) = self.drafts.get(number).filter(|_| number < self.private.get()) {
            // Only this thread ever claims this draft, so that nobody claims it between the load and the
            // store. Ordering: Acquire, partner `release`: what was done with the draft before lies before
            // what we do. Relaxed store: a release by another thread comes after the exchange that
            // published this claim.
            if !draft.claimed.load(Ordering::Acquire) {
                draft.claimed.store(true, Ordering::Relaxed);
                draft.writer.writes();
                return DraftId::at(number);
            }
        }
        self.claim_shared(number)
    }

    /// A shared draft. A free one is at hand unless more threads than the table was made for are within a
    /// store at this instant; then this one goes round until one of them is through.
    #[cold]
    fn claim_shared(&self, number: usize) -> DraftId {
        let mut at = number % self.private;
        loop {
            let draft = DraftId::at(self.private.get() + at);
            // Ordering: Acquire, partner `release`, as above. Relaxed on failure: nothing follows from
            // finding it taken.
            let Draft { claimed, writer, .. } = self.draft(draft);
            if claimed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                writer.writes();
                return draft;
            }
            at = (at + 1) % self.private;
            give_way();
        }
    }

    /// Gives a draft back that no control word names.
    #[inline]
    pub(super) fn release(&self, draft: DraftId) {
        // Ordering: Release, partner the Acquire in `claim`.
        self.draft(draft).claimed.store(false, Ordering::Release);
    }

    /// How many drafts are claimed, each looked at in turn.
    pub(super) fn claimed(&self) -> usize {
        // Ordering: Relaxed; a number for the operator, nothing is concluded from it.
        self.drafts.iter().filter(|draft| draft.claimed.load(Ordering::Relaxed)).count()
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

    /// All words as they are, and which drafts are claimed.
    #[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
    pub(super) fn snapshot(&self) -> Vec<u64> {
        let words = |draft: &CachePadded<Draft>| {
            let claimed = u64::from(draft.claimed.load(Ordering::Relaxed));
            [claimed].into_iter().chain(draft.front.load()).chain(draft.back.load())
        };
        self.drafts.iter().flat_map(words).collect()
    }

    #[inline]
    pub(super) fn words(&self, draft: DraftId) -> Place<'_> {
        let draft = self.draft(draft);
        Place { front: &draft.front, back: &draft.back }
    }

    #[inline]
    fn draft(&self, draft: DraftId) -> &Draft {
        // Tags are made in `claim` alone, so the place is within the drafts.
        self.drafts.get(draft.tag() as usize - 1).unwrap_or(&self.none)
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn there_are_two_drafts_a_thread() {
        let most = 2 * Drafts::MAX_THREADS;
        for (threads, drafts) in [(0, 2), (1, 2), (2, 4), (3, 6), (10, 20), (usize::MAX, most)] {
            assert_eq!(Drafts::new(threads).free(), drafts, "{threads}");
        }
        assert_eq!((DraftId::MAX, most), (32_767, 32_766));
    }

    /// Thread n has draft n to itself; the others begin at their number modulo the private ones, and go round.
    #[test]
    fn a_thread_has_its_own_draft_and_then_one_that_is_shared() {
        let drafts = Drafts::new(3);
        let claim = |thread| usize::try_from(drafts.claim_as(thread).tag()).unwrap() - 1;
        assert_eq!([0, 1, 2].map(claim), [0, 1, 2]);
        assert_eq!((drafts.claimed(), drafts.free()), (3, 3));
        assert_eq!(claim(1), 4, "its own is in use");
        assert_eq!(claim(5), 5, "it has none of its own");
        assert_eq!(claim(3), 3);
        assert_eq!((drafts.claimed(), drafts.free()), (6, 0));
        drafts.release(DraftId::at(1));
        assert_eq!(claim(1), 1);
        for (thread, free) in [(4, 3), (5, 3), (5, 4), (usize::MAX - 1, 5), (0, 3)] {
            drafts.release(DraftId::at(free));
            assert_eq!(claim(thread), free, "the only one");
        }
    }

    #[test]
    fn threads_without_a_draft_of_their_own_go_round_the_shared_ones() {
        let drafts = Drafts::new(4);
        let claims = [6; 4].map(|thread| drafts.claim_as(thread).tag() - 1);
        assert_eq!(claims, [6, 7, 4, 5]);
    }

    #[test]
    fn a_claim_is_the_calling_threads() {
        let drafts = Drafts::new(2_000);
        assert_eq!(drafts.claim().tag(), thread_number() as u64 + 1);
    }

    #[test]
    fn each_draft_has_words_of_its_own() {
        let drafts = Drafts::new(2);
        let ids = (1..=4).map(|tag| DraftId::from_tag(tag).unwrap());
        ids.clone().for_each(|id| drafts.words(id).front.store(&[id.tag(); 2]));
        assert!(ids.clone().all(|id| drafts.words(id).front.first() == id.tag()));
        assert_eq!(DraftId::from_tag(0), None);
        // There is no fifth: what stands for it is none of the four.
        drafts.words(DraftId::from_tag(5).unwrap()).front.store(&[9; 2]);
        assert!(ids.clone().all(|id| drafts.words(id).front.first() == id.tag()));
    }
}

#[cfg(all(test, tidegate_loom))]
mod loom {
    use super::*;
    use crate::sync::AtomicU64;
    use crate::sync::model::{Arc, check, thread};

    /// Two threads that have no draft of their own, or whose own is in use, and one that they share: they have it one after
    /// the other, and a count that only who has it writes.
    fn two_threads_share_a_draft(numbers: [usize; 2]) {
        check(move || {
            let shared = Arc::new((Drafts::new(1), AtomicU64::new(0)));
            let own = shared.0.claim_as(0);
            let [ours, theirs] = numbers.map(|number| {
                let shared = shared.clone();
                move || {
                    let (drafts, count) = &*shared;
                    let draft = drafts.claim_as(number);
                    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    drafts.release(draft);
                }
            });
            let other = thread::spawn(theirs);
            ours();
            other.join().unwrap();
            assert_eq!((shared.1.load(Ordering::Relaxed), shared.0.free()), (2, 1));
            shared.0.release(own);
        });
    }

    #[test]
    fn two_threads_beyond_the_private_drafts_share_one() {
        two_threads_share_a_draft([1, 2]);
    }

    #[test]
    fn a_thread_whose_own_draft_is_in_use_shares_one() {
        two_threads_share_a_draft([1, 0]);
    }
}
