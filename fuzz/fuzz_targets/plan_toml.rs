//! Plans files: never a panic; what is wrong is told with the file's name and a line that it has; what is accepted is what a
//! plain reading of the same TOML gives, and can be decided under.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Cost, Limiter, Nanos, Plan, Timestamp};
use tidegate_fuzz::{assert_as_written, assert_fields, assert_place};
use tidegate_sim::plans::PlanSet;

const NAME: &str = "plans.toml";

fn decide(plans: &[Plan]) {
    let max_plans = plans.len() + Plan::built_in().len();
    let limiter = Limiter::builder().capacity(4).max_plans(max_plans).max_threads(1).seed(1);
    let limiter = limiter.build().expect("a sane capacity");
    for plan in plans {
        let id = limiter.add_plan(plan).expect("room for all plans");
        let at = Timestamp::both(Nanos::from_secs(1));
        let (decision, standing) = limiter.check_with_standing("key", id, Cost::tokens(1), at);
        assert_fields(decision.verdict(), &standing);
    }
}

fuzz_target!(|text: &str| {
    match PlanSet::parse(NAME, text) {
        Ok(set) => {
            assert!(Plan::built_in().iter().all(|plan| set.find(plan.name()).is_ok()));
            for (place, plan) in set.iter().enumerate() {
                assert_eq!(set.find(plan.name()), Ok(place));
            }
            let plans: Vec<_> = set.iter().cloned().collect();
            assert_as_written(text, &plans);
            decide(&plans);
        }
        Err(error) => assert_place(&error.to_string(), NAME, text),
    }
});
