//! `gateway`: how long a call takes through the gateway, with and without its layer, and through nginx and Envoy; how many calls
//! and decisions each can do; and the memory of many streams.
//!
//! ```console
//! $ cargo run --release -p tidegate-bench-gateway
//! ```
#![forbid(unsafe_code)]

mod bar;
mod child;
mod cli;
mod contender;
mod cores;
mod load;
mod machine;
mod parts;
mod role;
mod statistics;
mod tables;
mod upstream;

use clap::Parser;
use std::io;
use std::process::ExitCode;

/// A line on standard output, which may be closed.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($text)*)?
    }};
}
pub(crate) use say;

fn main() -> ExitCode {
    let outcome = match cli::Cli::parse() {
        cli::Cli { role: Some(role), .. } => role.play(),
        cli::Cli { args, .. } => parts::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-gateway: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
