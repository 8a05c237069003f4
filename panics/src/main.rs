//! Finds in a program's machine code whatever could end a decision: `cargo x panics` builds the program and runs this.
//!
//! The program is `panics/entries`, which has each way into a decision as a function of its own. From these on every
//! instruction of every function that may be reached is looked at ([`walk`]). What is found must be explained
//! ([`explained`]), or the check fails; it fails too if it does not find what was planted for it to find.
#![forbid(unsafe_code)]

mod code;
mod explained;
mod flow;
mod harmless;
mod program;
mod report;
mod walk;

use anyhow::{Context, ensure};
use explained::{EXPLAINED, explanation};
use program::Program;
use report::Sources;
use std::path::Path;
use std::process::ExitCode;
use walk::Walk;

/// Where the functions are that the walk begins at.
const DECISIONS: &str = "tidegate_entries::decisions::";
const PLANTED: &str = "tidegate_entries::planted::";

fn main() -> ExitCode {
    match check() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("panics: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn check() -> anyhow::Result<bool> {
    let path = std::env::args_os().nth(1).context("which program? `cargo x panics` knows")?;
    let path = Path::new(&path);
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let program = Program::read(&bytes).with_context(|| format!("cannot understand {}", path.display()))?;
    let sources = Sources::of(path)?;
    let (missed, planted) = planted(&program)?;
    for name in &missed {
        println!("NOT FOUND, although it was planted: {name}");
    }
    println!("planted: {} of {planted} found", planted - missed.len());
    Ok(decisions(&program, &sources)? && missed.is_empty())
}

/// The planted functions in which nothing is found, and how many there are.
fn planted<'a>(program: &'a Program<'_>) -> anyhow::Result<(Vec<&'a str>, usize)> {
    let entries = program.functions_in(PLANTED);
    ensure!(!entries.is_empty(), "nothing is planted in the program");
    let missed = entries.iter().filter(|(entry, _)| Walk::from(program, &[*entry]).findings.is_empty());
    Ok((missed.map(|(_, name)| *name).collect(), entries.len()))
}

/// Tells what is found on the decisions' ways; whether all of it is explained, and all that is explained is found.
fn decisions(program: &Program<'_>, sources: &Sources) -> anyhow::Result<bool> {
    let entries = program.functions_in(DECISIONS);
    ensure!(!entries.is_empty(), "the program has no decisions");
    let walk = Walk::from(program, &entries.iter().map(|(entry, _)| *entry).collect::<Vec<_>>());
    let (mut unexplained, mut used) = (0, [0; EXPLAINED.len()]);
    for finding in &walk.findings {
        let frames = sources.frames(finding.site);
        let what = finding.kind.in_words(program);
        match [&what].into_iter().chain(&frames).find_map(|function| explanation(function)) {
            Some(at) => used[at] += 1,
            None => {
                unexplained += 1;
                report::tell(program, &walk, finding, &frames);
            }
        }
    }
    report::sum_up(&entries, &walk);
    for (explained, times) in EXPLAINED.iter().zip(used) {
        println!("explained, {times} calls: {}: {}", explained.names.join(", "), explained.why);
    }
    println!("without an explanation: {unexplained}");
    let stale = used.contains(&0);
    if stale {
        println!("What is explained is found no more: take it out of panics/src/explained.rs.");
    }
    Ok(unexplained == 0 && !stale)
}
