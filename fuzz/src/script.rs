//! Histories out of a fuzzer's bytes: calls, settles, changes of plan and of the clocks, one step at a time.
//!
//! Whatever the bytes are, they are a history: the more of them, the longer. Numbers that matter, the ceilings of the
//! plans, the ends of their segments, midnight and the last retry time, come up more often than chance would have it.

use crate::{Bytes, House, plan_in_range};
use std::sync::LazyLock;
use tidegate::{Cost, Limit, LimitId, Nanos, Plan, Span, Timestamp, Unit};

/// Plans of a history.
pub const PLANS: usize = 3;
/// A history is no longer: 255 changes of a window's length are told apart, and none can reach that.
const MAX_STEPS: usize = 200;
/// Calls of a batch; more than are asked for together, twice.
const MAX_CALLS: usize = 80;
/// Clocks stay before this, half of where they stand still, so that retry times can be waited for.
pub const FAR: u64 = 1 << 62;

/// A call that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The key's number.
    pub key: usize,
    /// The number of the plan that the call names.
    pub plan: usize,
    /// What it asks for.
    pub cost: Cost,
}

/// What a call turns out to have cost.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Nothing came of it: it is cancelled.
    Cancelled,
    /// As reserved.
    Estimated,
    /// So many tokens.
    Tokens(u64),
    /// So many tokens more than reserved.
    More(u64),
    /// Half of the tokens reserved.
    Half,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// Calls at one time.
    Calls(Vec<Call>),
    /// One of the open calls ends; which, by a number to be taken modulo how many there are.
    End(usize, Outcome),
    /// A key moves to a plan.
    ChangePlan(usize, usize),
    /// A key gets a plan of its own.
    OwnPlan(usize, usize),
    /// A key gives its own plan back.
    ClearOwnPlan(usize),
    /// It is told what a key has used, under a plan.
    Record(usize, usize, Cost),
    /// A key is given units back.
    GiveBack(usize, Cost),
    /// What a key has used is forgotten.
    Reset(usize),
    /// It is this time now.
    Time(Timestamp),
}

/// A history as it goes on.
#[derive(Debug)]
pub struct Script<'a> {
    bytes: Bytes<'a>,
    house: House,
    plans: Vec<Plan>,
    at: Timestamp,
    retry_at: Option<Timestamp>,
    steps: usize,
}

impl<'a> Script<'a> {
    /// The history that these bytes are.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut bytes = Bytes::new(bytes);
        let house = House::new(&mut bytes);
        let plans = (0..PLANS).map(|number| plan_in_range(&mut bytes, &number.to_string())).collect();
        let start = [0, 1_700_000_000_000_000_000, bytes.number() % FAR];
        let at =
            Timestamp { monotonic: Nanos::new(bytes.one_of(&start)), unix: Nanos::new(bytes.one_of(&start)) };
        Self { bytes, house, plans, at, retry_at: None, steps: 0 }
    }

    /// The keys and their room.
    pub fn house(&self) -> House {
        self.house
    }

    /// The plans, by number.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The time at which it begins.
    pub fn start(&self) -> Timestamp {
        self.at
    }

    /// Tells when a denied call is to come back, so that a later step can be at that time.
    pub fn note_retry(&mut self, at: Timestamp) {
        self.retry_at = (at.monotonic.get().max(at.unix.get()) < FAR).then_some(at);
    }

    /// What happens next; `None` at the end. Printed where `TIDEGATE_PRINT` is set, so that a finding can be told in words.
    pub fn next_step(&mut self) -> Option<Step> {
        static PRINTED: LazyLock<bool> = LazyLock::new(|| std::env::var_os("TIDEGATE_PRINT").is_some());
        if *PRINTED && self.steps == 0 {
            eprintln!("{:#?} from {:?}\n{:#?}", self.house, self.at, self.plans);
        }
        let step = self.step();
        if *PRINTED && let Some(step) = &step {
            eprintln!("{step:?}");
        }
        step
    }

    fn step(&mut self) -> Option<Step> {
        if self.bytes.is_empty() || self.steps == MAX_STEPS {
            return None;
        }
        self.steps += 1;
        Some(match self.bytes.byte() % 16 {
            0..7 => Step::Calls(self.calls()),
            7..9 => Step::End(usize::from(self.bytes.byte()), self.outcome()),
            9 => {
                let (key, plan) = (self.key(), self.plan());
                match self.bytes.byte() % 4 {
                    0 => Step::OwnPlan(key, plan),
                    1 => Step::ClearOwnPlan(key),
                    _ => Step::ChangePlan(key, plan),
                }
            }
            10 => self.time(Self::turn_clock),
            11 | 12 => self.time(Self::wait_for_retry),
            13 | 14 => self.time(Self::pass),
            _ => self.outside(),
        })
    }

    fn key(&mut self) -> usize {
        usize::from(self.bytes.byte()) % self.house.keys
    }

    fn plan(&mut self) -> usize {
        usize::from(self.bytes.byte()) % PLANS
    }

    fn calls(&mut self) -> Vec<Call> {
        let count = if self.house.batches { 1 + usize::from(self.bytes.byte()) % MAX_CALLS } else { 1 };
        (0..count).map(|_| self.call()).collect()
    }

    /// Usage that no decision made.
    fn outside(&mut self) -> Step {
        let (key, choice) = (self.key(), self.bytes.byte());
        let plan = key % PLANS;
        if choice.is_multiple_of(8) {
            return Step::Reset(key);
        }
        let cost =
            Cost { requests: self.units(plan, Unit::Requests), tokens: self.units(plan, Unit::Tokens) };
        match choice % 8 {
            1 => Step::Record(key, self.plan(), cost),
            2..5 => Step::Record(key, plan, cost),
            _ => Step::GiveBack(key, cost),
        }
    }

    fn call(&mut self) -> Call {
        let key = self.key();
        // Mostly the plan that the key is on.
        let choice = usize::from(self.bytes.byte());
        let plan = if choice < 224 { key % PLANS } else { choice % PLANS };
        let cost =
            Cost { requests: self.units(plan, Unit::Requests), tokens: self.units(plan, Unit::Tokens) };
        Call { key, plan, cost }
    }

    /// Units that have something to do with the plan's ceilings.
    fn units(&mut self, plan: usize, unit: Unit) -> u64 {
        let choice = self.bytes.byte();
        if choice >= 64 {
            return u64::from(!choice.is_multiple_of(4));
        }
        let limits = [LimitId::window(unit), LimitId::day(unit)];
        let ceilings = limits.map(|id| self.plans[plan].limit(id).map(Limit::ceiling));
        let ceiling = ceilings[usize::from(choice & 1)].or(ceilings[0]).or(ceilings[1]).unwrap_or(100);
        match choice >> 1 & 7 {
            0 => self.bytes.number(),
            1 => ceiling,
            2 => ceiling.saturating_add(1),
            3 => ceiling / 2,
            4 => ceiling / 7 + 1,
            5 => ceiling - 1,
            6 => u64::from(self.bytes.byte()),
            _ => 2,
        }
    }

    fn outcome(&mut self) -> Outcome {
        match self.bytes.byte() % 8 {
            0 => Outcome::Cancelled,
            1 => Outcome::Estimated,
            2 => Outcome::Tokens(self.bytes.number()),
            3 => Outcome::More(self.bytes.number()),
            4 => Outcome::More(u64::from(self.bytes.byte())),
            5 => Outcome::Tokens(0),
            _ => Outcome::Half,
        }
    }

    fn time(&mut self, go_on: fn(&mut Self) -> Timestamp) -> Step {
        let at = go_on(self);
        let within = |time: Nanos| time.min(Nanos::new(FAR - 1));
        let mut at = Timestamp { monotonic: within(at.monotonic), unix: within(at.unix) };
        if !self.house.clocks_go_back {
            let before = self.at;
            at = Timestamp { monotonic: at.monotonic.max(before.monotonic), unix: at.unix.max(before.unix) };
        }
        self.at = at;
        Step::Time(at)
    }

    /// Either clock jumps, also back.
    fn turn_clock(&mut self) -> Timestamp {
        let (which, jump) = (self.bytes.byte(), Nanos::new(self.bytes.number() % FAR));
        let mut at = self.at;
        let clock = if which & 1 == 0 { &mut at.monotonic } else { &mut at.unix };
        *clock = match which / 2 % 4 {
            0 => *clock + jump,
            1 => *clock - Nanos::new(jump.get() % Nanos::MINUTE.get()),
            2 => *clock - jump,
            _ => jump,
        };
        at
    }

    /// The time at which the last denied call is to come back, or a nanosecond before.
    fn wait_for_retry(&mut self) -> Timestamp {
        let less = Nanos::new(u64::from(self.bytes.byte() & 1));
        match self.retry_at {
            Some(at) => Timestamp { monotonic: at.monotonic - less, unix: at.unix - less },
            None => self.pass(),
        }
    }

    /// Time passes, by spans at which windows, segments and days end, more or less.
    fn pass(&mut self) -> Timestamp {
        let plan = self.plan();
        let spans = self.plans[plan].limits().filter_map(|(_, limit)| match limit.span() {
            Span::Window(window) => Some((window.get(), limit.amount())),
            Span::Day => None,
        });
        let spans: Vec<_> = spans.collect();
        let (window, amount) = match spans.as_slice() {
            [] => (Nanos::DAY.get(), 1),
            spans => self.bytes.one_of(spans),
        };
        let day = Nanos::DAY.get();
        let to_midnight = day - self.at.unix.get() % day;
        // To the end of the segment at hand.
        let segment = u128::from(self.at.monotonic.get()) * 7 / u128::from(window) + 1;
        let bound = (segment * u128::from(window)).div_ceil(7);
        let to_bound = u64::try_from(bound).unwrap_or(u64::MAX).saturating_sub(self.at.monotonic.get());
        let exact = self.bytes.one_of(&[
            to_bound,
            window,
            window / 7,
            window / 7 * 8,
            window / amount,
            to_midnight,
            1_000_000_000,
            0,
        ]);
        let elapsed = match self.bytes.byte() % 4 {
            0 => exact,
            1 => exact.saturating_sub(1),
            2 => exact.saturating_add(1),
            _ => self.bytes.number() % day,
        };
        self.at.after(Nanos::new(elapsed))
    }
}
