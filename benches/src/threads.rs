//! Timing one thread, or several that start together; and using all of them for what is not timed.

use crate::contender::{Contender, Course};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Runs one course a thread, started together at a barrier, and gives the time until the last has finished and the
/// calls admitted.
///
/// The time of a call is this over the calls of one course: with two threads that do not disturb each
/// other it is that of one thread.
pub fn run_together(contender: &dyn Contender, courses: &[Course<'_>]) -> (Duration, u64) {
    if let [alone] = courses {
        let start = Instant::now();
        let admitted = contender.run(alone);
        return (start.elapsed(), admitted);
    }
    let barrier = Barrier::new(courses.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = courses
            .iter()
            .map(|course| {
                scope.spawn(|| {
                    barrier.wait();
                    let start = Instant::now();
                    let admitted = contender.run(course);
                    (start.elapsed(), admitted)
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .fold((Duration::ZERO, 0), |(longest, sum), (elapsed, admitted)| {
                (longest.max(elapsed), sum + admitted)
            })
    })
}

/// Makes keys from 0 on known to a contender, with as many threads as the machine runs at once.
pub fn meet_together(contender: &dyn Contender, population: u64) {
    let threads = std::thread::available_parallelism().map_or(1, Into::into) as u64;
    let part = population.div_ceil(threads);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let keys = thread * part..population.min((thread + 1) * part);
            scope.spawn(|| contender.meet(keys));
        }
    });
}
