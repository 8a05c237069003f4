//! What is sent to callers, under plans of any numbers and names, parses back by a reader of its own as what the limiter
//! says: numbers are numbers, names are quoted, nothing remains beyond the limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Cost, Limiter, Nanos, Timestamp};
use tidegate_fuzz::{Bytes, Extremes, assert_fields};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let Ok(plan) = Extremes::new(&mut bytes).builder.build() else { return };
    let limiter =
        Limiter::builder().capacity(2).max_plans(4).max_threads(1).seed(1).build().expect("a sane capacity");
    let id = limiter.add_plan(&plan).expect("room for a plan");
    let mut at = Timestamp::both(Nanos::new(bytes.number()));
    for _ in 0..8 {
        let cost = Cost { requests: bytes.number(), tokens: bytes.number() };
        let (decision, standing) = limiter.check_with_standing("key", id, cost, at);
        assert_fields(decision.verdict(), &standing);
        at = at.after(Nanos::new(bytes.number()));
    }
});
