//! R11 and the IETF fields, byte for byte.

use tidegate::headers::{Retry, ietf_policy, ietf_rate_limit};
use tidegate::{Cost, Limit, Limiter, Nanos, Plan, PlanId, RateLimitHeaders, Timestamp, Unit};

/// A whole second of a Tuesday in November 2023, and a bit.
fn start() -> Timestamp {
    Timestamp::both(Nanos::new(1_700_000_000_250_000_000))
}

fn limiter(plan: &Plan) -> (Limiter, PlanId) {
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let id = limiter.add_plan(plan).unwrap();
    (limiter, id)
}

/// The fields of the response to one call, a line each.
fn fields(limiter: &Limiter, plan: PlanId, cost: Cost, at: Timestamp) -> String {
    let (decision, standing) = limiter.check_with_standing("key", plan, cost, at);
    let headers = RateLimitHeaders::new(decision.verdict(), &standing);
    let lines = headers.iter().flat_map(RateLimitHeaders::fields);
    lines.map(|(name, value)| format!("{name}: {value}\n")).collect()
}

#[test]
fn an_admitted_call_is_told_what_is_left_without_the_burst() {
    let (limiter, free) = limiter(&Plan::free());
    // The segment of 8.57 s ends at 1700000008.57 or before, and leaves a minute later.
    let first = fields(&limiter, free, Cost::tokens(10), start());
    assert_eq!(first, "x-ratelimit-limit: 20\nx-ratelimit-remaining: 19\nx-ratelimit-reset: 1700000066\n");
    for _ in 0..19 {
        let _ = limiter.check("key", free, Cost::tokens(10), start());
    }
    let burst = fields(&limiter, free, Cost::tokens(10), start());
    assert_eq!(burst, "x-ratelimit-limit: 20\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000066\n");
}

#[test]
fn a_denied_call_is_told_of_the_limit_that_denied() {
    let (limiter, free) = limiter(&Plan::free());
    assert!(limiter.check("key", free, Cost::tokens(100_000), start()).is_admitted());
    let denied = fields(&limiter, free, Cost::tokens(50_000), start());
    assert_eq!(
        denied,
        "x-ratelimit-limit: 100000\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000066\n\
         retry-after: 66\nretry-after-ms: 65465\n"
    );
}

#[test]
fn a_used_up_day_tells_the_sdk_not_to_sleep_for_it() {
    let (limiter, plan) =
        limiter(&Plan::builder("daily").limit(Limit::day(Unit::Tokens, 1_000)).build().unwrap());
    assert!(limiter.check("key", plan, Cost::tokens(1_000), start()).is_admitted());
    // 2023-11-14T22:13:20Z: the next day begins in 6,400 s, less the quarter.
    assert_eq!(
        fields(&limiter, plan, Cost::tokens(1), start()),
        "x-ratelimit-limit: 1000\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700006400\n\
         retry-after: 6400\nretry-after-ms: 6399750\nx-should-retry: false\n"
    );
}

#[test]
fn a_call_that_can_never_pass_gets_no_time_to_come_back() {
    let (limiter, free) = limiter(&Plan::free());
    assert_eq!(
        fields(&limiter, free, Cost::tokens(120_001), start()),
        "x-ratelimit-limit: 100000\nx-ratelimit-remaining: 100000\nx-ratelimit-reset: 1700000001\n\
         x-should-retry: false\n"
    );
}

#[test]
fn a_wait_is_rounded_up_and_never_zero() {
    for (nanos, secs, millis) in [
        (0, 1, 1),
        (1, 1, 1),
        (1_000_000, 1, 1),
        (1_000_001, 1, 2),
        (1_000_000_000, 1, 1_000),
        (1_000_000_001, 2, 1_001),
    ] {
        let retry = Retry::After(Nanos::new(nanos));
        assert_eq!((retry.seconds(), retry.millis()), (Some(secs), Some(millis)), "{nanos} ns");
    }
    assert_eq!((Retry::Never.seconds(), Retry::Never.millis()), (None, None));
}

#[test]
fn a_plan_without_a_window_for_requests_has_nothing_to_say_of_an_admitted_call() {
    let (limiter, plan) = limiter(&Plan::enterprise());
    assert_eq!(fields(&limiter, plan, Cost::tokens(1), start()), "");
}

#[test]
fn the_ietf_fields_name_every_limit() {
    let plan = Plan::builder("team")
        .requests_per_minute(300)
        .limit(Limit::window(Unit::Tokens, 5_000, Nanos::from_millis(1_500)).with_name("burst tokens"))
        .tokens_per_day(1_000_000)
        .build()
        .unwrap();
    let (limiter, plan) = limiter(&plan);
    let (_, standing) = limiter.check_with_standing("key", plan, Cost::tokens(100), start());
    assert_eq!(
        ietf_policy(&standing).to_string(),
        "\"requests_per_minute\";q=300;qu=\"requests\";w=60, \"burst tokens\";q=5000;qu=\"tokens\";w=2, \
         \"tokens_per_day\";q=1000000;qu=\"tokens\";w=86400"
    );
    assert_eq!(
        ietf_rate_limit(&standing).to_string(),
        "\"requests_per_minute\";r=299;t=66, \"burst tokens\";r=4900;t=2, \"tokens_per_day\";r=999900;t=6400"
    );
}
