//! Which way a call goes. Both ways leave the same, so callers cannot tell; here they are asked one by one.

use super::*;
use crate::limiter::FALLBACK_PLAN;
use crate::nanos::Nanos;
use crate::plan::{Burst, Limit, Plan};
use crate::unit::{LimitId, Unit};

/// Noon of the first day, when a minute's window begins a segment.
const NOON: Nanos = Nanos::from_secs(12 * 3_600);

fn after(nanos: u64) -> Timestamp {
    Timestamp::both(NOON + Nanos::new(nanos))
}

/// A key of a limiter, and two plans: of three requests a minute, and of two.
struct Key {
    limiter: Limiter,
    three: PlanId,
    two: PlanId,
    fingerprint: u64,
}

impl Key {
    fn new() -> Self {
        let limiter = Limiter::builder().capacity(10).max_threads(4).build().unwrap();
        let plan = |amount| {
            let limit = Limit::window(Unit::Requests, amount, Nanos::MINUTE).with_burst(Burst::NONE);
            limiter.add_plan(&Plan::builder("p").limit(limit).build().unwrap()).unwrap()
        };
        let (three, two) = (plan(3), plan(2));
        let fingerprint = limiter.fingerprint("key");
        Self { limiter, three, two, fingerprint }
    }

    /// Under the plan of three.
    fn asked(&self, at: Timestamp) -> Asked {
        Asked { plan: self.three, cost: Cost::REQUEST, at }
    }

    fn steady(&self, asked: Asked) -> Result<Decision, Unsteady> {
        self.limiter.decide_steady(self.fingerprint, asked)
    }

    fn is_admitted_whole(&self, asked: Asked) -> bool {
        self.limiter.decide_whole(self.fingerprint, asked).0.is_admitted()
    }
}

#[test]
fn a_call_under_the_keys_plan_that_finds_room_is_admitted_at_a_look_and_no_other_is() {
    let key = Key::new();
    let asked = key.asked(after(0));
    let with_record = |asked| key.limiter.admit_with_record(key.fingerprint, asked);
    assert!(matches!(key.steady(asked), Err(Unsteady::Otherwise)), "the key is not known");
    assert!(with_record(asked).is_none());
    assert!(key.is_admitted_whole(asked));
    for plan in [key.two, FALLBACK_PLAN, PlanId(1_000)] {
        let asked = Asked { plan, ..asked };
        assert!(matches!(key.steady(asked), Err(Unsteady::Otherwise)), "it is on another plan");
        assert!(with_record(asked).is_none());
    }
    assert!(matches!(key.steady(asked), Ok(Decision::Admitted(_))));
    let (decision, _, record) = with_record(asked).unwrap();
    assert!(decision.is_admitted() && record.used_in_windows() == [3, 0]);
    assert_eq!(key.limiter.observed().admitted, 3, "each by its own way");
    assert!(matches!(key.steady(asked), Err(Unsteady::Otherwise)), "there is no room");
    assert!(with_record(asked).is_none());
    assert_eq!(key.limiter.observed().denied.total(), 0);
}

#[test]
fn a_denial_is_told_again_at_a_look() {
    let key = Key::new();
    (0..3).for_each(|_| assert!(key.is_admitted_whole(key.asked(after(0)))));
    let (Decision::Denied(first), ..) = key.limiter.decide_whole(key.fingerprint, key.asked(after(0))) else {
        panic!("three were admitted");
    };
    let Ok(Decision::Denied(again)) = key.steady(key.asked(after(1))) else { panic!("it is remembered") };
    assert_eq!((again.limit, again.retry_after), (first.limit, first.retry_after - Nanos::new(1)));
    assert_eq!(key.limiter.observed().denied.of(LimitId::RequestsWindow), 2);
    let two = Asked { cost: Cost { requests: 2, tokens: 0 }, ..key.asked(after(1)) };
    assert!(matches!(key.steady(two), Err(Unsteady::Otherwise)), "of another cost nothing is known");
}

/// Which of them denies longest depends on both clocks, and a wall clock may be set.
#[test]
fn a_denial_by_a_day_and_a_window_goes_by_both_clocks_each_time() {
    let key = Key::new();
    let plan = Plan::builder("both")
        .limit(Limit::window(Unit::Requests, 3, Nanos::MINUTE).with_burst(Burst::NONE))
        .limit(Limit::day(Unit::Requests, 3));
    let plan = key.limiter.add_plan(&plan.build().unwrap()).unwrap();
    // A minute's window and its last segment are longer than what is left of the day.
    let before_midnight = |secs| Timestamp { monotonic: NOON, unix: Nanos::DAY - Nanos::from_secs(secs) };
    let denied_by = |at| match key.limiter.check("key", plan, Cost::REQUEST, at) {
        Decision::Denied(denial) => denial.limit,
        other => panic!("{other:?}"),
    };
    for _ in 0..3 {
        assert!(key.limiter.check("key", plan, Cost::REQUEST, before_midnight(300)).is_admitted());
    }
    assert_eq!(denied_by(before_midnight(300)), LimitId::RequestsDay);
    assert_eq!(denied_by(before_midnight(10)), LimitId::RequestsWindow);
    let asked = Asked { plan, ..key.asked(before_midnight(10)) };
    assert!(matches!(key.steady(asked), Err(Unsteady::Otherwise)), "nothing of it is remembered");
}

#[test]
fn a_denial_that_changed_the_plan_is_not_remembered_of_the_record_before() {
    let key = Key::new();
    (0..3).for_each(|_| assert!(key.is_admitted_whole(key.asked(after(0)))));
    let seen = key.limiter.table.find(key.fingerprint).unwrap().seen().unwrap();
    let under_two = Asked { plan: key.two, ..key.asked(after(0)) };
    assert!(!key.is_admitted_whole(under_two));
    let before = Grounds { seen, cost: Cost::REQUEST };
    assert_eq!(key.limiter.denials.recall(before, after(0)), None);
    assert!(!key.is_admitted_whole(under_two));
    assert!(matches!(key.steady(under_two), Ok(Decision::Denied(_))));
}

/// Whichever way an admission takes, a change of plan must know of its time (R9).
#[test]
fn the_latest_charge_is_that_of_every_admission_and_of_no_other_call() {
    let key = Key::new();
    let latest = || key.limiter.latest_charge();
    assert_eq!(latest(), Nanos::ZERO);
    assert!(key.is_admitted_whole(key.asked(after(10))));
    assert_eq!(latest(), after(10).monotonic);
    assert!(matches!(key.steady(key.asked(after(20))), Ok(Decision::Admitted(_))));
    assert_eq!(latest(), after(20).monotonic);
    assert!(key.limiter.admit_with_record(key.fingerprint, key.asked(after(30))).is_some());
    assert_eq!(latest(), after(30).monotonic);
    assert!(!key.is_admitted_whole(key.asked(after(40))));
    assert!(matches!(key.steady(key.asked(after(50))), Ok(Decision::Denied(_))));
    key.limiter.change_plan("key", key.two, after(60));
    assert_eq!(latest(), after(30).monotonic, "nothing was charged");
}
