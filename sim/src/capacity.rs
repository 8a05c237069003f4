//! `tidegate capacity`: how many clients may there be, so that a target is met?
//!
//! The number is doubled until the target is missed, and then bisected. At each number replications are added until the
//! interval of the measure lies on one side of the target, or there are enough of them; what stays undecided counts as
//! missed. All looks share their random numbers, so that they differ by the number of clients alone.

use crate::columns;
use crate::simulate::report::curve::{self, Curve};
use crate::simulate::report::measure::words;
use crate::simulate::{
    BackendRow, Measured, Read, Row, Runs, Scenario, measure, of_a_population, of_the_backend,
};
use crate::statistics::interval::{Interval, Level};
use crate::threads::Threads;
use crate::toml_text::nearest;
use crate::whole_file::WholeFile;
use anyhow::{Context, bail, ensure};
use comfy_table::{LineStyle, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// Arguments of `tidegate capacity`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Args {
    /// The scenario, with any number of clients in the population.
    #[arg(value_name = "SCENARIO.toml")]
    pub scenario: PathBuf,
    /// The population whose clients are counted.
    #[arg(long, value_name = "NAME")]
    pub population: String,
    /// The measure, as `simulate --json` names it.
    #[arg(long, default_value = "success_share")]
    pub measure: String,
    /// Of whom: that population if not given, `total`, `backend`, or another population.
    #[arg(long, value_name = "NAME")]
    pub of: Option<String>,
    /// It must be at least this.
    #[arg(long, value_name = "VALUE", conflicts_with = "at_most", required_unless_present = "at_most")]
    pub at_least: Option<f64>,
    /// It must be at most this.
    #[arg(long, value_name = "VALUE")]
    pub at_most: Option<f64>,
    /// The fewest clients.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MOST_CLIENTS))]
    pub from: u32,
    /// The most clients.
    #[arg(long, value_name = "N", default_value_t = MOST_CLIENTS as u32, value_parser = clap::value_parser!(u32).range(1..=MOST_CLIENTS))]
    pub to: u32,
    /// The bracket is narrowed to this share of the number, or to one client.
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
const MOST_CLIENTS: i64 = 10_000_000;
/// So many times the first replications are run at most.
const MOST_ROUNDS: u32 = 8;

/// A number of clients that was tried.
#[derive(Clone, Debug, Serialize)]
struct Look {
    clients: u32,
    mean: f64,
    /// Of the 95% interval.
    half_width: f64,
    n: u64,
    answer: Answer,
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
    population: String,
    target: String,
    /// The most clients with which the target is surely met; `null` if not even with the fewest.
    met_with: Option<u32>,
    /// The fewest that were tried with which it is not; `null` if it is with the most.
    not_with: Option<u32>,
    /// All numbers tried, in order.
    looks: Vec<Look>,
}

/// What is measured.
enum Of {
    Total(Read<Row>),
    Population(String, Read<Row>),
    Backend(Read<BackendRow>),
}

struct Target {
    of: Of,
    bound: f64,
    is_least: bool,
}

impl Target {
    fn new(args: &Args, scenario: &Scenario) -> anyhow::Result<Self> {
        let of = match args.of.as_deref().unwrap_or(&args.population) {
            "backend" => {
                ensure!(scenario.backend.is_some(), "the scenario has no `[backend]` to measure");
                Of::Backend(of_the_backend(&args.measure)?)
            }
            "total" => Of::Total(of_a_population(&args.measure)?),
            name => {
                place_of(scenario, name)?;
                Of::Population(name.to_owned(), of_a_population(&args.measure)?)
            }
        };
        let (bound, is_least) = match (args.at_least, args.at_most) {
            (Some(bound), _) => (bound, true),
            (None, Some(bound)) => (bound, false),
            (None, None) => bail!("expected `--at-least` or `--at-most`"),
        };
        ensure!(bound.is_finite(), "the target must be a number, found {bound}");
        Ok(Self { of, bound, is_least })
    }

    fn direction(&self) -> &'static str {
        if self.is_least { "at least" } else { "at most" }
    }

    fn value(&self, found: &Measured) -> Option<f64> {
        match &self.of {
            Of::Total(read) => read(found.total()),
            Of::Population(name, read) => found.population(name).and_then(read),
            Of::Backend(read) => found.backend().and_then(read),
        }
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

/// The place of a population by its name.
fn place_of(scenario: &Scenario, name: &str) -> anyhow::Result<usize> {
    let names = || scenario.populations.iter().map(|population| population.name.as_str());
    names().position(|known| known == name).with_context(|| {
        let meant =
            nearest(name, names()).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"));
        format!("there is no population `{name}`{meant}")
    })
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.from <= args.to, "`--from` is {}, more than `--to`, {}", args.from, args.to);
    ensure!(
        args.within > 0.0 && args.within < 1.0,
        "`--within` must be between 0 and 1, found {}",
        args.within
    );
    let scenario = Scenario::read(&args.scenario)?;
    let place = place_of(&scenario, &args.population)?;
    let target = Target::new(args, &scenario)?;
    let unwritable = || format!("{}: the report cannot be written", args.out.display());
    let mut file = WholeFile::create(&args.out).with_context(unwritable)?;
    let seed = args.seed.unwrap_or(scenario.seed);
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let progress = ProgressBar::new_spinner().with_style(style);
    progress.enable_steady_tick(Duration::from_millis(200));
    let mut looks = Vec::new();
    let mut is_met = |clients: u32| -> anyhow::Result<bool> {
        progress.set_message(format!("trying {clients} clients"));
        let look = look(&scenario.with_clients(place, clients), clients, &target, args, seed)?;
        let is_met = look.answer == Answer::Met;
        looks.push(look);
        Ok(is_met)
    };
    let (met_with, not_with) = bracket(args.from, args.to, args.within, &mut is_met)?;
    progress.finish_and_clear();
    let found = Found {
        version: 1,
        command: "capacity",
        scenario: scenario.name.clone(),
        seed,
        population: args.population.clone(),
        target: format!(
            "{} of {} {} {}",
            args.measure,
            args.of.as_ref().unwrap_or(&args.population),
            target.direction(),
            target.bound
        ),
        met_with,
        not_with,
        looks,
    };
    let page = page(&found, args, &target)?;
    file.write_all(page.as_bytes()).and_then(|()| file.finish()).with_context(unwritable)?;
    let text = if args.json {
        serde_json::to_string(&found)? + "\n"
    } else {
        format!("{}report: {}\n", render(&found), args.out.display())
    };
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

/// The most with which it is met, and the fewest with which it is not, as near to each other as is wanted.
fn bracket(
    from: u32,
    to: u32,
    within: f64,
    is_met: &mut impl FnMut(u32) -> anyhow::Result<bool>,
) -> anyhow::Result<(Option<u32>, Option<u32>)> {
    if !is_met(from)? {
        return Ok((None, Some(from)));
    }
    let mut met = from;
    let mut missed = loop {
        if met == to {
            return Ok((Some(met), None));
        }
        let next = met.saturating_mul(2).min(to);
        if !is_met(next)? {
            break next;
        }
        met = next;
    };
    while f64::from(missed - met) > (f64::from(met) * within).max(1.0) {
        let middle = met + (missed - met) / 2;
        if is_met(middle)? {
            met = middle;
        } else {
            missed = middle;
        }
    }
    Ok((Some(met), Some(missed)))
}

/// Tries a number of clients.
fn look(scenario: &Scenario, clients: u32, target: &Target, args: &Args, seed: u64) -> anyhow::Result<Look> {
    let mut values = Vec::new();
    let (mut first, mut rounds) = (0, 0);
    loop {
        let runs = Runs { seed, first, replications: args.replications, threads: args.threads.count };
        values.extend(measure(scenario, runs)?.iter().filter_map(|found| target.value(found)));
        first += args.replications;
        rounds += 1;
        let interval = Interval::of_mean(&values, Level::PERCENT_95)
            .with_context(|| format!("with {clients} clients there is no `{}` to measure", args.measure))?;
        let answer = target.judge(&interval);
        if answer != Answer::Undecided || rounds == MOST_ROUNDS {
            let Interval { centre, half_width, n, .. } = interval;
            return Ok(Look { clients, mean: centre, half_width, n, answer });
        }
    }
}

/// The report: the curve of all that was tried.
fn page(found: &Found, args: &Args, target: &Target) -> anyhow::Result<String> {
    let measure = words(&args.measure);
    let is = format!("{} {}", target.direction(), measure.unit.value(target.bound));
    let of = match &target.of {
        Of::Total(_) => "in all".to_owned(),
        Of::Population(name, _) => format!("of {name}"),
        Of::Backend(_) => "at the backend".to_owned(),
    };
    let facts = [
        ("measure", format!("{} {of}", measure.name)),
        ("target", is.clone()),
        ("numbers tried", found.looks.len().to_string()),
        ("seed", found.seed.to_string()),
    ];
    let curve = Curve {
        parameter: format!("clients of {}", found.population),
        of: of.clone(),
        points: found.looks.iter().map(point).collect(),
        target: Some(target.bound),
        bracket: found.met_with.zip(found.not_with).map(|(met, not)| (f64::from(met), f64::from(not))),
        measure,
    };
    let page = curve::Page {
        about: found.scenario.clone(),
        headline: conclusion(found, &format!("{} {of}, {is}", curve.measure.name)),
        facts: facts.map(|(name, value)| (name.into(), value)).into(),
        sections: vec![curve.section()?],
        note: format!(
            "The number was doubled until the target was missed, and then bisected. At each number there are {} replications, and as \
             many more, up to {MOST_ROUNDS} times, until the 95% interval lies on one side of the target; what stays undecided counts as \
             not met. All numbers share their random draws. That more clients make it worse is taken for granted.",
            args.replications
        ),
    };
    Ok(page.render())
}

fn point(look: &Look) -> curve::Point {
    curve::Point {
        value: crate::text::grouped(u64::from(look.clients)),
        at: Some(f64::from(look.clients)),
        mean: look.mean,
        half_width: look.half_width,
        n: look.n,
        answer: Some(match look.answer {
            Answer::Met => curve::Answer::Met,
            Answer::Missed => curve::Answer::Missed,
            Answer::Undecided => curve::Answer::Undecided,
        }),
    }
}

/// What was found, in a sentence or two.
fn conclusion(found: &Found, target: &str) -> String {
    let Found { population, .. } = found;
    let grouped = |clients| crate::text::grouped(u64::from(clients));
    match (found.met_with.map(grouped), found.not_with.map(grouped)) {
        (Some(met), Some(not)) => {
            format!(
                "At most {met} clients of `{population}`, for {target}. {not} do not meet that, or not surely."
            )
        }
        (Some(met), None) => {
            format!(
                "{met} clients of `{population}`, the most that were to be tried, meet the target: {target}."
            )
        }
        (None, _) => {
            format!(
                "Not even the fewest clients of `{population}` that were to be tried meet the target: {target}."
            )
        }
    }
}

fn render(found: &Found) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_header(["clients", "mean", "± (95%)", "n", ""]);
    let mut looks: Vec<_> = found.looks.iter().collect();
    looks.sort_by_key(|look| look.clients);
    for look in looks {
        let answer = match look.answer {
            Answer::Met => "met",
            Answer::Missed => "missed",
            Answer::Undecided => "undecided",
        };
        table.add_row([
            look.clients.to_string(),
            format!("{:.5}", look.mean),
            format!("{:.5}", look.half_width),
            look.n.to_string(),
            answer.to_owned(),
        ]);
    }
    columns::set_right(&mut table, 0..=3);
    let Found { scenario, population, target, seed, .. } = found;
    let conclusion = match (found.met_with, found.not_with) {
        (Some(met), Some(not)) => {
            format!("met with {met} clients of {population}; not, or not surely, with {not}")
        }
        (Some(met), None) => {
            format!("met with {met} clients of {population}, the most that were to be tried")
        }
        (None, _) => format!("not met with the fewest clients of {population} that were to be tried"),
    };
    format!("{scenario}: {target}; seed {seed}\n{table}\n{conclusion}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        /// Whatever the capacity: it lies in the bracket, which is as narrow as is wanted, and few numbers are tried.
        fn the_capacity_lies_in_the_bracket(capacity: u32, from: u32, more: u32) -> bool {
            let (capacity, from) = (capacity % 1_000_000, from % 1_000 + 1);
            let to = from + more % 1_000_000;
            let mut tried = 0;
            let (met, missed) = bracket(from, to, 0.01, &mut |clients| {
                tried += 1;
                Ok(clients <= capacity)
            })
            .unwrap();
            let narrow = match (met, missed) {
                (Some(met), Some(missed)) => f64::from(missed - met) <= (f64::from(met) * 0.01).max(1.0),
                _ => true,
            };
            met.is_none_or(|met| met <= capacity && (from..=to).contains(&met))
                && missed.is_none_or(|missed| missed > capacity && (from..=to).contains(&missed))
                && (met.is_some() || capacity < from)
                && (missed.is_some() || capacity >= to)
                && narrow
                && tried <= 60
        }
    }
}
