//! One kind of decision again and again, for a profiler to look at.
//!
//! ```console
//! $ cargo build --release -p tidegate-benches --bin profile
//! $ perf record target/release/profile admit 1000 50000000
//! $ valgrind --tool=callgrind target/release/profile deny 1000 1000000
//! ```
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use std::sync::Arc;
use std::time::Instant;
use tidegate::Nanos;
use tidegate_benches::compare::floor::{Slots, Stream};
use tidegate_benches::compare::governor::Governor;
use tidegate_benches::compare::tidegate::{Tidegate, shortest_step, turning_step};
use tidegate_benches::keys::{Distribution, Keys};
use tidegate_benches::threads::meet_together;
use tidegate_benches::{Contender, Course, Pace};

/// One kind of decision again and again, for a profiler to look at.
#[derive(Debug, Parser)]
struct Args {
    /// What is decided.
    kind: Kind,
    /// How many keys.
    #[arg(value_parser = clap::value_parser!(u64).range(1..=Keys::MAX_POPULATION))]
    keys: u64,
    /// How many calls.
    calls: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Admit,
    Settle,
    Turn,
    Deny,
    Governor,
    Floor,
}

fn contender(kind: Kind, keys: u64) -> Box<dyn Contender> {
    match kind {
        Kind::Admit => Box::new(Tidegate::admitting(keys, SEED)),
        Kind::Settle => Box::new(Tidegate::settling(keys, SEED)),
        Kind::Turn => Box::new(Tidegate::turning(keys, SEED)),
        Kind::Deny => Box::new(Tidegate::denying(keys, SEED)),
        Kind::Governor => Box::new(Governor::one()),
        Kind::Floor => Box::new(Stream(Arc::new(Slots::new(keys)))),
    }
}

/// Of the keys and of Tidegate's hash.
const SEED: u64 = 1;

/// How much later each call is than the one before.
fn step(kind: Kind, keys: u64) -> Nanos {
    match kind {
        Kind::Turn => turning_step(keys),
        _ => shortest_step(keys, Distribution::Uniform, 1),
    }
}

fn main() {
    let Args { kind, keys, calls } = Args::parse();
    let contender = contender(kind, keys);
    meet_together(contender.as_ref(), keys);
    let dealt = Keys::new(keys, Distribution::Uniform, SEED, 0).deal(calls);
    let step = step(kind, keys);
    let course = Course { keys: &dealt, pace: Pace::Stream, start: step, step };
    let start = Instant::now();
    let admitted = contender.run(&course);
    let elapsed = start.elapsed();
    println!(
        "{calls} calls, {admitted} admitted, {:.1} ns a call",
        elapsed.as_secs_f64() * 1e9 / calls as f64
    );
}
