//! Numbers of threads: small ones, given back when a thread ends, so that memory set aside by number is used again.

/// The number of a thread that has none of its own, because it is ending.
#[cfg(not(tidegate_shuttle))]
const NONE: usize = usize::MAX - 1;

#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
mod imp {
    use super::NONE;
    use crate::sync::SoleWriter;
    use crate::sync::numbers::Numbers;
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// 1,024 numbers that are given again; threads beyond so many at one time get larger ones, each once.
    type Reused = Numbers<16>;

    static REUSED: Reused = Reused::new();
    /// Each of these numbers has one thread.
    static THREADS: [SoleWriter; Reused::COUNT] = [const { SoleWriter::new() }; Reused::COUNT];
    static BEYOND: AtomicUsize = AtomicUsize::new(Reused::COUNT);

    thread_local! {
        /// Const and without a destructor: reading it is a load.
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
        /// Gives the number back. Touched once a thread.
        static GIVEN_BACK: GiveBack = const { GiveBack };
    }

    struct GiveBack;

    impl Drop for GiveBack {
        fn drop(&mut self) {
            let number = NUMBER.replace(NONE);
            if let Some(thread) = THREADS.get(number) {
                thread.writes();
                REUSED.give_back(number);
            }
        }
    }

    /// A number that no other thread of the process has as long as the calling one lives; or a large one, which a
    /// thread that is ending shares with others.
    #[inline]
    pub(crate) fn thread_number() -> usize {
        let number = NUMBER.get();
        if number == usize::MAX { first_number() } else { number }
    }

    #[cold]
    fn first_number() -> usize {
        if GIVEN_BACK.try_with(|_| ()).is_err() {
            return NONE;
        }
        // Ordering: Relaxed, a counter from which nothing else follows.
        let number = REUSED.take().unwrap_or_else(|| BEYOND.fetch_add(1, Ordering::Relaxed));
        if let Some(thread) = THREADS.get(number) {
            thread.writes();
        }
        NUMBER.set(number);
        number
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::collections::HashSet;
        use std::sync::{Barrier, Mutex};

        #[test]
        fn threads_that_live_together_have_numbers_of_their_own_and_others_have_them_again() {
            let numbers = Mutex::new(HashSet::new());
            for _ in 0..200 {
                let together = Mutex::new(HashSet::new());
                let barrier = Barrier::new(4);
                std::thread::scope(|scope| {
                    let mut threads = Vec::new();
                    for _ in 0..4 {
                        threads.push(scope.spawn(|| {
                            let number = thread_number();
                            assert_eq!(number, thread_number());
                            assert!(together.lock().unwrap().insert(number), "{number} twice");
                            numbers.lock().unwrap().insert(number);
                            barrier.wait();
                        }));
                    }
                    threads.into_iter().for_each(|thread| thread.join().unwrap());
                });
            }
            // Other tests' threads take some too.
            assert!(numbers.lock().unwrap().len() < 200, "{numbers:?}");
        }
    }
}

#[cfg(tidegate_loom)]
mod imp {
    /// The thread's number within this execution, which loom tells in its debug form alone: `ThreadId(1)`.
    pub(crate) fn thread_number() -> usize {
        let id = format!("{:?}", loom::thread::current().id());
        let digits = id.trim_start_matches("ThreadId(").trim_end_matches(')');
        digits.parse().unwrap_or(super::NONE)
    }
}

#[cfg(tidegate_shuttle)]
mod imp {
    /// The thread's number within this execution.
    pub(crate) fn thread_number() -> usize {
        shuttle::thread::current().id().into()
    }
}

pub(crate) use imp::thread_number;
