//! The bucket: what it owes is `charged − (t − pin)·L/W`, to the last part of a unit.

use super::check;
use super::draw::{below, number, plan, times, unit};
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::packed::window_max;
use crate::plan::{CompiledPlan, PlanId, WindowRule};
use crate::record::{Head, MAX_TIME};
use crate::unit::Unit;
use quickcheck::{Arbitrary, Gen};

/// A bucket at a time, and units to charge or give back.
#[derive(Clone, Debug)]
struct Case {
    unit: Unit,
    rule: WindowRule,
    /// The rule of another plan.
    other: WindowRule,
    head: Head,
    units: u64,
}

fn rule(plan: &CompiledPlan, unit: Unit) -> WindowRule {
    plan.unit(unit).window.unwrap()
}

/// The time in which so many units are refilled, rounded down.
fn refill_time(rule: &WindowRule, units: u64) -> u64 {
    let nanos = u128::from(units) * u128::from(rule.window.get()) / u128::from(rule.amount.get());
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        let unit = unit(g);
        let (rule, other) = (rule(&plan(g, unit), unit), rule(&plan(g, unit), unit));
        let most = window_max(unit);
        let charged = match below(g, 3) {
            0 => number(g, 0, most),
            1 => number(g, 0, rule.ceiling + rule.amount.get() - 1),
            _ => number(g, 0, rule.amount.get()),
        };
        let (pin, mut now) = times(g, rule.window.get());
        if below(g, 2) == 0 {
            // About when some of the units have been refilled, or all.
            let part = number(g, 0, charged);
            let time = refill_time(&rule, part).saturating_add(below(g, 3)).saturating_sub(1);
            now = pin.saturating_add(time).min(MAX_TIME);
        }
        let mut head = Head::fresh(1, PlanId(0), Timestamp::both(Nanos::new(pin)));
        head.now = now;
        head.charged.set(unit, charged);
        let about = rule.ceiling.saturating_sub(charged);
        let units = match below(g, 3) {
            0 => number(g, 0, u64::MAX),
            1 => (about + below(g, 5)).saturating_sub(2),
            _ => number(g, 0, rule.ceiling),
        };
        Self { unit, rule, other, head, units }
    }
}

impl Case {
    /// What is owed at the case's time, times W. All of it fits: charged < 2³⁹, W < 2⁵⁵; t < 2⁶³, L < 2³⁸.
    fn owed(&self) -> u128 {
        self.owed_by(&self.head, &self.rule)
    }

    fn owed_by(&self, head: &Head, rule: &WindowRule) -> u128 {
        let charged = u128::from(head.charged.of(self.unit)) * u128::from(rule.window.get());
        charged.saturating_sub(u128::from(self.since(head)) * u128::from(rule.amount.get()))
    }

    /// A pin may lie before the clock's zero, a time before the pin.
    fn since(&self, head: &Head) -> u64 {
        let pin = i128::from(head.pins[self.unit as usize].cast_signed());
        (i128::from(head.now) - pin).max(0) as u64
    }

    fn times_w(&self, units: u64) -> u128 {
        u128::from(units) * u128::from(self.rule.window.get())
    }

    fn drained(mut self) -> Self {
        self.head.drain_bucket(self.unit, Some(&self.rule));
        self
    }

    fn at(&self, now: u64) -> Self {
        Self { head: Head { now, ..self.head }, ..self.clone() }
    }
}

#[test]
fn refilling_leaves_the_debt_what_it_is() {
    fn holds(case: Case) -> bool {
        let drained = case.clone().drained();
        let pin = drained.head.pins[case.unit as usize];
        let is_pinned = drained.head.charged.of(case.unit) == 0 && pin == pin.max(case.head.now);
        let is_short = drained.since(&drained.head) < case.rule.window.get();
        drained.owed() == case.owed() && if case.owed() == 0 { is_pinned } else { is_short }
    }
    check(holds);
}

#[test]
fn there_is_room_where_the_debt_and_the_cost_are_within_the_ceiling() {
    fn holds(case: Case) -> bool {
        let case = case.drained();
        let has_room = case.head.bucket_has_room(case.unit, &case.rule, case.units);
        has_room == (case.owed() + case.times_w(case.units) <= case.times_w(case.rule.ceiling))
    }
    check(holds);
}

#[test]
fn what_has_room_is_the_whole_of_it() {
    fn holds(case: Case) -> bool {
        let case = case.drained();
        let room =
            case.times_w(case.rule.ceiling).saturating_sub(case.owed()) / u128::from(case.rule.window.get());
        u128::from(case.head.bucket_room(case.unit, &case.rule)) == room
    }
    check(holds);
}

/// Whether `time` is the first, not before the case's, at which no more than `most`, times W, is owed. Times beyond the clock's end
/// are not reached.
fn is_first(case: &Case, time: u64, most: u128) -> bool {
    let is_met = |time| case.at(time).owed() <= most;
    let (now, end) = (case.head.now, case.head.now.max(case.head.pins[case.unit as usize]));
    if time == now {
        return is_met(now);
    }
    // Until the pin the debt is that at the pin: nothing is met before it that is not met now.
    !is_met(time.min(MAX_TIME).saturating_sub(1).max(now)) && time > end && (time > MAX_TIME || is_met(time))
}

#[test]
fn the_time_at_which_there_is_room_is_the_first() {
    fn holds(case: Case) -> bool {
        let case = case.drained();
        let cost = case.units.min(case.rule.ceiling);
        let time = case.head.bucket_has_room_at(case.unit, &case.rule, cost);
        is_first(&case, time, case.times_w(case.rule.ceiling - cost))
    }
    check(holds);
}

#[test]
fn the_time_at_which_the_limit_is_whole_is_the_first() {
    fn holds(case: Case) -> bool {
        let case = case.drained();
        let time = case.head.bucket_owes_burst_at(case.unit, &case.rule);
        is_first(&case, time, case.times_w(case.rule.burst))
    }
    check(holds);
}

#[test]
fn a_charge_is_owed_and_a_shadow_limit_owes_no_more_than_its_ceiling() {
    fn holds(case: Case) -> bool {
        let mut case = case.drained();
        let (before, charged) = (case.owed(), case.head.charged.of(case.unit));
        case.head.charge_bucket(case.unit, Some(&case.rule), case.units);
        let most = u128::from(window_max(case.unit));
        let counted = u64::try_from((u128::from(charged) + u128::from(case.units)).min(most)).unwrap();
        let mut expected = before + case.times_w(counted - charged);
        let full = case.times_w(case.rule.ceiling);
        if !case.rule.enforced && before + case.times_w(case.units) > full {
            // What is above is let go in whole units.
            expected -= expected.saturating_sub(full).div_ceil(u128::from(case.rule.window.get()))
                * u128::from(case.rule.window.get());
        }
        case.owed() == expected
    }
    check(holds);
}

#[test]
fn a_refund_is_owed_no_more() {
    fn holds(case: Case) -> bool {
        let mut case = case.drained();
        let (before, charged) = (case.owed(), case.head.charged.of(case.unit));
        case.head.refund_bucket(case.unit, Some(&case.rule), case.units);
        let is_saturated = charged == window_max(case.unit);
        let expected = if is_saturated { before } else { before.saturating_sub(case.times_w(case.units)) };
        case.owed() == expected
    }
    check(holds);
}

/// R9. Let p/W of a unit be what has been refilled of one. It is kept as h nanoseconds of the new rule, the most that refill no
/// more: h·L′/W′ ≤ p/W < (h + 1)·L′/W′. Multiplied out, all of these are below 2¹¹¹.
#[test]
fn under_another_rule_no_less_is_owed_and_less_than_a_nanosecond_more() {
    fn holds(case: Case) -> bool {
        let mut case = case.drained();
        let (rule, other) = (case.rule, case.other);
        let (window, new_window) = (u128::from(rule.window.get()), u128::from(other.window.get()));
        let (before, units) = (case.owed(), case.owed().div_ceil(window));
        case.head.rerule_bucket(case.unit, Some(&rule), Some(&other));
        let after = case.owed_by(&case.head, &other);
        if (rule.amount, rule.window) == (other.amount, other.window) {
            return after == before;
        }
        // Refilled of the last unit: in parts of W before, in parts of W′ after.
        let (part, kept) = (units * window - before, (units * new_window).saturating_sub(after));
        let amount = u128::from(other.amount.get());
        let is_whole = after == 0 || kept % amount == 0;
        let no_less = kept * window <= part * new_window;
        let nearly_all = part * new_window < (kept + amount) * window;
        no_less && nearly_all && is_whole
    }
    check(holds);
}
