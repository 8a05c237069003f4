//! The event loop: some clients of one population, their keys, and an engine of their own.
//!
//! Keys share nothing, so a population splits into groups of whole keys that run apart, each small enough for
//! its engine, its events and its clients to stay in a core's cache. Which clients make up a group depends on the scenario alone,
//! and a client's draws on its own number, so the split never shows in the results.

use super::arrivals::Schedule;
use super::calls::{Call, Calls, Streaming, TooManyCalls};
use super::draws::{Draws, Purpose};
use super::events::{Class, Event, EventSet};
use super::measures::{Bin, Tally};
use super::policy::{Denied, hint, nanos};
use super::scenario::Population;
use std::ops::Range;
use tidegate::headers::Retry;
use tidegate::{Cost, Decision, Limiter, Nanos, PlanId, Reservation, Timestamp};

/// The time of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    /// The UTC time of its first instant.
    pub(crate) start: Nanos,
    /// How long it lasts; nothing happens from then on.
    pub(crate) end: Nanos,
    /// The length of an interval of the counts over time.
    pub(crate) bin: Nanos,
}

/// A part of a population, on its way through the run.
pub(crate) struct Group<'a> {
    population: &'a Population,
    horizon: Horizon,
    draws: Draws,
    schedule: Schedule<'a>,
    limiter: Limiter,
    plan: PlanId,
    /// The number of the group's first client within its population.
    first: u32,
    /// Calls made so far, by client.
    made: Vec<u32>,
    /// Calls admitted so far, by client.
    succeeded: Vec<u32>,
    calls: Calls,
    events: EventSet,
    tally: &'a mut Tally,
}

impl<'a> Group<'a> {
    /// The clients of a range, which begins and ends with a key. What they do is added to `tally`.
    pub(crate) fn new(
        population: &'a Population,
        clients: Range<u32>,
        draws: Draws,
        horizon: Horizon,
        tally: &'a mut Tally,
    ) -> Self {
        let (limiter, plan) = engine(population, clients.len());
        Self {
            population,
            horizon,
            draws,
            schedule: Schedule::new(&population.arrivals, draws, &clients),
            limiter,
            plan,
            first: clients.start,
            made: vec![0; clients.len()],
            succeeded: vec![0; clients.len()],
            calls: Calls::default(),
            events: EventSet::default(),
            tally,
        }
    }

    /// Runs to the end of the time.
    pub(crate) fn run(self) -> Result<(), TooManyCalls> {
        self.run_at_most(u64::MAX)
    }

    /// Runs to the end of the time, or until so many events have happened.
    pub(crate) fn run_at_most(mut self, most: u64) -> Result<(), TooManyCalls> {
        for source in self.schedule.sources() {
            self.plan_event(self.schedule.first(source), Class::Arrival, source);
        }
        for _ in 0..most {
            let Some(event) = self.events.next() else { break };
            self.handle(event)?;
        }
        debug_assert_eq!(self.limiter.overflowed(), 0, "every key has a record of its own");
        self.tally.events += self.events.scheduled();
        for successes in &self.succeeded {
            self.tally.shares.note(*successes);
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), TooManyCalls> {
        let Event { time: now, class, target } = event;
        match class {
            Class::Arrival => self.arrive(target, now),
            Class::Retry => match self.calls.take_waiting(target) {
                Some(call) => self.attempt(call, now),
                None => unreachable!("a retry is of a waiting call"),
            },
            Class::Settle => match self.calls.take_streaming(target) {
                Some(call) => {
                    self.settle(call, now);
                    Ok(())
                }
                None => unreachable!("a settle is of a streaming call"),
            },
        }
    }

    /// Adds an event, unless it lies beyond the end.
    fn plan_event(&mut self, time: Nanos, class: Class, target: u32) {
        if time < self.horizon.end {
            self.events.schedule(time, class, target);
        }
    }

    /// A source's turn: its client calls, and its next turn is planned.
    fn arrive(&mut self, source: u32, now: Nanos) -> Result<(), TooManyCalls> {
        let arrival = self.schedule.arrive(source, now);
        for _ in 0..arrival.calls {
            self.begin(arrival.client, now)?;
        }
        if let Some(next) = arrival.next {
            self.plan_event(next, Class::Arrival, source);
        }
        Ok(())
    }

    fn begin(&mut self, client: u32, now: Nanos) -> Result<(), TooManyCalls> {
        let number = self.made[client as usize];
        self.made[client as usize] += 1;
        self.tally.calls += 1;
        self.bin(now).calls += 1;
        let tokens = self
            .population
            .tokens
            .value(|| self.draws.draw(self.first + client, Purpose::Tokens, u64::from(number)));
        let (started, previous) = (now, Nanos::ZERO);
        self.decide(Call { client, number, tokens: tokens as u64, started, previous, retries: 0 }, now)
    }

    fn attempt(&mut self, call: Call, now: Nanos) -> Result<(), TooManyCalls> {
        self.bin(now).retries += 1;
        self.decide(call, now)
    }

    /// Asks the engine, and goes on as it says.
    fn decide(&mut self, call: Call, now: Nanos) -> Result<(), TooManyCalls> {
        let cost = Cost::tokens(self.population.reserve.unwrap_or(call.tokens));
        let key = (self.first + call.client) / self.population.clients_per_key;
        match self.limiter.check(&u64::from(key), self.plan, cost, self.wall(now)) {
            Decision::Admitted(admission) => self.admitted(call, admission.reservation, now),
            Decision::Denied(denial) => {
                self.tally.denied[denial.limit as usize] += 1;
                self.refused(call, hint(&denial), now)
            }
            Decision::Never(limit) => {
                self.tally.never[limit as usize] += 1;
                self.refused(call, Retry::Never, now)
            }
        }
    }

    /// The call's client waits and tries again, or gives up.
    fn refused(&mut self, call: Call, hint: Retry, now: Nanos) -> Result<(), TooManyCalls> {
        let denied = Denied {
            client: self.first + call.client,
            number: call.number,
            retries: call.retries,
            previous: call.previous,
            hint,
        };
        if let Some(wait) = self.population.policy.wait(&denied, self.draws) {
            return self.retry_after(call, wait, now);
        }
        self.tally.given_up += 1;
        self.ended(call.client, now);
        Ok(())
    }

    fn admitted(&mut self, call: Call, reservation: Reservation, now: Nanos) -> Result<(), TooManyCalls> {
        let Call { client, tokens, .. } = call;
        self.succeeded[client as usize] += 1;
        self.tally.admitted += 1;
        self.tally.tokens += tokens;
        self.bin(now).admitted += 1;
        self.tally.note_wait(now - call.started + self.population.round_trip);
        // Nothing waits for the end of a response that was charged exactly, unless its client does.
        if self.population.reserve.is_none() && !self.schedule.is_closed() {
            return Ok(());
        }
        let end = now + self.response_time(&call);
        if end < self.horizon.end {
            let number = self.calls.stream(Streaming { client, tokens, reservation })?;
            self.plan_event(end, Class::Settle, number);
        }
        Ok(())
    }

    /// How long a call's response takes.
    fn response_time(&self, call: &Call) -> Nanos {
        let draw = || self.draws.draw(self.first + call.client, Purpose::Stream, u64::from(call.number));
        let streaming = self.population.tokens_per_second.map_or(0.0, |speed| call.tokens as f64 / speed);
        nanos(self.population.stream.value(draw) + streaming)
    }

    /// Sends a denied call again after a wait, if its client has the patience.
    fn retry_after(&mut self, mut call: Call, wait: Nanos, now: Nanos) -> Result<(), TooManyCalls> {
        let next = now + self.population.round_trip + wait;
        if self.population.patience.is_some_and(|patience| next - call.started > patience) {
            self.tally.out_of_patience += 1;
            self.ended(call.client, now);
            return Ok(());
        }
        if next >= self.horizon.end {
            self.tally.unfinished += 1;
            return Ok(());
        }
        call.retries += 1;
        call.previous = wait;
        let number = self.calls.wait(call)?;
        self.plan_event(next, Class::Retry, number);
        Ok(())
    }

    /// The end of a response: the engine learns what the call really cost.
    fn settle(&mut self, call: Streaming, now: Nanos) {
        self.limiter.settle(call.reservation, call.tokens, self.wall(now));
        self.ended(call.client, now);
    }

    /// A call is over for its client, who may be waiting for that to make the next.
    fn ended(&mut self, client: u32, now: Nanos) {
        if let Some(think) = self.schedule.think(client, u64::from(self.made[client as usize])) {
            self.plan_event(now + self.population.round_trip + think, Class::Arrival, client);
        }
    }

    fn wall(&self, now: Nanos) -> Timestamp {
        Timestamp::both(self.horizon.start + now)
    }

    fn bin(&mut self, now: Nanos) -> &mut Bin {
        &mut self.tally.bins[(now.get() / self.horizon.bin.get()) as usize]
    }
}

/// An engine with room for the group's keys, and the number of the population's plan in it.
fn engine(population: &Population, clients: usize) -> (Limiter, PlanId) {
    let keys = clients.div_ceil(population.clients_per_key as usize);
    let limiter = Limiter::builder()
        // Room to spare shortens probes.
        .capacity(keys * 2)
        .max_plans(4)
        .max_threads(1)
        // Any fixed seed: no caller of a simulation makes keys collide on purpose.
        .seed(0)
        .build()
        .expect("a group's sizes are within the limiter's");
    let plan = limiter.add_plan(&population.plan).expect("there is room for one plan more");
    (limiter, plan)
}
