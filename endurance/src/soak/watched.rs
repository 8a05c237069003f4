//! Keys of one worker alone, with an exact account of each beside the engine.

use super::cast::Caller;
use super::house::House;
use super::shared::Counts;
use crate::ledger::{Charge, Ledger};
use crate::probe;
use rand::RngExt;
use rand::rngs::SmallRng;
use std::collections::VecDeque;
use tidegate::{Cost, Decision, Reservation, Timestamp};

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
    /// Whether plans are changed: with other workers a change is made no earlier than their latest charge, which no account
    /// could know.
    changes_plans: bool,
    /// What was compared and what differed, since last asked.
    pub(super) checks: u64,
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
}

impl Watched {
    pub(super) fn new(owner: usize, planted: bool, changes_plans: bool) -> Self {
        Self {
            owner,
            keys: Vec::new(),
            open: VecDeque::new(),
            next: 0,
            settles: 0,
            planted,
            changes_plans,
            checks: 0,
            errors: 0,
            first_error: None,
        }
    }

    /// Replaces a quarter of the keys by new ones, while all workers stand at one time: a key that comes while
    /// another worker's clock is ahead may begin at that one's time, which no account could know.
    pub(super) fn renew(&mut self, house: &House, at: Timestamp, counts: &mut Counts) {
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
        match random.random_range(0..200) {
            0..120 => {
                let tokens = random.random_range(0..20_000) >> random.random_range(0..14);
                self.call(house, place, Cost::tokens(tokens), at, counts);
            }
            120..190 => return self.end(house, random, at, counts),
            190..199 if !self.changes_plans => {}
            190..197 => self.keys[place].plan = random.random_range(0..PLANS),
            197..199 => self.own_plan(house, place, random.random_range(0..PLANS), at),
            _ => {
                let caller = self.caller(place);
                house.limiter.clear_own_plan(&caller, at);
                self.keys[place].ledger.clear_own_plan();
            }
        }
        self.compare(house, place, at);
    }

    /// Compares every key.
    pub(super) fn compare_all(&mut self, house: &House, at: Timestamp) {
        (0..self.keys.len()).for_each(|place| self.compare(house, place, at));
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
        self.compare(house, place, at);
    }

    fn own_plan(&mut self, house: &House, place: usize, plan: usize, at: Timestamp) {
        let caller = self.caller(place);
        let (plan, id) = &house.plans[plan];
        let kept = house.limiter.set_own_plan(&caller, *id, at);
        if kept {
            self.keys[place].ledger.advance(at);
            self.keys[place].ledger.set_own_plan(plan);
        }
        self.expect(place, kept, || format!("{caller:?} has no record of its own"));
    }

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
