//! Tidegate: three limits a call, decided together.

use crate::contender::{Contender, Course};
use crate::keys::Distribution;
use std::hint::black_box;
use std::sync::Arc;
use tidegate::{Call, Cost, Decision, Limiter, Nanos, Plan, PlanId, Timestamp};

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

/// Where a call's time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    /// It is passed in, as the course says it.
    Passed,
    /// It is passed in, and always the same.
    Still,
}

/// A limiter whose time is passed in.
#[derive(Clone, Debug)]
pub struct Tidegate {
    name: &'static str,
    limiter: Arc<Limiter>,
    plan: PlanId,
    time: Time,
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

/// The shortest step of a course at which the hottest of so many keys stays within the limits: with so many threads
/// calling at once, 200,000 calls a second.
pub fn shortest_step(population: u64, distribution: Distribution, threads: u64) -> Nanos {
    let hottest = distribution.hottest_share(population) * threads as f64;
    ORDINARY_STEP.max(Nanos::new((hottest * 5_000.0).ceil() as u64))
}

/// Ten million calls a second of each thread: almost none turns a segment.
pub const ORDINARY_STEP: Nanos = Nanos::new(100);

/// A step at which almost every call finds that segments have turned since the key's last: quiet keys. A key's next call
/// comes after ten seconds on average, and a segment lasts 8.6.
pub fn turning_step(population: u64) -> Nanos {
    Nanos::new(10_000_000_000 / population.max(1))
}

impl Tidegate {
    fn new(name: &'static str, population: u64, plan: &Plan, seed: u64) -> Self {
        let capacity = usize::try_from(population).expect("keys fit in memory");
        // The seed of the hash moves keys between runs; a fixed one keeps runs comparable.
        let limiter = Limiter::builder().capacity(capacity).seed(seed).build().expect("a sane capacity");
        let plan = limiter.add_plan(plan).expect("room for a plan");
        let limiter = Arc::new(limiter);
        Self { name, limiter, plan, time: Time::Passed, after: After::Nothing }
    }

    /// Every call is admitted.
    pub fn admitting(population: u64, seed: u64) -> Self {
        Self::new("tidegate", population, &roomy(), seed)
    }

    /// The same by another name, where a course makes segments turn: see [`turning_step`].
    pub fn turning(population: u64, seed: u64) -> Self {
        Self::new("tidegate, turning", population, &roomy(), seed)
    }

    /// Every call is admitted and settled with a tenth less than it reserved.
    pub fn settling(population: u64, seed: u64) -> Self {
        let after = After::Settle;
        Self { after, ..Self::new("tidegate, settled", population, &roomy(), seed) }
    }

    /// Every call but a key's first is denied, by both windows, with an exact time to come back. Time stands still.
    pub fn denying(population: u64, seed: u64) -> Self {
        Self { time: Time::Still, ..Self::new("tidegate", population, &used_up(), seed) }
    }

    /// The same limiter, asked for 32 calls at a time.
    pub fn in_batches(&self) -> Batches {
        Batches { limiter: Arc::clone(&self.limiter), plan: self.plan }
    }
}

impl Contender for Tidegate {
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn decide(&self, key: u64, time: Nanos) -> bool {
        let at = match self.time {
            Time::Passed => START.after(time),
            Time::Still => START,
        };
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

/// A limiter that is asked for 32 calls at a time, which all come at the time of the first.
#[derive(Clone, Debug)]
pub struct Batches {
    limiter: Arc<Limiter>,
    plan: PlanId,
}

impl Batches {
    fn call(&self, key: u32) -> Call<u64> {
        Call { key: key.into(), plan: self.plan, cost: COST }
    }

    fn decide_all(&self, calls: &[Call<u64>], time: Nanos) -> u64 {
        let mut admitted = 0;
        self.limiter.check_batch(calls, START.after(time), |_index, decision| {
            admitted += u64::from(decision.is_admitted());
        });
        admitted
    }
}

impl Contender for Batches {
    fn name(&self) -> &'static str {
        "tidegate, batches of 32"
    }

    fn decide(&self, key: u64, time: Nanos) -> bool {
        self.decide_all(&[Call { key, plan: self.plan, cost: COST }], time) == 1
    }

    /// Whatever the course's pace. The calls of a batch are written down one after the other, which is part of the
    /// time.
    fn run(&self, course: &Course<'_>) -> u64 {
        let Course { keys, start: mut time, step, .. } = *course;
        let step = Nanos::new(step.get() * BATCH as u64);
        let (batches, rest) = keys.as_chunks::<BATCH>();
        let mut admitted = 0;
        for batch in batches {
            admitted += self.decide_all(&batch.map(|key| self.call(key)), time);
            time = time + step;
        }
        let rest: Vec<_> = rest.iter().map(|&key| self.call(key)).collect();
        admitted + self.decide_all(&rest, time)
    }
}

/// Calls of a batch.
const BATCH: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_key_stays_within_a_minutes_limit() {
        for population in [1, 2, 1_000, 10_000_000] {
            for distribution in [Distribution::Uniform, Distribution::Zipf] {
                for threads in [1, 2, 64] {
                    let step = shortest_step(population, distribution, threads).get() as f64;
                    let hottest = distribution.hottest_share(population) * threads as f64;
                    let a_minute = hottest * 6e10 / step;
                    assert!(a_minute < 15e6, "{population} {distribution} {threads}: {a_minute}");
                }
            }
        }
    }

    #[test]
    fn a_batch_and_what_is_left_over_are_all_decided() {
        let batches = Tidegate::admitting(100, 1).in_batches();
        let keys: Vec<u32> = (0..70).collect();
        let step = ORDINARY_STEP;
        let course = Course { keys: &keys, pace: crate::Pace::Stream, start: step, step };
        assert_eq!(batches.run(&course), 70);
        assert_eq!(batches.limiter.keys(), 70);
    }
}
