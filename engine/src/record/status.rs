//! R11: what is left of a limit, and when it is whole again.

use super::Record;
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::plan::CompiledPlan;
use crate::unit::LimitId;

/// One limit as its caller may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    /// L of a window, Q of a day: without the burst.
    pub limit: u64,
    /// So many units are admitted now, as far as this limit goes, without drawing on the burst. From 0 to
    /// `limit`.
    pub remaining: u64,
    /// After so long `remaining` is back at `limit`, if nothing more is sent.
    pub reset_after: Nanos,
    /// The window's length; a day for a day quota.
    pub window: Nanos,
}

impl Record {
    /// The state of one limit at the time of the call. `None` if the plan does
    /// not set that limit.
    pub(crate) fn status(&self, plan: &CompiledPlan, limit: LimitId, at: Timestamp) -> Option<LimitStatus> {
        if limit.is_day() { self.day_status(plan, limit, at) } else { self.window_status(plan, limit) }
    }

    fn window_status(&self, plan: &CompiledPlan, limit: LimitId) -> Option<LimitStatus> {
        let unit = limit.unit();
        let rules = plan.unit(unit);
        let rule = rules.window.as_ref()?;
        let unused = rule.amount.get().saturating_sub(self.head.window_total(unit));
        let whole_at =
            self.window_empty_at(unit, &rules.grid).max(self.head.bucket_owes_burst_at(unit, rule));
        Some(LimitStatus {
            limit: rule.amount.get(),
            remaining: unused.min(self.head.bucket_room(unit, rule)),
            reset_after: self.head.wait_until(whole_at),
            window: Nanos::new(rule.window.get()),
        })
    }

    fn day_status(&self, plan: &CompiledPlan, limit: LimitId, at: Timestamp) -> Option<LimitStatus> {
        let rule = plan.unit(limit.unit()).day.as_ref()?;
        let used = self.head.day_used(limit.unit());
        Some(LimitStatus {
            limit: rule.amount,
            remaining: rule.amount.saturating_sub(used),
            reset_after: if used == 0 { Nanos::ZERO } else { self.head.next_midnight() - at.unix },
            window: Nanos::DAY,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Limit, Plan, PlanId};
    use crate::unit::Unit;

    /// 60 requests a minute, and 12 of burst. What is left is the less of what window and bucket have, and it is whole
    /// when both are.
    #[test]
    fn window_and_bucket_tell_the_less_and_the_later() {
        let plan = Plan::builder("p").limit(Limit::per_minute(Unit::Requests, 60)).build().unwrap();
        let plan = CompiledPlan::new(plan);
        let at = Timestamp::both(Nanos::ZERO);
        for (counted, owed, remaining, reset) in [
            (0, 0, 60, 0),
            // The window's first segment counts for 8/7 of a minute.
            (20, 0, 40, 68_571_428_572),
            (72, 0, 0, 68_571_428_572),
            // A unit is refilled in a second, and the burst need not be.
            (0, 12, 60, 0),
            (0, 13, 59, 1_000_000_000),
            (0, 70, 2, 58_000_000_000),
            (20, 70, 2, 68_571_428_572),
            (20, 90, 0, 78_000_000_000),
            (59, 13, 1, 68_571_428_572),
        ] {
            let mut record = Record::fresh(1, PlanId(0), at);
            record.head.totals.set(Unit::Requests, counted);
            record.head.charged.set(Unit::Requests, owed);
            let status = record.status(&plan, LimitId::RequestsWindow, at).unwrap();
            assert_eq!((status.remaining, status.reset_after.get()), (remaining, reset), "{counted}, {owed}");
            assert_eq!((status.limit, status.window), (60, Nanos::MINUTE));
        }
        let record = Record::fresh(1, PlanId(0), at);
        let others = [LimitId::TokensWindow, LimitId::RequestsDay, LimitId::TokensDay];
        assert!(others.into_iter().all(|limit| record.status(&plan, limit, at).is_none()));
    }
}
