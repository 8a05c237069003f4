//! Limiters for few keys: with more room than they need, or with less.

use crate::{Bytes, PLANS};
use tidegate::{Limit, Limiter, Nanos, Plan, PlanBuilder, PlanId, Span};

/// How many keys there are, and room for how many.
#[derive(Clone, Copy, Debug)]
pub struct House {
    /// How many keys call.
    pub keys: usize,
    /// For how many the limiter is built.
    pub capacity: usize,
    /// How long a key is not forgotten after its last call.
    pub longest_reservation: Nanos,
    /// The share of the record that keys without room have together.
    pub overflow_share: f64,
    /// Whether clocks are set back too.
    pub clocks_go_back: bool,
    /// Whether calls come in batches rather than one by one.
    pub batches: bool,
}

impl House {
    /// Few keys with more room than they need, none of which is ever forgotten; or more keys than there are places.
    pub fn new(bytes: &mut Bytes<'_>) -> Self {
        let kind = bytes.byte();
        let clocks_go_back = kind & 2 == 0;
        let batches = kind & 4 == 0;
        if kind & 1 == 0 {
            let longest_reservation = Nanos::MAX;
            return Self {
                keys: 3,
                capacity: 64,
                longest_reservation,
                overflow_share: 1.0,
                clocks_go_back,
                batches,
            };
        }
        Self {
            keys: bytes.one_of(&[6, 10, 24]),
            capacity: bytes.one_of(&[1, 2, 3, 8]),
            longest_reservation: Nanos::new(bytes.one_of(&[0, 1, 1_000_000_000, 3_600_000_000_000])),
            overflow_share: bytes.one_of(&[1.0, 0.5, 0.01]),
            clocks_go_back,
            batches,
        }
    }

    /// Whether every key has a place and keeps it.
    pub fn is_roomy(&self) -> bool {
        self.capacity > self.keys
    }
}

/// A limiter for a house, with its plans.
pub fn limiter(house: House, plans: &[Plan]) -> (Limiter, Vec<PlanId>) {
    let limiter = Limiter::builder()
        .capacity(house.capacity)
        .longest_reservation(house.longest_reservation)
        .overflow_share(house.overflow_share)
        .max_plans(Plan::built_in().len() + PLANS)
        .max_threads(1)
        .seed(1)
        .build()
        .expect("a sane house");
    let ids = plans.iter().map(|plan| limiter.add_plan(plan).expect("room for a plan")).collect();
    (limiter, ids)
}

/// A plan so many times as large: what keys without room have together.
pub(crate) fn scaled(plan: &Plan, share: f64) -> Plan {
    let builder = Plan::builder(plan.name()).slotted_hints(plan.has_slotted_hints());
    let limits = plan.limits().map(|(_, limit)| {
        let amount = ((limit.amount() as f64 * share) as u64).max(1);
        let scaled = match limit.span() {
            Span::Window(window) => Limit::window(limit.unit(), amount, window),
            Span::Day => Limit::day(limit.unit(), amount),
        };
        scaled.with_burst(limit.burst()).with_mode(limit.mode())
    });
    limits.fold(builder, PlanBuilder::limit).build().expect("a share of a plan is within the range")
}
