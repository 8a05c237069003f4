//! One thread of the load.

use super::Meeting;
use super::cast::Caller;
use super::clock::FastClock;
use super::ending::UnderWay;
use super::house::{House, Settings};
use super::shared::Counts;
use super::watched::Watched;
use hdrhistogram::Histogram;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tidegate::{Call, Cost, Decision, LimitId, Nanos, PlanId, Timestamp};
use tidegate_benches::keys::{Distribution, Keys};

/// Calls are made in bursts this far apart: the rate is kept by sleeping, so that the machine is not saturated and
/// time is that of a decision, not of a queue.
const BURST: Duration = Duration::from_millis(1);
/// Calls in a batch.
const BATCH: usize = 32;
/// Keys of a worker that have a plan of their own at any time.
const OWN_PLANS: usize = 256;

/// What a worker has to tell at a meeting, since the last one.
#[derive(Debug)]
pub(super) struct Report {
    /// Nanoseconds of a single decision.
    pub(super) decisions: Histogram<u64>,
    /// Nanoseconds of the control.
    pub(super) control: Histogram<u64>,
    /// Of everything the worker has done to the limiter since its start.
    pub(super) counts: Counts,
    /// Decisions since the last report.
    pub(super) made: u64,
    /// Bursts that were left out because the one before took too long.
    pub(super) skipped: u64,
    pub(super) checks: u64,
    pub(super) watched_errors: u64,
    pub(super) arrival_errors: u64,
    pub(super) first_error: Option<String>,
}

/// One thread's part of the load.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    house: &'a House,
    clock: FastClock,
    number: usize,
    threads: usize,
    population: u64,
    turnover: u64,
    burst: u64,
    random: SmallRng,
    hot: Keys,
    dealt: Vec<u32>,
    under_way: UnderWay,
    own_plans: VecDeque<Caller>,
    watched: Watched,
    /// The number of the next of the many keys to arrive.
    arriving: u64,
    report: Report,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds in order")
}

impl Report {
    fn new(counts: Counts) -> Self {
        Self {
            decisions: histogram(),
            control: histogram(),
            counts,
            made: 0,
            skipped: 0,
            checks: 0,
            watched_errors: 0,
            arrival_errors: 0,
            first_error: None,
        }
    }
}

impl<'a> Worker<'a> {
    pub(super) fn new(house: &'a House, settings: &Settings, clock: FastClock, number: usize) -> Self {
        let lane = number as u64;
        let a_second = (Duration::from_secs(1).as_nanos() / BURST.as_nanos()) as u64;
        Self {
            house,
            clock,
            number,
            threads: settings.threads,
            population: settings.population(),
            turnover: settings.turnover_days * Nanos::DAY.get(),
            burst: (settings.rate / settings.threads as u64).div_ceil(a_second),
            random: SmallRng::seed_from_u64(settings.seed ^ (lane + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            hot: Keys::new(settings.hot(), Distribution::Zipf, settings.seed, lane),
            dealt: Vec::new(),
            under_way: UnderWay::default(),
            own_plans: VecDeque::new(),
            watched: Watched::new(number, settings.planted),
            arriving: lane,
            report: Report::new(Counts::default()),
        }
    }

    /// Makes the first of the many keys known, each by a call.
    pub(super) fn settle_in(&mut self) {
        while self.arriving < self.population {
            self.arrive(self.clock.now());
        }
        self.report.made = 0;
    }

    /// Calls until the meeting at which it is over.
    pub(super) fn run(&mut self, meeting: &Meeting) {
        let mut due = Instant::now();
        loop {
            if meeting.called.load(Ordering::Relaxed) {
                if self.meet(meeting) {
                    return;
                }
                due = Instant::now();
            }
            let now = Instant::now();
            if now < due {
                std::thread::sleep(due - now);
                continue;
            }
            self.arrive_on_time();
            (0..self.burst).for_each(|_| self.call());
            due += BURST;
            // Late by more than a burst or two: what was not called is left out, and counted.
            let late = due.elapsed().as_nanos() / BURST.as_nanos();
            if late > 20 {
                self.report.skipped += late as u64;
                due += BURST * late as u32;
            }
        }
    }

    /// Calls the shared keys with all other workers, reports, and waits. Whether it is over.
    fn meet(&mut self, meeting: &Meeting) -> bool {
        meeting.barrier.wait();
        meeting.barrier.wait();
        let at = *meeting.at.read().unwrap_or_else(PoisonError::into_inner);
        let shared = self.house.shared.call(self.house, self.number, &mut self.random, at);
        let counts = &mut self.report.counts;
        counts.admitted += shared.admitted;
        counts.denied += shared.denied;
        counts.settled += shared.settled;
        counts.cancelled += shared.cancelled;
        self.watched.meet(self.house, &mut self.random, at, counts);
        self.report.checks += std::mem::take(&mut self.watched.checks);
        self.report.watched_errors = std::mem::take(&mut self.watched.errors);
        self.report.first_error = self.report.first_error.take().or(self.watched.first_error.take());
        let next = Report::new(self.report.counts);
        let report = std::mem::replace(&mut self.report, next);
        meeting.reports.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        meeting.barrier.wait();
        meeting.barrier.wait();
        meeting.over.load(Ordering::Relaxed)
    }

    /// How many of the many keys have left by a time.
    fn left_by(&self, at: Timestamp) -> u64 {
        let elapsed = u128::from(FastClock::since_start(at).get());
        (elapsed * u128::from(self.population) / u128::from(self.turnover)) as u64
    }

    /// New keys come as old ones leave.
    fn arrive_on_time(&mut self) {
        let at = self.clock.now();
        let end = self.left_by(at) + self.population;
        while self.arriving < end {
            self.arrive(at);
        }
    }

    /// The first call of a key: nothing is known of it, whoever had its record before.
    fn arrive(&mut self, at: Timestamp) {
        let caller = Caller::Many(self.arriving);
        self.arriving += self.threads as u64;
        let plan = self.plan_of(caller);
        let cost = Cost::tokens(self.random.random_range(0..5_000));
        let decision = self.house.limiter.check(&caller, plan, cost, at);
        let admitted = self.take(decision);
        let (_, standing) = self.house.limiter.peek(&caller, plan, Cost::default(), at);
        // Of so little nothing is beyond the limit, and the burst covers what is owed: what remains tells what is used.
        let is_whole = LimitId::ALL
            .into_iter()
            .filter_map(|limit| Some((limit, standing.status(limit)?)))
            .all(|(limit, status)| status.limit - status.remaining == cost.of(limit.unit()));
        self.report.checks += 1;
        // A key that finds no room is decided on a record that it shares; there is room, or it shows in the figures.
        if !(admitted && is_whole) && self.house.limiter.overflowed() == 0 {
            self.report.arrival_errors += 1;
            self.report.first_error.get_or_insert_with(|| {
                let left = LimitId::ALL.map(|limit| standing.status(limit));
                format!("{caller:?} did not begin with nothing: of {cost:?}, admitted: {admitted}, there is left {left:?}")
            });
        }
    }

    fn plan_of(&self, caller: Caller) -> PlanId {
        let plans = &self.house.plans;
        plans[(caller.lot() >> 32) as usize % plans.len()].1
    }

    /// Counts a decision and keeps its reservation.
    fn take(&mut self, decision: Decision) -> bool {
        self.report.made += 1;
        match decision {
            Decision::Admitted(admission) => {
                self.under_way.push(admission.reservation);
                self.report.counts.admitted += 1;
                true
            }
            _ => {
                self.report.counts.denied += 1;
                false
            }
        }
    }

    /// One of the many keys, of those whose arrival is this worker's: where the worker is late, no clock tells of
    /// others' whether they have arrived.
    fn one_of_many(&mut self, at: Timestamp) -> Caller {
        let of_all = self.left_by(at) + self.random.random_range(0..self.population / 20 * 19);
        let threads = self.threads as u64;
        let own = of_all / threads * threads + self.number as u64;
        Caller::Many(own.min(self.arriving - threads))
    }

    fn hot_key(&mut self) -> Caller {
        let key = self.dealt.pop().unwrap_or_else(|| {
            self.dealt = self.hot.deal(4_096);
            self.dealt.pop().unwrap_or(0)
        });
        Caller::Hot(key.into())
    }

    fn cost(&mut self) -> Cost {
        Cost::tokens(self.random.random_range(0..20_000_u64) >> self.random.random_range(0..12))
    }

    /// One call, or something rarer.
    fn call(&mut self) {
        let at = self.clock.now();
        match self.random.random_range(0..2_000) {
            0..120 => {
                let counts = &mut self.report.counts;
                let before = counts.admitted + counts.denied;
                self.watched.step(self.house, &mut self.random, at, counts);
                self.report.made += counts.admitted + counts.denied - before;
            }
            120..140 => self.batch(at),
            140..145 => {
                let (caller, lot) = (self.one_of_many(at), self.random.random_range(0..1 << 30));
                self.house.limiter.change_plan(&caller, self.plan_of(Caller::Hot(lot)), at);
            }
            145 => self.own_plan(at),
            146..1_000 => {
                let caller = self.hot_key();
                self.single(caller);
            }
            _ => {
                let caller = self.one_of_many(at);
                self.single(caller);
            }
        }
        self.under_way.end_surplus(&self.house.limiter, &mut self.random, at, &mut self.report.counts);
    }

    /// One timed decision, between the guard's first word and its last.
    fn single(&mut self, caller: Caller) {
        let (address, plan, cost) = (caller.address(), self.plan_of(caller), self.cost());
        if self.random.random_range(0..4) == 0 {
            let word = self.random.random();
            let start = Instant::now();
            std::hint::black_box(self.house.control.touch(word));
            self.report.control.saturating_record(start.elapsed().as_nanos() as u64);
        }
        if self.house.guard.check(address, self.clock.now()).is_blocked() {
            return;
        }
        let start = Instant::now();
        let at = self.clock.at(start);
        let decision = std::hint::black_box(self.house.limiter.check(&caller, plan, cost, at));
        self.report.decisions.saturating_record(start.elapsed().as_nanos() as u64);
        if let Decision::Denied(denial) = decision {
            let _ = self.house.guard.denied(address, &caller, denial.retry_after, at);
        }
        self.take(decision);
    }

    fn batch(&mut self, at: Timestamp) {
        let call = |worker: &mut Self| {
            let key = worker.one_of_many(at);
            Call { key, plan: worker.plan_of(key), cost: worker.cost() }
        };
        let calls: [_; BATCH] = std::array::from_fn(|_| call(self));
        let mut decisions = Vec::with_capacity(BATCH);
        self.house.limiter.check_batch(&calls, at, |_, decision| decisions.push(decision));
        for decision in decisions {
            self.take(decision);
        }
    }

    /// Gives a key a plan of its own and takes an older one back: with one it is not forgotten.
    fn own_plan(&mut self, at: Timestamp) {
        let caller = self.one_of_many(at);
        if self.house.limiter.set_own_plan(&caller, self.house.plans[1].1, at) {
            self.own_plans.push_back(caller);
        }
        if self.own_plans.len() > OWN_PLANS
            && let Some(oldest) = self.own_plans.pop_front()
        {
            self.house.limiter.clear_own_plan(&oldest, at);
        }
    }
}
