//! Batches against one by one: two limiters of one seed see the same history, one by `check_batch`, the other by `check`.
//!
//! - Every answer is the same, reservations and times included, and so is what every key has left.
//! - Also where keys share records, are forgotten and come back, where clocks jump, and after settles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Cost, Decision, LimitId, Limiter, PlanId, Reservation, Timestamp};
use tidegate_fuzz::{Call, Outcome, Script, Step, limiter};

struct Pair {
    batched: Limiter,
    single: Limiter,
    ids: Vec<PlanId>,
    at: Timestamp,
    /// Calls under way, as both limiters told them.
    open: Vec<(Reservation, Reservation)>,
}

impl Pair {
    fn new(script: &Script<'_>) -> Self {
        let (batched, ids) = limiter(script.house(), script.plans());
        let (single, _) = limiter(script.house(), script.plans());
        Self { batched, single, ids, at: script.start(), open: Vec::new() }
    }

    fn step(&mut self, step: Step, script: &mut Script<'_>) {
        let at = self.at;
        match step {
            Step::Calls(calls) => self.calls(&calls, script),
            Step::End(which, outcome) => self.end(which, outcome),
            Step::ChangePlan(key, plan) => {
                self.both(|limiter, ids| limiter.change_plan(&key, ids[plan], at));
            }
            Step::OwnPlan(key, plan) => self.both(|limiter, ids| limiter.set_own_plan(&key, ids[plan], at)),
            Step::ClearOwnPlan(key) => self.both(|limiter, _| limiter.clear_own_plan(&key, at)),
            Step::Record(key, plan, cost) => {
                self.both(|limiter, ids| limiter.record_usage(&key, ids[plan], cost, at));
            }
            Step::GiveBack(key, cost) => self.both(|limiter, _| limiter.give_back(&key, cost, at)),
            Step::Reset(key) => self.both(|limiter, _| limiter.reset(&key, at)),
            Step::Time(at) => self.at = at,
        }
    }

    /// Asks both, who must answer the same.
    fn both<A: PartialEq + std::fmt::Debug>(&self, ask: impl Fn(&Limiter, &[PlanId]) -> A) {
        assert_eq!(ask(&self.batched, &self.ids), ask(&self.single, &self.ids));
    }

    fn calls(&mut self, calls: &[Call], script: &mut Script<'_>) {
        let asked: Vec<_> = calls
            .iter()
            .map(|call| tidegate::Call { key: call.key, plan: self.ids[call.plan], cost: call.cost })
            .collect();
        let mut together = Vec::with_capacity(calls.len());
        self.batched.check_batch(&asked, self.at, |place, decision| {
            assert_eq!(place, together.len(), "answers come in order");
            together.push(decision);
        });
        assert_eq!(together.len(), calls.len(), "each call has one answer");
        for (call, batched) in asked.iter().zip(together) {
            let single = self.single.check(&call.key, call.plan, call.cost, self.at);
            assert_eq!(batched, single, "{call:?}");
            match (batched, single) {
                (Decision::Admitted(batched), Decision::Admitted(single)) => {
                    self.open.push((batched.reservation, single.reservation));
                }
                (Decision::Denied(denial), _) => script.note_retry(self.at.after(denial.retry_after)),
                _ => {}
            }
        }
        self.assert_alike(calls);
    }

    fn end(&mut self, which: usize, outcome: Outcome) {
        if self.open.is_empty() {
            return;
        }
        let (batched, single) = self.open.swap_remove(which % self.open.len());
        for (limiter, reservation) in [(&self.batched, batched), (&self.single, single)] {
            let reserved = reservation.cost().tokens;
            match outcome {
                Outcome::Cancelled => limiter.cancel(reservation, self.at),
                Outcome::Estimated => limiter.settle_by_estimate(reservation, self.at),
                Outcome::Tokens(tokens) => limiter.settle(reservation, tokens, self.at),
                Outcome::More(more) => limiter.settle(reservation, reserved.saturating_add(more), self.at),
                Outcome::Half => limiter.settle(reservation, reserved / 2, self.at),
            }
        }
    }

    fn assert_alike(&self, calls: &[Call]) {
        for call in calls {
            self.both(|limiter, ids| {
                let (verdict, standing) = limiter.peek(&call.key, ids[call.plan], Cost::REQUEST, self.at);
                (verdict, LimitId::ALL.map(|id| standing.status(id)))
            });
        }
        self.both(|limiter, _| (limiter.observed(), limiter.keys(), limiter.overflowed()));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut script = Script::new(bytes);
    let mut pair = Pair::new(&script);
    while let Some(step) = script.next_step() {
        pair.step(step, &mut script);
    }
});
