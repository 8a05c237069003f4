//! What stands behind the limiter.

use super::{Context, fact};
use crate::simulate::backend::Load;
use crate::simulate::format::duration;
use crate::simulate::report::bands::{self, Series};
use crate::simulate::report::charts::{self, Counted, LARGE, Line, OverTime};
use crate::simulate::report::colours::{ADMITTED, SERVED};
use crate::simulate::report::measure::Unit;
use crate::simulate::report::page::{Fact, Key, facts, figure, legend};
use crate::simulate::summary::BackendRow;
use maud::{Markup, html};

/// How it fared, in numbers and over time; nothing if there is none.
pub(super) fn section(context: &Context<'_>) -> anyhow::Result<Markup> {
    let Some(row) = &context.summary.backend else { return Ok(Markup::default()) };
    Ok(html! {
        section.whole {
            h2 { "The backend" }
            div.pair.top {
                (over_time(context)?)
                (facts(facts_of(row)))
            }
        }
    })
}

/// Calls there beside servers at work: what lies between them waits, or is a refusal's work.
fn over_time(context: &Context<'_>) -> anyhow::Result<Markup> {
    let lines = [
        Line { colour: ADMITTED, rates: on_average(context, |load| load.in_system) },
        Line { colour: SERVED, rates: on_average(context, |load| load.busy) },
    ];
    let highest = charts::highest(&[], &lines);
    let label = "calls at the backend, and servers at work, over time";
    let chart = OverTime {
        label,
        size: LARGE,
        counted: Counted::Present("calls, or servers"),
        layers: &[],
        lines: &lines,
        highest,
    };
    let keys =
        [(Key::Line(ADMITTED), "calls there, waiting or served"), (Key::Line(SERVED), "servers at work")];
    let explanation = format!(
        "On average, in intervals of {}. {}",
        duration(context.outcome.bin),
        bands::explained(context.replications()).unwrap_or_default()
    );
    Ok(figure("How full it is", explanation.trim_end(), &legend(keys), &chart.draw(&context.time)?))
}

/// The average of something in each interval that is shown.
fn on_average(context: &Context<'_>, of: fn(&Load) -> u128) -> Series {
    let average = |loads: &[Load]| {
        let time: f64 = loads.iter().map(|load| load.time.get() as f64).sum();
        if time > 0.0 { loads.iter().map(|load| of(load) as f64).sum::<f64>() / time } else { 0.0 }
    };
    let joined = context.outcome.grid.joined;
    let replications = context.outcome.replications.iter();
    let averages = replications.map(|one| one.total.loads.chunks(joined).map(average).collect());
    Series::new(&averages.collect::<Vec<_>>())
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
