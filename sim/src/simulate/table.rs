//! The summary as a table in the terminal.

use super::format::{count, percent, rate, seconds};
use super::summary::{Row, Summary};
use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle, presets};
use std::fmt::Write as _;

const HEADER: [&str; 10] = [
    "population",
    "offered",
    "admitted",
    "denied, by limit",
    "retries\n/call",
    "goodput\n/s",
    "calls\nserved",
    "Jain's\nindex",
    "to success\np50",
    "\np99",
];
const STYLE: TableStyle = presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());
/// Columns that hold words; the others hold numbers.
const WORDS: [usize; 2] = [0, 3];

/// The verdict's headline, and a row for each population and the total.
pub(crate) fn render(summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_header(HEADER);
    for row in summary.populations.iter().chain([&summary.total]) {
        table.add_row(cells(row));
    }
    let scenario = &summary.scenario;
    let mut text = format!(
        "{}: {} of virtual time, {} clients on {} keys, seed {}\n{table}\n",
        scenario.name,
        scenario.duration,
        count(summary.total.clients),
        count(summary.total.keys),
        scenario.seed,
    );
    let _ = writeln!(text, "{}\n{}", summary.verdict.headline, summary.verdict.retries);
    text
}

fn cells(row: &Row) -> Vec<Cell> {
    let optional = |value: Option<f64>, show: fn(f64) -> String| value.map_or("–".into(), show);
    let texts = [
        row.name.clone(),
        count(row.offered),
        count(row.admitted),
        denials(row),
        format!("{:.2}", row.retries_per_call),
        rate(row.goodput_per_second),
        percent(row.success_share),
        optional(row.jain, |jain| format!("{jain:.3}")),
        optional(row.seconds_to_success_p50, seconds),
        optional(row.seconds_to_success_p99, seconds),
    ];
    texts
        .into_iter()
        .enumerate()
        .map(|(column, text)| {
            let words = WORDS.contains(&column);
            Cell::new(text).set_alignment(if words { CellAlignment::Left } else { CellAlignment::Right })
        })
        .collect()
}

fn denials(row: &Row) -> String {
    if row.denied_by.is_empty() {
        return "0".into();
    }
    let lines = row.denied_by.iter().map(|(limit, denied)| format!("{} {limit}", count(*denied)));
    lines.collect::<Vec<_>>().join("\n")
}
