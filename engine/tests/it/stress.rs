//! Real threads on few keys: R1, R2 and R8 checked exactly from what was admitted.
//!
//! Time advances between phases, when all threads wait at a barrier, so that the time passed in is the time of
//! the decision and the checks need no allowance.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use tidegate::{
    Burst, Clock, Cost, Decision, Limit, LimitId, Limiter, ManualClock, Nanos, Plan, Timestamp, Unit, Verdict,
};

const THREADS: usize = 4;
const KEYS: usize = 3;
const PHASES: u64 = 400;
const STEP: Nanos = Nanos::from_millis(37);
const WINDOW: Nanos = Nanos::from_secs(1);
const LIMIT: u64 = 40;
const CEILING: u64 = 48;
const QUOTA: u64 = 500;

fn phase_time(phase: u64) -> Timestamp {
    // A day turns in the middle.
    let start = Nanos::DAY - Nanos::new(STEP.get() * PHASES / 2);
    Timestamp::both(start + Nanos::new(STEP.get() * phase))
}

#[test]
fn threads_together_get_what_one_would() {
    let limiter = Limiter::builder().capacity(16).max_threads(2).build().unwrap();
    let plan = Plan::builder("p")
        .limit(Limit::window(Unit::Requests, LIMIT, WINDOW))
        .limit(Limit::day(Unit::Requests, QUOTA))
        .build()
        .unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let admitted: [[AtomicU64; PHASES as usize]; KEYS] =
        std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            threads.push(scope.spawn(|| {
                for phase in 0..PHASES {
                    barrier.wait();
                    for call in 0..KEYS * 8 {
                        let key = call % KEYS;
                        if limiter.check(&key, plan, Cost::REQUEST, phase_time(phase)).is_admitted() {
                            // Ordering: Relaxed; the scope's end comes before the counts are read.
                            admitted[key][phase as usize].fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    for key in &admitted {
        check_rules(&key.iter().map(|count| count.load(Ordering::Relaxed)).collect::<Vec<_>>());
    }
}

/// R1, R2 and R8 over the admissions of one key, by phase; and that nothing was needlessly withheld.
fn check_rules(admitted: &[u64]) {
    for first in 0..admitted.len() {
        let mut units = 0;
        for (last, count) in admitted.iter().enumerate().skip(first) {
            units += count;
            let elapsed = STEP.get() * (last - first) as u64;
            assert!(elapsed >= WINDOW.get() || units <= CEILING, "R1: {units} in {elapsed} ns");
            let average = u128::from(LIMIT) * u128::from(elapsed) / u128::from(WINDOW.get());
            assert!(u128::from(units) <= u128::from(CEILING) + average, "R2: {units} in {elapsed} ns");
        }
    }
    let half = admitted.len() / 2;
    for day in [&admitted[..half], &admitted[half..]] {
        let used: u64 = day.iter().sum();
        assert!(used <= QUOTA, "R8: {used}");
        assert!(used >= 280, "7.4 s at 40 a second and more, {used}");
    }
}

/// Two threads come to each key at about the same time; it has one unit.
#[test]
fn the_last_unit_goes_to_exactly_one() {
    const ROUNDS: u64 = 100_000;
    let limiter = Limiter::builder().capacity(ROUNDS as usize).huge_pages(false).build().unwrap();
    let plan = Plan::builder("one").limit(Limit::day(Unit::Tokens, 1)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let at = Timestamp::both(Nanos::from_secs(1_000));
    let round = Barrier::new(2);
    let contend = || {
        let mut won = Vec::new();
        for number in 0..ROUNDS {
            if number % 100 == 0 {
                round.wait();
            }
            if limiter.check(&number, plan, Cost::tokens(1), at).is_admitted() {
                won.push(number);
            }
        }
        won
    };
    let mut won = thread::scope(|scope| {
        let other = scope.spawn(contend);
        let mut won = contend();
        won.extend(other.join().unwrap());
        won
    });
    won.sort_unstable();
    assert!(won.into_iter().eq(0..ROUNDS), "each unit once");
}

/// Reserve, settle and cancel from all threads; in the end exactly what was settled is counted.
#[test]
fn settles_of_many_threads_add_up() {
    const EACH: u64 = 2_000;
    let limiter = Arc::new(Limiter::builder().capacity(4).build().unwrap());
    let plan = Plan::builder("p").limit(Limit::day(Unit::Tokens, 1_000_000_000)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::both(Nanos::from_secs(1_000))));
    let expected = Mutex::new(0);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for thread in 0..THREADS as u64 {
            let (limiter, clock, expected) = (limiter.clone(), clock.clone(), &expected);
            threads.push(scope.spawn(move || {
                let mut used = 0;
                for call in 0..EACH {
                    let decision = limiter.check("key", plan, Cost::tokens(100), clock.now());
                    let Decision::Admitted(admission) = decision else { panic!("the day is long") };
                    let held = admission.reservation.held(limiter.clone(), clock.clone());
                    match (call + thread) % 4 {
                        0 => held.cancel(),
                        1 => (held.settle(40), used += 40).1,
                        2 => (held.settle(170), used += 170).1,
                        _ => (drop(held), used += 100).1,
                    }
                }
                *expected.lock().unwrap() += used;
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let (_, standing) = limiter.peek("key", plan, Cost::default(), clock.now());
    let left = standing.status(LimitId::TokensDay).unwrap().remaining;
    assert_eq!(1_000_000_000 - left, *expected.lock().unwrap());
}

/// Tokens of a day: 7.4 s at 4,000 a second would use more.
const TOKEN_QUOTA: u64 = 18_000;

/// Tokens admitted in a phase, and what was given back of it, when.
#[derive(Clone, Copy)]
struct Charge {
    charged: u64,
    tokens: u64,
    back: u64,
    settled: u64,
}

/// R1, R2, R8 with reservations that are settled and cancelled on other threads and in later phases.
#[test]
fn threads_that_settle_and_cancel_get_what_one_would() {
    let limiter = Limiter::builder().capacity(4).max_threads(2).build().unwrap();
    let plan = Plan::builder("p")
        .limit(Limit::window(Unit::Tokens, 100 * LIMIT, WINDOW))
        .limit(Limit::day(Unit::Tokens, TOKEN_QUOTA))
        .build()
        .unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let (log, open) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for thread in 0..THREADS as u64 {
            let (log, open, barrier, limiter) = (&log, &open, &barrier, &limiter);
            threads.push(scope.spawn(move || {
                let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(thread + 1);
                let mut next = |below: u64| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    random % below
                };
                for phase in 0..PHASES {
                    barrier.wait();
                    for _ in 0..8 {
                        let tokens = 1 + next(200);
                        let decision = limiter.check("key", plan, Cost::tokens(tokens), phase_time(phase));
                        if let Decision::Admitted(admission) = decision {
                            open.lock().unwrap().push((phase, tokens, admission.reservation));
                        }
                        if next(3) > 0 {
                            let taken = {
                                let mut open = open.lock().unwrap();
                                let place = next(open.len().max(1) as u64) as usize;
                                (place < open.len()).then(|| open.swap_remove(place))
                            };
                            let Some((charged, tokens, reservation)) = taken else { continue };
                            let actual = next(tokens + 20);
                            let mut back = tokens.saturating_sub(actual);
                            if next(3) == 0 {
                                back = tokens;
                                limiter.cancel(reservation, phase_time(phase));
                            } else {
                                limiter.settle(reservation, actual, phase_time(phase));
                            }
                            log.lock().unwrap().push(Charge { charged, tokens, back, settled: phase });
                        }
                    }
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let mut log = log.into_inner().unwrap();
    let rest = open.into_inner().unwrap();
    log.extend(rest.iter().map(|(charged, tokens, _)| Charge {
        charged: *charged,
        tokens: *tokens,
        back: 0,
        settled: PHASES,
    }));
    check_ledger(&log);
}

fn check_ledger(log: &[Charge]) {
    let day = |phase: u64| phase_time(phase).unix.get() / Nanos::DAY.get();
    for last in 0..PHASES {
        // R1: what stands in the window at the end of the phase.
        let since = |phase: u64| STEP.get() * (last - phase);
        let net = |entry: &Charge| entry.tokens - if entry.settled <= last { entry.back } else { 0 };
        let window: u64 =
            log.iter().filter(|e| e.charged <= last && since(e.charged) < WINDOW.get()).map(net).sum();
        assert!(window <= 100 * CEILING, "R1: {window} at phase {last}");
        // R8: what was given back after the day is no matter.
        let today: u64 =
            log.iter().filter(|e| e.charged <= last && day(e.charged) == day(last)).map(net).sum();
        assert!(today <= TOKEN_QUOTA, "R8: {today} at phase {last}");
    }
    // R2: reservations when made, less what settles gave back when they did.
    let mut flow = vec![0_i128; PHASES as usize + 1];
    for entry in log {
        flow[entry.charged as usize] += i128::from(entry.tokens);
        flow[entry.settled as usize] -= i128::from(entry.back);
    }
    for first in 0..PHASES {
        let mut units = 0;
        for last in first..PHASES {
            units += flow[last as usize];
            let refilled = 100 * LIMIT * STEP.get() * (last - first) / WINDOW.get();
            assert!(units <= i128::from(100 * CEILING + refilled), "R2: {units} in {first}..={last}");
        }
    }
    let charged: u64 = log.iter().map(|e| e.tokens).sum();
    assert!(charged > 25_000, "the key was used: {charged}");
}

/// Time moves while threads decide. The engine counts a call somewhere between the time it was given and the latest
/// that any thread may have given by its return; admissions whose whole span lies in an interval are bound by R1 and
/// R2 there, without slack.
#[test]
fn threads_on_a_moving_clock_get_what_one_would() {
    let limiter = Limiter::builder().capacity(4).max_threads(2).build().unwrap();
    let plan =
        Plan::builder("p").limit(Limit::window(Unit::Requests, 70, Nanos::from_millis(1))).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let clock = AtomicU64::new(5_000_000_000);
    let stop = AtomicBool::new(false);
    let mut spans = thread::scope(|scope| {
        let worker = || {
            let mut spans = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let from = clock.fetch_add(997, Ordering::SeqCst);
                let at = Timestamp::both(Nanos::new(from));
                if limiter.check("key", plan, Cost::REQUEST, at).is_admitted() {
                    spans.push((from, clock.load(Ordering::SeqCst)));
                }
                if clock.load(Ordering::Relaxed) > 5_080_000_000 {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            spans
        };
        let others: Vec<_> = (0..3).map(|_| scope.spawn(worker)).collect();
        let mut spans = worker();
        others.into_iter().for_each(|other| spans.extend(other.join().unwrap()));
        spans
    });
    spans.sort_unstable();
    for (place, (from, _)) in spans.iter().enumerate() {
        let mut ends: Vec<_> = spans[place..]
            .iter()
            .take_while(|(start, _)| start - from < 3_000_000)
            .map(|(_, end)| *end)
            .collect();
        ends.sort_unstable();
        for (count, end) in ends.iter().enumerate() {
            let (count, elapsed) = (count as u64 + 1, end - from);
            assert!(elapsed >= 1_000_000 || count <= 84, "R1: {count} in {elapsed} ns");
            assert!(count * 1_000_000 <= 84 * 1_000_000 + 70 * elapsed, "R2: {count} in {elapsed} ns");
        }
    }
    assert!(spans.len() > 5_000, "80 ms at 70 a millisecond: {}", spans.len());
}

/// R2: what threads charge together to a new key is owed together, whoever writes its record and whoever overtakes that.
#[test]
fn what_threads_charge_is_owed() {
    const MANY_KEYS: u64 = 4_000;
    const CALLS: u64 = 20;
    let limiter = Limiter::builder().capacity(8_000).max_threads(4).build().unwrap();
    let slow = |unit| Limit::window(unit, 10, WINDOW).with_burst(Burst::fraction(10.0).unwrap());
    // Two plans that limit alike: a call under the other one writes the whole record.
    let plans = ["one", "other"].map(|name| {
        let plan = Plan::builder(name).limit(slow(Unit::Requests)).limit(slow(Unit::Tokens)).build();
        limiter.add_plan(&plan.unwrap()).unwrap()
    });
    let at = phase_time(0);
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            threads.push(scope.spawn(|| {
                for key in 0..MANY_KEYS {
                    if key % 16 == 0 {
                        barrier.wait();
                    }
                    for call in 0..CALLS {
                        let plan = plans[call as usize % 2];
                        assert!(limiter.check(&key, plan, Cost::tokens(1), at).is_admitted());
                    }
                }
            }));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    // After two windows they are empty, and the buckets owe what was charged less twice the limit.
    let later = at.after(WINDOW + WINDOW);
    let room = 110 - (CALLS * THREADS as u64 - 20);
    for key in 0..MANY_KEYS {
        let admits = |units| {
            let cost = Cost { requests: units, tokens: units };
            matches!(limiter.peek(&key, plans[0], cost, later).0, Verdict::Admit(_))
        };
        assert!(admits(room) && !admits(room + 1), "key {key} owes something else");
    }
}
