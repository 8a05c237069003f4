//! Plans files: never a panic; what is wrong is told with the file's name; what is accepted can be decided under.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Cost, Limiter, Nanos, Plan, Timestamp};
use tidegate_sim::plans::PlanSet;

fn decide(plans: &[Plan]) {
    let max_plans = plans.len() + Plan::built_in().len();
    let limiter = Limiter::builder().capacity(4).max_plans(max_plans).max_threads(1).seed(1);
    let limiter = limiter.build().expect("a sane capacity");
    for plan in plans {
        let id = limiter.add_plan(plan).expect("room for all plans");
        let _ = limiter.check("key", id, Cost::tokens(1), Timestamp::both(Nanos::from_secs(1)));
    }
}

fuzz_target!(|text: &str| {
    match PlanSet::parse("plans.toml", text) {
        Ok(set) => {
            assert!(Plan::built_in().iter().all(|plan| set.find(plan.name()).is_ok()));
            for (place, plan) in set.iter().enumerate() {
                assert_eq!(set.find(plan.name()), Ok(place));
            }
            decide(&set.iter().cloned().collect::<Vec<_>>());
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.starts_with("plans.toml"), "{message}");
        }
    }
});
