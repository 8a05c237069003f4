//! Where the guard keeps what it knows of an owner: a fixed array of slots that pass from owner to owner.
//!
//! An owner is an address, or an address with a key. Its slot is one of [`WINDOW`] places that follow its
//! home. A slot is four words: whose it is, and three words of state, each changed by one compare-and-swap
//! of its own.
//!
//! ```text
//! word 0      the owner's number; 0 is a slot that never had one
//! word 1..4   tag 12 bits | payload 52 bits
//! ```
//!
//! | word 0, from → to | by              | meaning                                                         |
//! |-------------------|-----------------|-----------------------------------------------------------------|
//! | 0 → owner         | [`Table::claim`]  | the first owner of the slot                                     |
//! | owner → other     | [`Table::claim`]  | what it knew of `owner` makes no difference any more, or little |
//!
//! The tag says whose a word is. A word with another's tag reads as a payload of zero, which is a state of
//! nothing known; so taking a slot over is one swap of word 0, and the new owner's first swap of each word
//! throws the old one's out. A thread that still works for the old owner cannot change the new one's words:
//! its swap compares with a word of the old tag. What remains is told in `docs/orderings.md`.

use crate::sync::{AtomicU64, Ordering};

/// How many places from its home an owner may stand. At the two slots an owner that tables are made with,
/// a window without a vacant place occurs once in thousands of owners, and then the oldest give way.
const WINDOW: usize = 16;

/// Words of a slot: the owner and its state.
const SLOT_WORDS: usize = 4;

const PAYLOAD_BITS: u32 = 52;
/// The largest payload of a word.
pub(super) const MAX_PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;

/// One of a slot's words of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(usize);

impl Word {
    /// A pair's promise, or an address's block.
    pub(super) const FIRST: Self = Self(1);
    /// The strikes that stand.
    pub(super) const STRIKES: Self = Self(2);
    /// Strikes of a short time, so that one burst is not taken for a habit.
    pub(super) const BURST: Self = Self(3);
}

/// Whom a slot belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// Never 0.
    id: u64,
    hash: u64,
}

impl Owner {
    /// An owner by its number and a keyed hash of that. A number of 0, which only a hash can be, counts as 1.
    #[inline]
    pub(super) fn new(id: u64, hash: u64) -> Self {
        Self { id: id.max(1), hash }
    }

    /// Never 0, so that a word never written is nobody's.
    #[inline]
    fn tag(self) -> u64 {
        // The lowest bits: those that choose a home are the highest.
        (self.hash & ((1 << (u64::BITS - PAYLOAD_BITS)) - 1)).max(1)
    }
}

/// What it would cost to forget a slot's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Nothing: no later decision would be another one.
    Nothing,
    /// Little, and in the owner's favour.
    Little,
    /// It is not to be forgotten.
    Much,
}

/// A slot's state as its owner sees it, word by word.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    slot: &'a [AtomicU64; SLOT_WORDS],
    owner: Owner,
}

impl View<'_> {
    /// A word's payload; 0 if the owner has none there.
    #[inline]
    pub(super) fn read(&self, word: Word) -> u64 {
        // Ordering: Relaxed. A word is its owner's whole knowledge of one thing; nothing else is read by way
        // of it, and one that is a moment old is what a caller of that moment would have seen.
        self.owner.payload(self.slot[word.0].load(Ordering::Relaxed))
    }

    /// Applies a step to a word's payload, again if another thread came between. A step that changes nothing
    /// writes nothing. `None` if the slot has passed to another owner.
    #[inline]
    pub(super) fn update<R>(&self, word: Word, mut step: impl FnMut(u64) -> (u64, R)) -> Option<R> {
        let cell = &self.slot[word.0];
        // Ordering: Acquire, partner the Release below by another owner: whoever meets its word also sees in
        // the look that follows that the slot is its own now, and does not write over it.
        let mut seen = cell.load(Ordering::Acquire);
        loop {
            // Ordering: Relaxed. The Acquire load keeps it behind.
            if self.slot[0].load(Ordering::Relaxed) != self.owner.id {
                return None;
            }
            let payload = self.owner.payload(seen);
            let (next, answer) = step(payload);
            debug_assert!(next <= MAX_PAYLOAD);
            if next == payload {
                return Some(answer);
            }
            let tagged = self.owner.tag() << PAYLOAD_BITS | next & MAX_PAYLOAD;
            // Ordering: Release on success, so that whoever meets the word sees whose the slot is; it comes
            // after the swap by which this owner, in whatever thread, got the slot. Acquire on failure, as for
            // the load above.
            match cell.compare_exchange(seen, tagged, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return Some(answer),
                Err(newer) => seen = newer,
            }
        }
    }
}

impl Owner {
    #[inline]
    fn payload(self, word: u64) -> u64 {
        if word >> PAYLOAD_BITS == self.tag() { word & MAX_PAYLOAD } else { 0 }
    }
}

/// A fixed number of slots.
#[derive(Debug)]
pub(super) struct Table {
    words: Box<[AtomicU64]>,
    len: usize,
}

impl Table {
    /// Two slots for each of so many owners. `None` if the system does not give the memory.
    pub(super) fn new(owners: usize) -> Option<Self> {
        let len = owners.checked_mul(2)?;
        Some(Self { words: zeroed(len.checked_mul(SLOT_WORDS)?)?, len })
    }

    #[inline]
    fn slot(&self, place: usize) -> Option<&[AtomicU64; SLOT_WORDS]> {
        self.words.as_chunks().0.get(place)
    }

    #[inline]
    fn places(&self, owner: Owner) -> impl Iterator<Item = usize> + use<> {
        let len = self.len;
        let home = ((u128::from(owner.hash) * len as u128) >> 64) as usize;
        (0..len.min(WINDOW)).map(move |step| if home + step < len { home + step } else { home + step - len })
    }

    /// The owner's slot, if it has one.
    #[inline]
    pub(super) fn find(&self, owner: Owner) -> Option<View<'_>> {
        for place in self.places(owner) {
            let slot = self.slot(place)?;
            // Ordering: Relaxed. The words of state say by their tags whose they are.
            let seen = slot[0].load(Ordering::Relaxed);
            if seen == owner.id {
                return Some(View { slot, owner });
            }
            if seen == 0 {
                break;
            }
        }
        None
    }

    /// The owner's slot, or one made its own: a vacant one, one whose owner is worth nothing, or one worth
    /// less than this owner is. `None` if there is none.
    pub(super) fn claim(
        &self,
        owner: Owner,
        worth: Worth,
        named: impl Fn(u64) -> Owner,
        worth_of: impl Fn(View<'_>) -> Worth,
    ) -> Option<View<'_>> {
        loop {
            let mut best: Option<(Worth, &[AtomicU64; SLOT_WORDS], u64)> = None;
            for place in self.places(owner) {
                let slot = self.slot(place)?;
                // Ordering: Relaxed, as in `find`.
                let seen = slot[0].load(Ordering::Relaxed);
                if seen == owner.id {
                    return Some(View { slot, owner });
                }
                if seen == 0 {
                    if best.is_none_or(|(found, ..)| found > Worth::Nothing) {
                        best = Some((Worth::Nothing, slot, seen));
                    }
                    break;
                }
                let other = named(seen);
                let found = worth_of(View { slot, owner: other });
                // One of the same tag would leave its words to us: harmless only if they are worth nothing.
                let apart = found == Worth::Nothing || other.tag() != owner.tag();
                if apart && best.is_none_or(|(least, ..)| found < least) {
                    best = Some((found, slot, seen));
                }
            }
            let (found, slot, seen) = best?;
            if found > Worth::Nothing && found >= worth {
                return None;
            }
            // Ordering: Relaxed both ways. The owner's number publishes nothing: words not yet written by
            // this owner read as zero by their tags.
            if slot[0].compare_exchange(seen, owner.id, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                // Another thread may have brought the same owner to an earlier place: then that is its own.
                return self.find(owner);
            }
        }
    }

    /// Every slot that has an owner.
    pub(super) fn owned(&self, named: impl Fn(u64) -> Owner) -> impl Iterator<Item = (u64, View<'_>)> {
        self.words.as_chunks().0.iter().filter_map(move |slot: &[AtomicU64; SLOT_WORDS]| {
            // Ordering: Relaxed, as in `find`.
            let id = slot[0].load(Ordering::Relaxed);
            (id != 0).then(|| (id, View { slot, owner: named(id) }))
        })
    }
}

/// Memory that the system zeroes, and that is not touched before an owner comes.
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
fn zeroed(words: usize) -> Option<Box<[AtomicU64]>> {
    bytemuck::allocation::try_zeroed_slice_box(words).ok()
}

#[cfg(any(tidegate_loom, tidegate_shuttle))]
fn zeroed(words: usize) -> Option<Box<[AtomicU64]>> {
    Some((0..words).map(|_| AtomicU64::new(0)).collect())
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    /// An owner whose hash is its number, so that tests choose home (high bits) and tag (low bits).
    fn owner(id: u64) -> Owner {
        Owner::new(id, id)
    }

    fn set(table: &Table, id: u64, payload: u64) {
        let view = table.claim(owner(id), Worth::Much, owner, |_| Worth::Much).unwrap();
        view.update(Word::FIRST, |_| (payload, ())).unwrap();
    }

    #[test]
    fn an_owner_finds_what_it_left() {
        let table = Table::new(100).unwrap();
        for id in 1..=100 {
            set(&table, id << 57 | id, id);
        }
        for id in 1..=100 {
            let view = table.find(owner(id << 57 | id)).unwrap();
            assert_eq!((view.read(Word::FIRST), view.read(Word::STRIKES)), (id, 0));
        }
        assert!(table.find(owner(101)).is_none());
        let mut owned: Vec<_> = table.owned(owner).map(|(id, view)| (id, view.read(Word::FIRST))).collect();
        owned.sort_unstable_by_key(|(_, payload)| *payload);
        assert_eq!(owned, (1..=100).map(|id| (id << 57 | id, id)).collect::<Vec<_>>());
    }

    #[test]
    fn a_slot_taken_over_tells_nothing_of_its_last_owner() {
        let table = Table::new(1).unwrap();
        set(&table, 1, 11);
        set(&table, 2, 22);
        assert!(table.claim(owner(3), Worth::Much, owner, |_| Worth::Much).is_none(), "both are kept");
        let old = table.find(owner(1)).unwrap();
        let worth = |view: View<'_>| if view.read(Word::FIRST) == 11 { Worth::Nothing } else { Worth::Much };
        let new = table.claim(owner(3), Worth::Little, owner, worth).unwrap();
        assert_eq!(new.read(Word::FIRST), 0);
        assert!(old.update(Word::FIRST, |word| (word + 1, ())).is_none(), "the old owner is told");
        assert_eq!(new.update(Word::FIRST, |word| (word + 5, word)), Some(0));
        assert_eq!((new.read(Word::FIRST), old.read(Word::FIRST)), (5, 0));
        assert_eq!(table.find(owner(2)).unwrap().read(Word::FIRST), 22);
    }

    #[test]
    fn less_gives_way_to_more_and_never_the_other_way() {
        let table = Table::new(1).unwrap();
        set(&table, 1, 1);
        set(&table, 2, 2);
        let worth = |view: View<'_>| if view.read(Word::FIRST) == 1 { Worth::Little } else { Worth::Much };
        assert!(table.claim(owner(3), Worth::Little, owner, worth).is_none(), "equals do not");
        assert!(table.claim(owner(3), Worth::Much, owner, worth).is_some());
        assert!(table.find(owner(1)).is_none() && table.find(owner(2)).is_some());
    }

    #[test]
    fn one_of_the_same_tag_is_taken_over_only_if_it_is_worth_nothing() {
        let table = Table::new(1).unwrap();
        let (low, twin) = (7, 1 << 12 | 7);
        set(&table, low, 1);
        set(&table, 2, 1);
        let worth = |view: View<'_>| if view.owner.id == low { Worth::Little } else { Worth::Much };
        assert!(table.claim(owner(twin), Worth::Much, owner, worth).is_none());
        let nothing = |view: View<'_>| if view.owner.id == low { Worth::Nothing } else { Worth::Much };
        assert!(table.claim(owner(twin), Worth::Much, owner, nothing).is_some());
    }

    #[test]
    fn no_number_and_no_tag_is_zero() {
        assert_eq!(owner(0), Owner::new(1, 0));
        let tag = |hash| Owner::new(1, hash).tag();
        assert_eq!([tag(0), tag(1), tag(2), tag(4_095), tag(4_096), tag(4_103)], [1, 1, 2, 4_095, 1, 7]);
        let table = Table::new(4).unwrap();
        set(&table, 4_103, 5);
        assert_eq!(table.find(owner(4_103)).unwrap().read(Word::FIRST), 5);
    }

    #[test]
    fn of_those_worth_least_the_first_gives_way() {
        let claim = |table: &Table, worth| {
            table.claim(owner(3), worth, owner, |_| Worth::Nothing).map(|view| view.owner.id)
        };
        let vacant = Table::new(1).unwrap();
        set(&vacant, 1, 1);
        assert_eq!(claim(&vacant, Worth::Much), Some(3));
        assert!(vacant.find(owner(1)).is_none(), "before a place that nobody had");
        let full = Table::new(1).unwrap();
        set(&full, 1, 1);
        set(&full, 2, 2);
        assert_eq!(claim(&full, Worth::Nothing), Some(3), "what is worth nothing gives way to anyone");
        assert!(full.find(owner(1)).is_none() && full.find(owner(2)).is_some());
    }

    #[test]
    fn an_owner_stands_in_its_window_or_not_at_all() {
        let table = Table::new(20).unwrap();
        for id in 1..=16 {
            set(&table, id, id);
        }
        assert!(table.claim(owner(17), Worth::Much, owner, |_| Worth::Much).is_none());
    }

    #[test]
    fn a_step_that_changes_nothing_writes_nothing() {
        let table = Table::new(1).unwrap();
        set(&table, 1, 11);
        set(&table, 2, 22);
        // The third owner has the first one's slot, and nothing in it but what the first one left.
        let worth = |view: View<'_>| if view.owner.id == 1 { Worth::Nothing } else { Worth::Much };
        let view = table.claim(owner(3), Worth::Much, owner, worth).unwrap();
        let written = || view.slot[Word::FIRST.0].load(Ordering::Relaxed);
        let left = written();
        assert_eq!(view.update(Word::FIRST, |word| (word, word)), Some(0));
        assert_eq!(written(), left);
        assert_eq!(view.update(Word::FIRST, |word| (word + 3, word)), Some(0));
        assert_eq!(written(), 3 << PAYLOAD_BITS | 3);
    }

    #[test]
    fn an_owner_that_threads_bring_to_two_places_has_the_first() {
        let table = Table::new(1).unwrap();
        set(&table, 1, 1);
        set(&table, 2, 2);
        // The first place is kept when this thread looks at it. While it looks at the second, another brings the owner there.
        let worth = |view: View<'_>| {
            if view.owner.id == 1 {
                return Worth::Much;
            }
            table.slot(0).unwrap()[0].store(3, Ordering::Relaxed);
            Worth::Nothing
        };
        let view = table.claim(owner(3), Worth::Much, owner, worth).unwrap();
        assert!(std::ptr::eq(view.slot, table.slot(0).unwrap()));
        assert_eq!(table.slot(1).unwrap()[0].load(Ordering::Relaxed), 3);
        view.update(Word::STRIKES, |word| (word + 7, ())).unwrap();
        assert_eq!(table.find(owner(3)).unwrap().read(Word::STRIKES), 7, "all threads count in one place");
    }

    #[test]
    fn a_search_ends_where_nobody_ever_stood() {
        // So it is short while a table is new. Nobody stands behind such a place: whoever comes takes it.
        let table = Table::new(8).unwrap();
        table.slot(2).unwrap()[0].store(7, Ordering::Relaxed);
        assert!(table.find(owner(7)).is_none());
        set(&table, 5, 5);
        assert!(table.find(owner(7)).is_none());
        let view = table.claim(owner(7), Worth::Much, owner, |_| Worth::Much).unwrap();
        assert!(std::ptr::eq(view.slot, table.slot(1).unwrap()));
        assert_eq!(table.slot(2).unwrap()[0].load(Ordering::Relaxed), 7, "not looked at");
    }

    #[test]
    fn there_is_no_table_of_more_words_than_can_be_counted() {
        // Two slots for each owner, and four words a slot, as the builder says: more would wrap to none.
        assert_eq!(size_of_val(&*Table::new(5).unwrap().words), 5 * 64);
        let most = 1_usize << (usize::BITS - 1);
        assert!([most, most >> 2, usize::MAX].into_iter().all(|owners| Table::new(owners).is_none()));
    }

    #[test]
    fn windows_wrap_at_the_end() {
        let table = Table::new(8).unwrap();
        for id in 0..16 {
            set(&table, u64::MAX - id, id + 1);
        }
        for id in 0..16 {
            assert_eq!(table.find(owner(u64::MAX - id)).unwrap().read(Word::FIRST), id + 1);
        }
    }
}
