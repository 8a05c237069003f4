//! R2: the burst bucket, in exact arithmetic.
//!
//! The bucket holds C units and refills at L per W. What it owes at time t is `charged − (t − pin)·L/W`:
//! `pin` is a moment at which nothing was owed, `charged` counts the units since. Owing nothing pins it
//! anew, so a full bucket holds C and never more. Both sides of each comparison are multiplied by W, in 128
//! bits, so no rounding takes part in a decision. (A token bucket; kept as a debt since its last full
//! moment, it needs no fraction. Compare the virtual scheduling form of GCRA, ITU-T I.371, which keeps a
//! time instead and would lose the debt in units at a plan change.)

use super::{Head, MAX_TIME};
use crate::packed::window_max;
use crate::plan::WindowRule;
use crate::unit::Unit;
use std::num::NonZero;

/// Units times nanoseconds of the window: u64 by u64 always fits.
#[inline]
fn scaled(units: u64, nanos: u64) -> u128 {
    u128::from(units) * u128::from(nanos)
}

impl Head {
    #[inline]
    fn charged(&self, unit: Unit) -> u64 {
        self.charged.of(unit)
    }

    /// Nanoseconds from the pin to the time of the call; none if that lies before the pin. A pin may lie
    /// before the clock's zero, hence the wrapping difference.
    #[inline]
    fn since_pin(&self, unit: Unit) -> u64 {
        let elapsed = self.now.wrapping_sub(self.pins[unit as usize]);
        if elapsed > MAX_TIME { 0 } else { elapsed }
    }

    /// The pin as a time not before the clock's zero.
    fn pin_time(&self, unit: Unit) -> u64 {
        let pin = self.pins[unit as usize];
        if pin > MAX_TIME { 0 } else { pin }
    }

    /// Nothing is owed at the time of the call, or at the pin if that is later.
    #[inline]
    fn pin(&mut self, unit: Unit) {
        self.pins[unit as usize] = self.pins[unit as usize].wrapping_add(self.since_pin(unit));
        self.charged.set(unit, 0);
    }

    /// Forgets what is owed, at the time of the call.
    pub(super) fn fill_bucket(&mut self, unit: Unit) {
        self.pin(unit);
    }

    /// Lets the bucket refill until the time of the call: pins it where that fills it, else moves the pin on
    /// by whole windows, each of which pays L, so that `charged` stays below C + L while there is no debt
    /// beyond C.
    #[inline]
    pub(super) fn drain_bucket(&mut self, unit: Unit, rule: Option<&WindowRule>) {
        let (charged, elapsed) = (self.charged(unit), self.since_pin(unit));
        // A unit without a window limit has no bucket, and owes nothing.
        let Some(rule) = rule else { return self.pin(unit) };
        if charged == 0 || scaled(elapsed, rule.amount.get()) >= scaled(charged, rule.window.get()) {
            self.pin(unit);
        } else if elapsed >= rule.window.get() {
            // Not full, so elapsed/W·L < charged: neither product nor difference overflows.
            let windows = elapsed / rule.window;
            let pin = &mut self.pins[unit as usize];
            *pin = pin.wrapping_add(windows * rule.window.get());
            self.charged.set(unit, charged - windows * rule.amount.get());
        }
    }

    /// Units beyond what the bucket could ever owe without waiting: `charged + cost − C`.
    #[inline]
    fn bucket_excess(&self, unit: Unit, rule: &WindowRule, cost: u64) -> u64 {
        self.charged(unit).saturating_add(cost).saturating_sub(rule.ceiling)
    }

    /// Whether the bucket, refilled to the time of the call, pays for `cost` more units.
    #[inline]
    pub(super) fn bucket_has_room(&self, unit: Unit, rule: &WindowRule, cost: u64) -> bool {
        let excess = self.bucket_excess(unit, rule, cost);
        excess == 0 || scaled(excess, rule.window.get()) <= scaled(self.since_pin(unit), rule.amount.get())
    }

    /// The first time at which it does, if nothing else is charged. Saturates.
    pub(super) fn bucket_has_room_at(&self, unit: Unit, rule: &WindowRule, cost: u64) -> u64 {
        self.refilled_by(unit, rule, self.bucket_excess(unit, rule, cost))
    }

    /// The first time at which the whole of L is back, if nothing else is charged: what is owed is within
    /// the burst.
    pub(super) fn bucket_owes_burst_at(&self, unit: Unit, rule: &WindowRule) -> u64 {
        self.refilled_by(unit, rule, self.charged(unit).saturating_sub(rule.burst))
    }

    /// The first time, not before that of the call, at which `units` have been refilled since the pin.
    fn refilled_by(&self, unit: Unit, rule: &WindowRule, units: u64) -> u64 {
        if units == 0 {
            return self.now;
        }
        // The 64-bit division is for speed alone; it does for any minute's limit below 10⁸ units.
        let wait = match units.checked_mul(rule.window.get()) {
            Some(scaled) => scaled.div_ceil(rule.amount.get()),
            None => u64::try_from(scaled(units, rule.window.get()).div_ceil(u128::from(rule.amount.get())))
                .unwrap_or(u64::MAX),
        };
        self.now.max(self.pin_time(unit)).saturating_add(wait.saturating_sub(self.since_pin(unit)))
    }

    /// Whole units the bucket would admit now.
    pub(super) fn bucket_room(&self, unit: Unit, rule: &WindowRule) -> u64 {
        let refilled = scaled(self.since_pin(unit), rule.amount.get());
        let full = scaled(rule.ceiling, rule.window.get()) + refilled;
        let owed = scaled(self.charged(unit), rule.window.get());
        let room = full.saturating_sub(owed) / NonZero::<u128>::from(rule.window);
        // At most C, or the bucket would be full and pinned.
        room as u64
    }

    /// Charges units, past the ceiling too (a settle may). Saturates at the counter's size.
    ///
    /// A shadow limit admits what it would deny; of that it keeps no debt beyond C, or turning it on would
    /// lock its keys out for all the time that it only watched.
    #[inline]
    pub(super) fn charge_bucket(&mut self, unit: Unit, rule: Option<&WindowRule>, units: u64) {
        let Some(rule) = rule else { return };
        let mut charged = self.charged(unit).saturating_add(units).min(window_max(unit));
        if !rule.enforced && !self.bucket_has_room(unit, rule, units) {
            let refilled =
                scaled(self.since_pin(unit), rule.amount.get()) / NonZero::<u128>::from(rule.window);
            charged = charged.min(rule.ceiling + refilled as u64);
        }
        self.charged.set(unit, charged);
    }

    /// Gives units back, at most until the bucket is full. A saturated count gives nothing back, since it
    /// may owe more than it shows; it drains like any other.
    pub(super) fn refund_bucket(&mut self, unit: Unit, rule: Option<&WindowRule>, units: u64) {
        if self.charged(unit) == window_max(unit) {
            return;
        }
        let charged = self.charged(unit).saturating_sub(units);
        self.charged.set(unit, charged);
        self.drain_bucket(unit, rule);
    }

    /// Keeps what a drained bucket owes in units under another rule (R9): 24 requests owed are 24 requests owed, however
    /// long either plan takes to refill them.
    ///
    /// The fraction of a unit that has been refilled already is kept as the time in which the new rule
    /// refills it, rounded down to a nanosecond.
    pub(super) fn rerule_bucket(&mut self, unit: Unit, from: Option<&WindowRule>, to: Option<&WindowRule>) {
        let (Some(from), Some(to)) = (from, to) else {
            self.charged.set(unit, 0);
            self.pins[unit as usize] = self.now;
            return;
        };
        if (from.amount, from.window) == (to.amount, to.window) {
            return;
        }
        let refilled = scaled(self.since_pin(unit), from.amount.get());
        let window = NonZero::<u128>::from(from.window);
        // Less than `charged`, or the bucket would be full and pinned; the quotient fits likewise.
        let (whole, part) = (refilled / window, refilled % window);
        // part/from.window units at to.amount per to.window: 2⁵⁵ · 2⁵⁵ / 2²⁰ · 1.
        let head_start = part * u128::from(to.window.get()) / window.saturating_mul(to.amount.into());
        self.pins[unit as usize] = self.now.wrapping_sub(head_start as u64);
        // At least a unit is owed still and less than one refilled, or nothing at all: none is left to drain.
        self.charged.set(unit, self.charged(unit) - whole as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::nanos::Nanos;
    use crate::plan::{CompiledPlan, Limit, Plan, PlanId};

    const UNIT: Unit = Unit::Requests;
    const SECOND: u64 = 1_000_000_000;

    fn rule_of(limit: Limit) -> WindowRule {
        let plan = Plan::builder("p").limit(limit).build().unwrap();
        CompiledPlan::new(plan).unit(UNIT).window.unwrap()
    }

    /// One unit a second, and 12 of burst.
    fn rule() -> WindowRule {
        rule_of(Limit::per_minute(UNIT, 60))
    }

    fn head(now: u64, elapsed: u64, charged: u64) -> Head {
        let mut head = Head::fresh(1, PlanId(0), Timestamp::both(Nanos::new(now)));
        head.pins[UNIT as usize] = now.wrapping_sub(elapsed);
        head.charged.set(UNIT, charged);
        head
    }

    /// Counting from the clock's zero, a pin may be negative: a change of plan makes it so, where the new limit refills
    /// more slowly.
    #[test]
    fn a_bucket_is_the_same_wherever_the_clocks_zero_lies() {
        let rule = rule();
        let seen = |now: u64, elapsed: u64, charged: u64| {
            let mut head = head(now, elapsed, charged);
            head.drain_bucket(UNIT, Some(&rule));
            let back = now.wrapping_sub(head.pins[UNIT as usize]);
            let waits = [head.bucket_has_room_at(UNIT, &rule, 60), head.bucket_owes_burst_at(UNIT, &rule)];
            (back, head.charged(UNIT), head.bucket_room(UNIT, &rule), waits.map(|time| time - now))
        };
        assert_eq!(seen(0, 61 * SECOND, 71), (SECOND, 11, 62, [0, 0]));
        assert_eq!(seen(0, SECOND, 71), (SECOND, 71, 2, [58 * SECOND, 58 * SECOND]));
        for elapsed in [0, 1, SECOND, 59 * SECOND, 60 * SECOND, 61 * SECOND, 180 * SECOND, 200 * SECOND] {
            for charged in [0, 1, 60, 61, 72, 180, 181, 240] {
                let late = seen(1 << 50, elapsed, charged);
                for now in [0, 1, SECOND, elapsed / 2, elapsed] {
                    assert_eq!(seen(now, elapsed, charged), late, "{charged} at {now} after {elapsed}");
                }
            }
        }
    }

    #[test]
    fn a_bucket_is_reckoned_from_its_pin_on_until_the_clock_ends() {
        let rule = rule();
        let mut oldest = head(MAX_TIME, MAX_TIME, 71);
        assert_eq!(oldest.since_pin(UNIT), MAX_TIME);
        oldest.drain_bucket(UNIT, Some(&rule));
        assert_eq!((oldest.charged(UNIT), oldest.pins[UNIT as usize]), (0, MAX_TIME));
        // A clock that was set back: the debt stands as it was at the pin.
        for pin in [6, 1 << 40, MAX_TIME] {
            let early = Head { now: 5, ..head(pin, 0, 70) };
            assert_eq!((early.since_pin(UNIT), early.bucket_room(UNIT, &rule)), (0, 2));
            assert_eq!(early.bucket_has_room_at(UNIT, &rule, 2), 5);
            assert_eq!(early.bucket_has_room_at(UNIT, &rule, 5), pin + 3 * SECOND);
            let mut drained = early;
            drained.drain_bucket(UNIT, Some(&rule));
            assert_eq!((drained.charged(UNIT), drained.pins[UNIT as usize]), (70, pin));
        }
    }

    #[test]
    fn a_bucket_that_another_plan_brings_is_full() {
        let (rule, now) = (rule(), 500 * SECOND);
        for (from, to) in [(None, Some(&rule)), (Some(&rule), None), (None, None)] {
            let mut head = head(now, SECOND, 40);
            head.rerule_bucket(UNIT, from, to);
            assert_eq!((head.charged(UNIT), head.pins[UNIT as usize]), (0, now));
        }
        let mut longer = head(now, 1_500_000_000, 40);
        let half_a_minute = rule_of(Limit::window(UNIT, 60, Nanos::from_secs(30)));
        longer.rerule_bucket(UNIT, Some(&rule), Some(&half_a_minute));
        assert_eq!((longer.charged(UNIT), longer.since_pin(UNIT)), (39, SECOND / 4), "38.5 are owed");
        let mut same = head(now, SECOND, 40);
        same.rerule_bucket(UNIT, Some(&rule), Some(&rule));
        assert_eq!((same.charged(UNIT), same.since_pin(UNIT)), (40, SECOND), "nothing else is known of it");
    }

    #[test]
    fn what_is_given_back_fills_a_bucket_and_no_more() {
        let (rule, now) = (rule(), 500 * SECOND);
        for (charged, units, room) in
            [(40, 0, 62), (40, 9, 71), (40, 10, 72), (40, 11, 72), (40, u64::MAX, 72), (102, 30, 30)]
        {
            let mut head = head(now, 30 * SECOND, charged);
            head.refund_bucket(UNIT, Some(&rule), units);
            assert_eq!(head.bucket_room(UNIT, &rule), room, "{units} of {charged}");
            head.charge_bucket(UNIT, Some(&rule), room);
            assert!(head.bucket_has_room(UNIT, &rule, 0) && !head.bucket_has_room(UNIT, &rule, 1));
        }
        let mut saturated = head(now, 30 * SECOND, window_max(UNIT));
        saturated.refund_bucket(UNIT, Some(&rule), u64::MAX);
        assert_eq!(saturated.charged(UNIT), window_max(UNIT));
    }

    /// What a settle overran is owed; what a shadow limit let pass beyond its ceiling is not.
    #[test]
    fn a_charge_is_owed_but_for_what_a_shadow_limit_let_pass() {
        let shadow = WindowRule { enforced: false, ..rule() };
        for (rule, charged, units, left) in [
            (rule(), 40, 62, 102),
            (rule(), 40, 63, 103),
            (rule(), 40, u64::MAX, window_max(UNIT)),
            (shadow, 40, 62, 102),
            (shadow, 40, 63, 102),
            (shadow, 40, u64::MAX, 102),
            (shadow, 120, 0, 102),
        ] {
            let mut head = head(500 * SECOND, 30 * SECOND, charged);
            head.charge_bucket(UNIT, Some(&rule), units);
            assert_eq!(head.charged(UNIT), left, "{units} after {charged}");
        }
    }
}
