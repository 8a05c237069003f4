//! Two keys race for the one place that may be used again: one gets it, the other is decided on the record that keys
//! without room share, and neither's call is lost (R14).

use super::{PLACES, fill, forgotten, limiter, night, plan, race, records_of, used};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

#[test]
fn one_of_two_keys_gets_the_place() {
    check(|| {
        let limiter = limiter();
        let (five, six) = (plan(&limiter, "five", 5, 100), plan(&limiter, "six", 6, 100));
        fill(&limiter, PLACES - 1, five);
        assert!(limiter.check("old", five, Cost::REQUEST, night(0)).is_admitted());
        race(
            &limiter,
            move |limiter| assert!(limiter.check("left", five, Cost::REQUEST, night(20)).is_admitted()),
            move |limiter| assert!(limiter.check("right", six, Cost::REQUEST, night(20)).is_admitted()),
        );
        assert_eq!((forgotten(&limiter), limiter.overflowed()), (1, 1));
        assert_eq!(records_of(&limiter, "left") + records_of(&limiter, "right"), 1);
        // Of its own, or of those that share its plan's.
        assert_eq!(used(&limiter, "left", five, LimitId::RequestsWindow, night(20)), 1);
        assert_eq!(used(&limiter, "right", six, LimitId::RequestsWindow, night(20)), 1);
    });
}
