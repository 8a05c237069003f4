//! One kind of decision again and again, for a profiler to look at.
//!
//! ```console
//! $ cargo build --release -p tidegate-benches --bin profile
//! $ perf record target/release/profile admit 1000 50000000
//! $ valgrind --tool=callgrind target/release/profile deny 1000 1000000
//! ```
#![forbid(unsafe_code)]

use clap::{Parser, ValueEnum};
use std::time::Instant;
use tidegate_benches::compare::floor::Floor;
use tidegate_benches::compare::governor::Governor;
use tidegate_benches::compare::tidegate::Tidegate;
use tidegate_benches::keys::Keys;
use tidegate_benches::{Contender, Course, Pace};

/// One kind of decision again and again, for a profiler to look at.
#[derive(Debug, Parser)]
struct Args {
    /// What is decided.
    kind: Kind,
    /// How many keys.
    keys: u64,
    /// How many calls.
    calls: u64,
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
        Kind::Admit => Box::new(Tidegate::admitting(keys)),
        Kind::Settle => Box::new(Tidegate::settling(keys)),
        Kind::Turn => Box::new(Tidegate::turning(keys)),
        Kind::Deny => Box::new(Tidegate::denying(keys)),
        Kind::Governor => Box::new(Governor::one()),
        Kind::Floor => Box::new(Floor::load(keys)),
    }
}

fn main() {
    let Args { kind, keys, calls } = Args::parse();
    let contender = contender(kind, keys);
    contender.meet(keys);
    let mut course = Course { keys: Keys::new(keys, 0), calls, pace: Pace::Stream, first_call: 1 };
    let start = Instant::now();
    let admitted = contender.run(&mut course);
    let elapsed = start.elapsed();
    println!(
        "{calls} calls, {admitted} admitted, {:.1} ns a call",
        elapsed.as_secs_f64() * 1e9 / calls as f64
    );
}
