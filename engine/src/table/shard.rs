//! A run of the table's slots with counters of its own.

use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// How many slots a key is looked for in before its shard counts as full. Linear probing at half full finds
/// a key in 1.5 slots on average; runs of a hundred occur once in many millions of keys.
const MAX_PROBES: usize = 512;

/// The slots `first .. first + len`, probed linearly from a place given by the fingerprint.
#[derive(Debug)]
pub(super) struct Shard {
    first: usize,
    len: usize,
    keys: CachePadded<AtomicU64>,
    overflowed: CachePadded<AtomicU64>,
}

impl Shard {
    pub(super) fn new(first: usize, len: usize) -> Self {
        Self {
            first,
            len,
            keys: CachePadded::new(AtomicU64::new(0)),
            overflowed: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// The first place to look for a key's record.
    #[inline]
    pub(super) fn home(&self, fingerprint: u64) -> usize {
        // The upper bits scale to a place, the lowest chose the shard.
        self.first + ((u128::from(fingerprint) * self.len as u128) >> 64) as usize
    }

    /// The places where a key's record may stand, in the order in which they are tried. A new key takes the
    /// first vacant one, and records never move: whoever finds a vacant place first has passed no record of
    /// the key.
    #[inline]
    pub(super) fn places(&self, fingerprint: u64) -> impl Iterator<Item = usize> + use<> {
        let (home, end, len) = (self.home(fingerprint), self.first + self.len, self.len);
        (0..len.min(MAX_PROBES)).map(move |step| {
            let at = home + step;
            if at < end { at } else { at - len }
        })
    }

    // Ordering of the counters: Relaxed. Each is a sum for the operator; nothing is concluded from it.

    pub(super) fn count_key(&self) {
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_overflow(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn keys(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    pub(super) fn overflowed(&self) -> u64 {
        self.overflowed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;
    use std::collections::HashSet;

    quickcheck! {
        fn places_are_distinct_and_within_the_shard(first: u16, len: u16, fingerprint: u64) -> bool {
            let (first, len) = (usize::from(first), usize::from(len) + 1);
            let places: Vec<_> = Shard::new(first, len).places(fingerprint).collect();
            let distinct: HashSet<_> = places.iter().copied().collect();
            distinct.len() == places.len()
                && places.len() == len.min(MAX_PROBES)
                && places.iter().all(|place| (first..first + len).contains(place))
        }
    }
}
