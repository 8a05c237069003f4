//! The page of `tidegate simulate`.

mod backend;
mod denials;
mod load;
mod table;
mod waiting;

pub(super) use load::{Counted, counted};

use super::charts::Time;
use super::colours::Palette;
use super::marks;
use super::measure::{Unit, plus_minus};
use super::page::{self, Fact, Key, facts, legend, swatch};
use crate::simulate::dynamics::State;
use crate::simulate::estimates::Estimates;
use crate::simulate::format::count;
use crate::simulate::run::Outcome;
use crate::simulate::scenario::Scenario;
use crate::simulate::summary::{Row, Summary};
use maud::{Markup, html};

/// What a page is made from.
struct Context<'a> {
    outcome: &'a Outcome,
    summary: &'a Summary,
    palette: Palette,
    time: Time,
}

/// The whole page as text.
pub(crate) fn render(scenario: &Scenario, outcome: &Outcome, summary: &Summary) -> anyhow::Result<String> {
    let context = Context {
        outcome,
        summary,
        palette: Palette::new(&summary.populations),
        time: Time::new(outcome, marks::of(scenario)),
    };
    let sections = html! {
        (load::section(&context)?)
        (load::population_by_population(&context)?)
        (waiting::section(&context)?)
        (denials::section(&context))
        (backend::section(&context)?)
        (table::section(&context))
    };
    Ok(page::page(&scenario.name, &header(&context), &sections, &footer(&context)))
}

impl Context<'_> {
    fn replications(&self) -> usize {
        self.outcome.replications.len()
    }

    /// A count of all replications, as one of a run.
    fn count_of_a_run(&self, of_all: u64) -> String {
        match self.replications() {
            0 | 1 => count(of_all),
            runs => count((of_all as f64 / runs as f64).round() as u64),
        }
    }

    /// A name in a fact or a column of such counts.
    fn of_a_run(&self, name: &str) -> String {
        if self.replications() > 1 { format!("{name} a run") } else { name.into() }
    }

    fn swatch_of(&self, name: &str) -> Markup {
        let place = self.summary.populations.iter().position(|row| row.name == name);
        place.map_or_else(Markup::default, |place| swatch(self.palette.of(place)))
    }

    /// The populations that have colours, and how many others there are.
    fn legend(&self, key: fn(plotters::style::RGBColor) -> Key, has: impl Fn(&Row) -> bool) -> Markup {
        let rows = self.summary.populations.iter().enumerate().filter(|(_, row)| has(row));
        let named =
            rows.clone().filter_map(|(place, row)| Some((key(self.palette.own(place)?), row.name.clone())));
        let others = match rows.filter(|(place, _)| self.palette.own(*place).is_none()).count() {
            0 => None,
            others => Some((key(super::colours::OTHER), format!("{others} others"))),
        };
        legend(named.chain(others))
    }
}

/// A measure with its interval, if there is one, else by itself.
fn fact(name: &str, value: f64, unit: Unit, intervals: &Estimates, field: &str) -> Fact {
    match intervals.get(field) {
        Some(estimate) => {
            let (value, interval) = unit.with_interval(estimate.mean, estimate.half_width);
            Fact { name: name.into(), value, interval: Some(plus_minus(&interval)) }
        }
        None => Fact::new(name, unit.value(value)),
    }
}

fn header(context: &Context<'_>) -> Markup {
    let Summary { verdict, scenario, total, .. } = context.summary;
    let intervals = &total.intervals;
    let mut shown = vec![
        Fact::new("virtual time", &scenario.duration),
        Fact::new("clients", count(total.clients)),
        Fact::new(context.of_a_run("calls"), context.count_of_a_run(total.calls)),
        Fact::new(context.of_a_run("attempts"), context.count_of_a_run(total.offered)),
        fact("attempts denied", total.denied_share(), Unit::Share, intervals, "denied_share"),
        fact("calls served", total.success_share, Unit::Share, intervals, "success_share"),
        fact("retries / call", total.retries_per_call, Unit::Number, intervals, "retries_per_call"),
    ];
    if total.blocked > 0 {
        let blocked = total.blocked as f64 / total.offered as f64;
        shown.insert(5, Fact::new("blocked by the guard", Unit::Share.value(blocked)));
    }
    if context.replications() > 1 && scenario.interrupted_of.is_none() {
        shown.insert(1, Fact::new("replications", count(context.replications() as u64)));
    }
    if let Some(asked) = scenario.interrupted_of {
        let done = format!("{} of {}", count(context.replications() as u64), count(asked as u64));
        shown.insert(1, Fact::new("replications done when it was interrupted", done));
    }
    html! {
        (page::heading(&scenario.name, &verdict.headline))
        (evidence(context))
        (facts(shown))
        div.verdict {
            @if !verdict.throttled.is_empty() {
                div {
                    h2 { "Who is throttled" }
                    (listed(verdict.throttled.iter().map(|sentence| named_sentence(sentence, context)).collect()))
                }
            }
            div {
                h2 { "What it costs" }
                p { (verdict.retries) }
                @if let Some(backend) = &verdict.backend { p { (backend) } }
                @if !verdict.unthrottled.is_empty() {
                    h2 { "Who is not throttled" }
                    (listed(verdict.unthrottled.iter().map(|name| html! { (context.swatch_of(name)) (name) }).collect()))
                }
            }
        }
    }
}

/// The state that the run is in, and what says so.
fn evidence(context: &Context<'_>) -> Markup {
    let verdict = &context.summary.verdict;
    let sentences = verdict.evidence.iter().map(|evidence| named_sentence(&evidence.text, context)).collect();
    let state = match verdict.state {
        State::Stable => "Stable",
        State::Overloaded => "Overloaded",
        State::Oscillating => "Oscillating",
        State::Metastable => "Metastable",
    };
    html! {
        div.state {
            h2 {
                (state)
                @if verdict.state_of > 1 { ", as " (verdict.state_shown_by) " of " (verdict.state_of) " replications show" }
            }
            (listed(sentences))
        }
    }
}

/// So many entries of a list stand open.
const OPEN: usize = 10;

/// A list, of which the first are seen at once.
fn listed(mut entries: Vec<Markup>) -> Markup {
    let rest = if entries.len() > OPEN + 1 { entries.split_off(OPEN) } else { Vec::new() };
    html! {
        ul { @for entry in &entries { li { (entry) } } }
        @if !rest.is_empty() {
            details {
                summary { "and " (rest.len()) " more" }
                ul { @for entry in &rest { li { (entry) } } }
            }
        }
    }
}

/// A sentence that begins with a population's name, which is set apart.
fn named_sentence(sentence: &str, context: &Context<'_>) -> Markup {
    // The longest name, since one may begin as another does.
    let named = context
        .summary
        .populations
        .iter()
        .filter_map(|row| Some((row, sentence.strip_prefix(&row.name)?)))
        .max_by_key(|(row, _)| row.name.len());
    html! {
        @match named {
            Some((row, rest)) => { (context.swatch_of(&row.name)) b { (row.name) } (rest) }
            None => (sentence),
        }
    }
}

fn footer(context: &Context<'_>) -> Markup {
    let (seed, runs) = (context.summary.scenario.seed, context.replications());
    html! {
        p {
            "Offered: every attempt, first or retry. Served: the share of calls that were admitted at some attempt, and served where there \
             is a backend; others were given up, or still waited at the end. Goodput: calls served a second. Time to success: from a call’s \
             first attempt to the answer that admits it, or to its being served by a backend. Fair index: \
             Jain’s, of what clients got over their max–min fair shares, 1 when each has its own. Longest without: the longest that a \
             client who wanted one had no success."
        }
        @if runs > 1 {
            p {
                (runs) " replications with seed " (seed) ", each with draws of its own; the same seed gives the same bytes. ± is half of the 95% \
                 interval of the mean of these " (runs) " (Student’s t). Curves of clients, and numbers without ±, are of all replications together."
            }
        } @else {
            p { "One run with seed " (seed) "; the same seed gives the same bytes. ± where a single run can say it: half of \
                 the 95% interval from means of its batches. --replications gives more." }
        }
    }
}
