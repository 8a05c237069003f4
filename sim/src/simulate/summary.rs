//! The numbers of a run, as every output shows them.

use super::calls::Cause;
use super::course::Course;
use super::disturbance::Disturbance;
use super::dynamics::{CourseRow, Shown, Shows};
use super::estimates::{self, Estimates};
use super::grid::Grid;
use super::measured::{self, Measured};
use super::measures::{Service, Tally};
use super::precision::Reached;
use super::run::{Outcome, Replication};
use super::satisfaction::{Fairness, Satisfaction};
use super::scenario::{self, BackendRules, Population, Scenario, WarmUp};
use super::steady::{Reasons, Steady};
use super::verdict::Verdict;
use crate::statistics::fairness::Shares;
use crate::statistics::moments::Moments;
use serde::Serialize;
use std::collections::BTreeMap;
use tidegate::{LimitId, Nanos};

/// The object that `--json` prints. Fields are only ever added under the same `version`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    version: u32,
    command: &'static str,
    /// What ran.
    pub(crate) scenario: ScenarioFacts,
    /// What it comes to.
    pub(crate) verdict: Verdict,
    /// All populations together.
    pub(crate) total: Row,
    /// What stands behind the limiter, if anything does.
    pub(crate) backend: Option<BackendRow>,
    /// Each by itself, in the scenario's order.
    pub(crate) populations: Vec<Row>,
    series: Series,
    /// How a wanted precision was reached, if one was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precision: Option<Reached>,
}

/// What ran.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ScenarioFacts {
    /// Its name.
    pub(crate) name: String,
    /// The seed of its draws.
    pub(crate) seed: u64,
    /// How often it ran, with draws of its own each time.
    pub(crate) replications: usize,
    /// How often it was to run, if it was interrupted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interrupted_of: Option<usize>,
    /// The time from which totals count, in seconds.
    pub(crate) warm_up_seconds: f64,
    /// Who says so: `given`, `found` by a pilot, or `not found` by it.
    pub(crate) warm_up: &'static str,
    /// Its virtual time, for people.
    #[serde(skip)]
    pub(crate) duration: String,
    duration_seconds: f64,
    /// Where on the UTC clock it began.
    start_unix_seconds: f64,
    /// What changed from outside on the way, in order of time.
    pub(crate) disturbances: Vec<DisturbanceFacts>,
}

/// A change from outside.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DisturbanceFacts {
    /// When it began, in seconds from the start.
    pub(crate) at_seconds: f64,
    /// When it ended, if it did.
    pub(crate) until_seconds: Option<f64>,
    /// What it was.
    pub(crate) what: String,
}

impl From<scenario::Disturbance> for DisturbanceFacts {
    fn from(disturbance: scenario::Disturbance) -> Self {
        Self {
            at_seconds: disturbance.at.as_secs_f64(),
            until_seconds: disturbance.until.map(Nanos::as_secs_f64),
            what: disturbance.what,
        }
    }
}

/// How the backend fared.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BackendRow {
    /// The mean number of calls that wait or are served, over time.
    pub(crate) in_system: f64,
    /// The share of the servers' time in which they work.
    pub(crate) utilisation: f64,
    /// The share of that in which they work for clients that wait no longer.
    pub(crate) wasted_share: f64,
    /// The share of the calls that came to it that it turned away.
    pub(crate) loss: f64,
    /// What it did for all populations.
    #[serde(flatten)]
    pub(crate) service: ServiceRow,
    /// How sure this is, from replications, or from one long run; empty if nothing says so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) intervals: Estimates,
    /// Why one run does not say how sure a rate is; empty with replications.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) no_interval: Reasons,
}

/// Calls that the backend has served.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServiceRow {
    /// So many.
    pub(crate) served: u64,
    /// Of these, those whose client waited no longer.
    pub(crate) late: u64,
    /// From coming there to the end of the service, on average.
    pub(crate) sojourn_mean: f64,
    /// Of that, the time in the queue.
    pub(crate) waiting_mean: f64,
    /// The sojourn that half of the calls did not exceed.
    pub(crate) sojourn_p50: Option<f64>,
    /// The same for 95 of 100.
    pub(crate) sojourn_p95: Option<f64>,
    /// The same for 99 of 100.
    pub(crate) sojourn_p99: Option<f64>,
}

impl BackendRow {
    pub(crate) fn new(rules: &BackendRules, tally: &Tally) -> Self {
        let (load, service) = (&tally.load, &tally.service);
        let time = load.time.get() as f64;
        Self {
            in_system: ratio(load.in_system as f64, time),
            utilisation: ratio(load.busy as f64, time * f64::from(rules.servers)),
            wasted_share: ratio(service.wasted as f64, load.busy as f64),
            loss: ratio(tally.turned_away as f64, tally.admitted as f64),
            service: ServiceRow::new(service),
            intervals: Estimates::new(),
            no_interval: Reasons::new(),
        }
    }
}

impl ServiceRow {
    fn new(service: &Service) -> Self {
        let seconds = |nanoseconds: u128| ratio(nanoseconds as f64 / 1e9, service.served as f64);
        Self {
            served: service.served,
            late: service.late,
            sojourn_mean: seconds(service.sojourn),
            waiting_mean: seconds(service.sojourn - service.service),
            sojourn_p50: service.sojourn_quantile(0.5),
            sojourn_p95: service.sojourn_quantile(0.95),
            sojourn_p99: service.sojourn_quantile(0.99),
        }
    }
}

/// The measures of a population, or of all. `docs/measures.md` defines each.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// The population's name.
    pub(crate) name: String,
    /// Its plan; empty for the total.
    pub(crate) plan: String,
    /// Its retry policy; empty for the total.
    pub(crate) retry: String,
    /// How many clients.
    pub(crate) clients: u64,
    /// How many keys.
    pub(crate) keys: u64,
    /// Calls that clients wanted to make.
    pub(crate) calls: u64,
    /// Attempts to make them.
    pub(crate) offered: u64,
    /// Attempts that the limiter admitted.
    pub(crate) admitted: u64,
    /// Calls that succeeded.
    pub(crate) succeeded: u64,
    /// Attempts that the guard did not let through.
    pub(crate) blocked: u64,
    /// Admitted attempts that the backend turned away.
    pub(crate) turned_away: u64,
    /// Admitted attempts whose service ended in a failure.
    pub(crate) failed: u64,
    /// Admitted attempts whose client waited no longer.
    pub(crate) timed_out: u64,
    /// Attempts denied.
    pub(crate) denied: u64,
    /// Those, by the name of the limit that denied.
    pub(crate) denied_by: BTreeMap<String, u64>,
    /// Of the denied attempts, those that asked for more than is ever admitted.
    pub(crate) never: u64,
    /// Attempts after a call's first.
    pub(crate) retries: u64,
    /// The same, for each call.
    pub(crate) retries_per_call: f64,
    /// Attempts for each call: how much retries multiply the load.
    pub(crate) attempts_per_call: f64,
    /// Retries by what had become of the attempt before.
    pub(crate) retries_after: RetriesAfter,
    /// What the hints were worth to those who went by them.
    pub(crate) hints: HintsRow,
    /// Attempts that clients themselves held back; they are not offered.
    pub(crate) held_back: u64,
    /// Calls given up for want of retries, or because the response said so.
    pub(crate) given_up: u64,
    /// Of these, those for want of a retry budget.
    pub(crate) out_of_budget: u64,
    /// Calls given up for want of patience.
    pub(crate) out_of_patience: u64,
    /// Calls still waiting at the end.
    pub(crate) unfinished: u64,
    /// Calls that succeeded, a second.
    pub(crate) goodput_per_second: f64,
    /// The share of calls that succeeded.
    pub(crate) success_share: f64,
    /// Tokens that successful calls used, a minute.
    pub(crate) tokens_per_minute: f64,
    /// Jain's index of successes by client; `None` for the total, whose clients have different plans.
    pub(crate) jain: Option<f64>,
    /// The fewest successes of a client, over the mean.
    pub(crate) least_share: Option<f64>,
    /// What 99 of 100 clients have at least, over the mean.
    pub(crate) p1_share: Option<f64>,
    /// Jain's index of successes over max–min fair shares; `None` for a total of clients whose plans differ.
    pub(crate) fair_jain: Option<f64>,
    /// The least of a client's successes over its fair share.
    pub(crate) fair_least: Option<f64>,
    /// What 99 of 100 clients have at least, over their fair shares.
    pub(crate) fair_p1: Option<f64>,
    /// The plan's shortest window.
    window_seconds: f64,
    /// The same index within a window, averaged over windows.
    pub(crate) fair_jain_1w: Option<f64>,
    /// Over so many.
    windows_1w: usize,
    /// The same within ten windows.
    pub(crate) fair_jain_10w: Option<f64>,
    /// Over so many.
    windows_10w: usize,
    /// The longest that 99 of 100 clients who wanted something went without a success.
    pub(crate) starvation_seconds_p99: Option<f64>,
    /// The longest that one did.
    pub(crate) starvation_seconds_most: Option<f64>,
    /// Its course over time.
    #[serde(flatten)]
    pub(crate) course: CourseRow,
    /// The time to success that half of the successful calls did not exceed.
    pub(crate) seconds_to_success_p50: Option<f64>,
    /// The same for 99 of 100.
    pub(crate) seconds_to_success_p99: Option<f64>,
    /// The longest.
    pub(crate) seconds_to_success_most: Option<f64>,
    /// Events that the simulation handled.
    pub(crate) events: u64,
    /// How sure this is, from replications, or from one long run; empty if nothing says so.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) intervals: Estimates,
    /// Why one run does not say how sure a rate is; empty with replications.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) no_interval: Reasons,
}

/// Retries by what had become of the attempt before.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RetriesAfter {
    /// A limit denied it.
    pub(crate) denied: u64,
    /// The guard blocked it.
    pub(crate) blocked: u64,
    /// The backend turned it away.
    pub(crate) turned_away: u64,
    /// Its service failed.
    pub(crate) failed: u64,
    /// Its client had waited too long.
    pub(crate) timed_out: u64,
    /// Its client had held it back.
    pub(crate) held_back: u64,
}

/// What `Retry-After` was worth to clients that came no sooner than it said.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HintsRow {
    /// Attempts of such clients.
    pub(crate) followed: u64,
    /// Of these, those denied again.
    pub(crate) denied: u64,
    /// The same as a share; `None` if nobody followed a hint.
    pub(crate) denied_share: Option<f64>,
    /// How much longer those were told to wait, on average.
    further_seconds_mean: Option<f64>,
    /// The longest of that.
    further_seconds_most: Option<f64>,
}

impl RetriesAfter {
    fn new(tally: &Tally) -> Self {
        let after = |cause: Cause| tally.retries_after[cause as usize];
        Self {
            denied: after(Cause::Denied) + after(Cause::Heeded),
            blocked: after(Cause::Blocked),
            turned_away: after(Cause::TurnedAway),
            failed: after(Cause::Failed),
            timed_out: after(Cause::TimedOut),
            held_back: after(Cause::HeldBack),
        }
    }
}

impl HintsRow {
    fn new(tally: &Tally) -> Self {
        let (followed, hints) = (tally.heeding(), &tally.hints);
        let seconds = hints.further as f64 / 1e9 / hints.denied as f64;
        let any = hints.denied > 0;
        Self {
            followed,
            denied: hints.denied,
            denied_share: (followed > 0).then(|| hints.denied as f64 / followed as f64),
            further_seconds_mean: any.then_some(seconds),
            further_seconds_most: any.then(|| hints.furthest.as_secs_f64()),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct Series {
    interval_seconds: f64,
    total: Counts,
    populations: Vec<Counts>,
}

/// Counts by interval of time.
#[derive(Clone, Debug, Serialize)]
struct Counts {
    calls: Vec<u64>,
    retries: Vec<u64>,
    admitted: Vec<u64>,
}

impl Counts {
    fn new(tally: &Tally) -> Self {
        let bins = &tally.bins;
        Self {
            calls: bins.iter().map(|bin| bin.calls).collect(),
            retries: bins.iter().map(|bin| bin.retries).collect(),
            admitted: bins.iter().map(|bin| bin.admitted).collect(),
        }
    }
}

impl Summary {
    /// The numbers of an outcome.
    pub(crate) fn new(scenario: &Scenario, outcome: &Outcome) -> Self {
        let one = scenario.measured();
        let time = times(one, outcome.replications.len());
        let shows = Shows::new(scenario, outcome.grid, &outcome.replications);
        let Rows { mut populations, mut total } = Rows::new(scenario, &outcome.all, &shows, time);
        let mut backend = scenario.backend.as_ref().map(|rules| BackendRow::new(rules, &outcome.all.total));
        if let [one] = outcome.replications.as_slice() {
            let of = OfOne { scenario, disturbances: &shows.disturbances, grid: outcome.grid };
            let rows = populations.iter_mut().zip(&one.populations).chain([(&mut total, &one.total)]);
            rows.for_each(|(row, tally)| of.set_row(row, tally));
            if let Some(backend) = &mut backend {
                of.set_backend(backend, &one.total);
            }
        } else {
            let each = measured::of_each(scenario, outcome);
            for (place, row) in populations.iter_mut().enumerate() {
                let rows: Vec<_> = each.iter().filter_map(|found| found.populations().get(place)).collect();
                row.intervals = estimates::of_population(&rows);
            }
            total.intervals = estimates::of_population(&each.iter().map(Measured::total).collect::<Vec<_>>());
            if let Some(backend) = &mut backend {
                let rows: Vec<_> = each.iter().filter_map(Measured::backend).collect();
                backend.intervals = estimates::of_backend(&rows);
            }
        }
        Self {
            version: 1,
            command: "simulate",
            scenario: ScenarioFacts {
                name: scenario.name.clone(),
                seed: outcome.seed,
                replications: outcome.replications.len(),
                interrupted_of: Some(outcome.asked).filter(|asked| *asked > outcome.replications.len()),
                warm_up_seconds: (scenario.duration - one).as_secs_f64(),
                warm_up: match scenario.warm_up {
                    WarmUp::Given => "given",
                    WarmUp::Found => "found",
                    WarmUp::NotFound | WarmUp::ToBeFound => "not found",
                },
                duration: super::format::duration(scenario.duration),
                duration_seconds: scenario.duration.as_secs_f64(),
                start_unix_seconds: scenario.start.as_secs_f64(),
                disturbances: scenario.disturbances().into_iter().map(Into::into).collect(),
            },
            verdict: Verdict::new(&total, &populations, backend.as_ref(), &shows),
            backend,
            total,
            populations,
            series: Series {
                interval_seconds: outcome.bin.as_secs_f64(),
                total: Counts::new(&outcome.all.total),
                populations: outcome.all.populations.iter().map(Counts::new).collect(),
            },
            precision: None,
        }
    }

    /// The same, with how a wanted precision was reached.
    pub(crate) fn with_precision(self, precision: Option<Reached>) -> Self {
        Self { precision, ..self }
    }
}

/// What one run says, and how surely.
struct OfOne<'a> {
    scenario: &'a Scenario,
    disturbances: &'a [Disturbance],
    grid: Grid,
}

impl OfOne<'_> {
    fn course<'a>(&self, tally: &'a Tally) -> Course<'a> {
        let Self { scenario, grid, .. } = self;
        let counted = (scenario.duration - scenario.measured(), scenario.duration);
        Course { series: &tally.series, fine: grid.fine, window: Nanos::MAX, counted, disturbances: &[] }
    }

    fn set_row(&self, row: &mut Row, tally: &Tally) {
        let steady = Steady::of_population(self.scenario, self.disturbances, row, &self.course(tally));
        (row.intervals, row.no_interval) = (steady.intervals, steady.reasons);
    }

    fn set_backend(&self, row: &mut BackendRow, tally: &Tally) {
        let loads = (tally.loads.as_slice(), self.course(tally).steady());
        let steady = Steady::of_backend(self.scenario, self.disturbances, row, loads);
        (row.intervals, row.no_interval) = (steady.intervals, steady.reasons);
    }
}

/// The rows of one replication, or of all together.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// Of the populations, in the scenario's order.
    pub(crate) populations: Vec<Row>,
    /// Of all together.
    pub(crate) total: Row,
}

impl Rows {
    /// The measures over a time, and what is shown over its course.
    pub(crate) fn new(scenario: &Scenario, counts: &Replication, shows: &Shows, time: Nanos) -> Self {
        let course = |shown: &[Shown]| CourseRow::new(shown, &shows.disturbances);
        let populations: Vec<Row> = scenario
            .populations
            .iter()
            .zip(&counts.populations)
            .zip(&shows.populations)
            .map(|((population, tally), shown)| Row::population(population, tally, course(shown), time))
            .collect();
        let total =
            Row::total(&scenario.populations, &populations, &counts.total, course(&shows.total), time);
        Self { populations, total }
    }
}

impl Row {
    /// The measures of a population over a time.
    fn population(population: &Population, tally: &Tally, course: CourseRow, duration: Nanos) -> Self {
        let refused_by = |(id, limit): (LimitId, &tidegate::Limit)| {
            let refused = tally.refused_by(id);
            (refused > 0).then(|| (limit.name().to_string(), refused))
        };
        let shares = tally.successes.shares();
        Self {
            name: population.name.clone(),
            plan: population.plan.name().into(),
            retry: population.policy_name.clone(),
            clients: u64::from(population.clients),
            keys: u64::from(population.keys()),
            denied_by: population.plan.limits().filter_map(refused_by).collect(),
            jain: shares.as_ref().map(Shares::jain),
            least_share: shares.as_ref().map(Shares::smallest),
            p1_share: shares.as_ref().map(Shares::p1),
            ..Self::measures(tally, course, duration)
        }
        .with_fairness(tally)
    }

    /// Those of all together.
    fn total(
        populations: &[Population],
        rows: &[Self],
        tally: &Tally,
        course: CourseRow,
        duration: Nanos,
    ) -> Self {
        let mut denied_by = BTreeMap::new();
        for (limit, denied) in rows.iter().flat_map(|row| &row.denied_by) {
            *denied_by.entry(limit.clone()).or_default() += denied;
        }
        let total = Self {
            name: "total".into(),
            clients: rows.iter().map(|row| row.clients).sum(),
            keys: rows.iter().map(|row| row.keys).sum(),
            denied_by,
            ..Self::measures(tally, course, duration)
        };
        if are_peers(populations) { total.with_fairness(tally) } else { total }
    }

    /// The same, with how fairly clients that ought to be served alike are served.
    fn with_fairness(self, tally: &Tally) -> Self {
        let fairness = tally.satisfaction.fairness();
        let of = |value: fn(&Fairness) -> f64| fairness.as_ref().map(value);
        let [(fair_jain_1w, windows_1w), (fair_jain_10w, windows_10w)] =
            [0, 1].map(|kind: usize| mean_jain(&tally.windows[kind]));
        Self {
            fair_jain: of(|fairness| fairness.jain),
            fair_least: of(|fairness| fairness.least),
            fair_p1: of(|fairness| fairness.p1),
            fair_jain_1w,
            windows_1w,
            fair_jain_10w,
            windows_10w,
            ..self
        }
    }

    /// What can be told from the counts alone.
    fn measures(tally: &Tally, course: CourseRow, duration: Nanos) -> Self {
        let seconds = duration.as_secs_f64();
        Self {
            name: String::new(),
            plan: String::new(),
            retry: String::new(),
            clients: 0,
            keys: 0,
            calls: tally.calls,
            offered: tally.offered(),
            admitted: tally.admitted,
            succeeded: tally.succeeded,
            blocked: tally.blocked,
            turned_away: tally.turned_away,
            failed: tally.failed,
            timed_out: tally.timed_out,
            denied: tally.refused(),
            denied_by: BTreeMap::new(),
            never: tally.never.iter().sum(),
            retries: tally.retries,
            retries_per_call: ratio(tally.retries as f64, tally.calls as f64),
            attempts_per_call: ratio(tally.offered() as f64, tally.calls as f64),
            retries_after: RetriesAfter::new(tally),
            hints: HintsRow::new(tally),
            held_back: tally.held_back,
            given_up: tally.given_up,
            out_of_budget: tally.out_of_budget,
            out_of_patience: tally.out_of_patience,
            unfinished: tally.unfinished(),
            goodput_per_second: tally.succeeded as f64 / seconds,
            success_share: ratio(tally.succeeded as f64, tally.calls as f64),
            tokens_per_minute: tally.tokens as f64 / seconds * 60.0,
            jain: None,
            least_share: None,
            p1_share: None,
            fair_jain: None,
            fair_least: None,
            fair_p1: None,
            window_seconds: course.window_seconds(),
            fair_jain_1w: None,
            windows_1w: 0,
            fair_jain_10w: None,
            windows_10w: 0,
            starvation_seconds_p99: tally.starvation_quantile(0.99),
            starvation_seconds_most: (!tally.starvation.is_empty()).then(|| tally.starved_most.as_secs_f64()),
            course,
            seconds_to_success_p50: tally.wait_quantile(0.5),
            seconds_to_success_p99: tally.wait_quantile(0.99),
            seconds_to_success_most: tally.wait_quantile(1.0),
            events: tally.events,
            intervals: Estimates::new(),
            no_interval: Reasons::new(),
        }
    }

    /// The share of attempts that were denied.
    pub(crate) fn denied_share(&self) -> f64 {
        ratio(self.denied as f64, self.offered as f64)
    }

    /// The share of attempts that were retries.
    pub(crate) fn retry_share(&self) -> f64 {
        ratio(self.retries as f64, self.offered as f64)
    }

    /// The share of calls that were given up.
    pub(crate) fn lost_share(&self) -> f64 {
        ratio((self.given_up + self.out_of_patience) as f64, self.calls as f64)
    }

    /// The limit that denied most, and its share of the denials.
    pub(crate) fn main_limit(&self) -> Option<(&str, f64)> {
        let (limit, denied) = self.denied_by.iter().max_by_key(|(_, denied)| **denied)?;
        Some((limit, ratio(*denied as f64, self.denied as f64)))
    }
}

/// Whether clients of all populations ought to be served alike: their keys have the same plan, and as many clients each.
fn are_peers(populations: &[Population]) -> bool {
    let what = |population: &Population| (population.plan.clone(), population.clients_per_key);
    populations.windows(2).all(|pair| what(&pair[0]) == what(&pair[1]))
}

/// The mean of Jain's index over the windows in which anybody got anything, and how many these are.
fn mean_jain(windows: &[Satisfaction]) -> (Option<f64>, usize) {
    let found: Moments =
        windows.iter().filter_map(Satisfaction::fairness).map(|fairness| fairness.jain).collect();
    (found.mean(), found.count() as usize)
}

/// The time of so many runs.
fn times(one: Nanos, runs: usize) -> Nanos {
    Nanos::new(one.get().saturating_mul(runs as u64))
}

/// Zero where there is nothing to take a share of.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}
