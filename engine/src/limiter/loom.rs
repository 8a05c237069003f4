//! Loom models of the limiter: every interleaving, within loom's bounds, of two threads on the code that
//! ships.
//!
//! They run under `--cfg tidegate_loom` (`cargo x loom`), and under as many orders as are drawn with
//! `--cfg tidegate_shuttle` (`cargo x shuttle`). What loom cannot see is said in
//! `docs/orderings.md`.

mod day_turn;
mod forget_against_decision;
mod forget_against_settle;
mod insert;
mod insert_into_reused;
mod last_unit;
mod latest_charge;
mod one_place_for_two;
mod outside;
mod overflow;
mod plan_change;
mod segment_turn;
mod settle_turn;

use super::Limiter;
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::observe::KeyFingerprint;
use crate::plan::{Burst, Limit, Plan, PlanId};
use crate::record::{Words, tag_of};
use crate::sync::model::{Arc, thread};
use crate::unit::{Cost, LimitId, Unit};

/// The length of a window in these models, and of its segments.
const WINDOW: Nanos = Nanos::from_millis(7);
const SEGMENT: Nanos = Nanos::from_millis(1);

/// A limiter small enough for loom: four places, and a draft for each of two threads and the last check. It keeps no
/// key for the sake of a reservation.
fn limiter() -> Arc<Limiter> {
    let builder = Limiter::builder().capacity(PLACES / 4).max_plans(5).max_threads(2).seed(1);
    Arc::new(builder.longest_reservation(Nanos::ZERO).build().unwrap())
}

/// Places of that limiter.
const PLACES: usize = 4;

/// Fills places with keys that are never forgotten, having a plan of their own.
fn fill(limiter: &Limiter, places: usize, plan: PlanId) {
    for key in 0..places {
        assert!(limiter.set_own_plan(&key, plan, night(0)));
    }
}

/// So many segments after ten segments before a midnight: what was used before is forgotten some time after.
fn night(segment: u64) -> Timestamp {
    Timestamp::both(Nanos::DAY + Nanos::new(SEGMENT.get() * segment) - Nanos::new(SEGMENT.get() * 10))
}

/// How many records a key has.
fn records_of(limiter: &Limiter, key: &str) -> usize {
    let tag = limiter.fingerprint_of(key);
    let is_its = |words: &Words| KeyFingerprint(tag_of(words.front[0])) == tag;
    limiter.table.records().filter(|(words, _)| is_its(words)).count()
}

/// How many keys have been forgotten.
fn forgotten(limiter: &Limiter) -> u64 {
    limiter.occupancy().map(|shard| shard.forgotten).sum()
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
