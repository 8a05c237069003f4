//! A key is forgotten while a reservation of it is settled that is older than any should be: what the call overran is
//! charged to the key, known or known again, and not to the one that got its place (R7, R14).

use super::{PLACES, fill, forgotten, limiter, night, plan, race, records_of, used};
use crate::decision::Decision;
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};
use std::sync::atomic::{AtomicU64, Ordering};

const TOKENS: LimitId = LimitId::TokensWindow;

#[test]
fn forget_against_a_settle() {
    static MOST_FORGOTTEN: AtomicU64 = AtomicU64::new(0);
    // Which of the two the new key comes upon first, the hash decides.
    for (old, spare) in [("left", "right"), ("right", "left")] {
        check(move || forget(old, spare, &MOST_FORGOTTEN));
    }
    // The old key was forgotten, and then the spare one for its sake.
    assert_eq!(MOST_FORGOTTEN.load(Ordering::Relaxed), 2);
}

/// A settle of the old key, while a new one comes for which there is room if a key is forgotten.
fn forget(old: &'static str, spare: &'static str, most_forgotten: &AtomicU64) {
    let limiter = limiter();
    let id = plan(&limiter, "hundred", 10, 100);
    fill(&limiter, PLACES - 2, id);
    let reserve = |key| match limiter.check(key, id, Cost::tokens(10), night(0)) {
        Decision::Admitted(admission) => admission.reservation,
        denied => panic!("{denied:?}"),
    };
    let (reservation, _) = (reserve(old), reserve(spare));
    race(
        &limiter,
        move |limiter| limiter.settle(reservation, 50, night(20)),
        move |limiter| assert!(limiter.check("new", id, Cost::tokens(7), night(20)).is_admitted()),
    );
    assert_eq!(used(&limiter, old, id, TOKENS, night(20)), 40, "what it overran");
    assert_eq!(used(&limiter, "new", id, TOKENS, night(20)), 7);
    assert_eq!((records_of(&limiter, old), records_of(&limiter, "new")), (1, 1));
    assert_eq!(limiter.overflowed(), 0);
    most_forgotten.fetch_max(forgotten(&limiter), Ordering::Relaxed);
}
