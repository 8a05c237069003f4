//! Where in the table a key may live, and what is counted there.

use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// How many slots a key is looked for in before there counts as being no room for it. A search ends earlier at a
/// slot that was never used: filled to its capacity, a new table is searched for an unknown key in nine slots on
/// average. Once every slot was used, by keys of which many may be forgotten, it is searched in all of these; of
/// so many some may be forgotten if any in a hundred may.
const MAX_PROBES: usize = 128;
/// From so many slots on a shard is probed in growing steps: 31 of them, which come to 1,984 slots and so to no slot
/// twice.
const MIN_FOR_GROWING_STEPS: usize = 2_048;

/// How a table of equal shards is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    /// The number of shards, a power of two, less one.
    mask: u64,
    /// Slots of each shard.
    len: usize,
}

impl Area {
    /// So many shards, a power of two, of so many slots each, a multiple of four.
    pub(super) fn new(shards: usize, len: usize) -> Self {
        Self { mask: shards as u64 - 1, len }
    }

    /// The shard in which a key lives.
    #[inline]
    pub(super) fn shard(self, fingerprint: u64) -> usize {
        (fingerprint & self.mask) as usize
    }

    /// The shard of a place.
    pub(super) fn shard_of(self, place: usize) -> usize {
        place.checked_div(self.len).unwrap_or(0)
    }

    /// The first place to look for a key's record.
    #[inline]
    pub(super) fn home(self, fingerprint: u64) -> usize {
        // The upper bits scale to a place, the lowest chose the shard.
        let within = ((u128::from(fingerprint) * self.len as u128) >> 64) as usize;
        self.shard(fingerprint) * self.len + within
    }

    /// The other place of the same cache line, which is in the same shard.
    #[inline]
    pub(super) fn neighbour(place: usize) -> usize {
        place ^ 1
    }

    /// A place of the next cache line, of the two that processors like to fetch together.
    #[inline]
    pub(super) fn next_line(place: usize) -> usize {
        place ^ 2
    }

    /// The places where a key's record may stand, in the order in which they are tried: the four of two adjacent
    /// cache lines, then those of the next two, of the second two after that, and so on (quadratic probing of
    /// buckets, within the shard), which keeps searches short in a full table. Records never move.
    #[inline]
    pub(super) fn places(self, fingerprint: u64) -> impl Iterator<Item = usize> + use<> {
        let (home, first) = (self.home(fingerprint), self.shard(fingerprint) * self.len);
        let growing = self.len >= MIN_FOR_GROWING_STEPS;
        let tried = self.len.min(MAX_PROBES);
        let (mut bucket, end) = (home & !3, first + self.len);
        (0..tried).map(move |probe| {
            let place = bucket | (home ^ probe) & 3;
            if probe & 3 == 3 {
                bucket += if growing { probe + 1 } else { 4 };
                if bucket >= end {
                    bucket -= self.len;
                }
            }
            place
        })
    }
}

/// A run of the table's slots with counters of its own.
#[derive(Debug)]
pub(super) struct Shard {
    counters: CachePadded<Counters>,
}

/// What a shard counts.
#[derive(Debug)]
struct Counters {
    inserted: AtomicU64,
    forgotten: AtomicU64,
    overflowed: AtomicU64,
}

/// One of the equal parts of a limiter's table, as the operator sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardOccupancy {
    /// Records that the shard has room for, by its share of the capacity; some more fit.
    pub capacity: u64,
    /// Keys with a record of their own, those included that may be forgotten and have not been yet.
    pub keys: u64,
    /// How often a key was forgotten to make room for another.
    pub forgotten: u64,
    /// How often a call found no room for its key and was decided on a shared record.
    pub overflowed: u64,
}

impl Shard {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let counters = Counters { inserted: zero(), forgotten: zero(), overflowed: zero() };
        Self { counters: CachePadded::new(counters) }
    }

    // Ordering of the counters: Relaxed. Each is a sum for the operator; nothing is concluded from it.

    pub(super) fn count_inserted(&self) {
        self.counters.inserted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_forgotten(&self) {
        self.counters.forgotten.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_overflow(&self) {
        self.counters.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn occupancy(&self, capacity: u64) -> ShardOccupancy {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let forgotten = read(&self.counters.forgotten);
        ShardOccupancy {
            capacity,
            keys: read(&self.counters.inserted).saturating_sub(forgotten),
            forgotten,
            overflowed: read(&self.counters.overflowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::collections::HashSet;

    quickcheck! {
        fn places_are_distinct_and_within_the_shard(shards: u8, len: u16, fingerprint: u64) -> bool {
            let (shards, len) = (1 << (shards % 5), 4 * (usize::from(len) + 1));
            let area = Area::new(shards, len);
            let (first, places) = (area.shard(fingerprint) * len, area.places(fingerprint).collect::<Vec<_>>());
            let distinct: HashSet<_> = places.iter().copied().collect();
            distinct.len() == places.len()
                && places[0] == area.home(fingerprint)
                && places.len() == len.min(MAX_PROBES)
                && places.iter().all(|place| (first..first + len).contains(place) && *place < shards * len)
        }
    }
}
