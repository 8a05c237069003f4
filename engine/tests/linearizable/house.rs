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

/// How much room there is in it.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) keys: usize,
    /// Threads that can write a record without waiting for another.
    pub(crate) threads: usize,
    /// Keys are kept for so long for the sake of reservations.
    pub(crate) kept: Nanos,
}

impl Size {
    /// Four places; keys give way as soon as nothing is left of them.
    pub(crate) const CROWDED: Self = Self { keys: 1, threads: 2, kept: Nanos::ZERO };
}

impl<S: Subject> House<S> {
    pub(crate) fn new(seed: u64, size: Size, subject: &impl Fn(Limiter) -> S) -> Self {
        let limiter = Limiter::builder()
            .capacity(size.keys)
            .max_plans(40)
            .max_threads(size.threads)
            .huge_pages(false)
            .longest_reservation(size.kept)
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
