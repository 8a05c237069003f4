//! `cargo x <command>`: what CI runs, for anyone to run.
#![forbid(unsafe_code)]

mod fuzz;
mod panics;
mod runner;
mod sanitize;
mod steps;

use runner::{Failed, Outcome};
use std::process::ExitCode;
use std::time::Duration;

const HELP: &str = "\
cargo x <command>

  test               All that must hold before a change is shared: format, lints, tests, documentation,
                     the example for Pingora, loom, shuttle, the machine code, and a quarter of a minute of each fuzz target.
                     Stops at the first failure.
  example-pingora    Builds the example for Pingora. Needs cmake, and says so where it is missing.
  loom               Checks every interleaving of two or three threads with at most 2 preemptions.
  loom --deep        The same without a bound on preemptions. Takes hours.
  loom --preemptions N
                     The same with a bound of N.
  shuttle            Runs the same models, and threads that race whole scripts, in orders drawn from seeds.
  shuttle --deep     A million orders of each. Takes most of an hour.
  shuttle --schedules N
                     N orders of each.
  fuzz [TARGET]... [--minutes N] [--address-sanitizer]
                     Runs the fuzz targets, or those named, for N minutes each (60 if not given), as many at a time as
                     there are cores, and prints a table. Needs cargo-fuzz and a nightly toolchain.
  fuzz-smoke [SECS]  Runs each fuzz target for SECS seconds (15 if not given), or says what is missing for it.
  fuzz-build         Builds the fuzz targets, with any toolchain and a C++ compiler.
  panics             Reads the machine code of every decision: no panic, allocation, lock or system call in it but
                     what is explained. Linux on x86-64; says so elsewhere.
  sanitize [address|thread]
                     Runs the engine's tests under AddressSanitizer, ThreadSanitizer or both, which must find
                     what is planted first. Needs a nightly toolchain, and says so where it is missing.
  mutants [ARGS]     Changes the engine, one thing at a time, and asks whether a test sees it; `mutants --help` lists
                     the arguments. Hours; `mutants --only NAME` is for a file or a function.
  bench [FILTER]     Runs the criterion benches, or those whose names contain FILTER.
  attacks [NAME]     Runs the attacks on the engine in full size, or those whose names contain NAME, and prints the
                     figures of docs/attacks.md.
  conservation [OPERATIONS]
                     Random operations on the engine and on an exact account of each key side by side: is any unit lost
                     or made up? 10 million if not given; `conservation --help` lists the arguments.
  soak [ARGS]        An hour of mixed load on millions of keys: does memory grow, do decisions get slower, is a unit
                     lost? Draws a graph; `soak --help` lists the arguments.
  compare [ARGS]     Prints Tidegate's time of a decision beside other limiters' and the machine's floor;
                     `compare --help` lists the arguments.
  bench-sim [ARGS]   Prints the simulator's events a second beside what its machine can do and beside other simulators,
                     and the memory of many clients; `bench-sim --help` lists the arguments.
  bench-gateway [ARGS]
                     Prints the latency of calls through the gateway with and without its layer, beside nginx and Envoy
                     where they are installed, its decisions for Envoy, and the memory of many streams;
                     `bench-gateway --help` lists the arguments.
  help               Prints this.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some(outcome) = dispatch(&words) else {
        eprintln!("cargo x: `{}` is no command\n\n{HELP}", words.join(" "));
        return ExitCode::from(2);
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { step }) => {
            eprintln!("\ncargo x: failed: {step}");
            ExitCode::FAILURE
        }
    }
}

/// `None` for what is no command.
fn dispatch(words: &[&str]) -> Option<Outcome> {
    Some(match words {
        ["test"] => steps::test(),
        ["example-pingora"] => steps::example_pingora(),
        ["loom"] => steps::loom(Some(2)),
        ["loom", "--deep"] => steps::loom(None),
        ["loom", "--preemptions", bound] => steps::loom(Some(bound.parse().ok()?)),
        ["shuttle"] => steps::shuttle(None),
        ["shuttle", "--deep"] => steps::shuttle(Some(1_000_000)),
        ["shuttle", "--schedules", number] => steps::shuttle(Some(number.parse().ok()?)),
        ["fuzz", arguments @ ..] => return fuzz::run(arguments),
        ["fuzz-build"] => fuzz::build(),
        ["fuzz-smoke"] => fuzz::smoke(fuzz::SMOKE),
        ["fuzz-smoke", seconds] => fuzz::smoke(Duration::from_secs(seconds.parse().ok()?)),
        ["panics"] => panics::check(),
        ["sanitize"] => sanitize::all(),
        ["sanitize", "address"] => sanitize::address(),
        ["sanitize", "thread"] => sanitize::thread(),
        ["mutants", arguments @ ..] => steps::mutants(arguments),
        ["bench"] => steps::bench(None),
        ["bench", filter] => steps::bench(Some(filter)),
        ["attacks"] => steps::attacks(None),
        ["attacks", name] => steps::attacks(Some(name)),
        ["conservation", args @ ..] => steps::conservation(args),
        ["soak", args @ ..] => steps::soak(args),
        ["compare", args @ ..] => steps::compare(args),
        ["bench-sim", args @ ..] => steps::bench_sim(args),
        ["bench-gateway", args @ ..] => steps::bench_gateway(args),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => return None,
    })
}
