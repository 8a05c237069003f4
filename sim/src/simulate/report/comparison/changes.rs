//! Changes with their intervals, a chart for each measure.

use super::Comparison;
use crate::simulate::estimates::Difference;
use crate::simulate::report::charts::{self, Of, Whisker};
use crate::simulate::report::colours::{ADMITTED, DENIED, OFFERED, OTHER};
use crate::simulate::report::curve::capital;
use crate::simulate::report::measure::{self, Better, Words, words};
use crate::simulate::report::page::{Key, legend, nothing};
use maud::{Markup, html};
use plotters::style::RGBColor;
use std::collections::BTreeSet;

/// A chart has so many rows at most.
const ROWS: usize = 16;

pub(super) fn section(comparison: &Comparison<'_>) -> anyhow::Result<Markup> {
    let (mut charts, mut others) = (Vec::new(), Vec::new());
    let mut same = Vec::new();
    for field in fields(comparison) {
        let words = words(field);
        let rows = rows(comparison, field);
        if rows
            .iter()
            .all(|(_, difference)| difference.change.mean == 0.0 && difference.change.half_width == 0.0)
        {
            same.push(words.name);
        } else {
            let kept = if measure::is_charted(field) { &mut charts } else { &mut others };
            kept.push(chart(&words, rows)?);
        }
    }
    let key = [
        (Key::Point(ADMITTED), "surely better"),
        (Key::Point(DENIED), "surely worse"),
        (Key::Point(OFFERED), "surely different"),
        (Key::Hollow(OTHER), "may be chance"),
    ];
    Ok(html! {
        section {
            h2 { "What differs, and how surely" }
            @if charts.is_empty() && others.is_empty() { (nothing("Nothing differs at all.")) } @else {
                p { "After minus before: the mean over the replications, and its 95% interval. What leaves out 0 is sure." }
                (legend(key))
                div.multiples { @for chart in &charts { (chart) } }
                @if !others.is_empty() {
                    details { summary { (others.len()) " more measures" } div.multiples { @for chart in &others { (chart) } } }
                }
            }
            @if !same.is_empty() && !charts.is_empty() { p.after { "The same in both: " (same.join("; ")) "." } }
        }
    })
}

/// The measures that any group has, in the order in which they are shown.
fn fields(comparison: &Comparison<'_>) -> Vec<&'static str> {
    let all: BTreeSet<&'static str> =
        comparison.groups().flat_map(|(_, measures)| measures.keys().copied()).collect();
    let mut fields: Vec<_> = all.into_iter().collect();
    fields.sort_by_key(|field| measure::place(field));
    fields
}

/// Whose change of a measure is shown: of too many, those that are surest.
fn rows<'a>(comparison: &Comparison<'a>, field: &str) -> Vec<(&'a str, &'a Difference)> {
    let all = comparison.groups().filter_map(|(name, measures)| Some((name, measures.get(field)?)));
    let mut rows: Vec<(usize, (&str, &Difference))> = all.enumerate().collect();
    if rows.len() > ROWS {
        let sureness =
            |difference: &Difference| difference.change.mean.abs() / difference.change.half_width.max(1e-300);
        rows.sort_by(|(_, (_, a)), (_, (_, b))| sureness(b).total_cmp(&sureness(a)));
        rows.truncate(ROWS);
        rows.sort_by_key(|(place, _)| *place);
    }
    rows.into_iter().map(|(_, row)| row).collect()
}

fn chart(words: &Words, rows: Vec<(&str, &Difference)>) -> anyhow::Result<Markup> {
    let whisker = |(name, difference): (&str, &Difference)| Whisker {
        name: name.into(),
        centre: difference.change.mean,
        half_width: difference.change.half_width,
        colour: colour(words, difference),
        is_sure: difference.differs,
    };
    let whiskers: Vec<Whisker> = rows.into_iter().map(whisker).collect();
    let label = format!("change of {}", words.name);
    let chart = charts::whiskers(&label, Of::Changes, words.unit, &whiskers)?;
    Ok(html! { figure.top { figcaption { h3 { (capital(&words.name)) } } (chart) } })
}

/// Better, worse, different, or nobody knows.
fn colour(words: &Words, difference: &Difference) -> RGBColor {
    match (difference.differs, words.better) {
        (false, _) => OTHER,
        (true, None) => OFFERED,
        (true, Some(better)) if (better == Better::Higher) == (difference.change.mean > 0.0) => ADMITTED,
        (true, Some(_)) => DENIED,
    }
}
