//! Steps for usage that no decision made: given back without a reservation, forgotten.

use super::Record;
use super::layout::GRIDS;
use crate::plan::CompiledPlan;
use crate::unit::{Cost, Unit};

impl Record {
    /// Gives units back on an advanced record, nobody knows charged when.
    pub(crate) fn give_back(&mut self, plan: &CompiledPlan, cost: Cost) {
        for unit in Unit::ALL {
            let (rules, units) = (plan.unit(unit), cost.of(unit));
            self.give_back_oldest(unit, rules.grid.segment(self.head.segment_time()), units);
            self.head.refund_day(unit, self.head.day, units);
            self.head.refund_bucket(unit, rules.window.as_ref(), units);
        }
    }

    /// Forgets what was used, on an advanced record. Whatever a settle would give back to a segment is gone, as after a move to
    /// another grid.
    pub(crate) fn forget_usage(&mut self) {
        for unit in Unit::ALL {
            self.clear_window(unit);
            self.head.fill_bucket(unit);
        }
        self.head.day_used = [0; 2];
        self.head.grids = (self.head.grids + 1).min(GRIDS.max());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Charge;
    use super::*;
    use crate::clock::Timestamp;
    use crate::nanos::Nanos;
    use crate::packed::window_max;
    use crate::plan::{Limit, Plan, PlanId};

    /// Windows of 7 s in segments of one, and a day, of 100 units each.
    fn plan() -> CompiledPlan {
        let limits = Unit::ALL
            .into_iter()
            .flat_map(|unit| [Limit::window(unit, 100, Nanos::from_secs(7)), Limit::day(unit, 100)]);
        CompiledPlan::new(limits.fold(Plan::builder("p"), |plan, limit| plan.limit(limit)).build().unwrap())
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::both(Nanos::from_secs(secs))
    }

    const BOTH: fn(u64) -> Cost = |units| Cost { requests: units, tokens: units };

    /// Of tokens: what the window and the day count.
    fn counted(record: &Record) -> [u64; 2] {
        [record.used_in_windows()[1], record.head.day_used(Unit::Tokens)]
    }

    #[test]
    fn what_is_given_back_is_the_oldest() {
        let plan = plan();
        let mut record = Record::fresh(1, PlanId(0), at(0));
        for secs in [0, 1, 2] {
            record.advance(&plan, at(secs));
            record.charge(&plan, BOTH(10));
        }
        record.give_back(&plan, BOTH(15));
        assert_eq!(counted(&record), [15, 15]);
        // The first segment is empty and half of the second: these leave with their time, and no sooner.
        for (secs, left) in [(7, 15), (8, 15), (9, 10), (10, 0)] {
            record.advance(&plan, at(secs));
            assert_eq!(counted(&record)[0], left, "{secs} s");
        }
        record.give_back(&plan, BOTH(1));
        assert_eq!(counted(&record), [0, 14]);
        record.give_back(&plan, BOTH(u64::MAX));
        assert_eq!((counted(&record), record.head.charged.of(Unit::Tokens)), ([0, 0], 0));
    }

    #[test]
    fn a_window_that_counts_all_it_can_gives_nothing_back() {
        let plan = plan();
        let mut record = Record::fresh(1, PlanId(0), at(0));
        record.charge(&plan, BOTH(u64::MAX));
        record.give_back(&plan, BOTH(u64::MAX));
        assert_eq!(record.used_in_windows(), Unit::ALL.map(window_max));
    }

    #[test]
    fn a_debt_is_given_back_like_any_other_use() {
        let plan = plan();
        let mut record = Record::fresh(1, PlanId(0), at(0));
        record.charge(&plan, BOTH(300));
        record.give_back(&plan, BOTH(250));
        assert_eq!((counted(&record), record.head.charged.of(Unit::Tokens)), ([50, 50], 50));
    }

    #[test]
    fn what_is_forgotten_is_not_given_back_again() {
        let plan = plan();
        let mut record = Record::fresh(7, PlanId(3), at(3));
        record.head.own_plan = true;
        record.charge(&plan, BOTH(120));
        let charge = Charge::made_on(&record.head, BOTH(120));
        record.advance(&plan, at(4));
        record.forget_usage();
        assert_eq!((counted(&record), record.head.charged.of(Unit::Tokens)), ([0, 0], 0));
        assert_eq!((record.head.tag, record.head.plan, record.head.own_plan), (7, PlanId(3), true));
        assert_eq!(record.head.grids, charge.grids + 1, "one of the 255 that are told apart");
        record.charge(&plan, BOTH(50));
        record.settle(&plan, charge, BOTH(0));
        assert_eq!(counted(&record)[0], 50, "another call's");
        for _ in 0..300 {
            record.forget_usage();
        }
        assert_eq!(record.head.grids, GRIDS.max());
    }
}
