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

/// Keys have nothing to do with each other, as long as each has a record: one search a key.
pub(crate) fn search_each_key<S: Subject>(race: &Race<S>, plans: &PlanSet) -> Result<Counts, String> {
    let (mut counts, events) = (Counts::default(), race.events());
    for key in 0..race.script.keys {
        let events: Vec<_> = events.iter().filter(|event| event.key == key).copied().collect();
        let (first, seen) = (OneKey::new(plans), events.len());
        let events = with_insertions(plans, &events);
        let outcome = search(&first, &events);
        if outcome.order.is_none() {
            return Err(report(&first, plans, &events));
        }
        counts.count(&events, seen, &outcome);
    }
    Ok(counts)
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
