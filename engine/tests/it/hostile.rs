//! R15: no input panics, wraps, or admits more than the rules.

use tidegate::{
    BuildError, Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, RateLimitHeaders, Span,
    Timestamp, Unit, Verdict,
};

const COSTS: [u64; 8] = [0, 1, 2, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, u64::MAX - 1, u64::MAX];
const TIMES: [u64; 7] = [0, 1, 1 << 32, 1_700_000_000_000_000_000, (1 << 63) - 1, 1 << 63, u64::MAX];

fn at(monotonic: u64, unix: u64) -> Timestamp {
    Timestamp { monotonic: Nanos::new(monotonic), unix: Nanos::new(unix) }
}

fn limiter() -> Limiter {
    Limiter::builder().capacity(64).build().unwrap()
}

/// Plans at both ends of the documented range.
fn extremes(limiter: &Limiter) -> Vec<PlanId> {
    let mut plans = Vec::new();
    for window in [Span::MIN_WINDOW, Span::MAX_WINDOW] {
        for (requests, tokens) in [(1, 1), (15_000_000, 240_000_000_000)] {
            let plan = Plan::builder(format!("{requests} {window}"))
                .limit(Limit::window(Unit::Requests, requests, window))
                .limit(Limit::window(Unit::Tokens, tokens, window))
                .limit(Limit::day(Unit::Requests, Limit::range(LimitId::RequestsDay)))
                .limit(Limit::day(Unit::Tokens, Limit::range(LimitId::TokensDay)));
            plans.push(limiter.add_plan(&plan.build().unwrap()).unwrap());
        }
    }
    plans.push(limiter.add_plan(&Plan::enterprise()).unwrap());
    plans
}

#[test]
fn every_combination_of_extremes_is_answered() {
    let limiter = limiter();
    let plans = extremes(&limiter);
    for plan in &plans {
        for requests in COSTS {
            for tokens in COSTS {
                for (turn, monotonic) in TIMES.into_iter().enumerate() {
                    let now = at(monotonic, TIMES[(turn * 3) % TIMES.len()]);
                    let cost = Cost { requests, tokens };
                    let other = plans[turn % plans.len()];
                    if let Decision::Admitted(admission) = limiter.check(&turn, *plan, cost, now) {
                        limiter.change_plan(&turn, other, now);
                        limiter.settle(admission.reservation, COSTS[turn], now);
                    }
                    let (_, standing) = limiter.peek(&turn, other, cost, now);
                    for limit in LimitId::ALL {
                        let status = standing.status(limit);
                        assert!(status.is_none_or(|status| status.remaining <= status.limit));
                    }
                }
            }
        }
    }
}

#[test]
fn more_than_a_limit_ever_admits_is_never_admitted() {
    let limiter = limiter();
    let free = limiter.add_plan(&Plan::free()).unwrap();
    let now = at(5, 5);
    for tokens in [120_001, 1 << 39, 1 << 40, u64::MAX] {
        let decision = limiter.check("key", free, Cost::tokens(tokens), now);
        assert_eq!(decision, Decision::Never(LimitId::TokensWindow), "{tokens}");
    }
    let requests = Cost { requests: u64::MAX, tokens: 0 };
    assert_eq!(limiter.check("key", free, requests, now), Decision::Never(LimitId::RequestsWindow));
    assert!(limiter.check("key", free, Cost::tokens(120_000), now).is_admitted());
}

/// Counters that are full stay full: a refund of what did not fit must not make room.
#[test]
fn what_an_unlimited_plan_could_not_count_is_held_on_the_safe_side() {
    let limiter = limiter();
    let (enterprise, free) =
        (limiter.add_plan(&Plan::enterprise()).unwrap(), limiter.add_plan(&Plan::free()).unwrap());
    let now = at(1_000_000_000, 1_000_000_000);
    let huge = |_| limiter.check("key", enterprise, Cost::tokens(u64::MAX), now);
    let [first, second] = std::array::from_fn(huge);
    let Decision::Admitted(first) = first else { panic!("no limit") };
    assert!(second.is_admitted());
    limiter.settle(first.reservation, 0, now);
    let (verdict, standing) = limiter.peek("key", free, Cost::tokens(1), now);
    assert!(matches!(verdict, Verdict::Deny(_)), "{verdict:?}");
    assert_eq!(standing.status(LimitId::TokensWindow).unwrap().remaining, 0);
}

#[test]
fn a_settle_of_everything_there_is_makes_a_debt_and_no_panic() {
    let limiter = limiter();
    let free = limiter.add_plan(&Plan::free()).unwrap();
    let now = at(1_000_000_000, 1_000_000_000);
    let Decision::Admitted(admission) = limiter.check("key", free, Cost::REQUEST, now) else { panic!() };
    limiter.settle(admission.reservation, u64::MAX, now);
    assert!(
        !limiter.check("key", free, Cost::REQUEST, now.after(Nanos::from_secs(7 * 86_400))).is_admitted()
    );
}

#[test]
fn keys_of_any_length_are_told_apart() {
    let limiter = limiter();
    let plan = Plan::builder("one").limit(Limit::day(Unit::Requests, 1)).build().unwrap();
    let one = limiter.add_plan(&plan).unwrap();
    let long = vec![b'k'; 1 << 20];
    let mut longer = long.clone();
    longer.push(0);
    let keys: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0", b"a\0b", &long, &longer];
    for key in keys {
        assert!(limiter.check(key, one, Cost::REQUEST, at(5, 5)).is_admitted(), "{} bytes", key.len());
        assert!(!limiter.check(key, one, Cost::REQUEST, at(5, 5)).is_admitted(), "{} bytes", key.len());
    }
    assert_eq!(limiter.keys(), keys.len() as u64);
}

/// A clock that stands still admits the ceiling; one that goes back no more than that; one that jumps a year what the
/// year allows.
#[test]
fn clocks_that_stand_go_back_and_jump() {
    let limiter = limiter();
    let plan = limiter.add_plan(&Plan::builder("p").requests_per_minute(10).build().unwrap()).unwrap();
    let mut now = at(100_000_000_000, 100_000_000_000);
    let admitted =
        |now| (0..50).filter(|_| limiter.check("key", plan, Cost::REQUEST, now).is_admitted()).count();
    assert_eq!(admitted(now), 12);
    now.monotonic = Nanos::new(50_000_000_000);
    assert_eq!(admitted(now), 0);
    now.monotonic = Nanos::from_secs(365 * 86_400);
    assert_eq!(admitted(now), 12);
    now.monotonic = Nanos::from_secs(200);
    assert_eq!(admitted(now), 0);
}

/// R14, as far as it goes: unknown keys share a record, known ones notice nothing.
#[test]
fn keys_beyond_the_capacity_share_a_record() {
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let plan = Plan::builder("two").limit(Limit::day(Unit::Requests, 2)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let call = |key: u64| limiter.check(&key, plan, Cost::REQUEST, at(5, 5)).is_admitted();
    let own = (0..1_000).filter(|key| call(*key)).count() as u64;
    assert!(limiter.keys() >= 4 && limiter.overflowed() > 0);
    assert_eq!(own, limiter.keys() + 2, "a first call for each known key, two for all others together");
    assert!((0..4).all(call), "the known keys have their second call");
}

#[test]
fn a_plan_of_another_limiter_decides_as_some_plan_of_this_one() {
    let (limiter, other) = (limiter(), limiter());
    for amount in 1..100 {
        let _ = other.add_plan(&Plan::builder("p").requests_per_minute(amount).build().unwrap()).unwrap();
    }
    let stray = other.add_plan(&Plan::builder("stray").build().unwrap()).unwrap();
    let admitted = (0..50).filter(|_| limiter.check("key", stray, Cost::REQUEST, at(5, 5)).is_admitted());
    assert_eq!(admitted.count(), 24, "as `free`, the strictest of those built in");
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    // A system that promises memory it does not have may say yes; any other must not end the process.
    let most = Limiter::builder().capacity(tidegate::Builder::MAX_CAPACITY).huge_pages(false).build();
    assert!(matches!(most, Ok(_) | Err(BuildError::Memory(_))), "{:?}", most.err());
    use tidegate::Builder;
    let small = || Limiter::builder().capacity(1).max_plans(3).max_threads(1);
    for (builder, text) in [
        (small().capacity(0), "`capacity` must be from 1 to 2147483648 keys"),
        (small().capacity(Builder::MAX_CAPACITY + 1), "`capacity` must be from 1 to 2147483648 keys"),
        (small().max_plans(2), "`max_plans` must be from 3 to 262144 plans"),
        (small().max_plans(Builder::MAX_PLANS + 1), "`max_plans` must be from 3 to 262144 plans"),
        (small().max_threads(0), "`max_threads` must be from 1 to 16383 threads"),
        (small().max_threads(Builder::MAX_THREADS + 1), "`max_threads` must be from 1 to 16383 threads"),
        (small().overflow_share(0.0), "`overflow_share` must be above 0 and at most 1,000,000"),
        (small().overflow_share(1_000_001.0), "`overflow_share` must be above 0 and at most 1,000,000"),
    ] {
        assert_eq!(builder.build().unwrap_err().to_string(), text);
    }
    for builder in [
        small(),
        small().max_plans(Builder::MAX_PLANS),
        small().max_threads(Builder::MAX_THREADS),
        small().overflow_share(1e6),
        small().overflow_share(f64::MIN_POSITIVE),
    ] {
        assert!(builder.build().is_ok());
    }
    let memory = BuildError::Memory(7).to_string();
    assert_eq!(memory, "there is no memory for a `capacity` of 7 keys");
    let processor = BuildError::Processor.to_string();
    assert_eq!(processor, "the processor has no 128-bit compare-and-swap (`cmpxchg16b`)");
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(secs))
}

/// All refunds of all that could not be counted give nothing back, in requests as in tokens.
#[test]
fn refunds_of_full_counters_make_no_room_anywhere() {
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let plan = Plan::builder("limited")
        .requests_per_minute(10)
        .tokens_per_minute(10)
        .limit(Limit::day(Unit::Requests, Limit::range(LimitId::RequestsDay)))
        .limit(Limit::day(Unit::Tokens, Limit::range(LimitId::TokensDay)))
        .build()
        .unwrap();
    let (open, limited) = (limiter.add_plan(&Plan::enterprise()).unwrap(), limiter.add_plan(&plan).unwrap());
    let huge = Cost { requests: u64::MAX, tokens: u64::MAX };
    let reservations: Vec<_> = (0..20)
        .map(|call| match limiter.check("key", open, huge, secs(1_000 + 3 * call)) {
            Decision::Admitted(admission) => admission.reservation,
            denied => panic!("{denied:?}"),
        })
        .collect();
    reservations.into_iter().for_each(|reservation| limiter.cancel(reservation, secs(1_060)));
    let (_, standing) = limiter.peek("key", limited, Cost::REQUEST, secs(1_060));
    for limit in LimitId::ALL {
        assert_eq!(standing.status(limit).unwrap().remaining, 0, "{limit:?}");
    }
}

/// What did not fit counts as long as the newest of it: a charge beyond a full counter is not forgotten with the
/// older ones.
#[test]
fn a_full_counter_lasts_as_long_as_its_newest_unit() {
    let limiter = limiter();
    let (open, free) =
        (limiter.add_plan(&Plan::enterprise()).unwrap(), limiter.add_plan(&Plan::free()).unwrap());
    for time in [1_000, 1_050] {
        assert!(limiter.check("key", open, Cost::tokens(u64::MAX), secs(time)).is_admitted());
    }
    let remaining = |time| {
        limiter
            .peek("key", free, Cost::REQUEST, secs(time))
            .1
            .status(LimitId::TokensWindow)
            .unwrap()
            .remaining
    };
    assert_eq!((remaining(1_080), remaining(1_120)), (0, 100_000));
}

#[test]
fn time_that_stands_at_its_end_still_holds_the_ceiling() {
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let plan = limiter.add_plan(&Plan::builder("p").requests_per_minute(10).build().unwrap()).unwrap();
    for time in [u64::MAX, u64::MAX, 0, u64::MAX >> 1, (u64::MAX >> 1) + 1, u64::MAX - 1] {
        let at = Timestamp::both(Nanos::new(time));
        for _ in 0..50 {
            let _ = limiter.check("key", plan, Cost::REQUEST, at);
        }
        let (verdict, standing) = limiter.peek("key", plan, Cost::REQUEST, at);
        assert!(matches!(verdict, Verdict::Deny(d) if d.retry_after > Nanos::ZERO), "{verdict:?} at {time}");
        let headers = RateLimitHeaders::new(verdict, &standing).unwrap();
        assert!(headers.fields().any(|(name, value)| name == "retry-after" && value.to_string() != "0"));
    }
}

/// A bucket that owes all it can count may owe more: cancelling another call must not shorten the wait.
#[test]
fn a_refund_takes_nothing_from_a_saturated_bucket() {
    let wait = |refund: bool| {
        let limiter = limiter();
        let plan = Plan::builder("largest").tokens_per_minute(240_000_000_000).build().unwrap();
        let plan = limiter.add_plan(&plan).unwrap();
        let now = at(1_000_000_000_000, 1_000_000_000_000);
        let call = |_| match limiter.check("key", plan, Cost::tokens(140_000_000_000), now) {
            Decision::Admitted(admission) => admission.reservation,
            denied => panic!("{denied:?}"),
        };
        let [first, second] = std::array::from_fn(call);
        limiter.settle(first, u64::MAX, now);
        if refund {
            limiter.cancel(second, now);
        }
        match limiter.peek("key", plan, Cost::tokens(280_000_000_000), now).0 {
            Verdict::Deny(denial) => denial.retry_after,
            verdict => panic!("{verdict:?}"),
        }
    };
    assert_eq!(wait(true), wait(false));
}
