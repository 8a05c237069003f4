//! The shortcut against the steps over the whole record: where it says yes, so do they, and both leave the same.

use super::*;
use crate::packed::{Counts, day_max, window_max};
use crate::plan::{Burst, Limit, Mode, Plan, PlanId, Span};
use crate::record::{Charge, MAX_TIME, RING_WORDS, Record, Ring, Words};
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

const UNTIL: u64 = 1 << 50;

fn compiled(limits: &[Limit]) -> CompiledPlan {
    let plan = limits.iter().cloned().fold(Plan::builder("p"), crate::plan::PlanBuilder::limit);
    CompiledPlan::new(plan.build().unwrap())
}

fn window(unit: Unit, amount: u64, nanos: u64) -> Limit {
    Limit::window(unit, amount, Nanos::new(nanos))
}

/// Small limits and large ones, of one unit or both, within reach of the narrow numbers or not.
fn plans() -> Vec<CompiledPlan> {
    let (requests, tokens) = (Unit::Requests, Unit::Tokens);
    let second = 1_000_000_000;
    vec![
        compiled(&[]),
        compiled(&[window(requests, 10, second)]),
        compiled(&[window(tokens, 7, 1_000_003)]),
        compiled(&[window(requests, 10, second), window(tokens, 1_000, second)]),
        compiled(&[window(requests, 60, 60 * second), window(tokens, 3, 2 * second)]),
        compiled(&[window(requests, 9_999_991, 60 * second), window(tokens, 99_999_999_977, 60 * second)]),
        compiled(&[window(requests, 1, Span::MAX_WINDOW.get()), window(tokens, 5, 3_600 * second)]),
    ]
}

/// Nothing owed by a bucket so charged after so long, and room for so much more.
fn exactly(plan: &CompiledPlan, unit: Unit, elapsed: u64, charged: u64, cost: u64) -> (bool, bool) {
    let rule = &plan.quick().units[unit as usize];
    let times_window = |units: u64| u128::from(units) * u128::from(rule.window);
    let refilled = u128::from(elapsed) * u128::from(rule.amount);
    (refilled >= times_window(charged), times_window(charged + cost) <= times_window(rule.ceiling) + refilled)
}

/// Times since a pin that matter to a bucket, and the longest that there are bits for.
fn elapsed_times(plan: &CompiledPlan, charged: u64, cost: u64) -> Vec<u64> {
    let mut times = vec![0, 1, plan.quick().narrow_reach, Recent::REACH - 1, Recent::REACH];
    for rule in plan.quick().units.iter().filter(|rule| rule.has_window) {
        let refill = |units: u64| {
            let nanos = u128::from(units) * u128::from(rule.window) / u128::from(rule.amount);
            u64::try_from(nanos).unwrap_or(u64::MAX)
        };
        times.extend([rule.window, refill(charged), refill((charged + cost).saturating_sub(rule.ceiling))]);
    }
    let about = times.into_iter().flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)]);
    about.filter(|time| *time < 1 << 48).collect()
}

/// Both buckets are pinned here so long before `UNTIL`, or neither, and so much was charged since.
fn beside(back: u64, pinned: [bool; 2], since: Cost) -> Recent {
    let flags = REQUESTS_PINNED.word(pinned[0].into()) | TOKENS_PINNED.word(pinned[1].into());
    let low = flags | PIN_BACK.word(back - 1) | REQUESTS_SINCE_PIN.word(since.requests);
    let room = REQUEST_ROOM.word(REQUEST_ROOM.max()) | TOKEN_ROOM.word(TOKEN_ROOM.max());
    Recent { low, high: DAY.word(3) | OPEN | room | TOKENS_SINCE_PIN.word(since.tokens) }
}

#[test]
fn the_narrow_numbers_tell_of_buckets_pinned_here_what_exact_ones_tell() {
    let counts = [(0, 0), (1, 0), (1, 1), (3, 9), (12, 2), (11, 1_199), (255, (1 << 19) - 1)];
    let costs = [(0, 0), (1, 0), (0, 1), (1, 8), (9, 1_000)];
    let back = Recent::REACH;
    for plan in plans() {
        for ((requests, tokens), (of_requests, of_tokens)) in
            counts.into_iter().flat_map(|counts| costs.map(|costs| (counts, costs)))
        {
            let (since, cost) =
                (Cost { requests, tokens }, Cost { requests: of_requests, tokens: of_tokens });
            let here = beside(back, [true, true], since);
            let times = Unit::ALL.map(|unit| elapsed_times(&plan, since.of(unit), cost.of(unit))).concat();
            for elapsed in times.into_iter().filter(|time| *time < back) {
                let buckets: Vec<_> = Unit::ALL
                    .into_iter()
                    .filter(|unit| plan.unit(*unit).window.is_some())
                    .map(|unit| (unit, exactly(&plan, unit, elapsed, since.of(unit), cost.of(unit)).0))
                    .collect();
                let have_room = |(unit, _): &(Unit, bool)| {
                    since.of(*unit) + cost.of(*unit) <= plan.quick().units[*unit as usize].ceiling
                };
                let expected = match () {
                    () if elapsed >= plan.quick().narrow_reach => None,
                    () if buckets.iter().all(|(_, full)| *full) => Some(true),
                    () if buckets.iter().any(|(_, full)| *full) => None,
                    () => buckets.iter().all(have_room).then_some(false),
                };
                let past = elapsed.wrapping_sub(back);
                let told = here.pins_narrowly(plan.quick(), cost, past);
                assert_eq!(told, expected, "{since:?} and {cost:?} after {elapsed} ns: {:?}", plan.quick());
            }
            let before_the_pin = 0_u64.wrapping_sub(back + 1);
            assert_eq!(here.pins_narrowly(plan.quick(), cost, before_the_pin), None);
            for pinned in [[true, false], [false, true], [false, false]] {
                let partly = beside(back, pinned, since);
                assert_eq!(partly.pins_narrowly(plan.quick(), cost, 1_u64.wrapping_sub(back)), None);
            }
        }
    }
}

/// Holds what is said of a bucket against exact numbers: with its pin beside the words, and in the words of a record
/// of which so many units were taken since.
fn hold_bucket(plan: &CompiledPlan, unit: Unit, charged: u64, cost: u64, elapsed: u64) {
    let rule = &plan.quick().units[unit as usize];
    let (is_full, has_room) = exactly(plan, unit, elapsed, charged, cost);
    let expected = if is_full { Some(true) } else { (has_room && elapsed < rule.window).then_some(false) };
    let case = format!("{charged} and {cost} after {elapsed} ns: {rule:?}");
    // The call comes a nanosecond before the record's end.
    let (last, too_early) = (u64::MAX, 0_u64.wrapping_sub(elapsed + 2));
    let at = Timestamp { monotonic: Nanos::new(UNTIL - 1), unix: Nanos::ZERO };
    let mut head = Head::fresh(7, PlanId(3), at);
    // Not the other's pin, or it would stand beside the words.
    head.pins = [UNTIL - 2 - elapsed; 2];
    head.pins[unit as usize] += 1;
    let taken = charged.min(3);
    head.charged.set(unit, charged - taken);
    let record = Record { head, ring: Ring { segments: [Counts::ZERO; RING_WORDS] } };
    let (words, open) = record.to_words(plan);
    let field = [REQUEST_ROOM, TOKEN_ROOM][unit as usize];
    if open.room(unit) >= taken {
        let stored = Recent { high: open.high - field.word(taken), ..open };
        assert!(!stored.is_pinned(unit));
        assert_eq!(stored.bucket(&words, unit, plan, cost, last), expected, "{case}");
        assert_eq!(stored.bucket(&words, unit, plan, cost, too_early), None, "{case}");
    }
    if elapsed < Recent::REACH {
        let here = beside(elapsed + 1, [true, true], Cost { requests: charged, tokens: charged });
        assert_eq!(here.bucket(&words, unit, plan, cost, last), expected, "{case}");
        assert_eq!(here.bucket(&words, unit, plan, cost, too_early), None, "{case}");
    }
}

#[test]
fn a_bucket_is_full_or_has_room_to_the_nanosecond_wherever_its_pin_stands() {
    for plan in plans() {
        for unit in Unit::ALL.into_iter().filter(|unit| plan.unit(*unit).window.is_some()) {
            for (charged, cost) in [0, 1, 3, 12, 13, 255]
                .into_iter()
                .flat_map(|charged| [0, 1, 9, 200].map(|cost| (charged, cost)))
            {
                for elapsed in elapsed_times(&plan, charged, cost) {
                    hold_bucket(&plan, unit, charged, cost, elapsed);
                }
            }
        }
    }
}

/// A record's words, and what stands beside them, where nothing was charged; it stands until `UNTIL`.
fn stored(plan: &CompiledPlan, change: impl FnOnce(&mut Head)) -> (Words, Recent) {
    let unix = Nanos::new(3 * Nanos::DAY.get());
    let mut head = Head::fresh(7, PlanId(3), Timestamp { monotonic: Nanos::new(UNTIL - 1), unix });
    change(&mut head);
    written(Record { head, ring: Ring { segments: [Counts::ZERO; RING_WORDS] } }, plan)
}

#[test]
fn buckets_that_share_a_pin_have_it_beside_the_words_if_there_are_bits_for_it() {
    let plan = CompiledPlan::new(Plan::enterprise());
    let last = UNTIL - 1;
    let (most_requests, most_tokens) = ((1 << 8) - 1, (1 << 19) - 1);
    for (until, pins, (requests, tokens), is_shared) in [
        (UNTIL, [last; 2], (0, 0), true),
        (UNTIL, [last - 5; 2], (1, 0), true),
        (UNTIL, [last - (Recent::REACH - 1); 2], (most_requests, most_tokens), true),
        (UNTIL, [last - Recent::REACH; 2], (0, 0), false),
        (UNTIL, [last, last - 1], (0, 0), false),
        (UNTIL, [last - 5; 2], (most_requests + 1, 0), false),
        (UNTIL, [last - 5; 2], (0, most_tokens + 1), false),
        (UNTIL, [last - 5; 2], (most_requests + 1, most_tokens + 1), false),
        // A pin may lie before the clock's zero.
        (6, [5_u64.wrapping_sub(20); 2], (3, 9), true),
        (6, [5_u64.wrapping_sub(Recent::REACH); 2], (3, 9), false),
    ] {
        let (words, recent) = stored(&plan, |head| {
            (head.until, head.pins) = (until, pins);
            head.charged.set(Unit::Requests, requests);
            head.charged.set(Unit::Tokens, tokens);
        });
        let case = format!("{pins:?} until {until}, {requests} and {tokens}");
        assert_eq!(Unit::ALL.map(|unit| recent.is_pinned(unit)), [is_shared; 2], "{case}");
        let head = Record::from_words(&words, recent, &plan).head;
        let charged = Unit::ALL.map(|unit| head.charged.of(unit));
        assert_eq!((head.pins, charged), (pins, [requests, tokens]), "{case}");
    }
}

#[test]
fn there_are_bits_for_255_requests_and_524287_tokens() {
    let (requests, tokens) = (1 << 8, 1 << 19);
    for (cost, expected) in [
        ((0, 0), true),
        ((requests - 1, tokens - 1), true),
        ((requests, 0), false),
        ((0, tokens), false),
        // The same bits of both, one above the other.
        ((requests, tokens), false),
        ((u64::MAX, u64::MAX), false),
    ] {
        assert_eq!(fits(Cost { requests: cost.0, tokens: cost.1 }), expected, "{cost:?}");
    }
}

#[test]
fn the_low_half_has_room_for_a_version_above() {
    let all = BOTH_PINNED | PIN_BACK.word(PIN_BACK.max()) | REQUESTS_SINCE_PIN.word(REQUESTS_SINCE_PIN.max());
    assert_eq!(all, (1 << Recent::LOW_BITS) - 1, "no bit of it is unused");
    assert_eq!(Recent::NOBODYS.halves(), (0, 0), "as in memory that was never written");
    assert_eq!(Recent::from_halves(u64::MAX, 5).halves(), (all, 5));
    assert_eq!(Recent::from_halves(all + 1, u64::MAX).halves(), (0, u64::MAX));
    let counts = TOKENS_SINCE_PIN.word(u64::MAX) | TOKEN_ROOM.word(u64::MAX) | REQUEST_ROOM.word(u64::MAX);
    assert_eq!(counts | OPEN | DAY.word(u64::MAX), u64::MAX, "nor of the high one");
    assert_eq!([counts & OPEN, counts & DAY.word(u64::MAX), OPEN & DAY.word(u64::MAX)], [0; 3]);
}

/// Of both the last nanosecond and the last unit; the charge is found again by what a settle goes by.
#[test]
fn a_call_is_short_within_the_segment_the_day_and_the_room() {
    let plan = compiled(&[window(Unit::Requests, 10, 60_000_000_000), Limit::day(Unit::Tokens, 1_000)]);
    let (midnight, last) = (4 * Nanos::DAY.get(), UNTIL - 1);
    let cost = |requests, tokens| Cost { requests, tokens };
    for (cost, monotonic, unix, is_short) in [
        (cost(1, 1), last, midnight - 1, true),
        (cost(1, 1), last, midnight, false),
        (cost(1, 1), last, 0, true),
        (cost(1, 1), last - 5, midnight - 1, false),
        (cost(1, 1), UNTIL, 0, false),
        (cost(0, 0), last, 0, true),
        (cost(12, 1_000), last, 0, true),
        (cost(13, 0), last, 0, false),
        (cost(0, 1_001), last, 0, false),
        (cost(256, 0), last, 0, false),
        (cost(u64::MAX, u64::MAX), last, 0, false),
    ] {
        let (words, recent) = stored(&plan, |_| {});
        let at = Timestamp { monotonic: Nanos::new(monotonic), unix: Nanos::new(unix) };
        let Some(left) = recent.admit(&words, &plan, cost, at) else {
            assert!(!is_short, "{cost:?} at {at:?}");
            continue;
        };
        assert!(is_short, "{cost:?} at {at:?}");
        let record = Record::from_words(&words, left, &plan);
        assert_eq!(record.used_in_windows(), [cost.requests, cost.tokens]);
        assert_eq!(record.head.day_used, [cost.requests, cost.tokens]);
        assert_eq!(left.charge_made(&words, cost), Charge::made_on(&record.head, cost));
    }
    let (words, recent) = stored(&plan, |head| head.charged.set(Unit::Requests, 3));
    let at = Timestamp { monotonic: Nanos::new(last), unix: Nanos::ZERO };
    let late = Timestamp { monotonic: Nanos::new(UNTIL), ..at };
    let is_short = |at| recent.admit(&words, &plan, cost(1, 1), at).is_some();
    assert_eq!([is_short(at), is_short(late)], [true, false], "though no bucket is pinned");
    // More was used than there is: by what overran an estimate, or under another plan.
    let overrun: [fn(&mut Head); 2] =
        [|head| head.totals.set(Unit::Requests, 13), |head| head.charge_day(Unit::Tokens, 1_001)];
    for overrun in overrun {
        let (words, recent) = stored(&plan, overrun);
        assert_eq!(recent.admit(&words, &plan, Cost::default(), at), None);
    }
    for closed in [Recent::NOBODYS, Recent::closed(3, last), Recent::closed(Recent::MAX_DAY, 0)] {
        assert_eq!(closed.admit(&words, &plan, Cost::default(), at), None);
    }
}

/// There is one pin here. A bucket that is full takes it, unless the other one needs it.
#[test]
fn a_bucket_is_pinned_anew_if_the_other_one_does_not_count_from_the_pin() {
    let (amount, hour) = (10, 3_600_000_000_000);
    let plan = compiled(&[window(Unit::Requests, amount, hour), window(Unit::Tokens, amount, hour)]);
    let flags = [[false, false], [true, false], [false, true], [true, true]];
    for (pinned, full) in flags.into_iter().flat_map(|pinned| flags.map(|full| (pinned, full))) {
        // Two nanoseconds after both pins, in the words and here; nothing was charged to a full bucket.
        let owed = full.map(|full| if full { 0 } else { 2 });
        let (words, _) = stored(&plan, |head| {
            head.pins = [UNTIL - 3, UNTIL - 3];
            head.charged.set(Unit::Requests, owed[0]);
            head.charged.set(Unit::Tokens, owed[1]);
        });
        let since = Cost { requests: owed[0], tokens: owed[1] };
        let before = beside(3, pinned, since);
        let before = Recent {
            high: before.high - REQUEST_ROOM.word(255 - 12) - TOKEN_ROOM.word((1 << 19) - 13),
            ..before
        };
        let (left, cost) = (before.high, Cost { requests: 1, tokens: 2 });
        let after = before.admit_widely(&words, left, &plan, cost, u64::MAX);
        let is_possible = match full {
            [true, false] => !pinned[1],
            [false, true] => !pinned[0],
            _ => true,
        };
        let case = format!("{pinned:?} are pinned here, {full:?} are full");
        assert_eq!(after.is_some(), is_possible, "{case}");
        let Some(after) = after else { continue };
        let now_pinned = [0, 1].map(|unit| full[unit] || pinned[unit]);
        assert_eq!(Unit::ALL.map(|unit| after.is_pinned(unit)), now_pinned, "{case}");
        assert_eq!(PIN_BACK.get(after.low) + 1, if full == [false, false] { 3 } else { 1 }, "{case}");
        for unit in Unit::ALL.into_iter().filter(|unit| now_pinned[*unit as usize]) {
            assert_eq!(after.since_pin(unit), owed[unit as usize] + cost.of(unit), "{case}");
        }
        assert_eq!(after.high >> TOKENS_SINCE_PIN.bits(), left >> TOKENS_SINCE_PIN.bits(), "{case}");
    }
    let without_buckets = compiled(&[]);
    for pinned in flags {
        let (words, _) = stored(&without_buckets, |_| {});
        let before = beside(3, pinned, Cost::default());
        let after =
            before.admit_widely(&words, before.high, &without_buckets, Cost::REQUEST, u64::MAX).unwrap();
        assert_eq!(Unit::ALL.map(|unit| after.is_pinned(unit)), pinned, "there is nothing to pin");
        assert_eq!(PIN_BACK.get(after.low) + 1, 3);
    }
}

#[test]
fn a_pin_is_within_reach_and_charges_since_it_have_bits() {
    let all = beside(1, [true, true], Cost::default());
    let one = Cost { requests: 1, tokens: 1 };
    let pinned = |back: u64| all.pinned(all.high, (true, true), one, 0_u64.wrapping_sub(back));
    assert!(pinned(1).is_some() && pinned(Recent::REACH).is_some() && pinned(Recent::REACH + 1).is_none());
    for (requests, tokens, has_bits) in
        [(0, 0, true), (254, (1 << 19) - 2, true), (255, 0, false), (0, (1 << 19) - 1, false)]
    {
        let since = Cost { requests, tokens };
        let kept = beside(1, [true, true], since);
        let after = kept.kept(kept.high, one);
        assert_eq!(after.is_some(), has_bits, "{since:?}");
        assert!(after.is_none_or(|after| Unit::ALL.map(|unit| after.since_pin(unit)) == [requests + 1, tokens + 1]));
        // What stands here for a bucket that counts from the words' pin means nothing, and takes no room.
        let in_words = beside(1, [false, false], since);
        assert!(in_words.kept(in_words.high, one).is_some(), "{since:?}");
    }
}

/// The same as with random records, on ordinary ones: a pin that both share or one for each; something or nothing owed;
/// calls that come when it is paid, before, and after.
#[test]
fn ordinary_calls_are_short_and_leave_what_the_whole_steps_leave() {
    let (mut calls, mut quick) = (0, 0);
    for plan in plans() {
        for (apart, owed) in [0, 7].into_iter().flat_map(|apart| [0, 1, 3].map(|owed| (apart, owed))) {
            for times in
                [[9_000, 6_000, 2_000, 1], [500_000, 300_000, 300_000, 2], [1 << 32, 1 << 30, 1_000, 1]]
            {
                let (mut words, mut recent) = stored(&plan, |head| {
                    let pin = UNTIL - 1 - 2 * times[0];
                    head.pins = [pin, pin - apart];
                    Unit::ALL.into_iter().for_each(|unit| head.charged.set(unit, owed));
                });
                for before_the_end in times {
                    let monotonic = Nanos::new(UNTIL - before_the_end);
                    let at = Timestamp { monotonic, unix: Nanos::new(3 * Nanos::DAY.get()) };
                    let call = Call { cost: Cost { requests: 1, tokens: 2 }, at, overrun: false };
                    quick += u32::from(make(call, &mut words, &mut recent, &plan));
                    calls += 1;
                }
            }
        }
    }
    assert!(quick > calls / 2, "{quick} of {calls} calls went the short way");
}
