//! R14: what is forgotten, when, and what a full table does to keys that it does not know.

use tidegate::{
    BuildError, Burst, Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, Reservation, Timestamp,
    Unit,
};

/// Places of a limiter for one key.
const PLACES: u64 = 4;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

fn at(secs: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(secs))
}

fn builder() -> tidegate::Builder {
    Limiter::builder().capacity(1).max_threads(1).longest_reservation(Nanos::ZERO)
}

/// A limiter of four places, and a plan of ten tokens in ten seconds, without burst.
fn limiter() -> (Limiter, PlanId) {
    let limiter = builder().build().unwrap();
    let plan = add(&limiter, 10);
    (limiter, plan)
}

fn add(limiter: &Limiter, tokens: u64) -> PlanId {
    let limit = Limit::window(Unit::Tokens, tokens, Nanos::from_secs(10)).with_burst(Burst::NONE);
    limiter.add_plan(&Plan::builder(format!("{tokens}")).limit(limit).build().unwrap()).unwrap()
}

fn forgotten(limiter: &Limiter) -> u64 {
    limiter.occupancy().map(|shard| shard.forgotten).sum()
}

fn call(limiter: &Limiter, key: &str, plan: PlanId, tokens: u64, at: Timestamp) -> Reservation {
    match limiter.check(key, plan, Cost { requests: 0, tokens }, at) {
        Decision::Admitted(admission) => admission.reservation,
        denied => panic!("{key}: {denied:?}"),
    }
}

fn remaining(limiter: &Limiter, key: &str, plan: PlanId, at: Timestamp) -> u64 {
    limiter.peek(key, plan, Cost::default(), at).1.status(LimitId::TokensWindow).unwrap().remaining
}

/// Fills all places but one with keys that are never forgotten.
fn fill(limiter: &Limiter, plan: PlanId, at: Timestamp) {
    for key in 1..PLACES {
        assert!(limiter.set_own_plan(&key, plan, at));
    }
}

/// Whether the one key that may be forgotten would be, for the sake of another that comes at this time.
fn is_forgotten_for_another(limiter: &Limiter, plan: PlanId, at: Timestamp) -> bool {
    let before = limiter.overflowed();
    let _ = limiter.peek("nobody", plan, Cost::default(), at);
    limiter.overflowed() == before
}

/// Time jumps, and is believed after some looks.
fn until_forgotten_for_another(limiter: &Limiter, plan: PlanId, at: Timestamp) {
    assert!((0..10).any(|_| is_forgotten_for_another(limiter, plan, at)));
}

/// The shortest time after which the key is forgotten, to the nanosecond. Looks do not change anything, as long as no
/// step is longer than an hour.
fn forgotten_from(limiter: &Limiter, plan: PlanId, from: u64, to: u64) -> Nanos {
    let (mut held, mut free) = (Nanos::from_secs(from), Nanos::from_secs(to));
    while free - held > Nanos::new(1) {
        let middle = held + Nanos::new((free - held).get() / 2);
        let is_free = is_forgotten_for_another(limiter, plan, Timestamp::both(middle));
        *(if is_free { &mut free } else { &mut held }) = middle;
    }
    free
}

/// Ten seconds are seven segments; a unit leaves with the whole of its own.
#[test]
fn a_key_is_kept_while_a_unit_is_in_its_window() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 1));
    let _ = call(&limiter, "key", plan, 1, at(DAY - 1));
    // Segment 60,479 of 10/7 s is that of the last second of the day; it has left seven segments after its end.
    assert_eq!(forgotten_from(&limiter, plan, DAY, DAY + 100), Nanos::from_secs(DAY + 10));
}

#[test]
fn a_key_is_kept_while_its_bucket_owes() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 1));
    let reservation = call(&limiter, "key", plan, 1, at(DAY - 1));
    limiter.settle(reservation, 50, at(DAY - 1));
    // 50 tokens at one a second.
    assert_eq!(forgotten_from(&limiter, plan, DAY, DAY + 100), Nanos::from_secs(DAY + 49));
}

#[test]
fn a_key_is_kept_while_it_has_used_something_today() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - HOUR));
    let _ = call(&limiter, "key", plan, 1, at(DAY - HOUR));
    assert_eq!(forgotten_from(&limiter, plan, DAY - HOUR, DAY + 1), Nanos::from_secs(DAY));
}

#[test]
fn a_key_is_kept_while_a_reservation_may_be_open() {
    let limiter = builder().longest_reservation(Nanos::from_secs(60)).build().unwrap();
    let plan = add(&limiter, 10);
    fill(&limiter, plan, at(DAY - 1));
    let reservation = call(&limiter, "key", plan, 10, at(DAY - 1));
    let from = forgotten_from(&limiter, plan, DAY, DAY + 100);
    assert!(from > Nanos::from_secs(DAY - 1 + 60), "{from}");
    assert!(from <= Nanos::from_secs(DAY + 60), "no longer than to the end of the call's segment: {from}");
    // At its last moment it still finds its key.
    limiter.settle(reservation, 15, at(DAY + 59));
    assert_eq!(remaining(&limiter, "key", plan, at(DAY + 59)), 5);
}

#[test]
fn a_key_is_kept_while_it_has_a_plan_of_its_own() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 1));
    assert!(limiter.set_own_plan("key", plan, at(DAY - 1)));
    assert!(!is_forgotten_for_another(&limiter, plan, at(DAY + 3_000)));
    limiter.clear_own_plan("key", at(DAY + 3_000));
    assert!(is_forgotten_for_another(&limiter, plan, at(DAY + 3_010)));
}

#[test]
fn a_key_with_nothing_left_of_it_gives_its_place_to_another() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 1));
    let _ = call(&limiter, "key", plan, 10, at(DAY - 1));
    let _ = call(&limiter, "another", plan, 3, at(DAY + 20));
    assert_eq!((forgotten(&limiter), limiter.keys(), limiter.overflowed()), (1, PLACES, 0));
    assert_eq!(remaining(&limiter, "another", plan, at(DAY + 20)), 7);
    // And back.
    until_forgotten_for_another(&limiter, plan, at(2 * DAY));
    let overflowed = limiter.overflowed();
    let _ = call(&limiter, "key", plan, 10, at(2 * DAY));
    assert_eq!((forgotten(&limiter), limiter.overflowed()), (2, overflowed));
}

#[test]
fn a_flood_of_other_keys_touches_no_known_one() {
    let (limiter, plan) = limiter();
    let known = ["a", "b", "c", "d"];
    for (tokens, key) in known.into_iter().enumerate() {
        let _ = call(&limiter, key, plan, 1 + tokens as u64, at(DAY));
    }
    for key in 0..10_000_u64 {
        let _ = limiter.check(&key, plan, Cost::tokens(1), at(DAY + key / 1_200));
        limiter.change_plan(&key, plan, at(DAY + key / 1_200));
    }
    assert!(limiter.overflowed() >= 20_000);
    let left = known.map(|key| remaining(&limiter, key, plan, at(DAY + 8)));
    assert_eq!((left, forgotten(&limiter)), ([9, 8, 7, 6], 0));
}

/// Four calls come with the clock of the next week; the keys in use by the right clock stay known.
#[test]
fn a_clock_that_jumps_ahead_for_a_few_calls_makes_no_key_in_use_forgotten() {
    // In some of them no key met another when it came.
    (0..64).for_each(|seed| jump_ahead(&builder().seed(seed).build().unwrap()));
}

fn jump_ahead(limiter: &Limiter) {
    let plan = add(limiter, 10);
    let known = ["a", "b", "c", "d"];
    let noon = DAY + 12 * HOUR;
    known.into_iter().for_each(|key| drop(call(limiter, key, plan, 10, at(noon))));
    for key in 0..3_u64 {
        assert!(limiter.check(&key, plan, Cost::tokens(1), at(noon + 7 * DAY)).is_admitted());
        assert_eq!(forgotten(limiter), 0, "call {key}");
        assert!(limiter.check(&key, plan, Cost::default(), at(noon + 1)).is_admitted());
    }
    known.into_iter().for_each(|key| assert_eq!(remaining(limiter, key, plan, at(noon + 1)), 0, "{key}"));
    // A clock that stays ahead is believed.
    let days = (0..100_u64).map(|key| limiter.check(&key, plan, Cost::default(), at(noon + 7 * DAY)));
    assert!(days.filter(Decision::is_admitted).count() > 0);
    assert!(forgotten(limiter) > 0);
}

/// The key's window and day were used up, time went on and it was forgotten; then the clock is set back to when they
/// were used up. A fresh record begins at the time at which keys were forgotten: there the key has its one allowance,
/// and not another for each step back.
#[test]
fn a_clock_set_back_after_forgetting_brings_no_used_up_window_back() {
    let limiter = builder().build().unwrap();
    let limits = Plan::builder("both")
        .limit(Limit::window(Unit::Tokens, 10, Nanos::from_secs(10)).with_burst(Burst::NONE))
        .limit(Limit::day(Unit::Requests, 2));
    let plan = limiter.add_plan(&limits.build().unwrap()).unwrap();
    fill(&limiter, plan, at(DAY - 60));
    let admitted = |key: &str, time| {
        (0..20).filter(|_| limiter.check(key, plan, Cost::tokens(5), at(time)).is_admitted()).count()
    };
    assert_eq!(admitted("key", DAY - 60), 2);
    assert_eq!(admitted("another", DAY + 60), 2, "the key is forgotten");
    assert_eq!(forgotten(&limiter), 1);
    until_forgotten_for_another(&limiter, plan, at(2 * DAY + 60));
    assert_eq!(admitted("key", 2 * DAY + 60), 2);
    for back in [DAY + 60, DAY - 60, 0] {
        assert_eq!(admitted("key", back), 0, "set back to {back}");
    }
    assert_eq!(admitted("key", 2 * DAY + 120), 0, "the day is used up");
}

/// A key that was forgotten comes back with a clock set back, and finds a place: what it uses counts from the time on
/// at which it was forgotten, and so in the window and the day of the right clock.
#[test]
fn a_fresh_record_begins_where_others_were_forgotten() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 60));
    let _ = call(&limiter, "key", plan, 10, at(DAY - 60));
    let _ = call(&limiter, "another", plan, 0, at(DAY + 60));
    limiter.clear_own_plan(&1_u64, at(DAY + 60));
    assert_eq!(forgotten(&limiter), 1);
    let _ = call(&limiter, "key", plan, 10, at(DAY - 55));
    assert_eq!((forgotten(&limiter), limiter.overflowed()), (2, 0));
    assert_eq!(remaining(&limiter, "key", plan, at(DAY + 61)), 0);
}

#[test]
fn what_a_forgotten_key_overran_makes_it_known_again() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 60));
    let late = call(&limiter, "key", plan, 10, at(DAY - 60));
    let _ = call(&limiter, "another", plan, 0, at(DAY + 60));
    assert_eq!(forgotten(&limiter), 1);
    limiter.settle(late, 35, at(DAY + 62));
    assert_eq!((forgotten(&limiter), limiter.keys()), (2, PLACES), "the other had nothing to be kept for");
    let Decision::Denied(denial) = limiter.check("key", plan, Cost::tokens(1), at(DAY + 62)) else {
        panic!("25 tokens are owed")
    };
    assert_eq!(denial.retry_after, Nanos::from_secs(16), "until 9 are owed");
}

#[test]
fn a_refund_of_a_forgotten_key_makes_it_not_known_again() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 60));
    let late = call(&limiter, "key", plan, 10, at(DAY - 60));
    let _ = call(&limiter, "another", plan, 4, at(DAY + 60));
    limiter.settle(late, 5, at(DAY + 61));
    assert_eq!((forgotten(&limiter), limiter.keys()), (1, PLACES));
    assert_eq!(remaining(&limiter, "another", plan, at(DAY + 61)), 6);
}

/// The same where there would be room for it, as every other key is to be forgotten too.
#[test]
fn a_settle_of_a_forgotten_key_that_owes_nothing_makes_it_not_known_again() {
    let (limiter, plan) = limiter();
    fill(&limiter, plan, at(DAY - 60));
    let late = call(&limiter, "key", plan, 10, at(DAY - 60));
    let _ = call(&limiter, "another", plan, 4, at(DAY + 60));
    assert_eq!(forgotten(&limiter), 1);
    limiter.settle(late, 5, at(3 * DAY));
    assert_eq!(forgotten(&limiter), 1);
}

#[test]
fn without_room_a_key_gets_no_plan_of_its_own() {
    let (limiter, plan) = limiter();
    let large = add(&limiter, 1_000);
    fill(&limiter, plan, at(DAY));
    let _ = call(&limiter, "key", plan, 10, at(DAY));
    let _ = call(&limiter, "stranger", plan, 4, at(DAY));
    let shared = |plan| remaining(&limiter, "stranger", plan, at(DAY));
    let before = (limiter.keys(), shared(plan), shared(large));
    assert_eq!(before, (PLACES, 6, 1_000));
    assert!(!limiter.set_own_plan("stranger", large, at(DAY)));
    limiter.change_plan("stranger", large, at(DAY));
    limiter.clear_own_plan("stranger", at(DAY));
    assert_eq!((limiter.keys(), shared(plan), shared(large)), before);
    assert_eq!(remaining(&limiter, "key", plan, at(DAY)), 0);
    assert!(
        !limiter.check("stranger", plan, Cost::tokens(7), at(DAY)).is_admitted(),
        "it is on its old plan"
    );
}

#[test]
fn the_share_scales_the_limits_of_keys_without_room() {
    for (share, whole, day) in [(0.5, 5, 3), (1.0, 10, 7), (10.0, 100, 70), (0.001, 1, 1)] {
        let limiter = builder().overflow_share(share).build().unwrap();
        let limits = Plan::builder("both")
            .limit(Limit::window(Unit::Tokens, 10, Nanos::from_secs(10)).with_burst(Burst::NONE))
            .limit(Limit::day(Unit::Requests, 7));
        let plan = limiter.add_plan(&limits.build().unwrap()).unwrap();
        for key in 0..PLACES {
            assert!(limiter.set_own_plan(&key, plan, at(DAY)));
        }
        let left = |key: u64| {
            let (_, standing) = limiter.peek(&key, plan, Cost::default(), at(DAY));
            [LimitId::TokensWindow, LimitId::RequestsDay].map(|id| standing.status(id).unwrap().remaining)
        };
        assert_eq!(left(1_000), [whole, day], "{share}");
        assert_eq!(left(0), [10, 7], "{share}: a known key has its plan's limits");
        let calls = (0..200_u64)
            .filter(|call| limiter.check(&(1_000 + call), plan, Cost::tokens(1), at(DAY)).is_admitted());
        assert_eq!(calls.count() as u64, whole.min(day), "{share}");
    }
}

#[test]
fn a_share_that_is_no_number_above_zero_is_refused() {
    let built = |share| builder().overflow_share(share).build().map(|_| ());
    for share in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.000_001e6] {
        assert_eq!(built(share), Err(BuildError::OverflowShare), "{share}");
    }
    for share in [f64::MIN_POSITIVE, 1e-9, 1e6] {
        assert_eq!(built(share), Ok(()), "{share}");
    }
}
