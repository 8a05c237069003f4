//! What is counted while a group runs, and how the counts of groups add up.
//!
//! Everything is an integer, so that adding up groups gives the same totals in whatever order they end.

use super::backend::Load;
use super::calls::Cause;
use super::fairness::Successes;
use super::records::WINDOWS;
use super::satisfaction::Satisfaction;
use hdrhistogram::Histogram;
use tidegate::{LimitId, Nanos};

/// The counts of one population, or of a part of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Calls that clients wanted to make.
    pub(crate) calls: u64,
    /// Attempts after a call's first.
    pub(crate) retries: u64,
    /// The same by what had become of the attempt before.
    pub(crate) retries_after: [u64; Cause::ALL.len()],
    /// What the hints were worth.
    pub(crate) hints: Hints,
    /// Attempts admitted by the limiter.
    pub(crate) admitted: u64,
    /// Calls that succeeded: admitted and, where there is a backend, served while their client waited.
    pub(crate) succeeded: u64,
    /// Attempts denied, by the limit that denied.
    pub(crate) denied: [u64; LimitId::ALL.len()],
    /// Attempts that asked for more than the limit ever admits.
    pub(crate) never: [u64; LimitId::ALL.len()],
    /// Attempts that the guard did not let through.
    pub(crate) blocked: u64,
    /// Admitted attempts that the backend turned away, its queue being full or nothing working.
    pub(crate) turned_away: u64,
    /// Admitted attempts whose service ended in a failure.
    pub(crate) failed: u64,
    /// Admitted attempts whose client waited no longer for the answer.
    pub(crate) timed_out: u64,
    /// Attempts that clients themselves held back.
    pub(crate) held_back: u64,
    /// Calls given up because their client had retried often enough, or was told not to.
    pub(crate) given_up: u64,
    /// Of these, those whose client had no budget left to retry them.
    pub(crate) out_of_budget: u64,
    /// Calls given up because the wait would have outlasted their client's patience.
    pub(crate) out_of_patience: u64,
    /// Tokens that successful calls used.
    pub(crate) tokens: u64,
    /// Events handled.
    pub(crate) events: u64,
    /// Calls for whose key the engine had no record of its own.
    pub(crate) overflowed: u64,
    /// The counts over time, in the intervals that are shown; made of the fine ones when the run is over.
    pub(crate) bins: Vec<Bin>,
    /// The counts in fine intervals.
    pub(crate) series: Vec<Bin>,
    /// Microseconds from a call's first attempt to the answer that admitted it.
    pub(crate) wait: Histogram<u64>,
    /// Successes by client.
    pub(crate) successes: Successes,
    /// What clients wanted and got.
    pub(crate) satisfaction: Satisfaction,
    /// The same in each window of the run that was looked at, by kind of window.
    pub(crate) windows: [Vec<Satisfaction>; WINDOWS.len()],
    /// The longest that each client who wanted something went without a success, in microseconds.
    pub(crate) starvation: Histogram<u64>,
    /// The longest of these.
    pub(crate) starved_most: Nanos,
    /// What the backend did for these calls.
    pub(crate) service: Service,
    /// How the backend was occupied, by all.
    pub(crate) load: Load,
    /// The same in fine intervals; empty without a backend.
    pub(crate) loads: Vec<Load>,
}

/// Calls that a backend has served.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// So many, in time or not.
    pub(crate) served: u64,
    /// Of these, those that came too late for their client.
    pub(crate) late: u64,
    /// Nanoseconds from their coming there to the end of their service, in all.
    pub(crate) sojourn: u128,
    /// Nanoseconds of service of these, in all.
    pub(crate) service: u128,
    /// Nanoseconds of service of those that came too late.
    pub(crate) wasted: u128,
    /// The sojourns, in microseconds.
    pub(crate) sojourns: Histogram<u64>,
}

/// Retries of clients that had waited at least as long as they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// Those that were denied again.
    pub(crate) denied: u64,
    /// How much longer these were told to wait, in nanoseconds, in all.
    pub(crate) further: u128,
    /// The longest of that.
    pub(crate) furthest: Nanos,
}

impl Hints {
    /// A client that did as it was told is told to wait longer.
    pub(crate) fn note(&mut self, further: Nanos) {
        self.denied += 1;
        self.further += u128::from(further.get());
        self.furthest = self.furthest.max(further);
    }

    fn add(&mut self, other: &Self) {
        self.denied += other.denied;
        self.further += other.further;
        self.furthest = self.furthest.max(other.furthest);
    }
}

/// Attempts within one interval of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bin {
    /// First attempts.
    pub(crate) calls: u64,
    /// Later attempts.
    pub(crate) retries: u64,
    /// Of both, those admitted.
    pub(crate) admitted: u64,
    /// Calls that had their answer.
    pub(crate) succeeded: u64,
    /// Calls that were given up.
    pub(crate) lost: u64,
}

impl Bin {
    /// All attempts.
    pub(crate) fn offered(self) -> u64 {
        self.calls + self.retries
    }

    /// Those not admitted.
    pub(crate) fn denied(self) -> u64 {
        self.offered() - self.admitted
    }
}

impl std::ops::AddAssign for Bin {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.retries += other.retries;
        self.admitted += other.admitted;
        self.succeeded += other.succeeded;
        self.lost += other.lost;
    }
}

impl std::iter::Sum for Bin {
    fn sum<I: Iterator<Item = Self>>(bins: I) -> Self {
        bins.fold(Self::default(), |mut sum, bin| {
            sum += bin;
            sum
        })
    }
}

impl Tally {
    /// Nothing counted yet, over so many fine intervals.
    pub(crate) fn new(intervals: usize) -> Self {
        Self {
            calls: 0,
            retries: 0,
            retries_after: [0; Cause::ALL.len()],
            hints: Hints::default(),
            admitted: 0,
            succeeded: 0,
            denied: [0; LimitId::ALL.len()],
            never: [0; LimitId::ALL.len()],
            blocked: 0,
            turned_away: 0,
            failed: 0,
            timed_out: 0,
            held_back: 0,
            given_up: 0,
            out_of_budget: 0,
            out_of_patience: 0,
            tokens: 0,
            events: 0,
            overflowed: 0,
            bins: Vec::new(),
            series: vec![Bin::default(); intervals],
            wait: histogram(),
            successes: Successes::default(),
            satisfaction: Satisfaction::default(),
            windows: Default::default(),
            starvation: Histogram::new(2).expect("two digits are within the histogram's range"),
            starved_most: Nanos::ZERO,
            service: Service { served: 0, late: 0, sojourn: 0, service: 0, wasted: 0, sojourns: histogram() },
            load: Load::default(),
            loads: Vec::new(),
        }
    }

    /// Attempts, first ones and retries.
    pub(crate) fn offered(&self) -> u64 {
        self.admitted + self.refused() + self.blocked
    }

    /// Calls that were under way when the run ended.
    pub(crate) fn unfinished(&self) -> u64 {
        self.calls - self.succeeded - self.given_up - self.out_of_patience
    }

    /// Counts anew; the calls that are under way are taken along, and the counts over time go on.
    pub(crate) fn start_over(&mut self) {
        let calls = self.unfinished();
        let (events, series) = (self.events, std::mem::take(&mut self.series));
        *self = Self { calls, events, series, ..Self::new(0) };
    }

    /// Joins the fine intervals to those that are shown.
    pub(crate) fn join(&mut self, joined: usize) {
        self.bins = self.series.chunks(joined).map(|fine| fine.iter().copied().sum()).collect();
    }

    /// Attempts that a limit did not admit.
    pub(crate) fn refused(&self) -> u64 {
        self.denied.iter().chain(&self.never).sum()
    }

    /// Attempts refused by one limit, for now or for ever.
    pub(crate) fn refused_by(&self, limit: LimitId) -> u64 {
        self.denied[limit as usize] + self.never[limit as usize]
    }

    /// What clients wanted and got in a window, by its kind and number.
    pub(crate) fn window(&mut self, kind: usize, number: usize) -> &mut Satisfaction {
        let windows = &mut self.windows[kind];
        if windows.len() <= number {
            windows.resize_with(number + 1, Satisfaction::default);
        }
        &mut windows[number]
    }

    /// Notes the longest that a client went without a success.
    pub(crate) fn note_starvation(&mut self, time: Nanos) {
        record(&mut self.starvation, time);
        self.starved_most = self.starved_most.max(time);
    }

    /// Notes how the backend was occupied in each interval.
    pub(crate) fn note_loads(&mut self, loads: Vec<Load>) {
        if self.loads.is_empty() {
            self.loads = loads;
            return;
        }
        self.loads.iter_mut().zip(loads).for_each(|(sum, more)| *sum += more);
    }

    /// Notes how long a call waited for its answer.
    pub(crate) fn note_wait(&mut self, wait: Nanos) {
        record(&mut self.wait, wait);
    }

    /// Notes a call that the backend has served.
    pub(crate) fn note_service(&mut self, sojourn: Nanos, service: Nanos, in_time: bool) {
        let counts = &mut self.service;
        counts.served += 1;
        counts.sojourn += u128::from(sojourn.get());
        counts.service += u128::from(service.get());
        if !in_time {
            counts.late += 1;
            counts.wasted += u128::from(service.get());
        }
        record(&mut counts.sojourns, sojourn);
    }

    /// Adds the counts of another part.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.retries += other.retries;
        for (sum, more) in self.retries_after.iter_mut().zip(other.retries_after) {
            *sum += more;
        }
        self.hints.add(&other.hints);
        self.admitted += other.admitted;
        self.succeeded += other.succeeded;
        self.blocked += other.blocked;
        self.turned_away += other.turned_away;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        for (sum, more) in self.denied.iter_mut().zip(other.denied) {
            *sum += more;
        }
        for (sum, more) in self.never.iter_mut().zip(other.never) {
            *sum += more;
        }
        self.held_back += other.held_back;
        self.given_up += other.given_up;
        self.out_of_budget += other.out_of_budget;
        self.out_of_patience += other.out_of_patience;
        self.tokens += other.tokens;
        self.events += other.events;
        self.overflowed += other.overflowed;
        for (sum, more) in self.series.iter_mut().zip(&other.series) {
            *sum += *more;
        }
        self.satisfaction.add(&other.satisfaction);
        for (kind, windows) in other.windows.iter().enumerate() {
            for (number, window) in windows.iter().enumerate() {
                self.window(kind, number).add(window);
            }
        }
        self.starvation.add(&other.starvation).expect("a histogram that resizes takes any other");
        self.starved_most = self.starved_most.max(other.starved_most);
        self.wait.add(&other.wait).expect("a histogram that resizes takes any other");
        self.successes.add(&other.successes);
        self.service.add(&other.service);
        self.load += other.load;
        self.note_loads(other.loads.clone());
    }

    /// Retries of clients that had waited at least as long as they were told.
    pub(crate) fn heeding(&self) -> u64 {
        self.retries_after[Cause::Heeded as usize]
    }

    /// The longest time without a success that a share `quantile` of the clients who wanted something did not exceed; `None`
    /// without any.
    pub(crate) fn starvation_quantile(&self, quantile: f64) -> Option<f64> {
        // The histogram rounds up.
        seconds_at(&self.starvation, quantile).map(|time| time.min(self.starved_most.as_secs_f64()))
    }

    /// The time within which a share `quantile` of the successful calls had their answer; `None` without any.
    pub(crate) fn wait_quantile(&self, quantile: f64) -> Option<f64> {
        seconds_at(&self.wait, quantile)
    }
}

impl Service {
    /// The sojourn, in seconds, that a share `quantile` of the calls served did not exceed; `None` without any.
    pub(crate) fn sojourn_quantile(&self, quantile: f64) -> Option<f64> {
        seconds_at(&self.sojourns, quantile)
    }

    fn add(&mut self, other: &Self) {
        self.served += other.served;
        self.late += other.late;
        self.sojourn += other.sojourn;
        self.service += other.service;
        self.wasted += other.wasted;
        self.sojourns.add(&other.sojourns).expect("a histogram that resizes takes any other");
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are within the histogram's range")
}

/// In microseconds, rounded up.
fn record(histogram: &mut Histogram<u64>, time: Nanos) {
    // It resizes, and u64 nanoseconds are fewer microseconds than it counts: it cannot refuse.
    histogram.record(time.get().div_ceil(1_000)).expect("within the histogram's range");
}

fn seconds_at(histogram: &Histogram<u64>, quantile: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_quantile(quantile) as f64 / 1e6)
}
