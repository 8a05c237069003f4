//! Threads that have nothing to do: the last worlds of a run may use them.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Threads of a run that no world needs to itself.
#[derive(Debug)]
pub(crate) struct Spare {
    threads: usize,
    /// Worlds that have not come to their end.
    worlds: AtomicUsize,
    idle: AtomicUsize,
}

/// A thread's worth of work that somebody may do, until this is dropped.
#[derive(Debug)]
pub(crate) struct Thread<'a>(&'a Spare);

impl Spare {
    /// So many threads for so many worlds.
    pub(crate) fn new(threads: usize, worlds: usize) -> Self {
        let idle = AtomicUsize::new(threads.saturating_sub(worlds));
        Self { threads, worlds: AtomicUsize::new(worlds), idle }
    }

    /// A thread, if one has nothing to do.
    pub(crate) fn take(&self) -> Option<Thread<'_>> {
        // Ordering: a count by itself; what threads share they hand over otherwise.
        let taken = self.idle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |idle| idle.checked_sub(1));
        taken.is_ok().then(|| Thread(self))
    }

    /// A world has come to its end. If each of the others has a thread already, the one that it had is idle now.
    pub(crate) fn note_end(&self) {
        // Ordering: as above.
        if self.worlds.fetch_sub(1, Ordering::Relaxed) <= self.threads {
            self.idle.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Thread<'_> {
    fn drop(&mut self) {
        // Ordering: as above.
        self.0.idle.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_idle_when_no_world_waits_for_it() {
        let spare = Spare::new(2, 3);
        assert!(spare.take().is_none());
        spare.note_end();
        assert!(spare.take().is_none(), "two worlds, two threads");
        spare.note_end();
        let thread = spare.take();
        assert!(thread.is_some() && spare.take().is_none());
        drop(thread);
        assert!(spare.take().is_some());
    }

    #[test]
    fn of_more_threads_than_worlds_some_are_idle_at_once() {
        let spare = Spare::new(4, 2);
        let taken = [spare.take(), spare.take(), spare.take()];
        assert_eq!(taken.map(|thread| thread.is_some()), [true, true, false]);
    }
}
