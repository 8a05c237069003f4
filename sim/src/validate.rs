//! `tidegate validate`: does the simulator find what theory, and others, say?
//!
//! Each case is a scenario like any other, or a function of [`crate::statistics`], with a value that is known by other means.
//! A simulated one holds if the value lies in the 99% interval of its replications and the interval is no wider than
//! it may be.

mod case;
mod exact;
mod limiter;
mod page;
mod queues;
mod retries;

use crate::columns;
use crate::threads::Threads;
use crate::whole_file::WholeFile;
use anyhow::Context;
use case::{Case, Found};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Arguments of `tidegate validate`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Only the cases whose set-up contains this.
    #[arg(value_name = "TEXT")]
    pub only: Option<String>,
    /// The seed of all random draws. Of intervals at 99%, one in a hundred misses by chance: another seed tells.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// At least so many replications of each, in rounds of 20; 400 at most.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(20..=400))]
    pub replications: u32,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Where to write a page with the table, if anywhere.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How many threads to run on.
    #[command(flatten)]
    pub threads: Threads,
}

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    version: u32,
    command: &'static str,
    seed: u64,
    held: usize,
    missed: usize,
    rows: Vec<Found>,
}

/// Runs the command; whether every case holds.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let meant = |case: &Case| args.only.as_ref().is_none_or(|only| case.set_up().contains(only.as_str()));
    let cases: Vec<Case> = [queues::cases(), limiter::cases(), retries::cases(), exact::cases()]
        .concat()
        .into_iter()
        .filter(meant)
        .collect();
    anyhow::ensure!(
        !cases.is_empty(),
        "no case's set-up contains {:?}",
        args.only.as_deref().unwrap_or_default()
    );
    let out = args.out.as_ref().map(|path| begin(path)).transpose()?;
    let style = ProgressStyle::with_template("validating {bar:40} {pos}/{len}  {eta} left  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let progress = ProgressBar::new(cases.len() as u64).with_style(style);
    let mut rows = Vec::new();
    for case in &cases {
        progress.set_message(case.set_up().to_owned());
        rows.extend(case.find(args.seed, args.replications, args.threads.count)?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let held = rows.iter().filter(|row| row.holds).count();
    let missed = rows.len() - held;
    if let Some((mut file, unwritable)) = out {
        let page = page::render(&rows, held, args.seed);
        file.write_all(page.as_bytes()).and_then(|()| file.finish()).context(unwritable)?;
    }
    let text = if args.json {
        let report = Report { version: 1, command: "validate", seed: args.seed, held, missed, rows };
        serde_json::to_string(&report)? + "\n"
    } else {
        format!("{}\n{held} of {} hold, seed {}\n", table(&rows), rows.len(), args.seed)
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(missed == 0)
}

/// A page's file, begun before the run so that a place where it cannot be is told at once, and what to say if it cannot be written.
fn begin(path: &Path) -> anyhow::Result<(WholeFile, String)> {
    let unwritable = format!("{}: the page cannot be written", path.display());
    Ok((WholeFile::create(path).with_context(|| unwritable.clone())?, unwritable))
}

fn table(rows: &[Found]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    columns::fit(&mut table);
    table.set_header(["set-up", "measure", "expected", "found", "± 99%", "may be", "n", ""]);
    for row in rows {
        table.add_row([
            row.set_up.clone(),
            row.measure.clone(),
            row.expected_text.clone(),
            row.found_text(),
            row.half_width.map_or(String::new(), |half_width| format!("{half_width:.2}%")),
            row.allowed.map_or(String::new(), |allowed| format!("{allowed:.1}%")),
            if row.n == 0 { String::new() } else { row.n.to_string() },
            if row.holds { "holds" } else { "MISSED" }.to_owned(),
        ]);
    }
    columns::set_right(&mut table, 2..=6);
    table
}
