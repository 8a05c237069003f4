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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Burst, Limit, Plan, PlanId};

    /// What is said of a call, where all of each limit of 10 was used at the same time.
    fn said(limits: &[Limit], cost: Cost, at: Timestamp) -> Verdict {
        let plan = limits.iter().cloned().fold(Plan::builder("p"), crate::plan::PlanBuilder::limit);
        let plan = CompiledPlan::new(plan.build().unwrap());
        let mut record = Record::fresh(1, PlanId(0), at);
        record.charge(&plan, Cost { requests: 10, tokens: 10 });
        record.verdict(&plan, cost, at, record.head.judge(&plan, cost))
    }

    fn in_secs(unit: Unit, secs: u64) -> Limit {
        Limit::window(unit, 10, Nanos::from_secs(secs)).with_burst(Burst::NONE)
    }

    fn denied(limit: LimitId, secs: u64) -> Verdict {
        Verdict::Deny(Denial { limit, retry_after: Nanos::from_secs(secs) })
    }

    /// The first segment of a window of 7 s counts for 8 s.
    #[test]
    fn of_limits_that_deny_the_one_that_denies_longest_is_named_and_of_equals_the_first() {
        let (zero, one) = (Timestamp::both(Nanos::ZERO), Cost { requests: 1, tokens: 1 });
        let of = |requests, tokens| {
            said(&[in_secs(Unit::Requests, requests), in_secs(Unit::Tokens, tokens)], one, zero)
        };
        assert_eq!(of(7, 14), denied(LimitId::TokensWindow, 16));
        assert_eq!(of(14, 7), denied(LimitId::RequestsWindow, 16));
        assert_eq!(of(7, 7), denied(LimitId::RequestsWindow, 8));
        let days = Unit::ALL.map(|unit| Limit::day(unit, 10));
        assert_eq!(said(&days, one, zero), denied(LimitId::RequestsDay, 86_400));
        let [requests, tokens] = days;
        let late = Timestamp { unix: Nanos::from_secs(86_390), ..zero };
        assert_eq!(
            said(&[in_secs(Unit::Requests, 7), tokens.clone()], one, late),
            denied(LimitId::TokensDay, 10)
        );
        assert_eq!(
            said(&[in_secs(Unit::Requests, 14), tokens], one, late),
            denied(LimitId::RequestsWindow, 16)
        );
        assert_eq!(said(&[requests], Cost::default(), zero), Verdict::Admit(LimitSet::EMPTY));
    }

    /// In the year 2149 the day stands still: nobody knows how long it denies.
    #[test]
    fn a_limit_without_a_time_to_wait_for_denies_all_the_same() {
        let (end, one) = (Timestamp::both(Nanos::MAX), Cost { requests: 1, tokens: 1 });
        let days = Unit::ALL.map(|unit| Limit::day(unit, 10));
        assert_eq!(said(&days, one, end), denied(LimitId::RequestsDay, 0));
        assert_eq!(said(&days[1..], one, end), denied(LimitId::TokensDay, 0));
    }

    #[test]
    fn what_a_limit_never_admits_is_said_so_whatever_else_denies() {
        let limits = [in_secs(Unit::Requests, 7), in_secs(Unit::Tokens, 7)];
        for tokens in [11, u64::MAX] {
            let said = said(&limits, Cost::tokens(tokens), Timestamp::both(Nanos::ZERO));
            assert_eq!(said, Verdict::Never(LimitId::TokensWindow));
        }
    }

    /// Each of window, bucket and day by itself has room to its last unit; a shadow limit reports that it has not.
    #[test]
    fn a_call_is_refused_where_window_or_bucket_or_day_has_no_room() {
        for (mode, enforced) in [(crate::plan::Mode::Enforce, true), (crate::plan::Mode::Shadow, false)] {
            let limits =
                [in_secs(Unit::Tokens, 7), Limit::day(Unit::Tokens, 10)].map(|limit| limit.with_mode(mode));
            let plan = limits.into_iter().fold(Plan::builder("p"), |plan, limit| plan.limit(limit)).build();
            let plan = CompiledPlan::new(plan.unwrap());
            for (window, bucket, day) in [(7, 7, 7), (8, 7, 7), (7, 8, 7), (7, 7, 8), (8, 8, 8)] {
                let mut head = Head::fresh(1, PlanId(0), Timestamp::both(Nanos::ZERO));
                head.totals.set(Unit::Tokens, window);
                head.charged.set(Unit::Tokens, bucket);
                head.charge_day(Unit::Tokens, day);
                let refused = [(window.max(bucket), LimitId::TokensWindow), (day, LimitId::TokensDay)];
                let refused = refused.into_iter().filter(|(used, _)| *used > 7);
                let refused = refused.fold(LimitSet::EMPTY, |set, (_, limit)| set.with(limit));
                let judgement = head.judge(&plan, Cost::tokens(3));
                let (denying, shadow) =
                    if enforced { (refused, LimitSet::EMPTY) } else { (LimitSet::EMPTY, refused) };
                assert_eq!(judgement, Judgement { denying, shadow }, "{window}, {bucket}, {day}");
            }
        }
    }

    #[test]
    fn what_a_limit_admits_at_its_emptiest_is_denied_until_then() {
        let (zero, all) = (Timestamp::both(Nanos::ZERO), Cost { requests: 10, tokens: 0 });
        let (window, day) = (in_secs(Unit::Requests, 7), Limit::day(Unit::Requests, 10));
        assert_eq!(said(std::slice::from_ref(&window), all, zero), denied(LimitId::RequestsWindow, 8));
        assert_eq!(said(std::slice::from_ref(&day), all, zero), denied(LimitId::RequestsDay, 86_400));
        let more = Cost { requests: 11, ..all };
        assert_eq!(said(&[window], more, zero), Verdict::Never(LimitId::RequestsWindow));
        assert_eq!(said(&[day], more, zero), Verdict::Never(LimitId::RequestsDay));
    }

    #[test]
    fn a_bucket_may_owe_what_the_window_has_forgotten() {
        let zero = Timestamp::both(Nanos::ZERO);
        let plan = Plan::builder("p").limit(in_secs(Unit::Requests, 7)).build().unwrap();
        let (plan, mut record) = (CompiledPlan::new(plan), Record::fresh(1, PlanId(0), zero));
        record.head.charged.set(Unit::Requests, 15);
        let cost = Cost { requests: 5, tokens: 0 };
        let said = record.verdict(&plan, cost, zero, record.head.judge(&plan, cost));
        assert_eq!(said, denied(LimitId::RequestsWindow, 7), "10 more than the ceiling");
    }

    #[test]
    fn there_is_no_wait_for_a_time_that_has_come() {
        let head = Head::fresh(1, PlanId(0), Timestamp::both(Nanos::new(5)));
        assert_eq!([4, 5, 6].map(|time| head.wait_until(time).get()), [0, 0, 1]);
    }
}
