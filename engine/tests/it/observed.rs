//! What operators are told agrees with what callers were.

use std::thread;
use tidegate::{Cost, Decision, Limit, LimitId, Limiter, Mode, Nanos, Plan, Timestamp, Unit};

/// What the callers of one thread were told.
#[derive(Default)]
struct Told {
    admitted: u64,
    denied: [u64; 4],
    never: [u64; 4],
    shadowed: [u64; 4],
    settled: u64,
    cancelled: u64,
}

fn sum(all: &[Told], count: impl Fn(&Told) -> u64) -> u64 {
    all.iter().map(count).sum()
}

#[test]
fn the_counts_are_those_of_the_answers() {
    const THREADS: u64 = 4;
    let limiter = Limiter::builder().capacity(100).build().unwrap();
    let plan = Plan::builder("p")
        .limit(Limit::window(Unit::Requests, 50, Nanos::from_secs(1)))
        .limit(Limit::window(Unit::Tokens, 2_000, Nanos::from_secs(1)).with_mode(Mode::Shadow))
        .limit(Limit::day(Unit::Tokens, 40_000))
        .slotted_hints(true)
        .build()
        .unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let work = |number: u64| {
        let mut told = Told::default();
        for call in 0..20_000_u64 {
            let at = Timestamp::both(Nanos::from_millis(1_000 + call));
            let tokens = if call % 1_000 == 999 { 50_000 } else { call % 97 };
            // Either way of deciding.
            let decision = if call % 5 == 0 {
                limiter.check_with_standing(&(call % 7), plan, Cost::tokens(tokens), at).0
            } else {
                limiter.check(&(call % 7), plan, Cost::tokens(tokens), at)
            };
            match decision {
                Decision::Admitted(admission) => {
                    told.admitted += 1;
                    admission.shadow.iter().for_each(|limit| told.shadowed[limit as usize] += 1);
                    match (call + number) % 4 {
                        0 => (limiter.settle(admission.reservation, tokens / 2, at), told.settled += 1).1,
                        1 => (limiter.cancel(admission.reservation, at), told.cancelled += 1).1,
                        2 => {
                            limiter.settle_by_estimate(admission.reservation, at);
                            told.settled += 1;
                        }
                        _ => {}
                    }
                }
                Decision::Denied(denial) => told.denied[denial.limit as usize] += 1,
                Decision::Never(limit) => told.never[limit as usize] += 1,
            }
            let _ = limiter.peek(&call, plan, Cost::REQUEST, at);
        }
        told
    };
    let all: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let observed = limiter.observed();
    assert_eq!(observed.admitted, sum(&all, |told| told.admitted));
    assert_eq!(observed.settled, sum(&all, |told| told.settled));
    assert_eq!(observed.cancelled, sum(&all, |told| told.cancelled));
    assert_eq!(observed.unsettled(), observed.admitted - observed.settled - observed.cancelled);
    for limit in LimitId::ALL {
        assert_eq!(observed.denied.of(limit), sum(&all, |told| told.denied[limit as usize]), "{limit:?}");
        assert_eq!(observed.never.of(limit), sum(&all, |told| told.never[limit as usize]), "{limit:?}");
        assert_eq!(observed.shadowed.of(limit), sum(&all, |told| told.shadowed[limit as usize]), "{limit:?}");
    }
    let calls = observed.admitted + observed.denied.total() + observed.never.total();
    assert_eq!(calls, THREADS * 20_000);
    assert!(observed.denied.of(LimitId::RequestsWindow) > 0 && observed.denied.of(LimitId::TokensDay) > 0);
    assert!(observed.shadowed.of(LimitId::TokensWindow) > 0 && observed.never.total() > 0);
    // Seven keys: each denial is known by its key.
    let listed: u64 = limiter.most_denied(100).iter().map(|key| key.at_least).sum();
    assert_eq!(listed + observed.unlisted, observed.denied.total());
}

#[test]
fn the_list_names_keys_that_one_can_compare() {
    let limiter = Limiter::builder().capacity(100).build().unwrap();
    let free = limiter.add_plan(&Plan::free()).unwrap();
    let at = Timestamp::both(Nanos::from_secs(1_000));
    for (key, calls) in [("often", 100), ("seldom", 30), ("never", 24)] {
        for _ in 0..calls {
            let _ = limiter.check(key, free, Cost::REQUEST, at);
        }
    }
    let denied: Vec<_> =
        limiter.most_denied(10).iter().map(|key| (key.key, key.at_least, key.at_most)).collect();
    assert_eq!(denied, [(limiter.fingerprint_of("often"), 76, 76), (limiter.fingerprint_of("seldom"), 6, 6)]);
    assert_eq!(limiter.most_denied(1)[0].key.to_string().len(), 11);
    limiter.fade_denied();
    assert_eq!(limiter.most_denied(1)[0].at_least, 38);
    // Another limiter knows the same key by another name.
    let other = Limiter::builder().capacity(100).build().unwrap();
    assert_ne!(other.fingerprint_of("often"), limiter.fingerprint_of("often"));
}

#[test]
fn the_hottest_are_those_with_something_in_their_windows() {
    let limiter = Limiter::builder().capacity(100).build().unwrap();
    let pro = limiter.add_plan(&Plan::pro()).unwrap();
    let at = |secs: u64| Timestamp::both(Nanos::from_secs(1_000 + secs));
    for (key, cost) in [
        ("request", Cost::REQUEST),
        ("tokens", Cost { requests: 0, tokens: 1 }),
        ("nothing", Cost::default()),
    ] {
        assert!(limiter.check(key, pro, cost, at(0)).is_admitted());
    }
    let hottest: Vec<_> =
        limiter.hottest(10, at(0)).iter().map(|key| (key.key, key.requests, key.tokens)).collect();
    assert_eq!(
        hottest,
        [(limiter.fingerprint_of("request"), 1, 0), (limiter.fingerprint_of("tokens"), 0, 1)]
    );
    assert_eq!(limiter.hottest(1, at(0)).len(), 1);
    assert!(limiter.hottest(10, at(120)).is_empty(), "all of it has left the windows");
}
