//! R7: what a reservation reserved is replaced by what the call used.

use super::{Head, Record};
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::{Cost, Unit};

/// What was charged, and when: all that a later settle needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    /// A time in the segments in which it was counted.
    pub(crate) time: u64,
    /// The record's day at the charge.
    pub(crate) day: u64,
    /// How often the record's windows had moved to another grid.
    pub(crate) grids: u64,
    /// The plan under which it was made.
    pub(crate) plan: PlanId,
    pub(crate) cost: Cost,
}

impl Charge {
    /// The charge just made on a record.
    #[inline]
    pub(crate) fn made_on(head: &Head, cost: Cost) -> Self {
        Self { time: head.segment_time(), day: head.day, grids: head.grids, plan: head.plan, cost }
    }
}

impl Record {
    /// Replaces a charge by the units actually used, on an advanced record.
    pub(crate) fn settle(&mut self, plan: &CompiledPlan, charge: Charge, actual: Cost) {
        for unit in Unit::ALL {
            let (reserved, actual) = (charge.cost.of(unit), actual.of(unit));
            if actual > reserved {
                self.charge_unit(plan, unit, actual - reserved);
            } else {
                self.refund_unit(plan, unit, charge, reserved - actual);
            }
        }
    }

    fn refund_unit(&mut self, plan: &CompiledPlan, unit: Unit, charge: Charge, units: u64) {
        let rules = plan.unit(unit);
        let (charged_in, current) =
            (rules.grid.segment(charge.time), rules.grid.segment(self.head.segment_time()));
        // After a move to a window of another length nobody knows in which segment the units stand, or
        // whether they still count: what is taken back might be another call's. They stay until they expire
        // (R9).
        if self.head.has_grid_of(charge.grids) {
            self.refund_window(unit, charged_in, current, units);
        }
        self.head.refund_day(unit, charge.day, units);
        self.head.refund_bucket(unit, rules.window.as_ref(), units);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::nanos::Nanos;
    use crate::plan::{Limit, Mode, Plan};

    const ZERO: Timestamp = Timestamp::both(Nanos::ZERO);
    const RESERVED: Cost = Cost { requests: 1, tokens: 10 };

    fn plan(mode: Mode) -> CompiledPlan {
        let limits = Unit::ALL.map(|unit| Limit::per_minute(unit, 50).with_mode(mode));
        let plan = limits.into_iter().fold(Plan::builder("p"), |plan, limit| plan.limit(limit));
        CompiledPlan::new(plan.build().unwrap())
    }

    /// What all three count: window, day and bucket.
    fn counted(record: &Record) -> [[u64; 2]; 3] {
        let of = |count: fn(&Head, Unit) -> u64| Unit::ALL.map(|unit| count(&record.head, unit));
        [of(Head::window_total), of(Head::day_used), of(|head, unit| head.charged.of(unit))]
    }

    #[test]
    fn a_settle_replaces_what_was_reserved_by_what_was_used() {
        let plan = plan(Mode::Enforce);
        for (requests, tokens) in [(1, 10), (1, 4), (0, 0), (3, 10), (0, 25), (2, 9)] {
            let mut record = Record::fresh(1, PlanId(0), ZERO);
            record.charge(&plan, Cost { requests: 5, tokens: 7 });
            record.charge(&plan, RESERVED);
            let charge = Charge::made_on(&record.head, RESERVED);
            record.settle(&plan, charge, Cost { requests, tokens });
            assert_eq!(counted(&record), [[5 + requests, 7 + tokens]; 3]);
        }
    }

    /// A segment and a day that are over, and windows that have moved, give nothing back; a bucket has no segments.
    #[test]
    fn what_is_not_used_is_taken_back_where_it_stands_and_nowhere_else() {
        let plan = plan(Mode::Enforce);
        let mut record = Record::fresh(1, PlanId(0), ZERO);
        record.charge(&plan, RESERVED);
        record.charge(&plan, RESERVED);
        let charge = Charge::made_on(&record.head, RESERVED);
        let (all, left) = ([2, 20], [1, 10]);
        for (charge, expected) in [
            (charge, [left, left, left]),
            (Charge { day: 1, ..charge }, [left, all, left]),
            (Charge { grids: 1, ..charge }, [all, left, left]),
            (Charge { time: Nanos::MINUTE.get(), ..charge }, [all, left, left]),
        ] {
            let mut settled = record;
            settled.settle(&plan, charge, Cost::default());
            assert_eq!(counted(&settled), expected, "{charge:?}");
        }
    }

    /// One that owes more than a shadow limit would let it, too: it owed that when the limit was enforced.
    #[test]
    fn a_settle_of_just_what_was_reserved_changes_nothing() {
        for mode in [Mode::Enforce, Mode::Shadow] {
            let mut record = Record::fresh(1, PlanId(0), ZERO);
            record.charge(&plan(Mode::Enforce), Cost { requests: 90, tokens: 90 });
            let charge = Charge::made_on(&record.head, RESERVED);
            record.settle(&plan(mode), charge, RESERVED);
            assert_eq!(counted(&record), [[90, 90]; 3]);
        }
    }
}
