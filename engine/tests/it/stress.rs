//! Real threads on few keys: R1, R2 and R8 checked exactly from what was admitted.
//!
//! Time advances between phases, when all threads wait at a barrier, so that the time passed in is the time of
//! the decision and the checks need no allowance.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use tidegate::{Clock, Cost, Decision, Limit, LimitId, Limiter, ManualClock, Nanos, Plan, Timestamp, Unit};

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
        for _ in 0..THREADS {
            scope.spawn(|| {
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
            });
        }
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
        for thread in 0..THREADS as u64 {
            let (limiter, clock, expected) = (limiter.clone(), clock.clone(), &expected);
            scope.spawn(move || {
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
            });
        }
    });
    let (_, standing) = limiter.peek("key", plan, Cost::default(), clock.now());
    let left = standing.status(LimitId::TokensDay).unwrap().remaining;
    assert_eq!(1_000_000_000 - left, *expected.lock().unwrap());
}
