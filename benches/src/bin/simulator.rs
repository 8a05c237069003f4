//! `simulator`: how fast the simulator is, beside its machine and other simulators, and how many clients it holds.
//!
//! ```console
//! $ cargo run --release -p tidegate-benches --bin simulator
//! ```
#![forbid(unsafe_code)]

use clap::Parser;
use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle, presets};
use std::io::{self, Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use tidegate_benches::machine::Machine;
use tidegate_benches::report::grouped;
use tidegate_benches::simulator::clients::{Clients, run_apart, run_here};
use tidegate_benches::simulator::pending::{Column, Effort, Row, measure};
use tidegate_benches::simulator::queue::{self, Found, OTHERS, Other, Python, Skipped};

/// Events a second by the size of the pending set, one queue on several simulators, and the memory of many clients.
///
/// Everything runs on one thread. Times are medians of interleaved rounds. Exits with 0 when it has measured, whatever it
/// found, and with 2 when it could not.
#[derive(Debug, Parser)]
struct Args {
    /// How many events are pending.
    #[arg(long, num_args = 1.., value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pending: Option<Vec<u32>>,
    /// Fewer and smaller rounds, noisier; and nothing is installed.
    #[arg(long)]
    quick: bool,
    /// Only weigh a run of clients, and print the most bytes held.
    #[arg(long)]
    weigh: Option<Clients>,
    /// How many clients are weighed.
    #[arg(long)]
    clients: Option<u32>,
}

impl Args {
    fn pending(&self) -> Vec<u32> {
        let usual: &[u32] =
            if self.quick { &[100, 10_000] } else { &[100, 1_000, 10_000, 100_000, 1_000_000] };
        self.pending.clone().unwrap_or_else(|| usual.to_vec())
    }

    fn clients(&self) -> u32 {
        self.clients.unwrap_or(if self.quick { 100_000 } else { 10_000_000 })
    }

    fn customers(&self) -> u64 {
        if self.quick { 500_000 } else { 10_000_000 }
    }

    fn effort(&self) -> Effort {
        let (rounds, steps) = if self.quick { (3, 100_000) } else { (9, 1_000_000) };
        Effort { rounds, steps }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulator: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A line on standard output, which may be closed.
macro_rules! say {
    ($($text:tt)*) => { writeln!(stdout(), $($text)*)? };
}

fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(which) = args.weigh {
        let held = run_here(which, args.clients())?;
        say!("{}", held.map_or("unknown".into(), |bytes| bytes.to_string()));
        return Ok(());
    }
    say!("{}\none thread; medians of interleaved rounds", Machine::here());
    print_rates(args)?;
    print_queues(args)?;
    print_memory(args)
}

/// The bar's rates: at so many pending, so many millions a second.
const BARS: [(u32, f64); 2] = [(10_000, 6.0), (1_000_000, 2.0)];

fn print_rates(args: &Args) -> anyhow::Result<()> {
    let header = [
        "pending",
        "a load",
        "standard heap",
        "heap of 4",
        "pending set",
        "ceiling",
        "events",
        "slow clients",
    ];
    let mut table = table(&header);
    let mut verdicts = Vec::new();
    for pending in args.pending() {
        let row = measure(pending, args.effort())?;
        let nanos = |column| format!("{:.1} ns", row.nanos(column));
        let millions = |column| format!("{:.2} M/s", row.millions(column));
        table.add_row(cells([
            grouped(u64::from(pending)),
            nanos(Column::Floor),
            nanos(Column::StandardHeap),
            nanos(Column::HeapAlone),
            nanos(Column::Pending),
            millions(Column::Pending),
            millions(Column::Fast),
            millions(Column::Slow),
        ]));
        verdicts.extend(BARS.iter().filter(|(at, _)| *at == pending).map(|(_, bar)| verdict(&row, *bar)));
    }
    say!(
        "\nEvents pending: a dependent load over their bytes; the hold model on three pending sets; the whole loop\n{table}"
    );
    for verdict in &verdicts {
        say!("{verdict}");
    }
    Ok(())
}

fn verdict(row: &Row, bar: f64) -> String {
    let (fast, slow) = (row.millions(Column::Fast), row.millions(Column::Slow));
    let word = if fast >= bar { "met" } else { "missed" };
    format!(
        "bar 5: {word}: {fast:.2} million events a second with {} pending, asked {bar}; {slow:.2} with slow clients",
        grouped(u64::from(row.pending))
    )
}

fn print_queues(args: &Args) -> anyhow::Result<()> {
    let python = python(args);
    let rounds = if args.quick { 1 } else { 3 };
    let mut here = Vec::new();
    let mut others: Vec<Result<Vec<Found>, Skipped>> = vec![Ok(Vec::new()); OTHERS.len()];
    for _ in 0..rounds {
        here.push(queue::here(args.customers())?);
        for (other, found) in OTHERS.iter().zip(&mut others) {
            if let Ok(so_far) = found {
                let run = python
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|python| python.run(other, customers_of(other, args)));
                match run {
                    Ok(run) => so_far.push(run),
                    Err(skipped) => *found = Err(skipped),
                }
            }
        }
    }
    let mut table = table(&["M/M/1", "customers", "in system (4)", "events", "× tidegate"]);
    let tidegate = middle(here);
    let unit = tidegate.millions(args.customers());
    table.add_row(cells(queue_row("tidegate, a limiter in the loop", tidegate, args.customers(), unit)));
    for (other, found) in OTHERS.iter().zip(others) {
        let name = format!("{} {}", other.name, other.version);
        match found {
            Ok(found) => {
                let customers = customers_of(other, args);
                table.add_row(cells(queue_row(&name, middle(found), customers, unit)));
            }
            Err(skipped) => say!("{name}: {skipped}"),
        }
    }
    say!("\nThe same queue: an event for each customer's coming, one for the end of its service\n{table}");
    Ok(())
}

fn customers_of(other: &Other, args: &Args) -> u64 {
    (args.customers() as f64 * other.share) as u64
}

/// The environment, with the packages in it unless they are not to be installed.
fn python(args: &Args) -> Result<Python, Skipped> {
    let mut folder = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("."));
    folder.set_file_name("simulator-python");
    let python = Python::in_folder(&folder)?;
    if !args.quick {
        for other in &OTHERS {
            if let Err(skipped) = python.install(other) {
                eprintln!("simulator: {}: {skipped}", other.name);
            }
        }
    }
    Ok(python)
}

/// The run of the middle duration.
fn middle(mut found: Vec<Found>) -> Found {
    found.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    found[found.len() / 2]
}

fn queue_row(name: &str, found: Found, customers: u64, unit: f64) -> [String; 5] {
    let millions = found.millions(customers);
    let speed = if found.is_right(customers) {
        [format!("{millions:.2} M/s"), format!("{:.3}", millions / unit)]
    } else {
        ["wrong".into(), "–".into()]
    };
    let [events, ratio] = speed;
    [name.into(), grouped(customers), format!("{:.3}", found.in_system), events, ratio]
}

fn print_memory(args: &Args) -> anyhow::Result<()> {
    const ASKED: f64 = (1_u64 << 30) as f64;
    let clients = args.clients();
    let mut table = table(&["clients", "of which", "most held", "bytes a client", "of 1 GiB"]);
    for which in Clients::ALL {
        let held = run_apart(which, clients)?.map(|bytes| bytes as f64);
        let text = |make: &dyn Fn(f64) -> String| held.map_or("unknown".into(), make);
        table.add_row(cells([
            grouped(u64::from(clients)),
            which.to_string(),
            text(&|bytes| format!("{:.0} MiB", bytes / f64::from(1 << 20))),
            text(&|bytes| format!("{:.0}", bytes / f64::from(clients))),
            text(&|bytes| format!("{:.2}", bytes / ASKED)),
        ]));
    }
    say!("\nMemory of a run\n{table}");
    Ok(())
}

fn table(header: &[&str]) -> Table {
    const STYLE: TableStyle = presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());
    let mut table = Table::new();
    table.load_style(STYLE).set_header(header.iter().map(Cell::new));
    table
}

fn cells<const N: usize>(texts: [String; N]) -> Vec<Cell> {
    texts.into_iter().map(|text| Cell::new(text).set_alignment(CellAlignment::Right)).collect()
}
