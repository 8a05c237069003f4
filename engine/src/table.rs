//! Where records live: a sharded, open-addressed table of atomic words in fixed capacity.
//!
//! [`slot`] keeps one record that is read and changed as a whole, without a lock; [`draft`] is where a
//! replacement is written before it counts; [`shard`] says where a key's record may stand; [`ticket`] sees to
//! it that a key gets one record and not two; [`forgetting`] tells by which time a key may be forgotten.
//! Nothing here knows what a record means beyond whose it is.

mod draft;
mod forgetting;
mod insert;
#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
mod loom_orders;
#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
mod loom_slot;
mod memory;
mod shard;
mod slot;
#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;
mod ticket;
mod words;

pub use shard::ShardOccupancy;

use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::plan::PlanId;
use crate::record::{
    CHANGING_WORDS, ForgetAt, Glance, Occupancy, Recent, Record, TAG_BITS, Words, occupancy, tag_of,
};
use crate::sync::give_way;
use draft::Drafts;
use forgetting::ForgettingClock;
use memory::Slots;
use shard::{Area, Shard};
use slot::{Slot, Version};
use std::num::NonZeroUsize;
use ticket::{Ticket, Tickets};
use words::Part;

/// Fingerprints of keys begin here; lower ones name the overflow records, by plan.
pub(crate) const FIRST_FINGERPRINT: u64 = 1 << 21;

/// Fewer keys than this live in one shard.
const MIN_KEYS_PER_SHARD: usize = 1 << 12;
const MAX_SHARDS: usize = 16;

/// Fewer keys than this get a table that they fill to the half.
const FEW_KEYS: usize = 1 << 16;

/// All records of a limiter.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Slots,
    area: Area,
    shards: Box<[Shard]>,
    keys_per_shard: usize,
    tickets: Tickets,
    clock: ForgettingClock,
    /// The records that unknown keys share once there is no room for their own, by plan (R14).
    overflow: Slots,
    drafts: Drafts,
}

/// Whether a record may be forgotten; the plans it is expressed in are not the table's to know.
pub(crate) trait Forgettable: Fn(&Words, Recent, ForgetAt) -> bool {}
impl<F: Fn(&Words, Recent, ForgetAt) -> bool> Forgettable for F {}

/// A key's record as it was read, and the place of its successor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    table: &'a Table,
    slot: Slot<'a>,
    version: Version,
    kind: Kind,
    /// The record's words; a fresh one's if the key was not known.
    pub(crate) words: Words,
    /// What stands beside them.
    pub(crate) recent: Recent,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// The record is the key's.
    Known,
    /// The record is shared by keys that have none.
    Shared,
    /// The key has no record, and this is where it may get one.
    New(Room),
}

/// A place that an insertion may take.
#[derive(Clone, Copy, Debug)]
struct Room {
    place: usize,
    /// What the place is now.
    was: Occupancy,
    ticket: Ticket,
}

/// A slot found at a first look, for an ordinary admission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    slot: Slot<'a>,
    version: Version,
    /// The first word of the record.
    first: u64,
}

/// The words are the key's if [`charge`](Found::charge) succeeds.
impl Glance for Found<'_> {
    #[inline]
    fn front(self, at: usize) -> u64 {
        if at == 0 { self.first } else { self.slot.front_at_home(at) }
    }

    #[inline]
    fn back(self, at: usize) -> u64 {
        self.slot.back_at_home(at)
    }
}

/// What tells a state of a record from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The control pair.
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// The first word of the record.
    pub(crate) identity: u64,
    /// The slot.
    pub(crate) place: u64,
}

impl Seen {
    #[inline]
    fn of(slot: Slot<'_>, version: Version, identity: u64) -> Self {
        let (low, high) = version.halves();
        Self { low, high, identity, place: std::ptr::from_ref(slot.front) as u64 }
    }
}

impl Found<'_> {
    /// The state in which the record was found, if it is in it still.
    #[inline]
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.slot.is_still(self.version).then(|| Seen::of(self.slot, self.version, self.first))
    }

    /// Asks the processor for the words that a first look leaves alone.
    #[inline]
    pub(crate) fn prefetch_rest(&self) {
        memory::prefetch(self.slot.back);
    }

    /// All words, which are the key's if a [`charge`](Self::charge) after this succeeds.
    #[inline]
    pub(crate) fn words(&self) -> Words {
        self.slot.words_at_home()
    }

    /// What was charged beside the words.
    #[inline]
    pub(crate) fn recent(&self) -> Recent {
        self.version.recent()
    }

    /// Charges a call, unless anything has changed since.
    #[inline]
    #[must_use]
    pub(crate) fn charge(&self, recent: Recent) -> bool {
        self.slot.charge(self.version, recent)
    }
}

impl Entry<'_> {
    /// The state in which the key's own record was read, if a first look may find it in that state.
    pub(crate) fn seen(&self) -> Option<Seen> {
        let is_to_be_found = matches!(self.kind, Kind::Known) && self.version.is_at_home();
        is_to_be_found.then(|| Seen::of(self.slot, self.version, self.words.front[0]))
    }

    /// Whether the key had no record when it was looked up.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.kind, Kind::New(_))
    }

    /// Whether the record is shared by keys that have none of their own.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Shared)
    }

    /// Stores a record, unless another thread has changed what was read: then nothing is stored, the answer
    /// is `false`, and the caller looks the key up again.
    #[must_use]
    pub(crate) fn store(&self, words: &Words, recent: Recent) -> bool {
        if let Kind::New(room) = self.kind {
            return self.insert(room, words, recent);
        }
        let part = if words.back[CHANGING_WORDS..] == self.words.back[CHANGING_WORDS..] {
            Part::Head
        } else {
            Part::Whole
        };
        self.slot.replace(self.version, part, (words, recent), &self.table.drafts)
    }
}

impl Table {
    /// The most threads that can be storing at the same instant.
    pub(crate) const MAX_THREADS: usize = Drafts::MAX_THREADS;
    /// The most keys.
    pub(crate) const MAX_KEYS: usize = ticket::MAX_PLACES / 2;

    /// A table for `keys` keys, `plans` plans, and `threads` threads storing at the same instant. `None` if
    /// the system does not give the memory.
    pub(crate) fn new(
        keys: usize,
        plans: usize,
        threads: usize,
        huge_pages: bool,
        longest_reservation: Nanos,
    ) -> Option<Self> {
        let shards = (keys / MIN_KEYS_PER_SHARD).min(MAX_SHARDS).next_power_of_two();
        let keys_each = keys.div_ceil(shards);
        // Four fifths full of as many keys as were asked for, half full where that takes little memory; and a multiple
        // of four, which a search sees together.
        let slots_each = if keys < FEW_KEYS { 2 * keys_each } else { (keys_each * 123).div_ceil(100) };
        let slots_each = NonZeroUsize::new(slots_each.next_multiple_of(4))?;
        Some(Self {
            slots: Slots::vacant(shards * slots_each.get(), huge_pages)?,
            area: Area::new(shards, slots_each),
            shards: (0..shards).map(|_| Shard::new()).collect(),
            keys_per_shard: keys_each,
            tickets: Tickets::new(),
            clock: ForgettingClock::new(longest_reservation),
            overflow: Slots::vacant(plans, false)?,
            drafts: Drafts::new(threads),
        })
    }

    /// How many drafts are claimed.
    pub(crate) fn claimed_drafts(&self) -> usize {
        self.drafts.claimed()
    }

    /// Asks the processor for a key's record, for a decision soon to come.
    #[inline]
    pub(crate) fn prefetch(&self, fingerprint: u64) {
        self.slots.prefetch(self.area.home(fingerprint));
    }

    /// The same for all of the record, for a settle or a decision that turns a window.
    #[inline]
    pub(crate) fn prefetch_whole(&self, fingerprint: u64) {
        let slot = self.slots.at(self.area.home(fingerprint));
        memory::prefetch(slot.front);
        memory::prefetch(slot.back);
    }

    /// The slot of a key whose record is at home, for the ordinary case: `None` if there is none, or it is not
    /// found at once.
    #[inline]
    pub(crate) fn find(&self, fingerprint: u64) -> Option<Found<'_>> {
        let tag = tag(fingerprint);
        Self::found(self.look_for(fingerprint, tag)?, tag)
    }

    /// The slot, if the key's record is at home there.
    #[inline]
    fn found(slot: Slot<'_>, tag: u64) -> Option<Found<'_>> {
        let version = slot.at_home()?;
        // The word may have become another key's since the first look.
        let first = slot.first_word();
        (tag_of(first) == tag).then_some(Found { slot, version, first })
    }

    /// The slot that a first look finds to be the key's.
    #[inline]
    fn look_for(&self, fingerprint: u64, tag: u64) -> Option<Slot<'_>> {
        let home = self.area.home(fingerprint);
        self.slots.prefetch(Area::next_line(home));
        // Most keys stand in one of the two places of their first line. Branches, and no choice by number: then the
        // processor guesses which, and fetches the rest of that record beside its front.
        for place in [home, Area::neighbour(home)] {
            let slot = self.slots.at(place);
            if tag_of(slot.first_word()) == tag {
                return Some(slot);
            }
        }
        self.find_further(fingerprint, tag).map(|place| self.slots.at(place))
    }

    /// The place that a first look finds to be the key's, beyond its first line.
    #[inline(never)]
    fn find_further(&self, fingerprint: u64, tag: u64) -> Option<usize> {
        for place in self.area.further_places(fingerprint) {
            let first = self.slots.at(place).first_word();
            if tag_of(first) == tag {
                return Some(place);
            }
            if first == 0 {
                break;
            }
        }
        None
    }

    /// The entry of a key: its record, or a place for one and a fresh record under `plan`. A key for which
    /// there is no place gets the record that all such keys of the plan share.
    pub(crate) fn entry(
        &self,
        fingerprint: u64,
        plan: PlanId,
        at: Timestamp,
        forgettable: impl Forgettable,
    ) -> Entry<'_> {
        if fingerprint < FIRST_FINGERPRINT {
            return self.overflow_entry(fingerprint);
        }
        let tag = tag(fingerprint);
        let known = |slot, version: Version, words| Entry {
            table: self,
            slot,
            version,
            kind: Kind::Known,
            words,
            recent: version.recent(),
        };
        if let Some(slot) = self.look_for(fingerprint, tag)
            && let Some((version, words)) = self.record_at(slot, tag)
        {
            return known(slot, version, words);
        }
        loop {
            match self.search(fingerprint, tag, at, &forgettable) {
                Search::Known { slot, version, words } => return known(slot, version, words),
                Search::Free { slot, version, room } => {
                    let (words, recent) = self.fresh(tag, plan);
                    return Entry { table: self, slot, version, kind: Kind::New(room), words, recent };
                }
                Search::Full => {
                    self.count(self.area.shard(fingerprint), Shard::count_overflow);
                    return self.overflow_entry(u64::from(plan.0) + 1);
                }
                Search::Again => give_way(),
            }
        }
    }

    /// What a slot holds of a key: `None` if its record is another's, or does not count.
    fn record_at(&self, slot: Slot<'_>, tag: u64) -> Option<(Version, Words)> {
        let (version, words) = slot.read(&self.drafts);
        let is_its = tag_of(words.front[0]) == tag && occupancy(&words.front) == Occupancy::Live;
        is_its.then_some((version, words))
    }

    /// Counts something in a shard.
    fn count(&self, shard: usize, what: impl FnOnce(&Shard)) {
        if let Some(shard) = self.shards.get(shard) {
            what(shard);
        }
    }

    /// The entry of an overflow record, by its fingerprint: the plan's number and one.
    #[cold]
    fn overflow_entry(&self, fingerprint: u64) -> Entry<'_> {
        // There is at least one plan, or there were no table.
        let plan = fingerprint.saturating_sub(1).min(self.overflow.len() as u64 - 1);
        let slot = self.overflow.at(plan as usize);
        let (version, found) = slot.read(&self.drafts);
        let (words, recent) = match occupancy(&found.front) {
            Occupancy::Live => (found, version.recent()),
            _ => self.fresh(plan + 1, PlanId(plan as u32)),
        };
        Entry { table: self, slot, version, kind: Kind::Shared, words, recent }
    }

    /// The record of a key that had none.
    fn fresh(&self, tag: u64, plan: PlanId) -> (Words, Recent) {
        Record::fresh(tag, plan, self.clock.reached()).to_closed_words()
    }

    /// Every word of every record, and of the drafts.
    #[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
    pub(crate) fn snapshot(&self) -> Vec<u64> {
        [self.slots.snapshot(), self.overflow.snapshot(), self.drafts.snapshot()].concat()
    }

    /// Occupancy and counts, shard by shard.
    pub(crate) fn occupancy(&self) -> impl Iterator<Item = ShardOccupancy> {
        self.shards.iter().map(|shard| shard.occupancy(self.keys_per_shard as u64))
    }

    /// All records that live, one after the other, each as it is when it is read.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Words, Recent)> {
        (0..self.slots.len()).filter_map(|place| {
            let slot = self.slots.at(place);
            // Most places of most tables: no need to look at their backs. A first record may be in a draft yet.
            if slot.first_word() == 0 && slot.at_home().is_some() {
                return None;
            }
            let (version, words) = slot.read(&self.drafts);
            let live = occupancy(&words.front) == Occupancy::Live;
            live.then(|| (words, version.recent()))
        })
    }
}

/// What a search for a key came to.
enum Search<'a> {
    Known { slot: Slot<'a>, version: Version, words: Words },
    Free { slot: Slot<'a>, version: Version, room: Room },
    Full,
    Again,
}

/// What a record keeps of its key's fingerprint. Never 0.
#[inline]
pub(crate) fn tag(fingerprint: u64) -> u64 {
    // The bits next to those that choose the shard. Those that choose the place within it are the highest.
    let tag = fingerprint >> MAX_SHARDS.ilog2() & ((1 << TAG_BITS) - 1);
    // Below this the overflow records' tags are, and the mark of no key.
    if tag < FIRST_FINGERPRINT { tag + FIRST_FINGERPRINT } else { tag }
}
