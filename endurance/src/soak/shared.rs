//! Keys that all workers call at once while time stands, brought to account afterwards.
//!
//! While time stands a window, a day and a bucket change by what is charged, less what is given back, plus what
//! was used beyond an estimate, in whatever order the threads come. Reservations are ended before time goes on, so
//! that no bucket gets back more than it owes. So of each key the sum over all threads is what the ledger is charged,
//! and the engine must tell the same to the unit.

use super::cast::Caller;
use super::house::House;
use crate::ledger::Ledger;
use crate::probe;
use rand::RngExt;
use rand::rngs::SmallRng;
use std::sync::{Mutex, PoisonError};
use tidegate::{Cost, Decision, Timestamp};

/// So few that threads meet on them all the time.
const KEYS: usize = 16;
/// Calls of each worker at a meeting.
const CALLS: usize = 4_000;

/// What a worker's calls left on each key: charged, less refunds, plus overruns.
type Net = [Cost; KEYS];

/// The keys' accounts, and what the workers bring to them.
#[derive(Debug)]
pub(super) struct SharedKeys {
    ledgers: Mutex<Vec<Ledger>>,
    nets: Vec<Mutex<Net>>,
}

/// What a worker did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) admitted: u64,
    pub(super) denied: u64,
    pub(super) settled: u64,
    pub(super) cancelled: u64,
}

impl SharedKeys {
    pub(super) fn new(threads: usize) -> Self {
        Self { ledgers: Mutex::default(), nets: (0..threads).map(|_| Mutex::default()).collect() }
    }

    /// A worker's calls, all at one time.
    pub(super) fn call(&self, house: &House, worker: usize, random: &mut SmallRng, at: Timestamp) -> Counts {
        let (mut net, mut counts, mut open) = (Net::default(), Counts::default(), Vec::new());
        for _ in 0..CALLS {
            let key = random.random_range(0..KEYS);
            let plan = house.plans[key % 2].1;
            let cost = Cost::tokens(random.random_range(0..60));
            match house.limiter.check(&Caller::Shared(key as u64), plan, cost, at) {
                Decision::Admitted(admission) => {
                    counts.admitted += 1;
                    open.push((key, admission.reservation));
                }
                _ => counts.denied += 1,
            }
            if open.len() > random.random_range(0..12) {
                let place = random.random_range(0..open.len());
                let (key, reservation) = open.swap_remove(place);
                end(house, reservation, random, at, &mut net[key], &mut counts);
            }
        }
        for (key, reservation) in open {
            end(house, reservation, random, at, &mut net[key], &mut counts);
        }
        *self.nets[worker].lock().unwrap_or_else(PoisonError::into_inner) = net;
        counts
    }

    /// Charges the ledgers with what all workers left, and compares. How many keys differ, and the first that does.
    pub(super) fn bring_to_account(&self, house: &House, at: Timestamp) -> (u64, u64, Option<String>) {
        let mut ledgers = self.ledgers.lock().unwrap_or_else(PoisonError::into_inner);
        if ledgers.is_empty() {
            ledgers.extend((0..KEYS).map(|key| Ledger::new(&house.plans[key % 2].0, at)));
        }
        let nets: Vec<Net> =
            self.nets.iter().map(|net| *net.lock().unwrap_or_else(PoisonError::into_inner)).collect();
        let (mut errors, mut first) = (0, None);
        for (key, ledger) in ledgers.iter_mut().enumerate() {
            ledger.advance(at);
            let sum = |part: fn(&Cost) -> u64| nets.iter().map(|net| part(&net[key])).sum();
            ledger.charge(Cost { requests: sum(|cost| cost.requests), tokens: sum(|cost| cost.tokens) });
            let expected = probe::expected(ledger);
            let found = house.probes.read(&house.limiter, &Caller::Shared(key as u64), ledger, at);
            if found != expected {
                errors += 1;
                first.get_or_insert_with(|| format!("shared key {key}: {found:?}, not {expected:?}"));
                // One loss is one error, not one at every sample from then on.
                *ledger = Ledger::new(&house.plans[key % 2].0, at);
            }
        }
        (ledgers.len() as u64, errors, first)
    }
}

/// Ends a reservation one way or another, and adds to what stands.
fn end(
    house: &House,
    reservation: tidegate::Reservation,
    random: &mut SmallRng,
    at: Timestamp,
    net: &mut Cost,
    counts: &mut Counts,
) {
    let cost = reservation.cost();
    let tokens = match random.random_range(0..10) {
        0..4 => random.random_range(0..=cost.tokens),
        4..6 => cost.tokens,
        6..8 => cost.tokens + random.random_range(0..20),
        8 => {
            house.limiter.cancel(reservation, at);
            counts.cancelled += 1;
            return;
        }
        _ => {
            house.limiter.settle_by_estimate(reservation, at);
            counts.settled += 1;
            (net.requests, net.tokens) = (net.requests + cost.requests, net.tokens + cost.tokens);
            return;
        }
    };
    house.limiter.settle(reservation, tokens, at);
    counts.settled += 1;
    (net.requests, net.tokens) = (net.requests + cost.requests, net.tokens + tokens);
}
