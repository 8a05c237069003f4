//! The keys that are denied most, in fixed memory: Space-Saving (Metwally, Agrawal and El Abbadi, "Efficient
//! Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005), in sets of five cells.
//!
//! A key's fingerprint says in which set it may stand. A cell has a key, a **count** and an **error**: the key was denied at
//! most `count` times, and at least `count − error`. A key that stands in its set counts one more. One that does not
//! takes over the cell with the lowest count m: it was denied at most m times before, or it would stand there; so its
//! count is m + 1 and its error m.
//!
//! **Bounds.** The counts of a set add up to its denials N, so the lowest is at most N/5: no error is larger than that, and a
//! key with more than a fifth of its set's denials is never missing. With 64 sets, and no other key with a great share of them, N is a
//! 64th of a thread's denials.
//!
//! **Fading.** Counts since a limiter was made say little of today. Each set keeps how often it has been halved
//! and catches up when it is next written or read; counts are rounded up and lower bounds down, so that both go on holding
//! for the sum of denials, each halved as often as was asked since.
//!
//! **Reader and writer.** A set's state word is a version, odd while cells change hands, with the number of fades. A stripe
//! with one writer is changed by plain stores. Where there are many, whoever swaps the version from even to odd is the
//! one; who finds it odd, or loses, does not wait: the denial is counted as unlisted. A reader takes what it read between two looks
//! at the same even version. Words are loaded with Acquire and stored with Release, as those of records are (`docs/orderings.md`):
//! a reader that meets a word of a later version has then also seen the state leave the version it believes in.
//!
//! ```text
//! words 0–4    keys; 0 for none
//! words 5–9    counts
//! words 10–14  errors
//! word 15      fades 32 bits | version 32 bits
//! ```

use super::KeyFingerprint;
use super::stripes::{Block, Writers};
use crate::sync::{AtomicU64, Ordering};
use std::hint;

/// Cells of a set: as many as two cache lines hold.
pub(super) const CELLS: usize = 5;
const COUNTS: usize = CELLS;
const ERRORS: usize = 2 * CELLS;
const STATE: usize = 3 * CELLS;

/// Looks at a set that changes before it is left out of an answer. A change takes some ten nanoseconds, a look
/// twenty: two in a row that fail are rare enough.
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
const LOOKS: usize = 100;
/// A model's reader gives up sooner, so that loom need not follow it for long.
#[cfg(any(tidegate_loom, tidegate_shuttle))]
const LOOKS: usize = 2;

/// Five keys and how often they were denied, as atomic words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set<'a>(pub(super) &'a Block);

/// The state word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State(u64);

impl State {
    fn fades(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn is_changing(self) -> bool {
        self.0 & 1 != 0
    }

    /// The state while cells change hands.
    fn changing(self) -> Self {
        Self(self.0 | 1)
    }

    /// The state after a change: the next even version. The version wraps.
    fn changed(self, fades: u32) -> Self {
        let version = (self.0 as u32 | 1).wrapping_add(1);
        Self(u64::from(fades) << 32 | u64::from(version))
    }
}

/// The words of a set as plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cells {
    keys: [u64; CELLS],
    counts: [u64; CELLS],
    errors: [u64; CELLS],
}

impl Cells {
    /// Halves everything so many times: upper bounds are rounded up, lower bounds down.
    fn fade(&mut self, times: u32) {
        for cell in 0..CELLS {
            let (count, error) = (self.counts[cell], self.errors[cell]);
            let sure = count.saturating_sub(error).checked_shr(times).unwrap_or(0);
            // ⌈count/2ᵗ⌉.
            self.counts[cell] = if count == 0 { 0 } else { (count - 1).checked_shr(times).unwrap_or(0) + 1 };
            self.errors[cell] = self.counts[cell] - sure;
        }
    }

    /// How often a key was denied: at least, and at most.
    pub(super) fn bounds(&self, key: u64) -> (u64, u64) {
        match self.keys.iter().position(|known| *known == key) {
            Some(cell) => (self.counts[cell].saturating_sub(self.errors[cell]), self.counts[cell]),
            None => (0, lowest(self.counts).1),
        }
    }
}

/// The cell with the lowest count, the first of several, and that count: no key that is missing was denied more often.
#[inline]
fn lowest(counts: [u64; CELLS]) -> (usize, u64) {
    let mut lowest = (0, counts[0]);
    for (cell, count) in counts.into_iter().enumerate() {
        if count < lowest.1 {
            lowest = (cell, count);
        }
    }
    lowest
}

impl Set<'_> {
    /// Counts a denial of a key. `false` if another thread is changing the set.
    #[inline]
    pub(super) fn count(self, key: u64, fades: u32, writers: Writers) -> bool {
        match writers {
            Writers::One => {
                // Ordering: Relaxed; this thread's own store.
                let state = State(self.word(STATE).load(Ordering::Relaxed));
                if state.fades() != fades {
                    self.change(state, key, fades);
                    return true;
                }
                match self.place_of(key) {
                    Some(cell) => self.count_again(cell),
                    None => {
                        self.begin(state);
                        self.take_over(key);
                        self.end(state, fades);
                    }
                }
                true
            }
            Writers::Many => self.count_among_many(key, fades),
        }
    }

    fn count_among_many(self, key: u64, fades: u32) -> bool {
        // Ordering: Relaxed; the swap compares it again.
        let state = State(self.word(STATE).load(Ordering::Relaxed));
        if state.is_changing() {
            return false;
        }
        // Ordering: Acquire, partner the Release store of the state in `change`: what the last change stored is loaded
        // here. Relaxed on failure: nothing is read then.
        let claimed = self.word(STATE).compare_exchange(
            state.0,
            state.changing().0,
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        if claimed.is_ok() {
            self.change(state, key, fades);
        }
        claimed.is_ok()
    }

    #[inline]
    fn place_of(self, key: u64) -> Option<usize> {
        // Ordering: Relaxed; none but this thread stores these words now.
        (0..CELLS).find(|cell| self.word(*cell).load(Ordering::Relaxed) == key)
    }

    #[inline]
    fn count_again(self, cell: usize) {
        let count = self.word(COUNTS + cell);
        // Ordering: Relaxed load as in `place_of`; Release, partner `read`, see the module.
        count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Counts a key, halves before what is to be halved, in a set that none but this thread changes now.
    #[cold]
    fn change(self, before: State, key: u64, fades: u32) {
        self.begin(before);
        let fades = self.catch_up(before.fades(), fades);
        match self.place_of(key) {
            Some(cell) => self.count_again(cell),
            None => self.take_over(key),
        }
        self.end(before, fades);
    }

    #[inline]
    fn begin(self, before: State) {
        // Ordering: Relaxed; the Release stores of the words that follow keep it before them.
        self.word(STATE).store(before.changing().0, Ordering::Relaxed);
    }

    #[inline]
    fn end(self, before: State, fades: u32) {
        // Ordering: Release, partners `count_among_many` and `read`: who sees this version sees its words.
        self.word(STATE).store(before.changed(fades).0, Ordering::Release);
    }

    /// Halves what was not halved yet; gives how often it is now.
    fn catch_up(self, done: u32, asked: u32) -> u32 {
        let missing = missing_fades(done, asked);
        if missing == 0 {
            return done;
        }
        let mut cells = self.load();
        cells.fade(missing);
        for cell in 0..CELLS {
            // Ordering: Release, partner `read`; see the module.
            self.word(COUNTS + cell).store(cells.counts[cell], Ordering::Release);
            self.word(ERRORS + cell).store(cells.errors[cell], Ordering::Release);
        }
        asked
    }

    #[inline]
    fn take_over(self, key: u64) {
        // Ordering: Relaxed, as in `place_of`.
        let (cell, lowest) =
            lowest(std::array::from_fn(|cell| self.word(COUNTS + cell).load(Ordering::Relaxed)));
        for (word, value) in [(cell, key), (COUNTS + cell, lowest.wrapping_add(1)), (ERRORS + cell, lowest)] {
            // Ordering: Release, partner `read`; see the module.
            self.word(word).store(value, Ordering::Release);
        }
    }

    fn load(self) -> Cells {
        // Ordering: Acquire, partner every store above; see the module.
        let words = |first| std::array::from_fn(|cell| self.word(first + cell).load(Ordering::Acquire));
        Cells { keys: words(0), counts: words(COUNTS), errors: words(ERRORS) }
    }

    /// The cells at one moment, halved as often as is asked. `None` if the set changed at every look.
    pub(super) fn read(self, fades: u32) -> Option<Cells> {
        for _ in 0..LOOKS {
            // Ordering: Acquire, partner the Release store in `change`.
            let before = State(self.word(STATE).load(Ordering::Acquire));
            let mut cells = self.load();
            // Ordering: Relaxed; the Acquire loads before it keep it behind them.
            let after = State(self.word(STATE).load(Ordering::Relaxed));
            if before == after && !before.is_changing() {
                cells.fade(missing_fades(before.fades(), fades));
                return Some(cells);
            }
            hint::spin_loop();
        }
        None
    }

    #[inline]
    fn word(&self, place: usize) -> &AtomicU64 {
        &self.0[place]
    }
}

/// How often a set must still be halved. None, where another thread has heard of a later fade than this one.
fn missing_fades(done: u32, asked: u32) -> u32 {
    let missing = asked.wrapping_sub(done);
    if missing > u32::MAX / 2 { 0 } else { missing }
}

/// A key that was denied, and how often.
///
/// Ordered by that: first by what is sure, then by what is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeniedKey {
    /// It was denied at least so often.
    pub at_least: u64,
    /// And at most so often.
    pub at_most: u64,
    /// Which key; compare [`Limiter::fingerprint_of`](crate::Limiter::fingerprint_of).
    pub key: KeyFingerprint,
}

/// The keys of the sets that stand at the same place in each stripe. A key that a stripe does not know was
/// denied there as often at most as the one that was denied least.
pub(super) fn merged<'a>(same: impl Iterator<Item = Set<'a>>, fades: u32) -> Vec<DeniedKey> {
    let sets: Vec<Cells> = same.filter_map(|set| set.read(fades)).collect();
    let mut keys: Vec<u64> = sets.iter().flat_map(|cells| cells.keys).collect();
    keys.sort_unstable();
    keys.dedup();
    let bounds = |key| {
        let each = sets.iter().map(|cells| cells.bounds(key));
        each.fold((0_u64, 0_u64), |sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)))
    };
    // A cell without a key has no denials either: what it says is dropped with what is not sure.
    keys.into_iter()
        .map(|key| (KeyFingerprint(key), bounds(key)))
        .filter(|(_, (at_least, _))| *at_least > 0)
        .map(|(key, (at_least, at_most))| DeniedKey { at_least, at_most, key })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fades_are_missing_up_to_half_the_round_and_not_beyond() {
        assert_eq!([missing_fades(3, 3), missing_fades(3, 5), missing_fades(5, 3)], [0, 2, 0]);
        let half = u32::MAX / 2;
        assert_eq!([missing_fades(7, 7 + half), missing_fades(7, 8 + half)], [half, 0]);
        assert_eq!(missing_fades(u32::MAX, 1), 2);
    }

    #[test]
    fn counts_are_rounded_up_and_what_is_sure_of_them_down() {
        let cells = |fades, count, error| {
            let mut cells = Cells { keys: [1; CELLS], counts: [count; CELLS], errors: [error; CELLS] };
            cells.fade(fades);
            cells.bounds(1)
        };
        assert_eq!(
            [cells(0, 7, 2), cells(1, 7, 2), cells(2, 7, 2), cells(3, 7, 2)],
            [(5, 7), (2, 4), (1, 2), (0, 1)]
        );
        assert_eq!([cells(1, 0, 0), cells(64, 7, 0), cells(32, 1 << 32, 0)], [(0, 0), (0, 1), (1, 1)]);
        assert_eq!([cells(1, 1, 0), cells(1, u64::MAX, 0)], [(0, 1), (u64::MAX >> 1, 1 << 63)]);
    }

    #[test]
    fn every_cell_is_halved() {
        let counts = [2, 4, 6, 8, 10];
        let mut cells = Cells { keys: [1, 2, 3, 4, 5], counts, errors: counts.map(|count| count / 2) };
        cells.fade(1);
        assert_eq!([1, 2, 3, 4, 5].map(|key| cells.bounds(key)), [(0, 1), (1, 2), (1, 3), (2, 4), (2, 5)]);
        assert_eq!(cells.bounds(6), (0, 1), "who is missing may have been denied as often as any");
    }

    /// No order of what threads do leaves such a cell; but a list is not the place to panic.
    #[test]
    fn an_error_beyond_its_count_makes_nothing_sure() {
        let mut cells = Cells { keys: [1; CELLS], counts: [3; CELLS], errors: [7; CELLS] };
        assert_eq!(cells.bounds(1), (0, 3));
        cells.fade(1);
        assert_eq!(cells.bounds(1), (0, 2));
    }

    #[test]
    fn the_lowest_is_found_in_every_cell_and_the_first_of_equals() {
        for cell in 0..CELLS {
            let mut counts = [9, 8, 7, 8, 9];
            counts[cell] = 3;
            assert_eq!(lowest(counts), (cell, 3));
        }
        assert_eq!([lowest([2, 1, 5, 1, 1]), lowest([4; CELLS])], [(1, 1), (0, 4)]);
    }

    #[test]
    fn a_state_is_even_unless_its_cells_change_hands() {
        let state = State(5 << 32 | 8);
        assert_eq!((state.fades(), state.is_changing(), state.changing().is_changing()), (5, false, true));
        assert_eq!(state.changing().changing(), state.changing());
        assert_eq!([state.changed(6), state.changing().changed(6)], [State(6 << 32 | 10); 2]);
        assert_eq!(State(u64::from(u32::MAX)).changed(1), State(1 << 32), "the version wraps");
    }
}
