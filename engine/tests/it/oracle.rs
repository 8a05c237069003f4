//! The rules R1–R11 as a beginner would write them down: sequential, with a full log, without rounding.
//!
//! A key's usage is a log of what was admitted and when. Every question goes through the whole log. Times
//! are integer nanoseconds; what a bucket owes is a fraction over its window, kept as its numerator.

use tidegate::{Cost, LimitId, Mode, Nanos, Plan, Span, Timestamp, Unit};

/// n of R3.
const SEGMENTS: u128 = 7;
const DAY: u64 = 86_400_000_000_000;
const MINUTE: u128 = 60_000_000_000;
/// A key that is being used comes to a new time at least once in so long.
const REACH: u128 = 1 << 33;

/// A charge that may be settled later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Charge {
    pub(crate) key: usize,
    pub(crate) cost: Cost,
    time: u128,
    day: u64,
    grids: u32,
}

/// One key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    plan: Plan,
    own_plan: bool,
    /// Whether anything has ever been changed: before that, a key has only the plan its calls name.
    known: bool,
    /// The latest time of anything that changed; segments do not go back behind it.
    time: u128,
    /// Everything that was charged was so before this: the end of a segment in which the key is, or [`REACH`] after it
    /// came there.
    until: u128,
    /// The latest time of a charge to it, and to any other.
    latest_charge: u128,
    elsewhere: u128,
    day: u64,
    /// How often a window has changed its length.
    grids: u32,
    units: [UnitLog; 2],
}

/// What one key used of one unit.
#[derive(Clone, Debug, Default, PartialEq)]
struct UnitLog {
    /// Time and units of each charge.
    window: Vec<(u128, u128)>,
    /// Units taken off the window that nobody said when they were charged: a settle may find so many less than it charged.
    given_back: u128,
    /// Units charged in the current day.
    day_used: u128,
    /// Units owed to the bucket, times W in nanoseconds, at the time `since`.
    owed: i128,
    since: i128,
    /// The last time of a change at which nothing was owed; counted on by whole windows. A bucket does not go
    /// back behind it.
    full: i128,
}

/// L, B, W and mode of a window limit.
#[derive(Clone, Copy, PartialEq)]
struct Window {
    amount: u128,
    ceiling: u128,
    length: u128,
    enforced: bool,
}

fn window(plan: &Plan, unit: Unit) -> Option<Window> {
    let limit = plan.limit(LimitId::window(unit))?;
    let Span::Window(length) = limit.span() else { return None };
    Some(Window {
        amount: limit.amount().into(),
        ceiling: limit.ceiling().into(),
        length: length.get().into(),
        enforced: limit.mode() == Mode::Enforce,
    })
}

/// The grid's window, which is a minute where the plan has none.
fn length(plan: &Plan, unit: Unit) -> u128 {
    window(plan, unit).map_or(MINUTE, |window| window.length)
}

fn segment(time: u128, length: u128) -> u128 {
    time * SEGMENTS / length
}

impl UnitLog {
    /// R3: a charge counts until its whole segment is older than the window.
    fn used(&self, now: u128, length: u128) -> u128 {
        let counts = |time: u128| segment(time, length) + SEGMENTS >= segment(now, length);
        self.window.iter().filter(|(time, _)| counts(*time)).map(|(_, units)| units).sum()
    }

    /// R2: what is owed at `now`, which may lie before `since`.
    fn owed_at(&self, window: Window, now: u128) -> i128 {
        let now = (now as i128).max(self.full);
        (self.owed - (now - self.since) * window.amount as i128).max(0)
    }

    /// Brings the bucket to the time of a change.
    fn refill(&mut self, window: Option<Window>, now: u128) {
        let time = (now as i128).max(self.full);
        self.owed = window.map_or(0, |window| self.owed_at(window, now));
        self.since = time;
        if self.owed == 0 {
            self.full = time;
        } else if let Some(window) = window {
            let length = window.length as i128;
            self.full += (time - self.full) / length * length;
        }
    }

    fn charge(&mut self, window: Option<Window>, now: u128, units: u128) {
        self.window.push((now, units));
        self.day_used += units;
        let Some(window) = window else { return };
        let (length, full) = (window.length as i128, (window.ceiling * window.length) as i128);
        self.owed += units as i128 * length;
        // A shadow limit owes no more than C: the part above is let go in whole units.
        while !window.enforced && self.owed > full {
            self.owed -= (self.owed - full + length - 1) / length * length;
        }
    }

    fn refund_day(&mut self, units: u128) {
        self.day_used -= self.day_used.min(units);
    }

    /// Of a bucket brought to the time of the refund.
    fn refund_bucket(&mut self, window: Option<Window>, units: u128) {
        let Some(window) = window else { return };
        self.owed = (self.owed - (units * window.length) as i128).max(0);
        if self.owed == 0 {
            self.full = self.since;
        }
    }

    /// R7, a < e.
    fn refund(&mut self, plan: &Plan, unit: Unit, charge: &Charge, today: u64, grids: u32, units: u128) {
        if charge.day == today {
            self.refund_day(units);
        }
        let length = length(plan, unit);
        self.refund_bucket(window(plan, unit), units);
        // What was charged before a window changed its length stays in it until it expires.
        if charge.grids != grids {
            return;
        }
        let mut left = units;
        for (time, held) in &mut self.window {
            if segment(*time, length) == segment(charge.time, length) {
                let back = left.min(*held);
                (*held, left) = (*held - back, left - back);
            }
        }
        assert!(left <= self.given_back, "what was charged is there to be given back");
    }

    /// R7 without a reservation: nobody says when the units were charged. Those of the day that runs go, what the bucket owes,
    /// and of what the window counts the oldest.
    fn give_back(&mut self, plan: &Plan, unit: Unit, now: u128, units: u128) {
        self.refund_day(units);
        self.refund_bucket(window(plan, unit), units);
        let length = length(plan, unit);
        let mut left = units;
        // Charges stand in the order in which they were made, and so do their segments.
        for (time, held) in &mut self.window {
            if segment(*time, length) + SEGMENTS >= segment(now, length) {
                let back = left.min(*held);
                (*held, left) = (*held - back, left - back);
            }
        }
        self.given_back += units - left;
    }

    /// As if nothing had ever been used, of a bucket brought to this time.
    fn forget(&mut self) {
        (self.owed, self.full, self.day_used) = (0, self.since, 0);
        self.window.clear();
    }

    /// R9. The log moves to another grid: charges stand at the last instant of their old segment.
    fn regrid(&mut self, now: u128, from: u128, to: u128) {
        if from == to {
            return;
        }
        self.window.retain(|(time, _)| segment(*time, from) + SEGMENTS >= segment(now, from));
        for (time, _) in &mut self.window {
            let next_segment = ((segment(*time, from) + 1) * from).div_ceil(SEGMENTS);
            *time = (next_segment - 1).min(now);
        }
    }

    /// R9. What is owed stays owed in units; less than a nanosecond of the new refill is rounded away.
    fn rerule(&mut self, now: u128, from: Option<Window>, to: Option<Window>) {
        let (Some(from), Some(to)) = (from, to) else {
            (self.owed, self.since, self.full) = (0, now as i128, now as i128);
            return;
        };
        if (from.amount, from.length) == (to.amount, to.length) {
            return;
        }
        let owed = self.owed as u128;
        let whole = owed.div_ceil(from.length);
        let refilled = whole * from.length - owed;
        let head_start = refilled * to.length / (from.length * to.amount);
        self.owed = (whole * to.length).saturating_sub(head_start * to.amount) as i128;
        self.full = self.since - if self.owed == 0 { 0 } else { head_start as i128 };
        self.full += (self.since - self.full) / to.length as i128 * to.length as i128;
    }
}

impl Key {
    pub(crate) fn new(plan: Plan) -> Self {
        Self {
            plan,
            own_plan: false,
            known: false,
            time: 0,
            until: 1,
            latest_charge: 0,
            elsewhere: 0,
            day: 0,
            grids: 0,
            units: Default::default(),
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn is_known(&self) -> bool {
        self.known
    }

    #[allow(dead_code, reason = "only `tests/linearizable` asks")]
    /// What a call leaves that has made its key known and is still to be decided: threads can see that, one cannot.
    pub(crate) fn make_known(&mut self, plan: &Plan) {
        (self.plan, self.known) = (plan.clone(), true);
    }

    #[allow(dead_code, reason = "only `tests/linearizable` asks")]
    /// Nothing is used of any limit, nor counted without one: a key that was forgotten would be decided alike.
    pub(crate) fn is_unused(&self, at: Timestamp) -> bool {
        let is_unused = |unit| {
            let log = &self.units[unit as usize];
            let owes = window(&self.plan, unit)
                .is_some_and(|window| log.owed_at(window, at.monotonic.get().into()) > 0);
            !owes && log.used(self.now(at), length(&self.plan, unit)) == 0 && self.day_used(unit, at) == 0
        };
        !self.own_plan && Unit::ALL.into_iter().all(is_unused)
    }

    pub(crate) fn has_own_plan(&self) -> bool {
        self.own_plan
    }

    fn now(&self, at: Timestamp) -> u128 {
        self.time.max(at.monotonic.get().into())
    }

    fn today(&self, at: Timestamp) -> u64 {
        self.day.max(at.unix.get() / DAY)
    }

    fn day_used(&self, unit: Unit, at: Timestamp) -> u128 {
        if self.today(at) > self.day { 0 } else { self.units[unit as usize].day_used }
    }

    /// Whether one limit lets the call pass.
    pub(crate) fn limit_admits(&self, id: LimitId, cost: Cost, at: Timestamp) -> bool {
        let (unit, cost) = (id.unit(), u128::from(cost.of(id.unit())));
        if id.is_day() {
            return self
                .plan
                .limit(id)
                .is_none_or(|limit| self.day_used(unit, at) + cost <= limit.amount().into());
        }
        let log = &self.units[unit as usize];
        window(&self.plan, unit).is_none_or(|window| {
            let owed = log.owed_at(window, at.monotonic.get().into()) as u128;
            log.used(self.now(at), window.length) + cost <= window.ceiling
                && owed + cost * window.length <= window.ceiling * window.length
        })
    }

    fn enforced(&self, id: LimitId) -> bool {
        self.plan.limit(id).is_some_and(|limit| limit.mode() == Mode::Enforce)
    }

    pub(crate) fn admits(&self, cost: Cost, at: Timestamp) -> bool {
        LimitId::ALL.into_iter().all(|id| !self.enforced(id) || self.limit_admits(id, cost, at))
    }

    /// The first enforced limit that denies.
    pub(crate) fn denied_by(&self, cost: Cost, at: Timestamp) -> Option<LimitId> {
        LimitId::ALL.into_iter().find(|id| self.enforced(*id) && !self.limit_admits(*id, cost, at))
    }

    /// The shadow limits that would deny.
    pub(crate) fn shadow_denials(&self, cost: Cost, at: Timestamp) -> Vec<LimitId> {
        let shadow = |id: &LimitId| self.plan.limit(*id).is_some() && !self.enforced(*id);
        LimitId::ALL.into_iter().filter(shadow).filter(|id| !self.limit_admits(*id, cost, at)).collect()
    }

    /// The first enforced limit that can never admit so many units at once.
    pub(crate) fn never(&self, cost: Cost) -> Option<LimitId> {
        LimitId::ALL.into_iter().find(|id| {
            self.enforced(*id)
                && self.plan.limit(*id).is_some_and(|limit| cost.of(id.unit()) > limit.ceiling())
        })
    }

    /// R11: the largest k ≤ L such that k more units stay within L and are admitted.
    pub(crate) fn remaining(&self, id: LimitId, at: Timestamp) -> Option<u64> {
        let (limit, unit) = (self.plan.limit(id)?, id.unit());
        let unused = |used: u128| u128::from(limit.amount()).saturating_sub(used);
        let remaining = match window(&self.plan, unit).filter(|_| !id.is_day()) {
            None => unused(self.day_used(unit, at)),
            Some(window) => {
                let log = &self.units[unit as usize];
                let owed = log.owed_at(window, at.monotonic.get().into()) as u128;
                let room = (window.ceiling * window.length).saturating_sub(owed) / window.length;
                unused(log.used(self.now(at), window.length)).min(room)
            }
        };
        Some(remaining as u64)
    }

    /// Everything that happens, happens to a key brought to its time.
    fn advance(&mut self, at: Timestamp) {
        let (now, today) = (self.now(at), self.today(at));
        for unit in Unit::ALL {
            let day_used = self.day_used(unit, at);
            let log = &mut self.units[unit as usize];
            log.refill(window(&self.plan, unit), at.monotonic.get().into());
            log.day_used = day_used;
        }
        let call = at.monotonic.get().into();
        if call >= self.until {
            self.come_to(call);
        }
        (self.time, self.day, self.known) = (now, today, true);
    }

    fn come_to(&mut self, time: u128) {
        let end = |unit| {
            let length = length(&self.plan, unit);
            ((segment(time, length) + 1) * length).div_ceil(SEGMENTS)
        };
        self.until = Unit::ALL.into_iter().map(end).fold(time + REACH, u128::min);
    }

    /// No other key was charged after this, as far as its limiter has seen.
    pub(crate) fn hear_of_charges_until(&mut self, time: Nanos) {
        self.elsewhere = time.get().into();
    }

    /// Whether a call under this plan changes that of the key.
    pub(crate) fn is_known_under_another(&self, plan: &Plan) -> bool {
        self.known && self.plan != *plan
    }

    /// The time of a change of plan: not before a bucket that counts was last full, nor before the segments that
    /// count began, nor before anything that may have been charged.
    fn present(&self, at: Timestamp, until: u128) -> u128 {
        let latest_charge = self.latest_charge.max(self.elsewhere).min(until.saturating_sub(1));
        let since = latest_charge.max(at.monotonic.get().into());
        Unit::ALL.into_iter().fold(since, |present, unit| {
            let length = length(&self.plan, unit);
            let began = (segment(self.time, length) * length).div_ceil(SEGMENTS);
            let full = window(&self.plan, unit).map_or(0, |_| self.units[unit as usize].full.max(0) as u128);
            present.max(began).max(full)
        })
    }

    /// R9.
    pub(crate) fn change_plan(&mut self, to: &Plan, at: Timestamp) {
        if self.own_plan {
            return;
        }
        if !self.known {
            self.plan = to.clone();
        }
        let until = self.until;
        self.advance(at);
        if *to == self.plan {
            return;
        }
        let regridded = Unit::ALL.into_iter().any(|unit| length(&self.plan, unit) != length(to, unit));
        if regridded {
            self.grids += 1;
        }
        let present = self.present(at, until);
        for unit in Unit::ALL {
            let log = &mut self.units[unit as usize];
            log.refill(window(&self.plan, unit), present);
            log.regrid(present, length(&self.plan, unit), length(to, unit));
            log.rerule(present, window(&self.plan, unit), window(to, unit));
        }
        self.plan = to.clone();
        if regridded {
            self.time = present;
            self.come_to(present);
        }
    }

    pub(crate) fn set_own_plan(&mut self, to: &Plan, at: Timestamp) {
        self.own_plan = false;
        self.change_plan(to, at);
        self.own_plan = true;
    }

    pub(crate) fn clear_own_plan(&mut self) {
        self.own_plan = false;
    }

    /// The plan that a call naming `plan` is decided under, made the key's plan if it is another.
    pub(crate) fn use_plan(&mut self, plan: &Plan, at: Timestamp) {
        if !self.known {
            self.plan = plan.clone();
        } else if !self.own_plan && self.plan != *plan {
            self.change_plan(plan, at);
        }
    }

    pub(crate) fn charge(&mut self, key: usize, cost: Cost, at: Timestamp) -> Charge {
        self.advance(at);
        self.latest_charge = self.latest_charge.max(at.monotonic.get().into());
        for unit in Unit::ALL {
            let window = window(&self.plan, unit);
            self.units[unit as usize].charge(window, self.time, cost.of(unit).into());
        }
        Charge { key, cost, time: self.time, day: self.day, grids: self.grids }
    }

    /// R7 without a reservation: what was used already is charged, past the limits too.
    pub(crate) fn record_usage(&mut self, plan: &Plan, cost: Cost, at: Timestamp) {
        if cost == Cost::default() {
            return;
        }
        self.use_plan(plan, at);
        self.charge(0, cost, at);
    }

    /// Units are given back, whoever charged them and whenever. Of a key that is not known there are none.
    pub(crate) fn give_back(&mut self, cost: Cost, at: Timestamp) {
        if !self.known {
            return;
        }
        self.advance(at);
        for unit in Unit::ALL {
            self.units[unit as usize].give_back(&self.plan, unit, self.time, cost.of(unit).into());
        }
    }

    /// What was used is forgotten; calls that are open give nothing back to the windows, as after a move to another grid.
    pub(crate) fn reset(&mut self, at: Timestamp) {
        if !self.known {
            return;
        }
        self.advance(at);
        self.grids += 1;
        self.units.iter_mut().for_each(UnitLog::forget);
    }

    /// R7.
    pub(crate) fn settle(&mut self, charge: &Charge, actual: Cost, at: Timestamp) {
        if charge.cost == actual {
            return;
        }
        self.advance(at);
        for unit in Unit::ALL {
            let (reserved, actual) = (u128::from(charge.cost.of(unit)), u128::from(actual.of(unit)));
            let log = &mut self.units[unit as usize];
            if actual > reserved {
                self.latest_charge = self.latest_charge.max(at.monotonic.get().into());
                log.charge(window(&self.plan, unit), self.time, actual - reserved);
            } else {
                log.refund(&self.plan, unit, charge, self.day, self.grids, reserved - actual);
            }
        }
    }
}

/// So much later on both clocks.
pub(crate) fn later(at: Timestamp, nanos: u64) -> Timestamp {
    at.after(Nanos::new(nanos))
}
