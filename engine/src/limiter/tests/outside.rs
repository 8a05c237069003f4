//! Usage that no decision made, through the table.

use super::{START, STRANGER, UsedUp, WINDOW};
use crate::clock::Timestamp;
use crate::limiter::Limiter;
use crate::nanos::Nanos;
use crate::plan::{Burst, Limit, Mode, Plan, PlanId};
use crate::unit::{Cost, LimitId, Unit};

fn after(secs: u64) -> Timestamp {
    Timestamp::both(START + Nanos::from_secs(secs))
}

const EXTREME: Cost = Cost { requests: u64::MAX, tokens: u64::MAX };

/// A limiter with room, and a plan of 60 requests and 60 tokens a minute, and 100 tokens a day.
fn limiter(mode: Mode) -> (Limiter, PlanId) {
    let limiter = Limiter::builder().capacity(10).max_threads(4).seed(3).build().unwrap();
    let limit = |unit| Limit::window(unit, 60, Nanos::MINUTE).with_burst(Burst::NONE).with_mode(mode);
    let plan = Plan::builder("sixty").limit(limit(Unit::Requests)).limit(limit(Unit::Tokens));
    let plan = limiter.add_plan(&plan.tokens_per_day(100).build().unwrap()).unwrap();
    (limiter, plan)
}

fn remaining(limiter: &Limiter, plan: PlanId, at: Timestamp) -> [u64; 3] {
    let (_, standing) = limiter.peek("key", plan, Cost::default(), at);
    [LimitId::RequestsWindow, LimitId::TokensWindow, LimitId::TokensDay]
        .map(|limit| standing.status(limit).unwrap().remaining)
}

#[test]
fn what_is_told_of_is_charged_past_the_limit_and_waited_for() {
    let (limiter, plan) = limiter(Mode::Enforce);
    limiter.record_usage("key", plan, Cost { requests: 2, tokens: 50 }, after(0));
    assert_eq!(remaining(&limiter, plan, after(0)), [58, 10, 50]);
    limiter.record_usage("key", plan, Cost { requests: 0, tokens: 30 }, after(0));
    assert_eq!(remaining(&limiter, plan, after(0)), [58, 0, 20]);
    // 80 of 60 a minute: one more has room when 21 have been refilled, and the window has forgotten them.
    let (verdict, _) = limiter.peek("key", plan, Cost { requests: 0, tokens: 1 }, after(0));
    assert!(
        matches!(verdict, crate::record::Verdict::Deny(denial) if denial.retry_after > Nanos::from_secs(60))
    );
    assert_eq!(remaining(&limiter, plan, after(200)), [60, 60, 20]);
    assert_eq!(limiter.observed(), crate::observe::Observed::default(), "nothing was decided");
}

#[test]
fn what_is_given_back_is_there_at_once() {
    let (limiter, plan) = limiter(Mode::Enforce);
    assert!(!limiter.give_back("key", EXTREME, after(0)), "an unknown key");
    assert_eq!(limiter.keys(), 0);
    limiter.record_usage("key", plan, Cost { requests: 9, tokens: 90 }, after(0));
    assert!(limiter.give_back("key", Cost { requests: 4, tokens: 40 }, after(1)));
    assert_eq!(remaining(&limiter, plan, after(1)), [55, 10, 50]);
    assert!(limiter.give_back("key", EXTREME, after(1)));
    assert_eq!(remaining(&limiter, plan, after(1)), [60, 60, 100], "and no more than there was");
    assert!(limiter.check("key", plan, Cost { requests: 60, tokens: 60 }, after(1)).is_admitted());
    assert!(!limiter.check("key", plan, Cost::REQUEST, after(1)).is_admitted());
}

#[test]
fn a_reset_forgets_usage_and_keeps_plans() {
    let (limiter, plan) = limiter(Mode::Enforce);
    let pro = limiter.add_plan(&Plan::pro()).unwrap();
    assert!(!limiter.reset("key", after(0)));
    assert!(limiter.set_own_plan("key", plan, after(0)));
    limiter.record_usage("key", pro, Cost { requests: 61, tokens: 100 }, after(0));
    assert!(!limiter.check("key", pro, Cost::REQUEST, after(1)).is_admitted());
    assert!(limiter.reset("key", after(1)));
    let (_, standing) = limiter.peek("key", pro, Cost::default(), after(1));
    assert_eq!((standing.plan().name(), standing.has_own_plan()), ("sixty", true));
    assert_eq!(remaining(&limiter, plan, after(1)), [60, 60, 100]);
    assert!(limiter.check("key", pro, Cost { requests: 60, tokens: 60 }, after(1)).is_admitted());
    assert!(!limiter.check("key", pro, Cost::REQUEST, after(1)).is_admitted());
    limiter.clear_own_plan("key", after(1));
    assert!(!limiter.peek("key", pro, Cost::default(), after(1)).1.has_own_plan());
}

#[test]
fn no_number_and_no_time_breaks_them() {
    for mode in [Mode::Enforce, Mode::Shadow] {
        let (limiter, plan) = limiter(mode);
        for time in [Nanos::ZERO, START, Nanos::MAX, START] {
            let at = Timestamp::both(time);
            limiter.record_usage("key", plan, EXTREME, at);
            let admitted = limiter.check("key", plan, Cost::tokens(1), at).is_admitted();
            // A day is enforced whatever the windows do.
            assert!(!admitted);
            assert!(limiter.give_back("key", EXTREME, at));
            assert!(limiter.reset("key", at));
            assert_eq!(remaining(&limiter, plan, at), [60, 60, 100]);
        }
    }
}

#[test]
fn a_record_that_many_share_is_charged_and_nothing_else() {
    let UsedUp { limiter, plans } = UsedUp::new();
    let plan = plans[WINDOW];
    let before = limiter.table.snapshot();
    assert!(!limiter.give_back(&STRANGER, EXTREME, after(0)) && !limiter.reset(&STRANGER, after(0)));
    assert!(limiter.table.snapshot() == before);
    let room = |secs| limiter.peek(&(STRANGER + 1), plan, Cost::REQUEST, after(secs)).0;
    assert!(matches!(room(120), crate::record::Verdict::Admit(_)));
    limiter.record_usage(&STRANGER, plan, Cost { requests: 500, tokens: 0 }, after(0));
    assert!(!matches!(room(120), crate::record::Verdict::Admit(_)));
}
