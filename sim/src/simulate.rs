//! `tidegate simulate`: populations of retrying clients against the engine, in virtual time.

mod arrivals;
mod backend;
mod calls;
mod course;
mod crowd;
mod demand;
mod disturbance;
mod draws;
mod dynamics;
mod estimates;
mod events;
mod evidence;
mod fairness;
mod format;
mod grid;
mod measured;
mod measures;
mod policy;
mod recorded;
mod records;
mod report;
mod run;
mod sample;
mod satisfaction;
mod scenario;
mod summary;
mod table;
mod tempo;
mod verdict;
mod world;

use crate::text;
use crate::threads::Threads;
use crate::whole_file::WholeFile;
use anyhow::Context;
pub(crate) use draws::{Draws, Purpose};
pub(crate) use estimates::{
    Differences, Estimate, Read, between_backends, between_populations, of_a_population, of_the_backend,
};
pub(crate) use measured::{Measured, measure};
pub(crate) use run::Runs;
pub use sample::Sample;
pub use scenario::Scenario;
pub(crate) use scenario::{Document, Setting};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use summary::Summary;
pub(crate) use summary::{BackendRow, Row};

/// Arguments of `tidegate simulate`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// What to simulate; without it, an hour of clients on the three plans.
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: Option<PathBuf>,
    /// The seed of all random draws, instead of the scenario's: same seed, same bytes.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Where to write the report.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_REPORT)]
    pub out: PathBuf,
    /// How many threads to run on.
    #[command(flatten)]
    pub threads: Threads,
    /// So many independent replications, each numbered; numbers get intervals from two on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: u32,
    /// Only the replication of this number, again as it was among others.
    #[arg(long, value_name = "K", conflicts_with = "replications")]
    pub replication: Option<u32>,
    /// Print on standard error how fast the simulation ran.
    #[arg(long)]
    pub timing: bool,
}

const DEFAULT_REPORT: &str = "report.html";

impl Default for Args {
    fn default() -> Self {
        Self {
            scenario: None,
            seed: None,
            json: false,
            out: DEFAULT_REPORT.into(),
            threads: Threads::default(),
            replications: 1,
            replication: None,
            timing: false,
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let scenario = match &args.scenario {
        Some(path) => Scenario::read(path)?,
        None => Scenario::built_in()?,
    };
    let seed = args.seed.unwrap_or(scenario.seed);
    let unwritable = || format!("{}: the report cannot be written", args.out.display());
    // Begun before the run, so that a place where it cannot be is told at once.
    let mut report = WholeFile::create(&args.out).with_context(unwritable)?;
    let began = Instant::now();
    let runs = run::Runs {
        seed,
        first: args.replication.unwrap_or(0),
        replications: args.replications,
        threads: args.threads.count,
    };
    let outcome = run::run(&scenario, runs)?;
    if args.timing {
        tell_speed(outcome.all.total.events, began.elapsed());
    }
    let summary = Summary::new(&scenario, &outcome);
    let page = report::render(&scenario, &outcome, &summary)?;
    report.write_all(page.as_bytes()).and_then(|()| report.finish()).with_context(unwritable)?;
    let text = if args.json {
        serde_json::to_string(&summary)? + "\n"
    } else {
        format!("{}report: {}\n", table::render(&summary), args.out.display())
    };
    std::io::stdout().lock().write_all(text.as_bytes()).context("standard output")
}

/// On standard error, since what goes to standard output and into the report is the same for every run of a seed.
fn tell_speed(events: u64, elapsed: Duration) {
    let millions = events as f64 / elapsed.as_secs_f64() / 1e6;
    eprintln!(
        "{} events in {:.2} s: {millions:.2} million a second",
        text::grouped(events),
        elapsed.as_secs_f64()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn the_default_is_the_empty_command_line() {
        assert_eq!(Args::default(), Line::parse_from(["tidegate"]).args);
    }
}
