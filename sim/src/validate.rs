//! `tidegate validate`: does the simulator find what theory, and others, say?
//!
//! Each case is a scenario like any other, or a function of [`crate::statistics`], with a value that is known by other means.
//! A simulated one holds if the value lies in the 99% interval of its replications and the interval is no wider than
//! it may be.

mod case;
mod exact;
mod limiter;
mod queues;
mod retries;

use crate::columns;
use crate::threads::Threads;
use case::{Case, Found};
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::Write as _;

/// Arguments of `tidegate validate`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// Only the cases whose set-up contains this.
    #[arg(value_name = "TEXT")]
    pub only: Option<String>,
    /// The seed of all random draws. Of intervals at 99%, one in a hundred misses by chance: another seed tells.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
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
    let style = ProgressStyle::with_template("validating {bar:40} {pos}/{len}  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let progress = ProgressBar::new(cases.len() as u64).with_style(style);
    let mut rows = Vec::new();
    for case in &cases {
        progress.set_message(case.set_up().to_owned());
        rows.extend(case.find(args.seed, args.threads.count)?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let held = rows.iter().filter(|row| row.holds).count();
    let missed = rows.len() - held;
    let text = if args.json {
        let report = Report { version: 1, command: "validate", seed: args.seed, held, missed, rows };
        serde_json::to_string(&report)? + "\n"
    } else {
        format!("{}\n{held} of {} hold, seed {}\n", table(&rows), rows.len(), args.seed)
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(missed == 0)
}

fn table(rows: &[Found]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["set-up", "measure", "expected", "found", "±, 99%", "may be", "n", ""]);
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
