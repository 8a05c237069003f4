//! Time for decisions: a monotonic part for windows, a wall part for the day and the headers.
//!
//! A decision is given its [`Timestamp`]. Read the clock once for a batch of work; reading costs more than
//! deciding. [`SystemClock`] is for production, [`ManualClock`] for tests and simulations.

mod manual;
mod system;

pub use manual::ManualClock;
pub use system::SystemClock;

use crate::nanos::Nanos;

/// The time of a call on both clocks.
///
/// ```
/// use tidegate::{Nanos, Timestamp};
/// // A trace's own time is both at once.
/// let at = Timestamp::both(Nanos::from_secs(1_700_000_000));
/// assert_eq!(at.monotonic, at.unix);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Time since any fixed moment, on a clock that does not go back. Windows and buckets run on it. One
    /// that lies before the segment in which a key stands is counted in that segment, one before the moment at
    /// which its bucket was last full is reckoned at that moment; beyond 2⁶³ ns (292 years) it stands still.
    pub monotonic: Nanos,
    /// Time since 1970 UTC. The day quota and the headers go by it. A key's day does not go back, and stands
    /// still on 6 June 2149.
    pub unix: Nanos,
}

impl Timestamp {
    /// The same time on both clocks.
    pub const fn both(time: Nanos) -> Self {
        Self { monotonic: time, unix: time }
    }

    /// So much later on both clocks, saturating.
    pub fn after(self, elapsed: Nanos) -> Self {
        Self { monotonic: self.monotonic + elapsed, unix: self.unix + elapsed }
    }
}

/// A source of timestamps.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}
