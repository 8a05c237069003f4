//! A charge waiting for its call's real cost (R7).

use crate::packed::Field;
use crate::plan::PlanId;
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
    day_and_grids: u32,
    tokens_and_plan: u64,
}

/// Of `day_and_grids`.
const DAY: Field = Field::lowest(16);
const GRIDS: Field = DAY.followed_by(8);

/// Of `tokens_and_plan`. A record counts fewer tokens; what exceeds its counters holds them at their maximum,
/// refund or not.
const TOKENS: Field = Field::lowest(44);
const PLAN: Field = TOKENS.followed_by(20);

impl Reservation {
    #[inline]
    pub(crate) fn new(fingerprint: u64, charge: Charge) -> Self {
        Self {
            fingerprint,
            time: charge.time,
            requests: u32::try_from(charge.cost.requests).unwrap_or(u32::MAX),
            day_and_grids: (DAY.word(charge.day) | GRIDS.word(charge.grids)) as u32,
            tokens_and_plan: TOKENS.word(charge.cost.tokens.min(TOKENS.max()))
                | PLAN.word(charge.plan.0.into()),
        }
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn charge(&self) -> Charge {
        Charge {
            time: self.time,
            day: DAY.get(self.day_and_grids.into()),
            grids: GRIDS.get(self.day_and_grids.into()),
            plan: PlanId(PLAN.get(self.tokens_and_plan) as u32),
            cost: self.cost(),
        }
    }

    /// What was charged.
    pub fn cost(&self) -> Cost {
        Cost { requests: u64::from(self.requests), tokens: TOKENS.get(self.tokens_and_plan) }
    }

    /// The part charged in one unit.
    pub fn units(&self, unit: Unit) -> u64 {
        self.cost().of(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHARGE: Charge =
        Charge { time: 11, day: 22, grids: 33, plan: PlanId(44), cost: Cost { requests: 55, tokens: 66 } };

    #[test]
    fn a_reservation_gives_its_charge_back() {
        let largest = Charge {
            time: u64::MAX,
            day: DAY.max(),
            grids: GRIDS.max(),
            plan: PlanId(PLAN.max() as u32),
            cost: Cost { requests: u32::MAX.into(), tokens: TOKENS.max() },
        };
        // Each part has bits of its own: none is seen in another.
        let none = Charge { time: 0, day: 0, grids: 0, plan: PlanId(0), cost: Cost::default() };
        for charge in [
            CHARGE,
            none,
            largest,
            Charge { day: DAY.max(), ..none },
            Charge { grids: GRIDS.max(), ..none },
            Charge { plan: largest.plan, ..none },
            Charge { cost: largest.cost, ..none },
        ] {
            let reservation = Reservation::new(77, charge);
            assert_eq!((reservation.fingerprint(), reservation.charge()), (77, charge));
            assert_eq!(reservation.cost(), charge.cost);
            assert_eq!(
                Unit::ALL.map(|unit| reservation.units(unit)),
                Unit::ALL.map(|unit| charge.cost.of(unit))
            );
        }
    }

    #[test]
    fn parts_are_as_large_as_a_record_and_a_limiter_have_them() {
        let largest = [DAY, GRIDS, TOKENS, PLAN].map(Field::max);
        assert_eq!(largest, [65_535, 255, 17_592_186_044_415, 1_048_575]);
    }

    #[test]
    fn a_cost_beyond_all_counters_is_held_as_the_largest() {
        for beyond in [TOKENS.max() + 1, u64::MAX] {
            let cost = Cost { requests: beyond, tokens: beyond };
            let held = Reservation::new(77, Charge { cost, ..CHARGE }).charge();
            let largest = Cost { requests: u32::MAX.into(), tokens: TOKENS.max() };
            assert_eq!(held, Charge { cost: largest, ..CHARGE });
        }
    }
}
