//! Keys that have a record of their own, or get one in the race: each key's calls have an order for themselves.

use crate::counts::Counts;
use crate::event::Event;
use crate::plans::{self, PlanSet};
use crate::race::Race;
use crate::rules::{OneKey, with_insertions};
use crate::search::search;
use crate::smallest::smallest;
use crate::subject::Subject;
use std::fmt::Write as _;
use tidegate::Nanos;

/// Keys have nothing to do with each other, as long as each has a record of its own: one search a key.
pub(crate) fn search_each_key<S: Subject>(race: &Race<S>) -> Result<Counts, String> {
    search_keys(race, false)
}

fn search_keys<S: Subject>(race: &Race<S>, forgets: bool) -> Result<Counts, String> {
    let (mut counts, events, plans) = (Counts::default(), race.events(), race.plans());
    counts.histories = 1;
    // Histories have a limiter in common. Most often one before had later times than all of this; else those that race
    // beside it may, or not.
    let mut times: Vec<_> = events.iter().map(|event| event.at.monotonic).chain([Nanos::MAX]).collect();
    times.sort_unstable();
    times.dedup();
    let own = events.iter().map(|event| event.at.monotonic).max().unwrap_or(Nanos::ZERO);
    let is_before = race.latest_before() > own + Nanos::MINUTE;
    let (least, times) = if is_before { (Nanos::MAX, Vec::new()) } else { (Nanos::ZERO, times) };
    for key in 0..race.script.keys {
        let events: Vec<_> = events.iter().filter(|event| event.key == key).copied().collect();
        let (first, seen) = (OneKey::new(plans).among(least, &times).forgetting(forgets), events.len());
        let events = with_insertions(plans, &events);
        let outcome = search(&first, &events);
        if outcome.order.is_none() {
            return Err(report(&first, plans, &events));
        }
        counts.count(&events, seen, &outcome);
    }
    Ok(counts)
}

/// The same where keys give way to others. A history in which a key found no room is left out: what its call was
/// decided on is no record of its own.
pub(crate) fn search_crowded<S: Subject>(race: &Race<S>) -> Result<Counts, String> {
    if race.overflowed() > 0 {
        return Ok(Counts { histories: 1, left_out: 1, ..Counts::default() });
    }
    let forgotten = race.forgotten();
    search_keys(race, true).map(|counts| Counts { forgotten, ..counts })
}

/// A history without an order, as a person can follow it.
fn report(first: &OneKey<'_>, plans: &PlanSet, events: &[Event]) -> String {
    let mut text =
        "there is no order of these calls that the rules allow, whatever became of the others:\n".to_owned();
    for (number, plan) in plans.iter().enumerate() {
        writeln!(text, "plan {number}, {}", plans::text(plan)).unwrap();
    }
    smallest(first, events).iter().for_each(|event| writeln!(text, "{event}").unwrap());
    writeln!(text, "of all of these:").unwrap();
    events.iter().for_each(|event| writeln!(text, "{event}").unwrap());
    text
}
