//! A wheel of wheels: the events that do not come soon, sorted as far as is needed to tell who comes first.
//!
//! A time is thirteen digits of five bits. An event lies in the slot of the first digit in which its time differs from the
//! time reached so far, which puts it a level higher for each digit more that lies between. When a slot is the next
//! one, its events are either few and handed over, or dealt out to slots of the levels below. So an event is moved
//! three or four times in its life, whatever the number of others, each time from one end of a list to the end of
//! another: the few hundred ends stay in the cache, and no step waits for memory, as each step down a heap of a million does.

use super::Packed;
use super::chunks::{Chunks, List};

/// Bits of a digit. Six are as fast at most sizes, and a third slower where slots hold just more than a few: they are then dealt
/// out to more slots than they hold events.
const BITS: u32 = 5;
const DIGITS: usize = 1 << BITS;
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;
/// A slot of so many events at most is handed over as it is. Twice as many make no difference.
const FEW: usize = 64;

/// Events later than a time, in lists by the digits of their times.
#[derive(Debug)]
pub(super) struct Wheel {
    /// All times up to this one have been handed over.
    reached: u64,
    /// By level, and digit within it.
    slots: Vec<List>,
    /// Of each level, which slots hold any.
    occupied: [u64; LEVELS],
    chunks: Chunks,
    len: usize,
}

impl Wheel {
    /// Holds nothing; takes events later than this.
    pub(super) fn new(reached: u64) -> Self {
        Self {
            reached,
            slots: vec![List::default(); LEVELS * DIGITS],
            occupied: [0; LEVELS],
            chunks: Chunks::default(),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes an event later than the time reached.
    #[inline]
    pub(super) fn push(&mut self, event: Packed) {
        debug_assert!(event.time() > self.reached);
        self.len += 1;
        self.put(event);
    }

    /// Lets the time reached be an earlier one.
    ///
    /// Who differed from the later one in its last digits alone differs from the earlier one in the first digit in which these
    /// two differ. Events only rise in level by this, so all steps back together move each event at most
    /// as often as there are levels, before one is handed over.
    pub(super) fn step_back(&mut self, reached: u64) {
        debug_assert!(reached <= self.reached);
        let level = level_of(reached, self.reached);
        self.reached = reached;
        for below in 0..level {
            while self.occupied[below] != 0 {
                let digit = self.occupied[below].trailing_zeros() as usize;
                self.occupied[below] &= !(1 << digit);
                let list = std::mem::take(&mut self.slots[slot(below, digit)]);
                self.deal_out(list);
            }
        }
    }

    /// Hands over the events of the next times, some dozens if there are; gives the time up to which all are handed
    /// over.
    #[inline(never)]
    pub(super) fn hand_over(&mut self, mut take: impl FnMut(Packed)) -> u64 {
        let mut taken = 0;
        while let Some((level, digit)) = self.first_slot() {
            let few = level == 0 || self.slots[slot(level, digit)].len() <= FEW;
            if !few && taken > 0 {
                break;
            }
            taken += self.open(level, digit, few, &mut take);
            if taken >= FEW / 2 {
                break;
            }
        }
        self.reached
    }

    /// The slot of the next events: the lowest digit of the lowest level, as those of higher levels lie beyond all of it.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// Empties a slot, and moves the time there: its events are taken, or dealt out.
    fn open(&mut self, level: usize, digit: usize, take_them: bool, take: &mut impl FnMut(Packed)) -> usize {
        self.occupied[level] &= !(1 << digit);
        let list = std::mem::take(&mut self.slots[slot(level, digit)]);
        let (first, last) = self.times(level, digit);
        if !take_them {
            // All of them lie on lower levels from here. Nobody adds any before some are taken.
            self.reached = first;
            self.deal_out(list);
            return 0;
        }
        self.reached = last;
        self.len -= list.len();
        self.take_all(list, take);
        list.len()
    }

    fn take_all(&mut self, mut list: List, take: &mut impl FnMut(Packed)) {
        while list.len() > 0 {
            self.chunks.last(list).iter().for_each(|event| take(*event));
            list = self.chunks.drop_last(list);
        }
    }

    /// Puts the events of a list where they belong now.
    fn deal_out(&mut self, mut list: List) {
        while list.len() > 0 {
            for place in 0..self.chunks.last(list).len() {
                self.put(self.chunks.last(list)[place]);
            }
            list = self.chunks.drop_last(list);
        }
    }

    /// The first and the last time of a slot.
    fn times(&self, level: usize, digit: usize) -> (u64, u64) {
        let shift = level as u32 * BITS;
        let below = (1_u64 << shift) - 1;
        // Nothing stands above the last level.
        let above = self.reached.checked_shr(shift + BITS).map_or(0, |digits| digits << (shift + BITS));
        let first = above | (digit as u64) << shift;
        (first, first | below)
    }

    #[inline]
    fn put(&mut self, event: Packed) {
        let time = event.time();
        let level = level_of(time, self.reached);
        let digit = (time >> (level as u32 * BITS)) as usize % DIGITS;
        self.occupied[level] |= 1 << digit;
        self.chunks.push(&mut self.slots[slot(level, digit)], event);
    }
}

/// The first digit in which two times differ; the last one, if they do not: while a slot is dealt out, its first time is the
/// one reached.
#[inline]
fn level_of(time: u64, other: u64) -> usize {
    ((time ^ other | 1).ilog2() / BITS) as usize
}

#[inline]
fn slot(level: usize, digit: usize) -> usize {
    level * DIGITS + digit
}
