//! The event loop: clients, the engine that decides on their calls, and what stands behind it.
//!
//! Where keys share nothing, a population splits into worlds of whole keys that run apart, each small enough for its engine,
//! its events and its clients to stay in a core's cache. Which clients make up a world depends on the scenario alone, and a
//! client's draws on its own number, so the split never shows in the results. Where a backend, a key or an address is shared,
//! all populations live in one.
//!
//! A world has two sides, the [gateway's](Provider) and the [clients'](Clients), which know of each other only what an attempt
//! and an [answer](Answer) say. One thread runs both, event by event; where enough happens, two run them [abreast],
//! which comes to the same.

use super::abreast;
use super::answer::{Answer, Outside};
use super::callers::most_keys;
use super::calls::{Call, TooManyCalls};
use super::clients::Clients;
use super::events::{Class, Event, EventSet};
use super::grid::Grid;
use super::lookahead::lookahead;
use super::measures::Tally;
use super::provider::Provider;
use super::scenario::Scenario;
use super::spare::Spare;
use crate::interrupt;
use std::hint::black_box;
use std::ops::Range;
use tidegate::Nanos;

/// Which clients of which population live in a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The population, by its place in the scenario.
    pub(crate) population: usize,
    /// Its clients, from a key's first to another's last.
    pub(crate) clients: Range<u32>,
}

/// So many events happen between two looks at whether to stop, and at whether two threads were faster: some two milliseconds.
const EVENTS_A_LOOK: u64 = 1 << 14;

/// Clients on their way through a run.
pub(crate) struct World<'a> {
    scenario: &'a Scenario,
    provider: Provider<'a>,
    clients: Clients<'a>,
    events: EventSet,
}

/// Both sides on one thread: what the one says the other hears at once.
struct Direct<'w, 'a> {
    clients: &'w mut Clients<'a>,
    events: &'w mut EventSet,
}

impl Outside for Direct<'_, '_> {
    #[inline]
    fn plan(&mut self, time: Nanos, class: Class, target: u32) {
        self.events.schedule(time, class, target);
    }

    #[inline]
    fn hear(&mut self, answer: Answer, now: Nanos) -> Result<(), TooManyCalls> {
        self.clients.hear(answer, now, self.events)
    }
}

impl<'a> World<'a> {
    /// What its clients do is added to the tallies, one for each part. An error if it is too large.
    pub(crate) fn new(
        scenario: &'a Scenario,
        parts: &[Part],
        draws: (u64, u32),
        grid: Grid,
        tallies: &'a mut [Tally],
    ) -> anyhow::Result<Self> {
        let clients = Clients::new(scenario, parts, draws, grid, tallies)?;
        let provider = Provider::new(scenario, parts, clients.who(), grid.fine)?;
        Ok(Self { scenario, provider, clients, events: EventSet::default() })
    }

    /// Runs to the end of the time, on a second thread besides where one is to spare and it helps.
    pub(crate) fn run(mut self, spare: &Spare) -> Result<(), TooManyCalls> {
        self.begin_all();
        let lookahead = lookahead(self.scenario);
        // Events since two threads ran: to divide those that are pending, and join them, costs as much as to handle them.
        let mut alone = 0;
        loop {
            let since = self.now();
            if self.go_on(EVENTS_A_LOOK)? < EVENTS_A_LOOK {
                break;
            }
            alone += EVENTS_A_LOOK;
            let passed = self.now() - since;
            if let Some(lookahead) = lookahead
                && alone >= self.pending() as u64
                && abreast::is_worth_it(EVENTS_A_LOOK, passed, lookahead)
                && let Some(_thread) = spare.take()
            {
                self.run_abreast(lookahead)?;
                alone = 0;
            }
        }
        self.finish();
        Ok(())
    }

    /// Runs to the end of the time, or until so many events have happened.
    pub(crate) fn run_at_most(mut self, most: u64) -> Result<(), TooManyCalls> {
        self.begin_all();
        self.go_on(most)?;
        self.finish();
        Ok(())
    }

    /// Runs to the end of the time, after every so many events for a while on two threads, whether that helps or not.
    #[cfg(test)]
    pub(super) fn run_by_turns(mut self, events: u64, lookahead: Nanos) -> Result<(), TooManyCalls> {
        self.begin_all();
        while self.pending() > 0 {
            self.go_on(events)?;
            self.run_abreast(lookahead)?;
        }
        self.finish();
        Ok(())
    }

    /// Plans what happens first.
    pub(crate) fn begin_all(&mut self) {
        for (line, happening) in (0..).zip(&self.scenario.script) {
            if happening.at < self.scenario.duration {
                self.events.schedule(happening.at, Class::Script, line);
            }
        }
        self.clients.begin_all(&mut self.events);
    }

    /// Runs on by so many events, or to the end of the time; gives how many there were.
    pub(crate) fn go_on(&mut self, most: u64) -> Result<u64, TooManyCalls> {
        for count in 0..most {
            if count % EVENTS_A_LOOK == 0 && interrupt::is_asked() {
                return Ok(count);
            }
            if self.events.fetch_many() {
                self.look_ahead();
            }
            let Some(event) = self.events.next() else { return Ok(count) };
            self.handle(event)?;
        }
        Ok(most)
    }

    /// Lets two threads run on, until too little happens for that or the time is over.
    fn run_abreast(&mut self, lookahead: Nanos) -> Result<(), TooManyCalls> {
        let events = std::mem::take(&mut self.events);
        let end = self.scenario.duration;
        self.events = abreast::run(&mut self.provider, &mut self.clients, events, lookahead, end)?;
        Ok(())
    }

    /// The time of the next event; the end, if there is none.
    fn now(&mut self) -> Nanos {
        self.events.first().unwrap_or(self.scenario.duration)
    }

    /// Reads what the events that come next will need, all of it at a time, so that the processor waits once for some dozens of
    /// events and not for each.
    fn look_ahead(&self) {
        let touch = |event| self.provider.touch(event) ^ self.clients.touch_call(event);
        let calls = self.events.coming().map(touch);
        black_box(calls.fold(0, |seen, touched| seen ^ touched));
        let whose = |event| self.provider.whose(event).or_else(|| self.clients.whose(event));
        let touch = |client| {
            self.provider.prefetch(client);
            self.clients.touch(client)
        };
        let clients = self.events.coming().filter_map(whose).map(touch);
        black_box(clients.fold(0, |seen, touched| seen ^ touched));
    }

    /// How many events are to come.
    pub(crate) fn pending(&self) -> usize {
        self.events.len()
    }

    fn finish(&mut self) {
        let (load, loads) = self.provider.finish();
        if let Some(tally) = self.clients.finish() {
            tally.events += self.events.scheduled();
            tally.overflowed += self.provider.overflowed();
            tally.load += load;
            tally.note_loads(loads);
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), TooManyCalls> {
        let Event { time: now, class, target } = event;
        match class {
            Class::Arrival | Class::Turn => {
                let begun = self.clients.arrive(target, now, &mut self.events);
                self.provider.prefetch(begun.whose());
                for _ in 0..begun.calls {
                    let call = self.clients.begin(&begun, now);
                    self.attempt(call, now)?;
                }
                Ok(())
            }
            Class::Retry => match self.clients.retry(target) {
                Some(call) => self.attempt(call, now),
                None => Ok(()),
            },
            _ => {
                let outside = &mut Direct { clients: &mut self.clients, events: &mut self.events };
                self.provider.handle(event, outside)
            }
        }
    }

    fn attempt(&mut self, call: Call, now: Nanos) -> Result<(), TooManyCalls> {
        if self.clients.holds_back(call, now, &mut self.events)? {
            return Ok(());
        }
        let outside = &mut Direct { clients: &mut self.clients, events: &mut self.events };
        self.provider.decide(call, now, outside)
    }
}

/// Room for the keys of all who call, and, while that takes less than a third of a gigabyte, as much to spare, which shortens
/// probes; else an eighth. Filled to the last record, a table of tens of millions finds no room for one now and then.
pub(crate) fn engine_capacity(scenario: &Scenario, parts: &[Part]) -> usize {
    const SPARE_UP_TO: usize = 2_000_000;
    let keys = most_keys(scenario, parts);
    (keys + keys / 8).max((keys * 2).min(SPARE_UP_TO))
}
