//! Of whom a measure is asked for: a population, all together, or the backend.

use crate::simulate::{BackendRow, Measured, Read, Row, Scenario, of_a_population, of_the_backend};
use anyhow::{Context, ensure};
use tidegate_faults::did_you_mean;

/// A measure of someone.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// The measure, as `simulate --json` names it.
    pub(crate) measure: String,
    of: Of,
}

#[derive(Clone, Debug)]
enum Of {
    Total(Read<Row>),
    Population(String, Read<Row>),
    Backend(Read<BackendRow>),
}

impl Subject {
    /// `total`, `backend`, or a population by its name. An error if the scenario has no such, or if it has no such measure.
    pub(crate) fn new(measure: &str, of: &str, scenario: &Scenario) -> anyhow::Result<Self> {
        let of = match of {
            "backend" => {
                ensure!(scenario.backend.is_some(), "the scenario has no `[backend]` to measure");
                Of::Backend(of_the_backend(measure)?)
            }
            "total" => Of::Total(of_a_population(measure)?),
            name => {
                place_of(scenario, name)
                    .with_context(|| format!("`{name}` is neither `total` nor `backend` nor a population"))?;
                Of::Population(name.to_owned(), of_a_population(measure)?)
            }
        };
        Ok(Self { measure: measure.to_owned(), of })
    }

    /// Whose measure it is, in words that follow the measure's name.
    pub(crate) fn whose(&self) -> String {
        match &self.of {
            Of::Total(_) => "in all".to_owned(),
            Of::Population(name, _) => format!("of {name}"),
            Of::Backend(_) => "at the backend".to_owned(),
        }
    }

    /// Its value in a replication, if it has one there.
    pub(crate) fn value(&self, found: &Measured) -> Option<f64> {
        match &self.of {
            Of::Total(read) => read(found.total()),
            Of::Population(name, read) => found.population(name).and_then(read),
            Of::Backend(read) => found.backend().and_then(read),
        }
    }
}

/// The place of a population by its name.
pub(crate) fn place_of(scenario: &Scenario, name: &str) -> anyhow::Result<usize> {
    let names = || scenario.populations.iter().map(|population| population.name.as_str());
    names()
        .position(|known| known == name)
        .with_context(|| format!("there is no population `{name}`{}", did_you_mean(name, names())))
}
