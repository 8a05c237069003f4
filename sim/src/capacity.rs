//! `tidegate capacity`: how many clients may there be, or how much load, so that a target is met?
//!
//! The number is doubled until the target is missed, and then bisected. At each number replications are added until the
//! interval of the measure lies on one side of the target, or there are enough of them; what stays undecided counts as
//! missed. All looks share their random numbers, so that they differ by the number alone.

mod page;
mod search;

use crate::columns;
use crate::interrupt::Interrupted;
use crate::simulate::{Document, Runs, Scenario, Setting, measure};
use crate::statistics::interval::{Interval, Level};
use crate::subject::{Subject, place_of};
use crate::threads::Threads;
use crate::vary::{Point, quantity};
use crate::whole_file::WholeFile;
use anyhow::{Context, bail, ensure};
use comfy_table::{LineStyle, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use search::{Bracket, Range};
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use toml::Value;

/// Arguments of `tidegate capacity`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(group(clap::ArgGroup::new("target").required(true).args(["at_least", "at_most"])))]
pub struct Args {
    /// The scenario, with any number in the field that is varied.
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: PathBuf,
    /// The population whose clients are counted.
    #[arg(long, value_name = "NAME", conflicts_with = "vary", required_unless_present = "vary")]
    pub population: Option<String>,
    /// Or a field, larger values of which make it worse: `population.pro.load`, `population.pro.arrivals.poisson`; needs `--from`
    /// and `--to`.
    #[arg(long, value_name = "FIELD", requires_all = ["from", "to"])]
    pub vary: Option<String>,
    /// The measure, as `simulate --json` names it.
    #[arg(long, default_value = "success_share")]
    pub measure: String,
    /// Of whom: `total`, `backend`, or a population; if not given, the population whose clients are counted, else `total`.
    #[arg(long, value_name = "NAME")]
    pub of: Option<String>,
    /// It must be at least this.
    #[arg(long, value_name = "VALUE")]
    pub at_least: Option<f64>,
    /// It must be at most this.
    #[arg(long, value_name = "VALUE")]
    pub at_most: Option<f64>,
    /// The smallest number, with its unit if it has one: of clients 1 if not given.
    #[arg(long, value_name = "NUMBER")]
    pub from: Option<String>,
    /// The largest: of clients 10,000,000 if not given.
    #[arg(long, value_name = "NUMBER")]
    pub to: Option<String>,
    /// The bracket is narrowed to this share of the number, or to 1 where numbers are whole.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub within: f64,
    /// So many replications at first, and eight times as many at most.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=10_000))]
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

/// As many as a scenario may have.
const MOST_CLIENTS: &str = "10000000";
/// So many times the first replications are run at most.
const MOST_ROUNDS: u32 = 8;

/// A number that was tried.
#[derive(Clone, Debug, Serialize)]
struct Look {
    /// As the scenario has it.
    value: Value,
    mean: f64,
    /// Of the 95% interval.
    half_width: f64,
    n: u64,
    answer: Answer,
    #[serde(skip)]
    number: f64,
}

/// Whether the target is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    /// The whole interval lies on the right side of it.
    Met,
    /// On the wrong one.
    Missed,
    /// Neither.
    Undecided,
}

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
struct Found {
    version: u32,
    command: &'static str,
    scenario: String,
    seed: u64,
    /// The field that was varied.
    field: String,
    target: String,
    /// The largest value with which the target is surely met; `null` if not even with the smallest.
    met_with: Option<Value>,
    /// The smallest that was tried with which it is not; `null` if it is with the largest.
    not_with: Option<Value>,
    /// Whether the search was interrupted before its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    interrupted: bool,
    /// All values tried, in order.
    looks: Vec<Look>,
}

/// The field, and how a number stands in it.
struct Field {
    setting: Setting,
    /// What people call its numbers.
    name: String,
    unit: String,
    range: Range,
}

impl Field {
    fn new(args: &Args, document: &Document, scenario: &Scenario) -> anyhow::Result<Self> {
        let (path, name) = match (&args.population, &args.vary) {
            (Some(population), _) => {
                place_of(scenario, population)?;
                (format!("population.{population}.clients"), format!("clients of {population}"))
            }
            (None, Some(field)) => (field.clone(), field.clone()),
            (None, None) => bail!("expected `--population` or `--vary`"),
        };
        let texts = [args.from.as_deref().unwrap_or("1"), args.to.as_deref().unwrap_or(MOST_CLIENTS)];
        let [(from, unit), (to, other)] = [
            quantity(texts[0]).with_context(|| format!("`--from` is no number: {}", texts[0]))?,
            quantity(texts[1]).with_context(|| format!("`--to` is no number: {}", texts[1]))?,
        ];
        ensure!(unit == other, "`--from` and `--to` must have the same unit, found `{unit}` and `{other}`");
        ensure!(from > 0.0 && to.is_finite(), "`--from` must be above 0, found {}", texts[0]);
        ensure!(from <= to, "`--from` is {}, more than `--to`, {}", texts[0], texts[1]);
        let within = args.within;
        ensure!(within > 0.0 && within < 1.0, "`--within` must be between 0 and 1, found {within}");
        // A load is a fraction, however its bounds are written.
        let own = document.setting(&path)?;
        let is_fraction = path.ends_with(".load") || matches!(document.value(&own), Some(Value::Float(_)));
        let is_whole = !is_fraction && texts.iter().all(|text| !text.contains('.'));
        let range = Range { from, to, within, is_whole };
        Ok(Self { setting: own, name, unit: unit.to_owned(), range })
    }

    /// A number as the scenario has it.
    fn point(&self, number: f64) -> Point {
        Point::new(number, &self.unit, self.range.is_whole)
    }
}

struct Target {
    subject: Subject,
    bound: f64,
    is_least: bool,
}

impl Target {
    fn new(args: &Args, scenario: &Scenario) -> anyhow::Result<Self> {
        let of = args.of.as_deref().or(args.population.as_deref()).unwrap_or("total");
        let (bound, is_least) = match (args.at_least, args.at_most) {
            (Some(bound), _) => (bound, true),
            (None, Some(bound)) => (bound, false),
            (None, None) => bail!("expected `--at-least` or `--at-most`"),
        };
        ensure!(bound.is_finite(), "the target must be a number, found {bound}");
        Ok(Self { subject: Subject::new(&args.measure, of, scenario)?, bound, is_least })
    }

    fn direction(&self) -> &'static str {
        if self.is_least { "at least" } else { "at most" }
    }

    fn judge(&self, interval: &Interval) -> Answer {
        let (low, high) = (interval.low(), interval.high());
        let (met, missed) = if self.is_least {
            (low >= self.bound, high < self.bound)
        } else {
            (high <= self.bound, low > self.bound)
        };
        if met {
            Answer::Met
        } else if missed {
            Answer::Missed
        } else {
            Answer::Undecided
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let document = Document::read(&args.scenario)?;
    let scenario = document.scenario()?;
    let field = Field::new(args, &document, &scenario)?;
    let target = Target::new(args, &scenario)?;
    let unwritable = || format!("{}: the report cannot be written", args.out.display());
    let mut file = WholeFile::create(&args.out).with_context(unwritable)?;
    let seed = args.seed.unwrap_or(scenario.seed);
    let (bracket, looks, interrupted) = search(args, &document, &field, &target, seed)?;
    let of = args.of.as_deref().or(args.population.as_deref()).unwrap_or("total");
    let found = Found {
        version: 1,
        command: "capacity",
        scenario: scenario.name.clone(),
        seed,
        field: field.setting.name.clone(),
        target: format!("{} of {of} {} {}", args.measure, target.direction(), target.bound),
        met_with: bracket.met.map(|number| field.point(number).value),
        not_with: bracket.missed.map(|number| field.point(number).value),
        interrupted,
        looks,
    };
    let page = page::render(&found, &field, &target, bracket, args.replications)?;
    file.write_all(page.as_bytes()).and_then(|()| file.finish()).with_context(unwritable)?;
    let text = if args.json {
        serde_json::to_string(&found)? + "\n"
    } else {
        format!("{}report: {}\n", render(&found, &field, bracket), args.out.display())
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// Tries numbers until the bracket is narrow enough, or until it is interrupted.
fn search(
    args: &Args,
    document: &Document,
    field: &Field,
    target: &Target,
    seed: u64,
) -> anyhow::Result<(Bracket, Vec<Look>, bool)> {
    let progress = progress();
    let (began, mut bracket, mut looks) = (Instant::now(), Bracket::default(), Vec::new());
    while let Some(number) = bracket.next(field.range) {
        let point = field.point(number);
        progress.set_message(format!(
            "trying {} {}{}",
            point.label,
            field.name,
            left(bracket, field, began, looks.len())
        ));
        let look = match look(&set(document, field, &point)?, &point, number, target, args, seed) {
            Err(error) if error.is::<Interrupted>() && !looks.is_empty() => {
                return Ok((bracket, looks, true));
            }
            look => look?,
        };
        bracket.note(number, look.answer == Answer::Met);
        looks.push(look);
    }
    progress.finish_and_clear();
    Ok((bracket, looks, false))
}

/// The scenario with a number in its field; of so few clients that they all share a key, or an address, no more do.
fn set(document: &Document, field: &Field, point: &Point) -> anyhow::Result<Scenario> {
    let mut changed = document.with(&field.setting, point.value.clone())?;
    if let (Some(population), Some(clients)) =
        (field.setting.name.strip_suffix(".clients"), point.value.as_integer())
    {
        for sharing in ["clients_per_key", "clients_per_address"] {
            let sharing = document.setting(&format!("{population}.{sharing}"))?;
            if document.value(&sharing).and_then(Value::as_integer).is_some_and(|shared| shared > clients) {
                changed = changed.with(&sharing, point.value.clone())?;
            }
        }
    }
    changed.scenario().map_err(|error| {
        anyhow::anyhow!("{} = {}: `{}`: {}", field.setting.name, point.label, error.field(), error.problem())
    })
}

/// Tries a number.
fn look(
    scenario: &Scenario,
    point: &Point,
    number: f64,
    target: &Target,
    args: &Args,
    seed: u64,
) -> anyhow::Result<Look> {
    let mut values = Vec::new();
    let (mut first, mut rounds) = (0, 0);
    loop {
        let runs = Runs {
            seed,
            first,
            replications: args.replications,
            threads: args.threads.count,
            is_quiet: true,
        };
        let found = measure(scenario, runs)?;
        ensure!(found.len() == args.replications as usize, Interrupted);
        values.extend(found.iter().filter_map(|found| target.subject.value(found)));
        first += args.replications;
        rounds += 1;
        let interval = Interval::of_mean(&values, Level::PERCENT_95)
            .with_context(|| format!("with {} there is no `{}` to measure", point.label, args.measure))?;
        let answer = target.judge(&interval);
        if answer != Answer::Undecided || rounds == MOST_ROUNDS {
            let Interval { centre, half_width, n, .. } = interval;
            return Ok(Look { value: point.value.clone(), mean: centre, half_width, n, answer, number });
        }
    }
}

/// A spinner on a terminal; nothing in a pipe.
fn progress() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let progress = ProgressBar::new_spinner().with_style(style);
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

/// How many looks are to come, and how long they will take if they are as those so far.
fn left(bracket: Bracket, field: &Field, began: Instant, looks: usize) -> String {
    match bracket.left(field.range) {
        Some(left) if looks > 0 => {
            let seconds = began.elapsed().as_secs_f64() / looks as f64 * f64::from(left);
            format!("; some {left} to come, {seconds:.0} s")
        }
        _ => String::new(),
    }
}

fn render(found: &Found, field: &Field, bracket: Bracket) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_header([&field.name, "mean", "± (95%)", "n", ""]);
    let mut looks: Vec<_> = found.looks.iter().collect();
    looks.sort_by(|one, other| one.number.total_cmp(&other.number));
    for look in looks {
        let answer = match look.answer {
            Answer::Met => "met",
            Answer::Missed => "missed",
            Answer::Undecided => "undecided",
        };
        table.add_row([
            field.point(look.number).label,
            format!("{:.5}", look.mean),
            format!("{:.5}", look.half_width),
            look.n.to_string(),
            answer.to_owned(),
        ]);
    }
    columns::set_right(&mut table, 0..=3);
    let Found { scenario, target, seed, .. } = found;
    let name = &field.name;
    let label = |number| field.point(number).label;
    let mut conclusion = match (bracket.met.map(label), bracket.missed.map(label)) {
        (Some(met), Some(not)) => format!("met with {met} {name}; not, or not surely, with {not}"),
        (Some(met), None) => format!("met with {met} {name}, the most that were tried"),
        (None, _) => format!("not met with the fewest {name} that were to be tried"),
    };
    if found.interrupted {
        conclusion.push_str("; interrupted before the two are near enough");
    }
    format!("{scenario}: {target}; seed {seed}\n{table}\n{conclusion}\n")
}
