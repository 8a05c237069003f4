//! Where in the table a key may live, and what is counted there.

use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;
use std::num::NonZeroUsize;

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
    len: NonZeroUsize,
}

impl Area {
    /// So many shards, a power of two, of so many slots each, a multiple of four.
    pub(super) fn new(shards: usize, len: NonZeroUsize) -> Self {
        Self { mask: shards as u64 - 1, len }
    }

    /// The shard in which a key lives.
    #[inline]
    pub(super) fn shard(self, fingerprint: u64) -> usize {
        (fingerprint & self.mask) as usize
    }

    /// The shard of a place.
    pub(super) fn shard_of(self, place: usize) -> usize {
        place / self.len
    }

    /// The first place to look for a key's record.
    #[inline]
    pub(super) fn home(self, fingerprint: u64) -> usize {
        // The upper bits scale to a place, the lowest chose the shard.
        let within = ((u128::from(fingerprint) * self.len.get() as u128) >> 64) as usize;
        self.first(fingerprint) + within
    }

    /// The first place of a key's shard.
    #[inline]
    fn first(self, fingerprint: u64) -> usize {
        self.shard(fingerprint) * self.len.get()
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
        let (home, len) = (self.home(fingerprint), self.len.get());
        let growing = len >= MIN_FOR_GROWING_STEPS;
        let tried = len.min(MAX_PROBES);
        let (mut bucket, end) = (home & !3, self.first(fingerprint) + len);
        (0..tried).map(move |probe| {
            let place = bucket | (home ^ probe) & 3;
            if probe & 3 == 3 {
                bucket += if growing { probe + 1 } else { 4 };
                if bucket >= end {
                    bucket -= len;
                }
            }
            place
        })
    }

    /// The same places but for those of the first line: [`home`](Self::home) and its neighbour.
    #[inline]
    pub(super) fn further_places(self, fingerprint: u64) -> impl Iterator<Item = usize> + use<> {
        self.places(fingerprint).skip(2)
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

    fn area(shards: usize, len: usize) -> Area {
        Area::new(shards, NonZeroUsize::new(len).unwrap())
    }

    /// The places of a key at home in this one of a single shard.
    fn places_from(home: usize, len: usize) -> Vec<usize> {
        let fingerprint = ((home as u128) << 64).div_ceil(len as u128) as u64;
        assert_eq!(area(1, len).home(fingerprint), home);
        area(1, len).places(fingerprint).collect()
    }

    /// Of places, four at a time, where the fours begin.
    fn buckets(places: &[usize]) -> Vec<usize> {
        assert!(places.chunks(4).all(|four| {
            let mut four = four.to_vec();
            four.sort();
            four[0] % 4 == 0 && four.iter().copied().eq(four[0]..four[0] + 4)
        }));
        places.chunks(4).map(|four| four[0] & !3).collect()
    }

    quickcheck! {
        fn places_are_distinct_and_within_the_shard(shards: u8, len: u16, fingerprint: u64) -> bool {
            let (shards, len) = (1 << (shards % 5), 4 * (usize::from(len) + 1));
            let area = area(shards, len);
            let (first, places) = (area.shard(fingerprint) * len, area.places(fingerprint).collect::<Vec<_>>());
            let distinct: HashSet<_> = places.iter().copied().collect();
            distinct.len() == places.len()
                && places[0] == area.home(fingerprint)
                && places.len() == len.min(MAX_PROBES)
                && places.iter().all(|place| (first..first + len).contains(place) && *place < shards * len)
                && places.iter().all(|place| area.shard_of(*place) == area.shard(fingerprint))
        }

        fn a_first_line_and_the_further_places_are_all(shards: u8, len: u16, fingerprint: u64) -> bool {
            let area = area(1 << (shards % 5), 4 * (usize::from(len) + 1));
            let home = area.home(fingerprint);
            let first_line = [home, Area::neighbour(home)];
            first_line.into_iter().chain(area.further_places(fingerprint)).eq(area.places(fingerprint))
        }

        fn lines_are_of_two_places_and_stand_in_pairs(place: u32) -> bool {
            let place = place as usize;
            let (neighbour, next) = (Area::neighbour(place), Area::next_line(place));
            neighbour != place && neighbour / 2 == place / 2 && next / 2 != place / 2 && next / 4 == place / 4
        }
    }

    #[test]
    fn keys_are_spread_over_the_whole_of_their_shard() {
        let area = area(4, 100);
        assert_eq!([0, 1, 2, 3, 4].map(|low| area.shard(low)), [0, 1, 2, 3, 0]);
        assert_eq!((area.home(0), area.home(3), area.home(u64::MAX)), (0, 300, 399));
        assert_eq!((area.home(1 << 63), area.home((1 << 63) + 1)), (50, 150));
        assert_eq!([0, 99, 100, 199, 200, 399].map(|place| area.shard_of(place)), [0, 0, 1, 1, 2, 3]);
    }

    #[test]
    fn a_small_shard_is_searched_line_by_line_and_whole() {
        assert_eq!(places_from(5, 8), [5, 4, 7, 6, 1, 0, 3, 2]);
        assert_eq!(buckets(&places_from(6, 16)), [4, 8, 12, 0]);
        let last_small = places_from(2_040, MIN_FOR_GROWING_STEPS - 4);
        assert_eq!(buckets(&last_small)[..4], [2_040, 0, 4, 8]);
    }

    #[test]
    fn a_large_shard_is_searched_in_growing_steps() {
        for len in [MIN_FOR_GROWING_STEPS, 10_000] {
            let from_the_start = buckets(&places_from(2, len));
            assert_eq!(from_the_start[..6], [0, 4, 12, 24, 40, 60]);
            assert_eq!((from_the_start.len(), from_the_start[31]), (32, 1_984));
            assert_eq!(buckets(&places_from(len - 9, len))[..5], [len - 12, len - 8, 0, 12, 28]);
        }
        assert_eq!(MIN_FOR_GROWING_STEPS, 2_048);
    }

    #[test]
    fn a_shard_tells_how_many_keys_it_has_and_had() {
        let shard = Shard::new();
        (0..5).for_each(|_| shard.count_inserted());
        (0..3).for_each(|_| shard.count_overflow());
        (0..2).for_each(|_| shard.count_forgotten());
        let told = ShardOccupancy { capacity: 7, keys: 3, forgotten: 2, overflowed: 3 };
        assert_eq!(shard.occupancy(7), told);
        // A key may be counted as forgotten before the one for which it was counts as inserted.
        (0..4).for_each(|_| shard.count_forgotten());
        assert_eq!(shard.occupancy(7).keys, 0);
    }
}
