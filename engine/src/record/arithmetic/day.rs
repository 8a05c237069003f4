//! The day: whole days of wall time, and how long until the next.

use super::check;
use super::draw::{below, number};
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::packed::day_max;
use crate::plan::{CompiledPlan, Limit, Plan, PlanId};
use crate::record::{Recent, Record};
use crate::unit::{Cost, LimitId, Unit};
use quickcheck::{Arbitrary, Gen};

/// A wall time, at a midnight and about it or anywhere; units used, and units asked for.
#[derive(Clone, Debug)]
struct Case {
    unit: Unit,
    unix: u64,
    quota: u64,
    used: u64,
    cost: u64,
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        let unit = super::draw::unit(g);
        let midnight = below(g, 80_000).saturating_mul(Nanos::DAY.get());
        let unix = match below(g, 2) {
            0 => number(g, 0, u64::MAX),
            _ => (midnight + below(g, 3)).saturating_sub(1),
        };
        let quota = number(g, 1, Limit::range(LimitId::day(unit)));
        let used = number(g, 0, day_max(unit));
        let cost = match below(g, 2) {
            0 => (quota.saturating_sub(used) + below(g, 3)).saturating_sub(1),
            _ => number(g, 0, u64::MAX),
        };
        Self { unit, unix, quota, used, cost }
    }
}

impl Case {
    fn record(&self) -> Record {
        let mut record = Record::fresh(1, PlanId(0), Timestamp::both(Nanos::new(self.unix)));
        record.head.day_used[self.unit as usize] = self.used;
        record
    }
}

#[test]
fn a_day_is_86400_seconds_and_ends_with_its_last_nanosecond() {
    fn holds(case: Case) -> bool {
        let (day, record) = (u128::from(case.unix) / u128::from(Nanos::DAY.get()), case.record());
        let last = u128::from(Recent::MAX_DAY);
        let midnight = (day.min(last) + 1) * u128::from(Nanos::DAY.get());
        u128::from(record.head.day()) == day.min(last)
            && u128::from(record.head.next_midnight().get()) == midnight
    }
    check(holds);
}

/// R8, R10, R11: room, wait and what remains.
#[test]
fn a_quota_is_used_to_its_last_unit_and_whole_at_midnight() {
    fn holds(case: Case) -> bool {
        let limit = Limit::day(case.unit, case.quota);
        let plan = CompiledPlan::new(Plan::builder("p").limit(limit).build().unwrap());
        let (record, at) = (case.record(), Timestamp::both(Nanos::new(case.unix)));
        let mut cost = Cost::default();
        match case.unit {
            Unit::Requests => cost.requests = case.cost,
            Unit::Tokens => cost.tokens = case.cost,
        }
        let fits = u128::from(case.used) + u128::from(case.cost) <= u128::from(case.quota);
        let judged = record.head.judge(&plan, cost).denying.is_empty();
        let status = record.status(&plan, LimitId::day(case.unit), at).unwrap();
        let until_midnight = record.head.next_midnight().get().saturating_sub(case.unix);
        let reset = if case.used == 0 { 0 } else { until_midnight };
        judged == fits
            && status.remaining == case.quota.saturating_sub(case.used)
            && status.reset_after.get() == reset
    }
    check(holds);
}
