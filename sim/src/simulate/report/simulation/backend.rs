//! What stands behind the limiter.

use super::{Context, fact};
use crate::simulate::report::measure::Unit;
use crate::simulate::report::page::{Fact, facts};
use crate::simulate::summary::BackendRow;
use maud::{Markup, html};

/// How it fared, in numbers; nothing if there is none.
pub(super) fn section(context: &Context<'_>) -> Markup {
    let Some(row) = &context.summary.backend else { return Markup::default() };
    html! {
        section.whole {
            h2 { "The backend" }
            (facts(facts_of(row)))
        }
    }
}

fn facts_of(row: &BackendRow) -> Vec<Fact> {
    let service = &row.service;
    let shown = [
        ("servers at work", Some(row.utilisation), Unit::Share, "utilisation"),
        ("of that, for nobody", Some(row.wasted_share), Unit::Share, "wasted_share"),
        ("calls turned away", Some(row.loss), Unit::Share, "loss"),
        ("calls there", Some(row.in_system), Unit::Number, "in_system"),
        ("time in the queue", Some(service.waiting_mean), Unit::Seconds, "waiting_mean"),
        ("time there, mean", Some(service.sojourn_mean), Unit::Seconds, "sojourn_mean"),
        ("time there, p95", service.sojourn_p95, Unit::Seconds, "sojourn_p95"),
        ("time there, p99", service.sojourn_p99, Unit::Seconds, "sojourn_p99"),
    ];
    let shown = shown.into_iter().filter_map(|(name, value, unit, field)| Some((name, value?, unit, field)));
    shown.map(|(name, value, unit, field)| fact(name, value, unit, &row.intervals, field)).collect()
}
