//! The measures of single replications, for those who compare them.

use super::dynamics::Shows;
use super::grid::Grid;
use super::run::{Outcome, Replication, Runs, run};
use super::scenario::Scenario;
use super::summary::{BackendRow, Row, Rows};
use super::warm_up;
use tidegate::Nanos;

/// What one replication of a scenario comes to.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    total: Row,
    populations: Vec<Row>,
    backend: Option<BackendRow>,
}

impl Measured {
    fn new(scenario: &Scenario, grid: Grid, replication: &Replication, time: Nanos) -> Self {
        let shows = Shows::new(scenario, grid, std::slice::from_ref(replication));
        let Rows { populations, total } = Rows::new(scenario, replication, &shows, time);
        Self {
            total,
            populations,
            backend: scenario.backend.as_ref().map(|rules| BackendRow::new(rules, &replication.total)),
        }
    }

    /// All populations together.
    pub(crate) fn total(&self) -> &Row {
        &self.total
    }

    /// The populations by themselves, in the scenario's order.
    pub(crate) fn populations(&self) -> &[Row] {
        &self.populations
    }

    /// A population by itself, by its name.
    pub(crate) fn population(&self, name: &str) -> Option<&Row> {
        self.populations.iter().find(|row| row.name == name)
    }

    /// What stands behind the limiter, if anything does.
    pub(crate) fn backend(&self) -> Option<&BackendRow> {
        self.backend.as_ref()
    }
}

/// Runs replications and measures each.
pub(crate) fn measure(scenario: &Scenario, runs: Runs) -> anyhow::Result<Vec<Measured>> {
    let scenario = warm_up::found(scenario, runs.seed, runs.threads)?;
    Ok(of_each(&scenario, &run(&scenario, runs)?))
}

/// Measures each replication of an outcome.
pub(crate) fn of_each(scenario: &Scenario, outcome: &Outcome) -> Vec<Measured> {
    let time = scenario.measured();
    outcome
        .replications
        .iter()
        .map(|replication| Measured::new(scenario, outcome.grid, replication, time))
        .collect()
}
