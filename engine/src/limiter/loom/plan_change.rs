//! The plan changes while a call is decided: the call is decided under the one or the other, and what it used
//! stays used under both (R9).

use super::{SEGMENT, limiter, night, plan, race, segment, used};
use crate::nanos::Nanos;
use crate::plan::{Burst, Limit, Plan};
use crate::sync::model::check;
use crate::unit::{Cost, LimitId, Unit};

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

/// The change is made by a thread that has read its clock before the call did: of the units of either side as many fit
/// into a window as the limit says, and not one more (R1).
#[test]
fn a_change_at_an_earlier_time_against_a_charge() {
    check(|| {
        let limiter = limiter();
        let long = plan(&limiter, "long", 2, 100);
        let limit = Limit::window(Unit::Requests, 2, Nanos::from_millis(1)).with_burst(Burst::NONE);
        let short = Plan::builder("short").limit(limit).build().unwrap();
        let short = limiter.add_plan(&short).unwrap();
        // The first call pins the buckets; the second leaves no time of its own in the record.
        let call = Cost::tokens(50);
        assert!(limiter.check("key", long, call, night(0)).is_admitted());
        let (earlier, later) = (Nanos::new(SEGMENT.get() / 8), Nanos::new(SEGMENT.get() / 8 * 7));
        let ((), charged) = race(
            &limiter,
            move |limiter| limiter.change_plan("key", short, night(0).after(earlier)),
            move |limiter| limiter.check("key", long, call, night(0).after(later)).is_admitted(),
        );
        assert!(charged);
        limiter.change_plan("key", short, night(0).after(earlier));
        let just_within = later + Nanos::from_millis(1) - Nanos::new(1);
        let two = Cost { requests: 2, tokens: 0 };
        let again = limiter.check("key", short, two, night(0).after(just_within));
        assert!(!again.is_admitted(), "three in a window of two");
    });
}
