//! Two words that are swapped as one: the 128-bit compare-and-swap.
//!
//! Each half is also read alone. Whoever reads both reads the low half, then the high one, then the low one
//! again, or leaves it to the swap to find that they do not belong together.

/// The values of both halves.
pub(crate) type Halves = (u64, u64);

#[cfg(all(not(any(tidegate_loom, tidegate_shuttle)), not(tidegate_portable), target_arch = "x86_64"))]
mod imp {
    use super::Halves;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// `cmpxchg16b` by hand: the standard library has no such atomic, and those of other crates decide at each
    /// call, by a function pointer, whether the processor has it. Every x86-64 processor since 2006 has; a
    /// limiter is not built on one that lacks it.
    #[derive(Debug)]
    #[repr(C, align(16))]
    pub(crate) struct Pair {
        low: AtomicU64,
        high: AtomicU64,
    }

    impl Pair {
        #[cfg(test)]
        pub(crate) fn zeroed() -> Self {
            Self { low: AtomicU64::new(0), high: AtomicU64::new(0) }
        }

        /// Whether this processor can swap a pair.
        pub(crate) fn is_supported() -> bool {
            std::arch::is_x86_feature_detected!("cmpxchg16b")
        }

        #[inline]
        pub(crate) fn low(&self, order: Ordering) -> u64 {
            self.low.load(order)
        }

        #[inline]
        pub(crate) fn high(&self, order: Ordering) -> u64 {
            self.high.load(order)
        }

        /// Replaces both halves if both are as given. Acquire and Release if it does, as any locked operation
        /// of this processor is.
        #[inline]
        pub(crate) fn swap(&self, seen: Halves, next: Halves) -> bool {
            let swapped: u8;
            // SAFETY: `self` is 16 bytes aligned to 16, as the type says, valid for reading and writing by the
            // borrow, and both halves are atomics, so that writing through a shared reference is theirs to
            // allow. The processor has the instruction, or no limiter had been built. `rbx`, which the
            // compiler keeps for itself, is put back; only then is the answer taken (`mov` leaves the flag alone), for
            // the compiler may want that in `rbx`, where it is free. All memory counts as clobbered, since `nomem` is not
            // claimed.
            unsafe {
                std::arch::asm!(
                    "xchg {saved}, rbx",
                    "lock cmpxchg16b xmmword ptr [rdi]",
                    "mov rbx, {saved}",
                    "sete {swapped}",
                    saved = inout(reg) next.0 => _,
                    swapped = out(reg_byte) swapped,
                    in("rdi") std::ptr::from_ref(self),
                    in("rcx") next.1,
                    inout("rax") seen.0 => _,
                    inout("rdx") seen.1 => _,
                    options(nostack),
                );
            }
            swapped != 0
        }
    }
}

#[cfg(all(not(any(tidegate_loom, tidegate_shuttle)), any(tidegate_portable, not(target_arch = "x86_64"))))]
mod imp {
    use super::Halves;
    use crate::sync::orders::PAIR_SWAPPED;
    use portable_atomic::AtomicU128;
    use std::sync::atomic::Ordering;

    /// The same by way of `portable-atomic`, on processors for which it has a 128-bit swap without a lock.
    #[derive(Debug)]
    #[repr(transparent)]
    pub(crate) struct Pair(AtomicU128);

    const fn joined((low, high): Halves) -> u128 {
        low as u128 | (high as u128) << 64
    }

    impl Pair {
        #[cfg(test)]
        pub(crate) fn zeroed() -> Self {
            Self(AtomicU128::new(0))
        }

        pub(crate) fn is_supported() -> bool {
            AtomicU128::is_lock_free()
        }

        #[inline]
        pub(crate) fn low(&self, order: Ordering) -> u64 {
            self.0.load(order) as u64
        }

        #[inline]
        pub(crate) fn high(&self, order: Ordering) -> u64 {
            (self.0.load(order) >> 64) as u64
        }

        #[inline]
        pub(crate) fn swap(&self, seen: Halves, next: Halves) -> bool {
            // Ordering: AcqRel as on x86-64. Relaxed on failure: nothing is used.
            self.0.compare_exchange(joined(seen), joined(next), PAIR_SWAPPED, Ordering::Relaxed).is_ok()
        }
    }
}

#[cfg(tidegate_loom)]
mod imp {
    use super::Halves;
    use crate::sync::imp::{piece_at, place_of, words_tear};
    use crate::sync::orders::PAIR_SWAPPED;
    use ::loom::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering;

    /// A number that stands for both halves: equal numbers, equal halves.
    #[derive(Debug)]
    pub(crate) struct Pair(AtomicU64);

    impl Pair {
        pub(crate) fn zeroed() -> Self {
            Self(AtomicU64::new(place_of(&[0, 0])))
        }

        pub(crate) fn is_supported() -> bool {
            true
        }

        pub(crate) fn low(&self, order: Ordering) -> u64 {
            self.halves(order)[0]
        }

        pub(crate) fn high(&self, order: Ordering) -> u64 {
            self.halves(order)[1]
        }

        /// In the models that are about a slot, any value that the memory order allows; in those of the whole
        /// limiter the latest one, or they would never end.
        fn halves(&self, order: Ordering) -> Vec<u64> {
            piece_at(if words_tear() { self.0.load(order) } else { self.0.fetch_or(0, Ordering::AcqRel) })
        }

        pub(crate) fn swap(&self, seen: Halves, next: Halves) -> bool {
            let (seen, next) = (place_of(&[seen.0, seen.1]), place_of(&[next.0, next.1]));
            self.0.compare_exchange(seen, next, PAIR_SWAPPED, Ordering::Relaxed).is_ok()
        }
    }
}

#[cfg(tidegate_shuttle)]
mod imp {
    use super::Halves;
    use crate::sync::AtomicU64;
    use std::sync::Mutex;
    use std::sync::atomic::Ordering;

    /// Both halves, and an atomic that is read before each look and each swap, for shuttle to change threads there.
    #[derive(Debug)]
    pub(crate) struct Pair {
        step: AtomicU64,
        /// Never locked across a step, so that nobody waits for it.
        halves: Mutex<Halves>,
    }

    impl Pair {
        pub(crate) fn zeroed() -> Self {
            Self { step: AtomicU64::new(0), halves: Mutex::new((0, 0)) }
        }

        pub(crate) fn is_supported() -> bool {
            true
        }

        pub(crate) fn low(&self, order: Ordering) -> u64 {
            self.at_a_step(order, |halves| halves.0)
        }

        pub(crate) fn high(&self, order: Ordering) -> u64 {
            self.at_a_step(order, |halves| halves.1)
        }

        pub(crate) fn swap(&self, seen: Halves, next: Halves) -> bool {
            self.at_a_step(Ordering::Acquire, |halves| {
                let is_as_seen = *halves == seen;
                if is_as_seen {
                    *halves = next;
                }
                is_as_seen
            })
        }

        fn at_a_step<A>(&self, order: Ordering, step: impl FnOnce(&mut Halves) -> A) -> A {
            self.step.load(order);
            step(&mut self.halves.lock().expect("no step panics"))
        }
    }
}

pub(crate) use imp::Pair;

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn swaps_only_if_both_halves_are_as_seen() {
        let pair = Pair::zeroed();
        assert!(pair.swap((0, 0), (1, u64::MAX)));
        for stale in [(0, 0), (1, 0), (0, u64::MAX), (1, u64::MAX - 1), (2, u64::MAX)] {
            assert!(!pair.swap(stale, (7, 7)), "{stale:?}");
        }
        assert_eq!((pair.low(Relaxed), pair.high(Relaxed)), (1, u64::MAX));
        assert!(pair.swap((1, u64::MAX), (2, 3)));
        assert_eq!((pair.low(Relaxed), pair.high(Relaxed)), (2, 3));
    }

    #[test]
    fn two_threads_count_in_both_halves_without_losing_one() {
        let pair = Pair::zeroed();
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for _ in 0..2 {
                threads.push(scope.spawn(|| {
                    for _ in 0..100_000 {
                        while {
                            let seen = (pair.low(Relaxed), pair.high(Relaxed));
                            !pair.swap(seen, (seen.0 + 1, seen.1.wrapping_sub(1)))
                        } {}
                    }
                }));
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(pair.low(Relaxed), 200_000);
        assert_eq!(pair.high(Relaxed), 0_u64.wrapping_sub(200_000));
    }

    /// The answer once stood in `rbx`, where the compiler was short of other registers, and was overwritten as `rbx` was
    /// put back: a failed swap was taken for a successful one and the other way round. (Found by AddressSanitizer, whose
    /// builds are short of registers. In this test's optimized builds, too, the answer is in `rbx` as it once was.)
    #[test]
    fn a_swap_tells_the_truth_where_registers_are_few() {
        let pair = Pair::zeroed();
        let start = std::hint::black_box([1_u64, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h, mut i, mut j, mut k, mut l] = start;
        let mut swapped = 0_u64;
        for turn in 0..1_000_u64 {
            let seen = if turn % 3 == 0 { (turn + 1, 0) } else { (swapped, swapped) };
            let answer = pair.swap(seen, (swapped + 1, swapped + 1));
            assert_eq!(answer, turn % 3 != 0, "{turn}");
            swapped += u64::from(answer);
            (a, b, c, d, e, f) = (a ^ b << 1, b ^ c << 1, c ^ d << 1, d ^ e << 1, e ^ f << 1, f ^ g << 1);
            (g, h, i, j, k, l) = (g ^ h << 1, h ^ i << 1, i ^ j << 1, j ^ k << 1, k ^ l << 1, l ^ a << 1);
        }
        std::hint::black_box([a, b, c, d, e, f, g, h, i, j, k, l]);
        assert_eq!((pair.low(Relaxed), pair.high(Relaxed)), (swapped, swapped));
    }
}
