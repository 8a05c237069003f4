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
}

impl Scenario {
    /// What changes from outside, in order of time.
    pub(crate) fn disturbances(&self) -> Vec<Disturbance> {
        let mut all = Vec::new();
        let recoveries = || self.script.iter().filter(|line| matches!(line.what, Happening::Recovery));
        for Scripted { at, what } in &self.script {
            let (until, what) = match what {
                Happening::Outage => (
                    recoveries().map(|line| line.at).filter(|end| end >= at).min(),
                    "the backend is down".to_owned(),
                ),
                Happening::PlanChange { population, plan } => {
                    (None, format!("{} moves to plan {}", self.populations[*population].name, plan.name()))
                }
                Happening::WarmedUp | Happening::Recovery => continue,
            };
            all.push(Disturbance { at: *at, until, what });
        }
        for spike in &self.spikes {
            let who = spike.population.map_or("everyone", |place| &self.populations[place].name);
            let what = format!("{who} calls {} times as often", spike.factor);
            all.push(Disturbance { at: spike.from, until: Some(spike.until), what });
        }
        for population in self.populations.iter().filter(|population| population.from > Nanos::ZERO) {
            let until = Some(population.until).filter(|until| *until < self.duration);
            all.push(Disturbance { at: population.from, until, what: format!("{} joins", population.name) });
        }
        for population in self.populations.iter().filter(|population| population.until < self.duration) {
            if population.from == Nanos::ZERO {
                let what = format!("{} leaves", population.name);
                all.push(Disturbance { at: population.until, until: None, what });
            }
        }
        all.sort_by(|a, b| (a.at, &a.what).cmp(&(b.at, &b.what)));
        all
    }
}
