//! A reservation is settled while the window turns: what it gives back is given back once, and what it
//! still owes is not lost (R7).

use super::{WINDOW, limiter, plan, race, segment, used};
use crate::decision::Decision;
use crate::limiter::Limiter;
use crate::nanos::Nanos;
use crate::plan::PlanId;
use crate::record::Verdict;
use crate::reservation::Reservation;
use crate::sync::model::check;
use crate::unit::{Cost, LimitId};

const TOKENS: LimitId = LimitId::TokensWindow;

fn reserve(limiter: &Limiter, id: PlanId, tokens: u64) -> Reservation {
    match limiter.check("key", id, Cost::tokens(tokens), segment(0)) {
        Decision::Admitted(admission) => admission.reservation,
        denied => panic!("{denied:?}"),
    }
}

#[test]
fn a_refund_against_a_turn() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let reservation = reserve(&limiter, id, 50);
        race(
            &limiter,
            move |limiter| limiter.settle(reservation, 20, segment(0)),
            move |limiter| assert!(limiter.check("key", id, Cost::tokens(5), segment(1)).is_admitted()),
        );
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(1)), 25);
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(8)), 5, "the settled call left whole");
    });
}

#[test]
fn a_refund_that_comes_after_its_segment_left() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let reservation = reserve(&limiter, id, 50);
        race(
            &limiter,
            move |limiter| limiter.settle(reservation, 0, segment(7)),
            move |limiter| assert!(limiter.check("key", id, Cost::tokens(40), segment(8)).is_admitted()),
        );
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(8)), 40, "no refund from the other call");
    });
}

/// The reservation names the segment in which its call was charged, although the segment turns before the call is answered. Where
/// it was read after the swap, a cancel took another call's tokens; shuttle found that, loom does not go through the order.
#[test]
fn a_call_and_its_refund_against_a_turn() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        // Three calls, so that the next finds its record as an ordinary one does.
        let _ = [(); 3].map(|()| reserve(&limiter, id, 1));
        race(
            &limiter,
            move |limiter| limiter.cancel(reserve(limiter, id, 50), segment(0)),
            move |limiter| assert!(limiter.check("key", id, Cost::tokens(40), segment(8)).is_admitted()),
        );
        // What was charged before the turn is gone with its segment; what was after it, by the cancel.
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(8)), 40);
    });
}

#[test]
fn an_overrun_against_a_call() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let reservation = reserve(&limiter, id, 50);
        let ((), admitted) = race(
            &limiter,
            move |limiter| limiter.settle(reservation, 90, segment(1)),
            move |limiter| limiter.check("key", id, Cost::tokens(30), segment(1)).is_admitted(),
        );
        // Charged either way; the call passes only if it came first.
        let expected = if admitted { 100 } else { 90 };
        assert_eq!(used(&limiter, "key", id, TOKENS, segment(1)), expected);
    });
}

#[test]
fn two_overruns_are_both_owed() {
    check(|| {
        let limiter = limiter();
        let id = plan(&limiter, "hundred", 10, 100);
        let [left, right] = [(), ()].map(|()| reserve(&limiter, id, 10));
        race(
            &limiter,
            move |limiter| limiter.settle(left, 210, segment(1)),
            move |limiter| limiter.settle(right, 210, segment(1)),
        );
        let (verdict, _) = limiter.peek("key", id, Cost { requests: 0, tokens: 1 }, segment(1));
        // 420 are owed since the clock's zero, and 99 may be: 321 at 100 in seven segments.
        let Verdict::Deny(denial) = verdict else { panic!("{verdict:?}") };
        assert_eq!(segment(1).monotonic + denial.retry_after, Nanos::new(WINDOW.get() * 321 / 100));
    });
}
