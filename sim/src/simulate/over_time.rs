//! The counts over time as CSV: a row for each replication, population and interval.

use super::run::{Outcome, Replication};
use super::scenario::Scenario;
use anyhow::Context;

const HEADER: [&str; 8] =
    ["replication", "population", "second", "calls", "retries", "admitted", "succeeded", "given_up"];

/// All of an outcome; replications are numbered from `first`.
pub(crate) fn csv(scenario: &Scenario, outcome: &Outcome, first: u32) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER)?;
    let interval = outcome.bin.as_secs_f64();
    for (number, Replication { populations, .. }) in (first..).zip(&outcome.replications) {
        for (population, tally) in scenario.populations.iter().zip(populations) {
            for (place, bin) in tally.bins.iter().enumerate() {
                let counts = [bin.calls, bin.retries, bin.admitted, bin.succeeded, bin.lost];
                let told =
                    [number.to_string(), population.name.clone(), (place as f64 * interval).to_string()];
                writer.write_record(told.into_iter().chain(counts.map(|count| count.to_string())))?;
            }
        }
    }
    writer.into_inner().context("the rows are kept in memory")
}
