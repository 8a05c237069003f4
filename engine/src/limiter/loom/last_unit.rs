//! Two calls for the last unit: one is admitted, and its request and tokens are charged together (R1, R5,
//! R6).

use super::{limiter, plan, race, segment, used};
use crate::plan::PlanId;
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

/// The same where the key is known, whichever way they ask.
#[test]
fn one_of_two_gets_the_last_request_of_a_known_key() {
    let check_it: Way = |limiter, id| limiter.check("key", id, Cost::REQUEST, segment(1)).is_admitted();
    let with_standing: Way =
        |limiter, id| limiter.check_with_standing("key", id, Cost::REQUEST, segment(1)).0.is_admitted();
    for [left, right] in [[check_it; 2], [with_standing; 2], [check_it, with_standing]] {
        check(move || {
            let limiter = limiter();
            let id = plan(&limiter, "two", 2, 100);
            assert!(check_it(&limiter, id));
            let (left, right) =
                race(&limiter, move |limiter| left(limiter, id), move |limiter| right(limiter, id));
            assert!(left != right, "one, and only one: {left} {right}");
            assert_eq!(used(&limiter, "key", id, LimitId::RequestsWindow, segment(1)), 2);
        });
    }
}

/// A way of asking for a request.
type Way = fn(&crate::Limiter, PlanId) -> bool;

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
