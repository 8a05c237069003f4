//! A history made: real threads run a script and write down what they see.

use crate::company::Company;
use crate::event::{Answer, Call, Event, Number};
use crate::house::House;
use crate::plans::PlanSet;
use crate::script::{Action, Clock, Script, Step};
use crate::search::Span;
use crate::subject::Subject;
use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use tidegate::{Decision, Nanos, PlanId, Reservation, Timestamp};

/// A script, whom it is played to, and what is seen.
pub(crate) struct Race<S> {
    pub(crate) script: Script,
    house: Arc<House<S>>,
    /// The number of its first key; the others follow.
    first_key: u64,
    reservations: Vec<Mutex<Option<Held>>>,
    stamps: CachePadded<AtomicU64>,
    company: Company,
    events: Mutex<Vec<Event>>,
    latest_before: OnceLock<Nanos>,
}

struct Held {
    key: usize,
    reservation: Reservation,
}

impl<S: Subject> Race<S> {
    pub(crate) fn new(script: Script, house: Arc<House<S>>, first_key: u64) -> Self {
        let reservations = (0..script.steps).map(|_| Mutex::new(None)).collect();
        let company = Company::of(script.race.len());
        Self {
            script,
            house,
            first_key,
            reservations,
            stamps: CachePadded::new(AtomicU64::new(0)),
            company,
            events: Mutex::new(Vec::new()),
            latest_before: OnceLock::new(),
        }
    }

    fn subject(&self) -> &S {
        &self.house.subject
    }

    fn plan(&self, plan: usize) -> PlanId {
        self.house.sets[self.script.set].1[plan]
    }

    /// What comes before the race.
    pub(crate) fn begin(&self) {
        self.latest_before.get_or_init(|| self.subject().limiter().latest_charge());
        self.play(&self.script.before, 0, |step| self.script.time(step));
    }

    /// One thread's part.
    pub(crate) fn run(&self, thread: usize) {
        let script = &self.script;
        #[cfg(not(tidegate_shuttle))]
        let start = std::time::Instant::now();
        self.play(&script.race[thread], thread, |step| match script.clock {
            Clock::Stands | Clock::Drawn => script.time(step),
            #[cfg(not(tidegate_shuttle))]
            Clock::Runs { speed, lead } => {
                script.base_and(start.elapsed().as_nanos() as i64 * speed as i64 - lead, 0)
            }
        });
        self.company.leave();
    }

    /// What comes after it.
    pub(crate) fn end(&self) {
        self.play(&self.script.after, 0, |step| self.script.time(step));
    }

    /// How many calls found no room for their key: they were decided on a record that others share.
    pub(crate) fn overflowed(&self) -> u64 {
        self.subject().limiter().overflowed()
    }

    /// How many keys were forgotten.
    pub(crate) fn forgotten(&self) -> u64 {
        self.subject().limiter().occupancy().map(|shard| shard.forgotten).sum()
    }

    pub(crate) fn plans(&self) -> &PlanSet {
        &self.house.sets[self.script.set].0
    }

    /// The latest time at which a call of other histories had been charged before this one began.
    pub(crate) fn latest_before(&self) -> Nanos {
        self.latest_before.get().copied().unwrap_or(Nanos::ZERO)
    }

    /// All that was seen.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    fn play(&self, steps: &[Step], thread: usize, time: impl Fn(&Step) -> Timestamp) {
        let mut seen = Vec::with_capacity(2 * steps.len());
        for step in steps {
            (0..step.pause).for_each(|_| std::hint::spin_loop());
            let (at, lets_in) = (time(step), step.lets_in);
            Player { race: self, thread, at, lets_in, seen: &mut seen }.step(step);
        }
        self.events.lock().unwrap().append(&mut seen);
    }

    /// No event that has ended by now has a later stamp.
    fn before(&self) -> u64 {
        self.company.begin();
        // Ordering: SeqCst, so that the call stays behind it.
        self.stamps.load(Ordering::SeqCst)
    }

    /// What begins from now on has this stamp or a later one.
    fn after(&self) -> u64 {
        // Ordering: SeqCst, so that the call stays before it.
        self.stamps.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// A thread at one step.
struct Player<'r, S> {
    race: &'r Race<S>,
    thread: usize,
    at: Timestamp,
    lets_in: [u64; 2],
    seen: &'r mut Vec<Event>,
}

impl<S: Subject> Player<'_, S> {
    fn step(&mut self, step: &Step) {
        match &step.action {
            Action::Call(call) => self.call(step.number, step.key, *call),
            Action::WithStanding { plan, cost } => {
                let (key, id, invoked) = (self.key(step.key), self.race.plan(*plan), self.begin());
                let (decision, statuses) = self.race.subject().check_with_standing(key, id, *cost, self.at);
                let answer = Answer::Standing(decision.verdict(), statuses);
                let call = Call::Check { plan: *plan, cost: *cost };
                self.saw(step.number, step.key, call, invoked, answer);
                self.keep(step.number, step.key, decision);
            }
            Action::Batch(calls) => self.batch(step.number, calls),
        }
    }

    fn key(&self, key: usize) -> u64 {
        self.race.first_key + key as u64
    }

    fn call(&mut self, number: Number, key: usize, call: Call) {
        let (subject, at, name) = (self.race.subject(), self.at, self.key(key));
        let id = |plan: usize| self.race.plan(plan);
        match call {
            Call::Check { plan, cost } => {
                let invoked = self.begin();
                let decision = subject.check(name, id(plan), cost, at);
                self.saw(number, key, call, invoked, Answer::Verdict(decision.verdict()));
                self.keep(number, key, decision);
            }
            Call::Peek { plan, cost } => {
                let invoked = self.begin();
                let (verdict, statuses) = subject.peek(name, id(plan), cost, at);
                self.saw(number, key, call, invoked, Answer::Standing(verdict, statuses));
            }
            Call::Settle { of, .. } | Call::Cancel { of } => {
                // There is none if the call was denied, is yet to come, or was settled by another thread.
                let held = self.race.reservations.get(of).and_then(|held| held.lock().unwrap().take());
                let Some(Held { key, reservation }) = held else { return };
                let (name, invoked) = (self.key(key), self.begin());
                match call {
                    Call::Settle { tokens, .. } => subject.settle(name, reservation, tokens, at),
                    _ => subject.cancel(name, reservation, at),
                }
                self.saw(number, key, call, invoked, Answer::Done);
            }
            Call::ChangePlan { plan } => {
                let invoked = self.begin();
                subject.change_plan(name, id(plan), at);
                self.saw(number, key, call, invoked, Answer::Done);
            }
            Call::SetOwnPlan { plan } => {
                let invoked = self.begin();
                let kept = subject.set_own_plan(name, id(plan), at);
                self.saw(number, key, call, invoked, Answer::Kept(kept));
            }
            Call::RecordUsage { plan, cost } => {
                let invoked = self.begin();
                subject.record_usage(name, id(plan), cost, at);
                self.saw(number, key, call, invoked, Answer::Done);
            }
            Call::GiveBack { cost } => {
                let invoked = self.begin();
                let found = subject.give_back(name, cost, at);
                self.saw(number, key, call, invoked, Answer::Found(found));
            }
            Call::Reset => {
                let invoked = self.begin();
                let found = subject.reset(name, at);
                self.saw(number, key, call, invoked, Answer::Found(found));
            }
            Call::MakeKnown { .. } => unreachable!("no script has it"),
            Call::ClearOwnPlan => {
                let invoked = self.begin();
                subject.clear_own_plan(name, at);
                self.saw(number, key, call, invoked, Answer::Done);
            }
        }
    }

    /// A batch decides one call after the other; each begins when the one before was answered.
    fn batch(&mut self, first: Number, batch: &[(usize, usize, tidegate::Cost)]) {
        let race = self.race;
        let calls: Vec<_> = batch
            .iter()
            .map(|(key, plan, cost)| tidegate::Call {
                key: self.key(*key),
                plan: race.plan(*plan),
                cost: *cost,
            })
            .collect();
        let mut invoked = race.before();
        race.subject().check_batch(&calls, self.at, &mut |place, decision| {
            let (key, plan, cost) = batch[place];
            let call = Call::Check { plan, cost };
            self.saw(first + place, key, call, invoked, Answer::Verdict(decision.verdict()));
            self.keep(first + place, key, decision);
            invoked = race.before();
        });
    }

    /// Begins a call; its first moment.
    fn begin(&self) -> u64 {
        let invoked = self.race.before();
        self.race.company.let_in(self.lets_in[0]);
        invoked
    }

    /// Writes down a call that has just been answered.
    fn saw(&mut self, number: Number, key: usize, call: Call, invoked: u64, answer: Answer) {
        self.race.company.let_in(self.lets_in[1]);
        let span = Span { invoked, returned: self.race.after() };
        let (thread, at) = (self.thread, self.at);
        self.seen.push(Event { number, thread, key, call, at, span, answer: Some(answer) });
    }

    fn keep(&self, number: Number, key: usize, decision: Decision) {
        if let Decision::Admitted(admission) = decision {
            let held = Held { key, reservation: admission.reservation };
            *self.race.reservations[number].lock().unwrap() = Some(held);
        }
    }
}
