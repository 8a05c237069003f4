//! Tidegate: three limits a call, decided together.

use crate::contender::Contender;
use std::hint::black_box;
use tidegate::{Cost, Decision, Limiter, Nanos, Plan, PlanId, Timestamp};

/// Mid-November 2023, far from midnight: no bench sees the day turn unless it runs for hours of its own time.
const START: Timestamp = Timestamp::both(Nanos::from_secs(1_700_000_000));

/// What each call asks for: a request and a prompt of ordinary size.
const COST: Cost = Cost::tokens(100);

/// What becomes of an admitted call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    Settle,
}

/// A limiter whose time is passed in: each call of a thread is `step` later than the one before.
#[derive(Debug)]
pub struct Tidegate {
    name: &'static str,
    limiter: Limiter,
    plan: PlanId,
    step: Nanos,
    after: After,
}

/// Limits so large that all calls of a bench are admitted, on requests a minute, tokens a minute and tokens a day.
fn roomy() -> Plan {
    let plan = Plan::builder("roomy").requests_per_minute(15_000_000).tokens_per_minute(150_000_000_000);
    plan.tokens_per_day(4_000_000_000_000).build().expect("within the documented range")
}

/// The same three limits, so small that all calls but a key's first are denied.
fn used_up() -> Plan {
    let plan = Plan::builder("used up").burst(0.0).requests_per_minute(1).tokens_per_minute(100);
    plan.tokens_per_day(1_000_000).build().expect("within the documented range")
}

impl Tidegate {
    fn new(name: &'static str, population: u64, plan: &Plan, step: Nanos) -> Self {
        let capacity = usize::try_from(population).expect("keys fit in memory")
            * std::env::var("CAPX").map_or(1, |x| x.parse().unwrap());
        // The seed of the hash moves keys between runs; a fixed one keeps runs comparable.
        let limiter = Limiter::builder().capacity(capacity).seed(1).build().expect("a sane capacity");
        let plan = limiter.add_plan(plan).expect("room for a plan");
        Self { name, limiter, plan, step, after: After::Nothing }
    }

    /// Every call is admitted, and almost none turns a segment: ten million calls a second of each thread.
    pub fn admitting(population: u64) -> Self {
        Self::new("tidegate", population, &roomy(), Nanos::new(100))
    }

    /// As [`admitting`](Self::admitting) for a single key, slowed down to stay within the limits.
    pub fn admitting_one_key() -> Self {
        Self::new("tidegate", 1, &roomy(), Nanos::new(10_000))
    }

    /// Every call is admitted and settled with a tenth less than it reserved.
    pub fn settling(population: u64) -> Self {
        let after = After::Settle;
        Self { after, ..Self::new("tidegate, settled", population, &roomy(), Nanos::new(100)) }
    }

    /// Every call is admitted and finds that segments have turned since the key's last: quiet keys. A key's
    /// next call comes after ten seconds on average, and a segment lasts 8.6.
    pub fn turning(population: u64) -> Self {
        let step = Nanos::new(10_000_000_000 / population.max(1));
        Self::new("tidegate, turning", population, &roomy(), step)
    }

    /// Every call is denied, by both windows, with an exact time to come back. Time stands still.
    pub fn denying(population: u64) -> Self {
        let denying = Self::new("tidegate", population, &used_up(), Nanos::ZERO);
        denying.meet(population);
        denying
    }
}

impl Contender for Tidegate {
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn decide(&self, key: u64, call: u64) -> bool {
        let at = START.after(Nanos::new(call * self.step.get()));
        match self.limiter.check(&key, self.plan, COST, at) {
            Decision::Admitted(admission) => {
                if self.after == After::Settle {
                    self.limiter.settle(admission.reservation, COST.tokens - COST.tokens / 10, at);
                }
                true
            }
            Decision::Denied(denial) => {
                black_box(denial);
                false
            }
            Decision::Never(_) => false,
        }
    }
}
