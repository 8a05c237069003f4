//! What was charged to a key, kept call by call: R1 and R8 can be counted from it by anyone.

use tidegate::{Cost, LimitId, Mode, Nanos, Plan, Span, Timestamp, Unit};

/// Units charged at one moment; a refund lowers them.
#[derive(Debug)]
struct Charge {
    time: u64,
    day: u64,
    units: [u64; 2],
    /// Left the window of a plan that the key was on meanwhile: a later plan need not know of it (R9).
    forgotten: [bool; 2],
    /// Charged before a reset.
    reset: bool,
}

/// Units given back at one moment, nobody knows charged when.
#[derive(Debug)]
struct GivenBack {
    time: u64,
    day: u64,
    units: [u64; 2],
    /// To the day alone: a settle of a call from before a reset.
    of_day_alone: bool,
}

/// The log of one key.
///
/// Time and day are the key's own: they never go back, and a decision that stores nothing does not move them.
#[derive(Debug, Default)]
pub struct Log {
    charges: Vec<Charge>,
    given_back: Vec<GivenBack>,
    time: u64,
    /// The latest time at which it was charged, and at which any key was.
    charged: u64,
    charged_anywhere: u64,
    day: u64,
    /// The number of its plan; `None` before its first stored call.
    plan: Option<usize>,
}

/// Beyond this, the engine's clock stands still.
const MAX_TIME: u64 = u64::MAX >> 1;

impl Log {
    /// The number of the key's plan.
    pub fn plan(&self) -> Option<usize> {
        self.plan
    }

    /// Brings the key to the time of a stored call and into its plan.
    pub fn move_to(&mut self, plans: &[Plan], plan: usize, at: Timestamp) {
        let time = at.monotonic.get().min(MAX_TIME);
        self.day = self.day.max(at.unix.get() / Nanos::DAY.get());
        let changed = self.plan.replace(plan).filter(|old| *old != plan);
        if changed.is_some() && time < self.time.max(self.charged_anywhere) {
            self.change_earlier(time);
        }
        self.time = self.time.max(time);
        if let Some(old) = changed {
            Unit::ALL.into_iter().for_each(|unit| self.forget(unit, window(&plans[old], unit)));
        }
    }

    /// A change of plan by a clock that was set back. It is made no earlier than any charge to the key (`docs/rules.md`, R9),
    /// which is the key's time, if nothing but charges moved that. Else it may be made at any time from the call's on, and
    /// what was used before may have left the window by then.
    fn change_earlier(&mut self, time: u64) {
        if self.time == self.charged && self.charged_anywhere <= self.time {
            return;
        }
        self.charges.iter_mut().for_each(|charge| charge.forgotten = [true; 2]);
        self.time = time;
    }

    /// No key was charged after this.
    pub fn heard_of_charges_until(&mut self, time: u64) {
        self.charged_anywhere = time.min(MAX_TIME);
    }

    fn forget(&mut self, unit: Unit, window: u64) {
        for charge in &mut self.charges {
            charge.forgotten[unit as usize] |= charge.time + window <= self.time;
        }
    }

    /// Notes a charge by a call of that time, to which the key has moved, and gives its place.
    pub fn charge(&mut self, cost: Cost, at: Timestamp) -> usize {
        self.charged = self.charged.max(at.monotonic.get().min(MAX_TIME));
        let units = Unit::ALL.map(|unit| cost.of(unit));
        self.charges.push(Charge {
            time: self.time,
            day: self.day,
            units,
            forgotten: [false; 2],
            reset: false,
        });
        self.charges.len() - 1
    }

    /// Takes units of a charge back.
    pub fn refund(&mut self, place: usize, unit: Unit, units: u64) {
        if self.charges[place].reset {
            let mut back = [0; 2];
            back[unit as usize] = units;
            let (time, day) = (self.time, self.day);
            self.given_back.push(GivenBack { time, day, units: back, of_day_alone: true });
            return;
        }
        let left = &mut self.charges[place].units[unit as usize];
        *left = left.saturating_sub(units);
    }

    /// Gives units back at the key's time.
    pub fn give_back(&mut self, cost: Cost) {
        let units = Unit::ALL.map(|unit| cost.of(unit));
        self.given_back.push(GivenBack { time: self.time, day: self.day, units, of_day_alone: false });
    }

    /// Forgets what was charged.
    pub fn reset(&mut self) {
        self.given_back.clear();
        self.charges.iter_mut().for_each(|charge| (charge.units, charge.reset) = ([0; 2], true));
    }

    /// R1 and R8 just after an admission: the only moments at which they can be broken.
    ///
    /// # Panics
    ///
    /// If they are.
    pub fn assert_within(&self, plan: &Plan) {
        for (id, limit) in plan.limits().filter(|(_, limit)| limit.mode() == Mode::Enforce) {
            let used = match limit.span() {
                Span::Window(window) => self.in_window(id, window.get()),
                Span::Day => self.in_day(id),
            };
            assert!(used <= u128::from(limit.ceiling()), "{id:?}: {used} of {limit:?}\n{self:#?}");
        }
    }

    /// Units charged in (t−W, t], less those given back in that time: whenever they were charged, a window counts so many
    /// less at most.
    fn in_window(&self, id: LimitId, window: u64) -> u128 {
        let unit = id.unit() as usize;
        let counts = |charge: &&Charge| charge.time + window > self.time && !charge.forgotten[unit];
        let charged: u128 =
            self.charges.iter().filter(counts).map(|charge| u128::from(charge.units[unit])).sum();
        let is_of_it = |back: &&GivenBack| !back.of_day_alone && back.time + window > self.time;
        charged.saturating_sub(units_of(self.given_back.iter().filter(is_of_it), unit))
    }

    fn in_day(&self, id: LimitId) -> u128 {
        let today = self.charges.iter().filter(|charge| charge.day == self.day);
        let charged: u128 = today.map(|charge| u128::from(charge.units[id.unit() as usize])).sum();
        let back = self.given_back.iter().filter(|back| back.day == self.day);
        charged.saturating_sub(units_of(back, id.unit() as usize))
    }
}

fn units_of<'a>(given_back: impl Iterator<Item = &'a GivenBack>, unit: usize) -> u128 {
    given_back.map(|back| u128::from(back.units[unit])).sum()
}

/// W of a unit. Where a plan sets no window, the engine counts over a minute.
fn window(plan: &Plan, unit: Unit) -> u64 {
    match plan.limit(LimitId::window(unit)).map(tidegate::Limit::span) {
        Some(Span::Window(window)) => window.get(),
        _ => Nanos::MINUTE.get(),
    }
}
