//! Where records live: a sharded, open-addressed table of atomic words in fixed capacity.
//!
//! [`slot`] keeps one record that is read and replaced as a whole, without a lock; [`draft`] is where a
//! replacement is written before it counts; [`shard`] says where a key's record may stand. Nothing here
//! knows what a record means beyond whose it is.

mod draft;
#[cfg(all(test, tidegate_loom))]
mod loom_slot;
mod memory;
mod shard;
mod slot;
mod words;

use crate::plan::PlanId;
use crate::record::{Head, Record, Ring};
use draft::Drafts;
use memory::Slots;
use shard::Shard;
use slot::{Slot, Version};
use words::Change;

/// Fingerprints of keys begin here; lower ones name the overflow records, by plan.
pub(crate) const FIRST_FINGERPRINT: u64 = 1 << 21;

/// Fewer keys than this live in one shard.
const MIN_KEYS_PER_SHARD: usize = 1 << 12;
const MAX_SHARDS: usize = 16;

/// All records of a limiter.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Slots,
    shards: Box<[Shard]>,
    /// The records that unknown keys share once there is no room for their own, by plan (R14).
    overflow: Slots,
    drafts: Drafts,
}

/// A key's record as it was read, and the place of its successor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    table: &'a Table,
    slot: &'a Slot,
    version: Version,
    /// Where a new key is counted once its record is stored.
    new_in: Option<&'a Shard>,
    /// The record's head; a fresh one if the key was not known.
    pub(crate) head: Head,
}

impl Entry<'_> {
    /// Whether the key had no record when it was looked up.
    pub(crate) fn is_new(&self) -> bool {
        self.new_in.is_some()
    }

    /// The record's ring; `None` if another thread has changed the record since its head was read.
    #[inline]
    pub(crate) fn ring(&self) -> Option<Ring> {
        self.slot.ring(self.version, &self.table.drafts)
    }

    /// Stores a record, unless another thread has changed what was read: then nothing is stored, the answer
    /// is `false`, and the caller looks the key up again.
    #[must_use]
    pub(crate) fn store(&self, record: &Record) -> bool {
        self.replace(Change::Whole(record))
    }

    /// Stores a head beside the ring that was there, likewise.
    #[inline]
    #[must_use]
    pub(crate) fn store_head(&self, head: &Head) -> bool {
        if self.version.ring_in_draft() {
            return self.ring().is_some_and(|ring| self.store(&Record { head: *head, ring }));
        }
        self.replace(Change::Head(head))
    }

    #[inline]
    fn replace(&self, change: Change<'_>) -> bool {
        let stored = self.slot.replace(self.version, change, &self.table.drafts);
        if let (true, Some(shard)) = (stored, self.new_in) {
            shard.count_key();
        }
        stored
    }
}

impl Table {
    /// The most threads that can be storing at the same instant.
    pub(crate) const MAX_THREADS: usize = Drafts::MAX_THREADS;

    /// A table for `keys` keys, `plans` plans, and `threads` threads storing at the same instant. `None` if
    /// the system does not give the memory.
    pub(crate) fn new(keys: usize, plans: usize, threads: usize, huge_pages: bool) -> Option<Self> {
        let shards = (keys / MIN_KEYS_PER_SHARD).clamp(1, MAX_SHARDS).next_power_of_two();
        // Two slots for a key: probe sequences stay short, and an unlucky shard has room.
        let slots_each = 2 * keys.div_ceil(shards);
        Some(Self {
            slots: Slots::vacant(shards * slots_each, huge_pages)?,
            shards: (0..shards).map(|shard| Shard::new(shard * slots_each, slots_each)).collect(),
            overflow: Slots::vacant(plans, false)?,
            drafts: Drafts::new(threads),
        })
    }

    /// The entry of a key that has a record of its own, for the ordinary case: `None` if it has none, or is
    /// not found at once.
    #[inline]
    pub(crate) fn known(&self, fingerprint: u64) -> Option<Entry<'_>> {
        let shard = self.shard(fingerprint);
        for place in shard.places(fingerprint) {
            let slot = self.slots.at(place);
            let seen = slot.fingerprint();
            if seen == fingerprint {
                // A fingerprint at home stays there: the record is this key's.
                let (version, head) = slot.read(&self.drafts);
                return Some(Entry { table: self, slot, version, new_in: None, head });
            }
            if seen == 0 {
                break;
            }
        }
        None
    }

    /// The entry of a key: its record, or a vacant place and a fresh record under `plan`. A key for which
    /// there is no place gets the record that all such keys of the plan share.
    pub(crate) fn entry(&self, fingerprint: u64, plan: PlanId) -> Entry<'_> {
        if fingerprint < FIRST_FINGERPRINT {
            return self.overflow_entry(fingerprint);
        }
        let shard = self.shard(fingerprint);
        for place in shard.places(fingerprint) {
            let slot = self.slots.at(place);
            let (version, head) = slot.read(&self.drafts);
            if head.fingerprint() == fingerprint {
                return Entry { table: self, slot, version, new_in: None, head };
            }
            if head.fingerprint() == 0 {
                let head = Head::fresh(fingerprint, plan);
                return Entry { table: self, slot, version, new_in: Some(shard), head };
            }
        }
        shard.count_overflow();
        self.overflow_entry(u64::from(plan.0) + 1)
    }

    /// The entry of an overflow record, by its fingerprint: the plan's number and one.
    #[cold]
    fn overflow_entry(&self, fingerprint: u64) -> Entry<'_> {
        let plan = fingerprint.saturating_sub(1).min(self.overflow.len() as u64 - 1);
        let slot = self.overflow.at(plan as usize);
        let (version, mut head) = slot.read(&self.drafts);
        if head.fingerprint() == 0 {
            head = Head::fresh(plan + 1, PlanId(plan as u32));
        }
        Entry { table: self, slot, version, new_in: None, head }
    }

    #[inline]
    fn shard(&self, fingerprint: u64) -> &Shard {
        // The shards are a power of two, so the mask keeps the index within them.
        &self.shards[fingerprint as usize & (self.shards.len() - 1)]
    }

    /// Keys with a record of their own.
    pub(crate) fn keys(&self) -> u64 {
        self.shards.iter().map(Shard::keys).sum()
    }

    /// How often a key without room was given an overflow record.
    pub(crate) fn overflowed(&self) -> u64 {
        self.shards.iter().map(Shard::overflowed).sum()
    }
}
