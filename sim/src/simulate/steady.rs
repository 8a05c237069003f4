//! Intervals from one run: what a long steady course says of the rates that it has.
//!
//! Intervals of time follow on one another and are no independent samples, but batches of them that are long enough are as
//! good as that. Where the procedure finds none that long enough, there is no interval, and the reason is told.

use super::backend::Load;
use super::course::Course;
use super::disturbance::Disturbance;
use super::estimates::{Estimate, Estimates};
use super::measures::Bin;
use super::scenario::{Scenario, WarmUp};
use super::summary::{BackendRow, Row};
use crate::statistics::batch_means::BatchMeans;
use crate::statistics::interval::Level;
use std::collections::BTreeMap;
use std::ops::Range;

/// Why a measure has no interval, by its name.
pub(crate) type Reasons = BTreeMap<&'static str, String>;

/// What one run says of measures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steady {
    /// Those that have an interval.
    pub(crate) intervals: Estimates,
    /// Those that have none.
    pub(crate) reasons: Reasons,
}

/// A measure that is the quotient of two sums over the intervals, and how these are read off one.
struct Rate<S> {
    name: &'static str,
    part: fn(&S) -> f64,
    whole: fn(&S) -> f64,
}

/// The seconds of an interval cancel: the mean of the wholes is what a part is held against.
const OF_POPULATION: [Rate<Bin>; 5] = [
    Rate { name: "goodput_per_second", part: |bin| bin.succeeded as f64, whole: |_| 1.0 },
    Rate { name: "success_share", part: |bin| bin.succeeded as f64, whole: |bin| bin.calls as f64 },
    Rate { name: "denied_share", part: |bin| bin.denied() as f64, whole: |bin| bin.offered() as f64 },
    Rate { name: "retries_per_call", part: |bin| bin.retries as f64, whole: |bin| bin.calls as f64 },
    Rate { name: "attempts_per_call", part: |bin| bin.offered() as f64, whole: |bin| bin.calls as f64 },
];

const OF_BACKEND: [Rate<Load>; 2] = [
    Rate { name: "in_system", part: |load| load.in_system as f64, whole: |load| load.time.get() as f64 },
    Rate { name: "utilisation", part: |load| load.busy as f64, whole: |load| load.time.get() as f64 },
];

/// Why a scenario has no steady state to speak of; `None` if it may have.
fn unsteady(scenario: &Scenario, disturbances: &[Disturbance]) -> Option<&'static str> {
    if disturbances.iter().any(|one| !one.is_start()) {
        return Some("something disturbs the run, which has no steady state: use `--replications`");
    }
    match scenario.warm_up {
        WarmUp::Found => None,
        WarmUp::Given if scenario.measured() < scenario.duration => None,
        WarmUp::NotFound => Some("the run is too short to have left its warm-up"),
        WarmUp::Given | WarmUp::ToBeFound => {
            Some("no warm-up is left out: set `warm_up`, or use `--replications`")
        }
    }
}

impl Steady {
    /// Of a population, or of all together, from its one course.
    pub(crate) fn of_population(
        scenario: &Scenario,
        disturbances: &[Disturbance],
        row: &Row,
        course: &Course<'_>,
    ) -> Self {
        let seconds = course.fine.as_secs_f64();
        let value = |name: &str| match name {
            "goodput_per_second" => Some((row.goodput_per_second, 1.0 / seconds)),
            "success_share" => Some((row.success_share, 1.0)),
            // What a guard blocks is not admitted either, and is no denial.
            "denied_share" => (row.blocked == 0).then(|| (row.denied_share(), 1.0)),
            "retries_per_call" => (row.held_back == 0).then_some((row.retries_per_call, 1.0)),
            _ => Some((row.attempts_per_call, 1.0)),
        };
        Self::of(&OF_POPULATION, &course.series[course.steady()], value, unsteady(scenario, disturbances))
    }

    /// Of the backend.
    pub(crate) fn of_backend(
        scenario: &Scenario,
        disturbances: &[Disturbance],
        row: &BackendRow,
        (loads, steady): (&[Load], Range<usize>),
    ) -> Self {
        let servers = scenario.backend.as_ref().map_or(1.0, |rules| f64::from(rules.servers));
        let value = |name: &str| match name {
            "in_system" => Some((row.in_system, 1.0)),
            _ => Some((row.utilisation, 1.0 / servers)),
        };
        let loads = loads.get(steady).unwrap_or_default();
        Self::of(&OF_BACKEND, loads, value, unsteady(scenario, disturbances))
    }

    fn of<S>(
        rates: &[Rate<S>],
        samples: &[S],
        value: impl Fn(&str) -> Option<(f64, f64)>,
        unsteady: Option<&'static str>,
    ) -> Self {
        let mut all = Self::default();
        for rate in rates {
            let Some((mean, scale)) = value(rate.name) else { continue };
            let estimate = match unsteady {
                Some(reason) => Err(reason.to_owned()),
                None => rate.estimate(samples, mean, scale),
            };
            match estimate {
                Ok(estimate) => all.intervals.insert(rate.name, estimate).map_or((), drop),
                Err(reason) => all.reasons.insert(rate.name, reason).map_or((), drop),
            }
        }
        all
    }
}

impl<S> Rate<S> {
    /// The interval of a quotient from batches: the spread of part − quotient·whole, over the mean whole (Law, *Simulation
    /// Modeling and Analysis*, 9.5.3, with the ratio estimator of 9.4.1).
    fn estimate(&self, samples: &[S], mean: f64, scale: f64) -> Result<Estimate, String> {
        let sum = |of: fn(&S) -> f64| samples.iter().map(of).sum::<f64>();
        let (parts, wholes) = (sum(self.part), sum(self.whole));
        if wholes == 0.0 {
            return Err("nothing is counted".into());
        }
        let quotient = parts / wholes;
        let mean_whole = wholes / samples.len() as f64;
        let mut run = BatchMeans::default();
        for sample in samples {
            run.push(((self.part)(sample) - quotient * (self.whole)(sample)) / mean_whole * scale);
        }
        let interval = run.interval(Level::PERCENT_95).map_err(|error| error.to_string())?;
        Ok(Estimate { mean, ..interval.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(name: &str) -> &'static Rate<Bin> {
        OF_POPULATION.iter().find(|rate| rate.name == name).unwrap()
    }

    /// Half of the calls succeed in each interval, however many they are: the share does not vary, though its parts do.
    #[test]
    fn a_share_is_as_sure_as_its_parts_go_together() {
        let bin = |calls: u64| Bin { calls: 2 * calls, succeeded: calls, ..Bin::default() };
        let bins: Vec<Bin> = (0..400).map(|interval| bin(interval * 2_654_435_761 % 100 + 1)).collect();
        let share = rate("success_share").estimate(&bins, 0.5, 1.0).unwrap();
        assert_eq!((share.mean, share.n), (0.5, 400));
        assert!(share.half_width < 1e-12, "{share:?}");
        let goodput = rate("goodput_per_second").estimate(&bins, 10.0, 1.0 / 5.0).unwrap();
        assert!(goodput.half_width > 0.1 && goodput.method.starts_with("means of "), "{goodput:?}");
    }

    #[test]
    fn what_climbs_has_no_interval_and_a_reason() {
        let bins: Vec<Bin> = (0..400).map(|calls| Bin { succeeded: calls, ..Bin::default() }).collect();
        let reason = rate("goodput_per_second").estimate(&bins, 1.0, 1.0).unwrap_err();
        assert!(reason.starts_with("the run is too short"), "{reason}");
        assert_eq!(rate("success_share").estimate(&bins, 1.0, 1.0).unwrap_err(), "nothing is counted");
    }
}
