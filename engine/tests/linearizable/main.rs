//! R6: whatever real threads do to a key at the same time, they could have done one after the other.
//!
//! Threads race short scripts and record when each call began and ended and what it was answered. A search then looks
//! for an order of the calls that keeps those apart that were apart in real time, and in which the oracle, which knows
//! of no threads, gives each the very answer that it got. `docs/linearizability.md` tells what was found.
//!
//! `TIDEGATE_HISTORIES` sets how many histories each test runs, `TIDEGATE_SEED` the first one's number.

/// The search is tried on what is known to be right or wrong.
mod checked;
/// How many histories raced, and how hard an order was to find.
mod counts;
/// What is recorded of a call.
mod event;
/// Limiters with a planted fault.
mod faulty;
/// Keys with records of their own.
mod known;
/// Where threads meet.
mod meeting;
/// The specification, shared with the tests of one thread.
#[expect(dead_code, reason = "the other tests use all of it")]
#[path = "../it/oracle.rs"]
mod oracle;
/// Plans for races.
mod plans;
/// Threads that run a script.
mod race;
/// The oracle as rules to search by.
mod rules;
/// What threads do.
mod script;
/// The search for an order.
mod search;
/// The least of a history without an order.
mod smallest;
/// The limiter, or one with a fault.
mod subject;

use known::Runs;
use std::sync::{Mutex, PoisonError};

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// So many histories of so many threads, unless the environment says otherwise.
fn runs(histories: u64, threads: usize) -> Runs {
    Runs {
        histories: number("TIDEGATE_HISTORIES").unwrap_or(histories),
        seed: number("TIDEGATE_SEED").unwrap_or(1),
        threads,
    }
}

#[test]
fn two_threads_do_what_one_could() {
    known(2);
}

#[test]
fn three_threads_do_what_one_could() {
    known(3);
}

#[test]
fn four_threads_do_what_one_could() {
    known(4);
}

fn known(threads: usize) {
    // One after the other: two threads that race need two processors.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = known::run(runs(3_000, threads), |limiter| limiter).unwrap_or_else(|why| panic!("{why}"));
    println!("{threads} threads\n{counts}");
    assert!(counts.overlapping > 0, "no two calls overlapped: nothing was tried");
}
