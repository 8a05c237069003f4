use super::*;
use crate::clock::Timestamp;
use crate::decision::Decision;
use crate::limiter::Limiter;
use crate::plan::{Burst, Limit, Plan, PlanId, Span};
use crate::unit::{Cost, Unit};
use quickcheck::quickcheck;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZero;

/// One key under a limit of requests, whose workers sleep exactly as long as they are told.
struct Shop {
    limiter: Limiter,
    plan: PlanId,
    rule: WindowRule,
}

/// The fingerprint of the key.
const KEY: u64 = 1 << 40;

/// A wait of plain numbers.
const WAIT: Wait =
    Wait { exact: Nanos::from_secs(3), interval: Nanos::from_secs(1), horizon: Nanos::from_secs(60) };

/// A rule of any amount and window that a plan may have.
fn rule(amount: u32, window: u64) -> WindowRule {
    let amount = NonZero::<u64>::MIN.saturating_add(amount.into());
    let (shortest, longest) = (Span::MIN_WINDOW.get(), Span::MAX_WINDOW.get());
    let window = NonZero::new(shortest + window % (longest - shortest + 1)).unwrap();
    WindowRule { amount, burst: amount.get() * 10, ceiling: amount.get() * 11, window, enforced: true }
}

/// What became of the workers.
struct Served {
    /// Calls in all, divided by the workers.
    calls_each: f64,
    /// When the last of them was served.
    seconds: f64,
}

impl Shop {
    fn new(amount: u64, window: Nanos, burst: f64) -> Self {
        let limiter = Limiter::builder().capacity(1).huge_pages(false).seed(1).build().unwrap();
        let limit = Limit::window(Unit::Requests, amount, window).with_burst(Burst::fraction(burst).unwrap());
        let rule = WindowRule {
            amount: NonZero::new(amount).unwrap(),
            burst: limit.ceiling() - amount,
            ceiling: limit.ceiling(),
            window: NonZero::new(window.get()).unwrap(),
            enforced: true,
        };
        let plan = limiter.add_plan(&Plan::builder("shop").limit(limit).build().unwrap()).unwrap();
        Self { limiter, plan, rule }
    }

    /// The exact wait of a call, unless it is admitted.
    fn call(&self, at: Nanos) -> Option<Nanos> {
        match self.limiter.check("key", self.plan, Cost::REQUEST, Timestamp::both(at)) {
            Decision::Denied(denial) => Some(denial.retry_after),
            _ => None,
        }
    }

    /// All workers come at once, and each until it is served.
    fn serve(&self, workers: u32, mut hint: impl FnMut(Nanos, Wait) -> Nanos) -> Served {
        let start = Nanos::from_secs(1_000);
        let mut coming: BinaryHeap<_> = (0..workers).map(|worker| Reverse((start, worker))).collect();
        let (mut calls, mut last) = (0_u32, start);
        while let Some(Reverse((now, worker))) = coming.pop() {
            calls += 1;
            last = now;
            if let Some(exact) = self.call(now) {
                coming.push(Reverse((now + hint(now, Wait::new(&self.rule, 1, exact)), worker)));
            }
        }
        Served { calls_each: f64::from(calls) / f64::from(workers), seconds: (last - start).as_secs_f64() }
    }
}

/// The figures of `docs/rules.md`: `cargo test -p tidegate --lib hint_line -- --nocapture` prints them.
#[test]
fn a_worker_with_a_place_in_line_needs_two_calls() {
    let a_key = |amount, seconds, workers| {
        let window = Nanos::from_secs(seconds);
        let exact = Shop::new(amount, window, 0.2).serve(workers, |_, wait| wait.exact);
        let slotted = |horizon: Option<Nanos>| {
            let lines = HintLines::new().unwrap();
            Shop::new(amount, window, 0.2).serve(workers, |now, wait| {
                let horizon = horizon.map_or(wait.horizon, |horizon| horizon + wait.interval);
                lines.next(KEY, LimitId::RequestsWindow, now, Wait { horizon, ..wait })
            })
        };
        let (a_window, chosen, endless) =
            (slotted(Some(window)), slotted(None), slotted(Some(Nanos::from_secs(1_000_000))));
        println!("{workers} workers at {amount} in {seconds} s; calls each, seconds until all are served:");
        let served = [("exact", &exact), ("a window", &a_window), ("chosen", &chosen), ("endless", &endless)];
        for (horizon, Served { calls_each, seconds }) in served {
            println!("{horizon:>10} {calls_each:8.2} {seconds:8.1}");
        }
        (exact, a_window, chosen)
    };
    let (exact, a_window, chosen) = a_key(50, 1, 1_000);
    assert!(exact.calls_each > 50.0 && chosen.calls_each <= 2.0);
    assert!(a_window.calls_each > 10.0, "why a line may be longer than a window");
    // The line keeps the limit's pace, and leaves to others what the burst has.
    assert!(chosen.seconds < 1.1 * exact.seconds);
    let (exact, _, chosen) = a_key(3_000, 60, 10_000);
    assert!(exact.calls_each > 50.0 && chosen.calls_each <= 2.0);
    let (exact, _, chosen) = a_key(20, 60, 200);
    assert!(exact.calls_each > 20.0 && chosen.calls_each < 5.0, "ten windows' waiters in a line of one");
}

#[test]
fn without_a_burst_places_are_still_worth_having() {
    // Segments leave 7/8 of L to those who keep its pace: every eighth comes in vain (R4).
    let lines = HintLines::new().unwrap();
    let served = Shop::new(50, Nanos::from_secs(1), 0.0)
        .serve(1_000, |now, wait| lines.next(KEY, LimitId::RequestsWindow, now, wait));
    assert!(served.calls_each < 2.2, "{}", served.calls_each);
}

#[test]
fn a_client_that_heeds_no_hint_keeps_nobody_longer_than_a_line() {
    let (shop, lines) = (Shop::new(20, Nanos::MINUTE, 0.2), HintLines::new().unwrap());
    let next = |now, wait| lines.next(KEY, LimitId::RequestsWindow, now, wait);
    let mut now = Nanos::from_secs(1_000);
    let mut hints = Vec::new();
    for _ in 0..1_200 {
        if let Some(exact) = shop.call(now) {
            let wait = Wait::new(&shop.rule, 1, exact);
            hints.push(next(now, wait) - exact);
        }
        now = now + Nanos::from_millis(50);
    }
    // Each denial adds 3 s: without an end the line would be an hour long after a minute.
    let longest = hints.iter().max().unwrap();
    assert!(*longest <= Nanos::from_secs(63) && *longest > Nanos::from_secs(57), "{longest}");
    // And the waiters are spread over the line: not one of its quarters has more than twice its share.
    for quarter in 0..4 {
        let (from, to) = (Nanos::from_secs(16 * quarter), Nanos::from_secs(16 * (quarter + 1)));
        let there = hints.iter().filter(|hint| (from..to).contains(hint)).count();
        assert!(there > hints.len() / 8 && there < hints.len() / 2, "{there} of {} by {to}", hints.len());
    }
    // It stops. Whoever comes next waits for the window and at most a line, and is then admitted.
    let exact = shop.call(now).unwrap();
    let place = next(now, Wait::new(&shop.rule, 1, exact));
    assert!(place <= exact + Nanos::from_secs(63));
    assert_eq!(shop.call(now + place), None);
}

#[test]
fn an_interval_is_what_the_call_takes_of_the_limit_rounded_up() {
    let number = |number| NonZero::new(number).unwrap();
    let rule = WindowRule {
        amount: number(7),
        burst: 0,
        ceiling: 7,
        window: number(60_000_000_000),
        enforced: true,
    };
    let interval = |units| Wait::new(&rule, units, Nanos::ZERO).interval.get();
    assert_eq!(interval(1), 8_571_428_572);
    assert_eq!(interval(3), 25_714_285_715);
    assert_eq!(interval(7), 60_000_000_000);
    assert_eq!(interval(0), interval(1), "who waits for a debt has a place too");
    let extreme = WindowRule { amount: number(1), window: number(Span::MAX_WINDOW.get()), ..rule };
    assert_eq!(Wait::new(&extreme, u64::MAX, Nanos::ZERO).interval, Nanos::MAX);
}

#[test]
fn a_line_is_as_long_as_the_window_or_a_minute_and_one_interval_more() {
    let horizon = |window: Nanos, units| {
        let rule = WindowRule { amount: NonZero::new(10).unwrap(), ..rule(0, 0) };
        let rule = WindowRule { window: NonZero::new(window.get()).unwrap(), ..rule };
        Wait::new(&rule, units, Nanos::ZERO).horizon
    };
    let millis = Nanos::from_millis;
    assert_eq!(horizon(millis(1_000), 1), millis(60_100));
    assert_eq!(horizon(millis(60_000), 1), millis(66_000));
    assert_eq!(horizon(millis(60_000), 3), millis(78_000));
    assert_eq!(horizon(millis(3_600_000), 1), millis(3_960_000));
    // The last place of a line is one horizon after the exact time, and none is later.
    let now = Nanos::from_secs(1_000);
    let last = now + WAIT.exact + WAIT.horizon - WAIT.interval;
    assert_eq!(WAIT.place_after(last, now), last + WAIT.interval);
    assert_eq!(WAIT.place_after(last + Nanos::new(1), now), now + WAIT.exact);
}

#[test]
fn a_line_whose_last_place_has_passed_begins_anew() {
    let lines = HintLines::new().unwrap();
    let next = |seconds, exact| {
        let wait = Wait { exact: Nanos::from_secs(exact), interval: Nanos::from_secs(10), ..WAIT };
        lines.next(KEY, LimitId::RequestsWindow, Nanos::from_secs(seconds), wait).as_secs_ceil()
    };
    assert_eq!(next(100, 5), 5);
    // Someone waits until second 105 still; at that second nobody does.
    assert_eq!(next(104, 2), 11);
    assert_eq!(next(115, 2), 2);
}

#[test]
fn where_the_room_comes_later_than_the_next_place_the_line_goes_on_from_there() {
    let lines = HintLines::new().unwrap();
    let next = |exact| {
        let wait = Wait { exact: Nanos::from_secs(exact), ..WAIT };
        lines.next(KEY, LimitId::RequestsWindow, Nanos::from_secs(100), wait).as_secs_ceil()
    };
    assert_eq!([5, 5, 30, 30, 5].map(next), [5, 6, 30, 31, 32]);
}

#[test]
fn the_lanes_of_a_keys_limits_are_apart() {
    let lines = HintLines::new().unwrap();
    assert_eq!(lines.lanes.len(), 65_536);
    let quarter = lines.lanes.len() / 4;
    // Each in another quarter of all lanes, whatever the key's highest bits are.
    for fingerprint in [KEY, 7, KEY | 1 << 61, 1 << 62 | 5, 1 << 63 | 5, 3 << 62 | KEY, u64::MAX] {
        let place = |limit| {
            let lane = lines.lane(fingerprint, limit);
            lines.lanes.iter().position(|other| std::ptr::eq(other, lane)).unwrap()
        };
        let places = LimitId::ALL.map(place);
        let mut quarters = places.map(|place| place / quarter);
        quarters.sort_unstable();
        assert_eq!(quarters, [0, 1, 2, 3], "{fingerprint:x}");
        assert!(places.iter().all(|place| place % quarter == places[0] % quarter), "{fingerprint:x}");
    }
}

#[test]
fn a_key_has_lines_of_its_own() {
    let lines = HintLines::new().unwrap();
    let now = Nanos::from_secs(1_000);
    let first = |fingerprint, limit| lines.next(fingerprint, limit, now, WAIT);
    // Keys, limits and the small numbers that name overflow records: each finds an empty line.
    for fingerprint in [KEY, KEY + 1, 1, 2, 3] {
        for limit in LimitId::ALL {
            assert_eq!(first(fingerprint, limit), WAIT.exact, "{fingerprint} {limit:?}");
        }
    }
    assert_eq!(first(KEY, LimitId::RequestsWindow), WAIT.exact + WAIT.interval);
}

#[test]
fn hostile_times_neither_wrap_nor_lose_the_line_for_good() {
    let lines = HintLines::new().unwrap();
    let next = |now| lines.next(KEY, LimitId::RequestsWindow, now, WAIT);
    assert_eq!(next(Nanos::ZERO), WAIT.exact);
    for now in [Nanos::MAX, Nanos::MAX - Nanos::new(1), Nanos::new(u64::MAX >> 1)] {
        assert_eq!(next(now), WAIT.exact, "nobody waits");
    }
    // The clock goes back: what was given lies beyond the horizon, and the line begins anew.
    assert_eq!(next(Nanos::from_secs(5)), WAIT.exact);
    assert_eq!(next(Nanos::from_secs(5)), WAIT.exact + WAIT.interval);
    let forever = Wait { exact: Nanos::MAX, interval: Nanos::MAX, horizon: Nanos::MAX };
    assert_eq!(lines.next(KEY, LimitId::RequestsWindow, Nanos::MAX, forever), Nanos::MAX);
}

quickcheck! {
    fn a_place_is_never_early_and_never_beyond_the_horizon(
        last: u64, now: u64, amount: u32, window: u64, units: u64, exact: u64
    ) -> bool {
        let rule = rule(amount, window);
        let wait = Wait::new(&rule, 1 + units % rule.ceiling, Nanos::new(exact >> 1));
        let lines = HintLines::new().unwrap();
        lines.lane(KEY, LimitId::TokensWindow).store(last, Ordering::Relaxed);
        let hint = lines.next(KEY, LimitId::TokensWindow, Nanos::new(now), wait);
        wait.exact <= hint && hint <= wait.exact + wait.horizon
    }

    fn the_waiters_of_a_line_have_places_of_their_own(amount: u32, steps: Vec<(u8, u64)>) -> bool {
        // Denials at times that pass, with room at an instant that only ever moves on.
        let rule = rule(amount, 0);
        let interval = Wait::new(&rule, 1, Nanos::ZERO).interval;
        let lines = HintLines::new().unwrap();
        let (mut now, mut room_at) = (Nanos::from_secs(1), Nanos::from_secs(2));
        let mut last = Nanos::ZERO;
        steps.into_iter().all(|(pause, later)| {
            now = now + Nanos::new(u64::from(pause));
            room_at = room_at + Nanos::new(later % interval.get());
            let wait = Wait::new(&rule, 1, room_at - now);
            let place = now + lines.next(KEY, LimitId::RequestsWindow, now, wait);
            // One interval on, or where the room is, or at the beginning of a line that ended.
            let in_line = place >= last + interval || last <= now;
            let anew = place == room_at && last + interval > room_at + wait.horizon;
            last = place;
            in_line || anew
        })
    }

    /// c·W/L for all that a plan may ask: the least number of nanoseconds in which the limit refills so many units.
    fn an_interval_is_the_exact_quotient_rounded_up(amount: u64, units: u64, window: u64) -> bool {
        let (least, longest) = (Span::MIN_WINDOW.get(), Span::MAX_WINDOW.get());
        let window = least + window % (longest - least + 1);
        let amount = 1 + amount % (1 << 38);
        let ceiling = (11 * amount).min((1 << 39) - 1);
        let units = units % (ceiling + 1);
        let some = |number| std::num::NonZero::new(number).unwrap();
        let burst = ceiling - amount;
        let rule = WindowRule { amount: some(amount), burst, ceiling, window: some(window), enforced: true };
        let interval = u128::from(Wait::new(&rule, units, Nanos::ZERO).interval.get());
        let asked = u128::from(units.max(1)) * u128::from(window);
        let refilled = |nanos: u128| nanos * u128::from(amount);
        refilled(interval) >= asked && refilled(interval - 1) < asked
    }
}
