//! R10s: slotted hints change what a denied caller is told, and nothing else.

use tidegate::{
    Burst, Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanBuilder, PlanId, RateLimitHeaders,
    Timestamp, Unit, Verdict,
};

const SECOND: Nanos = Nanos::from_secs(1);

fn limiter(plan: PlanBuilder) -> (Limiter, PlanId) {
    let limiter = Limiter::builder().capacity(16).max_threads(2).build().unwrap();
    let plan = limiter.add_plan(&plan.build().unwrap()).unwrap();
    (limiter, plan)
}

/// 10 requests in 7 s without burst: a place every 0.7 s.
fn ten_in_seven_seconds() -> PlanBuilder {
    Plan::builder("ten")
        .limit(Limit::window(Unit::Requests, 10, Nanos::from_secs(7)).with_burst(Burst::NONE))
        .slotted_hints(true)
}

fn denied(limiter: &Limiter, plan: PlanId, at: Timestamp) -> Nanos {
    match limiter.check("key", plan, Cost::REQUEST, at) {
        Decision::Denied(denial) => denial.retry_after,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_denial_is_given_the_next_place_and_peek_takes_none() {
    let (limiter, plan) = limiter(ten_in_seven_seconds());
    let at = Timestamp::both(Nanos::from_secs(700));
    for _ in 0..10 {
        assert!(limiter.check("key", plan, Cost::REQUEST, at).is_admitted());
    }
    let exact = Nanos::from_secs(8);
    let place = |number: u64| exact + Nanos::from_millis(700 * number);
    for number in 0..5 {
        let (verdict, _) = limiter.peek("key", plan, Cost::REQUEST, at);
        assert!(matches!(verdict, Verdict::Deny(denial) if denial.retry_after == exact), "{verdict:?}");
        assert_eq!(denied(&limiter, plan, at), place(number));
    }
    // Both ways of deciding stand in the same line; the headers tell the place.
    let (decision, standing) = limiter.check_with_standing("key", plan, Cost::REQUEST, at);
    assert!(standing.plan().has_slotted_hints());
    let headers = RateLimitHeaders::new(decision.verdict(), &standing).unwrap();
    assert_eq!(headers.retry.unwrap().millis(), Some(place(5).as_millis_ceil()));
    assert_eq!(headers.reset, 708, "the limit itself is whole when it is");
    // A call of three requests waits for three.
    let three = Cost { requests: 3, tokens: 0 };
    let verdict = limiter.check("key", plan, three, at).verdict();
    assert!(matches!(verdict, Verdict::Deny(denial) if denial.retry_after == place(8)), "{verdict:?}");
    // A place is advice: whoever comes when there is room is admitted.
    assert!(limiter.check("key", plan, Cost::REQUEST, at.after(exact)).is_admitted());
}

#[test]
fn a_denial_by_the_day_keeps_its_exact_time() {
    let day = || Plan::builder("day").limit(Limit::day(Unit::Requests, 2)).slotted_hints(true);
    // Also where the same unit has a window whose places could be given.
    for plan in [day(), day().requests_per_minute(100)] {
        let (limiter, plan) = limiter(plan);
        let at = Timestamp::both(Nanos::from_secs(86_000));
        for _ in 0..2 {
            assert!(limiter.check("key", plan, Cost::REQUEST, at).is_admitted());
        }
        for _ in 0..3 {
            assert_eq!(denied(&limiter, plan, at), Nanos::from_secs(400));
        }
    }
}

#[test]
fn slotted_and_exact_limiters_decide_alike() {
    let plan = |name: &str, slotted| {
        Plan::builder(name)
            .limit(Limit::window(Unit::Requests, 20, SECOND))
            .limit(Limit::window(Unit::Tokens, 1_000, Nanos::from_secs(3)))
            .limit(Limit::day(Unit::Tokens, 200_000))
            .slotted_hints(slotted)
    };
    let (exact, exact_plan) = limiter(plan("p", false));
    let (slotted, slotted_plan) = limiter(plan("p", true));
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut at = Timestamp::both(Nanos::from_secs(1_000));
    let (mut later, mut denials) = (0, 0);
    for call in 0..50_000 {
        at = at.after(Nanos::from_millis(next(60)));
        let (key, cost) = (next(3), Cost { requests: next(3), tokens: next(150) });
        let told = exact.check(&key, exact_plan, cost, at);
        let placed = if call % 3 == 0 {
            slotted.check_with_standing(&key, slotted_plan, cost, at).0
        } else {
            slotted.check(&key, slotted_plan, cost, at)
        };
        match (told, placed) {
            (Decision::Denied(told), Decision::Denied(placed)) => {
                assert_eq!(told.limit, placed.limit);
                assert!(told.retry_after <= placed.retry_after);
                let horizon = Nanos::MINUTE + Nanos::from_secs(3);
                assert!(placed.retry_after <= told.retry_after + horizon, "{placed:?}, exactly {told:?}");
                assert!(!told.limit.is_day() || told == placed);
                denials += 1;
                later += u64::from(placed.retry_after > told.retry_after);
            }
            (told, placed) => assert_eq!(told.verdict(), placed.verdict()),
        }
    }
    assert!(later > 1_000 && denials > later, "{later} of {denials} were given a later place");
}

#[test]
fn a_clock_that_jumps_leaves_no_line_behind() {
    let (limiter, plan) = limiter(ten_in_seven_seconds());
    for time in [u64::MAX, u64::MAX >> 1, 700_000_000_000, 0, u64::MAX] {
        let at = Timestamp::both(Nanos::new(time));
        for _ in 0..30 {
            if let Decision::Denied(denial) = limiter.check(&time, plan, Cost::REQUEST, at) {
                let (verdict, _) = limiter.peek(&time, plan, Cost::REQUEST, at);
                let Verdict::Deny(exact) = verdict else { panic!("{verdict:?}") };
                assert!(exact.retry_after > Nanos::ZERO && denial.retry_after >= exact.retry_after);
                assert!(denial.retry_after <= exact.retry_after + Nanos::MINUTE + SECOND);
                assert_eq!(denial.limit, LimitId::RequestsWindow);
            }
        }
    }
}
