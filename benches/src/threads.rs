//! Timing one thread, or several that start together.

use crate::contender::{Contender, Course};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Runs one course a thread, started together at a barrier, and gives the time until the last has finished and the
/// calls admitted.
///
/// The time of a call is this over the calls of one course: with two threads that do not disturb each
/// other it is that of one thread.
pub fn run_together(contender: &dyn Contender, courses: &mut [Course]) -> (Duration, u64) {
    if let [alone] = courses {
        let start = Instant::now();
        let admitted = contender.run(alone);
        return (start.elapsed(), admitted);
    }
    let barrier = Barrier::new(courses.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = courses
            .iter_mut()
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
