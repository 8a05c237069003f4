//! A segment turns while another call is charged in the old one: no unit is lost, none counted twice (R1,
//! R3).

use super::{WINDOW, limiter, plan, race, segment, used};
use crate::nanos::Nanos;
use crate::record::Verdict;
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

const REQUESTS: LimitId = LimitId::RequestsWindow;

#[test]
fn a_call_at_the_turn_is_counted_once() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "five", 5, 100);
        assert!(limiter.check("key", id, Cost::REQUEST, segment(0)).is_admitted());
        let (old, new) = race(
            &limiter,
            move |limiter| limiter.check("key", id, Cost::REQUEST, segment(7)).is_admitted(),
            move |limiter| limiter.check("key", id, Cost::REQUEST, segment(8)).is_admitted(),
        );
        assert!(old && new);
        // The first call left with its segment; the two racing ones count until their segments leave.
        assert_eq!(used(&limiter, "key", id, REQUESTS, segment(8)), 2);
        // A call that came late to the turn counts in the segment that it found.
        assert!((1..=2).contains(&used(&limiter, "key", id, REQUESTS, segment(15))));
        assert_eq!(used(&limiter, "key", id, REQUESTS, segment(16)), 0);
    });
}

#[test]
fn what_a_turn_frees_is_given_out_once() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "one", 1, 100);
        assert!(limiter.check("key", id, Cost::REQUEST, segment(0)).is_admitted());
        let call =
            move |limiter: &crate::Limiter| limiter.check("key", id, Cost::REQUEST, segment(8)).is_admitted();
        let (left, right) = race(&limiter, call, call);
        assert!(left != right);
    });
}

/// Each call's record is written over the other's, and one comes home by the other's hand: the bucket owes both.
#[test]
fn two_calls_at_the_turn_are_both_owed() {
    check(|| {
        let limiter = limiter();
        let (large, small) = (plan(&limiter, "large", 100, 100), plan(&limiter, "small", 10, 100));
        assert!(limiter.check("key", large, Cost::REQUEST, segment(0)).is_admitted());
        let call = move |limiter: &crate::Limiter| {
            let cost = Cost { requests: 40, tokens: 0 };
            assert!(limiter.check("key", large, cost, segment(8)).is_admitted());
        };
        race(&limiter, call, call);
        // A debt is kept in units (R9): 80 are owed, and under the small plan 9 may be.
        let (verdict, _) = limiter.peek("key", small, Cost::REQUEST, segment(8));
        let Verdict::Deny(denial) = verdict else { panic!("{verdict:?}") };
        assert_eq!(denial.retry_after, Nanos::new(WINDOW.get() * 71 / 10));
    });
}
