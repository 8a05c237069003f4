//! The command line: parses, runs, and maps the outcome to an exit status.

use crate::interrupt::{self, Interrupted};
use crate::{capacity, compare, replay, simulate, sweep, validate};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Shows what a rate limit will do to real clients, before the rollout.
#[derive(Debug, Parser)]
#[command(name = "tidegate", version, arg_required_else_help = false, after_help = AFTER_HELP)]
struct Cli {
    /// Without a command, the built-in scenario is simulated.
    #[command(subcommand)]
    command: Option<Command>,
}

/// What no command and no option says.
const AFTER_HELP: &str =
    "Without a command, an hour of clients on the built-in plans is simulated: a table here, and report.html.
Exit status: 0 done; 1 a case of `validate` is missed; 2 wrong usage or bad input; 130 interrupted.
Scenarios, measures and questions to start from: docs/simulate.md, docs/measures.md, docs/recipes.md.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a recorded trace through the engine: who would have been limited, when, and by what.
    Replay(replay::Args),
    /// Runs populations of retrying clients against the engine in virtual time.
    Simulate(simulate::Args),
    /// Runs two scenarios on common random numbers: what do they differ by, and how surely?
    Compare(compare::Args),
    /// Runs a scenario with each of several values of a field, or of two.
    Sweep(sweep::Args),
    /// Finds the largest population that meets a target, with confidence.
    Capacity(capacity::Args),
    /// Runs cases whose outcome is known by other means, and shows expected beside found.
    Validate(validate::Args),
}

/// Runs the command. Exit status 0: done; 1: a case of `validate` is missed; 2: wrong usage or bad input; 130: interrupted.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    interrupt::listen();
    let outcome = match command {
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Simulate(args)) => simulate::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Sweep(args)) => sweep::run(&args),
        Some(Command::Capacity(args)) => capacity::run(&args),
        Some(Command::Validate(args)) => match validate::run(&args) {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        None => simulate::run(&simulate::Args::default()),
    };
    match outcome {
        Ok(()) if interrupt::is_asked() => ExitCode::from(interrupt::STATUS),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidegate: {error:#}");
            ExitCode::from(if error.is::<Interrupted>() { interrupt::STATUS } else { 2 })
        }
    }
}

/// Whoever read the output has seen enough, as `head` does: no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
