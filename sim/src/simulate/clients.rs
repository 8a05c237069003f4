//! The clients' side of a world: who calls when, what becomes of an answer, and all that is counted.
//!
//! Attempts are made ready here and counted when their answers are heard, in order of time. So it does not matter how long
//! before their time they were made ready.

use super::answer::Answer;
use super::calls::{Call, Cause, Retries, TooManyCalls};
use super::crowd::Crowd;
use super::draws::Draws;
use super::events::{Class, Event, EventSet};
use super::grid::Grid;
use super::measures::{Bin, Tally};
use super::policy::{Hints, Refused, TOO_MANY_REQUESTS, Why, hint};
use super::recorded::Charge;
use super::records::End;
use super::scenario::Scenario;
use super::who::Who;
use super::world::Part;
use tidegate::Nanos;
use tidegate::headers::Retry;

/// Clients on their way through a run.
pub(super) struct Clients<'a> {
    scenario: &'a Scenario,
    /// The length of a fine interval of the counts over time.
    fine: Nanos,
    /// The number of the one that is now, and its end.
    interval: (usize, Nanos),
    crowds: Vec<Crowd<'a>>,
    retries: Retries,
    /// What is counted of each crowd.
    tallies: &'a mut [Tally],
}

/// Calls that clients of a crowd begin at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    crowd: usize,
    client: u32,
    charge: Option<Charge>,
    /// So many.
    pub(super) calls: u32,
}

impl Begun {
    /// Whose they are.
    pub(super) fn whose(&self) -> (u16, u32) {
        (self.crowd as u16, self.client)
    }
}

impl<'a> Clients<'a> {
    /// The clients of these parts; what they do is added to the tallies, one for each. An error if they are too many.
    pub(super) fn new(
        scenario: &'a Scenario,
        parts: &[Part],
        (seed, replication): (u64, u32),
        grid: Grid,
        tallies: &'a mut [Tally],
    ) -> anyhow::Result<Self> {
        let mut first_source = 0_u32;
        let counted = (scenario.duration - scenario.measured(), scenario.duration);
        let crowds = parts
            .iter()
            .map(|part| {
                let population = &scenario.populations[part.population];
                let draws = Draws::new(seed, replication, &population.name);
                let crowd = Crowd::new(population, &part.clients, draws, first_source, counted);
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
            crowds,
            retries: Retries::default(),
            tallies,
        })
    }

    /// Who the clients of each crowd are.
    pub(super) fn who(&self) -> impl Iterator<Item = Who<'a>> {
        self.crowds.iter().map(|crowd| crowd.who)
    }

    /// Plans what clients do first.
    pub(super) fn begin_all(&mut self, events: &mut EventSet) {
        for place in 0..self.crowds.len() {
            let crowd = &self.crowds[place];
            let (first, sources) = (crowd.first_source, crowd.schedule.sources());
            let class = if crowd.schedule.is_closed() { Class::Turn } else { Class::Arrival };
            for source in sources {
                if let Some(time) = self.crowds[place].schedule.first(source) {
                    self.plan(time, class, first + source, events);
                }
            }
        }
    }

    /// The run is over. What is the world's stands with its first crowd.
    pub(super) fn finish(&mut self) -> Option<&mut Tally> {
        for (crowd, tally) in self.crowds.iter_mut().zip(self.tallies.iter_mut()) {
            crowd.records.finish(self.scenario.duration, tally);
        }
        self.tallies.first_mut()
    }

    /// Reads what is known of a client of a crowd.
    #[inline]
    pub(super) fn touch(&self, (crowd, client): (u16, u32)) -> u64 {
        self.crowds[usize::from(crowd)].touch(client)
    }

    /// Whom an event of these is about: the crowd, and which of its clients.
    #[inline]
    pub(super) fn whose(&self, event: Event) -> Option<(u16, u32)> {
        match event.class {
            Class::Arrival | Class::Turn => {
                let place = self.crowd_of(event.target);
                Some((place as u16, event.target - self.crowds[place].first_source))
            }
            Class::Retry => self.retries.whose(event.target),
            _ => None,
        }
    }

    /// Reads the call that an event of these is about.
    #[inline]
    pub(super) fn touch_call(&self, event: Event) -> u64 {
        if event.class == Class::Retry { self.retries.touch(event.target) } else { 0 }
    }

    /// A source's turn: its client begins calls, and its next turn is planned.
    #[inline]
    pub(super) fn arrive(&mut self, source: u32, now: Nanos, events: &mut EventSet) -> Begun {
        let place = self.crowd_of(source);
        let crowd = &mut self.crowds[place];
        let arrival = crowd.schedule.arrive(source - crowd.first_source, now);
        if let Some(next) = arrival.next {
            self.plan(next, Class::Arrival, source, events);
        }
        Begun { crowd: place, client: arrival.client, charge: arrival.charge, calls: arrival.calls }
    }

    /// The crowd that a source of arrivals is of.
    fn crowd_of(&self, source: u32) -> usize {
        match self.crowds.len() {
            1 => 0,
            _ => self.crowds.partition_point(|crowd| crowd.first_source <= source) - 1,
        }
    }

    /// The next call of those that were begun.
    #[inline]
    pub(super) fn begin(&mut self, begun: &Begun, now: Nanos) -> Call {
        let crowd = &mut self.crowds[begun.crowd];
        let number = crowd.records.number(begun.client);
        let charge = begun.charge.unwrap_or_else(|| crowd.who.charge(begun.client, number));
        let reserved = crowd.who.population.reserve.unwrap_or(charge.reserved);
        crowd.begins(begun.client, now);
        Call {
            crowd: begun.crowd as u16,
            retries: 0,
            was_too_many: false,
            cause: Cause::Denied,
            client: begun.client,
            number,
            charge: Charge { reserved, ..charge },
            started: now,
            previous: Nanos::ZERO,
        }
    }

    /// The call that is to be tried again.
    #[inline]
    pub(super) fn retry(&mut self, number: u32) -> Option<Call> {
        self.retries.take(number)
    }

    /// Whether a client does not send an attempt; it is refused then.
    #[inline]
    pub(super) fn holds_back(
        &mut self,
        call: Call,
        now: Nanos,
        events: &mut EventSet,
    ) -> Result<bool, TooManyCalls> {
        let holds = self.crowds[usize::from(call.crowd)].holds_back(&call, now);
        if holds {
            self.pass_to(now);
            self.count(&call, now);
            self.tally(call).held_back += 1;
            self.refused(call.because(Cause::HeldBack), Why::HeldBack, now, events)?;
        }
        Ok(holds)
    }

    /// Something has happened at the gateway. What follows from it is planned, which is no sooner than a round trip later.
    #[inline]
    pub(super) fn hear(
        &mut self,
        answer: Answer,
        now: Nanos,
        events: &mut EventSet,
    ) -> Result<(), TooManyCalls> {
        self.pass_to(now);
        match answer {
            Answer::WarmedUp => {
                self.tallies.iter_mut().for_each(Tally::start_over);
                self.crowds.iter_mut().for_each(|crowd| crowd.records.start_over(now));
                Ok(())
            }
            Answer::Blocked(call, status, remaining) => {
                self.sent(&call, now);
                self.tally(call).blocked += 1;
                let why = Why::Told(status, Retry::After(remaining));
                self.refused(call.because(Cause::Blocked), why, now, events)
            }
            Answer::Denied(call, limit, retry_after) => {
                self.sent(&call, now);
                let tally = self.tally(call);
                tally.denied[limit as usize] += 1;
                if call.retries > 0 && call.cause == Cause::Heeded {
                    tally.hints.note(retry_after);
                }
                let why = Why::Told(TOO_MANY_REQUESTS, hint(limit, retry_after));
                self.refused(call.because(Cause::Denied), why, now, events)
            }
            Answer::Never(call, limit) => {
                self.sent(&call, now);
                self.tally(call).never[limit as usize] += 1;
                let why = Why::Told(TOO_MANY_REQUESTS, Retry::Never);
                self.refused(call.because(Cause::Denied), why, now, events)
            }
            Answer::Admitted(call) => {
                self.sent(&call, now);
                self.tally(call).admitted += 1;
                self.interval(call).admitted += 1;
                if self.scenario.backend.is_none() {
                    self.succeeded(call, now);
                }
                Ok(())
            }
            Answer::TurnedAway(call) => {
                self.tally(call).turned_away += 1;
                self.refused(call.because(Cause::TurnedAway), Why::Failed, now, events)
            }
            Answer::Served(call, how) => {
                let tally = self.tally(call);
                tally.note_service(how.sojourn, how.time, how.in_time && !how.fails);
                // One that nobody waits for has been counted as that.
                tally.failed += u64::from(how.in_time && how.fails);
                match (how.in_time, how.fails) {
                    (false, _) => Ok(()),
                    (true, true) => self.refused(call.because(Cause::Failed), Why::Failed, now, events),
                    (true, false) => {
                        self.succeeded(call, now);
                        self.ended(call.crowd, call.client, now, events);
                        Ok(())
                    }
                }
            }
            Answer::TimedOut(call) => {
                self.tally(call).timed_out += 1;
                self.refused(call.because(Cause::TimedOut), Why::TimedOut, now, events)
            }
            Answer::Ended(crowd, client) => {
                self.ended(crowd, client, now, events);
                Ok(())
            }
        }
    }

    /// An attempt was made.
    #[inline]
    fn sent(&mut self, call: &Call, now: Nanos) {
        self.count(call, now);
        let interval = self.interval(*call);
        if call.retries == 0 { interval.calls += 1 } else { interval.retries += 1 }
    }

    /// An attempt was made, or would have been.
    #[inline]
    fn count(&mut self, call: &Call, now: Nanos) {
        let place = usize::from(call.crowd);
        let tally = &mut self.tallies[place];
        if call.retries == 0 {
            self.crowds[place].records.begin(call.client, now, tally);
            tally.calls += 1;
        } else {
            self.retries.note_retried();
            tally.retries += 1;
            tally.retries_after[call.cause as usize] += 1;
        }
    }

    /// The call's client waits and tries again, or gives up.
    fn refused(
        &mut self,
        call: Call,
        why: Why,
        now: Nanos,
        events: &mut EventSet,
    ) -> Result<(), TooManyCalls> {
        let crowd = &mut self.crowds[usize::from(call.crowd)];
        let refused = Refused {
            client: crowd.who.first + call.client,
            number: call.number,
            retries: call.retries,
            previous: call.previous,
            elapsed: now - call.started,
            why,
        };
        crowd.fails(call.client);
        let Some(wait) = crowd.who.population.policy.wait(&refused, crowd.who.draws) else {
            crowd.gives_up(call.client, call.retries > 0);
            self.given_up(call, now, events);
            return Ok(());
        };
        if !crowd.may_retry(&call, why, now) {
            crowd.gives_up(call.client, false);
            self.tally(call).out_of_budget += 1;
            self.given_up(call, now, events);
            return Ok(());
        }
        let heeds = call.cause == Cause::Denied && heeds(&crowd.who.population.policy.hints, why, wait);
        let cause = if heeds { Cause::Heeded } else { call.cause };
        self.retry_after(Call { was_too_many: why.is_too_many(), cause, ..call }, wait, now, events)
    }

    fn given_up(&mut self, call: Call, now: Nanos, events: &mut EventSet) {
        self.tally(call).given_up += 1;
        self.lost(call, now, events);
    }

    /// A call has its answer.
    fn succeeded(&mut self, call: Call, now: Nanos) {
        let crowd = &mut self.crowds[usize::from(call.crowd)];
        crowd.succeeds(&call, now);
        let round_trip = crowd.who.round_trip(&call);
        let tally = &mut self.tallies[usize::from(call.crowd)];
        crowd.records.end(call.client, End::Success, now, tally);
        tally.succeeded += 1;
        tally.tokens += u64::from(call.charge.used);
        tally.note_wait(now - call.started + round_trip);
        self.interval(call).succeeded += 1;
    }

    /// Sends a call again after a wait, if its client has the patience.
    fn retry_after(
        &mut self,
        mut call: Call,
        wait: Nanos,
        now: Nanos,
        events: &mut EventSet,
    ) -> Result<(), TooManyCalls> {
        let crowd = &mut self.crowds[usize::from(call.crowd)];
        let next = now + crowd.who.round_trip(&call) + wait;
        if crowd.who.population.patience.is_some_and(|patience| next - call.started > patience) {
            crowd.gives_up(call.client, true);
            self.tally(call).out_of_patience += 1;
            self.lost(call, now, events);
            return Ok(());
        }
        if next >= self.scenario.duration {
            return Ok(());
        }
        call.retries = call.retries.saturating_add(1);
        call.previous = wait;
        let number = self.retries.wait(call)?;
        self.plan(next, Class::Retry, number, events);
        Ok(())
    }

    /// A call is given up.
    fn lost(&mut self, call: Call, now: Nanos, events: &mut EventSet) {
        let place = usize::from(call.crowd);
        self.crowds[place].records.end(call.client, End::GivenUp, now, &mut self.tallies[place]);
        self.interval(call).lost += 1;
        self.ended(call.crowd, call.client, now, events);
    }

    /// A call is over for its client, who may be waiting for that to make the next.
    fn ended(&mut self, crowd: u16, client: u32, now: Nanos, events: &mut EventSet) {
        let crowd = &self.crowds[usize::from(crowd)];
        if let Some(time) = crowd.next_turn(client, now) {
            self.plan(time, Class::Turn, crowd.first_source + client, events);
        }
    }

    /// Intervals that have passed are over.
    #[inline]
    fn pass_to(&mut self, now: Nanos) {
        if now >= self.interval.1 {
            self.turn(now);
        }
    }

    #[cold]
    fn turn(&mut self, now: Nanos) {
        let number = now.get() / self.fine.get();
        self.interval = (number as usize, Nanos::new((number + 1).saturating_mul(self.fine.get())));
    }

    /// Adds an event, unless it lies beyond the end.
    #[inline]
    fn plan(&self, time: Nanos, class: Class, target: u32, events: &mut EventSet) {
        if time < self.scenario.duration {
            events.schedule(time, class, target);
        }
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
