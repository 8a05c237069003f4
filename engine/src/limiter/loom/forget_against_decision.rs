//! A key is forgotten while a call of it is decided: the call is charged to its own record, which then stays, or to
//! the one that keys without room share; never to the record of the key that got its place, and it is never lost
//! (R14).

use super::{PLACES, fill, forgotten, limiter, night, plan, race, records_of, used};
use crate::clock::Timestamp;
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

const REQUESTS: LimitId = LimitId::RequestsWindow;

/// The old key's place is the only one to be had. Each key has a plan of its own choice, and so its own record for
/// want of room: what it used can be told there too.
fn race_for_the_place(old_calls_at: Timestamp) {
    check(move || {
        let limiter = limiter();
        let (old, new) = (plan(&limiter, "five", 5, 100), plan(&limiter, "six", 6, 100));
        fill(&limiter, PLACES - 1, old);
        assert!(limiter.check("old", old, Cost::REQUEST, night(0)).is_admitted());
        race(
            &limiter,
            move |limiter| assert!(limiter.check("old", old, Cost::REQUEST, old_calls_at).is_admitted()),
            move |limiter| assert!(limiter.check("new", new, Cost::REQUEST, night(20)).is_admitted()),
        );
        let overflowed = limiter.overflowed();
        assert_eq!(records_of(&limiter, "old") + records_of(&limiter, "new"), 1);
        let is_forgotten = records_of(&limiter, "new") == 1;
        assert_eq!(forgotten(&limiter), u64::from(is_forgotten));
        if is_forgotten {
            assert_eq!(
                used(&limiter, "new", new, REQUESTS, night(20)),
                1,
                "the new key's call, and no other"
            );
            // If the old key's call came later, it is charged where keys without room are.
            let came_later = u64::from(old_calls_at == night(20)).max(overflowed);
            assert_eq!(used(&limiter, "old", old, REQUESTS, night(20)), came_later);
        } else {
            assert_eq!(overflowed, 1, "the new key found no room");
            let both = if old_calls_at == night(20) { 1 } else { 2 };
            assert_eq!(used(&limiter, "old", old, REQUESTS, old_calls_at), both, "what it used stands there");
        }
        for key in 0..PLACES - 1 {
            assert_eq!(
                limiter.peek(&key, old, Cost::REQUEST, night(20)).1.status(REQUESTS).unwrap().remaining,
                5
            );
        }
    });
}

#[test]
fn forget_against_a_call_that_needs_the_key() {
    race_for_the_place(night(20));
}

/// The call's thread read the clock long ago: it charges beside the words, in the segment in which they stand. If it
/// comes first, its unit has left the window by the time at which the key is forgotten.
#[test]
fn forget_against_a_call_that_comes_late() {
    race_for_the_place(night(0));
}
