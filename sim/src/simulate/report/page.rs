//! The page around the charts.

use super::charts::{self, Curve, LARGE, Layer, SMALL, colour, css};
use crate::simulate::format::{count, duration, percent, rate, seconds};
use crate::simulate::measures::{Bin, Tally};
use crate::simulate::run::Outcome;
use crate::simulate::scenario::Scenario;
use crate::simulate::summary::{Row, Summary};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use plotters::style::RGBColor;

const STYLE: &str = include_str!("style.css");

/// The whole page as text.
pub(crate) fn render(scenario: &Scenario, outcome: &Outcome, summary: &Summary) -> anyhow::Result<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (scenario.name) " – Tidegate" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (header(summary))
                main {
                    (load(outcome, summary)?)
                    (populations_over_time(outcome, summary)?)
                    (waiting_and_fairness(outcome, summary)?)
                    (denials(summary))
                    (table(summary))
                }
                (footer(summary))
            }
        }
    };
    Ok(page.into_string())
}

fn header(summary: &Summary) -> Markup {
    let (verdict, scenario) = (&summary.verdict, &summary.scenario);
    html! {
        header {
            p.kicker { (scenario.name) }
            h1 { (verdict.headline) }
            dl.facts {
                (fact("virtual time", &scenario.duration))
                (fact("clients", &count(summary.total.clients)))
                (fact("calls", &count(summary.total.calls)))
                (fact("attempts", &count(summary.total.offered)))
                (fact("denied", &percent(summary.total.denied_share())))
                (fact("calls served", &percent(summary.total.success_share)))
                (fact("retries / call", &format!("{:.2}", summary.total.retries_per_call)))
            }
            div.verdict {
                @if !verdict.throttled.is_empty() {
                    div {
                        h2 { "Who is throttled" }
                        ul { @for sentence in &verdict.throttled { (named_sentence(sentence, summary)) } }
                    }
                }
                div {
                    h2 { "What it costs" }
                    p { (verdict.retries) }
                    @if let Some(backend) = &verdict.backend { p { (backend) } }
                    @if !verdict.unthrottled.is_empty() {
                        h2 { "Who is not throttled" }
                        ul { @for name in &verdict.unthrottled { li { (swatch_of(name, summary)) (name) } } }
                    }
                }
            }
        }
    }
}

fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A sentence that begins with a population's name, which is set apart.
fn named_sentence(sentence: &str, summary: &Summary) -> Markup {
    let named = summary.populations.iter().find_map(|row| Some((row, sentence.strip_prefix(&row.name)?)));
    html! {
        li {
            @match named {
                Some((row, rest)) => { (swatch_of(&row.name, summary)) b { (row.name) } (rest) }
                None => (sentence),
            }
        }
    }
}

fn swatch(colour: RGBColor) -> Markup {
    html! { span.swatch style={ "background:" (css(colour)) } {} }
}

fn swatch_of(name: &str, summary: &Summary) -> Markup {
    let place = summary.populations.iter().position(|row| row.name == name);
    place.map_or_else(Markup::default, |place| swatch(colour(place)))
}

fn legend<'a>(entries: impl IntoIterator<Item = (RGBColor, &'a str)>) -> Markup {
    html! { ul.legend { @for (colour, name) in entries { li { (swatch(colour)) (name) } } } }
}

fn figure(title: &str, explanation: &str, legend: Markup, svg: &str) -> Markup {
    html! {
        figure {
            figcaption { h3 { (title) } p { (explanation) } }
            (legend)
            (PreEscaped(svg))
        }
    }
}

/// Admitted and denied, and what the retries of each population add.
fn load(outcome: &Outcome, summary: &Summary) -> anyhow::Result<Markup> {
    let bin = outcome.bin.as_secs_f64();
    let fate =
        charts::stack("attempts admitted and denied over time", LARGE, &fate(&outcome.all.total), bin)?;
    let mut layers = vec![Layer::new(charts::FIRST, &outcome.all.total, |bin| bin.calls)];
    let mut names = vec![(charts::FIRST, "first attempts")];
    for (place, (row, tally)) in summary.populations.iter().zip(&outcome.all.populations).enumerate() {
        if row.retries > 0 {
            layers.push(Layer::new(colour(place), tally, |bin| bin.retries));
            names.push((colour(place), &row.name));
        }
    }
    let cause = charts::stack("first attempts and retries by population over time", LARGE, &layers, bin)?;
    Ok(html! {
        section.pair {
            (figure(
                "Load, and what became of it",
                &format!("All attempts that arrive, in intervals of {}.", duration(outcome.bin)),
                legend([(charts::ADMITTED, "admitted"), (charts::DENIED, "denied")]),
                &fate,
            ))
            (figure(
                "Whose retries make the load",
                "The same attempts: first ones in grey, and on top of them each population’s retries.",
                legend(names),
                &cause,
            ))
        }
    })
}

/// Admitted under denied.
fn fate(tally: &Tally) -> [Layer; 2] {
    [Layer::new(charts::ADMITTED, tally, |bin| bin.admitted), Layer::new(charts::DENIED, tally, Bin::denied)]
}

fn populations_over_time(outcome: &Outcome, summary: &Summary) -> anyhow::Result<Markup> {
    let bin = outcome.bin.as_secs_f64();
    let mut multiples = Vec::new();
    for (row, tally) in summary.populations.iter().zip(&outcome.all.populations) {
        multiples.push((row, charts::stack("attempts of a population over time", SMALL, &fate(tally), bin)?));
    }
    Ok(html! {
        section {
            h2 { "Population by population" }
            p { "Attempts a second, each on a scale of its own." }
            (legend([(charts::ADMITTED, "admitted"), (charts::DENIED, "denied")]))
            div.multiples {
                @for (row, svg) in &multiples {
                    figure {
                        figcaption {
                            h3 { (swatch_of(&row.name, summary)) (row.name) }
                            p { (facts_of(row)) }
                        }
                        (PreEscaped(svg))
                    }
                }
            }
        }
    })
}

fn facts_of(row: &Row) -> String {
    let keys = if row.keys == row.clients { String::new() } else { format!(" on {} keys", count(row.keys)) };
    format!(
        "{} clients{keys} · retry {} · {} denied · {} served",
        count(row.clients),
        row.retry,
        percent(row.denied_share()),
        percent(row.success_share)
    )
}

fn waiting_and_fairness(outcome: &Outcome, summary: &Summary) -> anyhow::Result<Markup> {
    let curves = |points: fn(&Tally) -> Vec<(f64, f64)>| -> Vec<Curve> {
        let tallies = outcome.all.populations.iter().enumerate();
        tallies.map(|(place, tally)| Curve { colour: colour(place), points: points(tally) }).collect()
    };
    let names =
        || summary.populations.iter().enumerate().map(|(place, row)| (colour(place), row.name.as_str()));
    let served = charts::served_within("share of calls served within a time", &curves(served))?;
    let lorenz = charts::lorenz(
        "share of successes by share of clients",
        &curves(|tally| tally.successes.shares().map(|shares| shares.lorenz()).unwrap_or_default()),
    )?;
    Ok(html! {
        section.whole {
            h2 { "Waiting and fairness" }
            (legend(names()))
            div.pair {
                (figure(
                    "How long until a call is served",
                    "From a call's first attempt to the answer that admits it. A curve that ends below 100% leaves the rest \
                     unserved.",
                    Markup::default(),
                    &served,
                ))
                (figure(
                    "How evenly successes fall on clients",
                    "Within each population. On the diagonal all clients have the same; the further below, the less even. Clients that \
                     call at rates of their own lie below it anyway.",
                    Markup::default(),
                    &lorenz,
                ))
            }
        }
    })
}

/// The share of calls served within each time, in per cent. Points closer than half a per cent in time are one.
fn served(tally: &Tally) -> Vec<(f64, f64)> {
    let mut served = 0;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for value in tally.wait.iter_recorded() {
        served += value.count_since_last_iteration();
        let time = value.value_iterated_to() as f64 / 1e6;
        let share = served as f64 / tally.calls as f64 * 100.0;
        match points.last_mut() {
            Some(last) if time < last.0 * 1.005 => last.1 = share,
            _ => points.push((time, share)),
        }
    }
    points
}

/// Bars of denials: a limit each, in parts by population.
fn denials(summary: &Summary) -> Markup {
    let most = summary.total.denied_by.values().copied().max().unwrap_or_default();
    let named = summary.populations.iter().enumerate();
    let denied =
        named.filter(|(_, row)| row.denied > 0).map(|(place, row)| (colour(place), row.name.as_str()));
    html! {
        section.whole {
            h2 { "Denials by limit" }
            @if most == 0 { p { "No attempt was denied." } } @else { (legend(denied)) }
            @for (limit, denied) in &summary.total.denied_by {
                div.bar {
                    div.label { b { (limit) } " " (count(*denied)) " (" (percent(*denied as f64 / summary.total.denied as f64)) ")" }
                    div.track {
                        @for (place, row) in summary.populations.iter().enumerate() {
                            @if let Some(part) = row.denied_by.get(limit) {
                                span title={ (row.name) ": " (count(*part)) }
                                    style={ "width:" (format!("{:.3}", *part as f64 / most as f64 * 100.0)) "%;background:" (css(colour(place))) } {}
                            }
                        }
                    }
                }
            }
        }
    }
}

const HEADER: [&str; 13] = [
    "population",
    "plan",
    "calls",
    "offered",
    "admitted",
    "denied",
    "retries / call",
    "goodput / s",
    "served",
    "given up",
    "Jain’s index",
    "p50 to success",
    "p99 to success",
];

fn table(summary: &Summary) -> Markup {
    html! {
        section.whole {
            h2 { "The numbers" }
            div.scroll {
                table {
                    thead { tr { @for name in HEADER { th { (name) } } } }
                    tbody { @for row in &summary.populations { (table_row(row, summary)) } }
                    tfoot { (table_row(&summary.total, summary)) }
                }
            }
        }
    }
}

fn table_row(row: &Row, summary: &Summary) -> Markup {
    let optional = |value: Option<f64>, show: fn(f64) -> String| value.map_or("–".into(), show);
    html! {
        tr {
            th scope="row" { (swatch_of(&row.name, summary)) (row.name) }
            td.word { (row.plan) }
            td { (count(row.calls)) }
            td { (count(row.offered)) }
            td { (count(row.admitted)) }
            td { (count(row.denied)) }
            td { (format!("{:.2}", row.retries_per_call)) }
            td { (rate(row.goodput_per_second)) }
            td { (percent(row.success_share)) }
            td { (count(row.given_up + row.out_of_patience)) }
            td { (optional(row.jain, |jain| format!("{jain:.4}"))) }
            td { (optional(row.seconds_to_success_p50, seconds)) }
            td { (optional(row.seconds_to_success_p99, seconds)) }
        }
    }
}

fn footer(summary: &Summary) -> Markup {
    html! {
        footer {
            p {
                "Offered: every attempt, first or retry. Served: the share of calls that were admitted at some attempt; others were \
                 given up, or still waited at the end. Goodput: calls served a second. Time to success: from a call's first attempt to the \
                 answer that admits it, without the response's own time. Jain’s index: of successes by client, 1 when all have the \
                 same."
            }
            p { "One run with seed " (summary.scenario.seed) "; the same seed gives the same bytes. A single run has no confidence interval." }
        }
    }
}
