//! Keys of one worker alone, with an exact account of each beside the engine.
//!
//! Every decision on them is compared, and after each operation what remains of each limit and when it is whole. What takes the
//! times of other workers into account is left to the meetings, at which all stand at one time: a change of plan is made
//! no earlier than the latest charge of any thread (R9), and a new key may begin at the time by which another was
//! forgotten. So it is there that plans change, keys are renewed, and each record is read whole, by asking under
//! other plans.

use super::cast::Caller;
use super::house::House;
use super::shared::Counts;
use crate::ledger::{Charge, Ledger};
use crate::probe;
use rand::RngExt;
use rand::rngs::SmallRng;
use std::collections::VecDeque;
use tidegate::{Cost, Decision, LimitId, Reservation, Timestamp};

/// How many at a time.
const KEYS: usize = 256;
/// Reservations left open.
const OPEN: usize = 512;
/// Plans that watched keys are on: all but the one whose denials tell places in line.
const PLANS: usize = 5;

#[derive(Debug)]
struct Key {
    number: u64,
    plan: usize,
    ledger: Ledger,
    /// Engine and ledger have parted: one loss is one error, not one at every look from then on.
    parted: bool,
}

/// The watched keys of a worker.
#[derive(Debug)]
pub(super) struct Watched {
    owner: usize,
    keys: Vec<Key>,
    open: VecDeque<(u64, Reservation, Charge)>,
    next: u64,
    settles: u64,
    planted: bool,
    /// What was compared and what differed, since last asked.
    pub(super) checks: u64,
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
}

impl Watched {
    pub(super) fn new(owner: usize, planted: bool) -> Self {
        Self {
            owner,
            keys: Vec::new(),
            open: VecDeque::new(),
            next: 0,
            settles: 0,
            planted,
            checks: 0,
            errors: 0,
            first_error: None,
        }
    }

    /// Reads all that the engine knows of each key, changes the plans of some, and replaces a quarter by new ones.
    pub(super) fn meet(&mut self, house: &House, random: &mut SmallRng, at: Timestamp, counts: &mut Counts) {
        for place in 0..self.keys.len() {
            self.compare(house, place, at);
            if random.random_range(0..2) == 0 {
                self.change_plan(house, place, random, at);
                self.compare(house, place, at);
            }
        }
        self.renew(house, at, counts);
    }

    fn renew(&mut self, house: &House, at: Timestamp, counts: &mut Counts) {
        let leaving = self.keys.len().min(KEYS / 4);
        for key in self.keys.drain(..leaving) {
            house.limiter.clear_own_plan(&Caller::Watched { owner: self.owner, number: key.number }, at);
        }
        let first = self.keys.first().map_or(self.next, |key| key.number);
        let (kept, gone) = self.open.drain(..).partition(|(number, ..)| *number >= first);
        self.open = kept;
        let gone: VecDeque<(u64, Reservation, Charge)> = gone;
        for (_, reservation, _) in gone {
            house.limiter.settle_by_estimate(reservation, at);
            counts.settled += 1;
        }
        for _ in self.keys.len()..KEYS {
            let (number, plan) = (self.next, self.next as usize % PLANS);
            self.next += 1;
            // A key that finds no room shares a record, of which no account tells: it is not watched.
            let caller = Caller::Watched { owner: self.owner, number };
            if house.limiter.set_own_plan(&caller, house.plans[plan].1, at) {
                house.limiter.clear_own_plan(&caller, at);
                let mut ledger = Ledger::new(&house.plans[plan].0, at);
                ledger.set_own_plan(&house.plans[plan].0);
                ledger.clear_own_plan();
                self.keys.push(Key { number, plan, ledger, parted: false });
                self.compare(house, self.keys.len() - 1, at);
            }
        }
    }

    /// One operation on one key, and a look at all that the engine knows of it.
    pub(super) fn step(&mut self, house: &House, random: &mut SmallRng, at: Timestamp, counts: &mut Counts) {
        // They come at the first meeting.
        if self.keys.is_empty() {
            return;
        }
        let place = random.random_range(0..self.keys.len());
        if random.random_range(0..8) < 5 {
            let tokens = random.random_range(0..20_000) >> random.random_range(0..14);
            self.call(house, place, Cost::tokens(tokens), at, counts);
            self.compare_standing(house, place, at);
        } else {
            self.end(house, random, at, counts);
        }
    }

    /// Another plan, one of the key's own, or that one taken back.
    fn change_plan(&mut self, house: &House, place: usize, random: &mut SmallRng, at: Timestamp) {
        let (caller, plan) = (self.caller(place), random.random_range(0..PLANS));
        let (of_plan, id) = &house.plans[plan];
        let key = &mut self.keys[place];
        key.ledger.advance(at);
        match random.random_range(0..4) {
            0 => {
                let kept = house.limiter.set_own_plan(&caller, *id, at);
                key.ledger.set_own_plan(of_plan);
                self.expect(place, kept, || format!("{caller:?} has no record of its own"));
                return;
            }
            1 => {
                house.limiter.clear_own_plan(&caller, at);
                key.ledger.clear_own_plan();
            }
            _ => {}
        }
        key.plan = plan;
        house.limiter.change_plan(&caller, *id, at);
        key.ledger.change_plan(of_plan);
    }

    fn caller(&self, place: usize) -> Caller {
        Caller::Watched { owner: self.owner, number: self.keys[place].number }
    }

    fn call(&mut self, house: &House, place: usize, cost: Cost, at: Timestamp, counts: &mut Counts) {
        let caller = self.caller(place);
        let key = &mut self.keys[place];
        let (plan, id) = &house.plans[key.plan];
        let decision = house.limiter.check(&caller, *id, cost, at);
        key.ledger.advance(at);
        key.ledger.use_plan(plan);
        let (found, expected) = (decision.verdict(), key.ledger.verdict(cost));
        if let Decision::Admitted(admission) = decision {
            counts.admitted += 1;
            let charge = key.ledger.charge(cost);
            self.open.push_back((key.number, admission.reservation, charge));
        } else {
            counts.denied += 1;
        }
        self.expect(place, found == expected, || format!("{caller:?}: decided {found:?}, not {expected:?}"));
    }

    fn end(&mut self, house: &House, random: &mut SmallRng, at: Timestamp, counts: &mut Counts) {
        if self.open.len() < OPEN {
            return;
        }
        let place = random.random_range(0..self.open.len());
        let Some((number, reservation, charge)) = self.open.swap_remove_back(place) else { return };
        let Some(place) = self.keys.iter().position(|key| key.number == number) else { return };
        let key = &mut self.keys[place];
        key.ledger.advance(at);
        self.settles += 1;
        if random.random_range(0..6) == 0 {
            house.limiter.cancel(reservation, at);
            key.ledger.settle(&charge, Cost::default());
            counts.cancelled += 1;
        } else {
            let tokens = random.random_range(0..=charge.cost.tokens * 5 / 4);
            let planted = self.planted && self.settles.is_multiple_of(10_000);
            house.limiter.settle(reservation, tokens + u64::from(planted), at);
            key.ledger.settle(&charge, Cost { tokens, ..charge.cost });
            counts.settled += 1;
        }
        self.compare_standing(house, place, at);
    }

    /// What is told of the limits that hold for a key, of each what remains and when it is whole.
    fn compare_standing(&mut self, house: &House, place: usize, at: Timestamp) {
        let caller = self.caller(place);
        let key = &mut self.keys[place];
        key.ledger.advance(at);
        let (verdict, standing) = house.limiter.peek(&caller, house.plans[key.plan].1, Cost::REQUEST, at);
        let found = (verdict, LimitId::ALL.map(|limit| standing.status(limit)));
        let expected =
            (key.ledger.verdict(Cost::REQUEST), LimitId::ALL.map(|limit| key.ledger.status(limit)));
        self.expect(place, found == expected, || format!("{caller:?} stands at {found:?}, not {expected:?}"));
    }

    /// All that the engine knows of a key.
    fn compare(&mut self, house: &House, place: usize, at: Timestamp) {
        let caller = self.caller(place);
        let key = &mut self.keys[place];
        key.ledger.advance(at);
        let found = house.probes.read(&house.limiter, &caller, &key.ledger, at);
        let expected = probe::expected(&key.ledger);
        self.expect(place, found == expected, || format!("{caller:?}: {found:?}, not {expected:?}"));
    }

    fn expect(&mut self, place: usize, holds: bool, why: impl FnOnce() -> String) {
        let key = &mut self.keys[place];
        if key.parted {
            return;
        }
        self.checks += 1;
        if !holds {
            key.parted = true;
            self.errors += 1;
            self.first_error.get_or_insert_with(why);
        }
    }
}
