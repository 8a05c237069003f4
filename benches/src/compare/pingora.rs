//! pingora-limits: one limit, estimated by a count-min sketch, as Pingora's own guide to rate limiting uses it.
//!
//! Bias in its favour: its memory does not grow with the keys, so its counts grow wrong instead. With ten million keys
//! on a million slots each counts the calls of ten others too, and denies too early under any ordinary limit. It counts in fixed
//! periods, and says nothing about when to come back. Bias against: it reads the system's clock at each call.

use crate::contender::Contender;
use pingora_limits::rate::Rate;
use std::time::Duration;
use tidegate::Nanos;

/// Counters of a sketch: four rows of a million, twice (this period and the last).
const HASHES: usize = 4;
const SLOTS: usize = 1 << 20;

/// Calls a minute of a key: so many that all calls of a bench are admitted, whoever they are counted for.
const LIMIT: isize = 1_000_000_000_000;

/// Requests a minute.
pub struct Pingora(Rate);

impl Pingora {
    /// Every call is admitted.
    pub fn new() -> Self {
        Self(Rate::new_with_estimator_config(Duration::from_secs(60), HASHES, SLOTS))
    }
}

impl Default for Pingora {
    fn default() -> Self {
        Self::new()
    }
}

impl Contender for Pingora {
    fn name(&self) -> &'static str {
        "pingora-limits"
    }

    #[inline]
    fn decide(&self, key: u64, _time: Nanos) -> bool {
        self.0.observe(&key, 1) <= LIMIT
    }
}
