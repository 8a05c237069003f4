//! How long calls wait, and how evenly successes fall.

use super::Context;
use crate::simulate::measures::Tally;
use crate::simulate::report::bands;
use crate::simulate::report::charts::{self, Curve, LARGE, Reach};
use crate::simulate::report::page::{Key, figure, nothing};
use crate::simulate::report::reach;
use maud::{Markup, html};

pub(super) fn section(context: &Context<'_>) -> anyhow::Result<Markup> {
    let rows = &context.summary.populations;
    if context.summary.total.succeeded == 0 {
        return Ok(html! { section { h2 { "Waiting and fairness" } (nothing("No call succeeded.")) } });
    }
    Ok(html! {
        section.whole {
            h2 { "Waiting and fairness" }
            @if rows.len() > 1 { (context.legend(Key::Line, |row| row.succeeded > 0)) }
            div.pair { (waits(context)?) (lorenz(context)?) }
        }
    })
}

/// Places of populations, those without a colour first, so that they lie behind.
fn places(context: &Context<'_>) -> Vec<usize> {
    let mut places: Vec<usize> = (0..context.summary.populations.len()).collect();
    places.sort_by_key(|place| context.palette.own(*place).is_some());
    places.retain(|place| context.summary.populations[*place].succeeded > 0);
    places
}

fn waits(context: &Context<'_>) -> anyhow::Result<Markup> {
    let curves: Vec<Reach> = places(context)
        .into_iter()
        .map(|place| {
            let tallies =
                context.outcome.replications.iter().map(|replication| &replication.populations[place]);
            let mut reach = reach::of(context.palette.of(place), &tallies.collect::<Vec<&Tally>>());
            if context.palette.own(place).is_none() {
                reach.shares.band = None;
            }
            reach
        })
        .collect();
    let span = reach::span(&curves);
    let chart = charts::served_within("share of calls served within a time", LARGE, span, &curves)?;
    let explained = bands::explained(context.replications()).unwrap_or_default();
    let explanation = format!(
        "From a call’s first attempt to its success. A curve that ends below 100% leaves the rest unserved. {explained}"
    );
    let title = "How long until a call is served";
    Ok(figure(title, explanation.trim_end(), &Markup::default(), &chart))
}

fn lorenz(context: &Context<'_>) -> anyhow::Result<Markup> {
    let curve = |place: usize| {
        let shares = context.outcome.all.populations[place].successes.shares()?;
        Some(Curve { colour: context.palette.of(place), points: shares.lorenz() })
    };
    let curves: Vec<Curve> = places(context).into_iter().filter_map(curve).collect();
    let chart = charts::lorenz("share of successes by share of clients", &curves)?;
    Ok(figure(
        "How evenly successes fall on clients",
        "Within each population. On the diagonal all clients have the same; the further below, the less even. Clients that call at \
         rates of their own lie below it anyway.",
        &Markup::default(),
        &chart,
    ))
}
