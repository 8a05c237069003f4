//! A billion operations, every unit accounted for; see `cargo x conservation --help` and `docs/arithmetic.md`.
#![forbid(unsafe_code)]

use clap::Parser;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tidegate_endurance::conservation::{self, Settings, Tally};

/// Random reservations, settles, cancels, plan changes, turns of segments and days on engine and ledger side by side: is every
/// unit where the ledger has it?
///
/// Exits with 1 at the first difference, which it prints with the seed that repeats it.
#[derive(Debug, Parser)]
#[command(name = "cargo x conservation")]
struct Args {
    /// Operations of one thread a key; 10 million take some 15 s.
    #[arg(default_value_t = 10_000_000)]
    operations: u64,
    /// Operations of two to four threads on the same keys; a tenth of the others if not given.
    #[arg(long)]
    together: Option<u64>,
    /// Rounds at a time.
    #[arg(long, default_value_t = 2)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: u64,
    /// Of the first round.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Makes each refund of this number one unit short: the run must fail.
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    plant_each: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let settings = Settings {
        operations: args.operations,
        together: args.together.unwrap_or(args.operations / 10),
        threads: args.threads as usize,
        seed: args.seed,
        plant_each: args.plant_each,
    };
    let (start, done) = (Instant::now(), AtomicU64::new(0));
    let tally = conservation::run(&settings, |round: &Tally| {
        let rounds = done.fetch_add(1, Ordering::Relaxed) + 1;
        if rounds.is_multiple_of(50) {
            eprintln!("conservation: {rounds} rounds, {:.0} s", start.elapsed().as_secs_f64());
        }
        if let Some(why) = round.first_error() {
            eprintln!("conservation: {why}");
        }
    });
    println!("{tally}\n{:.0} s", start.elapsed().as_secs_f64());
    if tally.errors() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
