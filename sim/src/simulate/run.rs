//! A whole run: groups on all cores, added up.

use super::calls::Calls;
use super::draws::Draws;
use super::group::{Group, Horizon};
use super::measures::Tally;
use super::scenario::{Population, Scenario};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use std::ops::Range;
use tidegate::Nanos;

/// Intervals of the counts over time.
const BINS: u64 = 120;
/// Clients of a group, unless one key has more: their engine, clients and events are some 100 KB.
const GROUP: u32 = 256;

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The seed it ran with.
    pub(crate) seed: u64,
    /// The length of an interval of the counts over time.
    pub(crate) bin: Nanos,
    /// The counts of each population, in the scenario's order.
    pub(crate) populations: Vec<Tally>,
    /// Their sum.
    pub(crate) total: Tally,
}

/// A group to be run.
struct Part<'a> {
    place: usize,
    population: &'a Population,
    clients: Range<u32>,
}

/// Runs a scenario on so many threads, 0 for one a core. The outcome is the same for any number.
pub(crate) fn run(scenario: &Scenario, seed: u64, threads: usize) -> anyhow::Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .context("the threads cannot be started")?;
    let bin = bin_of(scenario.duration);
    let horizon = Horizon { start: scenario.start, end: scenario.duration, bin };
    let parts = parts(scenario);
    let progress = progress(parts.len());
    let none = || vec![None; scenario.populations.len()];
    let tallies = pool.install(|| {
        parts
            .par_iter()
            .try_fold(none, |mut tallies, part| {
                run_part(part, seed, horizon, &mut tallies)?;
                progress.inc(1);
                anyhow::Ok(tallies)
            })
            .try_reduce(none, |into, from| Ok(merge(into, from)))
    });
    progress.finish_and_clear();
    let populations: Vec<Tally> = tallies?.into_iter().map(|tally| tally.unwrap_or_else(empty)).collect();
    let mut total = empty();
    populations.iter().for_each(|tally| total.add(tally));
    Ok(Outcome { seed, bin, populations, total })
}

/// The length of an interval of the counts over time.
pub(crate) fn bin_of(duration: Nanos) -> Nanos {
    Nanos::new(duration.get().div_ceil(BINS))
}

/// Nothing counted yet.
pub(crate) fn empty() -> Tally {
    Tally::new(BINS as usize)
}

/// The groups, a population's after the one before.
fn parts(scenario: &Scenario) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (place, population) in scenario.populations.iter().enumerate() {
        let whole_keys = (GROUP / population.clients_per_key).max(1) * population.clients_per_key;
        for first in (0..population.clients).step_by(whole_keys as usize) {
            let clients = first..(first + whole_keys).min(population.clients);
            parts.push(Part { place, population, clients });
        }
    }
    parts
}

fn run_part(
    part: &Part<'_>,
    seed: u64,
    horizon: Horizon,
    tallies: &mut [Option<Tally>],
) -> anyhow::Result<()> {
    let draws = Draws::new(seed, 0, &part.population.name);
    let tally = tallies[part.place].get_or_insert_with(empty);
    Group::new(part.population, part.clients.clone(), draws, horizon, tally).run().map_err(|_| {
        anyhow::anyhow!(
            "population `{}`: more than {} calls wait at once for a retry or a response's end, in a group of {}; \
             give its clients `patience`, fewer `retries` or fewer calls",
            part.population.name,
            Calls::MAX,
            if part.clients.len() == 1 { "one client".into() } else { format!("{} clients", part.clients.len()) }
        )
    })
}

fn merge(into: Vec<Option<Tally>>, from: Vec<Option<Tally>>) -> Vec<Option<Tally>> {
    into.into_iter()
        .zip(from)
        .map(|pair| match pair {
            (Some(mut into), Some(from)) => {
                into.add(&from);
                Some(into)
            }
            (one, other) => one.or(other),
        })
        .collect()
}

/// A bar on a terminal; nothing in a pipe.
fn progress(parts: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("simulating {bar:40} {percent:>3}%  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(parts as u64).with_style(style)
}
