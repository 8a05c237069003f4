//! Loom models of the limiter: every interleaving, within loom's bounds, of two threads on the code that
//! ships.
//!
//! They run under `--cfg tidegate_loom` (`cargo x loom`). What loom cannot see is said in
//! `docs/orderings.md`.

mod coming_home;
mod insert;
mod last_unit;
mod plan_change;
mod segment_turn;
mod settle_turn;

use super::Limiter;
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::plan::{Burst, Limit, Plan, PlanId};
use crate::unit::{Cost, LimitId, Unit};
use loom::sync::Arc;
use loom::thread;

/// The length of a window in these models, and of its segments.
const WINDOW: Nanos = Nanos::from_millis(7);
const SEGMENT: Nanos = Nanos::from_millis(1);

/// A limiter small enough for loom: one place and one more, and a draft for each of two threads and the
/// last check.
fn limiter() -> Arc<Limiter> {
    Arc::new(Limiter::builder().capacity(1).max_plans(5).max_threads(2).seed(1).build().unwrap())
}

/// A plan of so many requests and tokens in [`WINDOW`], without burst.
fn plan(limiter: &Limiter, name: &str, requests: u64, tokens: u64) -> PlanId {
    let limit = |unit, amount| Limit::window(unit, amount, WINDOW).with_burst(Burst::NONE);
    let plan = Plan::builder(name)
        .limit(limit(Unit::Requests, requests))
        .limit(limit(Unit::Tokens, tokens))
        .build()
        .unwrap();
    limiter.add_plan(&plan).unwrap()
}

/// So many segments after the clocks' zero.
fn segment(number: u64) -> Timestamp {
    Timestamp::both(Nanos::new(SEGMENT.get() * number))
}

/// Units used of a window limit, as its remaining tells.
fn used(limiter: &Limiter, key: &str, plan: PlanId, limit: LimitId, at: Timestamp) -> u64 {
    let (_, standing) = limiter.peek(key, plan, Cost::default(), at);
    let status = standing.status(limit).unwrap();
    status.limit - status.remaining
}

/// Runs both closures in threads of their own, each with the limiter; gives what they answer.
fn race<A: Send + 'static, B: Send + 'static>(
    limiter: &Arc<Limiter>,
    left: impl FnOnce(&Limiter) -> A + Send + 'static,
    right: impl FnOnce(&Limiter) -> B + Send + 'static,
) -> (A, B) {
    let theirs = limiter.clone();
    let thread = thread::spawn(move || right(&theirs));
    let ours = left(limiter);
    (ours, thread.join().unwrap())
}
