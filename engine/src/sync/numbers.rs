//! Numbers that threads take and give back.

use super::{AtomicU64, Ordering};

const BITS: usize = u64::BITS as usize;

/// A bit for each number: whether it is taken.
#[derive(Debug)]
pub(super) struct Numbers<const WORDS: usize>([AtomicU64; WORDS]);

impl<const WORDS: usize> Numbers<WORDS> {
    /// How many numbers there are.
    #[cfg(not(tidegate_loom))]
    pub(super) const COUNT: usize = WORDS * BITS;

    #[cfg(not(tidegate_loom))]
    pub(super) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; WORDS])
    }

    /// The lowest number that nobody has, as it seems; `None` if all are taken.
    pub(super) fn take(&self) -> Option<usize> {
        for (word, bits) in self.0.iter().enumerate() {
            // Ordering: Relaxed; the swap decides.
            let mut taken = bits.load(Ordering::Relaxed);
            while taken != u64::MAX {
                let free = taken.trailing_ones();
                // Ordering: Acquire, partner `give_back`. Relaxed on failure: the next swap decides.
                match bits.compare_exchange(taken, taken | 1 << free, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(word * BITS + free as usize),
                    Err(newer) => taken = newer,
                }
            }
        }
        None
    }

    /// Gives a number back that was taken.
    pub(super) fn give_back(&self, number: usize) {
        // Ordering: Release, partner `take`: what this thread did under its number lies before what the next one does.
        self.0[number / BITS].fetch_and(!(1 << (number % BITS)), Ordering::Release);
    }
}

#[cfg(all(test, not(tidegate_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_taken_once_and_again_when_it_was_given_back() {
        let numbers = Numbers::<2>::new();
        let all: Vec<_> = std::iter::from_fn(|| numbers.take()).collect();
        assert!(all.into_iter().eq(0..Numbers::<2>::COUNT));
        for number in [0, 5, 63, 64, 127] {
            numbers.give_back(number);
            assert_eq!((numbers.take(), numbers.take()), (Some(number), None));
        }
        numbers.give_back(70);
        numbers.give_back(3);
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [Some(3), Some(70), None]);
    }
}

#[cfg(all(test, tidegate_loom))]
mod loom {
    use super::*;
    use crate::sync::model::{Arc, check, thread};

    /// One number, so that two threads have it one after the other, or one of them not at all; and a count that only
    /// who has it writes.
    #[test]
    fn what_one_did_under_a_number_lies_before_what_the_next_does() {
        check(|| {
            let shared = Arc::new((Numbers([AtomicU64::new(!1)]), AtomicU64::new(0)));
            let count = {
                let shared = shared.clone();
                move || {
                    let (numbers, count) = &*shared;
                    let taken = numbers.take();
                    if let Some(number) = taken {
                        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                        numbers.give_back(number);
                    }
                    u64::from(taken == Some(0))
                }
            };
            let other = thread::spawn(count.clone());
            let counted = count() + other.join().unwrap();
            assert_eq!(shared.1.load(Ordering::Relaxed), counted);
        });
    }

    /// Two threads and two numbers: each gets one, and not the same.
    #[test]
    fn two_threads_take_two_numbers() {
        check(|| {
            let numbers = Arc::new(Numbers([AtomicU64::new(!3)]));
            let other = {
                let numbers = numbers.clone();
                thread::spawn(move || numbers.take())
            };
            let mut taken = [numbers.take(), other.join().unwrap()];
            taken.sort();
            assert_eq!(taken, [Some(0), Some(1)]);
        });
    }
}
