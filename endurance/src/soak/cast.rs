//! Who calls: the keys, their plans and their addresses.

use std::net::{IpAddr, Ipv4Addr};
use tidegate::{Burst, Limit, Mode, Nanos, Plan, Unit};

/// A key, by the part it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// One of a few that are called most, by Zipf's law. All workers call it.
    Hot(u64),
    /// One of the many, as often as any other of them. New ones come and old ones are called no more.
    Many(u64),
    /// Called by one worker alone, which keeps an exact account of it.
    Watched {
        /// The worker.
        owner: usize,
        /// Its number among all that the worker ever watched.
        number: u64,
    },
    /// Called by all workers at once while time stands.
    Shared(u64),
}

/// Spreads the bits of a number.
pub(super) fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number ^ number >> 29
}

impl Caller {
    /// A number by which its plan and address are chosen.
    pub(super) fn lot(self) -> u64 {
        match self {
            Self::Hot(id) => mixed(id),
            Self::Many(id) => mixed(id + (1 << 40)),
            Self::Watched { owner, number } => mixed(number + ((owner as u64 + 1) << 50)),
            Self::Shared(id) => mixed(id + (1 << 60)),
        }
    }

    /// A million addresses: several keys behind each.
    pub(super) fn address(self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 | self.lot() as u32 & 0x000f_ffff))
    }
}

/// The plans, the one with places in line last: a ledger tells exact times.
pub(super) fn plans() -> Vec<Plan> {
    let window = |unit, amount, seconds| Limit::window(unit, amount, Nanos::from_secs(seconds));
    let built = [
        Plan::builder("hourly").limit(window(Unit::Requests, 200, 3_600)).limit(window(
            Unit::Tokens,
            150_000,
            3_600,
        )),
        Plan::builder("mixed")
            .limit(window(Unit::Requests, 60, 10).with_burst(Burst::NONE))
            .limit(window(Unit::Tokens, 90_001, 86_400).with_burst(Burst::fraction(2.0).expect("a fraction")))
            .limit(Limit::day(Unit::Requests, 5_000)),
        Plan::builder("watching")
            .limit(window(Unit::Requests, 30, 60).with_mode(Mode::Shadow))
            .limit(window(Unit::Tokens, 50_000, 600).with_mode(Mode::Shadow))
            .limit(Limit::day(Unit::Tokens, 400_000)),
        Plan::builder("in line").requests_per_minute(40).tokens_per_minute(60_000).slotted_hints(true),
    ];
    let built = built.into_iter().map(|builder| builder.build().expect("a sound plan"));
    [Plan::free(), Plan::pro()].into_iter().chain(built).collect()
}
