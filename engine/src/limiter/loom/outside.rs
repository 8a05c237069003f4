//! Usage that no decision made, told of or given back or forgotten while calls are decided and settled: each is one step like
//! any other, which comes before the other thread's or after it (R6, R7).

use super::{PLACES, fill, forgotten, limiter, night, plan, race, records_of, segment, used};
use crate::clock::Timestamp;
use crate::decision::Decision;
use crate::limiter::Limiter;
use crate::plan::PlanId;
use crate::reservation::Reservation;
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};
use std::sync::atomic::{AtomicU64, Ordering};

const TOKENS: LimitId = LimitId::TokensWindow;

/// Tokens alone.
const fn tokens(tokens: u64) -> Cost {
    Cost { requests: 0, tokens }
}

fn reserve(limiter: &Limiter, id: PlanId, cost: u64) -> Reservation {
    match limiter.check("key", id, tokens(cost), segment(0)) {
        Decision::Admitted(admission) => admission.reservation,
        denied => panic!("{denied:?}"),
    }
}

/// Tokens in the window of the only key, also past its limit.
fn in_window(limiter: &Limiter, at: Timestamp) -> u64 {
    limiter.hottest(1, at).first().map_or(0, |key| key.tokens)
}

#[test]
fn usage_told_of_against_a_call() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let _ = reserve(&limiter, id, 10);
        let ((), admitted) = race(
            &limiter,
            move |limiter| limiter.record_usage("key", id, tokens(60), segment(1)),
            move |limiter| limiter.check("key", id, tokens(50), segment(1)).is_admitted(),
        );
        // Charged either way, past the limit too; the call passes only if it came first.
        assert_eq!(in_window(&limiter, segment(1)), if admitted { 120 } else { 70 });
    });
}

#[test]
fn usage_told_of_a_new_key_against_its_first_call() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let ((), admitted) = race(
            &limiter,
            move |limiter| limiter.record_usage("key", id, tokens(60), segment(1)),
            move |limiter| limiter.check("key", id, tokens(40), segment(1)).is_admitted(),
        );
        assert!(admitted);
        assert_eq!((records_of(&limiter, "key"), in_window(&limiter, segment(1))), (1, 100));
    });
}

#[test]
fn usage_told_of_against_a_change_of_plan() {
    check(|| {
        let limiter = limiter();
        let ids = ["one", "other"].map(|name| plan(&limiter, name, 10, 100));
        let _ = reserve(&limiter, ids[0], 10);
        race(
            &limiter,
            move |limiter| limiter.record_usage("key", ids[0], tokens(60), segment(1)),
            move |limiter| limiter.change_plan("key", ids[1], segment(1)),
        );
        assert_eq!(used(&limiter, "key", ids[1], TOKENS, segment(1)), 70);
    });
}

/// What a give-back and a refund take is taken once each.
#[test]
fn units_given_back_against_a_settle() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let (reservation, _) = (reserve(&limiter, id, 50), reserve(&limiter, id, 40));
        let (found, ()) = race(
            &limiter,
            move |limiter| limiter.give_back("key", tokens(25), segment(0)),
            move |limiter| limiter.settle(reservation, 20, segment(0)),
        );
        assert!(found);
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(0)), 35);
    });
}

#[test]
fn units_given_back_against_a_turn() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let _ = reserve(&limiter, id, 50);
        let (found, admitted) = race(
            &limiter,
            move |limiter| limiter.give_back("key", tokens(20), segment(0)),
            move |limiter| limiter.check("key", id, tokens(5), segment(1)).is_admitted(),
        );
        assert!(found && admitted);
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(1)), 35);
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(8)), 5, "the oldest were taken");
    });
}

#[test]
fn a_reset_against_a_call() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let _ = reserve(&limiter, id, 50);
        let (found, admitted) = race(
            &limiter,
            move |limiter| limiter.reset("key", segment(1)),
            move |limiter| limiter.check("key", id, tokens(60), segment(1)).is_admitted(),
        );
        assert!(found);
        // Without the reset there is no room.
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(1)), if admitted { 60 } else { 0 });
    });
}

/// A call of before the reset takes nothing from one that comes after it, in whatever order they end.
#[test]
fn a_reset_and_a_call_against_a_settle() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let reservation = reserve(&limiter, id, 50);
        race(
            &limiter,
            move |limiter| {
                assert!(limiter.reset("key", segment(0)));
                assert!(limiter.check("key", id, tokens(70), segment(0)).is_admitted());
            },
            move |limiter| limiter.settle(reservation, 0, segment(0)),
        );
        assert_eq!(in_window(&limiter, segment(0)), 70);
    });
}

/// Whatever is told of a key that is forgotten meanwhile changes nothing of the one that gets its place.
#[test]
fn forget_against_usage_told_of() {
    static MOST_FORGOTTEN: AtomicU64 = AtomicU64::new(0);
    // Which of the two the new key comes upon first, the hash decides.
    for (old, spare) in [("left", "right"), ("right", "left")] {
        check(move || {
            let limiter = limiter_with_two(old, spare);
            let id = plan(&limiter, "hundred", 10, 100);
            race(
                &limiter,
                move |limiter| limiter.record_usage(old, id, tokens(40), night(20)),
                move |limiter| assert!(limiter.check("new", id, tokens(7), night(20)).is_admitted()),
            );
            assert_eq!(used(&limiter, old, id, TOKENS, night(20)), 40);
            assert_eq!(used(&limiter, "new", id, TOKENS, night(20)), 7);
            assert_eq!((records_of(&limiter, old), records_of(&limiter, "new")), (1, 1));
            assert_eq!(limiter.overflowed(), 0);
            MOST_FORGOTTEN.fetch_max(forgotten(&limiter), Ordering::Relaxed);
        });
    }
    assert_eq!(MOST_FORGOTTEN.load(Ordering::Relaxed), 2, "the old key, and then the spare one");
}

#[test]
fn forget_against_a_give_back_and_a_reset() {
    static MOST_FORGOTTEN: AtomicU64 = AtomicU64::new(0);
    let give_back: Way = |limiter| limiter.give_back("left", tokens(9), night(20));
    let reset: Way = |limiter| limiter.reset("left", night(20));
    for way in [give_back, reset] {
        check(move || {
            let limiter = limiter_with_two("left", "right");
            let id = plan(&limiter, "hundred", 10, 100);
            race(&limiter, way, move |limiter| {
                assert!(limiter.check("new", id, tokens(7), night(20)).is_admitted())
            });
            assert_eq!(used(&limiter, "left", id, TOKENS, night(20)), 0);
            assert_eq!(used(&limiter, "new", id, TOKENS, night(20)), 7);
            assert_eq!(records_of(&limiter, "new"), 1);
            MOST_FORGOTTEN.fetch_max(forgotten(&limiter), Ordering::Relaxed);
        });
    }
    assert_eq!(MOST_FORGOTTEN.load(Ordering::Relaxed), 1);
}

/// A way of changing the key `left`.
type Way = fn(&Limiter) -> bool;

/// A full limiter with two keys that may be forgotten.
fn limiter_with_two(one: &str, other: &str) -> crate::sync::model::Arc<Limiter> {
    let limiter = limiter();
    let id = plan(&limiter, "hundred", 10, 100);
    fill(&limiter, PLACES - 2, id);
    for key in [one, other] {
        assert!(limiter.check(key, id, tokens(10), night(0)).is_admitted());
    }
    limiter
}
