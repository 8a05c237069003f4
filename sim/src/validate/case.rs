//! A case: what is run or computed, and what should come of it.

use crate::simulate::{Measured, Runs, Scenario, measure};
use crate::statistics::interval::{Interval, Level};
use anyhow::Context;
use serde::Serialize;

/// So many replications are run at first, and as many more until every interval is as narrow as it must be.
const ROUND: u32 = 20;
/// And so many at most.
const MOST: usize = 400;

/// The value of a measure in one replication.
pub(super) type Measure = fn(&Measured) -> Option<f64>;

/// What is known of a measure.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// The measure, as the table names it.
    pub(super) name: &'static str,
    pub(super) measure: Measure,
    pub(super) value: f64,
    /// The widest that the interval may be on either side, as a share of the value.
    pub(super) within: f64,
    /// Whether the value is itself a sample, of another program: then it need not lie in the interval, but within so much
    /// of its centre, and the interval must be half as wide.
    pub(super) sampled: bool,
}

/// What is run or computed.
#[derive(Clone, Debug)]
pub(super) enum Case {
    /// Replications of a scenario.
    Simulated {
        /// What it is, as the table says it.
        set_up: String,
        /// The scenario's text.
        scenario: String,
        expected: Vec<Expected>,
    },
    /// What takes runs of more than one scenario, or none: rows by a function of the seed and the threads.
    Computed {
        /// What it is, as the table says it.
        set_up: String,
        rows: fn(u64, usize) -> anyhow::Result<Vec<Answer>>,
    },
}

/// A measure that was computed, beside what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) measure: String,
    /// What it should be, in words or numbers.
    pub(super) expected: String,
    pub(super) found: f64,
    pub(super) holds: bool,
}

impl Answer {
    /// Equality up to a distance.
    pub(super) fn equal(measure: &str, expected: f64, found: f64, within: f64) -> Self {
        let holds = (found - expected).abs() <= within;
        Self { measure: measure.into(), expected: short(expected), found, holds }
    }
}

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Found {
    pub(super) set_up: String,
    pub(super) measure: String,
    /// What should come of it.
    #[serde(rename = "expected")]
    pub(super) expected_text: String,
    found: f64,
    /// Half of the interval's width, in per cent of the expected value.
    #[serde(rename = "half_width_percent")]
    pub(super) half_width: Option<f64>,
    /// The most that it may be.
    #[serde(rename = "allowed_percent")]
    pub(super) allowed: Option<f64>,
    /// Replications.
    pub(super) n: u64,
    pub(super) holds: bool,
}

impl Found {
    /// Whether the interval is no wider than it may be.
    fn is_narrow(&self) -> bool {
        self.half_width.zip(self.allowed).is_none_or(|(half_width, allowed)| half_width <= allowed)
    }

    pub(super) fn found_text(&self) -> String {
        short(self.found)
    }
}

impl Case {
    pub(super) fn set_up(&self) -> &str {
        match self {
            Self::Simulated { set_up, .. } | Self::Computed { set_up, .. } => set_up,
        }
    }

    /// Runs it, at least so many times, or computes it.
    pub(super) fn find(&self, seed: u64, least: u32, threads: usize) -> anyhow::Result<Vec<Found>> {
        match self {
            Self::Simulated { set_up, scenario, expected } => {
                let scenario = Scenario::parse(set_up, scenario)?;
                let mut measured = Vec::new();
                loop {
                    let first = measured.len() as u32;
                    measured.extend(measure(
                        &scenario,
                        Runs { seed, first, replications: ROUND, threads, is_quiet: true },
                    )?);
                    let found: Vec<Found> = expected
                        .iter()
                        .map(|expected| expected.found(set_up, &measured))
                        .collect::<anyhow::Result<_>>()?;
                    let is_enough = measured.len() >= least as usize && found.iter().all(Found::is_narrow);
                    if is_enough || measured.len() >= MOST {
                        return Ok(found);
                    }
                }
            }
            Self::Computed { set_up, rows } => {
                let row = |answer: Answer| Found {
                    set_up: set_up.clone(),
                    measure: answer.measure,
                    expected_text: answer.expected,
                    found: answer.found,
                    half_width: None,
                    allowed: None,
                    n: 0,
                    holds: answer.holds,
                };
                Ok(rows(seed, threads)?.into_iter().map(row).collect())
            }
        }
    }
}

impl Expected {
    fn found(&self, set_up: &str, measured: &[Measured]) -> anyhow::Result<Found> {
        let values: Vec<f64> = measured.iter().filter_map(self.measure).collect();
        let interval = Interval::of_mean(&values, Level::PERCENT_99)
            .with_context(|| format!("{set_up}: nothing to tell {} by", self.name))?;
        let mut found = Found {
            set_up: set_up.into(),
            measure: self.name.into(),
            expected_text: short(self.value),
            found: interval.centre,
            half_width: Some(interval.half_width / self.value * 100.0),
            allowed: Some(self.within * if self.sampled { 50.0 } else { 100.0 }),
            n: interval.n,
            holds: false,
        };
        let agrees = if self.sampled {
            (interval.centre - self.value).abs() <= self.within * self.value
        } else {
            interval.covers(self.value)
        };
        found.holds = agrees && found.is_narrow();
        Ok(found)
    }
}

/// Four digits, or more before the point.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size >= 1_000.0 => format!("{value:.0}"),
        size => {
            let digits = 3 - libm::log10(size).floor() as i32;
            let text = format!("{value:.*}", usize::try_from(digits).unwrap_or(0));
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a case comes to whose replications find these shares, where `value` is known.
    fn found(value: f64, within: f64, sampled: bool) -> Found {
        let scenario = "duration = \"10min\"\n[[population]]\nname = \"calls\"\nplan = \"free\"\nclients = 20\n\
            arrivals = { poisson = \"40/min\" }\nretry = \"none\"\n";
        let measured = measure(
            &Scenario::parse("case", scenario).unwrap(),
            Runs { seed: 1, first: 0, replications: 20, threads: 1, is_quiet: true },
        );
        let expected = Expected {
            name: "served",
            measure: |found| Some(found.total().success_share),
            value,
            within,
            sampled,
        };
        expected.found("case", &measured.unwrap()).unwrap()
    }

    #[test]
    fn a_case_holds_if_its_interval_covers_and_is_narrow() {
        let (centre, half_width) = {
            let any = found(0.5, 1.0, false);
            (any.found, any.half_width.unwrap() / 100.0 * 0.5)
        };
        let holds = |value, within, sampled| found(value, within, sampled).holds;
        assert!(holds(centre + 0.9 * half_width, 0.1, false));
        assert!(!holds(centre + 1.1 * half_width, 0.1, false), "outside");
        assert!(!holds(centre, 0.9 * half_width / centre, false), "too wide");
        // Of a sampled value, within a tenth of it; the interval is narrower than a twentieth.
        assert!(holds(centre * 1.05, 0.1, true) && !holds(centre * 1.2, 0.1, true));
        assert!(!holds(centre, 1.9 * half_width / centre, true), "too wide");
    }

    #[test]
    fn numbers_are_told_in_four_digits() {
        assert_eq!(
            [0.0, 2417.4, 14.979, 0.07570, 1.0, 0.5].map(short),
            ["0", "2417", "14.98", "0.0757", "1", "0.5"]
        );
    }
}
