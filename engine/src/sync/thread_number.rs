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
        let number = next_of(&REUSED, &BEYOND);
        if let Some(thread) = THREADS.get(number) {
            thread.writes();
        }
        NUMBER.set(number);
        number
    }

    /// A number that is given again, or the next beyond these.
    fn next_of<const WORDS: usize>(reused: &Numbers<WORDS>, beyond: &AtomicUsize) -> usize {
        // Ordering: Relaxed, a counter from which nothing else follows.
        reused.take().unwrap_or_else(|| beyond.fetch_add(1, Ordering::Relaxed))
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

        #[test]
        fn a_thread_beyond_those_that_have_small_numbers_has_a_large_one_of_its_own() {
            let (reused, beyond) = (Numbers::<1>::new(), AtomicUsize::new(1_000));
            let numbers: Vec<_> = (0..67).map(|_| next_of(&reused, &beyond)).collect();
            assert!(numbers.into_iter().eq((0..64).chain(1_000..1_003)));
            reused.give_back(7);
            assert_eq!([next_of(&reused, &beyond), next_of(&reused, &beyond)], [7, 1_003]);
        }

        #[test]
        fn large_numbers_begin_where_the_small_ones_end() {
            assert_eq!((THREADS.len(), Reused::COUNT), (1_024, 1_024));
            assert!(BEYOND.load(Ordering::Relaxed) >= Reused::COUNT);
            assert_ne!(NONE, usize::MAX, "the mark of a thread that has not asked yet");
        }

        #[test]
        fn a_thread_that_is_ending_has_no_number_of_its_own() {
            /// Asks for a number when the thread's memory is dropped.
            struct Asks(std::sync::mpsc::Sender<usize>);
            impl Drop for Asks {
                fn drop(&mut self) {
                    self.0.send(thread_number()).unwrap();
                }
            }
            thread_local! {
                static ASKS: Cell<Option<Asks>> = const { Cell::new(None) };
            }
            // Which of two is dropped first goes by the order in which they were touched: one way or the other.
            let asked_after = [false, true].map(|asks_last| {
                let (tell, told) = std::sync::mpsc::channel();
                let thread = std::thread::spawn(move || {
                    let number = asks_last.then(thread_number);
                    ASKS.set(Some(Asks(tell)));
                    number.unwrap_or_else(thread_number)
                });
                let (number, at_the_end) = (thread.join().unwrap(), told.recv().unwrap());
                assert!(![NONE, usize::MAX].contains(&number));
                assert!([number, NONE].contains(&at_the_end), "{number}, then {at_the_end}");
                at_the_end == NONE
            });
            assert!(asked_after[0] != asked_after[1]);
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
