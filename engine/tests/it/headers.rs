//! R11 and the IETF fields, byte for byte.

use tidegate::headers::{Retry, ietf_policy, ietf_rate_limit};
use tidegate::{
    Cost, Limit, LimitId, Limiter, Nanos, Plan, PlanId, RateLimitHeaders, Timestamp, Unit, Verdict,
};

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

/// The fields can be read back: members, parameters, types.
#[test]
fn the_ietf_fields_can_be_parsed() {
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let plan = Plan::builder("p")
        .limit(Limit::per_minute(Unit::Requests, 5).with_name("a, b; c=d"))
        .tokens_per_day(7)
        .build()
        .unwrap();
    let id = limiter.add_plan(&plan).unwrap();
    let (_, standing) = limiter.check_with_standing("key", id, Cost::tokens(3), start());
    let members = |text: String| -> Vec<(String, Vec<(String, String)>)> {
        let (mut rest, mut found) = (text.as_str(), Vec::new());
        while !rest.is_empty() {
            let (name, after) = rest.strip_prefix('"').unwrap().split_once('"').unwrap();
            let end = after.find(", ").unwrap_or(after.len());
            let parameters = after[..end].split(';').skip(1).map(|parameter| {
                let (key, value) = parameter.split_once('=').unwrap();
                (key.to_owned(), value.to_owned())
            });
            found.push((name.to_owned(), parameters.collect()));
            rest = after[end..].trim_start_matches(", ");
        }
        found
    };
    let policy = members(ietf_policy(&standing).to_string());
    let state = members(ietf_rate_limit(&standing).to_string());
    let limits: Vec<_> = plan.limits().collect();
    assert_eq!((policy.len(), state.len()), (limits.len(), limits.len()));
    for (((id, limit), policy), state) in limits.into_iter().zip(policy).zip(state) {
        let status = standing.status(id).unwrap();
        assert_eq!((&*limit.name(), &*limit.name()), (policy.0.as_str(), state.0.as_str()));
        let pair = |key: &str, value: String| (key.to_owned(), value);
        assert_eq!(
            policy.1,
            [
                pair("q", limit.amount().to_string()),
                pair("qu", format!("\"{}\"", limit.unit())),
                pair("w", status.window.as_secs_ceil().to_string())
            ]
        );
        assert_eq!(
            state.1,
            [
                pair("r", status.remaining.to_string()),
                pair("t", status.reset_after.as_secs_ceil().to_string())
            ]
        );
    }
}

/// Denied by requests: the three describe the requests window; the second named is enough, none before.
#[test]
fn a_client_that_obeys_retry_after_is_admitted() {
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let free = limiter.add_plan(&Plan::free()).unwrap();
    let start = Timestamp::both(Nanos::new(1_700_000_000_250_000_001));
    let mut admitted = 0;
    let headers = loop {
        let (decision, standing) = limiter.check_with_standing("key", free, Cost::REQUEST, start);
        let headers = RateLimitHeaders::new(decision.verdict(), &standing).unwrap();
        if !decision.is_admitted() {
            break headers;
        }
        admitted += 1;
        assert_eq!((headers.limit, headers.remaining), (20, 20_u64.saturating_sub(admitted)));
        assert_eq!(headers.retry, None);
    };
    assert_eq!((admitted, headers.limit, headers.remaining), (24, 20, 0));
    let millis = headers.retry.unwrap().millis().unwrap();
    let seconds = headers.retry.unwrap().seconds().unwrap();
    assert_eq!(seconds, millis.div_ceil(1_000));
    let verdict =
        |millis| limiter.peek("key", free, Cost::REQUEST, start.after(Nanos::from_millis(millis))).0;
    assert!(matches!(verdict(millis - 1), Verdict::Deny(_)));
    assert!(matches!(verdict(millis), Verdict::Admit(_)));
    // Reset: whole at that second, not at the one before.
    let remaining = |unix: u64| {
        let wait = Nanos::from_secs(unix) - start.unix;
        limiter
            .peek("key", free, Cost::REQUEST, start.after(wait))
            .1
            .status(LimitId::RequestsWindow)
            .unwrap()
            .remaining
    };
    assert_eq!(remaining(headers.reset), 20);
    assert!(remaining(headers.reset - 1) < 20);
}
