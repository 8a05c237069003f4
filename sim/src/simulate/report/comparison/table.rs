//! All differences in numbers.

use super::Comparison;
use crate::simulate::estimates::{Difference, Differences};
use crate::simulate::report::measure::{self, words};
use maud::{Markup, html};

pub(super) fn section(comparison: &Comparison<'_>) -> Markup {
    html! {
        section.numbers {
            h2 { "The numbers" }
            div.scroll {
                table {
                    thead { tr { @for name in ["measure", "before", "after", "change", "± (95%)", ""] { th scope="col" { (name) } } } }
                    @for (name, measures) in comparison.groups() { (group(name, measures)) }
                }
            }
        }
    }
}

fn group(name: &str, measures: &Differences) -> Markup {
    let mut fields: Vec<_> = measures.iter().collect();
    fields.sort_by_key(|(field, _)| measure::place(field));
    html! {
        tbody {
            tr.group { th scope="rowgroup" colspan="6" { (name) } }
            @for (field, difference) in fields { (line(field, difference)) }
        }
    }
}

/// What is made of a difference.
fn told(difference: &Difference) -> &'static str {
    match difference.differs {
        true => "surely",
        false if difference.change.mean == 0.0 && difference.change.half_width == 0.0 => "the same",
        false => "may be chance",
    }
}

fn line(field: &str, difference: &Difference) -> Markup {
    let words = words(field);
    let half_width = difference.change.half_width;
    let (change, interval) = words.unit.change(difference.change.mean, half_width);
    html! {
        tr {
            th scope="row" { (words.name) }
            td { (words.unit.with_interval(difference.before, half_width).0) }
            td { (words.unit.with_interval(difference.after, half_width).0) }
            td { (change) }
            td { (interval) }
            td.word { (told(difference)) }
        }
    }
}
