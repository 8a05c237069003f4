//! R4: a client that spaces its calls evenly at its limit is never denied; and R1 and R2 for one that does not.

use quickcheck::{QuickCheck, TestResult};
use tidegate::{Burst, Cost, Limit, Limiter, Nanos, Plan, Timestamp, Unit};

/// The first of `calls` calls at an even pace of L per W that is denied, their times rounded down or up.
fn first_denied(limit: Limit, window: Nanos, start: u64, calls: u64) -> Option<u64> {
    let down = |call: u128, window: u128, amount: u128| call * window / amount;
    let up = |call: u128, window: u128, amount: u128| (call * window).div_ceil(amount);
    let first = |rounded: &dyn Fn(u128, u128, u128) -> u128| {
        let limiter = Limiter::builder().capacity(1).build().unwrap();
        let plan = Plan::builder("p").limit(limit.clone()).build().unwrap();
        let plan = limiter.add_plan(&plan).unwrap();
        (0..calls).find(|call| {
            let since = rounded((*call).into(), window.get().into(), limit.amount().into());
            let at = Timestamp::both(Nanos::new(start + since as u64));
            !limiter.check("key", plan, Cost::REQUEST, at).is_admitted()
        })
    };
    first(&down).or_else(|| first(&up))
}

/// The third is the first nanosecond of a segment of a minute's window.
const STARTS: [u64; 4] = [0, 12_345_678_901, 51_428_571_429, 1_700_000_000_000_000_001];

#[test]
fn the_plans_it_ships_with_never_deny_a_steady_client() {
    for (amount, hours) in [(20, 6), (1_000, 3)] {
        for start in STARTS {
            let limit = Limit::per_minute(Unit::Requests, amount);
            assert!(limit.admits_even_pace(1));
            assert_eq!(first_denied(limit, Nanos::MINUTE, start, hours * 60 * amount), None);
        }
    }
}

#[test]
fn a_steady_client_is_never_denied_where_the_proof_says_so() {
    fn holds(amount: u16, window: u64, burst: u8, start: u64) -> TestResult {
        let window = Nanos::new(1_000_000 + window % 100_000_000_000);
        let burst = Burst::fraction(f64::from(burst) / 255.0).unwrap();
        let limit = Limit::window(Unit::Requests, 1 + u64::from(amount % 500), window).with_burst(burst);
        if !limit.admits_even_pace(1) {
            return TestResult::discard();
        }
        let calls = 20 * limit.amount();
        TestResult::from_bool(first_denied(limit, window, start >> 2, calls).is_none())
    }
    QuickCheck::new().tests(200).max_tests(2_000).quickcheck(holds as fn(u16, u64, u8, u64) -> TestResult);
}

/// The limits of a few units for which R3's segments ask for more than the default burst. If this test fails because
/// nothing is denied, the documentation promises too little.
#[test]
fn the_limits_that_may_deny_a_steady_client_are_those_documented() {
    for amount in 1..=100 {
        let limit = Limit::per_minute(Unit::Requests, amount);
        let documented = matches!(amount, 1..=4 | 7..=9 | 14);
        assert_eq!(!limit.admits_even_pace(1), documented, "{amount}");
        let denied = STARTS
            .iter()
            .any(|start| first_denied(limit.clone(), Nanos::MINUTE, *start, 60 * amount).is_some());
        assert_eq!(denied, documented, "{amount} a minute");
    }
}

/// A client that calls as often as it likes: no window over C, and no interval over C + L·T/W.
#[test]
fn a_greedy_client_gets_its_ceiling_and_its_average() {
    let limiter = Limiter::builder().capacity(1).build().unwrap();
    let plan =
        Plan::builder("p").limit(Limit::window(Unit::Requests, 50, Nanos::from_secs(1))).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let mut admitted = Vec::new();
    for millis in 0..20_000_u64 {
        let at = Timestamp::both(Nanos::from_millis(millis));
        if limiter.check("key", plan, Cost::REQUEST, at).is_admitted() {
            admitted.push(millis);
        }
    }
    for (first, from) in admitted.iter().enumerate() {
        for (last, to) in admitted.iter().enumerate().skip(first) {
            let (count, elapsed) = ((last - first + 1) as u64, to - from);
            assert!(elapsed >= 1_000 || count <= 60, "R1: {count} in {elapsed} ms");
            // The interval (from − 0, to] is as long as the calls are apart.
            assert!(count * 1_000 <= 60_000 + 50 * elapsed, "R2: {count} in {elapsed} ms");
        }
    }
    assert!(admitted.len() >= 20 * 50, "the average is given, {}", admitted.len());
}

/// Calls of more than one token. The gap is a whole number of nanoseconds, at least W/L.
#[test]
fn a_steady_client_of_larger_calls_is_never_denied() {
    fn holds(calls: u8, cost: u16, window: u64, burst: u8, start: u64) -> TestResult {
        let (calls, cost) = (1 + u64::from(calls), 1 + u64::from(cost));
        let window = 1_000_000 + window % 100_000_000_000;
        let limit = Limit::window(Unit::Tokens, calls * cost, Nanos::new(window))
            .with_burst(Burst::fraction(f64::from(burst) / 255.0).unwrap());
        if !limit.admits_even_pace(cost) {
            return TestResult::discard();
        }
        let limiter = Limiter::builder().capacity(1).build().unwrap();
        let plan = limiter.add_plan(&Plan::builder("p").limit(limit).build().unwrap()).unwrap();
        TestResult::from_bool((0..20 * calls).all(|call| {
            let at = Timestamp::both(Nanos::new((start >> 3) + call * window.div_ceil(calls)));
            limiter.check("key", plan, Cost::tokens(cost), at).is_admitted()
        }))
    }
    QuickCheck::new()
        .tests(300)
        .max_tests(3_000)
        .quickcheck(holds as fn(u8, u16, u64, u8, u64) -> TestResult);
}

/// Calls of a random cost as fast as possible, with random waits: R1 and R2 exact, in every interval.
#[test]
fn a_greedy_client_of_uneven_calls_keeps_r1_and_r2() {
    fn holds(amount: u8, window: u64, calls: Vec<(u8, u32)>, start: u64) -> bool {
        let (amount, window) = (1 + u64::from(amount), 1_000_000 + window % 20_000_000);
        let limit = Limit::window(Unit::Tokens, amount, Nanos::new(window));
        let ceiling = limit.ceiling();
        let limiter = Limiter::builder().capacity(1).build().unwrap();
        let plan = limiter.add_plan(&Plan::builder("p").limit(limit).build().unwrap()).unwrap();
        let (mut now, mut admitted) = (start >> 2, Vec::new());
        for (tokens, wait) in calls.iter().cycle().take(300) {
            now += u64::from(*wait) % (window / 3);
            let tokens = u64::from(*tokens) % (ceiling + 1);
            let at = Timestamp::both(Nanos::new(now));
            if limiter.check("key", plan, Cost::tokens(tokens), at).is_admitted() {
                admitted.push((now, tokens));
            }
        }
        (0..admitted.len()).all(|first| {
            let mut units = 0;
            admitted[first..].iter().all(|(time, tokens)| {
                units += tokens;
                let elapsed = time - admitted[first].0;
                (elapsed >= window || units <= ceiling)
                    && u128::from(units - ceiling.min(units)) * u128::from(window)
                        <= u128::from(amount) * u128::from(elapsed)
            })
        })
    }
    QuickCheck::new().tests(1_000).quickcheck(holds as fn(u8, u64, Vec<(u8, u32)>, u64) -> bool);
}
