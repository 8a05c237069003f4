//! What is counted while a group runs, and how the counts of groups add up.
//!
//! Everything is an integer, so that adding up groups gives the same totals in whatever order they end.

use super::fairness::Shares;
use hdrhistogram::Histogram;
use tidegate::{LimitId, Nanos};

/// The counts of one population, or of a part of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    /// Calls that clients wanted to make.
    pub(crate) calls: u64,
    /// Calls admitted, at whichever attempt; each is a success.
    pub(crate) admitted: u64,
    /// Attempts denied, by the limit that denied.
    pub(crate) denied: [u64; LimitId::ALL.len()],
    /// Attempts that asked for more than the limit ever admits.
    pub(crate) never: [u64; LimitId::ALL.len()],
    /// Calls given up because their client had retried often enough, or was told not to.
    pub(crate) given_up: u64,
    /// Calls given up because the wait would have outlasted their client's patience.
    pub(crate) out_of_patience: u64,
    /// Calls still waiting for a retry when the run ended.
    pub(crate) unfinished: u64,
    /// Tokens that admitted calls used, counted at their settle; without one, at admission.
    pub(crate) tokens: u64,
    /// Events handled.
    pub(crate) events: u64,
    /// The counts over time.
    pub(crate) bins: Vec<Bin>,
    /// Microseconds from a call's first attempt to the answer that admitted it.
    pub(crate) wait: Histogram<u64>,
    /// Successes by client.
    pub(crate) shares: Shares,
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
    }
}

impl Tally {
    /// Nothing counted yet, over so many intervals.
    pub(crate) fn new(bins: usize) -> Self {
        Self {
            calls: 0,
            admitted: 0,
            denied: [0; LimitId::ALL.len()],
            never: [0; LimitId::ALL.len()],
            given_up: 0,
            out_of_patience: 0,
            unfinished: 0,
            tokens: 0,
            events: 0,
            bins: vec![Bin::default(); bins],
            wait: Histogram::new(3).expect("three digits are within the histogram's range"),
            shares: Shares::default(),
        }
    }

    /// Attempts, first ones and retries.
    pub(crate) fn offered(&self) -> u64 {
        self.admitted + self.refused()
    }

    /// Attempts not admitted.
    pub(crate) fn refused(&self) -> u64 {
        self.denied.iter().chain(&self.never).sum()
    }

    /// Attempts refused by one limit, for now or for ever.
    pub(crate) fn refused_by(&self, limit: LimitId) -> u64 {
        self.denied[limit as usize] + self.never[limit as usize]
    }

    /// Attempts after the first of their call.
    pub(crate) fn retries(&self) -> u64 {
        self.offered() - self.calls
    }

    /// Notes how long an admitted call waited for its admission.
    pub(crate) fn note_wait(&mut self, wait: Nanos) {
        // It resizes, and u64 nanoseconds are fewer microseconds than it counts: it cannot refuse.
        self.wait.record(wait.get().div_ceil(1_000)).expect("within the histogram's range");
    }

    /// Adds the counts of another part.
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.admitted += other.admitted;
        for (sum, more) in self.denied.iter_mut().zip(other.denied) {
            *sum += more;
        }
        for (sum, more) in self.never.iter_mut().zip(other.never) {
            *sum += more;
        }
        self.given_up += other.given_up;
        self.out_of_patience += other.out_of_patience;
        self.unfinished += other.unfinished;
        self.tokens += other.tokens;
        self.events += other.events;
        for (sum, more) in self.bins.iter_mut().zip(&other.bins) {
            *sum += *more;
        }
        self.wait.add(&other.wait).expect("a histogram that resizes takes any other");
        self.shares.add(&other.shares);
    }

    /// The time within which a share `quantile` of the admitted calls were admitted; `None` without any.
    pub(crate) fn wait_quantile(&self, quantile: f64) -> Option<f64> {
        (!self.wait.is_empty()).then(|| self.wait.value_at_quantile(quantile) as f64 / 1e6)
    }
}
