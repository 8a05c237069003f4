//! The engine does what the oracle says, in every history.

use crate::history::{Crowded, History, Step};
use crate::oracle::{Charge, Key, later};
use quickcheck::{Gen, QuickCheck, TestResult, Testable};
use std::cell::Cell;
use tidegate::{
    Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, RateLimitHeaders, Reservation, Timestamp,
    Verdict,
};

/// Engine and oracle side by side.
struct Run {
    limiter: Limiter,
    plans: Vec<(Plan, PlanId)>,
    keys: Vec<Key>,
    open: Vec<(Reservation, Charge, Timestamp)>,
    longest_reservation: Nanos,
    at: Timestamp,
    latest_charge: Nanos,
    retry_at: Option<Timestamp>,
    turn: u64,
}

impl Run {
    fn new(history: &History) -> Self {
        let (house, longest_reservation) = (history.house, history.house.longest_reservation);
        let limiter = Limiter::builder()
            .capacity(house.capacity)
            .max_threads(2)
            .longest_reservation(longest_reservation)
            .build()
            .unwrap();
        let plans: Vec<_> =
            history.plans.iter().map(|plan| (plan.clone(), limiter.add_plan(plan).unwrap())).collect();
        let keys = vec![Key::new(plans[0].0.clone()); house.keys];
        let at = Timestamp::both(Nanos::new(history.start));
        Self {
            limiter,
            plans,
            keys,
            open: Vec::new(),
            longest_reservation,
            at,
            latest_charge: Nanos::ZERO,
            retry_at: None,
            turn: 0,
        }
    }

    /// What the limiter answers for a key that has a record of its own, or gets one; `None` if there is no room for
    /// one. A key without a record is one that has used nothing, to the oracle as well: what was decided on the
    /// record that such keys share is nothing to it.
    fn ask<'a, A>(&'a self, question: impl FnOnce(&'a Limiter) -> A) -> Option<A> {
        let before = self.limiter.overflowed();
        let answer = question(&self.limiter);
        (self.limiter.overflowed() == before).then_some(answer)
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Call { key, plan, requests, tokens } => self.call(key, plan, Cost { requests, tokens }),
            Step::Settle { open, tokens } => self.end(open, Some(tokens)),
            Step::Cancel { open } => self.end(open, None),
            Step::Change { key, plan } => {
                let (plan, id) = &self.plans[plan];
                if self.ask(|limiter| limiter.change_plan(&key, *id, self.at)).is_some() {
                    self.keys[key].change_plan(plan, self.at);
                }
                self.compare_standing(key)
            }
            Step::Own { key, plan } => {
                let (plan, id) = &self.plans[plan];
                let kept = self.limiter.overflowed();
                let has_room = self.limiter.set_own_plan(&key, *id, self.at);
                expect("kept, if it has a record", has_room, self.limiter.overflowed() == kept)?;
                if has_room {
                    self.keys[key].set_own_plan(plan, self.at);
                }
                self.compare_standing(key)
            }
            Step::ClearOwn { key } => {
                // A key that has a plan of its own has a record to keep it in.
                let has_own = self.keys[key].has_own_plan();
                let found = self.ask(|limiter| limiter.clear_own_plan(&key, self.at));
                expect("a key with a plan of its own is known", found.is_some() || !has_own, true)?;
                self.keys[key].clear_own_plan();
                Ok(())
            }
            Step::Record { key, plan, requests, tokens } => {
                self.record_usage(key, plan, Cost { requests, tokens })
            }
            Step::GiveBack { key, requests, tokens } => {
                let cost = Cost { requests, tokens };
                let found = self.limiter.give_back(&key, cost, self.at);
                self.changed_if(key, found, |oracle, at| oracle.give_back(cost, at))
            }
            Step::Reset { key } => {
                let found = self.limiter.reset(&key, self.at);
                self.changed_if(key, found, Key::reset)
            }
            Step::Wait(nanos) => self.set_time(later(self.at, nanos)),
            Step::WaitForRetry { less } => match self.retry_at {
                Some(at) if at.monotonic > self.at.monotonic => self.set_time(Timestamp {
                    monotonic: at.monotonic - Nanos::new(less),
                    unix: at.unix - Nanos::new(less),
                }),
                _ => Ok(()),
            },
            Step::Wall(secs) => {
                let wall = self.at.unix.get().saturating_add_signed(secs * 1_000_000_000);
                self.set_time(Timestamp { unix: Nanos::new(wall), ..self.at })
            }
            Step::Back(nanos) => {
                self.set_time(Timestamp { monotonic: self.at.monotonic - Nanos::new(nanos), ..self.at })
            }
        }
    }

    /// What a key has used is charged to it, if it has a record or gets one; and all hear of that charge.
    fn record_usage(&mut self, key: usize, plan: usize, cost: Cost) -> Result<(), String> {
        let (plan, id) = self.plans[plan].clone();
        if cost == Cost::default() {
            self.limiter.record_usage(&key, id, cost, self.at);
            return self.compare_standing(key);
        }
        let found = self.ask(|limiter| limiter.record_usage(&key, id, cost, self.at));
        self.all_hear_of_charge();
        if found.is_some() {
            self.keys[key].record_usage(&plan, cost, self.at);
        }
        self.compare_standing(key)
    }

    /// A change that is made of a key with a record of its own, and else of nothing: then there is nothing to change.
    fn changed_if(
        &mut self,
        key: usize,
        found: bool,
        change: impl FnOnce(&mut Key, Timestamp),
    ) -> Result<(), String> {
        if found {
            expect("a key with a record is known", self.keys[key].is_known(), true)?;
            change(&mut self.keys[key], self.at);
            self.compare_standing(key)
        } else {
            self.expect_unused(key)
        }
    }

    fn set_time(&mut self, at: Timestamp) -> Result<(), String> {
        self.at = at;
        Ok(())
    }

    fn call(&mut self, key: usize, plan: usize, cost: Cost) -> Result<(), String> {
        let (plan, id) = self.plans[plan].clone();
        let outlook = self.ask(|limiter| limiter.peek(&key, id, cost, self.at).0);
        let before = self.remaining(key, id);
        // Both ways of deciding, in turn.
        self.turn += 1;
        let charged = Cell::new(false);
        let decision = self.ask(|limiter| {
            let decision = if self.turn.is_multiple_of(4) {
                limiter.check_with_standing(&key, id, cost, self.at).0
            } else {
                limiter.check(&key, id, cost, self.at)
            };
            charged.set(decision.is_admitted());
            decision
        });
        if decision.is_none() && charged.get() {
            self.all_hear_of_charge();
        }
        // With every look at the table the time may go on by which keys are forgotten: a place that was not to be had
        // may be now.
        let Some(decision) = decision else { return Ok(()) };
        self.keys[key].use_plan(&plan, self.at);
        if charged.get() {
            self.all_hear_of_charge();
        }
        if let Some(outlook) = outlook {
            expect("what peek foretold", decision.verdict(), outlook)?;
        }
        match decision {
            Decision::Admitted(admission) => {
                expect("admitted; the oracle", self.keys[key].denied_by(cost, self.at), None)?;
                let shadow: Vec<_> = admission.shadow.iter().collect();
                expect("shadow denials", shadow, self.keys[key].shadow_denials(cost, self.at))?;
                let charge = self.keys[key].charge(key, cost, self.at);
                self.open.push((admission.reservation, charge, self.at));
            }
            Decision::Never(limit) => expect("never", Some(limit), self.keys[key].never(cost))?,
            Decision::Denied(denial) => {
                expect("never", None, self.keys[key].never(cost))?;
                if before.is_some() {
                    expect("R5: nothing is charged", self.remaining(key, id), before)?;
                }
                self.check_denial(key, cost, denial.limit, denial.retry_after)?;
                self.retry_at =
                    is_reached(self.at, denial.retry_after).then(|| later(self.at, denial.retry_after.get()));
            }
        }
        self.compare_standing(key)
    }

    fn all_hear_of_charge(&mut self) {
        self.latest_charge = self.latest_charge.max(self.at.monotonic);
        self.keys.iter_mut().for_each(|key| key.hear_of_charges_until(self.latest_charge));
    }

    /// R10: admitted at the retry time, denied by the named limit one nanosecond before.
    fn check_denial(&self, key: usize, cost: Cost, limit: LimitId, retry_after: Nanos) -> Result<(), String> {
        let key = &self.keys[key];
        expect("denied now", key.admits(cost, self.at), false)?;
        expect("a retry time", retry_after > Nanos::ZERO, true)?;
        if !is_reached(self.at, retry_after) {
            return Ok(());
        }
        let just_before = later(self.at, retry_after.get() - 1);
        expect("denied 1 ns before the retry time by", key.denied_by(cost, just_before), Some(limit))?;
        expect("admitted at the retry time", key.denied_by(cost, later(self.at, retry_after.get())), None)
    }

    fn remaining(&self, key: usize, plan: PlanId) -> Option<Vec<Option<u64>>> {
        let (_, standing) = self.ask(|limiter| limiter.peek(&key, plan, Cost::default(), self.at))?;
        Some(LimitId::ALL.iter().map(|id| standing.status(*id).map(|status| status.remaining)).collect())
    }

    /// R11: what is left of each limit, and the first instant at which it is whole.
    fn compare_standing(&self, key: usize) -> Result<(), String> {
        let id = self.current_plan(key);
        let oracle = &self.keys[key];
        let Some((verdict, standing)) = self.ask(|limiter| limiter.peek(&key, id, Cost::REQUEST, self.at))
        else {
            return self.expect_unused(key);
        };
        for limit in LimitId::ALL {
            let status = standing.status(limit);
            expect("remaining", status.map(|status| status.remaining), oracle.remaining(limit, self.at))?;
            let Some(status) = status.filter(|status| is_reached(self.at, status.reset_after)) else {
                continue;
            };
            let whole = |at| oracle.remaining(limit, at) == Some(status.limit);
            expect("whole at reset", whole(later(self.at, status.reset_after.get())), true)?;
            if status.reset_after > Nanos::ZERO {
                expect("whole before", whole(later(self.at, status.reset_after.get() - 1)), false)?;
            }
        }
        let headers = RateLimitHeaders::new(verdict, &standing);
        match (headers, verdict) {
            (Some(headers), _) if headers.remaining > headers.limit => Err(format!("{headers:?}")),
            (None, Verdict::Deny(_)) => Err("a denial without headers".into()),
            _ => Ok(()),
        }
    }

    /// A key that has no record has used nothing that counts.
    fn expect_unused(&self, key: usize) -> Result<(), String> {
        let oracle = &self.keys[key];
        expect("a key with a plan of its own is known", oracle.has_own_plan(), false)?;
        LimitId::ALL.into_iter().try_for_each(|limit| {
            let whole = oracle.plan().limit(limit).map(Limit::amount);
            expect("remaining of a key that is not known", oracle.remaining(limit, self.at), whole)
        })
    }

    /// The plan to name so that a peek does not change it.
    fn current_plan(&self, key: usize) -> PlanId {
        let current = self.keys[key].plan();
        self.plans.iter().find(|(plan, _)| plan == current).map(|(_, id)| *id).unwrap()
    }

    fn end(&mut self, open: usize, tokens: Option<u64>) -> Result<(), String> {
        if open >= self.open.len() {
            return Ok(());
        }
        let (reservation, charge, made) = self.open.remove(open);
        if self.at.monotonic - made.monotonic > self.longest_reservation {
            // Its key may be forgotten: the call stays charged as reserved.
            return Ok(());
        }
        let overflowed = self.limiter.overflowed();
        match tokens {
            Some(tokens) => {
                self.keys[charge.key].settle(&charge, Cost { tokens, ..charge.cost }, self.at);
                if tokens > charge.cost.tokens {
                    self.all_hear_of_charge();
                }
                self.limiter.settle(reservation, tokens, self.at);
            }
            None => {
                self.keys[charge.key].settle(&charge, Cost::default(), self.at);
                self.limiter.cancel(reservation, self.at);
            }
        }
        expect("a key with an open reservation is known", self.limiter.overflowed(), overflowed)?;
        self.compare_standing(charge.key)
    }
}

/// Clocks stand still after 292 years; what a debt at one unit in 400 days may ask for is not waited for
/// here.
fn is_reached(at: Timestamp, wait: Nanos) -> bool {
    later(at, wait.get()).monotonic < Nanos::new(u64::MAX / 4)
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

/// Runs a history; says at which step engine and oracle part, else how many keys were forgotten.
pub(crate) fn run(history: &History) -> Result<u64, String> {
    let mut run = Run::new(history);
    for (number, step) in history.steps.iter().enumerate() {
        run.step(*step).map_err(|why| format!("step {number}, {step:?}: {why}"))?;
    }
    Ok(run.limiter.occupancy().map(|shard| shard.forgotten).sum())
}

/// Runs random histories, `most` of them unless `TIDEGATE_HISTORIES` says another number.
fn check(most: u64, agrees: impl Testable) {
    let tests = std::env::var("TIDEGATE_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(most);
    QuickCheck::new().rng(Gen::new(60)).tests(tests).max_tests(tests).quickcheck(agrees);
}

fn outcome(history: &History, counted: impl FnOnce(u64)) -> TestResult {
    match run(history) {
        Ok(forgotten) => {
            counted(forgotten);
            TestResult::passed()
        }
        Err(why) => TestResult::error(format!("{why}\n{history:?}")),
    }
}

#[test]
fn the_engine_agrees_with_the_oracle_in_every_history() {
    fn agrees(history: History) -> TestResult {
        outcome(&history, |forgotten| assert_eq!(forgotten, 0))
    }
    check(20_000, agrees as fn(History) -> TestResult);
}

/// R14: what is forgotten changes no decision of a key that has a record, nor of one that gets its place.
#[test]
fn the_engine_agrees_with_the_oracle_whatever_it_forgets() {
    std::thread_local! {
        static FORGOTTEN: Cell<u64> = const { Cell::new(0) };
    }
    fn agrees(Crowded(history): Crowded) -> TestResult {
        outcome(&history, |forgotten| FORGOTTEN.set(FORGOTTEN.get() + forgotten))
    }
    check(5_000, agrees as fn(Crowded) -> TestResult);
    assert!(FORGOTTEN.get() > 10_000, "{} keys were forgotten", FORGOTTEN.get());
}
