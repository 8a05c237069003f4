//! Several threads on the same keys, and the sums that must come out.
//!
//! A round goes in phases. In a phase time stands; all threads call, settle and cancel on the same keys, and note
//! what was answered. After it one of them books all notes in the ledgers, charges first, and compares. While
//! time stands that order does not matter: a window, a day and a bucket change by sums, unless a bucket is given
//! back more than it owes. So on every other key reservations end in the phase they were made in, and everything is
//! compared; on the others they end in any later phase, by any thread, and the windows and days are compared, in which
//! nothing is lost by that.
//!
//! Two more keys are only told of: threads record usage and give back, within the phase, no more than they recorded themselves. So
//! there is always as much to take, and everything is compared.

use super::draws::Draws;
use super::plant::Plant;
use super::tally::Tally;
use crate::ledger::{Charge, Ledger};
use crate::probe::{self, Probes, Reading};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use tidegate::{Cost, Decision, Limit, Limiter, Nanos, Plan, PlanId, Reservation, Timestamp, Unit};

const KEYS: u64 = 6;
/// Keys of which usage is told and given back, and nothing reserved; their numbers follow.
const TOLD: u64 = 2;
/// Operations of each thread in a phase.
const CALLS: u64 = 2_000;
/// Reservations that a thread has open within a phase.
const OPEN: u64 = 24;

/// What a thread did, by the number of the reservation.
#[derive(Clone, Copy, Debug)]
enum Note {
    Admitted { id: u64, key: u64, cost: Cost },
    Ended { id: u64, key: u64, actual: Cost },
    Recorded { key: u64, cost: Cost },
    GivenBack { key: u64, cost: Cost },
}

type Open = (u64, u64, Reservation);

struct House {
    limiter: Limiter,
    probes: Probes,
    /// They limit alike but for the day and the burst: a change writes the whole record and moves nothing.
    plans: [(Plan, PlanId); 2],
    /// Reservations that outlive their phase.
    carried: Mutex<Vec<Open>>,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn plans() -> [Plan; 2] {
    ["one", "other"].map(|name| {
        let day = if name == "one" { 3_000_000 } else { 2_999_999 };
        Plan::builder(name)
            .limit(Limit::window(Unit::Requests, 3_000, Nanos::from_secs(10)))
            .limit(Limit::window(Unit::Tokens, 90_001, Nanos::from_secs(61)))
            .limit(Limit::day(Unit::Tokens, day))
            .build()
            .expect("a sound plan")
    })
}

/// One thread's part.
struct Caller<'a> {
    house: &'a House,
    draws: Draws,
    next: u64,
    plant: Plant,
    tally: Tally,
}

/// Runs one round with so many threads.
pub(super) fn run(seed: u64, operations: u64, threads: usize, plant_each: Option<u64>) -> Tally {
    let limiter =
        Limiter::builder().capacity(64).max_threads(threads).seed(seed).build().expect("a small limiter");
    let probes = Probes::new(&limiter, &plans()).expect("room for plans");
    let plans = plans().map(|plan| {
        let id = limiter.add_plan(&plan).expect("room for plans");
        (plan, id)
    });
    let house = House { limiter, probes, plans, carried: Mutex::default() };
    let mut callers: Vec<_> = (0..threads as u64)
        .map(|thread| Caller {
            house: &house,
            draws: Draws::new(seed.wrapping_mul(64).wrapping_add(thread)),
            next: thread << 48,
            plant: Plant::new(plant_each),
            tally: Tally::default(),
        })
        .collect();
    let (mut draws, mut tally) = (Draws::new(!seed), Tally { rounds: 1, ..Tally::default() });
    let mut at = Timestamp::both(Nanos::from_secs(1_700_000_000));
    let mut ledgers: Vec<_> = (0..KEYS + TOLD).map(|_| Ledger::new(&house.plans[0].0, at)).collect();
    let mut charges = HashMap::new();
    let done = |callers: &[Caller<'_>]| callers.iter().map(|caller| caller.tally.operations()).sum::<u64>();
    while done(&callers) < operations && tally.errors == 0 {
        let notes: Vec<Vec<Note>> = thread::scope(|scope| {
            let threads: Vec<_> =
                callers.iter_mut().map(|caller| scope.spawn(move || caller.phase(at))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a phase ends")).collect()
        });
        book(&mut ledgers, &mut charges, &notes, at);
        compare(&house, &ledgers, seed, at, &mut tally);
        let day = at.unix.get() / Nanos::DAY.get();
        at = at.after(Nanos::new(draws.pick(&[
            0,
            1,
            1_000_000_000,
            9_000_000_000,
            70_000_000_000,
            3_600_000_000_000,
        ])));
        tally.days += at.unix.get() / Nanos::DAY.get() - day;
        ledgers.iter_mut().for_each(|ledger| ledger.advance(at));
    }
    callers.into_iter().for_each(|caller| tally.add(caller.tally));
    tally.together = tally.operations();
    tally
}

/// Books what all threads noted, charges first.
fn book(ledgers: &mut [Ledger], charges: &mut HashMap<u64, Charge>, notes: &[Vec<Note>], at: Timestamp) {
    ledgers.iter_mut().for_each(|ledger| ledger.advance(at));
    for note in notes.iter().flatten() {
        match note {
            Note::Admitted { id, key, cost } => {
                charges.insert(*id, ledgers[*key as usize].charge(*cost));
            }
            Note::Recorded { key, cost } => {
                ledgers[*key as usize].charge(*cost);
            }
            Note::Ended { .. } | Note::GivenBack { .. } => {}
        }
    }
    for note in notes.iter().flatten() {
        match note {
            Note::Ended { id, key, actual } => {
                let charge = charges.remove(id).expect("what ends was admitted");
                ledgers[*key as usize].settle(&charge, *actual);
            }
            Note::GivenBack { key, cost } => ledgers[*key as usize].give_back(*cost),
            Note::Admitted { .. } | Note::Recorded { .. } => {}
        }
    }
}

fn compare(house: &House, ledgers: &[Ledger], seed: u64, at: Timestamp, tally: &mut Tally) {
    for (key, ledger) in (0..).zip(ledgers) {
        let (mut found, mut expected) =
            (house.probes.read(&house.limiter, &key, ledger, at), probe::expected(ledger));
        if carries(key) {
            for reading in [&mut found, &mut expected] {
                if let Reading::Numbers { clear_in, .. } = reading {
                    *clear_in = [0; 2];
                }
            }
        }
        tally.readings += 1;
        if found != expected {
            tally.fail(|| {
                format!("threads together, seed {seed}, key {key} at {at:?}: {found:?}, not {expected:?}")
            });
        }
    }
}

/// Whether a key's reservations may outlive their phase.
fn carries(key: u64) -> bool {
    key < KEYS && key % 2 == 1
}

impl Caller<'_> {
    fn phase(&mut self, at: Timestamp) -> Vec<Note> {
        let (mut notes, mut open) = (Vec::new(), Vec::new());
        let mut told = [Cost::default(); TOLD as usize];
        for _ in 0..CALLS {
            match self.draws.below(64) {
                0 => self.change_plan(at),
                1..4 => self.tell(at, &mut notes, &mut told),
                4..36 => self.call(at, &mut notes, &mut open),
                _ => self.end(at, &mut notes, &mut open),
            }
        }
        for (id, key, reservation) in open {
            if carries(key) {
                held(&self.house.carried).push((id, key, reservation));
            } else {
                self.end_one(at, (id, key, reservation), &mut notes);
            }
        }
        notes
    }

    fn change_plan(&mut self, at: Timestamp) {
        let plan = self.draws.below(2) as usize;
        self.house.limiter.change_plan(&self.draws.below(KEYS), self.house.plans[plan].1, at);
        self.tally.plan_changes += 1;
    }

    /// Tells what a key has used, or gives part of that back.
    fn tell(&mut self, at: Timestamp, notes: &mut Vec<Note>, told: &mut [Cost; TOLD as usize]) {
        let place = self.draws.below(TOLD);
        let (key, told) = (KEYS + place, &mut told[place as usize]);
        if self.draws.one_in(3) {
            let cost = Cost {
                requests: self.draws.below(told.requests + 1),
                tokens: self.draws.below(told.tokens + 1),
            };
            let short = self.plant.short(cost.tokens, 0, &mut self.tally);
            let found = self.house.limiter.give_back(&key, Cost { tokens: cost.tokens - short, ..cost }, at);
            if found {
                notes.push(Note::GivenBack { key, cost });
                (told.requests, told.tokens) = (told.requests - cost.requests, told.tokens - cost.tokens);
            }
            self.tally.given_back += 1;
            return;
        }
        let cost = Cost { requests: self.draws.below(3), tokens: 1 + self.draws.of_any_size(2_000) };
        self.house.limiter.record_usage(&key, self.house.plans[0].1, cost, at);
        notes.push(Note::Recorded { key, cost });
        (told.requests, told.tokens) = (told.requests + cost.requests, told.tokens + cost.tokens);
        self.tally.recorded += 1;
        self.tally.units.recorded += u128::from(cost.tokens);
    }

    fn call(&mut self, at: Timestamp, notes: &mut Vec<Note>, open: &mut Vec<Open>) {
        let (key, plan) = (self.draws.below(KEYS), self.draws.below(8) / 7);
        let cost = Cost::tokens(self.draws.of_any_size(4_000));
        let plan = self.house.plans[plan as usize].1;
        match self.house.limiter.check(&key, plan, cost, at) {
            Decision::Admitted(admission) => {
                self.next += 1;
                notes.push(Note::Admitted { id: self.next, key, cost });
                open.push((self.next, key, admission.reservation));
                self.tally.admitted += 1;
                self.tally.units.charged += u128::from(cost.tokens);
            }
            Decision::Denied(_) => self.tally.denied += 1,
            Decision::Never(_) => self.tally.never += 1,
        }
    }

    /// Ends one of this thread's own, or one that any thread left.
    fn end(&mut self, at: Timestamp, notes: &mut Vec<Note>, open: &mut Vec<Open>) {
        if self.draws.one_in(4) {
            let carried = {
                let mut carried = held(&self.house.carried);
                let place = self.draws.below(carried.len() as u64) as usize;
                (place < carried.len()).then(|| carried.swap_remove(place))
            };
            return match carried {
                Some(one) => self.end_one(at, one, notes),
                None => self.call(at, notes, open),
            };
        }
        if (open.len() as u64) < 1 + self.draws.below(OPEN) {
            return self.call(at, notes, open);
        }
        let one = open.swap_remove(self.draws.below(open.len() as u64) as usize);
        self.end_one(at, one, notes);
    }

    fn end_one(&mut self, at: Timestamp, (id, key, reservation): Open, notes: &mut Vec<Note>) {
        let cost = reservation.cost();
        let way = self.draws.below(16);
        let actual = match way {
            0 => {
                self.house.limiter.settle_by_estimate(reservation, at);
                self.tally.estimated += 1;
                notes.push(Note::Ended { id, key, actual: cost });
                return;
            }
            1..3 => {
                self.house.limiter.cancel(reservation, at);
                self.tally.cancelled += 1;
                self.tally.units.refunded += u128::from(cost.tokens);
                notes.push(Note::Ended { id, key, actual: Cost::default() });
                return;
            }
            3..9 => self.draws.below(cost.tokens + 1),
            9..11 => cost.tokens,
            _ => cost.tokens + 1 + self.draws.below(cost.tokens / 4 + 1),
        };
        self.tally.end(cost.tokens, actual);
        notes.push(Note::Ended { id, key, actual: Cost { tokens: actual, ..cost } });
        let short = self.plant.short(cost.tokens, actual, &mut self.tally);
        self.house.limiter.settle(reservation, actual + short, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate::LimitId;

    /// What the rounds rest on: a change between these plans moves neither bucket nor window.
    #[test]
    fn the_two_plans_differ_in_the_day_alone() {
        let [one, other] = plans();
        for id in [LimitId::RequestsWindow, LimitId::TokensWindow] {
            assert_eq!(one.limit(id), other.limit(id));
        }
        assert_ne!(one.limit(LimitId::TokensDay), other.limit(LimitId::TokensDay));
    }
}
