//! The segments of a sliding window (R3): where each begins, and when what it holds stops counting.

use crate::nanos::Nanos;

/// n: a window of length W is kept in segments of length W/n, and n + 1 of them are counted.
///
/// Seven completed segments and the current one make a ring of eight, and 1/7 < 0.20 keeps R4 under the
/// default burst.
pub(crate) const SEGMENTS: u64 = 7;

/// Segment s of a window of W nanoseconds is the time [s·W/n, (s+1)·W/n), counted from the clock's zero.
///
/// The bounds are kept as exact fractions: where n does not divide W, segments differ by a nanosecond in
/// length and never drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    window: u64,
    /// ⌊2⁶⁴/W⌋, so that dividing by W is a multiplication and one correction.
    per_window: u64,
    /// ⌊n·2⁶⁴/W⌋, likewise for W/n. Fits because W ≥ 1 ms.
    per_segment: u64,
}

impl Grid {
    /// The grid of a window of at least 1 ms.
    pub(crate) const fn new(window: Nanos) -> Self {
        let window = window.get();
        let scaled = 1_u128 << 64;
        Self {
            window,
            per_window: (scaled / window as u128) as u64,
            per_segment: (scaled * SEGMENTS as u128 / window as u128) as u64,
        }
    }

    /// ⌊t·n/W⌋, the segment in which `time` lies. `time` is below 2⁶³.
    #[inline]
    pub(crate) fn segment(&self, time: u64) -> u64 {
        let (windows, rest) = self.split(time);
        windows * SEGMENTS + self.segment_within(rest)
    }

    /// Whole windows since the clock's zero, or one less, and nanoseconds since then: less than two windows.
    #[inline]
    fn split(&self, time: u64) -> (u64, u64) {
        // The reciprocal is rounded down by less than 1, and time < 2⁶³: the quotient is one short at most.
        let windows = high_product(time, self.per_window);
        (windows, time - windows * self.window)
    }

    /// The segment of a time within two windows, 0 to 2·n − 1.
    #[inline]
    fn segment_within(&self, rest: u64) -> u64 {
        let segment = high_product(rest, self.per_segment);
        // One short at most, as in `split`; (segment + 1)·W ≤ 14·W stays below 2⁵⁹.
        segment + u64::from((segment + 1) * self.window <= rest * SEGMENTS)
    }

    /// ⌈s·W/n⌉, the first nanosecond of a segment, saturating.
    pub(crate) fn start(&self, segment: u64) -> u64 {
        let (windows, within) = (segment / SEGMENTS, segment % SEGMENTS);
        windows.saturating_mul(self.window).saturating_add((within * self.window).div_ceil(SEGMENTS))
    }

    /// The first nanosecond at which units of `segment` no longer count: when the whole of it is older than
    /// W.
    pub(crate) fn expiry(&self, segment: u64) -> u64 {
        self.start(segment.saturating_add(SEGMENTS + 1))
    }
}

/// The upper half of a 64 × 64 bit product.
#[inline]
fn high_product(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Span;
    use quickcheck::quickcheck;

    quickcheck! {
        fn a_segment_is_the_exact_quotient(window: u64, time: u64) -> bool {
            let (min, max) = (Span::MIN_WINDOW.get(), Span::MAX_WINDOW.get());
            let grid = Grid::new(Nanos::new(min + window % (max - min + 1)));
            let time = time >> 1;
            let exact = u128::from(time) * u128::from(SEGMENTS) / u128::from(grid.window);
            let near = grid.start(exact as u64);
            u128::from(grid.segment(time)) == exact
                && grid.segment(near) == exact as u64
                && (near == 0 || grid.segment(near - 1) == exact as u64 - 1)
        }
    }

    #[test]
    fn the_shortest_and_longest_windows_divide_exactly_at_their_bounds() {
        for window in [Span::MIN_WINDOW, Nanos::new(1_000_003), Nanos::MINUTE, Span::MAX_WINDOW] {
            let grid = Grid::new(window);
            for segment in [0, 1, 6, 7, 8, 1_000, grid.segment(u64::MAX >> 1)] {
                let start = grid.start(segment);
                assert_eq!(grid.segment(start), segment);
                assert!(start == 0 || grid.segment(start - 1) == segment - 1);
            }
        }
    }

    #[test]
    fn a_segment_counts_until_the_whole_of_it_is_older_than_the_window() {
        let grid = Grid::new(Nanos::new(7_000_000));
        assert_eq!(grid.expiry(0), 8_000_000);
        assert_eq!(grid.expiry(3), 11_000_000);
    }

    #[test]
    fn a_segment_beyond_all_times_begins_at_the_last() {
        let grid = Grid::new(Nanos::MINUTE);
        assert_eq!([grid.start(u64::MAX), grid.expiry(u64::MAX)], [u64::MAX; 2]);
    }
}
