//! What replications say of a measure, and how surely.

use super::summary::{BackendRow, Row};
use crate::statistics::interval::{Interval, Level, Paired};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use tidegate_faults::did_you_mean;

/// A confidence interval, as `--json` gives it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Estimate {
    /// The mean of the replications' values.
    pub(crate) mean: f64,
    /// How far the interval goes on either side.
    pub(crate) half_width: f64,
    /// How many values it comes from: replications that have one.
    pub(crate) n: u64,
    /// How often such an interval covers.
    pub(crate) level: f64,
    /// How it was found.
    pub(crate) method: String,
}

impl From<Interval> for Estimate {
    fn from(interval: Interval) -> Self {
        Self {
            mean: interval.centre,
            half_width: interval.half_width,
            n: interval.n,
            level: interval.level.get(),
            method: interval.method.to_string(),
        }
    }
}

/// Measures by name, each with its interval.
pub(crate) type Estimates = BTreeMap<&'static str, Estimate>;

/// A measure by its field in `--json`, and its value in one replication, where it has one.
type Measure<R> = (&'static str, fn(&R) -> Option<f64>);

/// The measures of a population that get intervals.
const OF_POPULATION: [Measure<Row>; 20] = [
    ("goodput_per_second", |row| Some(row.goodput_per_second)),
    ("success_share", |row| Some(row.success_share)),
    ("denied_share", |row| Some(row.denied_share())),
    ("retries_per_call", |row| Some(row.retries_per_call)),
    ("attempts_per_call", |row| Some(row.attempts_per_call)),
    ("hint_denied_share", |row| row.hints.denied_share),
    ("fair_jain", |row| row.fair_jain),
    ("fair_least", |row| row.fair_least),
    ("fair_p1", |row| row.fair_p1),
    ("fair_jain_1w", |row| row.fair_jain_1w),
    ("fair_jain_10w", |row| row.fair_jain_10w),
    ("starvation_seconds_p99", |row| row.starvation_seconds_p99),
    ("starvation_seconds_most", |row| row.starvation_seconds_most),
    ("attempts_swing", |row| row.course.oscillation.attempts.as_ref().map(|swing| swing.amplitude)),
    ("goodput_swing", |row| row.course.oscillation.goodput.as_ref().map(|swing| swing.amplitude)),
    ("jain", |row| row.jain),
    ("least_share", |row| row.least_share),
    ("p1_share", |row| row.p1_share),
    ("seconds_to_success_p50", |row| row.seconds_to_success_p50),
    ("seconds_to_success_p99", |row| row.seconds_to_success_p99),
];

/// The same of the backend.
const OF_BACKEND: [Measure<BackendRow>; 8] = [
    ("in_system", |row| Some(row.in_system)),
    ("utilisation", |row| Some(row.utilisation)),
    ("wasted_share", |row| Some(row.wasted_share)),
    ("loss", |row| Some(row.loss)),
    ("sojourn_mean", |row| Some(row.service.sojourn_mean)),
    ("waiting_mean", |row| Some(row.service.waiting_mean)),
    ("sojourn_p95", |row| row.service.sojourn_p95),
    ("sojourn_p99", |row| row.service.sojourn_p99),
];

/// How a measure is read off a row.
pub(crate) type Read<R> = fn(&R) -> Option<f64>;

/// A population's measure of a name.
pub(crate) fn of_a_population(name: &str) -> Result<Read<Row>, UnknownMeasure> {
    find(name, &OF_POPULATION).map_err(|unknown| unknown.but_of("the backend", &OF_BACKEND))
}

/// The backend's measure of a name.
pub(crate) fn of_the_backend(name: &str) -> Result<Read<BackendRow>, UnknownMeasure> {
    find(name, &OF_BACKEND).map_err(|unknown| unknown.but_of("populations and the total", &OF_POPULATION))
}

fn find<R>(name: &str, measures: &[Measure<R>]) -> Result<Read<R>, UnknownMeasure> {
    let known = || measures.iter().map(|(known, _)| *known);
    match measures.iter().find(|(known, _)| *known == name) {
        Some((_, read)) => Ok(*read),
        None => Err(UnknownMeasure { name: name.into(), known: known().collect(), measured_of: None }),
    }
}

/// There is no measure of that name.
#[derive(Clone, Debug)]
pub(crate) struct UnknownMeasure {
    name: String,
    known: Vec<&'static str>,
    /// Who has one of that name.
    measured_of: Option<&'static str>,
}

impl UnknownMeasure {
    /// Says so if it is a measure of somebody else.
    fn but_of<R>(self, whose: &'static str, measures: &[Measure<R>]) -> Self {
        let is_theirs = measures.iter().any(|(known, _)| *known == self.name);
        Self { measured_of: is_theirs.then_some(whose), ..self }
    }
}

impl fmt::Display for UnknownMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(whose) = self.measured_of {
            return write!(f, "`{}` is a measure of {whose}: choose with `--of`", self.name);
        }
        write!(f, "no measure is named `{}`, expected one of {}", self.name, self.known.join(", "))?;
        f.write_str(&did_you_mean(&self.name, self.known.iter().copied()))
    }
}

impl std::error::Error for UnknownMeasure {}

/// The estimates of a population, from its row in each replication. Empty unless there are two.
pub(crate) fn of_population(rows: &[&Row]) -> Estimates {
    estimates(rows, &OF_POPULATION)
}

/// The estimates of the backend.
pub(crate) fn of_backend(rows: &[&BackendRow]) -> Estimates {
    estimates(rows, &OF_BACKEND)
}

fn estimates<R>(rows: &[&R], measures: &[Measure<R>]) -> Estimates {
    let estimate = |(name, measure): &Measure<R>| {
        let values: Vec<f64> = rows.iter().filter_map(|row| measure(row)).collect();
        let interval = Interval::of_mean(&values, Level::PERCENT_95).filter(|interval| interval.n > 1)?;
        Some((*name, interval.into()))
    };
    measures.iter().filter_map(estimate).collect()
}

/// What two scenarios differ by in a measure, replication by replication on common random numbers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Difference {
    /// The mean under the first.
    pub(crate) before: f64,
    /// The mean under the second.
    pub(crate) after: f64,
    /// The mean of second minus first, with its interval.
    pub(crate) change: Estimate,
    /// Whether the interval leaves out 0: that there is no difference would be odd.
    pub(crate) differs: bool,
    /// How many times as many independent replications would tell as much; `None` if the differences do not vary.
    pub(crate) variance_ratio: Option<f64>,
}

/// Measures by name, each with its difference.
pub(crate) type Differences = BTreeMap<&'static str, Difference>;

/// The differences of a population, from its rows under both.
pub(crate) fn between_populations(before: &[&Row], after: &[&Row]) -> Differences {
    differences(before, after, &OF_POPULATION)
}

/// The differences of the backend.
pub(crate) fn between_backends(before: &[&BackendRow], after: &[&BackendRow]) -> Differences {
    differences(before, after, &OF_BACKEND)
}

fn differences<R>(before: &[&R], after: &[&R], measures: &[Measure<R>]) -> Differences {
    let difference = |(name, measure): &Measure<R>| {
        let both = before.iter().zip(after).filter_map(|(before, after)| measure(before).zip(measure(after)));
        let (before, after): (Vec<f64>, Vec<f64>) = both.unzip();
        let pairs = Paired::new(&after, &before, Level::PERCENT_95).filter(|pairs| pairs.difference.n > 1)?;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        Some((
            *name,
            Difference {
                before: mean(&before),
                after: mean(&after),
                differs: !pairs.difference.covers(0.0),
                change: pairs.difference.into(),
                variance_ratio: pairs.variance_ratio.filter(|ratio| ratio.is_finite()),
            },
        ))
    };
    measures.iter().filter_map(difference).collect()
}
