//! The shortcut against the steps over the whole record: where it says yes, so do they, and both leave the same.

use super::*;
use crate::packed::{Counts, day_max, window_max};
use crate::plan::{Burst, Limit, Mode, Plan, PlanId, Span};
use crate::record::{Charge, RING_WORDS, Record, Ring, Words};
use crate::unit::LimitId;
use quickcheck::{Arbitrary, Gen, QuickCheck};
use std::cell::Cell;

/// A plan, a record expressed in it, and calls to it.
#[derive(Clone, Debug)]
struct Case {
    plan: Plan,
    record: Record,
    calls: Vec<Call>,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    cost: Cost,
    at: Timestamp,
    /// Charged whatever the rules say, as what a call overran is.
    overrun: bool,
}

fn pick<T: Copy>(g: &mut Gen, from: &[T]) -> T {
    *g.choose(from).unwrap()
}

fn below(g: &mut Gen, end: u64) -> u64 {
    u64::arbitrary(g) % end.max(1)
}

/// A number about another: a little less or more, or any up to it.
fn about(g: &mut Gen, number: u64) -> u64 {
    match below(g, 4) {
        0 => below(g, number.saturating_add(1)),
        1 => number.saturating_add(below(g, 3)),
        _ => number.saturating_sub(below(g, 20)),
    }
}

/// What may be used of so much: mostly little.
fn used(g: &mut Gen, number: u64) -> u64 {
    match below(g, 8) {
        0 => about(g, number),
        1..4 => 0,
        4 => number / 2,
        _ => below(g, 20).min(number),
    }
}

fn limit(g: &mut Gen, id: LimitId) -> Limit {
    let large = pick(g, &[100, 10_000_000, 100_000_000_000]).min(Limit::range(id) / 4);
    let amount = 1 + match below(g, 3) {
        0 => below(g, large),
        _ => below(g, 40),
    };
    let windows = [1_000_000, 1_000_003, 1_000_000_000, 60_000_000_000, 3_600_000_000_000];
    let window = if below(g, 8) == 0 { Span::MAX_WINDOW } else { Nanos::new(pick(g, &windows)) };
    let limit =
        if id.is_day() { Limit::day(id.unit(), amount) } else { Limit::window(id.unit(), amount, window) };
    let mode = if below(g, 6) == 0 { Mode::Shadow } else { Mode::Enforce };
    limit.with_mode(mode).with_burst(Burst::fraction(pick(g, &[0.0, 0.2, 1.0])).unwrap())
}

/// One or two windows, or none; days; shadow limits.
fn plan(g: &mut Gen) -> Plan {
    let limits = LimitId::ALL.into_iter().filter(|_| below(g, 3) != 0).collect::<Vec<_>>();
    limits.into_iter().fold(Plan::builder("p"), |plan, id| plan.limit(limit(g, id))).build().unwrap()
}

/// A time that matters to a plan.
fn span(g: &mut Gen, plan: &CompiledPlan) -> u64 {
    let rule = &plan.quick().units[below(g, 2) as usize];
    let span = match below(g, 6) {
        0 => 0,
        1 => rule.window / rule.amount.max(1),
        2 => rule.window / 7,
        3 => rule.window,
        4 => Recent::REACH,
        _ => below(g, 1_000),
    };
    about(g, span)
}

/// A record with much or little room; with pins that are shared or not, near or far back.
fn record(g: &mut Gen, plan: &CompiledPlan) -> Record {
    let until = MAX_TIME / 2 + below(g, 1 << 40);
    let at = Timestamp { monotonic: Nanos::new(until - 1), unix: Nanos::new(below(g, 1 << 60)) };
    let mut head = Head::fresh(7, PlanId(3), at);
    let mut ring = Ring { segments: [Counts::ZERO; RING_WORDS] };
    let shared = bool::arbitrary(g);
    let shared_pin = until - 1 - span(g, plan);
    for unit in Unit::ALL {
        let rule = &plan.quick().units[unit as usize];
        let (ceiling, day) = (rule.ceiling.min(1 << 39), rule.day.min(1 << 42));
        let total = used(g, ceiling).min(window_max(unit));
        head.totals.set(unit, total);
        head.day_used[unit as usize] = used(g, day).min(day_max(unit));
        let completed = below(g, total + 1);
        ring.segments[below(g, RING_WORDS as u64) as usize].set(unit, completed);
        head.charged.set(unit, used(g, ceiling).min(window_max(unit)));
        head.pins[unit as usize] = if shared { shared_pin } else { until - 1 - span(g, plan) };
    }
    Record { head, ring }
}

/// The moment at which a bucket is full.
fn full_at(record: &Record, plan: &CompiledPlan, unit: Unit) -> u64 {
    let rule = &plan.quick().units[unit as usize];
    let (charged, amount) = (u128::from(record.head.charged.of(unit)), u128::from(rule.amount.max(1)));
    let elapsed = (charged * u128::from(rule.window)).div_ceil(amount);
    record.head.pins[unit as usize] + u64::try_from(elapsed).unwrap_or(u64::MAX).min(1 << 62)
}

fn call(g: &mut Gen, record: &Record, plan: &CompiledPlan) -> Call {
    let until = record.head.until;
    let monotonic = match below(g, 12) {
        0 => until + below(g, 2),
        1 => until - span(g, plan),
        2 => record.head.pins[0] + below(g, 3) - 1,
        4..6 => full_at(record, plan, pick(g, &Unit::ALL)) + below(g, 2),
        3 => record.head.pins[1] + span(g, plan),
        _ => until - 1 - below(g, 50),
    };
    let day = record.head.day * Nanos::DAY.get();
    let unix = match below(g, 12) {
        0 => day + Nanos::DAY.get() - below(g, 2),
        1 => below(g, day + 1),
        _ => day + below(g, Nanos::DAY.get()),
    };
    let large = pick(g, &[256, 1 << 20, u64::MAX]);
    let cost = match below(g, 8) {
        0 => Cost { requests: below(g, large), tokens: below(g, large) },
        _ => Cost { requests: below(g, 3), tokens: below(g, 12) },
    };
    let at = Timestamp { monotonic: Nanos::new(monotonic), unix: Nanos::new(unix) };
    Call { cost, at, overrun: below(g, 24) == 0 }
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        let plan = plan(g);
        let compiled = CompiledPlan::new(plan.clone());
        let record = record(g, &compiled);
        let mut calls: Vec<_> = (0..below(g, 12)).map(|_| call(g, &record, &compiled)).collect();
        if below(g, 4) != 0 {
            calls.sort_by_key(|call| call.at.monotonic);
        }
        Self { plan, record, calls }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let whole = self.clone();
        Box::new((0..self.calls.len()).map(move |at| {
            let mut less = whole.clone();
            less.calls.remove(at);
            less
        }))
    }
}

/// All of a record that counts: not the time of the call, nor what stands for a bucket that there is none of.
fn content(mut record: Record, plan: &CompiledPlan) -> String {
    record.head.now = 0;
    for unit in Unit::ALL.into_iter().filter(|unit| plan.unit(*unit).window.is_none()) {
        record.head.charged.set(unit, 0);
        record.head.pins[unit as usize] = 0;
    }
    format!("{record:?}")
}

/// A record's words, in which it stands as it was.
fn written(record: Record, plan: &CompiledPlan) -> (Words, Recent) {
    let (words, recent) = record.to_words(plan);
    assert_eq!(content(Record::from_words(&words, recent, plan), plan), content(record, plan));
    (words, recent)
}

/// Makes a call on the words in which a record stands, as a limiter does. Says whether the shortcut took it.
fn make(call: Call, words: &mut Words, recent: &mut Recent, plan: &CompiledPlan) -> bool {
    let Call { cost, at, overrun } = call;
    let mut record = Record::from_words(words, *recent, plan);
    record.advance(plan, at);
    let judgement = record.head.judge(plan, cost);
    if judgement.denying.is_empty() || overrun {
        record.charge(plan, cost);
    }
    let quick = if overrun { None } else { recent.admit(&*words, plan, cost, at) };
    match quick {
        Some(quick) => {
            assert!(judgement.denying.is_empty() && judgement.shadow.is_empty(), "{call:?}: {judgement:?}");
            let left = Record::from_words(words, quick, plan);
            assert_eq!(content(left, plan), content(record, plan), "{call:?}");
            assert_eq!(quick.charge_made(&*words, cost), Charge::made_on(&record.head, cost), "{call:?}");
            *recent = quick;
        }
        None if judgement.denying.is_empty() || overrun => (*words, *recent) = written(record, plan),
        None => {}
    }
    quick.is_some()
}

#[test]
fn the_shortcut_leaves_what_the_whole_steps_leave() {
    std::thread_local! {
        /// Calls, by whether the shortcut took them.
        static CALLS: [Cell<u64>; 2] = const { [Cell::new(0), Cell::new(0)] };
    }
    fn agrees(case: Case) -> bool {
        let plan = CompiledPlan::new(case.plan);
        let (mut words, mut recent) = written(case.record, &plan);
        for call in case.calls {
            let quick = make(call, &mut words, &mut recent, &plan);
            CALLS.with(|calls| calls[usize::from(quick)].set(calls[usize::from(quick)].get() + 1));
        }
        true
    }
    let cases = 60_000;
    QuickCheck::new().rng(Gen::new(60)).tests(cases).max_tests(cases).quickcheck(agrees as fn(Case) -> bool);
    let [long, quick] = CALLS.with(|calls| [0, 1].map(|way| calls[way].get()));
    assert!(long > cases && quick > cases / 2, "{long} calls went the long way, {quick} the short one");
}
