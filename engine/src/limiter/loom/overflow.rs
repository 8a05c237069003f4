//! Keys without room share a record: its last unit goes to one of two calls (R1, R14).

use super::{PLACES, fill, limiter, night, plan, race, used};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

#[test]
fn one_of_two_keys_without_room_gets_the_last_request() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "one", 1, 100);
        fill(&limiter, PLACES, id);
        let call = |key| {
            move |limiter: &crate::Limiter| limiter.check(key, id, Cost::tokens(10), night(1)).is_admitted()
        };
        let (left, right) = race(&limiter, call("left"), call("right"));
        assert!(left != right, "one, and only one");
        for key in ["left", "right"] {
            assert_eq!(used(&limiter, key, id, LimitId::RequestsWindow, night(1)), 1);
            assert_eq!(used(&limiter, key, id, LimitId::TokensWindow, night(1)), 10);
        }
        assert_eq!(limiter.keys(), PLACES as u64);
    });
}
