//! What the guard has seen, in sums for the operator.

use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// What a guard has seen so far, and how full it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Strikes counted, against any address.
    pub strikes: u64,
    /// Blocks begun.
    pub blocks: u64,
    /// Calls that came while their address was blocked.
    pub blocked_calls: u64,
    /// Addresses that are blocked or on record, or have strikes reported by themselves.
    pub addresses: u64,
    /// Addresses with a key that have a promise or strikes standing.
    pub pairs: u64,
    /// How often an address was not blocked, or a strike reported against it not counted, for want of room.
    pub untracked_addresses: u64,
    /// How often a denial was not noted for want of room.
    pub untracked_pairs: u64,
}

/// A sum by itself in the cache.
#[derive(Debug)]
pub(super) struct Counter(CachePadded<AtomicU64>);

impl Counter {
    pub(super) fn new() -> Self {
        Self(CachePadded::new(AtomicU64::new(0)))
    }

    // Ordering: Relaxed. A sum for the operator; nothing is concluded from it.

    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
