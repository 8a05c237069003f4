//! What settles and changes of plan leave, where no caller sees it at once.

use super::{DAY, START, STRANGER, UsedUp, WINDOW};
use crate::clock::Timestamp;
use crate::decision::Decision;
use crate::limiter::{Call, FIRST_FINGERPRINT, Limiter};
use crate::nanos::Nanos;
use crate::plan::{Burst, Limit, Plan, PlanId};
use crate::reservation::Reservation;
use crate::unit::{Cost, LimitId, Unit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn after(secs: u64) -> Timestamp {
    Timestamp::both(START + Nanos::from_secs(secs))
}

/// A limiter with room, and a plan of 100 requests and 100 tokens a minute.
fn limiter() -> (Limiter, PlanId) {
    let limiter = Limiter::builder().capacity(10).max_threads(4).seed(3).build().unwrap();
    let limit = |unit| Limit::window(unit, 100, Nanos::MINUTE).with_burst(Burst::NONE);
    let plan = Plan::builder("hundred").limit(limit(Unit::Requests)).limit(limit(Unit::Tokens));
    let plan = limiter.add_plan(&plan.build().unwrap()).unwrap();
    (limiter, plan)
}

fn admit(limiter: &Limiter, plan: PlanId, cost: Cost, at: Timestamp) -> Reservation {
    match limiter.check("key", plan, cost, at) {
        Decision::Admitted(admission) => admission.reservation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_end_of_a_reservation_is_counted() {
    let (limiter, plan) = limiter();
    let reserve = || admit(&limiter, plan, Cost::tokens(1), after(0));
    (0..10).for_each(|_| drop(reserve()));
    limiter.settle(reserve(), 1, after(0));
    (0..2).for_each(|_| limiter.settle_by_estimate(reserve(), after(0)));
    (0..4).for_each(|_| limiter.cancel(reserve(), after(0)));
    let observed = limiter.observed();
    assert_eq!(
        (observed.admitted, observed.settled, observed.cancelled, observed.unsettled()),
        (17, 3, 4, 10)
    );
}

/// Not even where the record could be brought to a later time meanwhile.
#[test]
fn a_settle_at_what_was_reserved_writes_nothing() {
    let (limiter, plan) = limiter();
    let reservation = admit(&limiter, plan, Cost::tokens(7), after(0));
    let before = limiter.table.snapshot();
    limiter.settle(reservation, 7, after(90));
    assert!(limiter.table.snapshot() == before);
}

/// Only what is charged can be later than a change of plan.
#[test]
fn of_settles_only_one_that_owes_is_a_charge() {
    let (limiter, plan) = limiter();
    let reserve = |cost| admit(&limiter, plan, cost, after(0));
    let charged = after(0).monotonic;
    let all = [1, 2, 3, 4].map(|_| reserve(Cost::tokens(5)));
    let without_tokens = reserve(Cost::REQUEST);
    let [exact, refund, cancelled, overrun] = all;
    limiter.settle(exact, 5, after(1));
    limiter.settle(refund, 4, after(2));
    limiter.cancel(cancelled, after(3));
    limiter.cancel(without_tokens, after(4));
    assert_eq!(limiter.latest_charge(), charged);
    limiter.settle(overrun, 6, after(5));
    assert_eq!(limiter.latest_charge(), after(5).monotonic);
}

/// As with a key that was forgotten, and there is room to know it again: another limiter of the same seed has never
/// heard of it.
#[test]
fn of_a_key_without_a_record_only_what_it_owes_is_kept() {
    let ((donor, plan), (limiter, same)) = (limiter(), limiter());
    assert_eq!(plan, same);
    let reserve = || admit(&donor, plan, Cost::tokens(5), after(0));
    limiter.settle(reserve(), 5, after(0));
    limiter.settle(reserve(), 2, after(0));
    limiter.cancel(reserve(), after(0));
    assert_eq!((limiter.keys(), limiter.latest_charge()), (0, Nanos::ZERO));
    limiter.settle(reserve(), 8, after(0));
    assert_eq!(limiter.keys(), 1);
    let (_, standing) = limiter.peek("key", plan, Cost::default(), after(0));
    assert_eq!(standing.status(LimitId::TokensWindow).unwrap().remaining, 97, "three are owed");
}

/// The record is the one that all such keys of the plan share.
#[test]
fn a_key_without_room_is_settled_where_it_was_charged() {
    let used_up = UsedUp::new();
    let limiter = &used_up.limiter;
    let limits = Plan::builder("roomy").tokens_per_minute(100).build().unwrap();
    let plan = limiter.add_plan(&limits).unwrap();
    let at = Timestamp::both(START);
    let remaining = || {
        let (_, standing) = limiter.peek(&STRANGER, plan, Cost::default(), at);
        standing.status(LimitId::TokensWindow).unwrap().remaining
    };
    let reserve = |key: u64| match limiter.check(&key, plan, Cost::tokens(10), at) {
        Decision::Admitted(admission) => admission.reservation,
        other => panic!("{other:?}"),
    };
    let [refund, overrun, cancelled, exact] = [0, 1, 2, 3].map(|key| reserve(STRANGER + key));
    assert_eq!(remaining(), 60);
    limiter.settle(refund, 4, at);
    assert_eq!(remaining(), 66);
    limiter.settle(overrun, 11, at);
    assert_eq!(remaining(), 65);
    limiter.cancel(cancelled, at);
    assert_eq!(remaining(), 75);
    let looked_up = limiter.overflowed();
    limiter.settle(exact, 10, at);
    assert_eq!(limiter.overflowed(), looked_up, "there was nothing to look for");
    assert_eq!(remaining(), 75);
}

#[test]
fn a_plan_makes_a_key_known_and_taking_one_back_does_not() {
    let (limiter, plan) = limiter();
    limiter.clear_own_plan("key", after(0));
    assert_eq!(limiter.keys(), 0);
    limiter.change_plan("key", plan, after(0));
    assert_eq!(limiter.keys(), 1);
    assert!(limiter.set_own_plan("another", plan, after(0)));
    assert_eq!(limiter.keys(), 2);
    // Where not even time has passed since the record begins.
    limiter.change_plan("at the clock's zero", plan, Timestamp::both(Nanos::ZERO));
    assert_eq!(limiter.keys(), 3);
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let (limiter, plan) = limiter();
    assert!(limiter.set_own_plan("its own", plan, after(0)));
    let _ = admit(&limiter, plan, Cost::REQUEST, after(0));
    let before = limiter.table.snapshot();
    limiter.clear_own_plan("key", after(90));
    limiter.change_plan("key", plan, after(0));
    limiter.change_plan("its own", PlanId(0), after(90));
    assert!(limiter.set_own_plan("its own", plan, after(0)));
    assert!(limiter.table.snapshot() == before);
    limiter.change_plan("key", PlanId(0), after(0));
    assert!(limiter.table.snapshot() != before);
}

#[test]
fn a_plan_of_its_own_gives_way_to_another_one_and_to_none() {
    let (limiter, plan) = limiter();
    let limit = |key| {
        let (_, standing) = limiter.peek(key, plan, Cost::default(), after(0));
        standing.status(LimitId::RequestsWindow).unwrap().limit
    };
    for own in [Plan::free(), Plan::pro(), Plan::free()] {
        let own = limiter.add_plan(&own).unwrap();
        assert!(limiter.set_own_plan("key", own, after(0)));
        limiter.change_plan("key", plan, after(0));
        let (_, standing) = limiter.peek("another", own, Cost::default(), after(0));
        assert_eq!(Some(limit("key")), standing.status(LimitId::RequestsWindow).map(|status| status.limit));
        assert_ne!(limit("key"), 100);
    }
    limiter.clear_own_plan("key", after(0));
    assert_eq!(limit("key"), 100);
}

/// The day is told beside a record's words, and turns without one of them being another.
#[test]
fn a_day_that_turns_is_a_change() {
    let limiter = Limiter::builder().capacity(10).max_threads(4).build().unwrap();
    let quota = Plan::builder("day").limit(Limit::day(Unit::Requests, 5)).build().unwrap();
    let plan = limiter.add_plan(&quota).unwrap();
    let today = after(0);
    let tomorrow = Timestamp { unix: today.unix + Nanos::DAY, ..today };
    let calls = |requests, at| limiter.check("key", plan, Cost { requests, tokens: 0 }, at).is_admitted();
    assert!(calls(0, today));
    limiter.change_plan("key", plan, tomorrow);
    assert!(calls(5, today), "counted tomorrow, where the record stands");
    assert!(!calls(1, tomorrow));
}

#[test]
fn nobody_changes_a_record_that_is_shared() {
    let used_up = UsedUp::new();
    let limiter = &used_up.limiter;
    let (plan, other) = (used_up.plans[WINDOW], used_up.plans[DAY]);
    let before = limiter.table.snapshot();
    // Of all keys' fingerprints also the lowest, next to those of the shared records.
    for fingerprint in [FIRST_FINGERPRINT, FIRST_FINGERPRINT + 1, limiter.fingerprint(&STRANGER)] {
        assert!(!limiter.change(fingerprint, Some(plan), after(0), |record| record.head.own_plan = true));
    }
    assert!(!limiter.set_own_plan(&STRANGER, other, after(0)));
    limiter.change_plan(&STRANGER, other, after(0));
    limiter.clear_own_plan(&STRANGER, after(0));
    assert!(limiter.table.snapshot() == before);
}

#[test]
fn a_batch_is_answered_in_order_as_each_call_would_be() {
    let ((together, plan), (single, _)) = (limiter(), limiter());
    // More than two of the groups whose records are asked for together, and a part of one.
    let calls: Vec<_> = (0..100_u64)
        .map(|call| {
            let plan = if call % 10 == 9 { PlanId(0) } else { plan };
            Call { key: call % 7, plan, cost: Cost { requests: 1, tokens: 3 * (call % 11) } }
        })
        .collect();
    let mut answers = Vec::new();
    together.check_batch(&calls, after(0), |place, decision| answers.push((place, decision)));
    let expected: Vec<_> = calls
        .iter()
        .map(|call| single.check(&call.key, call.plan, call.cost, after(0)))
        .enumerate()
        .collect();
    assert_eq!(format!("{answers:?}"), format!("{expected:?}"));
    assert!(expected.iter().any(|(_, decision)| !decision.is_admitted()));
    together.check_batch(&calls[..0], after(0), |_, _| panic!("nothing was asked"));
}

#[test]
fn drafts_are_in_use_while_a_record_is_written_and_not_before_or_after() {
    let (limiter, plan) = limiter();
    assert_eq!(limiter.drafts_in_use(), 0);
    let (done, mut seen) = (AtomicBool::new(false), false);
    let give_up = Instant::now() + Duration::from_secs(20);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Ordering: Relaxed, here and below; nothing else is read.
            while !done.load(Ordering::Relaxed) {
                limiter.change_plan("key", PlanId(0), after(0));
                limiter.change_plan("key", plan, after(0));
            }
        });
        while !seen && Instant::now() < give_up {
            seen = limiter.drafts_in_use() > 0;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(seen);
    assert_eq!(limiter.drafts_in_use(), 0);
}
