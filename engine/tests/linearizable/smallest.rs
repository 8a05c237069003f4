//! The least of a history for which there is no order.
//!
//! An event is spared if there still is none when it may happen at any time after its call, or never, whatever it was
//! answered. What is left has no order whatever became of the rest, and no more of it can be spared (or it would take
//! too long to tell).

use crate::event::{Call, Event};
use crate::search::{Rules, Span, search, search_within};

/// So many events are tried at least, and at most, to find out whether one can be spared; in between twice as many as
/// it took to find that there is no order.
const PATIENCE: [u64; 2] = [3_000, 50_000];

/// Spares what can be spared of a history without an order, the latest first; what remains.
pub(crate) fn smallest<R: Rules<Event = Event>>(first: &R, history: &[Event]) -> Vec<Event> {
    let mut events = history.to_vec();
    events.sort_by_key(|event| event.span.invoked);
    let patience = (2 * search(first, &events).tried).clamp(PATIENCE[0], PATIENCE[1]);
    let may_have_order = |events: &[Event]| may_have_order(patience, first, events);
    for place in (0..events.len()).rev() {
        let whole = events[place];
        events[place].answer = None;
        events[place].span.returned = Span::NEVER;
        if may_have_order(&events) {
            events[place] = whole;
        }
    }
    // Of what is left, not every answer matters.
    for place in 0..events.len() {
        let answer = events[place].answer.take();
        if may_have_order(&events) {
            events[place].answer = answer;
        }
    }
    events.retain(is_kept);
    events
}

fn is_kept(event: &Event) -> bool {
    event.span.returned != Span::NEVER
}

fn may_have_order<R: Rules<Event = Event>>(patience: u64, first: &R, events: &[Event]) -> bool {
    // What need not happen matters only before something that must, and where it leaves anything.
    let last =
        events.iter().filter(|event| is_kept(event)).map(|event| event.span.returned).max().unwrap_or(0);
    let matters = |event: &&Event| {
        is_kept(event) || event.span.invoked < last && !matches!(event.call, Call::Peek { .. })
    };
    let events: Vec<_> = events.iter().filter(matters).copied().collect();
    search_within(patience, first, &events).is_none_or(|outcome| outcome.order.is_some())
}
