//! What is counted while a group runs, and how the counts of groups add up.
//!
//! Everything is an integer, so that adding up groups gives the same totals in whatever order they end.

use super::backend::Load;
use super::fairness::Successes;
use hdrhistogram::Histogram;
use tidegate::{LimitId, Nanos};

/// The counts of one population, or of a part of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Calls that clients wanted to make.
    pub(crate) calls: u64,
    /// Attempts after a call's first.
    pub(crate) retries: u64,
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
    /// The counts over time.
    pub(crate) bins: Vec<Bin>,
    /// Microseconds from a call's first attempt to the answer that admitted it.
    pub(crate) wait: Histogram<u64>,
    /// Successes by client.
    pub(crate) successes: Successes,
    /// What the backend did for these calls.
    pub(crate) service: Service,
    /// How the backend was occupied, by all.
    pub(crate) load: Load,
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
    }
}

impl Tally {
    /// Nothing counted yet, over so many intervals.
    pub(crate) fn new(bins: usize) -> Self {
        Self {
            calls: 0,
            retries: 0,
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
            bins: vec![Bin::default(); bins],
            wait: histogram(),
            successes: Successes::default(),
            service: Service { served: 0, late: 0, sojourn: 0, service: 0, wasted: 0, sojourns: histogram() },
            load: Load::default(),
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
        let (events, bins) = (self.events, std::mem::take(&mut self.bins));
        *self = Self { calls, events, bins, ..Self::new(0) };
    }

    /// Attempts that a limit did not admit.
    pub(crate) fn refused(&self) -> u64 {
        self.denied.iter().chain(&self.never).sum()
    }

    /// Attempts refused by one limit, for now or for ever.
    pub(crate) fn refused_by(&self, limit: LimitId) -> u64 {
        self.denied[limit as usize] + self.never[limit as usize]
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
        for (sum, more) in self.bins.iter_mut().zip(&other.bins) {
            *sum += *more;
        }
        self.wait.add(&other.wait).expect("a histogram that resizes takes any other");
        self.successes.add(&other.successes);
        self.service.add(&other.service);
        self.load += other.load;
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
