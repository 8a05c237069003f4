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
