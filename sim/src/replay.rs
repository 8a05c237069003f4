//! `tidegate replay`: runs a recorded trace through the engine, in the trace's own time.
//!
//! `engine` takes the trace's events to the limiter one by one; `tally` counts what it answers, and
//! `decisions` writes it down row by row. `summary` and `json` tell the outcome.

mod calls;
mod decisions;
mod engine;
mod json;
mod keys;
mod summary;
mod tally;

use crate::plans::PlanSet;
use crate::trace::{Event, Format, Input, Trace};
use crate::whole_file::refuse_what_is_read;
use anyhow::{Context, bail};
use decisions::DecisionsFile;
use engine::{Engine, Stop};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `tidegate replay`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// Plans to know beside the built-in ones, as TOML: `[plans.NAME]`.
    #[arg(long, value_name = "FILE")]
    pub plans: Option<PathBuf>,
    /// The plan of keys to which the trace gives none [default: free]
    #[arg(long, value_name = "NAME")]
    pub plan: Option<String>,
    /// The format of every TRACE; found out by extension and content if not given.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Writes one row for each event. The file appears when the whole trace has been replayed.
    #[arg(long, value_name = "OUT.csv")]
    pub decisions: Option<PathBuf>,
    /// Prints the summary as one JSON object, which docs/replay.md describes.
    #[arg(long)]
    pub json: bool,
    /// Room for so many distinct keys, at 256 bytes each; the memory is used as keys appear.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_KEYS,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=MAX_KEYS))]
    pub keys: usize,
    /// Files to replay one after another; `-` is standard input.
    #[arg(value_name = "TRACE", required = true)]
    pub traces: Vec<PathBuf>,
}

const DEFAULT_PLAN: &str = "free";
const DEFAULT_KEYS: usize = 1 << 22;
/// Keys are numbered in 32 bits.
const MAX_KEYS: u64 = 1 << 31;

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let plans = match &args.plans {
        Some(file) => PlanSet::load(file)?,
        None => PlanSet::built_in(),
    };
    let plan = plans.find(args.plan.as_deref().unwrap_or(DEFAULT_PLAN)).context("--plan")?;
    if let (Some(out), Some(plans)) = (&args.decisions, &args.plans) {
        refuse_what_is_read(out, [plans]).context("--decisions")?;
    }
    let decisions = args.decisions.as_deref().map(|out| open_decisions(out, &args.traces)).transpose()?;
    let progress = progress_bar(&args.traces);
    let mut trace = open_trace(args, &progress)?;
    let mut engine = Engine::new(&plans, plan, args.keys, decisions)?;
    let replayed = replay(&mut trace, &mut engine);
    progress.finish_and_clear();
    for note in trace.notes() {
        eprintln!("tidegate: {note}");
    }
    replayed?;
    let report = tally::Report::new(trace.files(), &plans, engine.finish()?);
    let text = if args.json { json::render(&report)? } else { summary::render(&report) };
    std::io::stdout().lock().write_all(text.as_bytes()).context("standard output")
}

/// Takes every event of the trace to the engine.
fn replay(trace: &mut Trace, engine: &mut Engine<'_>) -> anyhow::Result<()> {
    let mut event = Event::default();
    while trace.read(&mut event)? {
        match engine.apply(&event) {
            Ok(()) => {}
            Err(Stop::Event(problem)) => return Err(trace.error(event.place, problem).into()),
            Err(Stop::Decisions(error)) => return Err(error).context("writing the decisions"),
        }
    }
    Ok(())
}

fn open_decisions(out: &Path, traces: &[PathBuf]) -> anyhow::Result<DecisionsFile> {
    if out == Path::new("-") {
        bail!("--decisions -: standard output is for the summary; name a file");
    }
    if let Ok(target) = out.canonicalize()
        && traces.iter().any(|trace| trace.canonicalize().is_ok_and(|trace| trace == target))
    {
        bail!("--decisions {}: this is a trace to be read; it would be replaced", out.display());
    }
    DecisionsFile::create(out).with_context(|| format!("--decisions {}", out.display()))
}

fn open_trace(args: &Args, progress: &ProgressBar) -> anyhow::Result<Trace> {
    if args.traces.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        bail!("standard input `-` can be read only once");
    }
    let open = |path: &PathBuf| -> anyhow::Result<Input> {
        let input = Input::open(path).with_context(|| path.display().to_string())?;
        let progress = progress.clone();
        Ok(input.wrap(move |reader| progress.wrap_read(reader)))
    };
    let inputs = args.traces.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    Ok(Trace::open(inputs, args.format)?)
}

/// Bytes read of those there are; shown on a terminal only.
fn progress_bar(traces: &[PathBuf]) -> ProgressBar {
    let sizes: Option<Vec<u64>> = traces
        .iter()
        .map(|path| Some(path.metadata().ok().filter(std::fs::Metadata::is_file)?.len()))
        .collect();
    let Some(sizes) = sizes else { return ProgressBar::no_length() };
    let bar = ProgressBar::new(sizes.iter().sum());
    match ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
