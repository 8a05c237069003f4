//! The summary as a table in the terminal.

use super::dynamics::State;
use super::format::{count, counted, percent, rate, seconds};
use super::summary::{Row, ScenarioFacts, Summary};
use crate::columns;
use comfy_table::Table;
use std::fmt::Write as _;

/// What the limiter makes of the load.
const LOAD: [&str; 5] = ["population", "offered", "admitted", "denied, by limit", "retries\n/call"];
/// What clients get of it.
const SERVED: [&str; 7] = [
    "population",
    "goodput\n/s",
    "calls\nserved",
    "fair\nindex",
    "longest\nwithout",
    "to success\np50",
    "\np99",
];

/// So many lines say why a run is in its state.
const MOST_EVIDENCE: usize = 6;

/// The state, the verdict's headline, and a row for each population and the total.
pub(crate) fn render(summary: &Summary) -> String {
    // Two narrow tables, since one of all columns fits no terminal.
    let (mut load, mut served) = (columns::table(), columns::table());
    load.set_header(LOAD);
    served.set_header(SERVED);
    for row in summary.populations.iter().chain([&summary.total]) {
        load.add_row(load_cells(row));
        served.add_row(served_cells(row));
    }
    columns::set_right(&mut load, [1, 2, 4]);
    columns::set_right(&mut served, 1..SERVED.len());
    let scenario = &summary.scenario;
    let mut text = state(summary);
    let _ = write!(
        text,
        "{}: {} of virtual time, {} on {}, seed {}\n{load}\n{served}\n",
        scenario.name,
        scenario.duration,
        counted(summary.total.clients, "client"),
        counted(summary.total.keys, "key"),
        scenario.seed,
    );
    let _ = writeln!(text, "{}\n{}", summary.verdict.headline, summary.verdict.retries);
    if let Some(backend) = &summary.verdict.backend {
        let _ = writeln!(text, "{backend}");
    }
    if let Some(asked) = summary.scenario.interrupted_of {
        let _ =
            writeln!(text, "interrupted: {} of {asked} replications are done", summary.scenario.replications);
    }
    if let Some(precision) = &summary.precision {
        let _ = writeln!(text, "{}", precision.text());
    }
    if let Some(text_of_warm_up) = warm_up(&summary.scenario) {
        let _ = writeln!(text, "{text_of_warm_up}");
    }
    if !summary.total.intervals.is_empty() {
        let _ = writeln!(text, "{}", intervals(summary));
    }
    text
}

/// The state that the run ends in, and what says so.
fn state(summary: &Summary) -> String {
    let verdict = &summary.verdict;
    let name = match verdict.state {
        State::Stable => "STABLE",
        State::Overloaded => "OVERLOADED",
        State::Oscillating => "OSCILLATING",
        State::Metastable => "METASTABLE",
    };
    let mut text = match verdict.state_of {
        1 => format!("{name}\n"),
        all => format!("{name}, as {} of {all} replications show\n", verdict.state_shown_by),
    };
    for evidence in verdict.evidence.iter().take(MOST_EVIDENCE) {
        let _ = writeln!(text, "  {}", evidence.text);
    }
    if let Some(more) = verdict.evidence.len().checked_sub(MOST_EVIDENCE).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more in `--json`");
    }
    text + "\n"
}

/// What is left out at the beginning, if anything is.
fn warm_up(scenario: &ScenarioFacts) -> Option<String> {
    let cut = seconds(scenario.warm_up_seconds);
    match scenario.warm_up {
        "found" => Some(format!("warm-up: {cut}, found by MSER-5 on a pilot")),
        "not found" => Some(format!("warm-up: no end of it is found; the first half, {cut}, is left out")),
        _ => (scenario.warm_up_seconds > 0.0).then(|| format!("warm-up: {cut}, as given")),
    }
}

/// What of the total, and of the backend, is sure.
fn intervals(summary: &Summary) -> Table {
    let mut table = columns::table();
    table.set_header(["measure", "mean", "± (95%)", "n", "method"]);
    let backend = summary.backend.iter().flat_map(|backend| &backend.intervals);
    for (name, estimate) in summary.total.intervals.iter().chain(backend) {
        let numbers = [estimate.mean, estimate.half_width].map(|number| format!("{number:.5}"));
        let texts = [
            (*name).to_owned(),
            numbers[0].clone(),
            numbers[1].clone(),
            estimate.n.to_string(),
            estimate.method.clone(),
        ];
        table.add_row(texts);
    }
    columns::set_right(&mut table, 1..=3);
    table
}

fn load_cells(row: &Row) -> [String; 5] {
    let retries = format!("{:.2}", row.retries_per_call);
    [row.name.clone(), count(row.offered), count(row.admitted), denials(row), retries]
}

fn served_cells(row: &Row) -> [String; 7] {
    let optional = |value: Option<f64>, show: fn(f64) -> String| value.map_or("–".into(), show);
    [
        row.name.clone(),
        rate(row.goodput_per_second),
        percent(row.success_share),
        optional(row.fair_jain, |jain| format!("{jain:.3}")),
        optional(row.starvation_seconds_most, seconds),
        optional(row.seconds_to_success_p50, seconds),
        optional(row.seconds_to_success_p99, seconds),
    ]
}

fn denials(row: &Row) -> String {
    if row.denied_by.is_empty() {
        return "0".into();
    }
    let lines = row.denied_by.iter().map(|(limit, denied)| format!("{} {limit}", count(*denied)));
    lines.collect::<Vec<_>>().join("\n")
}
