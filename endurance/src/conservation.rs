//! Random operations on engine and ledger side by side: every unit is where the ledger has it.
//!
//! A run is cut into rounds, each with a seed, plans, keys and a pace of its own, so that rounds can be
//! shared out among threads and one that fails can be repeated alone. In `round` one thread calls, and
//! every decision and every number of the record is compared at every operation. In `together` several threads
//! call on the same keys, and what is compared is the sum.

mod draws;
mod plans;
mod plant;
mod round;
mod tally;
mod together;

pub use tally::Tally;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Operations of a round.
const ROUND: u64 = 1_000_000;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Operations of one thread a key.
    pub operations: u64,
    /// Operations of several threads on the same keys.
    pub together: u64,
    /// Threads: rounds at a time, and callers on the same keys.
    pub threads: usize,
    /// Of the first round; the others count on from it.
    pub seed: u64,
    /// Each so manieth refund is made one unit short, so that the run must fail.
    pub plant_each: Option<u64>,
}

/// Runs all rounds; `done` is told of each.
pub fn run(settings: &Settings, done: impl Fn(&Tally) + Sync) -> Tally {
    let next = AtomicU64::new(0);
    let rounds = settings.operations.div_ceil(ROUND);
    let worker = || {
        let mut tally = Tally::default();
        loop {
            let round = next.fetch_add(1, Ordering::Relaxed);
            if round >= rounds {
                return tally;
            }
            let operations = ROUND.min(settings.operations - round * ROUND);
            let of_round = round::run(settings.seed.wrapping_add(round), operations, settings.plant_each);
            done(&of_round);
            tally.add(of_round);
        }
    };
    let mut tally = thread::scope(|scope| {
        let threads: Vec<_> = (0..settings.threads).map(|_| scope.spawn(worker)).collect();
        let mut tally = Tally::default();
        threads.into_iter().for_each(|thread| tally.add(thread.join().expect("a round ends")));
        tally
    });
    let mut left = settings.together;
    for round in 0.. {
        if left == 0 {
            break;
        }
        let operations = ROUND.min(left);
        left -= operations;
        let seed = settings.seed.wrapping_add(round);
        let of_round = together::run(seed, operations, 2 + round as usize % 3, settings.plant_each);
        done(&of_round);
        tally.add(of_round);
    }
    tally
}
