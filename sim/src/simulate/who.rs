//! Who the clients of a crowd are, to the gateway and to chance: what both sides of a world know of them, since it never changes.

use super::calls::Call;
use super::draws::{Draw, Draws, Purpose};
use super::policy::nanos;
use super::recorded::Charge;
use super::scenario::{Distribution, Gateways, MIN_ROUND_TRIP, Population};
use std::net::{IpAddr, Ipv6Addr};
use tidegate::Nanos;

/// The clients of a crowd, by number within it.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    /// The population that they are of.
    pub(crate) population: &'a Population,
    /// Its draws.
    pub(crate) draws: Draws,
    /// The number of the first client within it.
    pub(crate) first: u32,
}

/// A key, as the engine hashes it: which keys it is of, and the number among them.
pub(crate) type Key = (u32, u32);

impl Who<'_> {
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

    pub(crate) fn round_trip_of(&self, client: u32, count: u64) -> Nanos {
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

    /// How long an admitted call's response takes, where no backend says so.
    pub(crate) fn response_time(&self, call: &Call) -> Nanos {
        let draw = || self.draws.draw(self.first + call.client, Purpose::Stream, u64::from(call.number));
        let streaming =
            self.population.tokens_per_second.map_or(0.0, |speed| f64::from(call.charge.used) / speed);
        nanos(self.population.stream.value(draw) + streaming)
    }
}

/// Counts an attempt by its call's number and its retry.
fn attempt(call: &Call) -> u64 {
    u64::from(call.number) << 16 | u64::from(call.retries)
}
