//! `compare`: Tidegate beside governor and the machine's floor, in one run.
//!
//! ```console
//! $ cargo run --release -p tidegate-benches --bin compare
//! ```
#![forbid(unsafe_code)]

use clap::Parser;
use tidegate_benches::compare::floor::Floor;
use tidegate_benches::compare::governor::{Governor, ThreeGovernors};
use tidegate_benches::compare::tidegate::Tidegate;
use tidegate_benches::machine::Machine;
use tidegate_benches::measure::{Effort, Row, medians};
use tidegate_benches::{Contender, Pace};

/// Tidegate, deciding three limits, beside governor, deciding one and three, and beside the machine's floor.
///
/// Every figure is the median of interleaved rounds, in nanoseconds a call of one thread; all keys are known, all calls
/// admitted, keys uniform.
#[derive(Debug, Parser)]
struct Args {
    /// How many keys.
    #[arg(long, num_args = 1.., default_values_t = [1_000, 1_000_000], value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    keys: Vec<u64>,
    /// How many threads call at once.
    #[arg(long, num_args = 1.., default_values_t = [1, 2], value_parser = clap::value_parser!(u64).range(1..=1_024))]
    threads: Vec<u64>,
    /// Fewer rounds: seconds instead of a minute, and noisier.
    #[arg(long)]
    quick: bool,
}

/// The places of the contenders below, as the ratios need them.
const TIDEGATE: usize = 0;
const GOVERNOR: usize = 2;
const THREE: usize = 4;
const FLOOR: usize = 5;

fn contenders(keys: u64) -> Vec<Box<dyn Contender>> {
    let contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(Tidegate::admitting(keys)),
        Box::new(Tidegate::denying(keys)),
        Box::new(Governor::one()),
        Box::new(Governor::one_at()),
        Box::new(ThreeGovernors::new()),
        Box::new(Floor::load(keys)),
        Box::new(Floor::swap(keys)),
    ];
    contenders.iter().for_each(|contender| contender.meet(keys));
    contenders
}

/// Turns long enough that each meets most keys, and with them the state that its own calls leave the caches in.
fn effort(keys: u64, quick: bool) -> Effort {
    if quick {
        return Effort { rounds: 5, calls: 200_000 };
    }
    let calls = (2 * keys).clamp(500_000, 4_000_000);
    Effort { rounds: if calls > 500_000 { 7 } else { 21 }, calls }
}

const HEADINGS: [&str; 10] = [
    "tidegate",
    "denying",
    "governor",
    "… clock given",
    "governor × 3",
    "touch",
    "locked touch",
    "governor ÷",
    "× 3 ÷",
    "÷ touch",
];

const LEGEND: &str = "
tidegate, denying: three limits, time passed in. governor: one limit. governor × 3: three limiters in turn.
governor ÷, × 3 ÷: how many times longer they take than tidegate. ÷ touch: tidegate over the floor.
stream: keys known ahead, calls may overlap. lone: the next key depends on the last answer.";

fn main() {
    let args = Args::parse();
    println!("{}", Machine::here());
    println!("ns a call, the median of interleaved rounds\n");
    print_line(&["keys".into(), "threads".into(), "pace".into()], &HEADINGS.map(str::to_owned));
    for &keys in &args.keys {
        let effort = effort(keys, args.quick);
        let contenders = contenders(keys);
        for &threads in &args.threads {
            for pace in [Pace::Stream, Pace::Lone] {
                let row = Row { keys, threads, pace };
                print_row(row, &medians(row, effort, &contenders));
            }
        }
    }
    println!("{LEGEND}");
}

fn print_row(row: Row, times: &[f64]) {
    let pace = match row.pace {
        Pace::Stream => "stream",
        Pace::Lone => "lone",
    };
    let ratios =
        [times[GOVERNOR] / times[TIDEGATE], times[THREE] / times[TIDEGATE], times[TIDEGATE] / times[FLOOR]];
    let times = times.iter().map(|time| format!("{time:.1}"));
    let ratios = ratios.iter().map(|ratio| format!("{ratio:.2}"));
    let cells: Vec<_> = times.chain(ratios).collect();
    print_line(&[row.keys.to_string(), row.threads.to_string(), pace.into()], &cells);
}

fn print_line(labels: &[String; 3], cells: &[String]) {
    let [keys, threads, pace] = labels;
    print!("{keys:>9} {threads:>7} {pace:>6}");
    cells.iter().for_each(|cell| print!(" {cell:>13}"));
    println!();
}
