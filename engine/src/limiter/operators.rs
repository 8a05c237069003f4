//! What those who run a limiter may ask of it. Nothing here is part of a decision, and all of it may be asked while
//! others decide.

use super::Limiter;
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::observe::{DeniedKey, HotKey, KeyFingerprint, Observed, top_k};
use crate::record::{Glance, Record};
use crate::table::{ShardOccupancy, tag};
use std::hash::Hash;

impl Limiter {
    /// What this limiter knows a key by in [`most_denied`](Self::most_denied) and [`hottest`](Self::hottest).
    pub fn fingerprint_of<K: Hash + ?Sized>(&self, key: &K) -> KeyFingerprint {
        KeyFingerprint(tag(self.fingerprint(key)))
    }

    /// Keys with a record of their own, those included that may be forgotten and have not been yet.
    pub fn keys(&self) -> u64 {
        self.occupancy().map(|shard| shard.keys).sum()
    }

    /// How often a record was looked up that is shared because there was no room for the key's own.
    pub fn overflowed(&self) -> u64 {
        self.occupancy().map(|shard| shard.overflowed).sum()
    }

    /// The latest time at which a call was charged, to any key: ahead of the clock if one was given a time that is. A key
    /// that changes its plan meanwhile is held to what it used a little longer, up to 8.6 s (`docs/rules.md`, R9).
    pub fn latest_charge(&self) -> Nanos {
        self.latest_charge.get()
    }

    /// How full the table is, shard by shard, and what became of the keys that came. Keys are spread over the shards
    /// by their hash.
    pub fn occupancy(&self) -> impl Iterator<Item = ShardOccupancy> {
        self.table.occupancy()
    }

    /// How many of the places in which a decision is written before it counts are in use. There are two for each of
    /// `Builder::max_threads`; none is in use while no call is under way.
    pub fn drafts_in_use(&self) -> usize {
        self.table.claimed_drafts()
    }

    /// Up to `count` of the keys with the most requests in their windows at a time, most first; of those with as many,
    /// the ones with more tokens.
    ///
    /// Walks the whole table, some hundred nanoseconds a key, in memory for `count` keys. Each record is as it is
    /// when the walk comes by.
    ///
    /// ```
    /// use tidegate::{Cost, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (pro, at) = (limiter.add_plan(&Plan::pro())?, Timestamp::both(Nanos::from_secs(100)));
    /// for key in ["seldom", "often", "often"] {
    ///     assert!(limiter.check(key, pro, Cost::tokens(70), at).is_admitted());
    /// }
    /// let hottest = limiter.hottest(10, at);
    /// assert_eq!((hottest[0].key, hottest[0].requests), (limiter.fingerprint_of("often"), 2));
    /// assert_eq!((hottest.len(), hottest[1].tokens), (2, 70));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hottest(&self, count: usize, at: Timestamp) -> Vec<HotKey> {
        let used = self.table.records().map(|(words, recent)| {
            let plan = self.known(words.plan()).1;
            let mut record = Record::from_words(&words, recent, plan);
            record.advance(plan, at);
            let [requests, tokens] = record.used_in_windows();
            HotKey { requests, tokens, key: KeyFingerprint(record.head.tag) }
        });
        top_k(used.filter(|key| key.requests > 0 || key.tokens > 0), count)
    }

    /// How many calls were admitted, denied and settled since the limiter was made.
    ///
    /// ```
    /// use tidegate::{Cost, LimitId, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let free = limiter.add_plan(&Plan::free())?;
    /// for _ in 0..25 {
    ///     let _ = limiter.check("key", free, Cost::REQUEST, Timestamp::both(Nanos::ZERO));
    /// }
    /// let observed = limiter.observed();
    /// assert_eq!((observed.admitted, observed.denied.of(LimitId::RequestsWindow)), (24, 1));
    /// let worst = limiter.most_denied(10);
    /// assert_eq!((worst[0].key, worst[0].at_least), (limiter.fingerprint_of("key"), 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn observed(&self) -> Observed {
        self.observer.observed()
    }

    /// Up to `count` of the keys that were denied most, most first: as often as is sure.
    ///
    /// They are found in fixed memory, 320 cells for each thread, with bounds on how often each was denied. The
    /// cells are in 64 sets, and a key may stand in one of them: one that has more than a fifth of the denials of its
    /// set is never missing, and no bound of a thread is further off than that. With denials of 100,000 keys, key n
    /// in proportion to 1/n, the first twelve are exact to a few per mille.
    ///
    /// Counts are since the limiter was made, unless they are [faded](Self::fade_denied). Asking takes some hundred
    /// microseconds and allocates.
    pub fn most_denied(&self, count: usize) -> Vec<DeniedKey> {
        self.observer.most_denied(count)
    }

    /// Halves what [`most_denied`](Self::most_denied) has counted so far. Called once a minute, it makes the list one
    /// of the last minutes: a key that is denied evenly then shows two minutes' denials.
    pub fn fade_denied(&self) {
        self.observer.fade_denied();
    }
}
