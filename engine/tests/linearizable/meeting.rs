//! Where threads meet so that they leave together.

use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, yield_now};
use std::time::{Duration, Instant};

/// A barrier for many rounds, at which nobody sleeps.
pub(crate) struct Meeting {
    threads: usize,
    arrived: CachePadded<AtomicUsize>,
    late: CachePadded<AtomicUsize>,
}

/// Who leaves within so much of the others is with them.
const TOGETHER: Duration = Duration::from_micros(2);
/// How often they try to leave together.
const TRIES: usize = 16;

impl Meeting {
    pub(crate) fn of(threads: usize) -> Self {
        let counter = || CachePadded::new(AtomicUsize::new(0));
        Self { threads, arrived: counter(), late: counter() }
    }

    pub(crate) fn wait(&self) {
        // Ordering: AcqRel and Acquire, so that what any thread did before lies before what all do after.
        let arrived = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (arrived / self.threads + 1) * self.threads;
        for turn in 0_u64.. {
            if self.arrived.load(Ordering::Acquire) >= all {
                return;
            }
            if turn < 500 { spin_loop() } else { yield_now() }
        }
    }

    /// Waits until all threads run at the same time, if they can: one that lost its processor at the meeting would
    /// come to the race when it is over.
    pub(crate) fn leave_together(&self) {
        self.wait();
        let tries =
            if available_parallelism().is_ok_and(|most| self.threads <= most.get()) { TRIES } else { 0 };
        for _ in 0..tries {
            let (start, late) = (Instant::now(), self.late.load(Ordering::Relaxed));
            self.wait();
            if start.elapsed() > TOGETHER {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            self.wait();
            // Nobody counts before all have come by here: the next to count meets first.
            if self.late.load(Ordering::Relaxed) == late {
                return;
            }
        }
    }
}
