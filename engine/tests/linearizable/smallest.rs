//! The least of a history for which there is no order.
//!
//! An event is spared if there still is none when it may happen at any time after its call, or never, whatever it was
//! answered. What is left has no order whatever became of the rest, and no more of it can be spared.

use crate::event::Event;
use crate::search::{Rules, Span, search};

/// Spares what can be spared of a history without an order, the latest first; what remains.
pub(crate) fn smallest<R: Rules<Event = Event>>(first: &R, history: &[Event]) -> Vec<Event> {
    let mut events = history.to_vec();
    events.sort_by_key(|event| event.span.invoked);
    let mut kept = vec![true; events.len()];
    for place in (0..events.len()).rev() {
        let whole = events[place];
        events[place].answer = None;
        events[place].span.returned = Span::NEVER;
        if has_order(first, &events) {
            events[place] = whole;
        } else {
            kept[place] = false;
        }
    }
    // Of what is left, not every answer matters.
    for place in (0..events.len()).filter(|place| kept[*place]).collect::<Vec<_>>() {
        let answer = events[place].answer.take();
        if has_order(first, &events) {
            events[place].answer = answer;
        }
    }
    events.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(event, _)| event).collect()
}

fn has_order<R: Rules<Event = Event>>(first: &R, events: &[Event]) -> bool {
    search(first, events).order.is_some()
}
