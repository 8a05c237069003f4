//! Keys become known at the same time: one key gets one record, and two keys get one each.

use super::{limiter, plan, race, segment, used};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

const REQUESTS: LimitId = LimitId::RequestsWindow;

#[test]
fn one_key_inserted_twice_has_one_record() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "five", 5, 100);
        let call = move |limiter: &crate::Limiter| {
            assert!(limiter.check("key", id, Cost::REQUEST, segment(1)).is_admitted());
        };
        race(&limiter, call, call);
        assert_eq!(used(&limiter, "key", id, REQUESTS, segment(1)), 2);
        assert_eq!((limiter.keys(), limiter.overflowed()), (1, 0));
    });
}

#[test]
fn two_keys_for_one_place_get_a_record_each() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "five", 5, 100);
        race(
            &limiter,
            move |limiter| assert!(limiter.check("left", id, Cost::REQUEST, segment(1)).is_admitted()),
            move |limiter| assert!(limiter.check("right", id, Cost::REQUEST, segment(1)).is_admitted()),
        );
        for key in ["left", "right"] {
            assert_eq!(used(&limiter, key, id, REQUESTS, segment(1)), 1);
        }
        assert_eq!((limiter.keys(), limiter.overflowed()), (2, 0));
    });
}
