//! Calls that wait until others have begun: on a machine with one processor, or a busy one, a thread would else be through with its
//! script before another begins, and no two calls would overlap.

use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::yield_now;

/// The threads of a race.
pub(crate) struct Company {
    /// Those that are not through, and do not wait here.
    busy: CachePadded<AtomicUsize>,
    /// Calls that have begun.
    begun: CachePadded<AtomicU64>,
}

impl Company {
    pub(crate) fn of(threads: usize) -> Self {
        Self { busy: CachePadded::new(AtomicUsize::new(threads)), begun: CachePadded::new(AtomicU64::new(0)) }
    }

    pub(crate) fn begin(&self) {
        // Ordering: Relaxed here and below: a thread's own stamps say what came before what, and nothing else is told.
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until so many more calls have begun, or nobody is left who would begin one: the others are through or wait here too,
    /// of whom one goes on then. A thread that has not come to the race yet is waited for.
    pub(crate) fn let_in(&self, calls: u64) {
        if calls == 0 {
            return;
        }
        let until = self.begun.load(Ordering::Relaxed) + calls;
        self.leave();
        for turn in 0_u64.. {
            if self.begun.load(Ordering::Relaxed) >= until || self.busy.load(Ordering::Relaxed) == 0 {
                break;
            }
            if turn < 100 { spin_loop() } else { yield_now() }
        }
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
