//! The decision: may this call be charged to all its limits, and if not, which denies it until when?

use super::{Head, Record};
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
    /// denied (R10). Under a plan with [slotted hints](crate::PlanBuilder::slotted_hints) a denial by a window
    /// tells a place in line here, which is that time or a later one (R10s).
    pub retry_after: Nanos,
}

/// Which limits have no room for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Enforced limits: any of them denies the call.
    pub(crate) denying: LimitSet,
    /// Shadow limits: they report.
    pub(crate) shadow: LimitSet,
}

impl Head {
    /// Judges a call at its time, under the plan it is expressed in. Changes nothing.
    #[inline]
    pub(crate) fn judge(&self, plan: &CompiledPlan, cost: Cost) -> Judgement {
        let mut judgement = Judgement { denying: LimitSet::EMPTY, shadow: LimitSet::EMPTY };
        let mut refuse = |enforced: bool, limit| {
            let set = if enforced { &mut judgement.denying } else { &mut judgement.shadow };
            *set = set.with(limit);
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
        judgement
    }

    /// From the time of the call to another; nothing if that is not later.
    pub(super) fn wait_until(&self, time: u64) -> Nanos {
        Nanos::new(time.saturating_sub(self.now))
    }
}

impl Record {
    /// The verdict on a call that was judged so: of the limits that deny it, the one that denies longest
    /// and until when (R10); or the first that never admits it.
    ///
    /// Every limit's room only grows while nothing is charged, so the latest of their times is exact.
    pub(crate) fn verdict(
        &self,
        plan: &CompiledPlan,
        cost: Cost,
        at: Timestamp,
        judgement: Judgement,
    ) -> Verdict {
        let mut verdict = Verdict::Admit(judgement.shadow);
        let mut longest = Nanos::ZERO;
        for limit in judgement.denying.iter() {
            let (cost, rules) = (cost.of(limit.unit()), plan.unit(limit.unit()));
            let Some(retry_after) = self.room_in(limit, rules, cost, at) else {
                return Verdict::Never(limit);
            };
            if retry_after > longest || matches!(verdict, Verdict::Admit(_)) {
                (longest, verdict) = (retry_after, Verdict::Deny(Denial { limit, retry_after }));
            }
        }
        verdict
    }

    /// How long a limit that denies `cost` units goes on to; `None` if it never admits so many.
    fn room_in(&self, limit: LimitId, rules: &UnitRules, cost: u64, at: Timestamp) -> Option<Nanos> {
        let unit = limit.unit();
        if limit.is_day() {
            return rules.day.filter(|rule| cost <= rule.amount).map(|_| self.head.next_midnight() - at.unix);
        }
        let rule = rules.window.filter(|rule| cost <= rule.ceiling)?;
        let window = self.window_has_room_at(unit, &rules.grid, rule.ceiling, cost);
        let room_at = window.max(self.head.bucket_has_room_at(unit, &rule, cost));
        Some(self.head.wait_until(room_at))
    }

    /// Charges a call to every limit of both units, windows that cannot count it included.
    pub(crate) fn charge(&mut self, plan: &CompiledPlan, cost: Cost) {
        for unit in Unit::ALL {
            self.charge_unit(plan, unit, cost.of(unit));
        }
    }

    pub(super) fn charge_unit(&mut self, plan: &CompiledPlan, unit: Unit, units: u64) {
        self.head.charge_bucket(unit, plan.unit(unit).window.as_ref(), units);
        self.charge_window(unit, units);
        self.head.charge_day(unit, units);
    }
}
