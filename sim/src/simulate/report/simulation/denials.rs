//! Which limit denied how much, and whom.

use super::Context;
use crate::simulate::format::{count, percent};
use crate::simulate::report::colours::{OTHER, css};
use crate::simulate::report::page::{Key, nothing};
use maud::{Markup, html};
use plotters::style::RGBColor;

/// Bars of denials: a limit each, in parts by population.
pub(super) fn section(context: &Context<'_>) -> Markup {
    let total = &context.summary.total;
    let most = total.denied_by.values().copied().max().unwrap_or_default();
    html! {
        section.whole {
            h2 { "Denials by limit" }
            @if most == 0 { (nothing("No attempt was denied.")) } @else { (context.legend(Key::Area, |row| row.denied > 0)) }
            @for (limit, denied) in &total.denied_by {
                div.bar {
                    div.label {
                        b { (limit) } " " (context.count_of_a_run(*denied))
                        " (" (percent(*denied as f64 / total.denied as f64)) ")"
                    }
                    div.track {
                        @for (name, colour, part) in parts(context, limit) {
                            span title={ (name) ": " (count(part)) } style={ (width(part, most)) ";background:" (css(colour)) } {}
                        }
                    }
                }
            }
        }
    }
}

/// The part of each population that has a colour, and of all others together.
fn parts<'a>(context: &'a Context<'_>, limit: &str) -> Vec<(&'a str, RGBColor, u64)> {
    let mut parts = Vec::new();
    let mut others = 0;
    for (place, row) in context.summary.populations.iter().enumerate() {
        match (row.denied_by.get(limit), context.palette.own(place)) {
            (Some(denied), Some(colour)) => parts.push((row.name.as_str(), colour, *denied)),
            (Some(denied), None) => others += denied,
            (None, _) => {}
        }
    }
    if others > 0 {
        parts.push(("others", OTHER, others));
    }
    parts
}

fn width(part: u64, most: u64) -> String {
    format!("width:{:.3}%", part as f64 / most as f64 * 100.0)
}
