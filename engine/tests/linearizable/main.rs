//! R6: whatever real threads do to a key at the same time, they could have done one after the other.
//!
//! Threads race short scripts and record when each call began and ended and what it was answered. A search then looks
//! for an order of the calls that keeps those apart that were apart in real time, and in which the oracle, which knows
//! of no threads, gives each the very answer that it got. `docs/linearizability.md` tells what was found.
//!
//! `TIDEGATE_HISTORIES` sets how many histories each test runs, `TIDEGATE_SEED` the first one's number.

/// The search is tried on what is known to be right or wrong.
mod checked;
/// Calls that let others in.
mod company;
/// How many histories raced, and how hard an order was to find.
mod counts;
/// What is recorded of a call.
mod event;
/// Limiters with a planted fault.
mod faulty;
/// A limiter with plans.
mod house;
/// Keys with records of their own.
mod known;
/// Where threads meet.
#[cfg(not(tidegate_shuttle))]
mod meeting;
/// The specification, shared with the tests of one thread.
#[expect(dead_code, reason = "the other tests use all of it")]
#[path = "../it/oracle.rs"]
mod oracle;
/// Plans for races.
mod plans;
/// Threads that run a script.
mod race;
/// Real threads.
#[cfg(not(tidegate_shuttle))]
mod races;
/// The oracle as rules to search by.
mod rules;
/// What threads do.
mod script;
/// The search for an order.
mod search;
/// The same under shuttle, which draws the order of every step.
#[cfg(tidegate_shuttle)]
mod shuttled;
/// The least of a history without an order.
mod smallest;
/// The limiter, or one with a fault.
mod subject;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
