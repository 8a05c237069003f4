//! What a run should come to, as the spread of simulated ones has it.
//!
//! A real run is one replication more. Of N simulated ones with the mean m and the standard deviation s, it lies in
//! m ± t·s·√(1 + 1/N), with the t of Student's law with N − 1 degrees of freedom. That is the prediction interval; a confidence interval,
//! of the mean, is narrower. Counts are sums over keys that know nothing of each other, so their law is nearly normal.
//!
//! Clients that are told the same moment come back together, and in which order they do decides who of them is denied again. With one
//! `round_trip` for all attempts they keep their order, with one drawn for each they lose it. A machine does something between the two, so the
//! scenario is simulated with both, and the interval reaches from the lower end of the one to the upper end of the other.

use crate::{scenario, tidegate};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// What is measured of each population.
pub(crate) const MEASURES: [&str; 2] = ["share of attempts denied", "attempts for a success"];
/// Simulated runs.
const REPLICATIONS: u32 = 60;
/// The chance that any of the figures of a run lies outside its interval although nothing is wrong.
const RISK: f64 = 0.001;

/// How long attempts take, but for the waits of policies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip {
    pub(crate) mean: Duration,
    median: Duration,
    /// The standard deviation of the logarithm.
    sigma: f64,
}

impl RoundTrip {
    /// That of attempts which took so many seconds.
    pub(crate) fn of(seconds: &[f64]) -> Self {
        let mean = |of: &dyn Fn(f64) -> f64| {
            seconds.iter().map(|time| of(*time)).sum::<f64>() / seconds.len() as f64
        };
        let logarithm = mean(&f64::ln);
        Self {
            mean: Duration::from_secs_f64(mean(&|time| time)),
            median: Duration::from_secs_f64(logarithm.exp()),
            sigma: mean(&|time| (time.ln() - logarithm).powi(2)).sqrt(),
        }
    }

    /// As a scenario has it: the same for all attempts, or drawn for each.
    fn value(&self, is_drawn: bool) -> String {
        let micros = |time: Duration| time.as_micros().max(100);
        if is_drawn {
            let (median, sigma) = (micros(self.median), self.sigma);
            format!("{{ lognormal = {{ median = \"{median}us\", sigma = {sigma:.3} }} }}")
        } else {
            format!("\"{}us\"", micros(self.mean))
        }
    }
}

impl fmt::Display for RoundTrip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mean, median] = [self.mean, self.median].map(|time| time.as_secs_f64() * 1e3);
        write!(f, "an attempt took {mean:.1} ms, half of them up to {median:.1} ms")
    }
}

/// Where the scenario that is simulated departs from the file.
pub(crate) struct Change {
    pub(crate) population: String,
    /// As it was measured.
    pub(crate) round_trip: RoundTrip,
    /// Another policy.
    pub(crate) retry: Option<&'static str>,
}

/// What is to be expected of one more run.
pub(crate) struct Expected([Prediction; 2]);

impl Expected {
    pub(crate) fn new(duration: Duration, changes: &[Change]) -> Self {
        Self([false, true].map(|is_drawn| Prediction::new(&text(duration, changes, is_drawn))))
    }

    /// Where the figure of one more run lies, unless it is one of few.
    pub(crate) fn interval(&self, population: &str, measure: usize) -> Interval {
        let [one, other] = self.0.each_ref().map(|prediction| prediction.interval(population, measure));
        Interval { low: one.low.min(other.low), high: one.high.max(other.high) }
    }
}

/// What simulated runs come to.
struct Prediction {
    /// Measures of a population in each run.
    runs: BTreeMap<String, Vec<[f64; 2]>>,
}

/// Where a run's figure should lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    low: f64,
    high: f64,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} to {:.4}", self.low, self.high)
    }
}

impl Interval {
    pub(crate) fn contains(&self, figure: &f64) -> bool {
        (self.low..=self.high).contains(figure)
    }
}

impl Prediction {
    /// Has `tidegate simulate` run the scenario.
    fn new(scenario: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [file, rows, page] =
            ["scenario.toml", "rows.csv", "page.html"].map(|name| folder.path().join(name));
        std::fs::write(&file, scenario).unwrap();
        let json = tidegate::run(|command| {
            command.args(["simulate", "--json", "--replications", &REPLICATIONS.to_string(), "--csv"]);
            command.arg(&rows).arg("--out").arg(&page).arg(&file);
        });
        let runs = measures(&std::fs::read_to_string(&rows).unwrap());
        let prediction = Self { runs };
        prediction.check(&serde_json::from_str(&json).unwrap());
        prediction
    }

    /// That its rows were understood: the mean share denied is the one that it tells itself.
    fn check(&self, told: &serde_json::Value) {
        for population in told["populations"].as_array().unwrap() {
            let (name, told) = (&population["name"], &population["intervals"]["denied_share"]["mean"]);
            let (mean, _) = self.spread(name.as_str().unwrap(), 0);
            assert!((mean - told.as_f64().unwrap()).abs() < 1e-9, "{name}: {mean}, {told}");
        }
    }

    /// Mean and standard deviation.
    fn spread(&self, population: &str, measure: usize) -> (f64, f64) {
        let runs = &self.runs[population];
        let count = runs.len() as f64;
        let mean = runs.iter().map(|run| run[measure]).sum::<f64>() / count;
        let squares = runs.iter().map(|run| (run[measure] - mean).powi(2)).sum::<f64>();
        (mean, (squares / (count - 1.0)).sqrt())
    }

    fn interval(&self, population: &str, measure: usize) -> Interval {
        let count = self.runs[population].len() as f64;
        // Shared out among all figures, to both sides.
        let figures = (self.runs.len() * MEASURES.len()) as f64;
        let student = StudentsT::new(0.0, 1.0, count - 1.0).unwrap();
        let t = student.inverse_cdf(1.0 - RISK / figures / 2.0);
        let (mean, deviation) = self.spread(population, measure);
        let half_width = t * deviation * (1.0 + 1.0 / count).sqrt();
        Interval { low: mean - half_width, high: mean + half_width }
    }
}

/// The scenario with what is otherwise.
fn text(duration: Duration, changes: &[Change], is_drawn: bool) -> String {
    let mut text =
        format!("extends = '{}'\nduration = \"{}ms\"\n", scenario::file().display(), duration.as_millis());
    for Change { population, round_trip, retry } in changes {
        let round_trip = round_trip.value(is_drawn);
        let _ = write!(text, "[[population]]\nname = \"{population}\"\nround_trip = {round_trip}\n");
        if let Some(retry) = retry {
            let _ = writeln!(text, "retry = {retry}");
        }
    }
    text
}

/// The measures of each population in each run, from its counts over time.
fn measures(rows: &str) -> BTreeMap<String, Vec<[f64; 2]>> {
    let mut sums: BTreeMap<(String, u32), [f64; 4]> = BTreeMap::new();
    for row in rows.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let run = (fields[1].to_owned(), fields[0].parse().unwrap());
        let counts = sums.entry(run).or_default();
        for (sum, field) in counts.iter_mut().zip(&fields[3..]) {
            *sum += field.parse::<f64>().unwrap();
        }
    }
    let mut measures: BTreeMap<String, Vec<[f64; 2]>> = BTreeMap::new();
    for ((population, _), [calls, retries, admitted, succeeded]) in sums {
        let attempts = calls + retries;
        measures
            .entry(population)
            .or_default()
            .push([(attempts - admitted) / attempts, attempts / succeeded]);
    }
    measures
}
