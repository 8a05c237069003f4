//! A limiter with the plans that histories choose from.

use crate::plans::{self, PlanSet};
use crate::subject::Subject;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tidegate::{Limiter, Nanos, PlanId};

/// A limiter with plans.
pub(crate) struct House<S> {
    pub(crate) subject: S,
    pub(crate) sets: Vec<(PlanSet, Vec<PlanId>)>,
}

impl<S: Subject> House<S> {
    /// With room for so many keys, and drafts for as many threads as can do without waiting.
    pub(crate) fn new(seed: u64, capacity: usize, threads: usize, subject: &impl Fn(Limiter) -> S) -> Self {
        let limiter = Limiter::builder()
            .capacity(capacity)
            .max_plans(40)
            .max_threads(threads)
            .huge_pages(false)
            .longest_reservation(Nanos::MAX)
            .seed(seed)
            .build()
            .unwrap();
        let mut rng = SmallRng::seed_from_u64(seed);
        let drawn = (0..5).map(|number| plans::drawn(&mut rng, number));
        let sets = plans::chosen().into_iter().chain(drawn).map(|plans| {
            let ids = plans.iter().map(|plan| limiter.add_plan(plan).unwrap()).collect();
            (plans, ids)
        });
        let sets = sets.collect();
        Self { subject: subject(limiter), sets }
    }
}
