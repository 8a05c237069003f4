//! A writer overtakes another that is on its way home: what the buckets owe is that of the record that came home, pin
//! and all (R2).

use super::{WINDOW, limiter, race, segment};
use crate::plan::{Burst, Limit, Plan};
use crate::record::Verdict;
use crate::unit::{Cost, Unit};

#[test]
fn two_calls_at_a_turn_are_both_owed() {
    loom::model(|| {
        let limiter = limiter();
        let limit = |unit| Limit::window(unit, 1, WINDOW).with_burst(Burst::fraction(10.0).unwrap());
        let plan = Plan::builder("slow").limit(limit(Unit::Requests)).limit(limit(Unit::Tokens)).build();
        let id = limiter.add_plan(&plan.unwrap()).unwrap();
        assert!(limiter.check("key", id, Cost { requests: 8, tokens: 8 }, segment(0)).is_admitted());
        // Both find that a segment has turned, and write the record; the buckets share a pin.
        let call = move |limiter: &crate::Limiter| {
            assert!(limiter.check("key", id, Cost::tokens(1), segment(1)).is_admitted());
        };
        race(&limiter, call, call);
        // The windows are empty by then; 10 − 10/7 of C = 11 units are owed.
        let verdict = |requests| limiter.peek("key", id, Cost { requests, tokens: 0 }, segment(10)).0;
        assert!(matches!(verdict(2), Verdict::Admit(_)));
        assert!(matches!(verdict(3), Verdict::Deny(_)), "a charge is lost");
    });
}
