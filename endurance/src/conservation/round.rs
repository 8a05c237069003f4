//! One thread's operations on a few keys, compared at every one.
//!
//! After each operation the key it touched is read whole ([`crate::probe`]) and compared with its ledger, and each
//! decision with what the ledger says: admitted or not, by which limit, until when to the nanosecond. Every thousandth
//! operation all keys are read, and what remains of each limit and when it is whole again is compared too. So a unit
//! that is lost or made up shows at the operation that did it.

use super::draws::Draws;
use super::plans;
use super::plant::Plant;
use super::tally::Tally;
use crate::ledger::{Charge, Ledger};
use crate::probe::{self, Probes, status_in_reach, verdict_in_reach};
use std::collections::HashMap;
use tidegate::{
    Call, Cost, Decision, LimitId, Limiter, Nanos, Plan, PlanId, Reservation, Span, Timestamp, Unit, Verdict,
};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
/// All keys are read each so many operations.
const CHECKPOINT: u64 = 1_000;
/// Reservations left open.
const OPEN: usize = 64;

/// Which keys call, and what becomes of them.
#[derive(Clone, Copy, Debug)]
struct Cast {
    /// Keys that call at a time.
    active: u64,
    /// New keys take the place of those that call, and the old ones are forgotten.
    turns_over: bool,
    capacity: usize,
    longest_reservation: Nanos,
    longest_window: u64,
}

impl Cast {
    fn draw(draws: &mut Draws) -> Self {
        if draws.one_in(3) {
            let longest_reservation = Nanos::new(draws.pick(&[SECOND, 60 * SECOND, HOUR]));
            return Self {
                active: 8,
                turns_over: true,
                capacity: 64,
                longest_reservation,
                longest_window: 60 * SECOND,
            };
        }
        Self {
            active: draws.pick(&[1, 2, 8, 32]),
            turns_over: false,
            capacity: 64,
            longest_reservation: Nanos::MAX,
            longest_window: u64::MAX,
        }
    }
}

#[derive(Debug)]
struct Key {
    plan: usize,
    ledger: Ledger,
    /// A count of it stood at its greatest value, and nothing is compared until it is blank again: such a count no longer
    /// knows how much it holds, and gives nothing back.
    at_its_end: bool,
}

impl Key {
    /// Takes note of counts that are at their greatest values, under shadow limits.
    fn watch(&mut self) {
        let is_at_its_end = |unit: Unit| {
            let (window, day) = MOST_COUNTED[unit as usize];
            self.ledger.in_window(unit) >= window || self.ledger.in_day(unit) >= day
        };
        self.at_its_end |= Unit::ALL.into_iter().any(is_at_its_end);
        self.at_its_end &= !self.ledger.is_blank();
    }
}

/// The greatest values of the counts of windows and days, by unit (`docs/arithmetic.md`).
const MOST_COUNTED: [(u128, u128); 2] = [((1 << 25) - 1, (1 << 30) - 1), ((1 << 39) - 1, (1 << 42) - 1)];

struct Open {
    key: u64,
    reservation: Reservation,
    charge: Charge,
    since: Nanos,
}

struct Round {
    seed: u64,
    draws: Draws,
    cast: Cast,
    limiter: Limiter,
    probes: Probes,
    plans: Vec<(Plan, PlanId)>,
    pace: u64,
    changes: u64,
    at: Timestamp,
    /// The number of the first of the keys that call.
    first: u64,
    keys: HashMap<u64, Key>,
    open: Vec<Open>,
    plant: Plant,
    tally: Tally,
}

/// Runs one round.
pub(super) fn run(seed: u64, operations: u64, plant_each: Option<u64>) -> Tally {
    let mut round = Round::new(seed, plant_each);
    let mut checkpoint = CHECKPOINT;
    while round.tally.operations() < operations && round.tally.errors == 0 {
        round.pass_time();
        round.operation();
        if round.tally.operations() >= checkpoint {
            round.compare_all();
            checkpoint += CHECKPOINT;
        }
    }
    round.tally.rounds = 1;
    round.tally.forgotten = round.limiter.occupancy().map(|shard| shard.forgotten).sum();
    round.tally
}

impl Round {
    fn new(seed: u64, plant_each: Option<u64>) -> Self {
        let mut draws = Draws::new(seed);
        let cast = Cast::draw(&mut draws);
        let plans = plans::draw(&mut draws, 4, cast.longest_window);
        let limiter = Limiter::builder()
            .capacity(cast.capacity)
            .max_threads(2)
            .max_plans(256)
            .longest_reservation(cast.longest_reservation)
            .seed(seed)
            .build()
            .expect("a small limiter");
        let probes = Probes::new(&limiter, &plans).expect("room for plans");
        let known = |plan: Plan| {
            let id = limiter.add_plan(&plan).expect("room for plans");
            (plan, id)
        };
        let plans: Vec<_> = plans.into_iter().map(known).collect();
        let windows: Vec<_> = plans.iter().flat_map(|(plan, _)| lengths(plan)).collect();
        let window = if windows.is_empty() { SECOND } else { draws.pick(&windows) };
        let pace = (window / draws.pick(&[1_000, 100, 7])).min(HOUR / 6);
        let since = draws.pick(&[0, 86_399 * SECOND, 1_700_000_000 * SECOND + 123]);
        let at = Timestamp { monotonic: Nanos::new(since), unix: Nanos::new(1_700_000_000 * SECOND) };
        let changes = draws.pick(&[30, 200, 1_000]);
        Self {
            seed,
            draws,
            cast,
            limiter,
            probes,
            plans,
            pace,
            changes,
            at,
            first: 0,
            keys: HashMap::new(),
            open: Vec::new(),
            plant: Plant::new(plant_each),
            tally: Tally::default(),
        }
    }

    /// Time goes on: mostly by a little, now and then to where a segment or the day ends, or over days.
    fn pass_time(&mut self) {
        let day = self.at.unix.get() / DAY;
        let often = if self.cast.turns_over { 8 } else { 1 };
        let step = match self.draws.below(16_384 / often) {
            0 => DAY * self.draws.below(3) + self.draws.below(DAY),
            1..4 => DAY - self.at.unix.get() % DAY + self.draws.below(3) - 1,
            4..200 => {
                let plan = self.draws.below(self.plans.len() as u64) as usize;
                let windows = lengths(&self.plans[plan].0);
                let window = if windows.is_empty() { 60 * SECOND } else { self.draws.pick(&windows) };
                self.reach_segment(window)
            }
            200..1_000 => 0,
            _ => self.draws.below(2 * self.pace + 1),
        };
        self.at = self.at.after(Nanos::new(step));
        if self.draws.one_in(50_000) {
            self.at.unix = self.at.unix + Nanos::new(self.draws.below(DAY));
        }
        self.tally.days += self.at.unix.get() / DAY - day;
    }

    /// To the end of a segment or of a whole window, give or take a nanosecond; not by much more than the pace.
    fn reach_segment(&mut self, window: u64) -> u64 {
        let now = self.at.monotonic.get();
        let segment = u128::from(now) * 7 / u128::from(window) + 1 + u128::from(self.draws.below(2) * 7);
        let start = (segment * u128::from(window)).div_ceil(7) as u64;
        let step = (start - now + self.draws.below(3)).saturating_sub(1);
        if step > 1_000 * self.pace.max(SECOND) { self.pace } else { step }
    }

    fn operation(&mut self) {
        if self.cast.turns_over && self.draws.one_in(100) {
            self.first += 1;
        }
        if self.draws.one_in(self.changes) {
            return self.change_plan();
        }
        match self.draws.below(64) {
            0 => self.batch(),
            1..34 => self.call(),
            34 if self.draws.one_in(32) => self.own_plan(),
            35 => self.outside(),
            _ => self.end(),
        }
    }

    /// A key that calls; where keys turn over, now and then one that called long ago.
    fn some_key(&mut self) -> u64 {
        if self.cast.turns_over && self.draws.one_in(64) {
            return self.first.saturating_sub(self.draws.below(1_000));
        }
        self.first + self.draws.below(self.cast.active)
    }

    /// Its ledger at this time; a new one for a key of which nothing is known, or nothing that counts.
    fn key(&mut self, number: u64) -> &mut Key {
        let (plans, at) = (&self.plans, self.at);
        let key = self.keys.entry(number).or_insert_with(|| {
            let plan = number as usize % plans.len();
            Key { plan, ledger: Ledger::new(&plans[plan].0, at), at_its_end: false }
        });
        key.ledger.advance(at);
        key
    }

    /// Units that a limit may have room for, or just not.
    fn units(&mut self, plan: usize, unit: Unit) -> u64 {
        let most = [LimitId::window(unit), LimitId::day(unit)]
            .into_iter()
            .filter_map(|id| Some(self.plans[plan].0.limit(id)?.ceiling()))
            .min()
            .unwrap_or(100);
        match (unit, self.draws.below(64)) {
            (_, 0) => most + self.draws.below(3),
            (Unit::Requests, 1..56) => 1,
            (Unit::Requests, _) => self.draws.below(6),
            (Unit::Tokens, 1..10) => self.draws.below(most / 4 + 2),
            (Unit::Tokens, _) => self.draws.of_any_size(most / 16 + 1),
        }
    }

    fn cost(&mut self, plan: usize) -> Cost {
        Cost { requests: self.units(plan, Unit::Requests), tokens: self.units(plan, Unit::Tokens) }
    }

    fn call(&mut self) {
        let number = self.some_key();
        let plan = self.key(number).plan;
        let (cost, id, before) = (self.cost(plan), self.plans[plan].1, self.limiter.overflowed());
        let decision = if self.draws.one_in(8) {
            self.limiter.check_with_standing(&number, id, cost, self.at).0
        } else {
            self.limiter.check(&number, id, cost, self.at)
        };
        let has_room = self.limiter.overflowed() == before;
        self.decided(number, cost, decision, has_room);
        self.compare(number);
    }

    /// What is decided on a shared record, for want of room, is nothing to the key.
    fn decided(&mut self, number: u64, cost: Cost, decision: Decision, has_room: bool) {
        let since = self.at.monotonic;
        match decision.verdict() {
            Verdict::Admit(_) => self.tally.admitted += 1,
            Verdict::Deny(_) => self.tally.denied += 1,
            Verdict::Never(_) => self.tally.never += 1,
        }
        if !has_room {
            self.tally.without_room += 1;
            return;
        }
        let plan = self.key(number).plan;
        let plan = self.plans[plan].0.clone();
        let key = self.key(number);
        key.ledger.use_plan(&plan);
        let at_its_end = key.at_its_end;
        let (found, expected) =
            (verdict_in_reach(decision.verdict()), verdict_in_reach(key.ledger.verdict(cost)));
        if let Decision::Admitted(admission) = decision {
            let charge = key.ledger.charge(cost);
            self.open.push(Open { key: number, reservation: admission.reservation, charge, since });
            self.tally.units.charged += u128::from(cost.tokens);
        }
        if at_its_end {
            return;
        }
        self.tally.decisions += 1;
        if found != expected {
            self.fail(number, format_args!("decided {found:?}, not {expected:?}"));
        }
    }

    fn batch(&mut self) {
        let calls: Vec<_> = (0..1 + self.draws.below(12))
            .map(|_| {
                let key = self.some_key();
                let plan = self.key(key).plan;
                Call { key, plan: self.plans[plan].1, cost: self.cost(plan) }
            })
            .collect();
        let (before, mut decisions) = (self.limiter.overflowed(), Vec::new());
        self.limiter.check_batch(&calls, self.at, |_, decision| decisions.push(decision));
        // Which of them had none, a batch does not tell: their keys are compared, their decisions are not.
        let has_room = self.limiter.overflowed() == before;
        self.tally.in_batches += calls.len() as u64;
        for (call, decision) in calls.iter().zip(decisions) {
            let had = has_room || self.is_known(call.key);
            self.decided(call.key, call.cost, decision, had);
        }
        calls.iter().for_each(|call| self.compare(call.key));
    }

    /// Whether a key has a record of its own.
    fn is_known(&self, number: u64) -> bool {
        let before = self.limiter.overflowed();
        let _ = self.limiter.peek(&number, self.plans[0].1, Cost::default(), self.at);
        self.limiter.overflowed() == before
    }

    fn end(&mut self) {
        if self.open.len() < 1 + self.draws.below(OPEN as u64) as usize {
            return self.call();
        }
        let place = self.draws.below(self.open.len() as u64) as usize;
        let Open { key: number, reservation, charge, since } = self.open.swap_remove(place);
        let reserved = charge.cost.tokens;
        let too_late = self.at.monotonic - since > self.cast.longest_reservation;
        let way = self.draws.below(16);
        if too_late || way == 0 {
            self.limiter.settle_by_estimate(reservation, self.at);
            self.tally.estimated += 1;
            return;
        }
        let actual = match way {
            1..3 => {
                self.tally.cancelled += 1;
                self.tally.units.refunded += u128::from(reserved);
                Cost::default()
            }
            3..9 => Cost { tokens: self.draws.below(reserved + 1), ..charge.cost },
            9..11 => charge.cost,
            _ => Cost { tokens: reserved + 1 + self.draws.of_any_size(reserved / 2 + 1), ..charge.cost },
        };
        if way >= 3 {
            self.tally.end(reserved, actual.tokens);
        }
        self.key(number).ledger.settle(&charge, actual);
        if way < 3 {
            self.limiter.cancel(reservation, self.at);
        } else {
            let short = self.plant.short(reserved, actual.tokens, &mut self.tally);
            self.limiter.settle(reservation, actual.tokens + short, self.at);
        }
        self.compare(number);
    }

    /// Usage that no decision made.
    fn outside(&mut self) {
        let number = self.some_key();
        let plan = self.key(number).plan;
        let cost = self.cost(plan);
        match self.draws.below(8) {
            0 => self.reset(number),
            1..4 => self.give_back(number, cost),
            _ => self.record_usage(number, cost),
        }
        self.compare(number);
    }

    /// Not of a key that is in debt: what is told of is charged whatever the limits say, and debts would grow without bound.
    fn record_usage(&mut self, number: u64, cost: Cost) {
        let key = self.key(number);
        let (plan, has_room) = (key.plan, matches!(key.ledger.verdict(Cost::REQUEST), Verdict::Admit(_)));
        if cost == Cost::default() || !has_room {
            return self.give_back(number, cost);
        }
        let (before, (plan, id)) = (self.limiter.overflowed(), self.plans[plan].clone());
        self.limiter.record_usage(&number, id, cost, self.at);
        self.tally.recorded += 1;
        if self.limiter.overflowed() != before {
            self.tally.without_room += 1;
            return;
        }
        self.tally.units.recorded += u128::from(cost.tokens);
        let key = self.key(number);
        key.ledger.use_plan(&plan);
        key.ledger.charge(cost);
    }

    /// Nothing to a key that is not known: its ledger is blank then, or the next reading fails.
    fn give_back(&mut self, number: u64, cost: Cost) {
        // A count at its greatest value gives nothing back.
        if self.key(number).at_its_end {
            return self.reset(number);
        }
        let tokens = self.plant.short(cost.tokens, 0, &mut self.tally);
        let given = Cost { tokens: cost.tokens - tokens, ..cost };
        self.tally.given_back += 1;
        if self.limiter.give_back(&number, given, self.at) {
            self.key(number).ledger.give_back(cost);
        }
    }

    fn reset(&mut self, number: u64) {
        self.tally.reset += 1;
        if self.limiter.reset(&number, self.at) {
            self.key(number).ledger.reset();
        }
    }

    fn change_plan(&mut self) {
        let (number, plan) = (self.some_key(), self.draws.below(self.plans.len() as u64) as usize);
        self.key(number).plan = plan;
        // Half of the changes come with the next call.
        if self.draws.one_in(2) {
            return self.call();
        }
        let (before, (plan, id)) = (self.limiter.overflowed(), self.plans[plan].clone());
        self.limiter.change_plan(&number, id, self.at);
        self.tally.plan_changes += 1;
        if self.limiter.overflowed() == before {
            self.key(number).ledger.change_plan(&plan);
        }
        self.compare(number);
    }

    /// Sets a plan of a key's own, or takes it back. With one a key is not forgotten: not where keys turn over.
    fn own_plan(&mut self) {
        if self.cast.turns_over {
            return self.call();
        }
        let (number, plan) = (self.some_key(), self.draws.below(self.plans.len() as u64) as usize);
        let (plan, id) = self.plans[plan].clone();
        self.tally.own_plans += 1;
        if self.key(number).ledger.has_own_plan() {
            self.limiter.clear_own_plan(&number, self.at);
            self.key(number).ledger.clear_own_plan();
        } else if self.limiter.set_own_plan(&number, id, self.at) {
            self.key(number).ledger.set_own_plan(&plan);
        } else {
            self.fail(number, format_args!("no room for a plan of its own"));
        }
        self.compare(number);
    }

    /// Reads all that the engine knows of a key.
    fn compare(&mut self, number: u64) {
        let key = self.key(number);
        key.watch();
        if key.at_its_end {
            self.tally.at_their_end += 1;
            return;
        }
        let (before, key) = (self.limiter.overflowed(), &self.keys[&number]);
        let expected = probe::expected(&key.ledger);
        let found = self.probes.read(&self.limiter, &number, &key.ledger, self.at);
        if self.limiter.overflowed() != before {
            // It has no record and there is no room for one: it is as if it had never called.
            if !key.ledger.is_blank() {
                self.fail(number, format_args!("unknown, not {expected:?}"));
            }
            return;
        }
        self.tally.readings += 1;
        if found != expected {
            self.fail(number, format_args!("{found:?}, not {expected:?}"));
        }
    }

    /// Reads all keys, what is told of their limits too; and lets go of ledgers that are as good as new.
    fn compare_all(&mut self) {
        let numbers: Vec<_> = self.keys.keys().copied().collect();
        for number in numbers {
            self.compare(number);
            self.compare_standing(number);
        }
        if self.cast.turns_over {
            let is_open = |number: &u64| self.open.iter().any(|open| open.key == *number);
            self.keys.retain(|number, key| !key.ledger.is_blank() || is_open(number));
        }
    }

    fn compare_standing(&mut self, number: u64) {
        if self.key(number).at_its_end {
            return;
        }
        let plan = self.key(number).plan;
        let (before, (plan, id)) = (self.limiter.overflowed(), self.plans[plan].clone());
        let (_, standing) = self.limiter.peek(&number, id, Cost::default(), self.at);
        let mut ledger = self.keys[&number].ledger.clone();
        ledger.use_plan(&plan);
        let found = LimitId::ALL.map(|limit| status_in_reach(standing.status(limit)));
        let expected = LimitId::ALL.map(|limit| status_in_reach(ledger.status(limit)));
        if found != expected && self.limiter.overflowed() == before {
            self.fail(number, format_args!("stands at {found:?}, not {expected:?}"));
        }
    }

    fn fail(&mut self, number: u64, what: std::fmt::Arguments<'_>) {
        let (seed, operation, at) = (self.seed, self.tally.operations(), self.at);
        let what = what.to_string();
        self.tally.fail(|| format!("seed {seed}, operation {operation}, key {number} at {at:?}: {what}"));
    }
}

/// The lengths of a plan's windows.
fn lengths(plan: &Plan) -> Vec<u64> {
    let length = |limit: &tidegate::Limit| match limit.span() {
        Span::Window(length) => Some(length.get()),
        Span::Day => None,
    };
    plan.limits().filter_map(|(_, limit)| length(limit)).collect()
}
