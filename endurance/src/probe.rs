//! Reads all that the engine knows of a key, by asking what it would decide under other plans.
//!
//! [`Limiter::peek`] converts a copy of a key's record to the plan that is named (R9), which keeps units
//! as they are. So plans that no call is made under show each of the record's numbers by itself:
//!
//! - under limits so large that the burst covers any debt, `remaining` is L less the window's units, and of a day Q
//!   less the day's;
//! - under one unit a window without burst, a call of one unit waits until the bucket owes nothing, and that
//!   is W for each unit owed: the wait is the debt, as a numerator over W, to the nanosecond. It is told
//!   unless the window takes longer to empty, which is at most 8/7 of W: a debt beyond 8/7 of a unit shows.
//!
//! A key with a plan of its own is decided under that, whatever is named: of it the standing is read.

use crate::ledger::Ledger;
use std::collections::HashMap;
use std::hash::Hash;
use tidegate::{
    Burst, Cost, Limit, LimitId, LimitStatus, Limiter, Nanos, Plan, PlanId, PlansFull, Timestamp, Unit,
    Verdict,
};

/// L of the plan that shows what is used, by unit: more than any window holds here, and with twice that as ceiling
/// within what a plan may ask.
const WIDE: [u64; 2] = [11_000_000, 180_000_000_000];

/// The plans to ask with, for the window lengths that there are.
#[derive(Debug)]
pub struct Probes {
    wide: HashMap<[u64; 2], PlanId>,
    slow: HashMap<(Unit, u64), PlanId>,
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
        /// By unit, how long until no unit is in the window and none owed, under one unit a window.
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
                probes.slow.insert((unit, length), limiter.add_plan(&slow(unit, length))?);
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
            return Reading::Standing(LimitId::ALL.map(|limit| standing.status(limit)));
        }
        let used = |limit: LimitId| {
            standing.status(limit).map_or(0, |status| u128::from(status.limit - status.remaining))
        };
        let clear_in = |unit: Unit| {
            let mut one = Cost::default();
            match unit {
                Unit::Requests => one.requests = 1,
                Unit::Tokens => one.tokens = 1,
            }
            match limiter.peek(key, self.slow[&(unit, lengths[unit as usize])], one, at).0 {
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
        return Reading::Standing(LimitId::ALL.map(|limit| ledger.status(limit)));
    }
    Reading::Numbers {
        in_window: Unit::ALL.map(|unit| ledger.in_window(unit)),
        in_day: Unit::ALL.map(|unit| ledger.in_day(unit)),
        clear_in: Unit::ALL.map(|unit| ledger.empty_in(unit).max(ledger.owed(unit))),
    }
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
fn slow(unit: Unit, length: u64) -> Plan {
    Plan::builder(format!("slow {unit} {length}"))
        .limit(Limit::window(unit, 1, Nanos::new(length)).with_burst(Burst::NONE))
        .build()
        .expect("within the range")
}
