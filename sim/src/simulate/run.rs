//! A whole run: worlds on all cores, added up.

use super::calls::{Calls, TooManyCalls};
use super::grid::Grid;
use super::measures::Tally;
use super::memory;
use super::scenario::Scenario;
use super::spare::Spare;
use super::world::{Part, World};
use crate::interrupt::{self, Interrupted};
use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use tidegate::Nanos;

/// Clients of a world that shares nothing with another, unless one key has more: their engine, clients and events are some 100 KB.
const CLIENTS: u32 = 256;

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The seed it ran with.
    pub(crate) seed: u64,
    /// The length of an interval of the counts over time.
    pub(crate) bin: Nanos,
    /// How these are divided further.
    pub(crate) grid: Grid,
    /// The counts of each replication by itself.
    pub(crate) replications: Vec<Replication>,
    /// Their sums.
    pub(crate) all: Replication,
    /// So many were asked for; fewer were done where the run was interrupted.
    pub(crate) asked: usize,
}

/// The counts of one replication, or the sums of many.
#[derive(Clone, Debug)]
pub(crate) struct Replication {
    /// Of each population, in the scenario's order.
    pub(crate) populations: Vec<Tally>,
    /// Their sum.
    pub(crate) total: Tally,
}

impl Replication {
    fn new(populations: Vec<Tally>, grid: Grid) -> Self {
        let mut total = empty(grid);
        populations.iter().for_each(|tally| total.add(tally));
        let mut all = Self { populations, total };
        all.join(grid);
        all
    }

    fn add(&mut self, other: &Self) {
        self.populations.iter_mut().zip(&other.populations).for_each(|(sum, more)| sum.add(more));
        self.total.add(&other.total);
    }

    fn join(&mut self, grid: Grid) {
        self.populations.iter_mut().chain([&mut self.total]).for_each(|tally| tally.join(grid.joined));
    }
}

impl Outcome {
    /// What replications of a scenario come to together.
    pub(crate) fn new(scenario: &Scenario, seed: u64, replications: Vec<Vec<Tally>>) -> Self {
        let grid = Grid::new(scenario);
        let replications: Vec<_> =
            replications.into_iter().map(|populations| Replication::new(populations, grid)).collect();
        let mut all = Replication::new(vec![empty(grid); scenario.populations.len()], grid);
        replications.iter().for_each(|replication| all.add(replication));
        all.join(grid);
        let asked = replications.len();
        Self { seed, bin: grid.shown(), grid, replications, all, asked }
    }

    /// The same with more replications.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.all.add(&more.all);
        self.all.join(self.grid);
        self.asked += more.asked;
        self.replications.extend(more.replications);
        self
    }
}

/// How a scenario is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Runs {
    /// The seed of all draws.
    pub(crate) seed: u64,
    /// The number of the first replication.
    pub(crate) first: u32,
    /// So many replications.
    pub(crate) replications: u32,
    /// So many threads, 0 for one a core.
    pub(crate) threads: usize,
    /// Whether no progress is shown, since who asks shows its own.
    pub(crate) is_quiet: bool,
}

/// Runs a scenario. The outcome is the same for any number of threads, and a replication's for any number of others.
pub(crate) fn run(scenario: &Scenario, runs: Runs) -> anyhow::Result<Outcome> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(runs.threads)
        .build()
        .context("the threads cannot be started")?;
    let grid = Grid::new(scenario);
    let worlds = worlds(scenario);
    memory::check(scenario, &worlds, runs, pool.current_num_threads())?;
    let tasks: Vec<_> = (0..runs.replications)
        .flat_map(|replication| worlds.iter().map(move |parts| (replication, parts)))
        .collect();
    let spare = Spare::new(pool.current_num_threads(), tasks.len());
    let progress = if runs.is_quiet { ProgressBar::hidden() } else { progress(tasks.len()) };
    let none = || vec![Counted::none(scenario); runs.replications as usize];
    let counted = pool.install(|| {
        tasks
            .iter()
            // In their order, so that an interrupted run has done the first replications whole.
            .par_bridge()
            .try_fold(none, |mut counted, (replication, parts)| {
                let draws = (runs.seed, runs.first + replication);
                let of = &mut counted[*replication as usize];
                let outcome = run_world(scenario, parts, draws, grid, &mut of.tallies, &spare);
                spare.note_end();
                match outcome {
                    Ok(()) => of.worlds += 1,
                    Err(Stopped::Interrupted) => {}
                    Err(Stopped::Failed(error)) => return Err(error),
                }
                progress.inc(1);
                anyhow::Ok(counted)
            })
            .try_reduce(none, |into, from| {
                Ok(into.into_iter().zip(from).map(|(into, from)| into.and(from)).collect())
            })
    });
    progress.finish_and_clear();
    let done = counted?.into_iter().take_while(|counted| counted.worlds == worlds.len());
    let filled =
        |counted: Counted| counted.tallies.into_iter().map(|tally| tally.unwrap_or_else(|| empty(grid)));
    let replications: Vec<Vec<Tally>> = done.map(|counted| filled(counted).collect()).collect();
    ensure!(!replications.is_empty(), Interrupted);
    let overflowed: u64 = replications.iter().flatten().map(|tally| tally.overflowed).sum();
    ensure!(
        overflowed == 0,
        "the engine ran out of records, and {overflowed} calls were decided on shared ones: the figures would be wrong; let fewer \
         clients call"
    );
    Ok(Outcome { asked: runs.replications as usize, ..Outcome::new(scenario, runs.seed, replications) })
}

/// What has been counted of a replication.
#[derive(Clone, Debug)]
struct Counted {
    /// Of each population, if anything has.
    tallies: Vec<Option<Tally>>,
    /// In so many worlds.
    worlds: usize,
}

impl Counted {
    fn none(scenario: &Scenario) -> Self {
        Self { tallies: vec![None; scenario.populations.len()], worlds: 0 }
    }

    fn and(self, other: Self) -> Self {
        Self { tallies: merge(self.tallies, other.tallies), worlds: self.worlds + other.worlds }
    }
}

/// Why a world did not come to its end.
enum Stopped {
    /// It was asked to stop.
    Interrupted,
    /// It could not go on.
    Failed(anyhow::Error),
}

/// Nothing counted yet.
pub(crate) fn empty(grid: Grid) -> Tally {
    Tally::new(grid.len())
}

/// The worlds, each by its parts: one of all populations where they share anything, else many small ones.
pub(crate) fn worlds(scenario: &Scenario) -> Vec<Vec<Part>> {
    let whole = |population| Part { population, clients: 0..scenario.populations[population].clients };
    if scenario.is_shared() {
        return vec![(0..scenario.populations.len()).map(whole).collect()];
    }
    let mut worlds = Vec::new();
    for (place, population) in scenario.populations.iter().enumerate() {
        let Some(apart) = population.clients_apart(scenario.guard.is_some()) else {
            worlds.push(vec![whole(place)]);
            continue;
        };
        let clients = (CLIENTS / apart).max(1) * apart;
        for first in (0..population.clients).step_by(clients as usize) {
            let clients = first..first.saturating_add(clients).min(population.clients);
            worlds.push(vec![Part { population: place, clients }]);
        }
    }
    worlds
}

fn run_world(
    scenario: &Scenario,
    parts: &[Part],
    draws: (u64, u32),
    grid: Grid,
    tallies: &mut [Option<Tally>],
    spare: &Spare,
) -> Result<(), Stopped> {
    if interrupt::is_asked() {
        return Err(Stopped::Interrupted);
    }
    // At the end of a warm-up counting starts over: what other worlds have counted must not be lost with it.
    let starts_over = scenario.measured() < scenario.duration;
    let taken =
        |part: &Part| tallies[part.population].take_if(|_| !starts_over).unwrap_or_else(|| empty(grid));
    let mut own: Vec<Tally> = parts.iter().map(taken).collect();
    let world = World::new(scenario, parts, draws, grid, &mut own).map_err(Stopped::Failed)?;
    let outcome = world.run(spare);
    for (part, tally) in parts.iter().zip(own) {
        match &mut tallies[part.population] {
            Some(others) => others.add(&tally),
            none => *none = Some(tally),
        }
    }
    match outcome {
        Ok(()) if interrupt::is_asked() => Err(Stopped::Interrupted),
        Ok(()) => Ok(()),
        Err(TooManyCalls) => Err(Stopped::Failed(too_many_calls(scenario, parts))),
    }
}

fn too_many_calls(scenario: &Scenario, parts: &[Part]) -> anyhow::Error {
    let names: Vec<_> = parts
        .iter()
        .map(|part| {
            let clients = part.clients.len();
            let clients = if clients == 1 { "one client".into() } else { format!("{clients} clients") };
            format!("{clients} of population `{}`", scenario.populations[part.population].name)
        })
        .collect();
    anyhow::anyhow!(
        "{}: more than {} calls wait at once, for a retry, a server or a response's end; give the clients `patience`, fewer \
         `retries` or fewer calls",
        names.join(", "),
        Calls::MAX
    )
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
