//! The plan changes while a call is decided: the call is decided under the one or the other, and what it used
//! stays used under both (R9).

use super::{limiter, plan, race, segment, used};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

#[test]
fn a_change_against_a_decision() {
    check(|| {
        let limiter = limiter();
        let small = plan(&limiter, "small", 1, 100);
        let large = plan(&limiter, "large", 10, 100);
        assert!(limiter.check("key", small, Cost::tokens(10), segment(0)).is_admitted());
        // The key's own plan decides, whichever plan the call names.
        assert!(limiter.set_own_plan("key", small, segment(0)));
        let (kept, admitted) = race(
            &limiter,
            move |limiter| limiter.set_own_plan("key", large, segment(1)),
            move |limiter| limiter.check("key", small, Cost::tokens(10), segment(1)).is_admitted(),
        );
        assert!(kept);
        // Denied under `small`, admitted under `large`.
        let calls = if admitted { 2 } else { 1 };
        assert_eq!(used(&limiter, "key", large, LimitId::RequestsWindow, segment(1)), calls);
        assert_eq!(used(&limiter, "key", large, LimitId::TokensWindow, segment(1)), 10 * calls);
        assert!(limiter.check("key", small, Cost::REQUEST, segment(1)).is_admitted(), "the change holds");
    });
}
