//! A small run of any scenario: few clients, few events, all outputs.
//!
//! A scenario may ask for days of work. A sample of it ends soon whatever it asks for, and still goes through everything
//! that a whole run does.

use super::calls::TooManyCalls;
use super::grid::Grid;
use super::run::{Outcome, empty, worlds};
use super::scenario::{Arrivals, Population, Scenario};
use super::world::World;
use super::{report, summary::Summary, table};

/// What a sample of a scenario comes to, as the command would give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The JSON object.
    pub json: String,
    /// The table.
    pub table: String,
    /// The report.
    pub page: String,
}

impl Scenario {
    /// Runs so many events of so many clients of each population, and gives all that is made of it.
    pub fn sample(&self, clients: u32, events: u64) -> anyhow::Result<Sample> {
        let small = self.of_few(clients.max(1));
        let outcome = small.run_briefly(events)?;
        let summary = Summary::new(&small, &outcome);
        Ok(Sample {
            json: serde_json::to_string(&summary)?,
            table: table::render(&summary),
            page: report::render(&small, &outcome, &summary)?,
        })
    }

    /// The same with no population of more clients, and no burst of more calls.
    fn of_few(&self, most: u32) -> Self {
        let cut = |population: &Population| {
            let clients = population.clients.min(most);
            let arrivals = match population.arrivals.clone() {
                Arrivals::Burst { calls, every, aligned } => {
                    Arrivals::Burst { calls: calls.min(most), every, aligned }
                }
                arrivals => arrivals,
            };
            let clients_per_key = population.clients_per_key.min(clients);
            let clients_per_address = population.clients_per_address.min(clients);
            Population { clients, clients_per_key, clients_per_address, arrivals, ..population.clone() }
        };
        Self { populations: self.populations.iter().map(cut).collect(), ..self.clone() }
    }

    fn run_briefly(&self, events: u64) -> anyhow::Result<Outcome> {
        let grid = Grid::new(self);
        let mut populations = vec![empty(grid); self.populations.len()];
        for parts in worlds(self) {
            let mut tallies = vec![empty(grid); parts.len()];
            World::new(self, &parts, (self.seed, 0), grid, &mut tallies)?
                .run_at_most(events)
                .map_err(|TooManyCalls| anyhow::anyhow!("too many calls wait at once"))?;
            for (part, tally) in parts.iter().zip(&tallies) {
                populations[part.population].add(tally);
            }
        }
        Ok(Outcome::new(self, self.seed, vec![populations]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_a_scenario_without_end_ends() {
        let text = r#"
            duration = "400d"
            [[population]]
            name = "endless"
            plan = "free"
            clients = 10_000_000
            clients_per_key = 10_000_000
            arrivals = { burst = { calls = 10_000_000, every = "1ms" } }
            retry = "immediate"
        "#;
        let scenario = Scenario::parse("endless.toml", text).unwrap();
        let sample = scenario.sample(8, 1_000).unwrap();
        assert!(sample.json.contains(r#""clients":8"#), "{}", sample.json);
        assert_eq!(sample, scenario.sample(8, 1_000).unwrap());
    }
}
