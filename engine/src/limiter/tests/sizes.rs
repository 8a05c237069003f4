//! What a limiter is made of, and for which keys.

use crate::clock::Timestamp;
use crate::limiter::decide::Asked;
use crate::limiter::{Builder, FIRST_FINGERPRINT, Limiter, fingerprint_of};
use crate::nanos::Nanos;
use crate::plan::{Burst, Limit, Plan, PlanId};
use crate::unit::{Cost, Unit};

#[test]
fn the_sizes_that_are_not_set_are_those_documented() {
    let Builder { keys, plans, threads, huge_pages, longest_reservation, overflow_share, seed } =
        Limiter::builder();
    assert_eq!((keys, plans, threads), (1_048_576, 4_096, 1_024));
    assert_eq!((huge_pages, longest_reservation), (true, Nanos::from_secs(60 * 60)));
    assert_eq!((overflow_share, seed), (1.0, None));
}

#[test]
fn each_size_is_set_by_itself() {
    let set: [fn(Builder) -> Builder; 7] = [
        |builder| builder.capacity(7),
        |builder| builder.max_plans(8),
        |builder| builder.max_threads(9),
        |builder| builder.huge_pages(false),
        |builder| builder.longest_reservation(Nanos::MINUTE),
        |builder| builder.overflow_share(0.25),
        |builder| builder.seed(11),
    ];
    let fields = |builder: Builder| {
        let Builder { keys, plans, threads, huge_pages, longest_reservation, overflow_share, seed } = builder;
        [
            keys.to_string(),
            plans.to_string(),
            threads.to_string(),
            huge_pages.to_string(),
            longest_reservation.get().to_string(),
            overflow_share.to_string(),
            format!("{seed:?}"),
        ]
    };
    let wanted = ["7", "8", "9", "false", "60000000000", "0.25", "Some(11)"];
    for (place, set) in set.into_iter().enumerate() {
        let mut expected = fields(Limiter::builder());
        expected[place] = wanted[place].to_owned();
        assert_eq!(fields(set(Limiter::builder())), expected);
    }
}

#[test]
fn no_key_is_taken_for_an_overflow_record() {
    let first = FIRST_FINGERPRINT;
    for (hash, fingerprint) in [
        (0, first),
        (1, first + 1),
        (first - 1, 2 * first - 1),
        (first, first),
        (first + 1, first + 1),
        (u64::MAX, u64::MAX),
    ] {
        assert_eq!(fingerprint_of(hash), fingerprint);
    }
}

/// The key whose tag is the lowest that a key may have, one above those of overflow records, has its plan's own limits.
#[test]
fn the_first_tag_of_a_key_is_no_overflow_records() {
    let limiter = Limiter::builder().capacity(1).max_threads(2).overflow_share(2.0).build().unwrap();
    let limit = Limit::window(Unit::Requests, 3, Nanos::MINUTE).with_burst(Burst::NONE);
    let plan = limiter.add_plan(&Plan::builder("three").limit(limit).build().unwrap()).unwrap();
    let fingerprint = 1 << 60;
    assert_eq!(crate::table::tag(fingerprint), FIRST_FINGERPRINT);
    let asked = Asked { plan, cost: Cost::REQUEST, at: Timestamp::both(Nanos::from_secs(100)) };
    let admitted = (0..10).filter(|_| limiter.decide(fingerprint, asked).is_admitted()).count();
    assert_eq!((admitted, limiter.overflowed()), (3, 0));
}

/// A number that no plan has.
#[test]
fn a_plan_that_is_not_known_is_free() {
    let limiter = Limiter::builder().capacity(1).max_threads(2).build().unwrap();
    let (stray, at) = (PlanId(77), Timestamp::both(Nanos::from_secs(100)));
    assert_eq!(limiter.plan(stray), None);
    assert_eq!(limiter.plan(PlanId(0)), Some(&Plan::free()));
    let admitted = (0..50).filter(|_| limiter.check("key", stray, Cost::REQUEST, at).is_admitted());
    assert_eq!(admitted.count(), 24);
    assert_eq!(
        limiter.table.records().next().map(|(words, _)| crate::record::Glance::plan(&words)),
        Some(PlanId(0))
    );
}
