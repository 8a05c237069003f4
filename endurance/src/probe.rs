//! Reads all that the engine knows of a key, by asking what it would decide under other plans.
//!
//! [`Limiter::peek`] converts a copy of a key's record to the plan that is named (R9), which keeps units
//! as they are. So plans that no call is made under show each of the record's numbers by itself:
//!
//! - under limits so large that the burst covers any debt, `remaining` is L less the window's units, and of a day Q
//!   less the day's;
//! - under few units a window without burst, a call of all of them waits until the bucket owes nothing. Under one unit,
//!   that is W for each unit owed: the wait is the debt, as a numerator over W, to the nanosecond. It is told
//!   unless the window takes longer to empty, which is at most 8/7 of W: a debt beyond 8/7 of a unit shows. Where so
//!   long a wait would not fit the clock, the debt is read in steps of 128 units, or of 128 times that, and so on,
//!   still to the nanosecond in which that limit refills it, of which there are millions to a unit.
//!
//! A key with a plan of its own is decided under that, whatever is named: of it the standing is read.

use crate::ledger::Ledger;
use std::collections::HashMap;
use std::hash::Hash;
use tidegate::{
    Burst, Cost, Denial, Limit, LimitId, LimitStatus, Limiter, Nanos, Plan, PlanId, PlansFull, Timestamp,
    Unit, Verdict,
};

/// L of the plan that shows what is used, by unit: as much as a plan may ask with twice that as ceiling. A shadow limit may
/// let a window hold more, which reads as that.
const WIDE: [u64; 2] = [11_000_000, 180_000_000_000];

/// The plans to ask with, for the window lengths that there are.
#[derive(Debug)]
pub struct Probes {
    wide: HashMap<[u64; 2], PlanId>,
    slow: HashMap<(Unit, u64, Level), PlanId>,
}

/// Under 128 to that power a window debts are read.
type Level = u32;

/// Units a window of a level.
fn slow_amount(level: Level) -> u64 {
    128_u64.pow(level)
}

/// The longest wait that is read.
const LONGEST: u128 = 1 << 62;

/// The lowest level at which a debt, as a numerator over W, is paid in time.
fn level_of(owed: u128) -> Level {
    (0..).find(|level| owed / u128::from(slow_amount(*level)) < LONGEST).unwrap_or(0)
}

/// What the engine tells of a key, or what it should tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The record's numbers.
    Numbers {
        /// By unit, units in the windows.
        in_window: [u128; 2],
        /// By unit, units in the day.
        in_day: [u128; 2],
        /// By unit, how long until no unit is in the window and none owed, under few units a window.
        clear_in: [u128; 2],
    },
    /// The standing under a plan of the key's own.
    Standing([Option<LimitStatus>; 4]),
}

impl Probes {
    /// Plans for windows of all these plans' lengths.
    pub fn new(limiter: &Limiter, plans: &[Plan]) -> Result<Self, PlansFull> {
        let mut probes = Self { wide: HashMap::new(), slow: HashMap::new() };
        for plan in plans {
            let lengths = lengths(&Ledger::new(plan, Timestamp::both(Nanos::ZERO)));
            probes.wide.insert(lengths, limiter.add_plan(&wide(lengths))?);
            for unit in Unit::ALL {
                let length = lengths[unit as usize];
                let most_owed = u128::from(2 * WIDE[unit as usize]) * u128::from(length);
                for level in 0..=level_of(most_owed) {
                    let id = limiter.add_plan(&slow(unit, length, level))?;
                    probes.slow.insert((unit, length, level), id);
                }
            }
        }
        Ok(probes)
    }

    /// What the engine tells of a key at a time. `ledger` says only which windows to ask for.
    pub fn read<K: Hash + ?Sized>(
        &self,
        limiter: &Limiter,
        key: &K,
        ledger: &Ledger,
        at: Timestamp,
    ) -> Reading {
        let lengths = lengths(ledger);
        let (_, standing) = limiter.peek(key, self.wide[&lengths], Cost::default(), at);
        if ledger.has_own_plan() {
            return Reading::Standing(LimitId::ALL.map(|limit| status_in_reach(standing.status(limit))));
        }
        let used = |limit: LimitId| {
            standing.status(limit).map_or(0, |status| u128::from(status.limit - status.remaining))
        };
        let clear_in = |unit: Unit| {
            let level = level_of(ledger.owed(unit));
            let (mut all, amount) = (Cost::default(), slow_amount(level));
            match unit {
                Unit::Requests => all.requests = amount,
                Unit::Tokens => all.tokens = amount,
            }
            match limiter.peek(key, self.slow[&(unit, lengths[unit as usize], level)], all, at).0 {
                Verdict::Deny(denial) => denial.retry_after.get().into(),
                _ => 0,
            }
        };
        Reading::Numbers {
            in_window: Unit::ALL.map(|unit| used(LimitId::window(unit))),
            in_day: Unit::ALL.map(|unit| used(LimitId::day(unit))),
            clear_in: Unit::ALL.map(clear_in),
        }
    }
}

/// What the engine should tell of a key, by the ledger at its own time.
pub fn expected(ledger: &Ledger) -> Reading {
    if ledger.has_own_plan() {
        return Reading::Standing(LimitId::ALL.map(|limit| status_in_reach(ledger.status(limit))));
    }
    Reading::Numbers {
        in_window: Unit::ALL.map(|unit| shown_in_window(ledger, unit)),
        in_day: Unit::ALL.map(|unit| ledger.in_day(unit)),
        clear_in: Unit::ALL.map(|unit| ledger.empty_in(unit).max(paid_in(ledger, unit))),
    }
}

/// The units that a window shows under the plan by which it is read: no more than that has, and less remains where shadow
/// limits have let the bucket owe more than its burst covers.
fn shown_in_window(ledger: &Ledger, unit: Unit) -> u128 {
    let (wide, length) = (u128::from(WIDE[unit as usize]), ledger.terms().length(unit));
    let room = (2 * wide * length).saturating_sub(ledger.owed(unit)) / length;
    wide - wide.saturating_sub(ledger.in_window(unit)).min(room)
}

/// A wait of more than this is compared as this: a debt of billions of units at one in 400 days may need more than
/// the 584 years that a wait can tell.
const REACH: Nanos = Nanos::new(1 << 63);

/// What of a limit's status is compared.
pub fn status_in_reach(status: Option<LimitStatus>) -> Option<LimitStatus> {
    status.map(|status| LimitStatus { reset_after: status.reset_after.min(REACH), ..status })
}

/// What of a verdict is compared.
pub fn verdict_in_reach(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Deny(Denial { limit, retry_after }) => {
            Verdict::Deny(Denial { limit, retry_after: retry_after.min(REACH) })
        }
        verdict => verdict,
    }
}

/// How long until nothing is owed, under the units a window with which it is read. That the part of a unit that has been
/// refilled is kept in whole nanoseconds (R9) changes nothing: those are what the wait is told in.
fn paid_in(ledger: &Ledger, unit: Unit) -> u128 {
    let (owed, length) = (ledger.owed(unit), ledger.terms().length(unit));
    let amount = u128::from(slow_amount(level_of(owed)));
    let units = owed.div_ceil(length);
    let head_start = (units * length - owed) / amount;
    (units * length).div_ceil(amount) - head_start
}

fn lengths(ledger: &Ledger) -> [u64; 2] {
    Unit::ALL.map(|unit| ledger.terms().length(unit) as u64)
}

/// Shows what is used: nothing that is owed takes part.
fn wide(lengths: [u64; 2]) -> Plan {
    let whole_burst = Burst::fraction(1.0).expect("a fraction");
    let window = |unit: Unit| {
        let length = Nanos::new(lengths[unit as usize]);
        Limit::window(unit, WIDE[unit as usize], length).with_burst(whole_burst)
    };
    let day = |unit: Unit| Limit::day(unit, Limit::range(LimitId::day(unit)));
    let builder = Plan::builder(format!("wide {lengths:?}"));
    let limits = Unit::ALL.into_iter().flat_map(|unit| [window(unit), day(unit)]);
    limits.fold(builder, |builder, limit| builder.limit(limit)).build().expect("within the range")
}

/// Shows what is owed.
fn slow(unit: Unit, length: u64, level: Level) -> Plan {
    Plan::builder(format!("slow {unit} {length} {level}"))
        .limit(Limit::window(unit, slow_amount(level), Nanos::new(length)).with_burst(Burst::NONE))
        .build()
        .expect("within the range")
}
