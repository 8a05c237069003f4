//! One record, read and changed as a whole by any number of threads without a lock.
//!
//! A slot is a control pair and the record's words. The pair says in which version the words are and where
//! they stand: at home in the slot, or in a draft (see [`draft`](super::draft)); and, while they are at home,
//! what has been charged since they were written (`Recent`). Most replacements leave the ring as it is; their
//! draft holds the head alone.
//!
//! | control pair              | the head is in  | the ring is | who may write the home words  |
//! |---------------------------|-----------------|-------------|-------------------------------|
//! | (version, home, recent)   | the home words  | at home     | nobody                        |
//! | (version, head in d)      | draft d         | at home     | the copier, the head          |
//! | (version, whole in d)     | draft d         | in draft d  | the copier                    |
//!
//! | from → to                             | by         | meaning                                               |
//! |---------------------------------------|------------|-------------------------------------------------------|
//! | (v, home, r) → (v, home, r′)          | a writer   | a call is charged; the words stay as they are         |
//! | (v, home, r) → (v+1, head or whole in d) | a writer | its record, r included, counts; it becomes the copier |
//! | (v, head in d) → (v+1, either in e)   | a writer   | its record counts from here on; d is free; the copier stays |
//! | (v, whole in d) → (v+1, whole in e)   | a writer   | the same; the ring at home is not whole yet           |
//! | (v, either in d) → (v, home, none)    | the copier | the home words hold version v; d is free              |
//!
//! A writer makes its change count with one compare-and-swap against the pair it read, so a record is always
//! the successor of the one it was computed from. A thread stalled anywhere holds up no other: readers and
//! writers go by the draft until the copier has come home. The protocol in prose, with its orderings, is in
//! `docs/orderings.md`. (The idea of a cached copy beside an indirect one: Anderson, Blelloch and Jayanti,
//! *Big Atomics*, 2025.)

use super::draft::{DraftId, Drafts};
use super::words::{BackWords, FrontWords, Part, Place};
use crate::packed::Field;
use crate::record::{CHANGING_WORDS, FRONT_WORDS, Recent, Words};
use crate::sync::{Ordering, Pair, SoleWriter};

/// The low half, above the bits of `Recent`: a version, and whether the words are in a draft.
const RECENT: Field = Field::lowest(Recent::LOW_BITS);
const NUMBER: Field = RECENT.followed_by(20);
const IN_DRAFT: Field = NUMBER.followed_by(1);

/// In place of `Recent`, while the words are in a draft: the draft's number plus one, whether it holds the ring
/// too, and bits of the time.
const DRAFT: Field = Field::lowest(15);
const WHOLE: Field = DRAFT.followed_by(1);
const TIME: Field = WHOLE.followed_by(27);

/// The control pair.
///
/// A swap that is late by exactly 2²⁰ replacements of one slot would find the number that it expects. But the
/// pair also holds 27 bits or more of the time at which the version was made, or of the pin that both buckets
/// share with what was charged since, and the room left: so the replacements must end at the same nanosecond of
/// the callers' clock, or a multiple of 134 ms later, or leave the pin and all counts since it as they were. A
/// million replacements take 40 ms; a clock that ticks more slowly than that is not reckoned with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    low: u64,
    high: u64,
}

impl Version {
    #[inline]
    fn draft(self) -> Option<DraftId> {
        if self.is_at_home() { None } else { DraftId::from_tag(DRAFT.get(self.low)) }
    }

    #[inline]
    pub(super) fn is_at_home(self) -> bool {
        IN_DRAFT.get(self.low) == 0
    }

    /// Whether the ring at home is not that of this version.
    #[inline]
    pub(super) fn ring_in_draft(self) -> bool {
        !self.is_at_home() && WHOLE.get(self.low) != 0
    }

    /// What was charged since the words were written.
    #[inline]
    pub(super) fn recent(self) -> Recent {
        let low = if self.is_at_home() { self.low } else { 0 };
        Recent::from_halves(low, self.high)
    }

    /// The same version with other charges since.
    #[inline]
    fn with_recent(self, recent: Recent) -> Self {
        let (low, high) = recent.halves();
        Self { low: NUMBER.word(NUMBER.get(self.low)) | low, high }
    }

    /// The next version, in a draft.
    #[inline]
    fn next_in(self, draft: DraftId, part: Part, recent: Recent) -> Self {
        let (time, high) = recent.halves();
        let mut low = IN_DRAFT.word(1);
        NUMBER.set(&mut low, NUMBER.get(self.low) + 1);
        TIME.set(&mut low, time);
        WHOLE.set(&mut low, u64::from(part == Part::Whole));
        DRAFT.set(&mut low, draft.tag());
        Self { low, high }
    }

    #[inline]
    pub(super) fn halves(self) -> (u64, u64) {
        (self.low, self.high)
    }
}

/// What an ordinary decision reads of a slot: half a cache line, so that a search sees two slots in one.
#[derive(Debug)]
#[repr(C, align(32))]
pub(super) struct Front {
    control: Pair,
    words: FrontWords,
    /// The copier, who writes the words of front and back.
    writer: SoleWriter,
}

/// The rest of it.
#[derive(Debug)]
#[repr(C, align(32))]
pub(super) struct Back {
    words: BackWords,
}

#[cfg(any(test, tidegate_loom, tidegate_shuttle))]
impl Front {
    pub(super) fn vacant() -> Self {
        Self { control: Pair::zeroed(), words: FrontWords::zeroed(), writer: SoleWriter::new() }
    }
}

#[cfg(any(test, tidegate_loom, tidegate_shuttle))]
impl Back {
    pub(super) fn vacant() -> Self {
        Self { words: BackWords::zeroed() }
    }
}

/// A record's place in the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot<'a> {
    pub(super) front: &'a Front,
    pub(super) back: &'a Back,
}

impl<'a> Slot<'a> {
    #[inline]
    fn home(self) -> Place<'a> {
        Place { front: &self.front.words, back: &self.back.words }
    }

    /// The first home word, for a quick look: whose the record was when its words last came home.
    #[inline]
    pub(super) fn first_word(self) -> u64 {
        self.front.words.first()
    }

    /// The control pair; both halves of one moment, unless a swap against it fails.
    #[inline]
    fn control(self) -> Version {
        // Ordering: Acquire, partner the Release of `replace` (draft words) and `bring_home` (home words).
        let low = self.front.control.low(Ordering::Acquire);
        // Ordering: Acquire, so that the check of the low half stays behind it.
        Version { low, high: self.front.control.high(Ordering::Acquire) }
    }

    /// Where the words of a version are.
    #[inline]
    fn place_of(self, version: Version, drafts: &'a Drafts) -> Place<'a> {
        match version.draft() {
            None => self.home(),
            Some(draft) => {
                let draft = drafts.words(draft);
                Place {
                    front: draft.front,
                    back: if version.ring_in_draft() { draft.back } else { &self.back.words },
                }
            }
        }
    }

    /// Whether words read since `version` was read are that version's, and its halves belong together: within a
    /// version only what was charged changes, and the version's high half with it.
    #[inline]
    pub(super) fn is_still(self, version: Version) -> bool {
        // Ordering: Relaxed. The Acquire loads of the words keep this one behind them.
        self.front.control.low(Ordering::Relaxed) == version.low
    }

    /// The version, if the words are at home. Words read after this belong to it if a swap against it succeeds.
    #[inline]
    pub(super) fn at_home(self) -> Option<Version> {
        let version = self.control();
        version.is_at_home().then_some(version)
    }

    /// All words at home.
    #[inline]
    pub(super) fn words_at_home(self) -> Words {
        self.home().load()
    }

    /// A word of the front at home.
    #[inline]
    pub(super) fn front_at_home(self, at: usize) -> u64 {
        self.front.words.word(at)
    }

    /// A word of the back at home.
    #[inline]
    pub(super) fn back_at_home(self, at: usize) -> u64 {
        self.back.words.word(at)
    }

    /// The front's words, and the version that says so.
    #[inline]
    pub(super) fn front(self, drafts: &Drafts) -> (Version, [u64; FRONT_WORDS]) {
        loop {
            let version = self.control();
            let front = self.place_of(version, drafts).front.load();
            if self.is_still(version) {
                return (version, front);
            }
        }
    }

    /// All words, and the version that says so.
    #[inline]
    pub(super) fn read(self, drafts: &Drafts) -> (Version, Words) {
        loop {
            let version = self.control();
            let place = self.place_of(version, drafts);
            let mut words = place.load();
            if let Some(draft) = version.draft() {
                // Only the ring may be at home.
                let back = drafts.words(draft).back.load();
                words.back[..CHANGING_WORDS].copy_from_slice(&back[..CHANGING_WORDS]);
            }
            if self.is_still(version) {
                return (version, words);
            }
        }
    }

    /// Charges a call beside the words, if the slot still is in version `seen`, at home.
    #[inline]
    #[must_use]
    pub(super) fn charge(self, seen: Version, recent: Recent) -> bool {
        self.front.control.swap(seen.halves(), seen.with_recent(recent).halves())
    }

    /// Replaces the words, if the slot still is in version `seen`. Of what is recent nothing is charged yet.
    #[inline]
    #[must_use]
    pub(super) fn replace(
        self,
        seen: Version,
        part: Part,
        (words, recent): (&Words, Recent),
        drafts: &Drafts,
    ) -> bool {
        let Some((next, part)) = self.publish(seen, part, (words, recent), drafts) else { return false };
        match seen.draft() {
            // Nothing names that draft any more. Its copier will find ours instead.
            Some(displaced) => drafts.release(displaced),
            None => self.bring_home(next, part, (words, recent), drafts),
        }
        true
    }

    /// The writer's part: writes a record in a draft and makes it count, if the slot still is in version `seen`. Gives the
    /// version that it is in then, and what of the record is in the draft. What is left to do is the caller's: to release
    /// the draft that `seen` names, or to bring the record home.
    #[inline]
    pub(super) fn publish(
        self,
        seen: Version,
        part: Part,
        (words, recent): (&Words, Recent),
        drafts: &Drafts,
    ) -> Option<(Version, Part)> {
        // The ring of a draft is not at home yet: the next draft must hold it too.
        let part = if seen.ring_in_draft() { Part::Whole } else { part };
        let draft = drafts.claim();
        drafts.words(draft).store(part, words);
        let next = seen.next_in(draft, part, recent);
        // The swap publishes the draft's words to whoever reads this version, and orders the release of a
        // displaced draft behind what its writer did.
        if self.front.control.swap(seen.halves(), next.halves()) {
            return Some((next, part));
        }
        drafts.release(draft);
        None
    }

    /// The copier's part: copies the record home until the copy is the newest version.
    #[inline]
    pub(super) fn bring_home(
        self,
        mut version: Version,
        part: Part,
        (words, recent): (&Words, Recent),
        drafts: &Drafts,
    ) {
        self.front.writer.writes();
        self.home().store(part, words);
        // The swap publishes the home words. It fails only if another's version counts by now, and that comes home.
        let mut recent = recent;
        while !self.front.control.swap(version.halves(), version.with_recent(recent).halves()) {
            version = self.control();
            recent = recent.timed_for(version.recent());
            if let Some(draft) = version.draft() {
                // Torn if that draft is displaced and reused meanwhile; then the swap above fails again.
                let part = if version.ring_in_draft() { Part::Whole } else { Part::Head };
                self.front.writer.writes();
                self.home().copy_from(part, drafts.words(draft));
            }
        }
        if let Some(draft) = version.draft() {
            drafts.release(draft);
        }
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::nanos::Nanos;
    use crate::plan::PlanId;
    use crate::record::{BACK_WORDS, Record};

    #[test]
    fn a_version_keeps_its_parts() {
        let draft = Drafts::new(3).claim();
        let none = Record::fresh(7, PlanId(3), Timestamp::both(Nanos::ZERO)).to_closed_words().1;
        let first = Version { low: 0, high: 0 };
        let next = first.next_in(draft, Part::Whole, none);
        assert_eq!((next.draft(), next.ring_in_draft(), next.is_at_home()), (Some(draft), true, false));
        let home = next.with_recent(none);
        assert_eq!((home.draft(), home.ring_in_draft(), home.is_at_home()), (None, false, true));
        assert_ne!(home, first);
        assert_eq!(NUMBER.get(home.next_in(draft, Part::Head, none).low), 2);
        let last = Version { low: NUMBER.word(u64::MAX), high: 0 };
        assert_eq!(NUMBER.get(last.next_in(draft, Part::Head, none).low), 0);
        let half = Version { low: NUMBER.word(1 << 19), high: 0 };
        assert_eq!(
            NUMBER.get(half.next_in(draft, Part::Head, none).low),
            (1 << 19) + 1,
            "of a million numbers"
        );
    }

    #[test]
    fn the_parts_of_a_version_do_not_run_into_each_other() {
        let all = Recent::from_halves(u64::MAX, u64::MAX);
        let (old, draft) =
            (Version { low: NUMBER.word(6), high: 0 }, DraftId::from_tag(DraftId::MAX as u64).unwrap());
        for part in [Part::Head, Part::Whole] {
            let next = old.next_in(draft, part, all);
            assert_eq!((NUMBER.get(next.low), next.draft(), next.high), (7, Some(draft), u64::MAX));
            assert_eq!(next.ring_in_draft(), part == Part::Whole);
            assert_eq!(next.recent().halves(), (0, u64::MAX), "what is in the low half is the draft");
            let home = next.with_recent(all);
            assert_eq!((NUMBER.get(home.low), home.is_at_home(), home.recent()), (7, true, all));
            assert!(!home.ring_in_draft());
        }
        assert_eq!(DRAFT.bits() + WHOLE.bits() + TIME.bits(), Recent::LOW_BITS);
    }

    #[test]
    fn versions_of_one_number_are_told_apart_by_their_time() {
        let (first, draft) = (Version { low: 0, high: 0 }, DraftId::from_tag(1).unwrap());
        let made_at = |time| first.next_in(draft, Part::Head, Recent::from_halves(time, 0));
        assert!((0..27).all(|bit| made_at(1 << bit) != made_at(0)));
        assert_eq!(made_at(1 << 27), made_at(0), "134 ms");
    }

    #[test]
    fn a_record_comes_back_as_it_was_stored() {
        let (drafts, front, back) = (Drafts::new(1), Front::vacant(), Back::vacant());
        let slot = Slot { front: &front, back: &back };
        let (vacant, _) = slot.read(&drafts);
        let (words, recent) = Record::fresh(7, PlanId(3), Timestamp::both(Nanos::ZERO)).to_closed_words();
        assert!(slot.replace(vacant, Part::Whole, (&words, recent), &drafts));
        assert!(!slot.replace(vacant, Part::Whole, (&words, recent), &drafts));
        assert_eq!(slot.read(&drafts).1, words);
        assert!(slot.at_home().is_some());
        assert_eq!((slot.front_at_home(1), slot.back_at_home(4)), (words.front[1], words.back[4]));
        assert_eq!(drafts.free(), 2);
    }

    /// A slot with a record of `numbered(1, 1)` at home.
    struct Alone {
        front: Front,
        back: Back,
        drafts: Drafts,
    }

    /// Words that are all the first number, but for those of the ring, which are the second.
    fn numbered(head: u64, ring: u64) -> Words {
        let mut words = Words { front: [head; FRONT_WORDS], back: [ring; BACK_WORDS] };
        words.back[..CHANGING_WORDS].fill(head);
        words
    }

    /// What stands beside them.
    fn beside(number: u64) -> Recent {
        Recent::from_halves(number, number)
    }

    impl Alone {
        fn new() -> Self {
            let alone = Self { front: Front::vacant(), back: Back::vacant(), drafts: Drafts::new(2) };
            let vacant = alone.read().0;
            assert!(alone.slot().replace(vacant, Part::Whole, (&numbered(1, 1), beside(1)), &alone.drafts));
            // A draft keeps what was in it last, of which nobody is to read anything.
            for draft in (1..=4).filter_map(DraftId::from_tag) {
                alone.drafts.words(draft).store(Part::Whole, &numbered(98, 99));
            }
            alone
        }

        fn slot(&self) -> Slot<'_> {
            Slot { front: &self.front, back: &self.back }
        }

        fn read(&self) -> (Version, Words) {
            self.slot().read(&self.drafts)
        }

        /// Writes `numbered(number, number)` and leaves it in its draft, as a writer that is stalled.
        fn publish(&self, part: Part, number: u64) -> (Version, Part) {
            let (words, recent) = (numbered(number, number), beside(number));
            self.slot().publish(self.read().0, part, (&words, recent), &self.drafts).unwrap()
        }
    }

    #[test]
    fn a_record_is_read_from_where_it_stands() {
        for (part, expected) in [(Part::Head, numbered(2, 1)), (Part::Whole, numbered(2, 2))] {
            let alone = Alone::new();
            let (published, kept) = alone.publish(part, 2);
            assert_eq!((alone.read(), kept), ((published, expected), part));
            assert_eq!(alone.slot().front(&alone.drafts), (published, [2; FRONT_WORDS]));
            assert_eq!((published.recent().halves(), alone.drafts.free()), ((0, 2), 3));
            // A first look sees what came home last, and knows it for old.
            assert_eq!((alone.slot().first_word(), alone.slot().words_at_home()), (1, numbered(1, 1)));
            assert!(alone.slot().at_home().is_none());
            alone.slot().bring_home(published, part, (&numbered(2, 2), beside(2)), &alone.drafts);
            let version = alone.slot().at_home().unwrap();
            assert_eq!((alone.read(), version.recent()), ((version, expected), beside(2)));
            assert_eq!((alone.slot().words_at_home(), alone.slot().first_word()), (expected, 2));
            assert_eq!(alone.slot().front(&alone.drafts), (version, [2; FRONT_WORDS]));
            assert_eq!(alone.drafts.free(), 4);
        }
    }

    /// A writer is stalled before its record has come home; two others replace it meanwhile and go their way.
    #[test]
    fn a_copier_brings_home_what_has_displaced_its_record() {
        const PARTS: [Part; 2] = [Part::Head, Part::Whole];
        for parts in
            PARTS.into_iter().flat_map(|a| PARTS.into_iter().flat_map(move |b| PARTS.map(|c| [a, b, c])))
        {
            let alone = Alone::new();
            let (stalled, part) = alone.publish(parts[0], 2);
            for (part, number) in [(parts[1], 3), (parts[2], 4)] {
                let (seen, before) = alone.read();
                let mut words = numbered(number, number);
                if part == Part::Head {
                    words.back[CHANGING_WORDS..].copy_from_slice(&before.back[CHANGING_WORDS..]);
                }
                assert!(alone.slot().replace(seen, part, (&words, beside(number)), &alone.drafts));
                assert_eq!(alone.read().1, words, "{parts:?}");
                assert_eq!(alone.drafts.free(), 3, "a displaced draft is free, {parts:?}");
            }
            let (displacing, words) = alone.read();
            assert!(alone.slot().at_home().is_none(), "who displaces leaves the copying to the copier");
            assert_eq!(displacing.ring_in_draft(), parts.contains(&Part::Whole), "{parts:?}");
            alone.slot().bring_home(stalled, part, (&numbered(2, 2), beside(2)), &alone.drafts);
            let version = alone.slot().at_home().unwrap();
            assert_eq!((alone.read(), alone.slot().words_at_home()), ((version, words), words), "{parts:?}");
            assert_eq!(version.recent().halves(), (2, 4), "the time is the copier's");
            assert_eq!(NUMBER.get(version.low), NUMBER.get(displacing.low));
            assert_eq!(alone.drafts.free(), 4, "{parts:?}");
        }
    }

    #[test]
    fn a_charge_changes_what_stands_beside_the_words_and_no_word() {
        let alone = Alone::new();
        let (seen, words) = alone.read();
        assert!(alone.slot().charge(seen, beside(9)));
        let (charged, after) = alone.read();
        assert_eq!((charged.recent(), after), (beside(9), words));
        assert!(!alone.slot().charge(seen, beside(5)), "it goes by a version that is gone");
        assert!(!alone.slot().is_still(seen) && alone.slot().is_still(charged));
        assert!(!alone.slot().replace(seen, Part::Head, (&numbered(5, 5), beside(5)), &alone.drafts));
        assert_eq!((alone.read(), alone.drafts.free()), ((charged, words), 4));
    }

    #[test]
    fn each_word_at_home_is_found_by_its_number() {
        let alone = Alone::new();
        let mut number = 10;
        let mut next = || {
            number += 1;
            number
        };
        let words = Words { front: std::array::from_fn(|_| next()), back: std::array::from_fn(|_| next()) };
        assert!(alone.slot().replace(alone.read().0, Part::Whole, (&words, beside(1)), &alone.drafts));
        let slot = alone.slot();
        assert!((0..FRONT_WORDS).all(|at| slot.front_at_home(at) == words.front[at]));
        assert!((0..BACK_WORDS).all(|at| slot.back_at_home(at) == words.back[at]));
        assert_eq!((slot.first_word(), slot.words_at_home()), (words.front[0], words));
    }

    #[test]
    #[cfg(not(tidegate_watched))]
    fn a_slot_is_half_a_cache_line_and_three_halves() {
        assert_eq!((size_of::<Front>(), align_of::<Front>()), (32, 32));
        assert_eq!((size_of::<Back>(), align_of::<Back>()), (96, 32));
    }
}
