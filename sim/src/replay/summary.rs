//! The summary that a person reads at a glance: how much, by what, whom, when.

mod chart;
mod text;

use super::tally::{ByLimit, HardKey, PlanReport, Report};
use crate::text::grouped;
use crate::trace::shortened;
use comfy_table::{Cell, CellAlignment, Table, presets};
use std::collections::BTreeSet;
use text::{clock, date_time, duration, percent, plural, same_day};
use tidegate::Nanos;

/// Keys may be of any length; more than this of one helps nobody.
const LONGEST_KEY: usize = 40;

/// The whole summary.
pub(super) fn render(report: &Report<'_>) -> String {
    let Some((first, last)) = report.span else {
        return format!("{}: no events\n", report.files.join(", "));
    };
    let mut sections = vec![headline(report, first, last), totals(report)];
    sections.extend(tokens_and_settles(report));
    sections.push(plans(&report.plans));
    if !report.hardest.is_empty() {
        sections.push(format!(
            "Keys hit hardest ({} of {} had calls denied)\n{}",
            grouped(report.keys_denied as u64),
            grouped(report.total.keys as u64),
            hardest(&report.hardest)
        ));
        sections.push(chart::denials(&report.denials, first, last));
    }
    sections.join("\n\n") + "\n"
}

fn headline(report: &Report<'_>, first: Nanos, last: Nanos) -> String {
    let (calls, keys) = (report.total.calls, report.total.keys as u64);
    format!(
        "{} {} by {} {}, {} to {} UTC ({})",
        grouped(calls),
        plural(calls, "call"),
        grouped(keys),
        plural(keys, "key"),
        date_time(first),
        if same_day(first, last) { clock(last) } else { date_time(last) },
        duration(last - first)
    )
}

/// What became of all calls.
fn totals(report: &Report<'_>) -> String {
    let total = &report.total;
    let mut table = new_table();
    let mut section = |what: &str, count: u64, by: &ByLimit| {
        let mut share = |what: String, count: u64| {
            table.add_row([Cell::new(what), number(count), right(percent(count, total.calls))]);
        };
        share(what.into(), count);
        by.iter().for_each(|(name, count)| share(format!("  by {name}"), *count));
    };
    section("admitted", total.admitted, &ByLimit::new());
    section("denied", total.denied, &total.denied_by);
    section("never admitted: too large", total.never, &total.never_by);
    if !total.shadow_by.is_empty() {
        section("would be denied, limit in shadow", total.shadow_by.values().sum(), &total.shadow_by);
    }
    text_of(&table)
}

/// A line each, where there is something to tell.
fn tokens_and_settles(report: &Report<'_>) -> Option<String> {
    let (tokens, settles) = (report.total.tokens, report.settles);
    let mut lines = Vec::new();
    if tokens.asked > 0 || tokens.charged > 0 {
        lines.push(format!(
            "tokens: {} asked for, {} reserved by admitted calls, {} charged after settling",
            grouped(tokens.asked),
            grouped(tokens.reserved),
            grouped(tokens.charged)
        ));
    }
    if settles.of_admitted + settles.of_refused + report.unsettled > 0 {
        lines.push(format!(
            "settles: {} of admitted calls ({} by estimate), {} of denied ones (no effect), {} still open",
            grouped(settles.of_admitted),
            grouped(settles.by_estimate),
            grouped(settles.of_refused),
            grouped(report.unsettled)
        ));
    }
    if report.plan_changes > 0 {
        lines.push(format!("plan changes: {}", grouped(report.plan_changes)));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// A row for each plan, with a column for every limit that denied.
fn plans(plans: &[PlanReport]) -> String {
    let limits: BTreeSet<_> = plans.iter().flat_map(|plan| plan.denied_by.keys()).collect();
    let mut table = new_table();
    let mut header = vec![Cell::new("plan")];
    header.extend(["keys", "calls", "admitted", "denied", "never"].map(right));
    header.extend(limits.iter().map(|name| right(format!("by {name}"))));
    table.set_header(header);
    for plan in plans {
        let mut row = vec![Cell::new(&plan.name)];
        row.extend([plan.keys as u64, plan.calls, plan.admitted, plan.denied, plan.never].map(number));
        row.extend(limits.iter().map(|name| number(plan.denied_by.get(*name).copied().unwrap_or(0))));
        table.add_row(row);
    }
    text_of(&table)
}

fn hardest(keys: &[HardKey]) -> String {
    let mut table = new_table();
    table.set_header([
        Cell::new("key"),
        Cell::new("plan"),
        right("calls"),
        right("denied"),
        right("share"),
        Cell::new("first denied (UTC)"),
        Cell::new("last denied (UTC)"),
        Cell::new("by"),
    ]);
    for key in keys {
        table.add_row([
            Cell::new(shortened(&key.name, LONGEST_KEY)),
            Cell::new(&key.plan),
            number(key.calls),
            number(key.denied),
            right(percent(key.denied, key.calls)),
            Cell::new(date_time(key.first)),
            Cell::new(date_time(key.last)),
            Cell::new(limits_told(&key.denied_by)),
        ]);
    }
    text_of(&table)
}

/// The limit that denied; the counts too if there was more than one.
fn limits_told(by_limit: &ByLimit) -> String {
    let one = by_limit.len() == 1;
    let told = by_limit
        .iter()
        .map(|(name, count)| if one { name.to_string() } else { format!("{name} {}", grouped(*count)) });
    told.collect::<Vec<_>>().join(", ")
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// The table without the blank that its cells begin with, so that it stands in line with what is around it.
fn text_of(table: &Table) -> String {
    let text = table.trim_fmt();
    text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn number(count: u64) -> Cell {
    right(grouped(count))
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}
