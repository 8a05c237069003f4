//! `compare`: Tidegate beside other limiters and the machine's floor, in one run.
//!
//! ```console
//! $ cargo run --release -p tidegate-benches --bin compare
//! ```
#![forbid(unsafe_code)]

use clap::Parser;
use std::fmt;
use std::io::{self, Write, stdout};
use std::process::ExitCode;
use tidegate_benches::field::{Stand, build, groups};
use tidegate_benches::keys::Distribution;
use tidegate_benches::machine::Machine;
use tidegate_benches::measure::{Effort, Figure, Race, Row, Times, WrongAnswer, in_groups};
use tidegate_benches::memory;
use tidegate_benches::report::{self, Verdict};

/// Tidegate, deciding three limits, beside others, deciding one and three, and beside the machine's floor.
///
/// Every figure is the median of interleaved rounds, in nanoseconds a call of one thread; all keys are known, and all
/// calls admitted, but those that `tidegate-deny` denies. Exits with 0 when it has measured, whatever it found, and
/// with 2 when it could not.
#[derive(Debug, Parser)]
struct Args {
    /// How many keys.
    #[arg(long, num_args = 1.., default_values_t = [1_000, 1_000_000, 10_000_000])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    keys: Vec<u64>,
    /// How often each key comes: all alike, or the r-th most frequent one 1/r as often as the first.
    #[arg(long, num_args = 1.., value_enum, default_values_t = [Distribution::Uniform])]
    dist: Vec<Distribution>,
    /// How many threads call at once.
    #[arg(long, num_args = 1.., default_values_t = [1, 2])]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=256))]
    threads: Vec<u64>,
    /// Fewer rounds and calls: noisier.
    #[arg(long)]
    quick: bool,
    /// One JSON object a line for each contender and row, and nothing else.
    #[arg(long)]
    json: bool,
    /// Of the keys' order and of Tidegate's hash.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Why nothing was measured.
#[derive(Debug)]
enum Error {
    Memory { keys: u64, needed: u64, available: u64 },
    Answer(WrongAnswer),
    Output(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { keys, needed, available } => write!(
                f,
                "a contender needs about {} MiB for {} keys, and {} MiB are available: give fewer `--keys`",
                mebibytes(*needed),
                report::grouped(*keys),
                mebibytes(*available)
            ),
            Self::Answer(answer) => answer.fmt(f),
            Self::Output(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl From<WrongAnswer> for Error {
    fn from(answer: WrongAnswer) -> Self {
        Self::Answer(answer)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    match compare(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare(args: &Args) -> Result<(), Error> {
    if args.json {
        return for_each_row(args, |row, figures| stdout().write_all(report::lines(row, figures).as_bytes()));
    }
    writeln!(
        stdout(),
        "{}\nnanoseconds a call of one thread: the median of interleaved rounds",
        Machine::here()
    )?;
    let mut missed = Vec::new();
    for_each_row(args, |row, figures| {
        let verdicts = report::of_row(row, figures);
        writeln!(stdout(), "\n{}", report::block(row, figures))?;
        print(&verdicts)?;
        let lost = verdicts.into_iter().filter(|verdict| !verdict.met);
        missed.extend(lost.map(|verdict| (report::heading(row), verdict)));
        Ok(())
    })?;
    let hot = denying_one_key(args)?;
    writeln!(stdout(), "\n1 key, 1 and 2 threads, denied")?;
    print(std::slice::from_ref(&hot))?;
    writeln!(stdout(), "That a denial writes nothing, which bar 3 asks too, no time shows.")?;
    if !hot.met {
        missed.push(("1 key".to_owned(), hot));
    }
    print_losses(&missed)?;
    Ok(())
}

/// Measures row by row and hands each on when it is done.
fn for_each_row(args: &Args, mut done: impl FnMut(Row, &[Figure]) -> io::Result<()>) -> Result<(), Error> {
    for &keys in &args.keys {
        let rows = rows(args, keys);
        let available = memory::available().unwrap_or(u64::MAX);
        let groups = groups(keys, available).map_err(|needed| Error::Memory { keys, needed, available })?;
        if let [all] = &groups[..] {
            let mut race = Race::new(build(all, keys, args.seed), args.seed);
            for row in rows {
                done(row, &race.run(row, effort(row, args.quick))?)?;
            }
            continue;
        }
        say_that_it_is_split(keys, available, groups.len());
        let rows: Vec<_> = rows.into_iter().map(|row| (row, effort(row, args.quick))).collect();
        for (&(row, _), figures) in rows.iter().zip(in_groups(&groups, &rows, args.seed)?) {
            done(row, &figures)?;
        }
    }
    Ok(())
}

fn rows(args: &Args, keys: u64) -> Vec<Row> {
    let row = |distribution| args.threads.iter().map(move |&threads| Row { keys, distribution, threads });
    args.dist.iter().flat_map(|&distribution| row(distribution)).collect()
}

fn say_that_it_is_split(keys: u64, available: u64, groups: usize) {
    eprintln!(
        "compare: {} MiB are available, too little for all contenders with {} keys at once: they are measured in {groups} \
         groups one after the other, and what disturbs one group does not disturb the others",
        mebibytes(available),
        report::grouped(keys)
    );
}

fn mebibytes(bytes: u64) -> String {
    report::grouped(bytes >> 20)
}

/// Turns long enough that each leaves the caches in its own state, and as many as noise asks for.
fn effort(row: Row, quick: bool) -> Effort {
    let few = row.keys <= 10_000;
    let (rounds, calls) = match (quick, few) {
        (true, true) => (5, 200_000),
        (true, false) => (3, 100_000),
        (false, true) => (21, 500_000),
        (false, false) => (9, 1_000_000),
    };
    // Many threads share the cores: no turn takes longer for their number.
    Effort { rounds, calls: (calls * 2 / row.threads.max(2) as usize).max(1) }
}

/// Whether two threads that are denied on one key stand in each other's way.
fn denying_one_key(args: &Args) -> Result<Verdict, Error> {
    let mut race = Race::new(build(&[Stand::TidegateDeny], 1, args.seed), args.seed);
    let mut times = |threads| -> Result<Times, Error> {
        let row = Row { keys: 1, distribution: Distribution::Uniform, threads };
        let none = Times { median: f64::NAN, min: f64::NAN, max: f64::NAN };
        Ok(race.run(row, effort(row, args.quick))?.first().map_or(none, |figure| figure.times))
    };
    Ok(report::of_one_key(times(1)?, times(2)?))
}

fn print(verdicts: &[Verdict]) -> io::Result<()> {
    verdicts.iter().try_for_each(|verdict| writeln!(stdout(), "{verdict}"))
}

fn print_losses(missed: &[(String, Verdict)]) -> io::Result<()> {
    if missed.is_empty() {
        return writeln!(
            stdout(),
            "\nEvery bar that was measured is met. That a denial writes nothing is not measured here."
        );
    }
    writeln!(stdout(), "\nWhere Tidegate loses:")?;
    missed
        .iter()
        .try_for_each(|(row, Verdict { bar, words, .. })| writeln!(stdout(), "  {row}: bar {bar}: {words}"))
}
