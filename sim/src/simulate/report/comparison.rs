//! The page of `tidegate compare`: two scenarios side by side, and what they differ by.

mod changes;
mod table;

use super::charts::{self, OverTime, Reach, SMALL, Time};
use super::colours::{ADMITTED, OFFERED};
use super::page::{self, Fact, Key, facts, figure, legend, nothing};
use super::simulation::counted;
use super::{bands, marks, reach};
use crate::simulate::estimates::Differences;
use crate::simulate::format::count;
use crate::simulate::measures::Tally;
use crate::simulate::run::{Outcome, Replication};
use crate::simulate::scenario::Scenario;
use maud::{Markup, html};

/// One of two scenarios, and what came of it.
#[derive(Clone, Copy)]
pub(crate) struct Side<'a> {
    /// The scenario.
    pub(crate) scenario: &'a Scenario,
    /// What came of it.
    pub(crate) outcome: &'a Outcome,
}

/// Two scenarios on the same random numbers.
pub(crate) struct Comparison<'a> {
    /// As it is.
    pub(crate) before: Side<'a>,
    /// As it would be.
    pub(crate) after: Side<'a>,
    /// What the change does, in a sentence or two.
    pub(crate) headline: &'a str,
    /// The differences of populations of the same name.
    pub(crate) populations: Vec<(&'a str, &'a Differences)>,
    /// Of all together.
    pub(crate) total: &'a Differences,
    /// Of what stands behind the limiter; empty unless both have it.
    pub(crate) backend: &'a Differences,
    /// Names of populations that only one of them has.
    pub(crate) unpaired: &'a [String],
}

/// The whole page as text.
pub(crate) fn render(comparison: &Comparison<'_>) -> anyhow::Result<String> {
    let title = format!("{} → {}", comparison.before.scenario.name, comparison.after.scenario.name);
    let header = html! {
        (page::heading(&title, comparison.headline))
        (facts(shown(comparison)))
    };
    let sections = html! {
        (changes::section(comparison)?)
        (load(comparison)?)
        (waits(comparison)?)
        (table::section(comparison))
    };
    Ok(page::page(&title, &header, &sections, &footer(comparison)))
}

impl<'a> Comparison<'a> {
    fn sides(&self) -> [(Side<'a>, &'static str); 2] {
        [(self.before, "before"), (self.after, "after")]
    }

    fn replications(&self) -> usize {
        self.before.outcome.replications.len()
    }

    /// Populations, the total and the backend, each by its name. Of one population the total says nothing more.
    fn groups(&self) -> impl Iterator<Item = (&'a str, &'a Differences)> {
        let has_total = self.populations.len() != 1 || !self.unpaired.is_empty();
        let total = has_total.then_some(("total", self.total));
        let backend = (!self.backend.is_empty()).then_some(("backend", self.backend));
        self.populations.clone().into_iter().chain(total).chain(backend)
    }
}

fn shown(comparison: &Comparison<'_>) -> Vec<Fact> {
    let all = || comparison.groups().flat_map(|(_, measures)| measures.values());
    let differ = all().filter(|difference| difference.differs).count();
    vec![
        Fact::new("replications of each", count(comparison.replications() as u64)),
        Fact::new("populations in both", count(comparison.populations.len() as u64)),
        Fact::new("measures compared", count(all().count() as u64)),
        Fact::new("of these, surely differ", count(differ as u64)),
        Fact::new("seed of both", comparison.before.outcome.seed.to_string()),
    ]
}

/// Both loads on one scale.
fn load(comparison: &Comparison<'_>) -> anyhow::Result<Markup> {
    let any = |has: fn(&Side<'_>) -> bool| comparison.sides().iter().any(|(side, _)| has(side));
    let has_retries = any(|side| side.outcome.all.total.bins.iter().any(|bin| bin.retries > 0));
    let counted = counted(has_retries, any(|side| side.scenario.backend.is_some()));
    let lines = comparison.sides().map(|(side, _)| {
        let line = |counted: &super::simulation::Counted| {
            counted.line(
                &side.outcome.replications,
                |replication| &replication.total,
                side.outcome.bin.as_secs_f64(),
            )
        };
        counted.iter().map(line).collect::<Vec<_>>()
    });
    let highest = lines.iter().map(|lines| charts::highest(&[], lines)).fold(0.0, f64::max);
    if highest == 0.0 {
        return Ok(html! { section { h2 { "Load over time" } (nothing("No call was made.")) } });
    }
    let mut figures = Vec::new();
    for ((side, when), lines) in comparison.sides().into_iter().zip(&lines) {
        let label = format!("attempts over time, {when}");
        let chart = OverTime {
            label: &label,
            size: charts::LARGE,
            counted: charts::Counted::Events("attempts"),
            layers: &[],
            lines,
            highest,
        };
        let chart = chart.draw(&Time::new(side.outcome, marks::of(side.scenario)))?;
        figures.push(figure(
            &format!("{}: {}", capital(when), side.scenario.name),
            "",
            &Markup::default(),
            &chart,
        ));
    }
    Ok(html! {
        section.whole {
            h2 { "Load over time" }
            p { "Both on one scale. " (bands::explained(comparison.replications()).unwrap_or_default()) }
            (legend(counted.iter().map(super::simulation::Counted::key)))
            div.pair { @for figure in &figures { (figure) } }
        }
    })
}

/// So many charts of populations there are at most.
const MOST: usize = 12;

/// What share of calls is served within a time, before and after.
fn waits(comparison: &Comparison<'_>) -> anyhow::Result<Markup> {
    let mut figures = vec![wait(comparison, "All calls", |side, replication| {
        let _ = side;
        Some(&replication.total)
    })?];
    if comparison.populations.len() > 1 {
        for (name, _) in comparison.populations.iter().take(MOST) {
            figures.push(wait(comparison, name, |side, replication| {
                let populations = &side.scenario.populations;
                let place = populations.iter().position(|population| population.name == *name)?;
                replication.populations.get(place)
            })?);
        }
    }
    Ok(html! {
        section {
            h2 { "How long until a call is served" }
            p {
                "From a call’s first attempt to its success. A curve that ends below 100% leaves the rest unserved. "
                (bands::explained(comparison.replications()).unwrap_or_default())
                @if comparison.populations.len() > MOST { " The first " (MOST) " populations." }
            }
            (legend([(Key::Line(BEFORE), "before"), (Key::Line(AFTER), "after")]))
            div.multiples { @for figure in &figures { (figure) } }
        }
    })
}

/// How it was, and how it would be.
const BEFORE: plotters::style::RGBColor = OFFERED;
const AFTER: plotters::style::RGBColor = ADMITTED;

fn wait(
    comparison: &Comparison<'_>,
    name: &str,
    of: impl for<'b> Fn(&Side<'_>, &'b Replication) -> Option<&'b Tally>,
) -> anyhow::Result<Markup> {
    let curve = |(side, colour): (Side<'_>, _)| {
        let tallies: Vec<&Tally> =
            side.outcome.replications.iter().filter_map(|replication| of(&side, replication)).collect();
        reach::of(colour, &tallies)
    };
    let curves: Vec<Reach> = [(comparison.before, BEFORE), (comparison.after, AFTER)].map(curve).into();
    let label = format!("{name}: share of calls served within a time, before and after");
    let chart = if curves.iter().all(|curve| curve.times.is_empty()) {
        nothing("No call succeeded.")
    } else {
        charts::served_within(&label, SMALL, reach::span(&curves), &curves)?
    };
    Ok(html! { figure { figcaption { h3 { (name) } } (chart) } })
}

fn capital(text: &str) -> String {
    super::curve::capital(text)
}

fn footer(comparison: &Comparison<'_>) -> Markup {
    html! {
        p {
            "Both ran with the same seed, replication by replication: what chance does to the one it does to the other too, and cancels in \
             the difference (common random numbers). ± is half of the 95% interval of the mean of these differences (Student’s t over the \
             pairs); what differs surely is what leaves out 0. Of twenty measures that do not differ, one will seem to."
        }
        @if !comparison.unpaired.is_empty() {
            p { "Only in one of the two: " (comparison.unpaired.join(", ")) "." }
        }
    }
}
