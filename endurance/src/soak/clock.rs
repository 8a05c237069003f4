//! A clock that runs faster than the wall's, so that many days turn and many keys are forgotten in an hour.

use std::time::{Duration, Instant};
use tidegate::{Nanos, Timestamp};

/// When the fast clock starts: in November 2023.
const START: u64 = 1_700_000_000_000_000_000;

/// So many times as fast as the system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct FastClock {
    origin: Instant,
    speed: u32,
}

impl FastClock {
    pub(super) fn start(speed: u32) -> Self {
        Self { origin: Instant::now(), speed }
    }

    /// The time at an instant.
    pub(super) fn at(self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.origin).as_nanos() as u64;
        Timestamp::both(Nanos::new(START + elapsed * u64::from(self.speed)))
    }

    pub(super) fn now(self) -> Timestamp {
        self.at(Instant::now())
    }

    /// How long it has been running, by the wall.
    pub(super) fn elapsed(self) -> Duration {
        self.origin.elapsed()
    }

    /// How much later than its start a time is.
    pub(super) fn since_start(at: Timestamp) -> Nanos {
        at.monotonic - Nanos::new(START)
    }
}
