//! Load over time: what became of it, whose retries are in it, population by population.

use super::Context;
use crate::simulate::format::{count, duration, percent};
use crate::simulate::measures::{Bin, Tally};
use crate::simulate::report::bands::{self, Series};
use crate::simulate::report::charts::{self, LARGE, Layer, Line, OverTime, SMALL, Size};
use crate::simulate::report::colours::{ADMITTED, DENIED, FIRST, OFFERED, OTHER, RETRIES, SERVED};
use crate::simulate::report::page::{Key, figure, legend, nothing};
use crate::simulate::run::Replication;
use crate::simulate::summary::Row;
use maud::{Markup, html};
use plotters::style::RGBColor;

/// What a line over time counts.
pub(in super::super) struct Counted {
    name: &'static str,
    colour: RGBColor,
    count: fn(Bin) -> u64,
}

/// The lines of a load that says more than its attempts. Served calls are the admitted ones where nothing stands behind
/// the limiter.
pub(in super::super) fn counted(has_retries: bool, has_backend: bool) -> Vec<Counted> {
    let mut all = vec![
        Counted { name: "offered", colour: OFFERED, count: Bin::offered },
        Counted { name: "admitted", colour: ADMITTED, count: |bin| bin.admitted },
    ];
    if has_retries {
        all.push(Counted { name: "retries", colour: RETRIES, count: |bin| bin.retries });
    }
    if has_backend {
        all.push(Counted { name: "calls served", colour: SERVED, count: |bin| bin.succeeded });
    }
    all
}

impl Counted {
    /// Its legend.
    pub(in super::super) fn key(&self) -> (Key, &'static str) {
        (Key::Line(self.colour), self.name)
    }

    /// The line of some tally over the replications.
    pub(in super::super) fn line(
        &self,
        replications: &[Replication],
        of: impl Fn(&Replication) -> &Tally,
        bin_seconds: f64,
    ) -> Line {
        Line { colour: self.colour, rates: Series::rates(replications, of, self.count, bin_seconds) }
    }
}

/// Load, and what became of it; whose retries make it.
pub(super) fn section(context: &Context<'_>) -> anyhow::Result<Markup> {
    if context.summary.total.offered == 0 {
        return Ok(html! { section { h2 { "Load over time" } (nothing("No call was made.")) } });
    }
    Ok(html! {
        section.whole {
            h2 { "Load over time" }
            div.pair { (fate(context)?) (causes(context)?) }
        }
    })
}

fn intervals(context: &Context<'_>) -> String {
    format!("All attempts that arrive, in intervals of {}.", duration(context.outcome.bin))
}

/// Of one run, admitted under denied; of several, lines with bands.
fn fate(context: &Context<'_>) -> anyhow::Result<Markup> {
    let label = "attempts over time, and what became of them";
    let counted = counted(context.summary.total.retries > 0, context.summary.backend.is_some());
    let (chart, keys, explanation) = match bands::explained(context.replications()) {
        Some(explained) => {
            let lines = lines(context, &counted, |replication| &replication.total);
            let keys: Vec<_> = counted.iter().map(Counted::key).collect();
            (over_time(context, label, &[], &lines)?, keys, explained)
        }
        None => {
            let served: Vec<_> =
                counted.into_iter().filter(|counted| counted.name == "calls served").collect();
            let lines = lines(context, &served, |replication| &replication.total);
            let layers = layers(context, &context.outcome.all.total);
            let keys = areas(context).into_iter().chain(served.iter().map(Counted::key)).collect();
            (over_time(context, label, &layers, &lines)?, keys, String::new())
        }
    };
    let explanation = format!("{} {explanation}", intervals(context));
    Ok(figure("Load, and what became of it", explanation.trim_end(), &legend(keys), &chart))
}

fn over_time(context: &Context<'_>, label: &str, layers: &[Layer], lines: &[Line]) -> anyhow::Result<Markup> {
    let highest = charts::highest(layers, lines);
    OverTime { label, size: LARGE, counted: charts::Counted::Events("attempts"), layers, lines, highest }
        .draw(&context.time)
}

fn lines(
    context: &Context<'_>,
    counted: &[Counted],
    of: impl Fn(&Replication) -> &Tally + Copy,
) -> Vec<Line> {
    let replications = &context.outcome.replications;
    counted.iter().map(|counted| counted.line(replications, of, context.time.bin)).collect()
}

/// Seconds of an interval in all replications together.
fn seconds(context: &Context<'_>) -> f64 {
    context.time.bin * context.replications().max(1) as f64
}

/// Admitted under denied.
fn layers(context: &Context<'_>, tally: &Tally) -> [Layer; 2] {
    let seconds = seconds(context);
    [
        Layer::new(ADMITTED, tally, |bin| bin.admitted, seconds),
        Layer::new(DENIED, tally, Bin::denied, seconds),
    ]
}

/// What a guard turns away is no denial of a limit, but is not admitted either.
fn areas(context: &Context<'_>) -> [(Key, &'static str); 2] {
    let denied = if context.summary.total.blocked > 0 { "denied, or blocked by the guard" } else { "denied" };
    [(Key::Area(ADMITTED), "admitted"), (Key::Area(DENIED), denied)]
}

/// First attempts, and on top of them the retries of each population.
fn causes(context: &Context<'_>) -> anyhow::Result<Markup> {
    let title = "Whose retries make the load";
    if context.summary.total.retries == 0 {
        let why = "There are no retries: every attempt is a call’s first.";
        return Ok(figure(title, "", &Markup::default(), &nothing(why)));
    }
    let seconds = seconds(context);
    let mut layers = vec![Layer::new(FIRST, &context.outcome.all.total, |bin| bin.calls, seconds)];
    let mut names = vec![(Key::Area(FIRST), "first attempts".to_owned())];
    let mut others = vec![0.0; context.time.bins];
    let pairs = context.summary.populations.iter().zip(&context.outcome.all.populations);
    for (place, (row, tally)) in pairs.enumerate().filter(|(_, (row, _))| row.retries > 0) {
        match context.palette.own(place) {
            Some(colour) => {
                layers.push(Layer::new(colour, tally, |bin| bin.retries, seconds));
                names.push((Key::Area(colour), row.name.clone()));
            }
            None => {
                others.iter_mut().zip(&tally.bins).for_each(|(sum, bin)| *sum += bin.retries as f64 / seconds)
            }
        }
    }
    if others.iter().any(|rate| *rate > 0.0) {
        layers.push(Layer { colour: OTHER, rates: others });
        names.push((Key::Area(OTHER), "retries of others".into()));
    }
    let chart = over_time(context, "first attempts and retries by population over time", &layers, &[])?;
    let means = if context.replications() > 1 { " Means of the replications." } else { "" };
    let explanation = format!(
        "The same attempts: first ones in grey, and on top of them each population’s retries.{means}"
    );
    Ok(figure(title, &explanation, &legend(names), &chart))
}

/// So many small charts stand open, and so many there are at most.
const OPEN: usize = 12;
const MOST: usize = 60;

/// A small chart of each population; the hardest hit first if there are too many.
pub(super) fn population_by_population(context: &Context<'_>) -> anyhow::Result<Markup> {
    let rows = &context.summary.populations;
    if rows.len() == 1 {
        // It would be the chart above once more.
        return Ok(Markup::default());
    }
    let mut places: Vec<usize> = (0..rows.len()).collect();
    if places.len() > OPEN {
        places.sort_by_key(|place| std::cmp::Reverse((rows[*place].denied, rows[*place].offered)));
    }
    let left_out = places.len().saturating_sub(MOST);
    places.truncate(MOST);
    // Two stand side by side, as large as what is above them.
    let (class, size) = if rows.len() == 2 { ("pair", LARGE) } else { ("multiples", SMALL) };
    let mut figures = Vec::new();
    for place in places {
        figures.push(figure_of(context, place, size)?);
    }
    let closed = figures.split_off(figures.len().min(OPEN));
    let keys = match bands::explained(context.replications()) {
        Some(_) => legend(counted_of_one(context).iter().map(Counted::key)),
        None => legend(areas(context)),
    };
    let order = if closed.is_empty() { "" } else { " Those with the most denials come first." };
    Ok(html! {
        section {
            h2 { "Population by population" }
            p { "Attempts, each on a scale of its own." (order) }
            (keys)
            div class=(class) { @for figure in &figures { (figure) } }
            @if !closed.is_empty() {
                details {
                    summary { (closed.len()) " more" @if left_out > 0 { "; the other " (left_out) " are in the table alone" } }
                    div.multiples { @for figure in &closed { (figure) } }
                }
            }
        }
    })
}

fn figure_of(context: &Context<'_>, place: usize, size: Size) -> anyhow::Result<Markup> {
    let (row, tally) = (&context.summary.populations[place], &context.outcome.all.populations[place]);
    let (layers, lines) = match context.replications() {
        0 | 1 => (layers(context, tally).into(), Vec::new()),
        _ => (
            Vec::new(),
            lines(context, &counted_of_one(context), |replication| &replication.populations[place]),
        ),
    };
    let label = format!("attempts of {} over time", row.name);
    let highest = charts::highest(&layers, &lines);
    let chart = OverTime {
        label: &label,
        size,
        counted: charts::Counted::Events("attempts"),
        layers: &layers,
        lines: &lines,
        highest,
    };
    Ok(html! {
        figure {
            figcaption {
                h3 { (context.swatch_of(&row.name)) (row.name) }
                p { (facts_of(row)) }
            }
            @if highest > 0.0 { (chart.draw(&context.time)?) } @else { (nothing("No call was made.")) }
        }
    })
}

/// The lines of a population's chart.
fn counted_of_one(context: &Context<'_>) -> Vec<Counted> {
    counted(context.summary.total.retries > 0, false)
}

fn facts_of(row: &Row) -> String {
    let keys = if row.keys == row.clients { String::new() } else { format!(" on {} keys", count(row.keys)) };
    let clients = if row.clients == 1 { "client" } else { "clients" };
    format!(
        "{} {clients}{keys} · retry {} · {} denied · {} served",
        count(row.clients),
        row.retry,
        percent(row.denied_share()),
        percent(row.success_share)
    )
}
