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
