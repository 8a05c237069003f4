//! A limiter beside the oracle, step by step.

use crate::house::scaled;
use crate::subject::{Made, Subject, is_reached};
use crate::told::Told;
use crate::{Call, House, Outcome, Script, Step, assert_fields, limiter};
use std::rc::Rc;
use tidegate::{
    Cost, Decision, LimitId, LimitStatus, Limiter, Nanos, Plan, PlanId, Reservation, Timestamp, Verdict,
};

/// Whose record decides: a key's own, or the one that keys without room share under a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Key(usize),
    Shared(usize),
}

/// A limiter, and what is known of its keys without asking it.
#[derive(Debug)]
pub struct World {
    /// Shared with the standings that it gives.
    limiter: Rc<Limiter>,
    house: House,
    ids: Vec<PlanId>,
    plans: Vec<Plan>,
    /// The same, as they hold for the records that keys without room share.
    shared_plans: Vec<Plan>,
    keys: Vec<Subject>,
    shared: Vec<Subject>,
    open: Vec<(Owner, Made, Reservation)>,
    at: Timestamp,
    /// The latest time of a charge to any key.
    latest_charge: Nanos,
    /// Calls so far: the ways of deciding are taken in turn.
    calls: usize,
    told: Told,
}

impl World {
    /// Nothing has happened yet.
    pub fn new(script: &Script<'_>) -> Self {
        let (house, plans) = (script.house(), script.plans().to_vec());
        let (limiter, ids) = limiter(house, &plans);
        let shared_plans: Vec<_> = plans.iter().map(|plan| scaled(plan, house.overflow_share)).collect();
        Self {
            limiter: Rc::new(limiter),
            house,
            ids,
            keys: (0..house.keys).map(|_| Subject::new(&plans[0])).collect(),
            shared: shared_plans.iter().map(Subject::new).collect(),
            plans,
            shared_plans,
            open: Vec::new(),
            at: script.start(),
            latest_charge: Nanos::ZERO,
            calls: 0,
            told: Told::default(),
        }
    }

    /// Does what happens, and compares all that the limiter answers.
    pub fn step(&mut self, step: Step, script: &mut Script<'_>) {
        match step {
            Step::Calls(calls) => self.decide(&calls, script),
            Step::End(which, outcome) => self.end(which, outcome),
            Step::ChangePlan(key, plan) => self.change_plan(key, plan),
            Step::OwnPlan(key, plan) => self.set_own_plan(key, plan),
            Step::ClearOwnPlan(key) => self.clear_own_plan(key),
            Step::Record(key, plan, cost) => self.record_usage(key, plan, cost),
            Step::GiveBack(key, cost) => self.give_back(key, cost),
            Step::Reset(key) => self.reset(key),
            Step::Time(at) => self.set_time(at),
        }
    }

    /// Whose record answered a question about a key: an answer from a shared one is counted.
    fn ask<A>(&self, key: usize, plan: usize, question: impl FnOnce(&Limiter) -> A) -> (A, Owner) {
        let before = self.limiter.overflowed();
        let answer = question(&self.limiter);
        let shared = self.limiter.overflowed() != before;
        (answer, if shared { Owner::Shared(plan) } else { Owner::Key(key) })
    }

    fn subject(&mut self, owner: Owner) -> (&mut Subject, &[Plan]) {
        match owner {
            Owner::Key(key) => (&mut self.keys[key], &self.plans),
            Owner::Shared(plan) => (&mut self.shared[plan], &self.shared_plans),
        }
    }

    fn decide(&mut self, calls: &[Call], script: &mut Script<'_>) {
        if let [call] = calls {
            return self.decide_one(*call, script);
        }
        let asked: Vec<_> = calls
            .iter()
            .map(|call| tidegate::Call { key: call.key, plan: self.ids[call.plan], cost: call.cost })
            .collect();
        let mut answers = Vec::with_capacity(calls.len());
        let mut overflowed = self.limiter.overflowed();
        self.limiter.check_batch(&asked, self.at, |place, decision| {
            assert_eq!(place, answers.len(), "answers come in order");
            let now = self.limiter.overflowed();
            answers.push((decision, now != overflowed));
            overflowed = now;
        });
        assert_eq!(answers.len(), calls.len(), "each call has one answer");
        for (call, (decision, shared)) in calls.iter().zip(answers) {
            let owner = if shared { Owner::Shared(call.plan) } else { Owner::Key(call.key) };
            self.decided(*call, owner, decision, script);
        }
        let last = calls[calls.len() - 1];
        self.compare(last.key);
    }

    fn decide_one(&mut self, call: Call, script: &mut Script<'_>) {
        let Call { key, plan, cost } = call;
        let (id, at, limiter) = (self.ids[plan], self.at, Rc::clone(&self.limiter));
        let before = self.statuses(key, plan);
        let (foreseen, foreseen_by) = self.ask(key, plan, |limiter| limiter.peek(&key, id, cost, at).0);
        self.calls += 1;
        let ((decision, standing), owner) = self.ask(key, plan, |_| {
            if self.calls.is_multiple_of(4) {
                let (decision, standing) = limiter.check_with_standing(&key, id, cost, at);
                (decision, Some(standing))
            } else {
                (limiter.check(&key, id, cost, at), None)
            }
        });
        let verdict = decision.verdict();
        self.decided(call, owner, decision, script);
        if let Some(standing) = standing {
            self.subject(owner).0.assert_standing(verdict, &standing);
            assert_fields(verdict, &standing);
        }
        if owner == foreseen_by {
            assert_eq!(exact(verdict, foreseen), foreseen, "what was foreseen");
        }
        // With every look at the table the time may go on by which keys are forgotten, so a place that was not to be had
        // may be now.
        let after = self.statuses(key, plan);
        if !matches!(verdict, Verdict::Admit(_)) && (before.1, after.1) == (owner, owner) {
            assert_eq!(before.0, after.0, "R5: a denial changed something");
        }
        if self.house.is_roomy() {
            self.assert_retry(call, foreseen);
        }
        self.compare(key);
    }

    /// What one more request would find.
    fn statuses(&self, key: usize, plan: usize) -> ([Option<LimitStatus>; 4], Owner) {
        self.ask(key, plan, |limiter| {
            let (_, standing) = limiter.peek(&key, self.ids[plan], Cost::REQUEST, self.at);
            LimitId::ALL.map(|id| standing.status(id))
        })
    }

    /// R10 once more, as the limiter itself sees it: of keys too that the oracle no longer follows.
    fn assert_retry(&self, Call { key, plan, cost }: Call, verdict: Verdict) {
        let Verdict::Deny(denial) = verdict else { return };
        if !is_reached(self.at, denial.retry_after) {
            return;
        }
        let peek = |wait| self.limiter.peek(&key, self.ids[plan], cost, self.at.after(wait)).0;
        let then = peek(denial.retry_after);
        assert!(matches!(then, Verdict::Admit(_)), "{then:?} after {denial:?}");
        let before = peek(denial.retry_after - Nanos::new(1));
        assert!(
            matches!(before, Verdict::Deny(denied) if denied.limit == denial.limit),
            "{before:?} before {denial:?}"
        );
    }

    /// Compares an answer, and keeps what is to be settled.
    fn decided(&mut self, call: Call, owner: Owner, decision: Decision, script: &mut Script<'_>) {
        let at = self.at;
        self.told.note(&decision);
        let (subject, plans) = self.subject(owner);
        let made = subject.decided(plans, call.plan, call.cost, at, &decision);
        let followed = subject.is_followed();
        match decision {
            Decision::Admitted(admission) => {
                self.all_hear_of_charge();
                let reserved = admission.reservation.cost();
                assert!(reserved == call.cost || !followed, "{reserved:?}");
                self.open.extend(made.map(|made| (owner, made, admission.reservation)));
            }
            Decision::Denied(denial) => script.note_retry(at.after(denial.retry_after)),
            Decision::Never(_) => {}
        }
    }

    fn all_hear_of_charge(&mut self) {
        self.latest_charge = self.latest_charge.max(self.at.monotonic);
        self.keys.iter_mut().for_each(|key| key.heard_of_charges_until(self.latest_charge));
    }

    /// What is left to a key, and when all of it will be back.
    fn compare(&mut self, key: usize) {
        let (plan, at) = (self.keys[key].plan().unwrap_or(0), self.at);
        let limiter = Rc::clone(&self.limiter);
        let ((verdict, standing), owner) =
            self.ask(key, plan, |_| limiter.peek(&key, self.ids[plan], Cost::REQUEST, at));
        let (subject, plans) = self.subject(owner);
        subject.looked_at(plans, plan, at);
        subject.assert_standing(verdict, &standing);
        if let Owner::Shared(_) = owner {
            self.keys[key].assert_unused(at);
        }
    }

    fn end(&mut self, which: usize, outcome: Outcome) {
        if self.open.is_empty() {
            return;
        }
        let (owner, made, reservation) = self.open.swap_remove(which % self.open.len());
        let (at, reserved) = (self.at, reservation.cost());
        let tokens = match outcome {
            Outcome::Cancelled => None,
            Outcome::Estimated => Some(reserved.tokens),
            Outcome::Tokens(tokens) => Some(tokens),
            Outcome::More(tokens) => Some(reserved.tokens.saturating_add(tokens)),
            Outcome::Half => Some(reserved.tokens / 2),
        };
        let overflowed = self.limiter.overflowed();
        match (tokens, outcome) {
            (None, _) => self.limiter.cancel(reservation, at),
            (Some(_), Outcome::Estimated) => self.limiter.settle_by_estimate(reservation, at),
            (Some(tokens), _) => self.limiter.settle(reservation, tokens, at),
        }
        let actual = tokens.map_or(Cost::default(), |tokens| Cost { tokens, ..reserved });
        match tokens {
            Some(_) => self.told.settled += 1,
            None => self.told.cancelled += 1,
        }
        let late = at.monotonic - made.at.monotonic > self.house.longest_reservation;
        let (subject, plans) = self.subject(owner);
        if late {
            // Its key may be forgotten, and known again under the plan of this call; or, without room, not at all.
            subject.lose();
        }
        subject.settled(plans, &made, reserved, actual, at);
        if actual.tokens > reserved.tokens {
            self.all_hear_of_charge();
        }
        if let Owner::Key(key) = owner {
            let known = self.limiter.overflowed() == overflowed;
            assert!(known || self.keys[key].is_lost(), "a key with an open call is known");
            self.compare(key);
        }
    }

    fn change_plan(&mut self, key: usize, plan: usize) {
        let at = self.at;
        let ((), owner) = self.ask(key, plan, |limiter| limiter.change_plan(&key, self.ids[plan], at));
        if let Owner::Key(_) = owner {
            self.keys[key].plan_changed(&self.plans, plan, at);
        }
        self.compare(key);
    }

    fn set_own_plan(&mut self, key: usize, plan: usize) {
        let at = self.at;
        let (kept, owner) = self.ask(key, plan, |limiter| limiter.set_own_plan(&key, self.ids[plan], at));
        assert_eq!(kept, owner == Owner::Key(key), "kept, if there is a record to keep it in");
        if kept {
            self.keys[key].own_plan_set(&self.plans, plan, at);
        }
        self.compare(key);
    }

    fn clear_own_plan(&mut self, key: usize) {
        let at = self.at;
        let ((), owner) = self.ask(key, 0, |limiter| limiter.clear_own_plan(&key, at));
        let subject = &mut self.keys[key];
        assert!(owner == Owner::Key(key) || !subject.has_own_plan(), "a key with a plan of its own is known");
        subject.own_plan_cleared();
    }

    fn record_usage(&mut self, key: usize, plan: usize, cost: Cost) {
        let at = self.at;
        let ((), owner) = self.ask(key, plan, |limiter| limiter.record_usage(&key, self.ids[plan], cost, at));
        if cost != Cost::default() {
            let (subject, plans) = self.subject(owner);
            subject.recorded(plans, plan, cost, at);
            self.all_hear_of_charge();
        }
        self.compare(key);
    }

    fn give_back(&mut self, key: usize, cost: Cost) {
        let at = self.at;
        let (found, owner) = self.ask(key, 0, |limiter| limiter.give_back(&key, cost, at));
        self.assert_found(key, found, owner);
        if found {
            self.keys[key].given_back(&self.plans, cost, at);
        }
        self.compare(key);
    }

    fn reset(&mut self, key: usize) {
        let at = self.at;
        let (found, owner) = self.ask(key, 0, |limiter| limiter.reset(&key, at));
        self.assert_found(key, found, owner);
        if found {
            self.keys[key].reset(&self.plans, at);
        }
        self.compare(key);
    }

    /// A record is found where there is one, of the key's own.
    fn assert_found(&self, key: usize, found: bool, owner: Owner) {
        let may_be_known = owner == Owner::Key(key) && self.keys[key].is_known();
        assert!(!found || may_be_known, "{key} was found, {owner:?}");
        if self.house.is_roomy() {
            assert_eq!(found, may_be_known);
        }
    }

    fn set_time(&mut self, at: Timestamp) {
        let goes_back = at.monotonic < self.at.monotonic || at.unix < self.at.unix;
        if goes_back && !self.house.is_roomy() {
            // A key that was forgotten begins anew at the latest time then, of which its log and the oracle know nothing
            // (`docs/rules.md`, R14).
            self.keys.iter_mut().chain(&mut self.shared).for_each(Subject::lose);
        }
        self.at = at;
    }

    /// What the limiter counted is what it answered; with room for all, who called is known and nobody else.
    pub fn finish(&self) {
        self.told.assert_counted(&self.limiter.observed());
        if self.house.is_roomy() {
            let known = self.keys.iter().filter(|key| key.is_known()).count();
            assert_eq!(self.limiter.keys(), known as u64);
            assert_eq!(self.limiter.overflowed(), 0);
        }
    }
}

/// A verdict with the exact time in place of a place in line, which comes no earlier.
fn exact(verdict: Verdict, foreseen: Verdict) -> Verdict {
    match (verdict, foreseen) {
        (Verdict::Deny(told), Verdict::Deny(exact)) => {
            assert!(told.retry_after >= exact.retry_after);
            Verdict::Deny(tidegate::Denial { retry_after: exact.retry_after, ..told })
        }
        (verdict, _) => verdict,
    }
}
