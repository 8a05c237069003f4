//! `tidegate simulate`: populations of retrying clients against the engine, in virtual time.

mod arrivals;
mod calls;
mod draws;
mod events;
mod fairness;
mod format;
mod group;
mod measures;
mod policy;
mod report;
mod run;
mod scenario;
mod summary;
mod table;
mod verdict;

use scenario::Scenario;
use std::io::Write as _;
use std::path::PathBuf;
use summary::Summary;

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
    /// How many threads to run on, 0 for one a core; the outcome is the same.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

const DEFAULT_REPORT: &str = "report.html";

impl Default for Args {
    fn default() -> Self {
        Self { scenario: None, seed: None, json: false, out: DEFAULT_REPORT.into(), threads: 0 }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let scenario = match &args.scenario {
        Some(path) => Scenario::read(path)?,
        None => Scenario::built_in()?,
    };
    let seed = args.seed.unwrap_or(scenario.seed);
    let outcome = run::run(&scenario, seed, args.threads)?;
    let summary = Summary::new(&scenario, &outcome);
    report::write(&args.out, &scenario, &outcome, &summary)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &summary)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", table::render(&summary))?;
        writeln!(out, "report: {}", args.out.display())?;
    }
    Ok(())
}
