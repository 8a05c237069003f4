//! The day turns while another call is decided: each day's quota is given out once, and a call of yesterday's that
//! comes late counts today (R8).

use super::{limiter, night, race, used};
use crate::limiter::Limiter;
use crate::plan::{Limit, Plan, PlanId};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId, Unit};

fn daily(limiter: &Limiter, requests: u64) -> PlanId {
    let plan = Plan::builder("daily").limit(Limit::day(Unit::Requests, requests)).build().unwrap();
    limiter.add_plan(&plan).unwrap()
}

fn call(id: PlanId, at: u64) -> impl FnOnce(&Limiter) -> bool + Send + 'static {
    move |limiter| limiter.check("key", id, Cost::REQUEST, night(at)).is_admitted()
}

#[test]
fn what_a_new_day_frees_is_given_out_once() {
    check(|| {
        let limiter = limiter();
        let id = daily(&limiter, 1);
        assert!(call(id, 9)(&limiter));
        let (left, right) = race(&limiter, call(id, 10), call(id, 10));
        assert!(left != right);
        assert_eq!(used(&limiter, "key", id, LimitId::RequestsDay, night(10)), 1);
    });
}

#[test]
fn a_call_of_yesterday_gets_nothing_that_yesterday_or_today_has_not() {
    check(|| {
        let limiter = limiter();
        let id = daily(&limiter, 1);
        assert!(call(id, 9)(&limiter));
        let (late, new) = race(&limiter, call(id, 9), call(id, 10));
        assert!(!late && new);
        assert_eq!(used(&limiter, "key", id, LimitId::RequestsDay, night(10)), 1);
    });
}

#[test]
fn a_call_of_yesterday_counts_yesterday_or_today() {
    check(|| {
        let limiter = limiter();
        let id = daily(&limiter, 2);
        assert!(call(id, 9)(&limiter));
        let (late, new) = race(&limiter, call(id, 9), call(id, 10));
        assert!(late && new);
        let today = used(&limiter, "key", id, LimitId::RequestsDay, night(10));
        assert!((1..=2).contains(&today), "{today}");
        // What is left of today, and no more.
        assert_eq!(call(id, 10)(&limiter), today == 1);
        assert!(!call(id, 10)(&limiter));
    });
}
