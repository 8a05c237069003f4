//! Plans of any numbers: never a panic; what is accepted is within the range, and a limiter can decide under it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Burst, Cost, Limiter, Nanos, Plan, Span, Timestamp};
use tidegate_fuzz::{Bytes, Extremes};

/// Window counters hold L + C.
fn assert_in_range(plan: &Plan) {
    assert!(!plan.name().is_empty());
    for (id, limit) in plan.limits() {
        assert_eq!(limit.id(), id);
        assert!(limit.amount() >= 1);
        assert!(limit.ceiling() >= limit.amount());
        let burst = limit.burst().as_f64();
        assert!((0.0..=Burst::MAX).contains(&burst), "{burst}");
        match limit.span() {
            Span::Day => assert!(limit.ceiling() == limit.amount()),
            Span::Window(window) => {
                assert!((Span::MIN_WINDOW..=Span::MAX_WINDOW).contains(&window));
            }
        }
    }
}

fn decide_at_the_edges(plan: &Plan) {
    let limiter =
        Limiter::builder().capacity(2).max_plans(4).max_threads(1).seed(1).build().expect("a sane capacity");
    let id = limiter.add_plan(plan).expect("room for a plan");
    for time in [0, 1, u64::MAX >> 1, u64::MAX] {
        for units in [0, 1, u64::MAX] {
            let at = Timestamp::both(Nanos::new(time));
            let cost = Cost { requests: units, tokens: units };
            let (_, standing) = limiter.check_with_standing("key", id, cost, at);
            for (limit, _) in plan.limits() {
                let status = standing.status(limit).expect("a limit that is set has a status");
                assert!(status.remaining <= status.limit);
            }
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let asked = Extremes::new(&mut Bytes::new(bytes));
    match asked.builder.build() {
        Ok(plan) => {
            assert_in_range(&plan);
            for limit in &asked.limits {
                assert_eq!(plan.limit(limit.id()), Some(limit));
            }
            decide_at_the_edges(&plan);
        }
        Err(error) => assert!(!error.field().is_empty() && !error.to_string().is_empty()),
    }
});
