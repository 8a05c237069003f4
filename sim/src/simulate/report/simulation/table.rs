//! The numbers of each population.

use super::Context;
use crate::simulate::report::measure::{Unit, plus_minus};
use crate::simulate::summary::Row;
use maud::{Markup, html};

const HEADER: [&str; 14] = [
    "population",
    "plan",
    "calls",
    "offered",
    "admitted",
    "denied",
    "retries / call",
    "goodput",
    "served",
    "given up",
    "fair index",
    "longest without",
    "p50 to success",
    "p99 to success",
];

/// So many columns hold words; the others hold numbers.
const WORDS: usize = 2;

pub(super) fn section(context: &Context<'_>) -> Markup {
    html! {
        section.numbers {
            h2 { "The numbers" }
            @if context.replications() > 1 { p { "Counts are those of a run, on average." } }
            div.scroll {
                table {
                    thead { tr { @for (place, name) in HEADER.iter().enumerate() { th.word[place < WORDS] scope="col" { (name) } } } }
                    tbody { @for row in &context.summary.populations { (line(row, context)) } }
                    @if context.summary.populations.len() > 1 { tfoot { (line(&context.summary.total, context)) } }
                }
            }
        }
    }
}

fn line(row: &Row, context: &Context<'_>) -> Markup {
    let counts = [row.calls, row.offered, row.admitted, row.denied];
    html! {
        tr {
            th scope="row" { (context.swatch_of(&row.name)) (row.name) }
            td.word { (row.plan) }
            @for count in counts { td { (context.count_of_a_run(count)) } }
            (measure(row, Some(row.retries_per_call), Unit::Number, "retries_per_call"))
            (measure(row, Some(row.goodput_per_second), Unit::PerSecond, "goodput_per_second"))
            (measure(row, Some(row.success_share), Unit::Share, "success_share"))
            td { (context.count_of_a_run(row.given_up + row.out_of_patience)) }
            (measure(row, row.fair_jain, Unit::Number, "fair_jain"))
            (measure(row, row.starvation_seconds_most, Unit::Seconds, "starvation_seconds_most"))
            (measure(row, row.seconds_to_success_p50, Unit::Seconds, "seconds_to_success_p50"))
            (measure(row, row.seconds_to_success_p99, Unit::Seconds, "seconds_to_success_p99"))
        }
    }
}

/// With its interval below it, if there is one.
fn measure(row: &Row, value: Option<f64>, unit: Unit, field: &str) -> Markup {
    let interval = row.intervals.get(field).map(|one| unit.with_interval(one.mean, one.half_width));
    html! {
        td {
            @match (interval, value) {
                (Some((mean, half_width)), _) => { (mean) br; small { (plus_minus(&half_width)) } }
                (None, Some(value)) => (unit.value(value)),
                (None, None) => "–",
            }
        }
    }
}
