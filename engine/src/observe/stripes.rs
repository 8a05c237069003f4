//! The memory of the counts: a stripe for each thread, in blocks of two cache lines.

use super::counters::Counters;
use super::sketch::Set;
use crate::sync::AtomicU64;
use crate::zeroed;

/// Threads of a number below this have a stripe each, which no other thread writes as long as they live. Those of a
/// higher number share the other stripes. 64 is more threads than most gateways decide on; memory is taken up by those
/// that do.
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
pub(super) const OWNED: usize = 64;
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
const SHARED: usize = 8;
/// Sets of a stripe's sketch. Five keys each: the 320 cells and the counters are 8,320 bytes a thread.
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
pub(super) const SETS: usize = 64;

#[cfg(any(tidegate_loom, tidegate_shuttle))]
pub(super) const OWNED: usize = 1;
#[cfg(any(tidegate_loom, tidegate_shuttle))]
const SHARED: usize = 1;
#[cfg(any(tidegate_loom, tidegate_shuttle))]
pub(super) const SETS: usize = 1;

/// Words of a block: two cache lines, which processors fetch as a pair.
pub(super) const BLOCK_WORDS: usize = 16;
/// A block of counters, and the sets.
const STRIPE_BLOCKS: usize = 1 + SETS;

/// Words that are written together.
pub(super) type Block = [AtomicU64; BLOCK_WORDS];

/// Who writes a stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    /// One thread alone: what it loads is what it stored last.
    One,
    /// Any number of threads.
    Many,
}

/// All stripes, on pages that take up no memory before they are written.
#[derive(Debug)]
pub(super) struct Stripes {
    words: Box<[AtomicU64]>,
    /// The first word that is aligned to a block.
    first: usize,
}

/// The counts of one thread, or of those that share them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stripe<'a> {
    pub(super) counters: Counters<'a>,
    sets: &'a [Block; SETS],
    pub(super) writers: Writers,
}

impl Stripes {
    /// Stripes of zeroes. `None` if the system does not give the memory.
    pub(super) fn new() -> Option<Self> {
        // One block more than is used, so that the others can be aligned.
        let words = zeroed::words(((OWNED + SHARED) * STRIPE_BLOCKS + 1) * BLOCK_WORDS)?;
        let first = words.as_ptr().align_offset(BLOCK_WORDS * size_of::<u64>()) % BLOCK_WORDS;
        Some(Self { words, first })
    }

    /// The stripe that a thread of this number counts in. There always is one; but the compiler cannot know.
    #[inline]
    pub(super) fn of_thread(&self, number: usize) -> Option<Stripe<'_>> {
        if number < OWNED {
            self.stripe(number, Writers::One)
        } else {
            self.stripe(OWNED + number % SHARED, Writers::Many)
        }
    }

    /// Every stripe, to be read.
    pub(super) fn all(&self) -> impl Iterator<Item = Stripe<'_>> {
        (0..).map_while(|place| self.stripe(place, Writers::Many))
    }

    #[inline]
    fn stripe(&self, place: usize, writers: Writers) -> Option<Stripe<'_>> {
        let (blocks, _) = self.words.get(self.first + place * STRIPE_BLOCKS * BLOCK_WORDS..)?.as_chunks();
        let (counters, sets) = blocks.split_first()?;
        Some(Stripe { counters: Counters(counters), sets: sets.first_chunk()?, writers })
    }
}

impl<'a> Stripe<'a> {
    /// The set in which a key may stand: the same in every stripe.
    #[inline]
    pub(super) fn set(&self, fingerprint: u64) -> Set<'a> {
        // A fingerprint is a hash of 38 bits; any six of them will do.
        self.set_at((fingerprint >> 32) as usize % SETS)
    }

    #[inline]
    pub(super) fn set_at(&self, place: usize) -> Set<'a> {
        Set(&self.sets[place])
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    fn begin(stripe: Stripe<'_>) -> usize {
        std::ptr::from_ref(stripe.counters.0).addr()
    }

    #[test]
    fn stripes_of_8320_bytes_follow_each_other_on_pairs_of_cache_lines() {
        let stripes = Stripes::new().unwrap();
        let begins: Vec<_> = stripes.all().map(begin).collect();
        assert_eq!(begins.len(), 64 + 8);
        assert_eq!(begins[0] % 128, 0);
        assert!(begins.windows(2).all(|pair| pair[1] - pair[0] == 8_320));
        // What lies before the first is what had to be left free for that.
        assert!(begins[0] - stripes.words.as_ptr().addr() < 128);
        assert_eq!(size_of_val(&*stripes.words), 72 * 8_320 + 128);
    }

    #[test]
    fn the_first_64_threads_have_a_stripe_each_and_all_others_share_eight() {
        let stripes = Stripes::new().unwrap();
        let begins: Vec<_> = stripes.all().map(begin).collect();
        for number in (0..200).chain([usize::MAX - 1]) {
            let stripe = stripes.of_thread(number).unwrap();
            let (place, writers) =
                if number < 64 { (number, Writers::One) } else { (64 + number % 8, Writers::Many) };
            assert_eq!((begin(stripe), stripe.writers), (begins[place], writers), "{number}");
        }
    }

    #[test]
    fn the_top_six_bits_of_a_fingerprint_choose_one_of_64_sets() {
        let stripes = Stripes::new().unwrap();
        let stripe = stripes.of_thread(0).unwrap();
        for place in 0..64 {
            let set = std::ptr::from_ref(stripe.set_at(place).0).addr();
            assert_eq!(set, begin(stripe) + 128 * (place + 1), "beside the counters and each other");
            for rest in [0, 1, u64::from(u32::MAX)] {
                let of_key = stripe.set((place as u64) << 32 | rest);
                assert_eq!(std::ptr::from_ref(of_key.0).addr(), set, "{place} {rest}");
            }
        }
    }
}
