//! Each call of the engine that may stand in a request's way.

use std::net::IpAddr;
use tidegate::guard::{Answer, Mark};
use tidegate::headers::FieldValue;
use tidegate::{
    Call, Clock, Cost, Decision, Guard, Limiter, Nanos, Plan, PlanId, RateLimitHeaders, Reservation,
    SystemClock, Timestamp, Verdict,
};

/// An ordinary key: a number, as an index in a gateway's own table.
#[inline(never)]
pub(crate) fn check(limiter: &Limiter, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
    limiter.check(&key, plan, cost, at)
}

/// A key that is text of any length.
#[inline(never)]
pub(crate) fn check_text(limiter: &Limiter, key: &str, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
    limiter.check(key, plan, cost, at)
}

#[inline(never)]
pub(crate) fn batch(limiter: &Limiter, calls: &[Call<&str>], at: Timestamp) -> u64 {
    let mut admitted = 0;
    limiter.check_batch(calls, at, |_, decision| admitted += u64::from(decision.is_admitted()));
    admitted
}

/// The decision, and the headers made of it.
#[inline(never)]
pub(crate) fn standing(
    limiter: &Limiter,
    key: u64,
    plan: PlanId,
    cost: Cost,
    at: Timestamp,
) -> (Decision, Option<RateLimitHeaders>) {
    let (decision, standing) = limiter.check_with_standing(&key, plan, cost, at);
    let headers = RateLimitHeaders::new(decision.verdict(), &standing);
    (decision, headers)
}

/// The fields as numbers; writing them as text is the caller's.
#[inline(never)]
pub(crate) fn header_fields(headers: &RateLimitHeaders) -> u64 {
    let number = |value| if let FieldValue::Number(number) = value { number } else { 0 };
    headers.fields().fold(0, |sum: u64, (name, value)| sum ^ name.len() as u64 ^ number(value))
}

#[inline(never)]
pub(crate) fn peek(limiter: &Limiter, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Verdict {
    limiter.peek(&key, plan, cost, at).0
}

#[inline(never)]
pub(crate) fn settle(limiter: &Limiter, reservation: Reservation, tokens: u64, at: Timestamp) {
    limiter.settle(reservation, tokens, at);
}

#[inline(never)]
pub(crate) fn settle_by_estimate(limiter: &Limiter, reservation: Reservation, at: Timestamp) {
    limiter.settle_by_estimate(reservation, at);
}

#[inline(never)]
pub(crate) fn cancel(limiter: &Limiter, reservation: Reservation, at: Timestamp) {
    limiter.cancel(reservation, at);
}

/// A reservation that is settled with the machine's time, or by being dropped.
#[inline(never)]
pub(crate) fn held_by_the_clock(
    limiter: &Limiter,
    clock: &SystemClock,
    reservation: Reservation,
    tokens: Option<u64>,
) {
    let held = reservation.held(limiter, clock);
    if let Some(tokens) = tokens {
        held.settle(tokens);
    }
}

#[inline(never)]
pub(crate) fn change_plan(limiter: &Limiter, key: u64, plan: PlanId, at: Timestamp) {
    limiter.change_plan(&key, plan, at);
}

#[inline(never)]
pub(crate) fn set_own_plan(limiter: &Limiter, key: u64, plan: PlanId, at: Timestamp) -> bool {
    limiter.set_own_plan(&key, plan, at)
}

#[inline(never)]
pub(crate) fn clear_own_plan(limiter: &Limiter, key: u64, at: Timestamp) {
    limiter.clear_own_plan(&key, at);
}

#[inline(never)]
pub(crate) fn record_usage(limiter: &Limiter, key: u64, plan: PlanId, cost: Cost, at: Timestamp) {
    limiter.record_usage(&key, plan, cost, at);
}

#[inline(never)]
pub(crate) fn give_back(limiter: &Limiter, key: u64, cost: Cost, at: Timestamp) -> bool {
    limiter.give_back(&key, cost, at)
}

#[inline(never)]
pub(crate) fn reset(limiter: &Limiter, key: u64, at: Timestamp) -> bool {
    limiter.reset(&key, at)
}

#[inline(never)]
pub(crate) fn plan_of(limiter: &Limiter, plan: PlanId) -> Option<&Plan> {
    limiter.plan(plan)
}

#[inline(never)]
pub(crate) fn guard_check(guard: &Guard, address: IpAddr, at: Timestamp) -> Answer {
    guard.check(address, at)
}

#[inline(never)]
pub(crate) fn guard_denied(guard: &Guard, address: IpAddr, key: &str, wait: Nanos, at: Timestamp) -> Mark {
    guard.denied(address, key, wait, at)
}

#[inline(never)]
pub(crate) fn guard_observe(
    guard: &Guard,
    address: IpAddr,
    key: u64,
    verdict: Verdict,
    at: Timestamp,
) -> Mark {
    guard.observe(address, &key, verdict, at)
}

#[inline(never)]
pub(crate) fn guard_strike(guard: &Guard, address: IpAddr, at: Timestamp) -> Mark {
    guard.strike(address, at)
}

#[inline(never)]
pub(crate) fn guard_lift(guard: &Guard, address: IpAddr, at: Timestamp) -> bool {
    guard.lift(address, at)
}

#[inline(never)]
pub(crate) fn now(clock: &SystemClock) -> Timestamp {
    clock.now()
}
