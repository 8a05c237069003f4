//! throttlecrab: one limit, behind a lock, since deciding takes the limiter for itself (`&mut self`).
//!
//! With `PeriodicStore`, the default of its guide and the one it recommends for consistent load, sized for all keys. Bias
//! in its favour: it is given its time, and that time is too short for its store to be cleaned. Bias against: its keys are
//! strings, so the number is written out at each call.

use crate::contender::Contender;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};
use throttlecrab::{PeriodicStore, RateLimiter};
use tidegate::Nanos;

/// So large that all calls of a bench are admitted: a unit every 60 ns, and a minute's worth at once.
const UNITS: i64 = 1_000_000_000;
const SECONDS: i64 = 60;

/// Requests a minute.
pub struct Throttlecrab {
    limiter: Mutex<RateLimiter<PeriodicStore>>,
    start: SystemTime,
}

impl Throttlecrab {
    /// Every call is admitted.
    pub fn new(population: u64) -> Self {
        let capacity = usize::try_from(population).expect("keys fit in memory");
        // Cleaning is for keys that went away; none does here.
        let store = PeriodicStore::builder().capacity(capacity).cleanup_interval(Duration::from_secs(86_400));
        Self { limiter: Mutex::new(RateLimiter::new(store.build())), start: SystemTime::now() }
    }
}

impl Contender for Throttlecrab {
    fn name(&self) -> &'static str {
        "throttlecrab"
    }

    #[inline]
    fn decide(&self, key: u64, time: Nanos) -> bool {
        let mut text = itoa::Buffer::new();
        let key = text.format(key);
        let at = self.start + Duration::from(time);
        let mut limiter = self.limiter.lock().expect("no thread panics in a decision");
        limiter.rate_limit(key, UNITS, UNITS, SECONDS, 1, at).is_ok_and(|(admitted, _)| admitted)
    }
}
