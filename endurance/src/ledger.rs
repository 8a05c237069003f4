//! An exact account of one key, kept beside the engine: sums by segment, what the bucket owes as a fraction, the day.
//!
//! It follows `docs/rules.md` and shares no code with the engine. Numbers have 128 bits, the bucket's debt is kept
//! as a numerator over W, and nothing is packed, saturated or postponed. What makes it simple: times do not go
//! back, and no count comes near the end of its range.

mod account;
mod terms;

pub use terms::{DayTerms, Terms, WindowTerms};

use account::Account;
use tidegate::{Cost, Denial, LimitId, LimitSet, LimitStatus, Nanos, Plan, Timestamp, Unit, Verdict};

/// From so many changes of a window's length on reservations give a window nothing back.
const MOST_GRIDS: u32 = 255;

/// One key.
#[derive(Clone, Debug)]
pub struct Ledger {
    terms: Terms,
    own_plan: bool,
    /// Whether anything has ever been changed: before that a key has the plan that its calls name.
    known: bool,
    at: Timestamp,
    day: u64,
    grids: u32,
    accounts: [Account; 2],
}

/// What was charged, to be settled later.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    /// What was charged.
    pub cost: Cost,
    time: u64,
    day: u64,
    grids: u32,
}

fn day_of(at: Timestamp) -> u64 {
    at.unix.get() / Nanos::DAY.get()
}

impl Ledger {
    /// A key that has used nothing.
    pub fn new(plan: &Plan, at: Timestamp) -> Self {
        let (terms, accounts) = (Terms::of(plan), Default::default());
        Self { terms, own_plan: false, known: false, at, day: day_of(at), grids: 0, accounts }
    }

    /// The limits that hold for it.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whether it has a plan of its own.
    pub fn has_own_plan(&self) -> bool {
        self.own_plan
    }

    /// Nothing is used of any limit: a fresh key would be decided alike.
    pub fn is_blank(&self) -> bool {
        !self.own_plan && self.accounts.iter().all(Account::is_blank)
    }

    /// Brings the key to a time, which is not before the last one.
    pub fn advance(&mut self, at: Timestamp) {
        assert!(at.monotonic >= self.at.monotonic && at.unix >= self.at.unix, "time goes on");
        self.at = at;
        if day_of(at) > self.day {
            self.day = day_of(at);
            self.accounts.iter_mut().for_each(Account::begin_day);
        }
        for unit in Unit::ALL {
            let terms = &self.terms;
            self.accounts[unit as usize].advance(
                terms.window(unit),
                terms.length(unit),
                at.monotonic.get().into(),
            );
        }
    }

    /// A call names a plan, at the key's time.
    pub fn use_plan(&mut self, plan: &Plan) {
        if self.known {
            self.change_plan(plan);
        } else {
            self.terms = Terms::of(plan);
        }
    }

    /// R9, at the key's time.
    pub fn change_plan(&mut self, plan: &Plan) {
        let to = Terms::of(plan);
        if !self.known {
            (self.terms, self.known) = (to, true);
            return;
        }
        if self.own_plan || to == self.terms {
            return;
        }
        let moves = |unit: &Unit| self.terms.length(*unit) != to.length(*unit);
        if Unit::ALL.iter().any(moves) {
            self.grids = (self.grids + 1).min(MOST_GRIDS);
        }
        let now = self.at.monotonic.get().into();
        for unit in Unit::ALL {
            self.accounts[unit as usize].move_to(&self.terms, &to, unit, now);
        }
        self.terms = to;
    }

    /// A plan of the key's own, at the key's time.
    pub fn set_own_plan(&mut self, plan: &Plan) {
        self.own_plan = false;
        self.change_plan(plan);
        self.own_plan = true;
    }

    /// The plan of its own is taken back.
    pub fn clear_own_plan(&mut self) {
        self.own_plan = false;
    }

    /// What the rules say of a call at the key's time.
    pub fn verdict(&self, cost: Cost) -> Verdict {
        let (mut shadow, mut denial) = (LimitSet::EMPTY, None::<Denial>);
        for limit in LimitId::ALL {
            let Some((wait, enforced)) = self.wait(limit, cost.of(limit.unit())) else { continue };
            match wait {
                Some(Nanos::ZERO) => {}
                _ if !enforced => shadow = shadow.with(limit),
                None => return Verdict::Never(limit),
                Some(retry_after) if denial.is_none_or(|longest| retry_after > longest.retry_after) => {
                    denial = Some(Denial { limit, retry_after });
                }
                Some(_) => {}
            }
        }
        denial.map_or(Verdict::Admit(shadow), Verdict::Deny)
    }

    /// How long a limit has no room for so many units, `None` if for ever; and whether it is enforced.
    fn wait(&self, limit: LimitId, units: u64) -> Option<(Option<Nanos>, bool)> {
        let (unit, units) = (limit.unit(), u128::from(units));
        let account = &self.accounts[unit as usize];
        if limit.is_day() {
            let terms = self.terms.day(unit)?;
            let wait = if account.day_used() + units <= terms.amount {
                Some(Nanos::ZERO)
            } else {
                (units <= terms.amount).then(|| self.until_midnight())
            };
            return Some((wait, terms.enforced));
        }
        let terms = self.terms.window(unit)?;
        if units > terms.ceiling {
            return Some((None, terms.enforced));
        }
        let now = self.at.monotonic.get().into();
        Some((Some(self.wait_of(account.room_in(terms, units, now))), terms.enforced))
    }

    /// A wait beyond the end of the clock's scale reads as one to that.
    fn wait_of(&self, nanos: u128) -> Nanos {
        Nanos::new(u64::try_from(nanos).unwrap_or(u64::MAX)).min(Nanos::MAX - self.at.monotonic)
    }

    fn until_midnight(&self) -> Nanos {
        Nanos::new((self.day + 1) * Nanos::DAY.get()) - self.at.unix
    }

    /// R11, at the key's time.
    pub fn status(&self, limit: LimitId) -> Option<LimitStatus> {
        let unit = limit.unit();
        let account = &self.accounts[unit as usize];
        if limit.is_day() {
            let terms = self.terms.day(unit)?;
            let used = account.day_used();
            return Some(LimitStatus {
                limit: terms.amount as u64,
                remaining: terms.amount.saturating_sub(used) as u64,
                reset_after: if used == 0 { Nanos::ZERO } else { self.until_midnight() },
                window: Nanos::DAY,
            });
        }
        let terms = self.terms.window(unit)?;
        let now = self.at.monotonic.get().into();
        Some(LimitStatus {
            limit: terms.amount as u64,
            remaining: account.remaining(terms) as u64,
            reset_after: self.wait_of(account.whole_in(terms, now)),
            window: Nanos::new(terms.length as u64),
        })
    }

    /// Units in the window of a unit, whether it is limited or not.
    pub fn in_window(&self, unit: Unit) -> u128 {
        self.accounts[unit as usize].in_window()
    }

    /// Units in the day.
    pub fn in_day(&self, unit: Unit) -> u128 {
        self.accounts[unit as usize].day_used()
    }

    /// What the bucket owes, times W in nanoseconds.
    pub fn owed(&self, unit: Unit) -> u128 {
        self.accounts[unit as usize].owed()
    }

    /// How long until no unit is left in the window.
    pub fn empty_in(&self, unit: Unit) -> u128 {
        let now = self.at.monotonic.get().into();
        self.accounts[unit as usize].empty_in(self.terms.length(unit), now)
    }

    /// Charges a call to every limit, at the key's time.
    pub fn charge(&mut self, cost: Cost) -> Charge {
        for unit in Unit::ALL {
            self.charge_unit(unit, cost.of(unit).into());
        }
        Charge { cost, time: self.at.monotonic.get(), day: self.day, grids: self.grids }
    }

    fn charge_unit(&mut self, unit: Unit, units: u128) {
        self.known = true;
        let now = self.at.monotonic.get().into();
        let terms = &self.terms;
        self.accounts[unit as usize].charge(terms.window(unit), terms.length(unit), now, units);
    }

    /// R7, at the key's time.
    pub fn settle(&mut self, charge: &Charge, actual: Cost) {
        for unit in Unit::ALL {
            let (reserved, actual) = (charge.cost.of(unit), actual.of(unit));
            if actual > reserved {
                self.charge_unit(unit, (actual - reserved).into());
            } else if actual < reserved {
                self.refund_unit(unit, charge, (reserved - actual).into());
            }
        }
    }

    /// R7 without a reservation: a key that is known is given units back, whenever they were charged, at the key's time.
    pub fn give_back(&mut self, cost: Cost) {
        for unit in Unit::ALL {
            let (account, units) = (&mut self.accounts[unit as usize], cost.of(unit).into());
            account.refund_day(units);
            account.refund_bucket(self.terms.window(unit), units);
            account.give_back_to_window(units);
        }
    }

    /// What was used is forgotten, and calls that are open give a window nothing back.
    pub fn reset(&mut self) {
        self.grids = (self.grids + 1).min(MOST_GRIDS);
        self.accounts.iter_mut().for_each(Account::forget);
    }

    fn refund_unit(&mut self, unit: Unit, charge: &Charge, units: u128) {
        let account = &mut self.accounts[unit as usize];
        if charge.day == self.day {
            account.refund_day(units);
        }
        account.refund_bucket(self.terms.window(unit), units);
        // Charged before a window changed its length, they stand in another segment, if at all.
        if charge.grids == self.grids && self.grids < MOST_GRIDS {
            account.refund_window(self.terms.length(unit), charge.time.into(), units);
        }
    }
}
