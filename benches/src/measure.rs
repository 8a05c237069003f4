//! Interleaved rounds and medians: what happens to the machine happens to every contender.

use crate::contender::{Contender, Course, Pace};
use crate::keys::Keys;
use crate::threads::run_together;

/// What is the same for all contenders of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// How many keys, all of them known before the measurement.
    pub keys: u64,
    /// How many threads call at once.
    pub threads: u64,
    /// How a thread's calls follow each other.
    pub pace: Pace,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often every contender has its turn.
    pub rounds: usize,
    /// Calls of each thread in a turn.
    pub calls: u64,
}

/// The median time of a call in nanoseconds, for each contender in the order given.
///
/// # Panics
///
/// If a contender did not answer `admitted` to every call, or to none: then it did not do the work that the row is about.
pub fn medians(row: Row, effort: Effort, contenders: &[Box<dyn Contender>]) -> Vec<f64> {
    let mut lanes: Vec<_> = contenders.iter().map(|_| courses(row, effort)).collect();
    let mut times = vec![Vec::with_capacity(effort.rounds); contenders.len()];
    // The first round warms up and is thrown away.
    for round in 0..=effort.rounds {
        for (place, contender) in contenders.iter().enumerate() {
            let (elapsed, admitted) = run_together(contender.as_ref(), &mut lanes[place]);
            let all = effort.calls * row.threads;
            assert!(admitted == all || admitted == 0, "{}: {admitted} of {all} admitted", contender.name());
            if round > 0 {
                times[place].push(elapsed.as_secs_f64() * 1e9 / effort.calls as f64);
            }
        }
    }
    times.into_iter().map(median).collect()
}

/// One course a thread. All contenders meet the same keys in the same order.
fn courses(row: Row, effort: Effort) -> Vec<Course> {
    let course =
        |lane| Course { keys: Keys::new(row.keys, lane), calls: effort.calls, pace: row.pace, first_call: 1 };
    (0..row.threads).map(course).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
