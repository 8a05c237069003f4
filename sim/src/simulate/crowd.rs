//! The clients of one population in a world: what each of them has done so far, and who they are to the gateway.

use super::arrivals::Schedule;
use super::calls::Call;
use super::draws::{Draw, Draws, Purpose};
use super::grid;
use super::policy::{Budget, History, Purse, Standing, Why, nanos};
use super::recorded::Charge;
use super::records::Records;
use super::scenario::{Distribution, Gateways, MIN_ROUND_TRIP, Population};
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;
use tidegate::{Nanos, PlanId};

/// Clients of a population, by number within the crowd.
pub(crate) struct Crowd<'a> {
    pub(crate) population: &'a Population,
    pub(crate) draws: Draws,
    pub(crate) schedule: Schedule<'a>,
    /// The plan that their keys have now.
    pub(crate) plan: PlanId,
    /// The number of the first client within the population.
    pub(crate) first: u32,
    /// The number of the first source of arrivals within the world.
    pub(crate) first_source: u32,
    /// What each client wanted and got.
    pub(crate) records: Records,
    /// What is left of their retry budgets, if they have them.
    purses: Vec<Purse>,
    /// What they remember of their attempts, if they hold some back.
    histories: Vec<History>,
}

/// A key, as the engine hashes it: which keys it is of, and the number among them.
pub(crate) type Key = (u32, u32);

impl<'a> Crowd<'a> {
    /// The clients of a range, under a plan of the world's engine; counted from a time to another.
    pub(crate) fn new(
        population: &'a Population,
        clients: &Range<u32>,
        draws: Draws,
        plan: PlanId,
        first_source: u32,
        counted: (Nanos, Nanos),
    ) -> Self {
        Self {
            population,
            draws,
            schedule: Schedule::new(population, draws, clients),
            plan,
            first: clients.start,
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

    /// The tokens of a call, if no trace says so.
    pub(crate) fn charge(&self, client: u32, number: u32) -> Charge {
        let draw = || self.draws.draw(self.first + client, Purpose::Tokens, u64::from(number));
        let used = self.population.tokens.value(draw);
        Charge { reserved: used, used }
    }

    /// The gateway that an attempt goes to.
    pub(crate) fn gateway(&self, call: &Call, gateways: &Gateways) -> u8 {
        // A client that stays draws for its first attempt of all.
        let count = if gateways.are_sticky { 0 } else { attempt(call) };
        gateways.choose(|| self.draws.draw(self.first + call.client, Purpose::Gateway, count))
    }

    /// A call begins.
    pub(crate) fn begins(&mut self, client: u32, now: Nanos) {
        if let Some((budget, purse)) = self.budget(client) {
            budget.begins(purse, now);
        }
    }

    /// Whether the client itself holds an attempt back.
    pub(crate) fn holds_back(&mut self, call: &Call, now: Nanos) -> bool {
        let Some(throttle) = self.population.policy.throttle else { return false };
        let Some(history) = self.histories.get_mut(call.client as usize) else { return false };
        let chance = throttle.requests(history, now);
        chance > 0.0 && self.draw_of(call, Purpose::Throttle).unit() < chance
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
        if let Some(throttle) = self.population.policy.throttle
            && let Some(history) = self.histories.get_mut(call.client as usize)
        {
            throttle.accepts(history, now);
        }
    }

    fn budget(&mut self, client: u32) -> Option<(Budget, &mut Purse)> {
        Some((self.population.policy.budget?, self.purses.get_mut(client as usize)?))
    }

    /// The key that a client calls with.
    pub(crate) fn key(&self, client: u32) -> Key {
        (self.population.keys_of, (self.first + client) / self.population.clients_per_key)
    }

    /// The address that a client calls from.
    pub(crate) fn address(&self, client: u32) -> IpAddr {
        let host = (self.first + client) / self.population.clients_per_address;
        // A /64 of its own, which is what a guard goes by.
        let network = 0x2000_0000_0000_0000 | u64::from(self.population.addresses_of) << 32 | u64::from(host);
        IpAddr::V6(Ipv6Addr::from_bits(u128::from(network) << 64))
    }

    /// How long an attempt is under way, there and back.
    pub(crate) fn round_trip(&self, call: &Call) -> Nanos {
        self.round_trip_of(call.client, attempt(call))
    }

    fn round_trip_of(&self, client: u32, count: u64) -> Nanos {
        let time = match self.population.round_trip {
            Distribution::Constant(seconds) => seconds,
            drawn => drawn.value(|| self.draws.draw(self.first + client, Purpose::RoundTrip, count)),
        };
        nanos(time).max(MIN_ROUND_TRIP)
    }

    /// A draw for an attempt.
    pub(crate) fn draw_of(&self, call: &Call, purpose: Purpose) -> Draw {
        self.draws.draw(self.first + call.client, purpose, attempt(call))
    }

    /// When a client that calls in a closed loop, and whose call is over, calls again: it hears of the end, and thinks.
    pub(crate) fn next_turn(&self, client: u32, now: Nanos) -> Option<Nanos> {
        if !self.schedule.is_closed() {
            return None;
        }
        let count = u64::from(self.records.made(client));
        // Counted beside the attempts, of which no call has so many.
        let heard = now + self.round_trip_of(client, count << 16 | u64::from(u16::MAX));
        self.schedule.next_turn(client, count, heard)
    }
}

/// Counts an attempt by its call's number and its retry.
fn attempt(call: &Call) -> u64 {
    u64::from(call.number) << 16 | u64::from(call.retries)
}
