//! What a run should come to, as the spread of simulated ones has it.
//!
//! A real run is one replication more. With the mean m and the standard deviation s of N simulated ones, which come near enough to a
//! normal law, since many keys that know nothing of each other are counted together, it lies in m ± t·s·√(1 + 1/N) with the t of Student's law with N − 1 degrees of
//! freedom: the prediction interval, which is wider than a confidence interval, of the mean.

use crate::{scenario, tidegate};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

/// What is measured of each population.
pub(crate) const SEVERAL: [&str; 2] = ["share of attempts denied", "attempts for a success"];
/// Simulated runs.
const REPLICATIONS: u32 = 100;
/// The chance that any of the figures of a run lies outside its interval although nothing is wrong.
const RISK: f64 = 0.001;

/// Where the scenario that is simulated departs from the file.
pub(crate) struct Change {
    pub(crate) population: String,
    /// As it was measured.
    pub(crate) round_trip: Duration,
    /// Another policy.
    pub(crate) retry: Option<&'static str>,
}

/// What simulated runs come to.
pub(crate) struct Prediction {
    /// Measures of a population in each run.
    runs: BTreeMap<String, Vec<[f64; 2]>>,
}

/// Where a run's figure should lie.
pub(crate) struct Interval {
    middle: f64,
    half_width: f64,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} ± {:.4}", self.middle, self.half_width)
    }
}

impl Interval {
    pub(crate) fn holds(&self, figure: f64) -> bool {
        (figure - self.middle).abs() <= self.half_width
    }
}

impl Prediction {
    /// Has `tidegate simulate` run the scenario.
    pub(crate) fn new(duration: Duration, changes: &[Change]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [file, rows, page] =
            ["scenario.toml", "rows.csv", "page.html"].map(|name| folder.path().join(name));
        std::fs::write(&file, text(duration, changes)).unwrap();
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

    /// Where the figure of one more run lies, unless it is one of few.
    pub(crate) fn interval(&self, population: &str, measure: usize) -> Interval {
        let count = self.runs[population].len() as f64;
        // Shared out among all figures, to both sides.
        let figures = (self.runs.len() * SEVERAL.len()) as f64;
        let student = StudentsT::new(0.0, 1.0, count - 1.0).unwrap();
        let t = student.inverse_cdf(1.0 - RISK / figures / 2.0);
        let (middle, deviation) = self.spread(population, measure);
        Interval { middle, half_width: t * deviation * (1.0 + 1.0 / count).sqrt() }
    }
}

/// The scenario with what is otherwise.
fn text(duration: Duration, changes: &[Change]) -> String {
    let file = scenario::file();
    let mut text = format!("extends = '{}'\nduration = \"{}ms\"\n", file.display(), duration.as_millis());
    for Change { population, round_trip, retry } in changes {
        let _ = write!(
            text,
            "[[population]]\nname = \"{population}\"\nround_trip = \"{}us\"\n",
            round_trip.as_micros().max(100)
        );
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
