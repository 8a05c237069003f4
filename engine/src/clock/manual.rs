//! A clock that stands still until it is told otherwise.

use super::{Clock, Timestamp};
use crate::nanos::Nanos;
use std::sync::{Mutex, PoisonError};

/// A clock set by hand, for tests and simulations. Shareable between threads.
///
/// ```
/// use tidegate::{Clock, ManualClock, Nanos, Timestamp};
/// let clock = ManualClock::new(Timestamp::both(Nanos::from_secs(100)));
/// clock.advance(Nanos::from_secs(5));
/// assert_eq!(clock.now().unix, Nanos::from_secs(105));
/// ```
#[derive(Debug)]
pub struct ManualClock {
    /// A lock keeps both parts together; a manual clock is no part of a hot path.
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock that shows the given time.
    pub const fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Lets time pass on both parts.
    pub fn advance(&self, elapsed: Nanos) {
        let mut now = self.lock();
        *now = now.after(elapsed);
    }

    /// Shows another time; either part may jump, also back.
    pub fn set(&self, now: Timestamp) {
        *self.lock() = now;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Timestamp> {
        // A timestamp is plain data: a panic elsewhere cannot leave it half-written.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn shown_by(clock: impl Clock) -> Timestamp {
        clock.now()
    }

    #[test]
    fn a_clock_shows_what_it_was_set_to_and_what_has_passed_since() {
        let clock = Arc::new(ManualClock::new(Timestamp::both(Nanos::new(7))));
        assert_eq!(clock.now(), Timestamp::both(Nanos::new(7)));
        // Either part may jump, and one of them back.
        let apart = Timestamp { monotonic: Nanos::new(100), unix: Nanos::new(3) };
        clock.set(apart);
        assert_eq!([shown_by(&*clock), shown_by(clock.clone())], [apart, apart], "borrowed and shared");
        clock.advance(Nanos::new(5));
        assert_eq!(clock.now(), Timestamp { monotonic: Nanos::new(105), unix: Nanos::new(8) });
        clock.advance(Nanos::MAX);
        assert_eq!(clock.now(), Timestamp::both(Nanos::MAX));
    }
}
