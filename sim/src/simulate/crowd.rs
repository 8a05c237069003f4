//! The clients of one population in a world: what each of them has done so far.

use super::arrivals::Schedule;
use super::calls::Call;
use super::draws::{Draws, Purpose};
use super::grid;
use super::policy::{Budget, History, Purse, Standing, Why};
use super::records::Records;
use super::scenario::Population;
use super::who::Who;
use std::ops::Range;
use tidegate::Nanos;

/// Clients of a population, by number within the crowd.
pub(crate) struct Crowd<'a> {
    /// Who they are.
    pub(crate) who: Who<'a>,
    pub(crate) schedule: Schedule<'a>,
    /// The number of the first source of arrivals within the world.
    pub(crate) first_source: u32,
    /// What each client wanted and got.
    pub(crate) records: Records,
    /// What is left of their retry budgets, if they have them.
    purses: Vec<Purse>,
    /// What they remember of their attempts, if they hold some back.
    histories: Vec<History>,
}

impl<'a> Crowd<'a> {
    /// The clients of a range; counted from a time to another.
    pub(crate) fn new(
        population: &'a Population,
        clients: &Range<u32>,
        draws: Draws,
        first_source: u32,
        counted: (Nanos, Nanos),
    ) -> Self {
        Self {
            who: Who { population, draws, first: clients.start },
            schedule: Schedule::new(population, draws, clients),
            first_source,
            records: Records::new(clients.len(), grid::window(&population.plan), counted),
            purses: population
                .policy
                .budget
                .iter()
                .flat_map(|budget| vec![budget.purse(); clients.len()])
                .collect(),
            histories: population
                .policy
                .throttle
                .iter()
                .flat_map(|_| vec![History::default(); clients.len()])
                .collect(),
        }
    }

    /// Bytes that a client of a population takes up here.
    pub(crate) fn bytes_of_a_client(population: &Population) -> u64 {
        let purse = population.policy.budget.map_or(0, |_| size_of::<Purse>());
        let history = population.policy.throttle.map_or(0, |_| size_of::<History>());
        (purse + history) as u64 + Records::BYTES_OF_A_CLIENT + Schedule::bytes_of_a_client(population)
    }

    /// Reads what a client's next event will need, and gives what of it comes to hand.
    #[inline]
    pub(crate) fn touch(&self, client: u32) -> u64 {
        self.records.touch(client) ^ self.schedule.touch(client)
    }

    /// A call begins.
    pub(crate) fn begins(&mut self, client: u32, now: Nanos) {
        if let Some((budget, purse)) = self.budget(client) {
            budget.begins(purse, now);
        }
    }

    /// Whether the client itself holds an attempt back.
    pub(crate) fn holds_back(&mut self, call: &Call, now: Nanos) -> bool {
        let Some(throttle) = self.who.population.policy.throttle else { return false };
        let Some(history) = self.histories.get_mut(call.client as usize) else { return false };
        let chance = throttle.requests(history, now);
        chance > 0.0 && self.who.draw_of(call, Purpose::Throttle).unit() < chance
    }

    /// Whether the client's budget lets a call, just refused, be tried again.
    pub(crate) fn may_retry(&mut self, call: &Call, why: Why, now: Nanos) -> bool {
        let standing = Standing { is_retried: call.retries > 0, was_too_many: why.is_too_many() };
        self.budget(call.client).is_none_or(|(budget, purse)| budget.may_retry(purse, standing, now))
    }

    /// An attempt was refused, for whatever reason.
    pub(crate) fn fails(&mut self, client: u32) {
        if let Some((budget, purse)) = self.budget(client) {
            budget.fails(purse);
        }
    }

    /// A call is given up; `counts` if its last attempt was a retry that its budget still counts.
    pub(crate) fn gives_up(&mut self, client: u32, counts: bool) {
        if let Some((budget, purse)) = self.budget(client) {
            budget.gives_up(purse, counts);
        }
    }

    /// A call has succeeded.
    pub(crate) fn succeeds(&mut self, call: &Call, now: Nanos) {
        let standing = Standing { is_retried: call.retries > 0, was_too_many: call.was_too_many };
        if let Some((budget, purse)) = self.budget(call.client) {
            budget.succeeds(purse, standing);
        }
        if let Some(throttle) = self.who.population.policy.throttle
            && let Some(history) = self.histories.get_mut(call.client as usize)
        {
            throttle.accepts(history, now);
        }
    }

    fn budget(&mut self, client: u32) -> Option<(Budget, &mut Purse)> {
        Some((self.who.population.policy.budget?, self.purses.get_mut(client as usize)?))
    }

    /// When a client that calls in a closed loop, and whose call is over, calls again: it hears of the end, and thinks.
    pub(crate) fn next_turn(&self, client: u32, now: Nanos) -> Option<Nanos> {
        if !self.schedule.is_closed() {
            return None;
        }
        let count = u64::from(self.records.numbered(client));
        // Counted beside the attempts, of which no call has so many.
        let heard = now + self.who.round_trip_of(client, count << 16 | u64::from(u16::MAX));
        self.schedule.next_turn(client, count, heard)
    }
}
