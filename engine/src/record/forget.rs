//! R14: which records may be forgotten, because a fresh one would decide alike.

use super::{Glance, Record};
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::plan::CompiledPlan;
use crate::unit::Unit;

/// The time as far as forgetting goes by it, and how long a reservation may be open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForgetAt {
    pub(crate) at: Timestamp,
    pub(crate) longest_reservation: Nanos,
}

impl ForgetAt {
    /// Whether it is too early to look closer: a reservation may be open, or the plan is the key's own.
    #[inline]
    pub(crate) fn finds_in_use(self, record: impl Glance) -> bool {
        record.has_own_plan() || record.until() > (self.at.monotonic - self.longest_reservation).get()
    }
}

impl Record {
    /// Whether every later decision is what it would be for a fresh record: no unit in a window, full
    /// buckets, no usage of today, no plan of the key's own, and no reservation that a settle may come for.
    pub(crate) fn is_forgettable(mut self, plan: &CompiledPlan, when: ForgetAt) -> bool {
        if self.head.own_plan || self.head.until > (when.at.monotonic - when.longest_reservation).get() {
            return false;
        }
        self.advance(plan, when.at);
        Unit::ALL.into_iter().all(|unit| {
            self.head.totals.of(unit) == 0 && self.head.charged.of(unit) == 0 && self.head.day_used(unit) == 0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, PlanId};
    use crate::unit::Cost;

    const SECOND: u64 = 1_000_000_000;

    /// At 100 s, where a reservation may be open for 40.
    const WHEN: ForgetAt = ForgetAt {
        at: Timestamp::both(Nanos::new(100 * SECOND)),
        longest_reservation: Nanos::new(40 * SECOND),
    };

    fn record(until: u64) -> Record {
        let mut record = Record::fresh(1, PlanId(0), Timestamp::both(Nanos::ZERO));
        record.head.until = until;
        record
    }

    #[test]
    fn a_record_is_in_use_while_a_reservation_may_be_open_or_it_has_a_plan_of_its_own() {
        let plan = CompiledPlan::new(Plan::free());
        for (own_plan, until, is_in_use) in [
            (false, 1, false),
            (false, 60 * SECOND, false),
            (false, 60 * SECOND + 1, true),
            (false, 130 * SECOND, true),
            (true, 1, true),
            (true, 60 * SECOND + 1, true),
        ] {
            let mut record = record(until);
            record.head.own_plan = own_plan;
            assert_eq!(WHEN.finds_in_use(&record.to_closed_words().0), is_in_use, "{until}");
            assert_eq!(record.is_forgettable(&plan, WHEN), !is_in_use, "{until}");
        }
    }

    #[test]
    fn a_record_that_counts_or_owes_anything_is_not_forgotten() {
        let plan = CompiledPlan::new(Plan::free());
        let until = 60 * SECOND;
        for unit in Unit::ALL {
            let mut counts = record(until);
            counts.head.totals.set(unit, 1);
            let mut owes = record(until);
            owes.head.pins = [99 * SECOND; 2];
            owes.head.charged.set(unit, plan.unit(unit).window.unwrap().ceiling);
            let mut used_today = record(until);
            used_today.head.charge_day(unit, 1);
            for record in [counts, owes, used_today] {
                assert!(!record.is_forgettable(&plan, WHEN), "{record:?}");
            }
        }
        let mut old = record(1);
        old.charge(&plan, Cost::tokens(5));
        assert!(!old.is_forgettable(&plan, WHEN), "the day's tokens");
        let tomorrow = ForgetAt { at: Timestamp::both(Nanos::DAY), ..WHEN };
        assert!(old.is_forgettable(&plan, tomorrow));
    }
}
