//! Plans of any numbers: never a panic; what is in the documented range is accepted and is what was asked for, all else is
//! refused; a limiter decides under it as the closed forms in wide integers have it, at the edges of every number.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Cost, Decision, LimitId, Limiter, Nanos, Plan, PlanId, Timestamp, Unit};
use tidegate_fuzz::{Bytes, Expected, Extremes, FAR, OneCharge};

fn limiter(plan: &Plan) -> (Limiter, PlanId) {
    let limiter =
        Limiter::builder().capacity(2).max_plans(4).max_threads(1).seed(1).build().expect("a sane capacity");
    let id = limiter.add_plan(plan).expect("room for a plan");
    (limiter, id)
}

/// Units around the ceilings of a plan.
fn cost(bytes: &mut Bytes<'_>, plan: &Plan) -> Cost {
    let mut units = |unit: Unit| {
        let id = if bytes.once_in(2) { LimitId::window(unit) } else { LimitId::day(unit) };
        let (amount, ceiling) = plan.limit(id).map_or((1, 1), |limit| (limit.amount(), limit.ceiling()));
        match bytes.byte() % 8 {
            0 => 0,
            1 => 1,
            2 => ceiling,
            3 => ceiling + 1,
            4 => ceiling - 1,
            5 => ceiling - amount,
            6 => bytes.within(0, ceiling),
            _ => bytes.number(),
        }
    };
    Cost { requests: units(Unit::Requests), tokens: units(Unit::Tokens) }
}

/// Two calls, the second at times around all at which the first ceases to count.
fn charge_and_ask(plan: &Plan, bytes: &mut Bytes<'_>) {
    let (limiter, id) = limiter(plan);
    let mut edge = || Nanos::new(bytes.number() % FAR);
    let at = Timestamp { monotonic: edge(), unix: edge() };
    let first = cost(bytes, plan);
    let nothing = OneCharge::new(plan, Cost::default(), at);
    let decision = limiter.check("key", id, first, at);
    assert_expected(nothing.expected(first, at), &decision);
    let one = OneCharge::new(plan, first, at);
    if !decision.is_admitted() || !one.is_counted() {
        return;
    }
    for _ in 0..bytes.byte() % 8 {
        let second = cost(bytes, plan);
        let mut wait = bytes.number();
        if let (Expected::Denied(_, exact), true) = (one.expected(second, at), bytes.once_in(2)) {
            wait = u64::try_from(exact).unwrap_or(FAR).saturating_add(wait % 3).saturating_sub(1);
        }
        let then = at.after(Nanos::new(wait.min(FAR)));
        let (verdict, standing) = limiter.peek("key", id, second, then);
        for (limit_id, limit) in plan.limits() {
            let status = standing.status(limit_id).expect("a limit that is set has a status");
            let found = (u128::from(status.remaining), u128::from(status.reset_after.get()));
            let (remaining, reset) = one.standing(limit, then);
            assert_eq!(found, (remaining, reset.min(u64::MAX.into())), "{limit:?} {wait} ns after {first:?}");
        }
        let expected = one.expected(second, then);
        assert_eq!(found(verdict), clipped(expected), "{second:?} {wait} ns after {first:?}");
    }
}

fn found(verdict: tidegate::Verdict) -> Expected {
    match verdict {
        tidegate::Verdict::Admit(_) => Expected::Admitted,
        tidegate::Verdict::Deny(denial) => Expected::Denied(denial.limit, denial.retry_after.get().into()),
        tidegate::Verdict::Never(id) => Expected::Never(id),
    }
}

/// A wait beyond 584 years reads as that.
fn clipped(expected: Expected) -> Expected {
    match expected {
        Expected::Denied(id, wait) => Expected::Denied(id, wait.min(u64::MAX.into())),
        expected => expected,
    }
}

fn assert_expected(expected: Expected, decision: &Decision) {
    assert_eq!(found(decision.verdict()), clipped(expected));
}

/// Where nothing can be exact any more nothing panics, and nothing remains beyond a limit.
fn decide_at_the_ends(plan: &Plan) {
    let (limiter, id) = limiter(plan);
    for time in [0, 1, u64::MAX >> 1, u64::MAX] {
        for units in [0, 1, u64::MAX] {
            let at = Timestamp::both(Nanos::new(time));
            let cost = Cost { requests: units, tokens: units };
            let (_, standing) = limiter.check_with_standing("key", id, cost, at);
            for (limit, _) in plan.limits() {
                let status = standing.status(limit).expect("a limit that is set has a status");
                assert!(status.remaining <= status.limit);
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let asked = Extremes::new(&mut bytes);
    let in_range = asked.is_in_range();
    match asked.builder.build() {
        Ok(plan) => {
            assert!(in_range, "{plan:?} is accepted");
            assert_eq!(plan.limits().count(), asked.limits.len());
            for limit in &asked.limits {
                assert_eq!(plan.limit(limit.id()), Some(limit));
            }
            decide_at_the_ends(&plan);
            charge_and_ask(&plan, &mut bytes);
        }
        Err(error) => {
            assert!(!in_range, "{error}");
            assert!(!error.field().is_empty() && !error.to_string().is_empty());
        }
    }
});
