//! Two calls for the last unit: one is admitted, and its request and tokens are charged together (R1, R5,
//! R6).

use super::{limiter, plan, race, segment, used};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

#[test]
fn one_of_two_gets_the_last_request() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "one", 1, 100);
        let call = move |limiter: &crate::Limiter| {
            limiter.check("key", id, Cost::tokens(10), segment(1)).is_admitted()
        };
        let (left, right) = race(&limiter, call, call);
        assert!(
            left != right,
            "one, and only one: {left} {right} {} {}",
            limiter.keys(),
            limiter.overflowed()
        );
        assert_eq!(used(&limiter, "key", id, LimitId::RequestsWindow, segment(1)), 1);
        assert_eq!(used(&limiter, "key", id, LimitId::TokensWindow, segment(1)), 10);
    });
}

#[test]
fn a_call_denied_for_its_tokens_leaves_the_request_to_the_other() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "one", 1, 10);
        let (dear, cheap) = race(
            &limiter,
            move |limiter| limiter.check("key", id, Cost::tokens(11), segment(1)).is_admitted(),
            move |limiter| limiter.check("key", id, Cost::tokens(10), segment(1)).is_admitted(),
        );
        assert!(!dear && cheap, "the dear call never held the request");
    });
}
