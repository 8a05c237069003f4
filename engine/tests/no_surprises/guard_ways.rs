//! Every way through the guard.

use super::Way;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tidegate::guard::{Answer, Guard, Mark};
use tidegate::{Denial, LimitId, Nanos, Timestamp, Verdict};

/// Guards, made before the ways are gone.
pub(crate) struct Gate {
    guard: Guard,
    /// One with room for one address and one key.
    small: Guard,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let allowed = "192.0.2.0/24".parse().unwrap();
        let builder = || Guard::builder().tolerance(2).drain(Nanos::from_secs(10)).allow([allowed]);
        let guard = builder().addresses(256).pairs(256).build().unwrap();
        Self { guard, small: builder().addresses(1).pairs(1).build().unwrap() }
    }

    /// Strikes an address until it is blocked.
    fn block(&self, address: IpAddr, at: Timestamp) {
        assert!((0..200).any(|_| matches!(self.guard.strike(address, at), Mark::Blocked(_))));
    }
}

const WAIT: Nanos = Nanos::from_secs(50);

/// So many milliseconds after the beginning of a round, at which nothing of those before stands any more.
fn at(round: u64, millis: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(100_000 * (1 + round)) + Nanos::from_millis(millis))
}

fn address(way: u8, round: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, way, round as u8))
}

fn network(way: u16, round: u64) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, way, round as u16, 0, 0, 0, 1))
}

pub(crate) const WAYS: &[Way<Gate>] = &[
    ("nobody is blocked", |gate, round| {
        assert_eq!(gate.guard.check(address(1, round), at(round, 0)), Answer::Pass);
    }),
    ("blocked, lifted and blocked again", |gate, round| {
        let (one, other) = (address(2, round), network(2, round));
        for address in [one, other] {
            gate.block(address, at(round, 0));
            assert!(gate.guard.check(address, at(round, 1)).is_blocked());
        }
        assert_eq!(gate.guard.check(address(3, round), at(round, 1)), Answer::Pass);
        assert!(gate.guard.lift(one, at(round, 2)) && !gate.guard.check(one, at(round, 3)).is_blocked());
        gate.block(one, at(round, 4));
        let blocked = gate.guard.blocks(at(round, 5)).count();
        assert!(blocked >= 2 && gate.guard.statistics(at(round, 5)).blocks >= 3);
    }),
    ("a key that heeds and one that does not", |gate, round| {
        let address = address(4, round);
        let denied = |key: &str, millis| gate.guard.denied(address, key, WAIT, at(round, millis));
        assert_eq!(denied("heeds", 0), Mark::Kept);
        assert_eq!(denied("heeds", 60_000), Mark::Kept);
        let mut strikes = 0;
        let is_blocked = (0..2_000).any(|call| match denied("does not", 110 * call) {
            Mark::Blocked(_) => true,
            Mark::Strike { .. } => {
                strikes += 1;
                false
            }
            Mark::Kept => false,
        });
        assert!(is_blocked && strikes > 0);
    }),
    ("a verdict", |gate, round| {
        let denial = Verdict::Deny(Denial { limit: LimitId::RequestsWindow, retry_after: WAIT });
        for verdict in [denial, Verdict::Never(LimitId::RequestsWindow)] {
            assert_eq!(gate.guard.observe(address(5, round), &round, verdict, at(round, 0)), Mark::Kept);
        }
    }),
    ("an address on the list", |gate, round| {
        let listed = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        for call in 0..100 {
            assert_eq!(gate.guard.denied(listed, &round, WAIT, at(round, call)), Mark::Kept);
            assert_eq!(gate.guard.strike(listed, at(round, call)), Mark::Kept);
        }
    }),
    ("no room", |gate, round| {
        let before = gate.small.statistics(at(round, 0));
        for call in 0..100 {
            let address = address(6, call);
            for worker in 0..30 {
                let at = at(round, 4_000 * call + 110 * worker);
                let _ = gate.small.denied(address, &call, WAIT, at);
                let _ = gate.small.strike(address, at);
            }
        }
        let after = gate.small.statistics(at(round, 0));
        assert!(after.untracked_addresses > before.untracked_addresses);
        assert!(after.untracked_pairs > before.untracked_pairs);
    }),
    ("a clock that goes back", |gate, round| {
        gate.block(address(7, round), at(round, 0));
        assert!(!gate.guard.check(address(7, round), Timestamp::both(Nanos::ZERO)).is_blocked());
        let _ = gate.guard.strike(address(7, round), Timestamp::both(Nanos::ZERO));
    }),
];
