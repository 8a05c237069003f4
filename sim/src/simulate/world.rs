//! The event loop: clients, the engine that decides on their calls, and what stands behind it.
//!
//! Where keys share nothing, a population splits into worlds of whole keys that run apart, each small enough for its engine,
//! its events and its clients to stay in a core's cache. Which clients make up a world depends on the scenario alone, and a
//! client's draws on its own number, so the split never shows in the results. Where a backend, a key or an address is shared,
//! all populations live in one.

use super::backend::{Backend, Job, Load, Place, Work};
use super::callers::most_keys;
use super::calls::{Call, Calls, Cause, Sent, Served, Streaming, TooManyCalls};
use super::crowd::Crowd;
use super::draws::{Draws, Purpose};
use super::events::{Class, Event, EventSet};
use super::grid::Grid;
use super::measures::{Bin, Tally};
use super::policy::{Hints, Refused, TOO_MANY_REQUESTS, Why, hint, nanos};
use super::recorded::Charge;
use super::records::End;
use super::scenario::{Happening, Scenario};
use crate::interrupt;
use anyhow::Context;
use std::hint::black_box;
use std::iter;
use std::ops::Range;
use tidegate::config::GuardConfig;
use tidegate::guard::{Answer, Guard};
use tidegate::headers::Retry;
use tidegate::{Cost, Decision, Limiter, Nanos, Plan, PlanId, Reservation, Timestamp};

/// Which clients of which population live in a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The population, by its place in the scenario.
    pub(crate) population: usize,
    /// Its clients, from a key's first to another's last.
    pub(crate) clients: Range<u32>,
}

/// So many events happen between two looks at whether to stop: some ten milliseconds.
const EVENTS_A_LOOK: u64 = 1 << 16;

/// What decides on calls.
#[derive(Debug)]
struct Gateway {
    limiter: Limiter,
    guard: Option<Guard>,
}

/// From so many pending events on, what they need is read ahead. At ten thousand that costs 6% (the cache holds nearly all), at a
/// million it saves a quarter of the time.
const MANY: usize = 40_000;

/// Clients on their way through a run.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    /// The length of a fine interval of the counts over time.
    fine: Nanos,
    /// The number of the one that is now, and its end.
    interval: (usize, Nanos),
    /// How the backend was occupied in each interval that is over, and in all up to then.
    loads: Vec<Load>,
    load: Load,
    gateways: Vec<Gateway>,
    backend: Option<Backend>,
    crowds: Vec<Crowd<'a>>,
    calls: Calls,
    events: EventSet,
    /// Calls that the backend has served with success.
    successes: u64,
    /// What is counted of each crowd.
    tallies: &'a mut [Tally],
}

impl<'a> World<'a> {
    /// What its clients do is added to the tallies, one for each part. An error if it is too large.
    pub(crate) fn new(
        scenario: &'a Scenario,
        parts: &[Part],
        (seed, replication): (u64, u32),
        grid: Grid,
        tallies: &'a mut [Tally],
    ) -> anyhow::Result<Self> {
        let gateway = || Gateway::new(scenario, parts);
        let gateways =
            iter::repeat_with(gateway).take(scenario.gateways.count()).collect::<anyhow::Result<Vec<_>>>()?;
        let mut first_source = 0_u32;
        let counted = (scenario.duration - scenario.measured(), scenario.duration);
        let crowds = parts
            .iter()
            .map(|part| {
                let population = &scenario.populations[part.population];
                let draws = Draws::new(seed, replication, &population.name);
                let plan = add_plan(&gateways, &population.plan, scenario);
                let crowd = Crowd::new(population, &part.clients, draws, plan, first_source, counted);
                first_source = first_source.saturating_add(crowd.schedule.sources().end);
                crowd
            })
            .collect();
        anyhow::ensure!(
            first_source <= EventSet::TARGETS,
            "{first_source} clients that have turns of their own share a world, which has room for {}; let fewer clients \
             share the backend, or let them call at random (`poisson`)",
            EventSet::TARGETS
        );
        Ok(Self {
            scenario,
            fine: grid.fine,
            interval: (0, grid.fine),
            loads: Vec::new(),
            load: Load::default(),
            gateways,
            backend: scenario.backend.as_ref().map(Backend::new),
            crowds,
            calls: Calls::default(),
            events: EventSet::default(),
            successes: 0,
            tallies,
        })
    }

    /// Runs to the end of the time.
    pub(crate) fn run(self) -> Result<(), TooManyCalls> {
        self.run_at_most(u64::MAX)
    }

    /// Runs to the end of the time, or until so many events have happened.
    pub(crate) fn run_at_most(mut self, most: u64) -> Result<(), TooManyCalls> {
        self.begin_all();
        self.go_on(most)?;
        self.finish();
        Ok(())
    }

    /// Plans what happens first.
    pub(crate) fn begin_all(&mut self) {
        let scenario = self.scenario;
        for (line, happening) in (0..).zip(&scenario.script) {
            self.plan_event(happening.at, Class::Script, line);
        }
        for place in 0..self.crowds.len() {
            let crowd = &self.crowds[place];
            let (first, sources) = (crowd.first_source, crowd.schedule.sources());
            for source in sources {
                if let Some(time) = self.crowds[place].schedule.first(source) {
                    self.plan_event(time, Class::Arrival, first + source);
                }
            }
        }
    }

    /// Runs on by so many events, or to the end of the time.
    pub(crate) fn go_on(&mut self, most: u64) -> Result<(), TooManyCalls> {
        for count in 0..most {
            if count % EVENTS_A_LOOK == 0 && interrupt::is_asked() {
                break;
            }
            if self.events.fetch() && self.events.len() >= MANY {
                self.look_ahead();
            }
            let Some(event) = self.events.next() else { break };
            self.handle(event)?;
        }
        Ok(())
    }

    /// Reads what the events that come next will need, all of it at a time, so that the processor waits once for some dozens of
    /// events and not for each.
    fn look_ahead(&self) {
        let calls = self.events.coming().map(|event| self.calls.touch(event.class, event.target));
        black_box(calls.fold(0, |seen, touched| seen ^ touched));
        let clients = self.events.coming().map(|event| self.look_at_client(event));
        black_box(clients.fold(0, |seen, touched| seen ^ touched));
    }

    /// Reads what is known of the client that an event is about.
    fn look_at_client(&self, event: Event) -> u64 {
        let (crowd, client) = match event.class {
            Class::Arrival => {
                let place = self.crowd_of(event.target);
                (place, event.target - self.crowds[place].first_source)
            }
            class => match self.calls.whose(class, event.target) {
                Some((crowd, client)) => (usize::from(crowd), client),
                None => return 0,
            },
        };
        self.crowds[crowd].touch(client)
    }

    /// How many events are to come.
    pub(crate) fn pending(&self) -> usize {
        self.events.len()
    }

    fn finish(&mut self) {
        let overflowed = self.gateways.iter().map(|gateway| gateway.limiter.overflowed()).sum::<u64>();
        self.turn(self.scenario.duration);
        let load = self.backend.as_mut().map(|backend| backend.load(self.scenario.duration));
        let events = self.events.scheduled();
        for (place, (crowd, tally)) in self.crowds.iter_mut().zip(self.tallies.iter_mut()).enumerate() {
            crowd.records.finish(self.scenario.duration, tally);
            // What is the world's stands with its first crowd.
            if place == 0 {
                tally.events += events;
                tally.overflowed += overflowed;
                tally.load += load.unwrap_or_default();
                tally.note_loads(std::mem::take(&mut self.loads));
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), TooManyCalls> {
        let Event { time: now, class, target } = event;
        if now >= self.interval.1 {
            self.turn(now);
        }
        match class {
            Class::Script => self.happen(target, now),
            Class::Arrival => return self.arrive(target, now),
            Class::Retry => {
                if let Some(call) = self.calls.take_waiting(target) {
                    return self.attempt(call, now);
                }
            }
            Class::Settle => {
                if let Some(call) = self.calls.take_streaming(target) {
                    self.settle(call, now);
                }
            }
            Class::Served => {
                if let Some(served) = self.calls.served(target) {
                    return self.served(served, now);
                }
            }
            Class::Refused => {
                let next = self.backend.as_mut().and_then(|backend| backend.refused(now));
                self.work(next, now);
            }
            Class::Timeout => {
                if let Some(call) = self.calls.timed_out(target) {
                    self.tally(call).timed_out += 1;
                    return self.refused(call.because(Cause::TimedOut), Why::TimedOut, now);
                }
            }
        }
        Ok(())
    }

    /// The intervals that have passed are over.
    #[cold]
    fn turn(&mut self, now: Nanos) {
        if let Some(backend) = &mut self.backend {
            while self.interval.1 <= now {
                let load = backend.load(self.interval.1);
                self.loads.push(load - self.load);
                self.load = load;
                self.interval.1 = self.interval.1 + self.fine;
            }
        }
        let number = now.get() / self.fine.get();
        self.interval = (number as usize, Nanos::new((number + 1).saturating_mul(self.fine.get())));
    }

    /// Adds an event, unless it lies beyond the end.
    fn plan_event(&mut self, time: Nanos, class: Class, target: u32) {
        if time < self.scenario.duration {
            self.events.schedule(time, class, target);
        }
    }

    /// A source's turn: its client calls, and its next turn is planned.
    fn arrive(&mut self, source: u32, now: Nanos) -> Result<(), TooManyCalls> {
        let place = self.crowd_of(source);
        let crowd = &mut self.crowds[place];
        let arrival = crowd.schedule.arrive(source - crowd.first_source, now);
        for _ in 0..arrival.calls {
            self.begin(place, arrival.client, arrival.charge, now)?;
        }
        if let Some(next) = arrival.next {
            self.plan_event(next, Class::Arrival, source);
        }
        Ok(())
    }

    /// The crowd that a source of arrivals is of.
    fn crowd_of(&self, source: u32) -> usize {
        match self.crowds.len() {
            1 => 0,
            _ => self.crowds.partition_point(|crowd| crowd.first_source <= source) - 1,
        }
    }

    fn begin(
        &mut self,
        place: usize,
        client: u32,
        recorded: Option<Charge>,
        now: Nanos,
    ) -> Result<(), TooManyCalls> {
        let crowd = &mut self.crowds[place];
        let number = crowd.records.begin(client, now, &mut self.tallies[place]);
        let Charge { reserved, used } = recorded.unwrap_or_else(|| crowd.charge(client, number));
        let call = Call {
            crowd: place as u16,
            retries: 0,
            was_too_many: false,
            cause: Cause::Denied,
            client,
            number,
            charge: Charge { reserved: crowd.population.reserve.unwrap_or(reserved), used },
            started: now,
            previous: Nanos::ZERO,
        };
        crowd.begins(client, now);
        self.tally(call).calls += 1;
        if self.holds_back(&call, now) {
            return self.refused(call.because(Cause::HeldBack), Why::HeldBack, now);
        }
        self.interval(call).calls += 1;
        self.decide(call, now)
    }

    fn attempt(&mut self, call: Call, now: Nanos) -> Result<(), TooManyCalls> {
        let tally = self.tally(call);
        tally.retries += 1;
        tally.retries_after[call.cause as usize] += 1;
        if self.holds_back(&call, now) {
            return self.refused(call.because(Cause::HeldBack), Why::HeldBack, now);
        }
        self.interval(call).retries += 1;
        self.decide(call, now)
    }

    /// Whether the client does not send an attempt, which is counted then.
    fn holds_back(&mut self, call: &Call, now: Nanos) -> bool {
        let holds = self.crowds[usize::from(call.crowd)].holds_back(call, now);
        self.tally(*call).held_back += u64::from(holds);
        holds
    }

    /// Asks the guard and the engine, and goes on as they say.
    fn decide(&mut self, call: Call, now: Nanos) -> Result<(), TooManyCalls> {
        let crowd = &self.crowds[usize::from(call.crowd)];
        let at = self.wall(now);
        let number = crowd.gateway(&call, &self.scenario.gateways);
        let Gateway { limiter, guard } = &self.gateways[usize::from(number)];
        if let Some(Answer::Blocked(block)) =
            guard.as_ref().map(|guard| guard.check(crowd.address(call.client), at))
        {
            self.tally(call).blocked += 1;
            let why = Why::Told(block.status, Retry::After(block.remaining));
            return self.refused(call.because(Cause::Blocked), why, now);
        }
        let cost = Cost::tokens(u64::from(call.charge.reserved));
        let key = crowd.key(call.client);
        match limiter.check(&key, crowd.plan, cost, at) {
            Decision::Admitted(admission) => self.admitted(call, (admission.reservation, number), now),
            Decision::Denied(denial) => {
                if let Some(guard) = guard {
                    let _ = guard.denied(crowd.address(call.client), &key, denial.retry_after, at);
                }
                let tally = self.tally(call);
                tally.denied[denial.limit as usize] += 1;
                if call.retries > 0 && call.cause == Cause::Heeded {
                    tally.hints.note(denial.retry_after);
                }
                self.pay_for_refusal(now);
                self.refused(call.because(Cause::Denied), Why::Told(TOO_MANY_REQUESTS, hint(&denial)), now)
            }
            Decision::Never(limit) => {
                self.tally(call).never[limit as usize] += 1;
                self.pay_for_refusal(now);
                self.refused(call.because(Cause::Denied), Why::Told(TOO_MANY_REQUESTS, Retry::Never), now)
            }
        }
    }

    /// The call's client waits and tries again, or gives up.
    fn refused(&mut self, call: Call, why: Why, now: Nanos) -> Result<(), TooManyCalls> {
        let crowd = &mut self.crowds[usize::from(call.crowd)];
        let refused = Refused {
            client: crowd.first + call.client,
            number: call.number,
            retries: call.retries,
            previous: call.previous,
            elapsed: now - call.started,
            why,
        };
        crowd.fails(call.client);
        let Some(wait) = crowd.population.policy.wait(&refused, crowd.draws) else {
            crowd.gives_up(call.client, call.retries > 0);
            return self.given_up(call, now);
        };
        if !crowd.may_retry(&call, why, now) {
            crowd.gives_up(call.client, false);
            self.tally(call).out_of_budget += 1;
            return self.given_up(call, now);
        }
        let heeds = call.cause == Cause::Denied && heeds(&crowd.population.policy.hints, why, wait);
        let cause = if heeds { Cause::Heeded } else { call.cause };
        self.retry_after(Call { was_too_many: why.is_too_many(), cause, ..call }, wait, now)
    }

    fn given_up(&mut self, call: Call, now: Nanos) -> Result<(), TooManyCalls> {
        self.tally(call).given_up += 1;
        self.lost(call, now);
        Ok(())
    }

    fn admitted(
        &mut self,
        call: Call,
        (reservation, gateway): (Reservation, u8),
        now: Nanos,
    ) -> Result<(), TooManyCalls> {
        self.tally(call).admitted += 1;
        self.interval(call).admitted += 1;
        if self.backend.is_some() {
            return self.send(call, (reservation, gateway), now);
        }
        self.succeeded(call, now);
        let crowd = &self.crowds[usize::from(call.crowd)];
        // Nothing waits for the end of a response that was charged exactly, unless its client does.
        let is_exact = crowd.population.reserve.is_none() && call.charge.reserved == call.charge.used;
        if is_exact && !crowd.schedule.is_closed() {
            return Ok(());
        }
        let end = now + response_time(crowd, &call);
        if end < self.scenario.duration {
            let Call { crowd, client, charge: Charge { used: tokens, .. }, .. } = call;
            let number = self.calls.stream(Streaming { crowd, client, tokens, gateway, reservation })?;
            self.plan_event(end, Class::Settle, number);
        }
        Ok(())
    }

    /// A call has its answer.
    fn succeeded(&mut self, call: Call, now: Nanos) {
        let crowd = &mut self.crowds[usize::from(call.crowd)];
        crowd.succeeds(&call, now);
        let round_trip = crowd.round_trip(&call);
        let tally = &mut self.tallies[usize::from(call.crowd)];
        crowd.records.end(call.client, End::Success, now, tally);
        tally.succeeded += 1;
        tally.tokens += u64::from(call.charge.used);
        tally.note_wait(now - call.started + round_trip);
        self.interval(call).succeeded += 1;
    }

    /// Hands an admitted call to the backend.
    fn send(
        &mut self,
        call: Call,
        (reservation, gateway): (Reservation, u8),
        now: Nanos,
    ) -> Result<(), TooManyCalls> {
        let (Some(backend), Some(rules)) = (&mut self.backend, &self.scenario.backend) else { return Ok(()) };
        let crowd = &self.crowds[usize::from(call.crowd)];
        let service = rules.service_time(call.charge.used, || crowd.draw_of(&call, Purpose::Service));
        let timeout = crowd.population.timeout;
        let sent = Sent { call, reservation, gateway, arrived: now, service, seen: self.successes };
        let number = self.calls.send(sent, timeout.is_some())?;
        let place = backend.arrive(Job { call: number, service }, now);
        match place {
            Place::Served => self.plan_event(now + service, Class::Served, number),
            Place::Queued => {}
            Place::Refused => {
                if let Some(sent) = self.calls.take_back(number) {
                    // The upstream never saw it.
                    self.limiter(sent.gateway).cancel(sent.reservation, self.wall(now));
                }
                self.tally(call).turned_away += 1;
                self.pay_for_refusal(now);
                return self.refused(call.because(Cause::TurnedAway), Why::Failed, now);
            }
        }
        if let Some(timeout) = timeout {
            self.plan_event(now + timeout, Class::Timeout, number);
        }
        Ok(())
    }

    /// A server has served a call: the engine learns what it really cost, and its client has an answer, if it still
    /// waits for one.
    fn served(&mut self, Served { sent, in_time }: Served, now: Nanos) -> Result<(), TooManyCalls> {
        // Drawn before the engine is asked, which does not wait for it: 3% of the time at ten thousand pending.
        let turn = self.crowds[usize::from(sent.call.crowd)].next_turn(sent.call.client, now);
        let next = self.backend.as_mut().and_then(|backend| backend.served(now));
        self.work(next, now);
        let fails = self.fails(&sent);
        let Sent { call, reservation, gateway, arrived, service, .. } = sent;
        self.limiter(gateway).settle(reservation, u64::from(call.charge.used), self.wall(now));
        self.tally(call).note_service(now - arrived, service, in_time && !fails);
        if fails {
            // One that nobody waits for has been counted as that.
            self.tally(call).failed += u64::from(in_time);
        } else {
            self.successes += 1;
        }
        match (in_time, fails) {
            (false, _) => Ok(()),
            (true, true) => self.refused(call.because(Cause::Failed), Why::Failed, now),
            (true, false) => {
                self.succeeded(call, now);
                self.plan_turn(call.crowd, call.client, turn);
                Ok(())
            }
        }
    }

    /// Whether a call's service ends in a failure.
    fn fails(&self, sent: &Sent) -> bool {
        let Some(rules) = &self.scenario.backend else { return false };
        let crowd = &self.crowds[usize::from(sent.call.crowd)];
        rules.optimistic && sent.seen != self.successes
            || rules.failure > 0.0 && crowd.draw_of(&sent.call, Purpose::Failure).unit() < rules.failure
    }

    /// A server turns to something, if there is anything.
    fn work(&mut self, work: Option<(Work, Nanos)>, now: Nanos) {
        match work {
            Some((Work::Job(job), time)) => self.plan_event(now + time, Class::Served, job.call),
            Some((Work::Refusal, time)) => self.plan_event(now + time, Class::Refused, 0),
            None => {}
        }
    }

    /// A refusal may cost the backend work.
    fn pay_for_refusal(&mut self, now: Nanos) {
        if let Some(time) = self.backend.as_mut().and_then(|backend| backend.refuse(now)) {
            self.plan_event(now + time, Class::Refused, 0);
        }
    }

    /// Sends a call again after a wait, if its client has the patience.
    fn retry_after(&mut self, mut call: Call, wait: Nanos, now: Nanos) -> Result<(), TooManyCalls> {
        let crowd = &mut self.crowds[usize::from(call.crowd)];
        let next = now + crowd.round_trip(&call) + wait;
        if crowd.population.patience.is_some_and(|patience| next - call.started > patience) {
            crowd.gives_up(call.client, true);
            self.tally(call).out_of_patience += 1;
            self.lost(call, now);
            return Ok(());
        }
        if next >= self.scenario.duration {
            return Ok(());
        }
        call.retries = call.retries.saturating_add(1);
        call.previous = wait;
        let number = self.calls.wait(call)?;
        self.plan_event(next, Class::Retry, number);
        Ok(())
    }

    /// The end of a response: the engine learns what the call really cost.
    fn settle(&mut self, call: Streaming, now: Nanos) {
        self.limiter(call.gateway).settle(call.reservation, u64::from(call.tokens), self.wall(now));
        self.ended(call.crowd, call.client, now);
    }

    /// A call is given up.
    fn lost(&mut self, call: Call, now: Nanos) {
        let place = usize::from(call.crowd);
        self.crowds[place].records.end(call.client, End::GivenUp, now, &mut self.tallies[place]);
        self.interval(call).lost += 1;
        self.ended(call.crowd, call.client, now);
    }

    /// A call is over for its client, who may be waiting for that to make the next.
    fn ended(&mut self, crowd: u16, client: u32, now: Nanos) {
        let turn = self.crowds[usize::from(crowd)].next_turn(client, now);
        self.plan_turn(crowd, client, turn);
    }

    fn plan_turn(&mut self, crowd: u16, client: u32, turn: Option<Nanos>) {
        if let Some(time) = turn {
            let source = self.crowds[usize::from(crowd)].first_source + client;
            self.plan_event(time, Class::Arrival, source);
        }
    }

    /// A line of the script comes true.
    fn happen(&mut self, line: u32, now: Nanos) {
        match &self.scenario.script[line as usize].what {
            Happening::WarmedUp => {
                self.tallies.iter_mut().for_each(Tally::start_over);
                self.crowds.iter_mut().for_each(|crowd| crowd.records.start_over(now));
                if let Some(backend) = &mut self.backend {
                    backend.count_from(now);
                    self.load = Load::default();
                }
            }
            Happening::Outage => {
                if let Some(backend) = &mut self.backend {
                    backend.stop(now);
                }
            }
            Happening::Recovery => {
                let begun = self.backend.as_mut().map(|backend| backend.start(now)).unwrap_or_default();
                begun.into_iter().for_each(|work| self.work(Some(work), now));
            }
            Happening::PlanChange { population, plan } => {
                let plan = add_plan(&self.gateways, plan, self.scenario);
                let population = &self.scenario.populations[*population].name;
                self.crowds
                    .iter_mut()
                    .filter(|crowd| crowd.population.name == *population)
                    .for_each(|crowd| crowd.plan = plan);
            }
        }
    }

    fn limiter(&self, gateway: u8) -> &Limiter {
        &self.gateways[usize::from(gateway)].limiter
    }

    fn wall(&self, now: Nanos) -> Timestamp {
        Timestamp::both(self.scenario.start + now)
    }

    fn tally(&mut self, call: Call) -> &mut Tally {
        &mut self.tallies[usize::from(call.crowd)]
    }

    /// What is counted of a call's crowd in the interval that is now.
    fn interval(&mut self, call: Call) -> &mut Bin {
        let (number, _) = self.interval;
        &mut self.tally(call).series[number]
    }
}

/// Whether a client that reads hints waits as long as it was told.
fn heeds(hints: &Hints, why: Why, wait: Nanos) -> bool {
    match why {
        Why::Told(_, Retry::After(told) | Retry::NextDay(told)) => {
            matches!(hints, Hints::Honoured { .. }) && wait >= told
        }
        _ => false,
    }
}

/// How long an admitted call's response takes, where no backend says so.
fn response_time(crowd: &Crowd<'_>, call: &Call) -> Nanos {
    let draw = || crowd.draws.draw(crowd.first + call.client, Purpose::Stream, u64::from(call.number));
    let streaming =
        crowd.population.tokens_per_second.map_or(0.0, |speed| f64::from(call.charge.used) / speed);
    nanos(crowd.population.stream.value(draw) + streaming)
}

impl Gateway {
    fn new(scenario: &Scenario, parts: &[Part]) -> anyhow::Result<Self> {
        // Any fixed seed, as for the engine's.
        let guard = |rules: &GuardConfig| {
            rules.builder().seed(0).build().expect("the rules were tried when the scenario was read")
        };
        Ok(Self { limiter: engine(scenario, parts)?, guard: scenario.guard.as_ref().map(guard) })
    }
}

/// Adds a plan to each gateway, by the same name in all: they are given the same plans in the same order.
fn add_plan(gateways: &[Gateway], plan: &Plan, scenario: &Scenario) -> PlanId {
    let add = |(number, gateway): (usize, &Gateway)| {
        let part = scenario.gateways.part_of(plan, number).expect("it was tried when the scenario was read");
        gateway.limiter.add_plan(&part).expect("there is room for every plan")
    };
    let mut names = gateways.iter().enumerate().map(add);
    let name = names.next().expect("there is a gateway");
    let are_alike = names.all(|other| other == name);
    debug_assert!(are_alike, "the same plans in the same order");
    name
}

/// An engine with room for the keys of these clients, and for every plan that they may have.
fn engine(scenario: &Scenario, parts: &[Part]) -> anyhow::Result<Limiter> {
    let keys = engine_capacity(scenario, parts);
    Limiter::builder()
        .capacity(keys)
        .max_plans(3 + parts.len() + scenario.script.len())
        .max_threads(1)
        // Any fixed seed: no caller of a simulation makes keys collide on purpose.
        .seed(0)
        .build()
        .with_context(|| format!("an engine for {keys} keys cannot be made"))
}

/// Room for the keys of all who call, and, while that takes less than a third of a gigabyte, as much to spare, which shortens
/// probes; else an eighth. Filled to the last record, a table of tens of millions finds no room for one now and then.
pub(crate) fn engine_capacity(scenario: &Scenario, parts: &[Part]) -> usize {
    const SPARE_UP_TO: usize = 2_000_000;
    let keys = most_keys(scenario, parts);
    (keys + keys / 8).max((keys * 2).min(SPARE_UP_TO))
}
