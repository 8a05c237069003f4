//! A charge waiting for its call's real cost (R7).

use crate::record::Charge;
use crate::unit::{Cost, Unit};

/// What an admitted call was charged, to be settled once.
///
/// Plain data of 32 bytes that can wait anywhere: in a request context, in a response body, on another
/// thread. It is not `Clone`, and settling consumes it, so that no call is settled twice. Dropping it
/// leaves the call charged as reserved. Settle with the limiter that gave it:
/// [`Limiter::settle`](crate::Limiter::settle), [`Limiter::cancel`](crate::Limiter::cancel).
#[derive(Debug, PartialEq, Eq)]
#[must_use = "dropping a reservation leaves the call charged as reserved"]
pub struct Reservation {
    fingerprint: u64,
    time: u64,
    requests: u32,
    /// The day's 20 bits, and the changes of grid above them.
    day_and_grids: u32,
    tokens: u64,
}

const DAY_BITS: u32 = 20;

impl Reservation {
    pub(crate) fn new(fingerprint: u64, charge: Charge) -> Self {
        Self {
            fingerprint,
            time: charge.time,
            // A record counts fewer; what exceeds its counters holds them at their maximum, refund or not.
            requests: u32::try_from(charge.cost.requests).unwrap_or(u32::MAX),
            // 20 and 11 bits, as the record keeps them.
            day_and_grids: (charge.grids << DAY_BITS | charge.day) as u32,
            tokens: charge.cost.tokens,
        }
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn charge(&self) -> Charge {
        let (day, grids) = (self.day_and_grids & ((1 << DAY_BITS) - 1), self.day_and_grids >> DAY_BITS);
        Charge { time: self.time, day: day.into(), grids: grids.into(), cost: self.cost() }
    }

    /// What was charged.
    pub fn cost(&self) -> Cost {
        Cost { requests: u64::from(self.requests), tokens: self.tokens }
    }

    /// The part charged in one unit.
    pub fn units(&self, unit: Unit) -> u64 {
        self.cost().of(unit)
    }
}
