//! The search itself: what it accepts, what it refuses, and how little it shows of that.

use crate::event::{Answer, Call, Event};
use crate::rules::{OneKey, with_insertions};
use crate::search::{Rules, Span, search};
use crate::smallest::smallest;
use tidegate::{Burst, Cost, Limit, LimitId, LimitSet, Nanos, Plan, Timestamp, Unit, Verdict};

/// A number that is read and written: the least that a search can be tried on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Register(u64);

#[derive(Clone, Copy)]
enum Access {
    Reads(u64),
    Writes(u64),
}
use Access::{Reads, Writes};

impl Rules for Register {
    type Event = (Span, Access);

    fn span((span, _): &Self::Event) -> Span {
        *span
    }

    fn after(&self, (_, access): &Self::Event) -> Vec<Self> {
        match *access {
            Reads(value) if value != self.0 => Vec::new(),
            Reads(_) => vec![*self],
            Writes(value) => vec![Self(value)],
        }
    }
}

fn span(invoked: u64, returned: u64) -> Span {
    Span { invoked, returned }
}

fn has_order(events: &[(Span, Access)]) -> bool {
    search(&Register(0), events).order.is_some()
}

#[test]
fn real_time_is_kept() {
    let (write, read) = (Writes(1), Reads(0));
    assert!(has_order(&[(span(0, 2), write), (span(1, 3), read)]), "they overlap");
    assert!(!has_order(&[(span(0, 2), write), (span(2, 3), read)]), "the write was over");
    assert!(has_order(&[(span(2, 3), write), (span(0, 2), read)]), "the read was");
}

#[test]
fn what_one_saw_no_other_misses_later() {
    let events = [(span(0, 9), Writes(1)), (span(1, 2), Reads(1)), (span(3, 4), Reads(0))];
    assert!(!has_order(&events));
    assert!(has_order(&events[..2]));
    assert!(has_order(&[events[0], events[2]]));
}

#[test]
fn an_event_without_an_end_may_happen_or_not() {
    let write = (span(1, Span::NEVER), Writes(1));
    assert!(has_order(&[write, (span(4, 5), Reads(0))]));
    assert!(has_order(&[write, (span(4, 5), Reads(1))]));
    assert!(has_order(&[write, (span(4, 5), Reads(0)), (span(5, 6), Reads(1))]));
    assert!(!has_order(&[write, (span(4, 5), Reads(1)), (span(5, 6), Reads(0))]));
    assert!(!has_order(&[write, (span(0, 1), Reads(1))]), "before its call it may not");
}

/// All orders of few events, against the search.
#[test]
fn it_finds_an_order_where_there_is_one_and_none_elsewhere() {
    let mut found = [0; 2];
    for number in 0..20_000_u64 {
        let mut left = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut next = |below: u64| {
            left = left.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (left >> 33) % below
        };
        let events: Vec<_> = (0..5)
            .map(|_| {
                let invoked = next(6);
                let access = if next(2) == 0 { Reads(next(3)) } else { Writes(next(3)) };
                (span(invoked, invoked + 1 + next(5)), access)
            })
            .collect();
        let expected = any_order(&events, &mut Vec::new());
        assert_eq!(has_order(&events), expected, "history {number}");
        found[usize::from(expected)] += 1;
    }
    assert!(found.iter().all(|count| *count > 1_000), "{found:?}");
}

fn any_order(events: &[(Span, Access)], order: &mut Vec<usize>) -> bool {
    if order.len() == events.len() {
        let kept = |(place, event): (usize, &usize)| {
            order[..place].iter().all(|earlier| !events[*event].0.precedes(events[*earlier].0))
        };
        let mut state = Register(0);
        return order.iter().enumerate().all(kept)
            && order.iter().all(|event| {
                let next = state.after(&events[*event]);
                next.first().inspect(|next| state = **next).is_some()
            });
    }
    (0..events.len()).any(|event| {
        if order.contains(&event) {
            return false;
        }
        order.push(event);
        let found = any_order(events, order);
        order.pop();
        found
    })
}

/// Two requests in seven milliseconds.
fn two() -> [Plan; 1] {
    let limit = Limit::window(Unit::Requests, 2, Nanos::from_millis(7)).with_burst(Burst::NONE);
    [Plan::builder("two").limit(limit).build().unwrap()]
}

fn event(number: usize, (invoked, returned): (u64, u64), call: Call, answer: Answer) -> Event {
    let at = Timestamp::both(Nanos::from_secs(1));
    Event { number, thread: number, key: 0, call, at, span: span(invoked, returned), answer: Some(answer) }
}

const CHECK: Call = Call::Check { plan: 0, cost: Cost::REQUEST };
const ADMITTED: Answer = Answer::Verdict(Verdict::Admit(LimitSet::EMPTY));

fn denied(millis: u64) -> Answer {
    let retry_after = Nanos::from_millis(millis);
    Answer::Verdict(Verdict::Deny(tidegate::Denial { limit: LimitId::RequestsWindow, retry_after }))
}

#[test]
fn a_history_of_one_thread_is_accepted_as_it_is() {
    let plans = two();
    let events = [
        event(0, (0, 1), CHECK, ADMITTED),
        event(1, (1, 2), CHECK, ADMITTED),
        event(2, (2, 3), CHECK, denied(8)),
        event(3, (3, 4), Call::Cancel { of: 0 }, Answer::Done),
        event(4, (4, 5), CHECK, ADMITTED),
        event(5, (5, 6), CHECK, denied(8)),
    ];
    let outcome = search(&OneKey::new(&plans), &events);
    assert_eq!(outcome.order, Some(vec![0, 1, 2, 3, 4, 5]));
    assert_eq!((outcome.tried, outcome.refused), (6, 0));
}

#[test]
fn a_denial_a_nanosecond_off_is_refused() {
    let plans = two();
    for (nanos, is_accepted) in [(7_999_999, false), (8_000_000, true), (8_000_001, false)] {
        let retry_after = Nanos::new(nanos);
        let denial = tidegate::Denial { limit: LimitId::RequestsWindow, retry_after };
        let events = [
            event(0, (0, 1), CHECK, ADMITTED),
            event(1, (1, 2), CHECK, ADMITTED),
            event(2, (2, 3), CHECK, Answer::Verdict(Verdict::Deny(denial))),
        ];
        assert_eq!(search(&OneKey::new(&plans), &events).order.is_some(), is_accepted, "{nanos}");
    }
}

/// Three are admitted where two may be, while other calls go on that have nothing to do with it.
#[test]
fn one_too_many_is_refused_and_the_three_are_shown() {
    let plans = two();
    let peek = Call::Peek { plan: 0, cost: Cost::REQUEST };
    let events = [
        event(0, (0, 4), CHECK, ADMITTED),
        event(1, (0, 5), peek, ADMITTED),
        event(2, (1, 6), CHECK, ADMITTED),
        event(3, (2, 7), Call::ClearOwnPlan, Answer::Done),
        event(4, (3, 8), CHECK, ADMITTED),
        event(5, (9, 10), peek, denied(8)),
        event(6, (10, 11), CHECK, denied(8)),
    ];
    assert!(search(&OneKey::new(&plans), &events).order.is_none());
    let shown = smallest(&OneKey::new(&plans), &events);
    assert_eq!(shown.iter().map(|event| event.number).collect::<Vec<_>>(), [0, 2, 4]);
    // With the second cancelled in between there is an order, although the third ended first.
    let cancelled = [
        events[0],
        event(2, (1, 3), CHECK, ADMITTED),
        event(3, (3, 9), Call::Cancel { of: 2 }, Answer::Done),
        event(4, (3, 8), CHECK, ADMITTED),
    ];
    assert!(search(&OneKey::new(&plans), &cancelled).order.is_some());
    // But not where the cancel comes after the third call.
    let late =
        [cancelled[0], cancelled[1], event(3, (8, 9), Call::Cancel { of: 2 }, Answer::Done), cancelled[3]];
    assert!(search(&OneKey::new(&plans), &late).order.is_none());
}

/// The one thing that threads can see and a single one cannot: see [`with_insertions`].
#[test]
fn a_key_may_be_known_before_the_call_that_makes_it_known() {
    let day =
        |name, requests| Plan::builder(name).limit(Limit::day(Unit::Requests, requests)).build().unwrap();
    let plans = [day("one", 1), day("two", 2)];
    let (yesterday, today) = (Timestamp::both(Nanos::ZERO), Timestamp::both(Nanos::DAY));
    let admitted = |span, at| Event { at, ..event(0, span, CHECK, ADMITTED) };
    let three = Cost { requests: 3, tokens: 0 };
    let never = Answer::Verdict(Verdict::Never(LimitId::RequestsDay));
    let denied = |span| Event { at: today, ..event(1, span, Call::Check { plan: 1, cost: three }, never) };
    // The call of yesterday counts today, although nothing of today was charged.
    let used_up = Answer::Verdict(Verdict::Deny(tidegate::Denial {
        limit: LimitId::RequestsDay,
        retry_after: Nanos::DAY,
    }));
    let counted = Event { at: today, ..event(2, (5, 6), CHECK, used_up) };
    let has_order = |events: &[Event]| search(&OneKey::new(&plans), events).order.is_some();
    let overlapping = [admitted((0, 3), yesterday), denied((1, 2)), counted];
    assert!(!has_order(&overlapping), "to one thread that is wrong");
    assert!(has_order(&with_insertions(&plans, &overlapping)));
    for apart in [[(0, 1), (1, 2)], [(2, 3), (1, 2)]] {
        let events = [admitted(apart[0], yesterday), denied(apart[1]), counted];
        assert!(!has_order(&with_insertions(&plans, &events)), "they did not overlap");
    }
}
