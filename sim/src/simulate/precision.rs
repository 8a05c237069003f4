//! As many replications as a wanted precision takes.
//!
//! A pilot says how many that will be; they are run in rounds, and looked at after each, until the interval is as narrow as is
//! wanted or there are as many as there may be. How many they are follows from the values alone, which are the same on any
//! number of threads.

use super::format::percent;
use super::measured;
use super::run::{Outcome, Runs, run};
use super::scenario::Scenario;
use crate::interrupt::Interrupted;
use crate::statistics::interval::{Interval, Level, Method, Precision, StopRule};
use crate::statistics::moments::Moments;
use crate::subject::Subject;
use anyhow::{Context, ensure};
use serde::Serialize;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Replications of the pilot. To look again and again with fewer makes intervals that cover less often than they say.
const PILOT: u32 = 10;

/// A share of the mean, above 0 and below 1: `2%`, or `0.02`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(f64);

impl FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
        let share = number.trim().parse().ok().map(|number: f64| number / unit);
        let sound = share.filter(|share| Precision::relative(*share).is_some());
        sound.map(Self).ok_or_else(|| "expected a share above 0 and below 1, such as 2%".into())
    }
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) share: Share,
    /// The measure, and of whom.
    pub(crate) subject: Subject,
    /// Whose it is, as outputs say it.
    pub(crate) of: String,
    /// The most replications.
    pub(crate) most: u32,
}

/// What came of it, as `--json` gives it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reached {
    measure: String,
    of: String,
    /// The half-width that is wanted, as a share of the true mean.
    wanted: f64,
    /// How many replications the pilot said it would take; `null` if that cannot be told.
    predicted: Option<u64>,
    mean: f64,
    half_width: f64,
    n: u64,
    level: f64,
    /// Whether the half-width is small enough: at most wanted/(1 + wanted) of the estimate.
    reached: bool,
}

impl Wanted {
    /// Runs until it is reached. What is to be expected is told beforehand on standard error.
    pub(crate) fn run(&self, scenario: &Scenario, runs: Runs) -> anyhow::Result<(Outcome, Reached)> {
        let precision = Precision::relative(self.share.0).context("a share above 0 and below 1")?;
        let rule = StopRule { precision, level: Level::PERCENT_95, at_least: u64::from(PILOT) };
        let began = Instant::now();
        let pilot = PILOT.min(self.most);
        let mut outcome = run(scenario, Runs { replications: pilot, ..runs })?;
        let mut values = self.values(scenario, &outcome);
        let predicted = precision.replications(&values, rule.level);
        self.tell(&values, predicted, began.elapsed() / pilot);
        let mut done = pilot;
        while rule.reached(&values).is_none() && done < self.most {
            let wanted = precision.replications(&values, rule.level).unwrap_or(u64::MAX);
            // Not more than double: the variance of few is itself not sure.
            let round = u32::try_from(wanted.saturating_sub(u64::from(done))).unwrap_or(u32::MAX);
            let round = round.clamp(1, done).min(self.most - done);
            let more = match run(scenario, Runs { first: runs.first + done, replications: round, ..runs }) {
                Err(error) if error.is::<Interrupted>() => break,
                more => more?,
            };
            values.merge(&self.values(scenario, &more));
            let is_whole = more.replications.len() == more.asked;
            outcome = outcome.and(more);
            done += round;
            if !is_whole {
                break;
            }
        }
        let reached = self.reached(&values, predicted, rule)?;
        Ok((outcome, reached))
    }

    fn values(&self, scenario: &Scenario, outcome: &Outcome) -> Moments {
        measured::of_each(scenario, outcome).iter().filter_map(|found| self.subject.value(found)).collect()
    }

    fn reached(&self, values: &Moments, predicted: Option<u64>, rule: StopRule) -> anyhow::Result<Reached> {
        let Interval { centre, half_width, n, level, .. } =
            Interval::of_moments(values, rule.level, Method::Replications).with_context(|| {
                format!("no replication has a value of `{}` of {}", self.subject.measure, self.of)
            })?;
        ensure!(
            n > 1,
            "one replication has a value of `{}` of {}, and one has no interval",
            self.subject.measure,
            self.of
        );
        Ok(Reached {
            measure: self.subject.measure.clone(),
            of: self.of.clone(),
            wanted: self.share.0,
            predicted,
            mean: centre,
            half_width,
            n,
            level: level.get(),
            reached: rule.reached(values).is_some(),
        })
    }

    fn tell(&self, pilot: &Moments, predicted: Option<u64>, each: Duration) {
        let measure = &self.subject.measure;
        let so_far = Interval::of_moments(pilot, Level::PERCENT_95, Method::Replications)
            .map_or("has no value".into(), |interval| format!("is {interval}"));
        let expected = match predicted {
            Some(all) if all <= u64::from(self.most) => {
                let more = all.saturating_sub(pilot.count());
                format!(
                    "{} will take some {all} replications, {:.0} s more",
                    self.share(),
                    each.as_secs_f64() * more as f64
                )
            }
            Some(all) => format!(
                "{} would take some {all} replications, of which {} are allowed",
                self.share(),
                self.most
            ),
            None => format!("how many replications {} takes cannot be told", self.share()),
        };
        eprintln!("pilot: {measure} of {} {so_far}; ±{expected}", self.of);
    }

    fn share(&self) -> String {
        percent(self.share.0)
    }
}

impl Reached {
    /// In a sentence.
    pub(crate) fn text(&self) -> String {
        let Self { measure, of, mean, half_width, n, wanted, .. } = self;
        let share = percent((half_width / mean).abs());
        let told = if self.reached { "reached" } else { "NOT reached" };
        format!(
            "{measure} of {of}: {mean:.5} ± {half_width:.5} ({share}) at 95%, from {n} replications; ±{} is {told}",
            percent(*wanted)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_in_per_cent_or_as_it_is() {
        assert_eq!(
            ["2%", "0.02", "0.5 %"].map(|text| text.parse()),
            [Ok(Share(0.02)), Ok(Share(0.02)), Ok(Share(0.005))]
        );
        for unfit in ["0", "100%", "2", "-1%", "two", "", "NaN"] {
            assert!(unfit.parse::<Share>().is_err(), "{unfit}");
        }
    }
}
