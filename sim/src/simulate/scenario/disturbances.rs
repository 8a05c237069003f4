//! What changes from outside while a scenario runs.

use super::{Happening, Scenario, Scripted};
use tidegate::Nanos;

/// A time in which clients call more often, or less.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spike {
    /// Its begin.
    pub(crate) from: Nanos,
    /// Its end.
    pub(crate) until: Nanos,
    /// So many times as often.
    pub(crate) factor: f64,
    /// Which population, by its place; `None` for all whose rate can change.
    pub(crate) population: Option<usize>,
}

/// A change from outside: what a run is to settle from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disturbance {
    /// When it begins.
    pub(crate) at: Nanos,
    /// When it ends, if it does.
    pub(crate) until: Option<Nanos>,
    /// What it is, for people.
    pub(crate) what: String,
    /// Which population it is about, by its place; `None` for all.
    pub(crate) population: Option<usize>,
}

impl Scenario {
    /// What changes from outside, in order of time.
    pub(crate) fn disturbances(&self) -> Vec<Disturbance> {
        let mut all = Vec::new();
        let recoveries = || self.script.iter().filter(|line| matches!(line.what, Happening::Recovery));
        for Scripted { at, what } in &self.script {
            let (until, what, population) = match what {
                Happening::Outage => (
                    recoveries().map(|line| line.at).filter(|end| end >= at).min(),
                    "the backend is down".to_owned(),
                    None,
                ),
                Happening::PlanChange { population, plan } => (
                    None,
                    format!("{} moves to plan {}", self.populations[*population].name, plan.name()),
                    Some(*population),
                ),
                Happening::WarmedUp | Happening::Recovery => continue,
            };
            all.push(Disturbance { at: *at, until, what, population });
        }
        for spike in &self.spikes {
            let who = spike.population.map_or("everyone", |place| &self.populations[place].name);
            let what = format!("{who} calls {} times as often", spike.factor);
            let population = spike.population;
            all.push(Disturbance { at: spike.from, until: Some(spike.until), what, population });
        }
        for (place, population) in self.populations.iter().enumerate() {
            let until = Some(population.until).filter(|until| *until < self.duration);
            let (at, until, what) = match until {
                _ if population.from > Nanos::ZERO => {
                    (population.from, until, format!("{} joins", population.name))
                }
                Some(end) => (end, None, format!("{} leaves", population.name)),
                None => continue,
            };
            all.push(Disturbance { at, until, what, population: Some(place) });
        }
        all.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        all
    }
}
