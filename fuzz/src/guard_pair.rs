//! The guard beside its sequential model, step by step.

use crate::Bytes;
use crate::guard_model::{Model, Said, TICK, at, builder};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tidegate::guard::{Answer, Guard, Mark, Network};
use tidegate::{Nanos, Timestamp};

const CLIENTS: u8 = 4;
/// A promise of more counts as one of this.
const LONGEST_WAIT: u64 = 4_095;

/// A guard and its model.
pub struct GuardPair {
    guard: Guard,
    model: Model,
    tick: u64,
    strikes: u64,
    blocked_calls: u64,
}

/// A client's address, spelled in some way.
fn address(client: u8, spelling: u8) -> IpAddr {
    let four = Ipv4Addr::new(192, 0, 2, client);
    match (client % 2, spelling % 2) {
        (0, 0) => IpAddr::V4(four),
        (0, _) => IpAddr::V6(four.to_ipv6_mapped()),
        // All of a /64 is one client.
        (_, _) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, client.into(), 0, 0, spelling.into(), 1)),
    }
}

/// An address on the allow-list.
fn allowed(spelling: u8) -> IpAddr {
    match spelling % 3 {
        0 => IpAddr::V4(Ipv4Addr::new(198, 51, 100, spelling)),
        1 => IpAddr::V6(Ipv4Addr::new(198, 51, 100, spelling).to_ipv6_mapped()),
        _ => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xa, spelling.into(), 0, 0, 0, 1)),
    }
}

fn allow_list() -> Vec<Network> {
    let list = ["198.51.100.0/24", "2001:db8:a::/48"];
    list.map(|network| network.parse().expect("a network")).to_vec()
}

impl Default for GuardPair {
    fn default() -> Self {
        let guard = builder().seed(1).allow(allow_list()).build().expect("numbers in range");
        Self { guard, model: Model::default(), tick: 1 << 20, strikes: 0, blocked_calls: 0 }
    }
}

impl GuardPair {
    fn now(&self) -> Timestamp {
        at(self.tick)
    }

    /// Does what the bytes say, and compares all that the guard answers.
    pub fn step(&mut self, bytes: &mut Bytes<'_>) {
        let choice = bytes.byte();
        let (client, spelling) = (choice % CLIENTS, bytes.byte());
        match choice >> 4 {
            0..10 => self.denials(client, spelling, bytes),
            10 => self.strikes(client, spelling, 1 + bytes.byte() % 24),
            11 => self.lift(client, spelling),
            12 => self.denials_of_allowed(spelling),
            // From a tick to hours.
            _ => self.tick += u64::from(bytes.byte()) << (spelling % 14),
        }
    }

    /// The same call again and again.
    fn denials(&mut self, client: u8, spelling: u8, bytes: &mut Bytes<'_>) {
        let (count, gap) = (1 + bytes.byte() % 32, u64::from(bytes.byte() % 16));
        let wait = bytes.number() % (LONGEST_WAIT + 1);
        for _ in 0..count {
            let (from, key, wait) = (address(client, spelling), spelling % 2, wait * TICK);
            let mark = self.guard.denied(from, &key, Nanos::new(wait), self.now());
            let said = self.model.denied(client, key, wait, self.now());
            self.assert_said(mark, said);
            self.assert_blocked(client, spelling);
            self.tick += gap;
        }
    }

    fn strikes(&mut self, client: u8, spelling: u8, count: u8) {
        for _ in 0..count {
            let mark = self.guard.strike(address(client, spelling), self.now());
            let said = self.model.strike(client, self.now());
            self.assert_said(mark, said);
        }
        self.assert_blocked(client, spelling);
    }

    fn assert_said(&mut self, mark: Mark, said: Said) {
        assert_eq!(Said::from(mark), said);
        self.strikes += u64::from(mark != Mark::Kept);
    }

    fn lift(&mut self, client: u8, spelling: u8) {
        let lifted = self.guard.lift(address(client, spelling), self.now());
        assert_eq!(lifted, self.model.lift(client, self.now()));
        self.assert_blocked(client, spelling);
    }

    fn denials_of_allowed(&mut self, spelling: u8) {
        for _ in 0..64 {
            let from = allowed(spelling);
            assert_eq!(self.guard.denied(from, &0_u8, Nanos::from_secs(60), self.now()), Mark::Kept);
            assert_eq!(self.guard.strike(from, self.now()), Mark::Kept);
            assert_eq!(self.guard.check(from, self.now()), Answer::Pass);
        }
    }

    fn assert_blocked(&mut self, client: u8, spelling: u8) {
        let found = match self.guard.check(address(client, spelling), self.now()) {
            Answer::Pass => None,
            Answer::Blocked(blocked) => Some(blocked.remaining.get()),
        };
        let expected = self.model.blocked(client, self.now());
        assert_eq!(found, expected.map(|(remaining, _)| remaining));
        self.blocked_calls += u64::from(found.is_some());
    }

    /// What operators are told.
    pub fn assert_told(&self) {
        let mut expected: Vec<_> = (0..CLIENTS)
            .filter_map(|client| {
                let (remaining, before) = self.model.blocked(client, self.now())?;
                let address = address(client, 0);
                let network = Network::new(address, if address.is_ipv4() { 32 } else { 64 })?;
                Some((network.to_string(), remaining, before))
            })
            .collect();
        let blocks = self.guard.blocks(self.now());
        let mut found: Vec<_> =
            blocks.map(|block| (block.network.to_string(), block.remaining.get(), block.before)).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
        let statistics = self.guard.statistics(self.now());
        assert_eq!((statistics.strikes, statistics.blocked_calls), (self.strikes, self.blocked_calls));
        assert_eq!((statistics.untracked_addresses, statistics.untracked_pairs), (0, 0));
    }
}
