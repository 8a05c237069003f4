//! `tidegate simulate`: populations of retrying clients against the engine, in virtual time.

mod abreast;
mod answer;
mod arrivals;
mod backend;
mod callers;
mod calls;
mod clients;
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
mod lookahead;
mod measured;
mod measures;
mod memory;
mod over_time;
mod policy;
mod precision;
mod provider;
mod recorded;
mod records;
pub(crate) mod report;
mod run;
mod sample;
mod satisfaction;
mod scenario;
mod spare;
#[doc(hidden)]
pub mod speed;
mod steady;
mod summary;
mod table;
mod tempo;
mod verdict;
mod warm_up;
mod who;
mod world;

use crate::subject::Subject;
use crate::text;
use crate::threads::Threads;
use crate::whole_file::{WholeFile, refuse_what_is_read};
use anyhow::{Context, ensure};
pub(crate) use draws::{Draws, Purpose};
pub(crate) use estimates::{
    Difference, Differences, Estimate, Read, between_backends, between_populations, of_a_population,
    of_the_backend,
};
pub(crate) use measured::{Measured, measure, of_each};
use precision::{Share, Wanted};
pub(crate) use run::{Runs, run as replicate};
pub use sample::Sample;
pub use scenario::Scenario;
pub(crate) use scenario::{Document, Setting};
use std::io::Write as _;
use std::iter;
use std::path::{self, Path, PathBuf};
use std::time::{Duration, Instant};
use summary::Summary;
pub(crate) use summary::{BackendRow, Row};
pub(crate) use warm_up::found as with_warm_up;

/// Arguments of `tidegate simulate`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
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
    /// Where to write the counts over time as CSV, if anywhere.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// How many threads to run on.
    #[command(flatten)]
    pub threads: Threads,
    /// So many independent replications, each numbered; numbers get intervals from two on.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: u32,
    /// Only the replication of this number, again as it was among others.
    #[arg(long, value_name = "K", conflicts_with = "replications", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub replication: Option<u32>,
    /// So many replications that the 95% interval of a measure is within this share of its mean to either side, such as 2%.
    #[arg(long, value_name = "SHARE", conflicts_with_all = ["replications", "replication"])]
    precision: Option<Share>,
    /// Which measure, as `--json` names it.
    #[arg(long, value_name = "NAME", default_value = "goodput_per_second", requires = "precision")]
    measure: String,
    /// Of whom: `total`, `backend`, or a population.
    #[arg(long, value_name = "NAME", default_value = "total", requires = "precision")]
    of: String,
    /// The most replications that `--precision` may take.
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "precision", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    most_replications: u32,
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
            csv: None,
            threads: Threads::default(),
            replications: 1,
            replication: None,
            precision: None,
            measure: "goodput_per_second".into(),
            of: "total".into(),
            most_replications: 1_000,
            timing: false,
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let scenario = match &args.scenario {
        Some(path) => {
            let document = Document::read(path)?;
            let scenario = document.scenario()?;
            document.notes().iter().for_each(|note| eprintln!("tidegate: {note}"));
            for out in iter::once(&args.out).chain(&args.csv) {
                refuse_what_is_read(out, document.files())?;
            }
            scenario
        }
        None => Scenario::built_in()?,
    };
    let is_out = |path: &PathBuf| {
        path::absolute(path).is_ok_and(|path| path::absolute(&args.out).is_ok_and(|out| out == path))
    };
    ensure!(!args.csv.as_ref().is_some_and(is_out), "`--csv` and `--out` are the same file: expected two");
    let seed = args.seed.unwrap_or(scenario.seed);
    let wanted = args.precision.map(|share| wanted(args, share, &scenario)).transpose()?;
    let unwritable = || format!("{}: the report cannot be written", args.out.display());
    // Begun before the run, so that a place where it cannot be is told at once.
    let mut report = WholeFile::create(&args.out).with_context(unwritable)?;
    let rows = args.csv.as_ref().map(|path| Rows::create(path)).transpose()?;
    let began = Instant::now();
    let runs = run::Runs {
        seed,
        first: args.replication.unwrap_or(0),
        replications: args.replications,
        threads: args.threads.count,
        is_quiet: false,
    };
    let scenario = warm_up::found(&scenario, seed, runs.threads)?;
    let (outcome, reached) = match wanted {
        Some(wanted) => wanted.run(&scenario, runs).map(|(outcome, reached)| (outcome, Some(reached)))?,
        None => (run::run(&scenario, runs)?, None),
    };
    if args.timing {
        tell_speed(outcome.all.total.events, began.elapsed());
    }
    let summary = Summary::new(&scenario, &outcome).with_precision(reached);
    let page = report::render(&scenario, &outcome, &summary)?;
    report.write_all(page.as_bytes()).and_then(|()| report.finish()).with_context(unwritable)?;
    if let Some(rows) = rows {
        rows.write(&over_time::csv(&scenario, &outcome, runs.first)?)?;
    }
    let text = if args.json {
        serde_json::to_string(&summary)? + "\n"
    } else {
        format!("{}report: {}\n", table::render(&summary), args.out.display())
    };
    std::io::stdout().lock().write_all(text.as_bytes()).context("standard output")
}

/// A file of rows, begun before the run as the report is.
struct Rows {
    file: WholeFile,
    name: String,
}

impl Rows {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = WholeFile::create(path).with_context(|| format!("{name}: the rows cannot be written"))?;
        Ok(Self { file, name })
    }

    fn write(mut self, rows: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(rows).and_then(|()| self.file.finish());
        written.with_context(|| format!("{}: the rows cannot be written", self.name))
    }
}

/// The precision that is asked for.
fn wanted(args: &Args, share: Share, scenario: &Scenario) -> anyhow::Result<Wanted> {
    let subject = Subject::new(&args.measure, &args.of, scenario)?;
    Ok(Wanted { share, subject, of: args.of.clone(), most: args.most_replications })
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
