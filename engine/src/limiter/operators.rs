//! What those who run a limiter may ask of it. Nothing here is part of a decision, and all of it may be asked while
//! others decide.

use super::Limiter;
use crate::observe::{DeniedKey, KeyFingerprint, Observed};
use std::hash::Hash;

impl Limiter {
    /// What this limiter knows a key by in [`most_denied`](Self::most_denied).
    pub fn fingerprint_of<K: Hash + ?Sized>(&self, key: &K) -> KeyFingerprint {
        KeyFingerprint(self.fingerprint(key))
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
