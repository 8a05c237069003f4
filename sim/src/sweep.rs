//! `tidegate sweep`: how does the outcome change with a field of the scenario, or with two?
//!
//! Every combination of the values is run on the same random numbers, so that neighbours differ by the field and not by luck.

mod page;

use crate::columns;
use crate::interrupt::Interrupted;
use crate::simulate::{Document, Estimate, Measured, Runs, Scenario, measure};
use crate::statistics::interval::{Interval, Level};
use crate::subject::Subject;
use crate::threads::Threads;
use crate::vary::{Axis, Point};
use crate::whole_file::{WholeFile, refuse_what_is_read};
use anyhow::{Context as _, ensure};
use comfy_table::{LineStyle, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use tidegate_faults::TomlError;

/// Arguments of `tidegate sweep`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Args {
    /// The scenario.
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: PathBuf,
    /// A field and its values: `backend.servers=1,2,4`, `population.pro.clients=10..100:10`, `…=1..1000:7:log`; twice for a
    /// grid.
    #[arg(long, value_name = "FIELD=VALUES", required = true)]
    pub vary: Vec<String>,
    /// A measure to show, as `simulate --json` names it; several may be given.
    #[arg(long, value_name = "NAME", default_values_t = ["success_share".to_owned(), "denied_share".to_owned(), "retries_per_call".to_owned()])]
    pub measure: Vec<String>,
    /// Of whom: `total`, `backend`, or a population.
    #[arg(long, value_name = "NAME", default_value = "total")]
    pub of: String,
    /// So many replications of each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub replications: u32,
    /// The seed of all random draws, instead of the scenario's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
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

/// The most combinations of values.
const MOST_RUNS: usize = 10_000;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Swept {
    version: u32,
    command: &'static str,
    scenario: String,
    seed: u64,
    replications: u32,
    of: String,
    /// The fields, with their values in order.
    fields: Vec<Field>,
    /// The outcomes, the last field's values in succession.
    points: Vec<Outcome>,
}

#[derive(Debug, Serialize)]
struct Field {
    field: String,
    /// What the scenario itself has there, if it says so.
    own: Option<String>,
    values: Vec<String>,
}

/// What one combination of values comes to.
#[derive(Debug, Serialize)]
struct Outcome {
    /// The value of each field.
    values: Vec<String>,
    /// By measure; without those that have no value there.
    measures: BTreeMap<String, Estimate>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.vary.len() <= 2, "expected `--vary` once or twice, found it {} times", args.vary.len());
    let document = Document::read(&args.scenario)?;
    let scenario = document.scenario()?;
    let axes: Vec<Axis> =
        args.vary.iter().map(|text| Axis::parse(text, &document)).collect::<anyhow::Result<_>>()?;
    if let [one, other] = axes.as_slice() {
        ensure!(
            one.setting != other.setting,
            "`--vary` names `{}` twice: expected two fields",
            one.setting.name
        );
    }
    let subjects: Vec<Subject> = args
        .measure
        .iter()
        .map(|measure| Subject::new(measure, &args.of, &scenario))
        .collect::<anyhow::Result<_>>()?;
    let combinations = combinations(&axes);
    ensure!(
        combinations.len() <= MOST_RUNS,
        "expected at most {MOST_RUNS} combinations, found {}",
        combinations.len()
    );
    // All are read before the first is run: what is wrong with the last is told at once.
    let scenarios: Vec<Scenario> =
        combinations.iter().map(|points| set(&document, &axes, points)).collect::<anyhow::Result<_>>()?;
    let unwritable = || format!("{}: the report cannot be written", args.out.display());
    refuse_what_is_read(&args.out, document.files())?;
    let mut file = WholeFile::create(&args.out).with_context(unwritable)?;
    let seed = args.seed.unwrap_or(scenario.seed);
    let runs =
        Runs { seed, first: 0, replications: args.replications, threads: args.threads.count, is_quiet: true };
    let progress = progress(scenarios.len());
    let mut points = Vec::new();
    for (scenario, values) in scenarios.iter().zip(&combinations) {
        let found = match measure(scenario, runs) {
            // What is done is kept, if anything is.
            Err(error) if error.is::<Interrupted>() && !points.is_empty() => break,
            found => found?,
        };
        if found.len() < args.replications as usize && !points.is_empty() {
            break;
        }
        let values = values.iter().map(|point| point.label.clone()).collect();
        points.push(Outcome { values, measures: estimates(&subjects, &found) });
        progress.inc(1);
    }
    progress.finish_and_clear();
    let field = |axis: &Axis| Field {
        field: axis.setting.name.clone(),
        own: document.value(&axis.setting).map(ToString::to_string),
        values: axis.points.iter().map(|point| point.label.clone()).collect(),
    };
    let swept = Swept {
        version: 1,
        command: "sweep",
        scenario: scenario.name.clone(),
        seed,
        replications: args.replications,
        of: args.of.clone(),
        fields: axes.iter().map(field).collect(),
        points,
    };
    let page = page::render(&swept, &subjects)?;
    file.write_all(page.as_bytes()).and_then(|()| file.finish()).with_context(unwritable)?;
    let text = if args.json {
        serde_json::to_string(&swept)? + "\n"
    } else {
        format!("{}report: {}\n", render(&swept, &args.measure), args.out.display())
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// A bar on a terminal; nothing in a pipe.
fn progress(points: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("sweeping {bar:40} {pos}/{len}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let progress = ProgressBar::new(points as u64).with_style(style);
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

/// Every value of the first field with every one of the second.
fn combinations(axes: &[Axis]) -> Vec<Vec<&Point>> {
    let mut all: Vec<Vec<&Point>> = vec![Vec::new()];
    for axis in axes {
        let more = |combination: Vec<_>| {
            axis.points.iter().map(move |point| combination.iter().copied().chain([point]).collect())
        };
        all = all.into_iter().flat_map(more).collect();
    }
    all
}

/// The scenario with these values; what is wrong with it is told by the field and the value.
fn set(document: &Document, axes: &[Axis], points: &[&Point]) -> anyhow::Result<Scenario> {
    let mut changed = document.clone();
    for (axis, point) in axes.iter().zip(points) {
        changed = changed.with(&axis.setting, point.value.clone())?;
    }
    let told = |error: TomlError| {
        let values: Vec<_> = axes
            .iter()
            .zip(points)
            .map(|(axis, point)| format!("{}={}", axis.setting.name, point.label))
            .collect();
        anyhow::anyhow!("--vary {}: `{}`: {}", values.join(" --vary "), error.field(), error.problem())
    };
    changed.scenario().map_err(told)
}

fn estimates(subjects: &[Subject], found: &[Measured]) -> BTreeMap<String, Estimate> {
    let estimate = |subject: &Subject| {
        let values: Vec<f64> = found.iter().filter_map(|found| subject.value(found)).collect();
        let interval = Interval::of_mean(&values, Level::PERCENT_95).filter(|interval| interval.n > 1)?;
        Some((subject.measure.clone(), interval.into()))
    };
    subjects.iter().filter_map(estimate).collect()
}

fn render(swept: &Swept, measures: &[String]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    // A path takes a line for each part, so that three measures beside it fit a terminal.
    let fields = swept.fields.iter().map(|field| field.field.replace('.', "\n."));
    table.set_header(fields.chain(measures.iter().map(|measure| format!("{measure}\n± (95%)"))));
    for point in &swept.points {
        let numbers = measures.iter().map(|measure| match point.measures.get(measure) {
            Some(estimate) => format!("{:.5} ± {:.5}", estimate.mean, estimate.half_width),
            None => "–".into(),
        });
        table.add_row(point.values.iter().cloned().chain(numbers));
    }
    columns::set_right(&mut table, 0..=swept.fields.len() + measures.len() - 1);
    format!(
        "{}: {} by {}, {} replications of each, seed {}\n{table}\n",
        swept.scenario,
        swept.of,
        swept.fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>().join(" and "),
        swept.replications,
        swept.seed
    )
}
