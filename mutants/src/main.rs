//! Changes the engine, one thing at a time, and asks whether a test sees it (`docs/mutation.md`).
//!
//! Mutants are made from the code. A copy of the engine holds all of them at once, each chosen by a number when the
//! tests start, so that hundreds are tried with one build; what cannot be chosen at run time is built by itself.
#![forbid(unsafe_code)]

mod copy;
mod explained;
mod mutant;
mod plan;
mod report;
mod rules;
mod run;
mod session;
mod sources;
mod splice;
mod tests;
mod walk;
mod worlds;

use anyhow::{Context, Result, bail};
use clap::Parser;
use mutant::Mutant;
use plan::Plan;
use report::Outcome;
use session::Session;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// The share of mutants that must be caught.
const WANTED: f64 = 0.95;

/// Mutation testing of the engine.
///
/// Exits with 1 if fewer than 95 of 100 mutants are caught, if one survives that `docs/mutation.md` does not explain, or
/// if an explanation there is of none that survives.
#[derive(Debug, Parser)]
#[command(name = "cargo x mutants")]
struct Arguments {
    /// Lists the mutants and tries none.
    #[arg(long)]
    list: bool,
    /// Only the mutant of this number, those of this kind, or those of files and functions whose names contain this; may be given
    /// again.
    #[arg(long, value_name = "NUMBER|KIND|NAME")]
    only: Vec<String>,
    /// Only those that survived the last run.
    #[arg(long)]
    survivors: bool,
    /// Only those that no run has tried yet: goes on with one that was broken off.
    #[arg(long)]
    untried: bool,
    /// Only every Nth, from the Kth on.
    #[arg(long, value_name = "K/N", value_parser = shard)]
    shard: Option<(u32, u32)>,
    /// How many are tried at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Leaves out the tests that take more seconds than this: quicker, and what only they see survives.
    #[arg(long, value_name = "SECONDS")]
    longest: Option<f64>,
    /// Tries none, and judges the report of the last run.
    #[arg(long)]
    judge: bool,
}

fn shard(text: &str) -> Result<(u32, u32)> {
    let (which, of) = text.split_once('/').context("a shard is such as 2/8")?;
    let (which, of) = (which.parse()?, of.parse()?);
    anyhow::ensure!((1..=of).contains(&which), "a shard is such as 2/8");
    Ok((which, of))
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("mutants: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace has a folder")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("mutants");
    let report = folder.join("report.jsonl");
    let plan = Plan::of(&root.join("engine"))?;
    let progress = folder.join("progress.jsonl");
    // What a run that was broken off has come to is in its progress alone.
    let before = report::merged(report::read(&report)?, report::read(&progress)?, &plan.mutants);
    let line_of = |mutant: &Mutant| before.iter().find(|line| line.mutant.key() == mutant.key());
    let survived = |mutant: &Mutant| line_of(mutant).is_some_and(|line| line.outcome == Outcome::Missed);
    let chosen: BTreeSet<_> = plan
        .mutants
        .iter()
        .filter(|mutant| {
            arguments.only.is_empty() || arguments.only.iter().any(|only| is_meant(mutant, only))
        })
        .filter(|mutant| !arguments.survivors || survived(mutant))
        .filter(|mutant| !arguments.untried || line_of(mutant).is_none())
        .filter(|mutant| arguments.shard.is_none_or(|(which, of)| mutant.id % of == which % of))
        .map(|mutant| mutant.id)
        .collect();
    if arguments.list {
        chosen.iter().for_each(|id| println!("{}", plan.mutant(*id)));
        return Ok(true);
    }
    if chosen.is_empty() {
        bail!("there is no such mutant");
    }
    let lines = if arguments.judge {
        report::merged(before, Vec::new(), &plan.mutants)
    } else {
        let longest = arguments.longest.map_or(Duration::MAX, Duration::from_secs_f64);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        report::write(&report, &before)?;
        let new = Session::new(root, folder, &plan, progress, arguments.jobs.max(1), longest).run(&chosen)?;
        let lines = report::merged(before, new, &plan.mutants);
        report::write(&report, &lines)?;
        lines
    };
    let page = std::fs::read_to_string(root.join("docs/mutation.md")).context("docs/mutation.md")?;
    Ok(judge(&lines, &explained::read(&page), plan.mutants.len()))
}

fn is_meant(mutant: &Mutant, only: &str) -> bool {
    match only.parse::<u32>() {
        Ok(id) => mutant.id == id,
        Err(_) => mutant.kind.to_string() == only || mutant.file.contains(only) || mutant.item.contains(only),
    }
}

/// Prints the outcome; whether it is what it should be.
fn judge(lines: &[report::Line], entries: &[explained::Entry], generated: usize) -> bool {
    let is_explained = |line: &report::Line| entries.iter().any(|entry| entry.covers(&line.mutant));
    let (by_kind, all) = report::count(lines, is_explained);
    println!("{}", report::table(&by_kind, all));
    println!("{generated} mutants generated, {} tried", lines.len());
    let open: Vec<_> =
        lines.iter().filter(|line| line.outcome == Outcome::Missed && !is_explained(line)).collect();
    for line in &open {
        println!("survived, and is not explained: {}", line.mutant);
    }
    let stale: Vec<_> = entries.iter().filter(|entry| entry.is_stale(lines)).collect();
    for entry in &stale {
        println!("explained, and does not survive: {entry:?}");
    }
    all.share() >= WANTED && open.is_empty() && stale.is_empty()
}
