//! The decision: may this call be charged to all its limits, and if not, which denies it until when?

use super::Record;
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::plan::{CompiledPlan, UnitRules};
use crate::unit::{Cost, LimitId, LimitSet, Unit};

/// What the rules say of a call, before anything is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The call is admitted. The members of the set are shadow limits that would have denied it (R12).
    Admit(LimitSet),
    /// The call is denied now and admitted later.
    Deny(Denial),
    /// The call asks for more units than this limit ever admits at once: trying again is no use.
    Never(LimitId),
}

/// Why a call is denied, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The limit that denies; of several, the one that denies longest.
    pub limit: LimitId,
    /// After exactly so long the same call is admitted, if nothing else arrives; a nanosecond earlier it is
    /// denied (R10).
    pub retry_after: Nanos,
}

impl Record {
    /// Judges a call at the record's time, under the plan it is expressed in. Changes nothing.
    #[inline]
    pub(crate) fn judge(&self, plan: &CompiledPlan, cost: Cost, at: Timestamp) -> Verdict {
        let mut shadow = LimitSet::EMPTY;
        let mut denied = false;
        let mut refuse = |enforced: bool, limit| {
            denied |= enforced;
            if !enforced {
                shadow = shadow.with(limit);
            }
        };
        for unit in Unit::ALL {
            let (rules, cost) = (plan.unit(unit), cost.of(unit));
            if let Some(rule) = &rules.window
                && !(self.window_has_room(unit, rule.ceiling, cost) && self.bucket_has_room(unit, rule, cost))
            {
                refuse(rule.enforced, LimitId::window(unit));
            }
            if let Some(rule) = &rules.day
                && !self.day_has_room(unit, rule.amount, cost)
            {
                refuse(rule.enforced, LimitId::day(unit));
            }
        }
        if denied { self.explain(plan, cost, at) } else { Verdict::Admit(shadow) }
    }

    /// R10: the limit that denies longest and until when; or the first that never admits the call.
    ///
    /// Every limit's room only grows while nothing is charged, so the latest of their times is exact.
    fn explain(&self, plan: &CompiledPlan, cost: Cost, at: Timestamp) -> Verdict {
        let mut longest: Option<Denial> = None;
        for limit in LimitId::ALL {
            let cost = cost.of(limit.unit());
            let rules = plan.unit(limit.unit());
            let Some((ceiling, enforced)) = rules.ceiling(limit) else { continue };
            if !enforced {
                continue;
            }
            if cost > ceiling {
                return Verdict::Never(limit);
            }
            let retry_after = self.room_in(limit, rules, cost, at);
            if longest.is_none_or(|denial| denial.retry_after < retry_after) {
                longest = Some(Denial { limit, retry_after });
            }
        }
        longest.map_or(Verdict::Admit(LimitSet::EMPTY), Verdict::Deny)
    }

    /// How long a limit that the plan sets denies `cost` units, which are not more than it ever admits.
    fn room_in(&self, limit: LimitId, rules: &UnitRules, cost: u64, at: Timestamp) -> Nanos {
        let unit = limit.unit();
        if let Some(rule) = rules.window.as_ref().filter(|_| !limit.is_day()) {
            let window = self.window_has_room_at(unit, &rules.grid, rule.ceiling, cost);
            let room_at = window.max(self.bucket_has_room_at(unit, rule, cost));
            return self.wait_until(room_at, at);
        }
        match rules.day.as_ref().filter(|_| limit.is_day()) {
            Some(rule) if !self.day_has_room(unit, rule.amount, cost) => self.next_midnight() - at.unix,
            _ => Nanos::ZERO,
        }
    }

    /// From the call's own time, which may lie before the record's, to a time on the record's clock.
    pub(super) fn wait_until(&self, time: u64, at: Timestamp) -> Nanos {
        if time <= self.time() { Nanos::ZERO } else { Nanos::new(time) - at.monotonic }
    }

    /// Charges a call to every limit of both units (R5).
    #[inline]
    pub(crate) fn charge(&mut self, plan: &CompiledPlan, cost: Cost) {
        for unit in Unit::ALL {
            self.charge_unit(plan, unit, cost.of(unit));
        }
    }

    #[inline]
    pub(super) fn charge_unit(&mut self, plan: &CompiledPlan, unit: Unit, units: u64) {
        self.charge_bucket(unit, plan.unit(unit).window.as_ref(), units);
        self.charge_window(unit, units);
        self.charge_day(unit, units);
    }
}
