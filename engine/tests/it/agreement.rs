//! The engine does what the oracle says, in every history.

use crate::history::{History, KEYS, Step};
use crate::oracle::{Charge, Key, later};
use quickcheck::{Gen, QuickCheck, TestResult};
use tidegate::{
    Cost, Decision, LimitId, Limiter, Nanos, Plan, PlanId, RateLimitHeaders, Reservation, Timestamp, Verdict,
};

/// Engine and oracle side by side.
struct Run {
    limiter: Limiter,
    plans: Vec<(Plan, PlanId)>,
    keys: Vec<Key>,
    open: Vec<(Reservation, Charge)>,
    at: Timestamp,
    retry_at: Option<Timestamp>,
    turn: u64,
}

impl Run {
    fn new(history: &History) -> Self {
        let limiter =
            Limiter::builder().capacity(16).max_threads(2).longest_reservation(Nanos::MAX).build().unwrap();
        let plans: Vec<_> =
            history.plans.iter().map(|plan| (plan.clone(), limiter.add_plan(plan).unwrap())).collect();
        let keys = vec![Key::new(plans[0].0.clone()); KEYS];
        let at = Timestamp::both(Nanos::new(history.start));
        Self { limiter, plans, keys, open: Vec::new(), at, retry_at: None, turn: 0 }
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Call { key, plan, requests, tokens } => self.call(key, plan, Cost { requests, tokens }),
            Step::Settle { open, tokens } => self.end(open, Some(tokens)),
            Step::Cancel { open } => self.end(open, None),
            Step::Change { key, plan } => {
                let (plan, id) = &self.plans[plan];
                self.limiter.change_plan(&key, *id, self.at);
                self.keys[key].change_plan(plan, self.at);
                self.compare_standing(key)
            }
            Step::Own { key, plan } => {
                let (plan, id) = &self.plans[plan];
                assert!(self.limiter.set_own_plan(&key, *id, self.at));
                self.keys[key].set_own_plan(plan, self.at);
                self.compare_standing(key)
            }
            Step::GiveBack { key } => {
                self.limiter.clear_own_plan(&key, self.at);
                self.keys[key].clear_own_plan();
                Ok(())
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

    fn set_time(&mut self, at: Timestamp) -> Result<(), String> {
        self.at = at;
        Ok(())
    }

    fn call(&mut self, key: usize, plan: usize, cost: Cost) -> Result<(), String> {
        let (plan, id) = self.plans[plan].clone();
        self.keys[key].use_plan(&plan, self.at);
        let (outlook, _) = self.limiter.peek(&key, id, cost, self.at);
        let before = self.remaining(key, id);
        // Both ways of deciding, in turn.
        self.turn += 1;
        let decision = if self.turn.is_multiple_of(4) {
            self.limiter.check_with_standing(&key, id, cost, self.at).0
        } else {
            self.limiter.check(&key, id, cost, self.at)
        };
        expect("what peek foretold", decision.verdict(), outlook)?;
        match decision {
            Decision::Admitted(admission) => {
                expect("admitted; the oracle", self.keys[key].denied_by(cost, self.at), None)?;
                let shadow: Vec<_> = admission.shadow.iter().collect();
                expect("shadow denials", shadow, self.keys[key].shadow_denials(cost, self.at))?;
                let charge = self.keys[key].charge(key, cost, self.at);
                self.open.push((admission.reservation, charge));
            }
            Decision::Never(limit) => expect("never", Some(limit), self.keys[key].never(cost))?,
            Decision::Denied(denial) => {
                expect("never", None, self.keys[key].never(cost))?;
                expect("R5: nothing is charged", self.remaining(key, id), before)?;
                self.check_denial(key, cost, denial.limit, denial.retry_after)?;
                self.retry_at =
                    is_reached(self.at, denial.retry_after).then(|| later(self.at, denial.retry_after.get()));
            }
        }
        self.compare_standing(key)
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

    fn remaining(&self, key: usize, plan: PlanId) -> Vec<Option<u64>> {
        let (_, standing) = self.limiter.peek(&key, plan, Cost::default(), self.at);
        LimitId::ALL.iter().map(|id| standing.status(*id).map(|status| status.remaining)).collect()
    }

    /// R11: what is left of each limit, and the first instant at which it is whole.
    fn compare_standing(&self, key: usize) -> Result<(), String> {
        let id = self.current_plan(key);
        let (verdict, standing) = self.limiter.peek(&key, id, Cost::REQUEST, self.at);
        let oracle = &self.keys[key];
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

    /// The plan to name so that a peek does not change it.
    fn current_plan(&self, key: usize) -> PlanId {
        let current = self.keys[key].plan();
        self.plans.iter().find(|(plan, _)| plan == current).map(|(_, id)| *id).unwrap()
    }

    fn end(&mut self, open: usize, tokens: Option<u64>) -> Result<(), String> {
        if open >= self.open.len() {
            return Ok(());
        }
        let (reservation, charge) = self.open.remove(open);
        match tokens {
            Some(tokens) => {
                self.keys[charge.key].settle(&charge, Cost { tokens, ..charge.cost }, self.at);
                self.limiter.settle(reservation, tokens, self.at);
            }
            None => {
                self.keys[charge.key].settle(&charge, Cost::default(), self.at);
                self.limiter.cancel(reservation, self.at);
            }
        }
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

/// Runs a history; says at which step engine and oracle part.
pub(crate) fn run(history: &History) -> Result<(), String> {
    let mut run = Run::new(history);
    for (number, step) in history.steps.iter().enumerate() {
        run.step(*step).map_err(|why| format!("step {number}, {step:?}: {why}"))?;
    }
    Ok(())
}

#[test]
fn the_engine_agrees_with_the_oracle_in_every_history() {
    fn agrees(history: History) -> TestResult {
        match run(&history) {
            Ok(()) => TestResult::passed(),
            Err(why) => TestResult::error(format!("{why}\n{history:?}")),
        }
    }
    let tests =
        std::env::var("TIDEGATE_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    QuickCheck::new()
        .rng(Gen::new(60))
        .tests(tests)
        .max_tests(tests)
        .quickcheck(agrees as fn(History) -> TestResult);
}
