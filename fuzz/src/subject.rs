//! One key as the oracle, the log and the line of its waiters have it: what every answer about it is compared with.

mod standing;

use crate::oracle::{Charge, Key, later};
use crate::{Counted, FAR, Line, Log};
use tidegate::{Admission, Cost, Decision, Denial, LimitId, Mode, Nanos, Plan, Timestamp, Unit};

/// A key, or the record that keys without room share.
#[derive(Debug)]
pub struct Subject {
    oracle: Key,
    log: Log,
    /// `None` where the last place is not known.
    lines: [Option<Line>; LimitId::ALL.len()],
    counted: Counted,
    /// Whether its record may be another than the one that its log and the oracle tell of.
    lost: bool,
    /// Whether the oracle has missed something since a counter may have been full.
    missed: bool,
    own_plan: bool,
}

/// A call that was admitted, as the oracle and the log keep it.
#[derive(Debug)]
pub struct Made {
    /// `None` once the oracle no longer follows.
    charge: Option<Charge>,
    place: usize,
    /// When it was made.
    pub at: Timestamp,
}

impl Subject {
    /// One that has used nothing yet.
    pub fn new(plan: &Plan) -> Self {
        Self {
            oracle: Key::new(plan.clone()),
            log: Log::default(),
            lines: [Some(Line::default()); LimitId::ALL.len()],
            counted: Counted::default(),
            lost: false,
            missed: false,
            own_plan: false,
        }
    }

    /// Neither the oracle nor the log can tell any more what the engine knows.
    pub fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether its record may be another than thought.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether the oracle can tell what the engine should answer.
    pub fn is_followed(&self) -> bool {
        !self.lost && !self.missed && self.counted.is_exact()
    }

    /// Whether anything of it was ever stored.
    pub fn is_known(&self) -> bool {
        self.log.plan().is_some()
    }

    /// The number of its own plan, if it has one, else of the one that a call names.
    pub fn plan_for(&self, named: usize) -> usize {
        self.log.plan().filter(|_| self.own_plan).unwrap_or(named)
    }

    /// Whether it has a plan of its own.
    pub fn has_own_plan(&self) -> bool {
        self.own_plan
    }

    /// The number of the plan it is on.
    pub fn plan(&self) -> Option<usize> {
        self.log.plan()
    }

    /// Compares the answer to a call that names plan `named`, and notes what it changed.
    pub fn decided(
        &mut self,
        plans: &[Plan],
        named: usize,
        cost: Cost,
        at: Timestamp,
        decision: &Decision,
    ) -> Option<Made> {
        let number = self.plan_for(named);
        let plan = &plans[number];
        let followed = self.is_followed();
        if followed {
            self.oracle.use_plan(plan, at);
            self.assert_verdict(plan, cost, at, decision);
        }
        let moved = self.log.plan().is_some_and(|plan| plan != number);
        if moved || decision.is_admitted() {
            self.log.move_to(plans, number, at);
        }
        match decision {
            Decision::Admitted(_) => {
                let place = self.log.charge(cost, at);
                if !self.lost {
                    self.log.assert_within(plan);
                }
                self.counted.admitted(plan, cost);
                let charge = self.is_followed().then(|| self.oracle.charge(0, cost, at));
                Some(Made { charge, place, at })
            }
            Decision::Never(limit) => {
                assert!(exceeds(plan, *limit, cost), "{limit:?} can admit {cost:?}");
                None
            }
            Decision::Denied(_) => {
                assert!(
                    !LimitId::ALL.into_iter().any(|id| exceeds(plan, id, cost)),
                    "{cost:?} is never admitted"
                );
                None
            }
        }
    }

    /// It is looked at under a plan, which is its own from here on if it has none yet.
    pub fn looked_at(&mut self, plans: &[Plan], plan: usize, at: Timestamp) {
        if self.is_followed() && !self.is_known() {
            self.oracle.use_plan(&plans[plan], at);
        }
    }

    /// What is told is what the oracle says: the decision, the limit, the time, the limits in shadow.
    fn assert_verdict(&mut self, plan: &Plan, cost: Cost, at: Timestamp, decision: &Decision) {
        match decision {
            Decision::Admitted(Admission { shadow, .. }) => {
                assert_eq!(self.oracle.denied_by(cost, at), None, "the oracle denies {cost:?}");
                let shadow: Vec<_> = shadow.iter().collect();
                assert_eq!(shadow, self.oracle.shadow_denials(cost, at));
            }
            Decision::Never(limit) => assert_eq!(Some(*limit), self.oracle.never(cost)),
            Decision::Denied(denial) => {
                assert_eq!(None, self.oracle.never(cost));
                assert!(!self.oracle.admits(cost, at), "the oracle admits {cost:?}");
                if plan.has_slotted_hints() && !denial.limit.is_day() {
                    self.assert_place(plan, cost, at, *denial);
                } else {
                    self.assert_exact(cost, at, *denial);
                }
            }
        }
    }

    /// R10: admitted at the retry time, denied by the named limit one nanosecond before.
    pub fn assert_exact(&self, cost: Cost, at: Timestamp, Denial { limit, retry_after }: Denial) {
        assert!(retry_after > Nanos::ZERO);
        if !is_reached(at, retry_after) {
            return;
        }
        let just_before = later(at, retry_after.get() - 1);
        assert_eq!(self.oracle.denied_by(cost, just_before), Some(limit), "1 ns before {retry_after}");
        assert_eq!(self.oracle.denied_by(cost, later(at, retry_after.get())), None, "after {retry_after}");
    }

    /// R10s: the next place in line after the exact time.
    fn assert_place(
        &mut self,
        plan: &Plan,
        cost: Cost,
        at: Timestamp,
        Denial { limit, retry_after }: Denial,
    ) {
        let line = &mut self.lines[limit as usize];
        let Some(exact) = exact(&self.oracle, cost, at) else {
            // A place beyond the end of the clocks.
            *line = None;
            return;
        };
        let just_before = later(at, exact.get() - 1);
        assert_eq!(self.oracle.denied_by(cost, just_before), Some(limit), "1 ns before {exact}");
        let rule = plan.limit(limit).expect("a limit that denies is set");
        let units = cost.of(limit.unit());
        match line {
            Some(line) => {
                let place = line.next(rule, units, at.monotonic, exact);
                assert_eq!(u128::from(retry_after.get()), place, "the place in line; exact is {exact}");
            }
            None => {
                let most = u128::from(exact.get()) + Line::horizon(rule, units);
                assert!(
                    retry_after >= exact && u128::from(retry_after.get()) <= most,
                    "{retry_after}, {exact}"
                );
                *line = Some(Line::at(at.monotonic + retry_after));
            }
        }
    }

    /// R9: no key was charged after this, so that no change of plan is made at an earlier time.
    pub fn heard_of_charges_until(&mut self, time: Nanos) {
        self.oracle.hear_of_charges_until(time);
        self.log.heard_of_charges_until(time.get());
    }

    /// R7: the call cost this instead.
    pub fn settled(&mut self, plans: &[Plan], made: &Made, reserved: Cost, actual: Cost, at: Timestamp) {
        self.counted.overrun(actual.tokens.saturating_sub(reserved.tokens));
        match &made.charge {
            Some(charge) if self.is_followed() => self.oracle.settle(charge, actual, at),
            _ => self.missed = true,
        }
        if reserved == actual {
            return;
        }
        let plan = self.log.plan().expect("a key with an open call has a plan");
        self.log.move_to(plans, plan, at);
        for unit in Unit::ALL {
            self.log.refund(made.place, unit, reserved.of(unit).saturating_sub(actual.of(unit)));
        }
        if actual.tokens > reserved.tokens {
            self.log.charge(Cost { requests: 0, tokens: actual.tokens - reserved.tokens }, at);
        }
    }

    /// R7 without a reservation: it has used so much already.
    pub fn recorded(&mut self, plans: &[Plan], named: usize, cost: Cost, at: Timestamp) {
        let number = self.plan_for(named);
        if self.is_followed() {
            self.oracle.record_usage(&plans[number], cost, at);
        }
        self.log.move_to(plans, number, at);
        self.log.charge(cost, at);
        self.counted.past_limits(cost);
    }

    /// And is given units back.
    pub fn given_back(&mut self, plans: &[Plan], cost: Cost, at: Timestamp) {
        if self.is_followed() {
            self.oracle.give_back(cost, at);
        }
        let plan = self.log.plan().expect("a key that was found has a plan");
        self.log.move_to(plans, plan, at);
        self.log.give_back(cost);
    }

    /// What it has used is forgotten.
    pub fn reset(&mut self, plans: &[Plan], at: Timestamp) {
        if self.is_followed() {
            self.oracle.reset(at);
        }
        let plan = self.log.plan().expect("a key that was found has a plan");
        self.log.move_to(plans, plan, at);
        self.log.reset();
    }

    /// R9: another plan from now on.
    pub fn plan_changed(&mut self, plans: &[Plan], number: usize, at: Timestamp) {
        if self.own_plan {
            return;
        }
        if self.is_followed() {
            self.oracle.change_plan(&plans[number], at);
        }
        self.log.move_to(plans, number, at);
    }

    /// It has a plan of its own from now on.
    pub fn own_plan_set(&mut self, plans: &[Plan], number: usize, at: Timestamp) {
        if self.is_followed() {
            self.oracle.set_own_plan(&plans[number], at);
        }
        self.log.move_to(plans, number, at);
        self.own_plan = true;
    }

    /// It has no plan of its own any more.
    pub fn own_plan_cleared(&mut self) {
        self.oracle.clear_own_plan();
        self.own_plan = false;
    }
}

/// Whether a call can never be admitted by an enforced limit.
fn exceeds(plan: &Plan, id: LimitId, cost: Cost) -> bool {
    plan.limit(id).is_some_and(|limit| limit.mode() == Mode::Enforce && cost.of(id.unit()) > limit.ceiling())
}

/// The first time at which the oracle admits a call that it denies, by bisection; `None` if the clocks do not get there.
fn exact(oracle: &Key, cost: Cost, at: Timestamp) -> Option<Nanos> {
    let (mut denied, mut admitted) = (0, FAR);
    if !oracle.admits(cost, later(at, admitted)) {
        return None;
    }
    while admitted - denied > 1 {
        let middle = denied + (admitted - denied) / 2;
        if oracle.admits(cost, later(at, middle)) { admitted = middle } else { denied = middle }
    }
    Some(Nanos::new(admitted))
}

/// Whether the clocks get there.
pub fn is_reached(at: Timestamp, wait: Nanos) -> bool {
    let then = later(at, wait.get());
    then.monotonic.get().max(then.unix.get()) < FAR
}
