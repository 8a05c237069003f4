//! Hours of mixed load; see `cargo x soak --help` and `docs/soak.md`.
#![forbid(unsafe_code)]

use anyhow::Context;
use clap::Parser;
use std::fs::{self, File};
use std::io::BufWriter;
use std::panic;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tidegate_endurance::soak::{self, Outcome, Settings};

/// Mixed load on millions of keys for an hour or a day: does memory grow, do decisions get slower, is a unit lost?
///
/// Ctrl-C ends it early, with the summary and the graph of what there is. Exits with 1 if anything was lost or made up, with
/// 2 if it cannot run.
#[derive(Debug, Parser)]
#[command(name = "cargo x soak")]
struct Args {
    /// How long, in minutes.
    #[arg(long, default_value_t = 60.0, conflicts_with = "hours")]
    minutes: f64,
    /// How long, in hours.
    #[arg(long)]
    hours: Option<f64>,
    /// Room for so many keys, 159 bytes each. Two thirds of them are called at any time.
    #[arg(long, default_value_t = 4_000_000)]
    keys: usize,
    /// Threads that call.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Calls a second of all threads together, a batch of 32 counted as one, made in bursts a millisecond apart. Far below what the machine can do, so
    /// that times are those of decisions, not of waiting.
    #[arg(long, default_value_t = 200_000)]
    rate: u64,
    /// How many times as fast as the wall clock time goes: 1,440 is a day a minute.
    #[arg(long, default_value_t = 1_440)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    speed: u32,
    /// In so many days of that clock each key but the hottest is replaced by a new one.
    #[arg(long, default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=10_000))]
    turnover_days: u64,
    /// Seconds between two samples.
    #[arg(long, default_value_t = 5)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=600))]
    interval: u64,
    /// Of all that is drawn.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where each sample is written as a line of JSON when it is taken.
    #[arg(long, default_value = "target/soak.jsonl")]
    out: PathBuf,
    /// Where the graph is drawn at the end.
    #[arg(long, default_value = "target/soak.svg")]
    graph: PathBuf,
    /// Settles each ten thousandth of a thread's watched reservations one unit wrong: the run must fail.
    #[arg(long)]
    planted: bool,
}

impl Args {
    fn settings(&self) -> anyhow::Result<Settings> {
        let seconds = self.hours.map_or(self.minutes * 60.0, |hours| hours * 3_600.0);
        anyhow::ensure!((1.0..=1e7).contains(&seconds), "the time must be from a second to a hundred days");
        anyhow::ensure!((1..=256).contains(&self.threads), "`--threads` must be from 1 to 256");
        anyhow::ensure!(
            (1_000..=10_000_000).contains(&self.rate),
            "`--rate` must be from 1,000 to 10 million"
        );
        anyhow::ensure!(self.keys >= 100_000, "`--keys` must be at least 100,000");
        Ok(Settings {
            length: Duration::from_secs_f64(seconds),
            interval: Duration::from_secs(self.interval),
            keys: self.keys,
            threads: self.threads,
            rate: self.rate,
            speed: self.speed,
            turnover_days: self.turnover_days,
            seed: self.seed,
            planted: self.planted,
        })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    // The threads wait for each other: where one is gone, the others would for ever.
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |why| {
        tell(why);
        process::exit(2);
    }));
    match run(&args) {
        Ok(outcome) if outcome.errors() == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<Outcome> {
    let settings = args.settings()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).context("cannot listen for Ctrl-C")?;
    let cannot_write = |path: &PathBuf| format!("cannot write {}", path.display());
    for folder in [&args.out, &args.graph].into_iter().filter_map(|path| path.parent()) {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut lines = BufWriter::new(File::create(&args.out).with_context(|| cannot_write(&args.out))?);
    let outcome = soak::run(&settings, &interrupted, &mut lines)?;
    println!("{outcome}");
    fs::write(&args.graph, outcome.graph()?).with_context(|| cannot_write(&args.graph))?;
    println!("samples     {}\ngraph       {}", args.out.display(), args.graph.display());
    Ok(outcome)
}
