//! Two threads insert one key where there are places to be used again, of which they find different ones, because
//! they become so at different times: the key gets one record (R14).

use super::{PLACES, fill, limiter, night, plan, race, records_of, used};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

#[test]
fn one_key_inserted_twice_into_reused_places_has_one_record() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "five", 5, 100);
        fill(&limiter, PLACES - 2, id);
        // Midnight is at ten: the one is forgotten from there on, the other from seventeen on.
        assert!(limiter.check("later", id, Cost::REQUEST, night(9)).is_admitted());
        assert!(limiter.check("sooner", id, Cost::REQUEST, night(1)).is_admitted());
        let call = |at| {
            move |limiter: &crate::Limiter| {
                assert!(limiter.check("key", id, Cost::REQUEST, night(at)).is_admitted());
            }
        };
        race(&limiter, call(12), call(18));
        assert_eq!(records_of(&limiter, "key"), 1);
        assert_eq!(used(&limiter, "key", id, LimitId::RequestsWindow, night(18)), 2);
        assert_eq!(limiter.overflowed(), 0);
    });
}
