//! Histories kept: each failed once, or stands for a rule that is easily broken.

use crate::agreement;
use crate::history::{History, House, Step};
use crate::oracle::later;
use tidegate::{
    Burst, Cost, Decision, Limit, LimitId, Limiter, Mode, Nanos, Plan, PlanId, Reservation, Timestamp, Unit,
    Verdict,
};

fn at(secs: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(secs))
}

fn limiter() -> Limiter {
    Limiter::builder().capacity(16).build().unwrap()
}

fn add(limiter: &Limiter, plan: Plan) -> PlanId {
    limiter.add_plan(&plan).unwrap()
}

/// Tokens alone, so many in a window of so many seconds, without burst.
fn tokens(limiter: &Limiter, amount: u64, secs: u64) -> PlanId {
    let limit = Limit::window(Unit::Tokens, amount, Nanos::from_secs(secs)).with_burst(Burst::NONE);
    add(limiter, Plan::builder(format!("{amount} in {secs} s")).limit(limit).build().unwrap())
}

fn admitted(decision: Decision) -> Reservation {
    match decision {
        Decision::Admitted(admission) => admission.reservation,
        denied => panic!("{denied:?}"),
    }
}

fn remaining(limiter: &Limiter, plan: PlanId, limit: LimitId, at: Timestamp) -> u64 {
    limiter.peek("key", plan, Cost::default(), at).1.status(limit).unwrap().remaining
}

/// Moving to another window near the clock's zero left completed segments of the old grid in places that no new
/// segment had yet. Found by the random histories.
#[test]
fn a_window_that_moves_near_the_clocks_zero_leaves_nothing_behind() {
    let window = |name: &str, amount, window| {
        Plan::builder(name).limit(Limit::window(Unit::Tokens, amount, window)).build().unwrap()
    };
    let plans = vec![window("p0", 17, Nanos::from_millis(1)), window("p1", 4, Nanos::from_secs(1))];
    let steps = vec![
        Step::Call { key: 0, plan: 0, requests: 0, tokens: 1 },
        Step::Wait(142_858),
        Step::Change { key: 0, plan: 1 },
    ];
    agreement::run(&History { house: House::ROOMY, plans, start: 0, steps }).unwrap();
}

/// A call that was charged beside its record's words left the buckets counting from pins more than a window back,
/// where the steps over the whole record move them on: a clock set back then owed more than the rules say. Found by
/// holding the shortcut against the steps.
#[test]
fn a_bucket_that_counts_for_more_than_a_window_is_pinned_anew() {
    let limit = |unit| Limit::window(unit, 70, Nanos::from_secs(7)).with_burst(Burst::fraction(1.0).unwrap());
    let plan = Plan::builder("p").limit(limit(Unit::Requests)).limit(limit(Unit::Tokens)).build().unwrap();
    let call = |units| Step::Call { key: 0, plan: 0, requests: units, tokens: units };
    let wait = |millis| Step::Wait(Nanos::from_millis(millis).get());
    let steps = vec![
        call(140),
        wait(7_500),
        call(60),
        wait(6_200),
        call(1),
        call(1),
        wait(400),
        call(1),
        Step::Back(Nanos::from_millis(400).get()),
        call(76),
    ];
    let start = Nanos::from_millis(500).get();
    agreement::run(&History { house: House::ROOMY, plans: vec![plan], start, steps }).unwrap();
}

/// A charge of a short window was mapped onto the grid of a longer one when it was cancelled, and gave back what
/// another call had been charged: 200 tokens in a window of 100. Found by fuzzing.
#[test]
fn a_refund_after_a_move_to_a_longer_window_takes_nothing_from_another_call() {
    let limiter = limiter();
    let (short, long) = (tokens(&limiter, 1_000, 1), tokens(&limiter, 100, 60));
    let early = admitted(limiter.check("key", short, Cost::tokens(100), at(1)));
    // The short window has forgotten the first call; both lie in one segment of the long one.
    assert!(limiter.check("key", long, Cost::tokens(100), at(5)).is_admitted());
    limiter.cancel(early, at(5));
    assert!(!limiter.check("key", long, Cost::tokens(1), at(5)).is_admitted());
}

/// The same by way of a short window and back.
#[test]
fn a_refund_after_a_window_changed_there_and_back_takes_nothing_from_another_call() {
    let limiter = limiter();
    let (short, long) = (tokens(&limiter, 1_000, 1), tokens(&limiter, 100, 60));
    let early = admitted(limiter.check("key", long, Cost::tokens(100), at(1)));
    limiter.change_plan("key", short, at(2));
    limiter.change_plan("key", long, at(5));
    // The short window has forgotten the first call; both lie in one segment of the long one.
    assert!(limiter.check("key", long, Cost::tokens(100), at(5)).is_admitted());
    limiter.cancel(early, at(5));
    assert!(!limiter.check("key", long, Cost::tokens(1), at(5)).is_admitted());
}

/// R1: what was charged at a later time than that of the change stays in the window for as long as it must.
#[test]
fn a_change_of_plan_after_the_clock_was_set_back_lets_no_unit_leave_early() {
    for back in [0, 1, 3, 5] {
        let limiter = limiter();
        let (short, long) = (tokens(&limiter, 100, 1), tokens(&limiter, 100, 60));
        // The first call pins the bucket; the second leaves no time of its own in the record.
        assert!(limiter.check("key", long, Cost::tokens(60), at(995)).is_admitted());
        assert!(limiter.check("key", long, Cost::tokens(40), at(1_000)).is_admitted());
        limiter.change_plan("key", short, at(1_000 - back));
        let within = limiter.check("key", short, Cost::tokens(61), later(at(1_000), 999_999_999));
        assert!(!within.is_admitted(), "{back} s back: 101 units in a second");
        let after = limiter.check("key", short, Cost::tokens(100), later(at(1_001), 142_857_143));
        assert!(after.is_admitted(), "{back} s back: the units are held for a window and a segment");
    }
}

/// R9, as the design tells it.
#[test]
fn a_key_that_used_up_free_is_admitted_at_once_on_pro() {
    let limiter = limiter();
    let (free, pro) = (add(&limiter, Plan::free()), add(&limiter, Plan::pro()));
    for _ in 0..24 {
        assert!(limiter.check("key", free, Cost::REQUEST, at(1_000)).is_admitted());
    }
    assert!(!limiter.check("key", free, Cost::REQUEST, at(1_000)).is_admitted());
    limiter.change_plan("key", pro, at(1_000));
    assert!(limiter.check("key", pro, Cost::REQUEST, at(1_000)).is_admitted());
    assert_eq!(remaining(&limiter, pro, LimitId::RequestsWindow, at(1_000)), 1_000 - 24 - 1);
}

/// R9: with GCRA's one time a debt of 60 s under 20 a minute would be one of 1,000 requests under 1,000 a minute.
#[test]
fn a_debt_is_kept_in_units_not_in_time() {
    let limiter = limiter();
    let (free, pro) = (add(&limiter, Plan::free()), add(&limiter, Plan::pro()));
    for _ in 0..24 {
        assert!(limiter.check("key", free, Cost::REQUEST, at(1_000)).is_admitted());
    }
    // 1,200 fit under pro's ceiling; 24 are used.
    for call in 0..1_176 {
        assert!(limiter.check("key", pro, Cost::REQUEST, at(1_000)).is_admitted(), "call {call}");
    }
    assert!(!limiter.check("key", pro, Cost::REQUEST, at(1_000)).is_admitted());
}

/// R7: the window has forgotten the call, the day has not.
#[test]
fn a_refund_after_its_window_still_counts_for_the_day() {
    let limiter = limiter();
    let free = add(&limiter, Plan::free());
    let reservation = admitted(limiter.check("key", free, Cost::tokens(90_000), at(1_000)));
    limiter.settle(reservation, 10_000, at(1_200));
    assert_eq!(remaining(&limiter, free, LimitId::TokensWindow, at(1_200)), 100_000);
    assert_eq!(remaining(&limiter, free, LimitId::TokensDay, at(1_200)), 190_000);
}

/// R7: yesterday's tokens are not given back to today.
#[test]
fn a_refund_after_midnight_gives_nothing_to_the_new_day() {
    let limiter = limiter();
    let free = add(&limiter, Plan::free());
    let reservation = admitted(limiter.check("key", free, Cost::tokens(90_000), at(86_390)));
    assert!(limiter.check("key", free, Cost::tokens(1_000), at(86_410)).is_admitted());
    limiter.settle(reservation, 0, at(86_410));
    assert_eq!(remaining(&limiter, free, LimitId::TokensDay, at(86_410)), 199_000);
    assert_eq!(remaining(&limiter, free, LimitId::TokensWindow, at(86_410)), 99_000);
}

/// R7: what a call overran is charged, and the key waits until it is paid, even with a call that asks for no token.
#[test]
fn an_overrun_makes_the_key_wait() {
    let limiter = limiter();
    let plan = tokens(&limiter, 100, 60);
    let reservation = admitted(limiter.check("key", plan, Cost::tokens(10), at(1_000)));
    limiter.settle(reservation, 250, at(1_001));
    let Decision::Denied(denial) = limiter.check("key", plan, Cost::REQUEST, at(1_001)) else {
        panic!("the debt is not paid")
    };
    // 250 owed, 100 may be: 150 tokens at 100 a minute, since the first call.
    assert_eq!(Nanos::from_secs(1_001) + denial.retry_after, Nanos::from_secs(1_000 + 90));
}

/// R7: the request is given back too.
#[test]
fn a_cancelled_call_gives_everything_back() {
    let limiter = limiter();
    let free = add(&limiter, Plan::free());
    let reservation = admitted(limiter.check("key", free, Cost::tokens(500), at(1_000)));
    limiter.cancel(reservation, at(1_010));
    for (limit, whole) in
        [(LimitId::RequestsWindow, 20), (LimitId::TokensWindow, 100_000), (LimitId::TokensDay, 200_000)]
    {
        assert_eq!(remaining(&limiter, free, limit, at(1_010)), whole);
    }
}

/// R8.
#[test]
fn a_wall_clock_that_goes_back_does_not_open_a_used_up_day() {
    let limiter = limiter();
    let plan = add(&limiter, Plan::builder("daily").limit(Limit::day(Unit::Requests, 1)).build().unwrap());
    let wall = |secs| Timestamp { monotonic: Nanos::from_secs(5), unix: Nanos::from_secs(secs) };
    assert!(limiter.check("key", plan, Cost::REQUEST, wall(2 * 86_400)).is_admitted());
    for secs in [2 * 86_400, 86_400, 0] {
        assert!(!limiter.check("key", plan, Cost::REQUEST, wall(secs)).is_admitted(), "at {secs}");
    }
    assert!(limiter.check("key", plan, Cost::REQUEST, wall(3 * 86_400)).is_admitted());
}

/// R12: a limit in shadow lets everything pass and says what it would have denied; turned on, it asks for no more
/// than its own ceiling back.
#[test]
fn a_shadow_limit_reports_and_denies_nothing() {
    let limiter = limiter();
    let limit = Limit::per_minute(Unit::Requests, 10);
    let plan = |name: &str, mode| Plan::builder(name).limit(limit.clone().with_mode(mode)).build().unwrap();
    let (shadow, enforced) =
        (add(&limiter, plan("shadow", Mode::Shadow)), add(&limiter, plan("enforced", Mode::Enforce)));
    for call in 0..1_000 {
        match limiter.check("key", shadow, Cost::REQUEST, at(1_000)) {
            Decision::Admitted(admission) => {
                assert_eq!(admission.shadow.contains(LimitId::RequestsWindow), call >= 12, "call {call}");
            }
            denied => panic!("{denied:?}"),
        }
    }
    limiter.change_plan("key", enforced, at(1_000));
    let (verdict, _) = limiter.peek("key", enforced, Cost::REQUEST, at(1_000));
    assert!(
        matches!(verdict, Verdict::Deny(denial) if denial.retry_after < Nanos::from_secs(70)),
        "{verdict:?}"
    );
}

/// A plan of a key's own holds whatever plan its calls name, until it is taken back.
#[test]
fn a_plan_of_its_own() {
    let limiter = limiter();
    let (free, pro) = (add(&limiter, Plan::free()), add(&limiter, Plan::pro()));
    assert!(limiter.set_own_plan("key", pro, at(1_000)));
    for _ in 0..1_000 {
        assert!(limiter.check("key", free, Cost::REQUEST, at(1_000)).is_admitted());
    }
    limiter.clear_own_plan("key", at(1_000));
    assert!(!limiter.check("key", free, Cost::REQUEST, at(1_000)).is_admitted());
}
