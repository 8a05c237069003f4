//! `tidegate compare`: what does a change do, and how surely?
//!
//! Both scenarios are run with the same seed, replication by replication. A client's draws depend on its population's name, its
//! number and what they are for alone, so what chance does under the one it does under the other too, and cancels in the
//! difference (common random numbers; Law, *Simulation Modeling and Analysis*, 11.2).

mod changed;
mod headline;

use crate::columns;
use crate::interrupt::Interrupted;
use crate::simulate::report::{self, Side};
use crate::simulate::{
    Differences, Document, Measured, Row, Runs, Scenario, between_backends, between_populations, of_each,
    replicate, with_warm_up,
};
use crate::threads::Threads;
use crate::whole_file::{WholeFile, refuse_what_is_read};
use anyhow::{Context as _, ensure};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

/// Arguments of `tidegate compare`.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// The scenario as it is.
    #[arg(value_name = "BEFORE.toml")]
    pub before: PathBuf,
    /// The scenario as it would be.
    #[arg(value_name = "AFTER.toml")]
    pub after: PathBuf,
    /// The seed of all random draws of both, instead of the first scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// So many replications of each.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub replications: u32,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    pub json: bool,
    /// Where to write the report.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    pub out: PathBuf,
    /// How many threads to run on.
    #[command(flatten)]
    pub threads: Threads,
}

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Comparison {
    version: u32,
    command: &'static str,
    before: String,
    after: String,
    seed: u64,
    replications: u32,
    headline: String,
    total: Differences,
    /// Of populations of the same name.
    populations: Vec<Compared>,
    /// Names of populations that only one of them has.
    unpaired: Vec<String>,
    /// Empty unless both have one.
    backend: Differences,
}

#[derive(Debug, Serialize)]
struct Compared {
    name: String,
    #[serde(flatten)]
    measures: Differences,
}

/// Which row of a replication is meant, if it has that.
type Of<'a> = dyn Fn(&Measured) -> Option<&Row> + 'a;

fn names(scenario: &Scenario) -> Vec<String> {
    scenario.populations.iter().map(|population| population.name.clone()).collect()
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let documents = [Document::read(&args.before)?, Document::read(&args.after)?];
    let [before, after] = [documents[0].scenario()?, documents[1].scenario()?];
    documents.iter().flat_map(Document::notes).for_each(|note| eprintln!("tidegate: {note}"));
    refuse_what_is_read(&args.out, documents.iter().flat_map(Document::files))?;
    let unwritable = || format!("{}: the report cannot be written", args.out.display());
    let mut file = WholeFile::create(&args.out).with_context(unwritable)?;
    let seed = args.seed.unwrap_or(before.seed);
    let runs = Runs {
        seed,
        first: 0,
        replications: args.replications,
        threads: args.threads.count,
        is_quiet: false,
    };
    let [before, after] =
        [with_warm_up(&before, seed, runs.threads)?, with_warm_up(&after, seed, runs.threads)?];
    let outcomes = [replicate(&before, runs)?, replicate(&after, runs)?];
    let mut measured = [of_each(&before, &outcomes[0]), of_each(&after, &outcomes[1])];
    // Of two runs that were interrupted, the replications that both have done are compared.
    let done = measured.iter().map(Vec::len).min().unwrap_or_default();
    ensure!(done > 1, Interrupted);
    measured.iter_mut().for_each(|measured| measured.truncate(done));
    let comparison = Comparison::new([&before, &after], &measured, seed, done as u32);
    let [of_before, of_after] = &outcomes;
    let page = report::compare(&report::Comparison {
        before: Side { scenario: &before, outcome: of_before },
        after: Side { scenario: &after, outcome: of_after },
        headline: &comparison.headline,
        populations: comparison.named(),
        total: &comparison.total,
        backend: &comparison.backend,
        unpaired: &comparison.unpaired,
    })?;
    file.write_all(page.as_bytes()).and_then(|()| file.finish()).with_context(unwritable)?;
    let text = if args.json {
        serde_json::to_string(&comparison)? + "\n"
    } else {
        format!("{}report: {}\n", render(&comparison), args.out.display())
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

impl Comparison {
    fn new(
        [before, after]: [&Scenario; 2],
        measured: &[Vec<Measured>; 2],
        seed: u64,
        replications: u32,
    ) -> Self {
        let [of_before, of_after] = measured;
        let each = |of: &Of<'_>| {
            let [before, after] =
                [of_before, of_after].map(|measured| measured.iter().filter_map(of).collect::<Vec<_>>());
            between_populations(&before, &after)
        };
        let [backends_before, backends_after] = [of_before, of_after]
            .map(|measured| measured.iter().filter_map(Measured::backend).collect::<Vec<_>>());
        let (names_before, names_after) = (names(before), names(after));
        let (paired, only_before): (Vec<_>, Vec<_>) =
            names_before.iter().cloned().partition(|name| names_after.contains(name));
        let only_after = names_after.iter().filter(|name| !names_before.contains(name)).cloned();
        let mut comparison = Self {
            version: 1,
            command: "compare",
            seed,
            replications,
            headline: String::new(),
            total: each(&|found| Some(found.total())),
            populations: paired
                .into_iter()
                .map(|name| Compared { measures: each(&|found| found.population(&name)), name: name.clone() })
                .collect(),
            unpaired: only_before.into_iter().chain(only_after).collect(),
            backend: between_backends(&backends_before, &backends_after),
            before: before.name.clone(),
            after: after.name.clone(),
        };
        let Self { total, backend, .. } = &comparison;
        comparison.headline = headline::headline((before, after), total, backend, &comparison.named());
        if comparison.populations.is_empty() {
            comparison.headline += " They have no population in common: expected names that both have, or only all together is compared.";
        }
        comparison
    }

    /// The differences of populations, each by its name.
    fn named(&self) -> Vec<(&str, &Differences)> {
        self.populations.iter().map(|one| (one.name.as_str(), &one.measures)).collect()
    }
}

/// What the change does, and a table of each population, of the total, of the backend.
fn render(comparison: &Comparison) -> String {
    let Comparison { before, after, seed, replications, headline, .. } = comparison;
    let mut text =
        format!("{before} → {after}: {replications} replications of each, seed {seed}\n{headline}\n");
    let mut table = columns::table();
    table.set_header(["measure", "before", "after", "change", "± (95%)", ""]);
    let groups = comparison
        .named()
        .into_iter()
        .chain([("total", &comparison.total), ("backend", &comparison.backend)]);
    for (group, measures) in groups {
        // A line of its own for whose they are: a column would not fit a terminal.
        if !measures.is_empty() {
            table.add_row([group]);
        }
        for (name, difference) in measures {
            let numbers =
                [difference.before, difference.after, difference.change.mean, difference.change.half_width];
            let [before, after, change, half_width] = numbers.map(|number| format!("{number:.4}"));
            let told = if difference.differs { "differs" } else { "" };
            table.add_row([&format!("  {name}"), &before, &after, &change, &half_width, told]);
        }
    }
    columns::set_right(&mut table, 1..=4);
    let _ = writeln!(text, "{table}");
    if !comparison.unpaired.is_empty() {
        let _ = writeln!(text, "only in one of them: {}", comparison.unpaired.join(", "));
    }
    text
}
