//! The search for an order: Wing and Gong's, with Lowe's memory of what was tried.
//!
//! A history is linearizable if its events can be put in one order that keeps those apart that were apart in real
//! time, and in which every event may have been answered as it was. The search takes one event after the other, of
//! those that may come next, and goes back where none may. Which events are done and what they left behind is all
//! that matters to the rest; so of equal ones only the first is gone into.

use std::collections::HashMap;

/// The moments of an event: stamps of one clock that all threads share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) invoked: u64,
    /// [`Span::NEVER`] if the event need not have happened at all.
    pub(crate) returned: u64,
}

impl Span {
    pub(crate) const NEVER: u64 = u64::MAX;

    /// Whether this event was over before the other began.
    pub(crate) fn precedes(self, other: Self) -> bool {
        self.returned <= other.invoked
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        !self.precedes(other) && !other.precedes(self)
    }
}

/// A sequential specification: what may happen next, and what it leaves.
pub(crate) trait Rules: Clone + PartialEq {
    type Event;

    fn span(event: &Self::Event) -> Span;

    /// All that the event may leave behind if it happens now and is answered as it was; nothing if it cannot be.
    fn after(&self, event: &Self::Event) -> Vec<Self>;
}

/// What a search came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// An order that the rules accept; `None` if there is none.
    pub(crate) order: Option<Vec<usize>>,
    /// Events tried as the next one, of which some were refused.
    pub(crate) tried: u64,
    pub(crate) refused: u64,
}

/// Looks for an order of these events, 128 at most.
pub(crate) fn search<R: Rules>(first: &R, events: &[R::Event]) -> Outcome {
    search_within(u64::MAX, first, events).expect("there is time for all")
}

/// The same, unless more than so many events would have to be tried.
pub(crate) fn search_within<R: Rules>(most: u64, first: &R, events: &[R::Event]) -> Option<Outcome> {
    let spans: Vec<_> = events.iter().map(R::span).collect();
    let mut by_return: Vec<_> = (0..events.len()).collect();
    by_return.sort_by_key(|event| (spans[*event].returned, spans[*event].invoked));
    let earlier = spans.iter().map(|span| set(&spans, |other| other.precedes(*span))).collect();
    let must = set(&spans, |span| span.returned != Span::NEVER);
    let outcome = Outcome { order: None, tried: 0, refused: 0 };
    let mut search =
        Search { events, by_return, earlier, must, most, dead: HashMap::new(), order: Vec::new(), outcome };
    if search.goes_on(first.clone(), 0) {
        search.outcome.order = Some(search.order);
    }
    (search.outcome.tried < most).then_some(search.outcome)
}

/// The events whose spans are as asked, a bit each.
fn set(spans: &[Span], is_in: impl Fn(&Span) -> bool) -> u128 {
    assert!(spans.len() <= 128, "an event is a bit");
    spans.iter().enumerate().filter(|(_, span)| is_in(span)).fold(0, |set, (event, _)| set | 1 << event)
}

struct Search<'a, R: Rules> {
    events: &'a [R::Event],
    /// The events in the order in which they ended: most often one that is accepted.
    by_return: Vec<usize>,
    /// By event, those that were over before it began.
    earlier: Vec<u128>,
    /// The events that have happened.
    must: u128,
    /// How many may be tried.
    most: u64,
    /// By the set of events done, what they left where nothing could go on.
    dead: HashMap<u128, Vec<R>>,
    order: Vec<usize>,
    outcome: Outcome,
}

impl<R: Rules> Search<'_, R> {
    /// Whether the events that are not done can follow in some order.
    fn goes_on(&mut self, state: R, done: u128) -> bool {
        if self.must & !done == 0 {
            return true;
        }
        if self.dead.get(&done).is_some_and(|states| states.contains(&state)) {
            return false;
        }
        for place in 0..self.by_return.len() {
            let event = self.by_return[place];
            if done >> event & 1 == 1 || self.earlier[event] & !done != 0 {
                continue;
            }
            if self.outcome.tried >= self.most {
                return false;
            }
            let next = state.after(&self.events[event]);
            self.outcome.tried += 1;
            self.outcome.refused += u64::from(next.is_empty());
            self.order.push(event);
            for state in next {
                if self.goes_on(state, done | 1 << event) {
                    return true;
                }
            }
            self.order.pop();
        }
        self.dead.entry(done).or_default().push(state);
        false
    }
}
