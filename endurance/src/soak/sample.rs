//! What is measured every few seconds.

use super::clock::FastClock;
use super::house::House;
use super::worker::Report;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;
use tidegate::{Nanos, Timestamp};
use tidegate_benches::memory;

/// Nanoseconds below which so much of what was timed stays.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Percentiles {
    pub(super) p50: u64,
    pub(super) p99: u64,
    pub(super) p99_9: u64,
    pub(super) p99_99: u64,
}

/// One line of the output. Counts that only grow are since the start, others since the last sample.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    /// By the wall.
    pub(super) seconds: f64,
    /// By the fast clock.
    pub(super) days: f64,
    pub(super) resident_bytes: u64,
    pub(super) decisions: Percentiles,
    pub(super) control: Percentiles,
    pub(super) decisions_per_second: f64,
    /// Bursts left out because workers were late.
    pub(super) skipped_bursts: u64,
    pub(super) admitted: u64,
    pub(super) denied: u64,
    pub(super) settled: u64,
    pub(super) cancelled: u64,
    pub(super) keys: u64,
    pub(super) forgotten: u64,
    pub(super) overflowed: u64,
    /// While nobody calls.
    pub(super) drafts_in_use: u64,
    pub(super) blocks: u64,
    pub(super) guard_addresses: u64,
    pub(super) guard_untracked: u64,
    /// Comparisons since the start.
    pub(super) checks: u64,
    /// Since the start.
    pub(super) errors: Errors,
}

/// Units or calls that are not where the accounts have them.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Errors {
    /// Watched keys that parted from their ledger.
    pub(super) watched: u64,
    /// Shared keys that did not hold the sum of all threads.
    pub(super) shared: u64,
    /// Keys that did not begin with nothing.
    pub(super) arrivals: u64,
    /// Meetings at which the limiter's own counts were not those of the workers, or a draft was in use.
    pub(super) counts: u64,
}

impl Errors {
    pub(super) fn sum(self) -> u64 {
        self.watched + self.shared + self.arrivals + self.counts
    }
}

/// Takes samples, and knows the sums so far.
#[derive(Debug)]
pub(super) struct Sampler {
    checks: u64,
    errors: Errors,
    /// When the last one was taken.
    last: Duration,
}

fn percentiles(histograms: impl Iterator<Item = Histogram<u64>>) -> Percentiles {
    let mut all: Option<Histogram<u64>> = None;
    for histogram in histograms {
        match &mut all {
            None => all = Some(histogram),
            Some(all) => all.add(histogram).expect("equal bounds"),
        }
    }
    all.filter(|all| !all.is_empty()).map_or(Percentiles::default(), |all| Percentiles {
        p50: all.value_at_quantile(0.5),
        p99: all.value_at_quantile(0.99),
        p99_9: all.value_at_quantile(0.999),
        p99_99: all.value_at_quantile(0.9999),
    })
}

impl Sampler {
    pub(super) fn new() -> Self {
        Self { checks: 0, errors: Errors::default(), last: Duration::ZERO }
    }

    /// Takes one while all workers wait.
    pub(super) fn take(
        &mut self,
        house: &House,
        elapsed: Duration,
        at: Timestamp,
        reports: Vec<Report>,
    ) -> Sample {
        let (compared, parted, why) = house.shared.bring_to_account(house, at);
        let observed = house.limiter.observed();
        let sum = |count: fn(&Report) -> u64| reports.iter().map(count).sum::<u64>();
        let made = sum(|report| report.made);
        let denials: u64 = observed.denied.iter().chain(observed.never.iter()).map(|(_, count)| count).sum();
        let counted = [observed.admitted, denials, observed.settled, observed.cancelled];
        let expected = [
            sum(|report| report.counts.admitted),
            sum(|report| report.counts.denied),
            sum(|report| report.counts.settled),
            sum(|report| report.counts.cancelled),
        ];
        let drafts_in_use = house.limiter.drafts_in_use() as u64;
        self.errors.shared += parted;
        self.errors.watched += sum(|report| report.watched_errors);
        self.errors.arrivals += sum(|report| report.arrival_errors);
        self.errors.counts += u64::from(counted != expected || drafts_in_use > 0);
        if counted != expected {
            eprintln!("soak: the limiter counts {counted:?}, its callers {expected:?}");
        }
        reports.iter().filter_map(|report| report.first_error.as_ref()).chain(&why).for_each(|why| {
            eprintln!("soak: {why}");
        });
        self.checks += compared + sum(|report| report.checks);
        let since = (elapsed - self.last).as_secs_f64();
        self.last = elapsed;
        let guard = house.guard.statistics(at);
        let skipped_bursts = sum(|report| report.skipped);
        let (decisions, control) =
            reports.into_iter().map(|report| (report.decisions, report.control)).unzip();
        let (decisions, control): (Vec<_>, Vec<_>) = (decisions, control);
        Sample {
            seconds: elapsed.as_secs_f64(),
            days: FastClock::since_start(at).get() as f64 / Nanos::DAY.get() as f64,
            resident_bytes: memory::held().unwrap_or(0),
            decisions: percentiles(decisions.into_iter()),
            control: percentiles(control.into_iter()),
            decisions_per_second: made as f64 / since,
            skipped_bursts,
            admitted: observed.admitted,
            denied: denials,
            settled: observed.settled,
            cancelled: observed.cancelled,
            keys: house.limiter.keys(),
            forgotten: house.limiter.occupancy().map(|shard| shard.forgotten).sum(),
            overflowed: house.limiter.overflowed(),
            drafts_in_use,
            blocks: guard.blocks,
            guard_addresses: guard.addresses,
            guard_untracked: guard.untracked_addresses + guard.untracked_pairs,
            checks: self.checks,
            errors: self.errors,
        }
    }
}

impl Sample {
    /// A line for whoever watches.
    pub(super) fn print(&self) {
        eprintln!(
            "{:6.0} s  day {:5.1}  {:7.1} MiB  p50 {:5} p99 {:6} p99.9 {:6} p99.99 {:7} ns  control p99.9 {:6} ns  {:7.0}/s  {} keys, {} \
             forgotten, {} without room  {} errors of {} checks",
            self.seconds,
            self.days,
            self.resident_bytes as f64 / f64::from(1 << 20),
            self.decisions.p50,
            self.decisions.p99,
            self.decisions.p99_9,
            self.decisions.p99_99,
            self.control.p99_9,
            self.decisions_per_second,
            self.keys,
            self.forgotten,
            self.overflowed,
            self.errors.sum(),
            self.checks,
        );
    }
}
