//! The command line: parses, runs, and maps the outcome to an exit status.

use super::{demo, hash, run};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A reverse proxy that limits the calls of APIs of language models, by key: requests, tokens, and tokens a day.
#[derive(Debug, Parser)]
#[command(name = "tidegate-gateway", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the gateway that a configuration file describes.
    Serve(run::Serve),
    /// Shows a 429 within a minute: an upstream that only pretends, the gateway before it, and a live page.
    Demo(demo::Demo),
    /// Prints the hash of a key, as the configuration holds it.
    Hash(hash::Hash),
}

/// Runs the command. Exit status 0: done; 2: wrong usage, a wrong configuration, or an error.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Hash(hash) => hash.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidegate-gateway: {error:#}");
            ExitCode::from(2)
        }
    }
}
