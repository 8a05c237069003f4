//! R1 and R3: the sliding window in segments.
//!
//! The segment of a unit is the one in which it was admitted; it counts until the whole segment is older than
//! the window. `total` is the sum over the n completed segments still counted and the current one.

use super::{Head, RING_WORDS, Record, Ring};
use crate::packed::{Counts, window_max};
use crate::plan::{Grid, SEGMENTS};
use crate::unit::Unit;
use std::ops::RangeInclusive;

/// The counted segments, oldest first, `current` last. Before the clock's first n segments there are fewer.
fn counted_segments(current: u64) -> RangeInclusive<u64> {
    current.saturating_sub(SEGMENTS)..=current
}

impl Head {
    /// Units counted in the window.
    #[inline]
    pub(super) fn window_total(&self, unit: Unit) -> u64 {
        self.totals.of(unit)
    }

    /// Whether `cost` more units fit under the ceiling (R1).
    #[inline]
    pub(super) fn window_has_room(&self, unit: Unit, ceiling: u64, cost: u64) -> bool {
        self.window_total(unit).saturating_add(cost) <= ceiling
    }
}

impl Ring {
    fn place(segment: u64) -> usize {
        (segment % SEGMENTS) as usize
    }

    /// Units of a completed segment that is counted.
    fn get(&self, unit: Unit, segment: u64) -> u64 {
        self.segments[Self::place(segment)].of(unit)
    }

    fn set(&mut self, unit: Unit, segment: u64, units: u64) {
        self.segments[Self::place(segment)].set(unit, units);
    }

    /// Units of the n completed segments before `current`: the one that leaves at the next turn first.
    #[inline]
    fn oldest_first(&self, unit: Unit, current: u64) -> impl Iterator<Item = u64> {
        let oldest = Self::place(current);
        // Before the clock's first n segments the places of those that never were hold nothing.
        (0..RING_WORDS).map(move |age| {
            let at = oldest + age;
            self.segments
                .get(if at < RING_WORDS { at } else { at - RING_WORDS })
                .map_or(0, |counts| counts.of(unit))
        })
    }

    /// Units of all completed segments that are counted.
    fn sum(&self, unit: Unit) -> u64 {
        self.segments.iter().map(|counts: &Counts| counts.of(unit)).sum()
    }

    fn clear(&mut self, unit: Unit) {
        (0..SEGMENTS).for_each(|segment| self.set(unit, segment, 0));
    }
}

impl Record {
    /// Requests and tokens counted in the windows.
    pub(crate) fn used_in_windows(&self) -> [u64; 2] {
        Unit::ALL.map(|unit| self.head.window_total(unit))
    }

    /// Units of the current segment: what the completed ones do not account for.
    fn current_segment(&self, unit: Unit) -> u64 {
        self.head.window_total(unit).saturating_sub(self.ring.sum(unit))
    }

    /// Units of a counted segment, of which `current` is the newest.
    fn segment_units(&self, unit: Unit, segment: u64, current: u64) -> u64 {
        if segment == current { self.current_segment(unit) } else { self.ring.get(unit, segment) }
    }

    fn set_total(&mut self, unit: Unit, units: u64) {
        self.head.totals.set(unit, units);
    }

    /// Makes `to` the current segment: those in between are empty, and those older than n segments leave.
    pub(super) fn turn_window(&mut self, unit: Unit, from: u64, to: u64) {
        if from == to {
            return;
        }
        let mut completed = self.current_segment(unit);
        // After n + 1 turns every segment is a new one.
        for segment in from..to.min(from + SEGMENTS + 1) {
            let expired = self.ring.get(unit, segment);
            self.set_total(unit, self.head.window_total(unit) - expired);
            self.ring.set(unit, segment, completed);
            completed = 0;
        }
    }

    /// Counts units in the current segment, as many as the counters can tell.
    pub(super) fn charge_window(&mut self, unit: Unit, units: u64) {
        let total = self.head.window_total(unit).saturating_add(units);
        if total <= window_max(unit) { self.set_total(unit, total) } else { self.saturate_window(unit) }
    }

    /// A window that counts all it can: everything in it is held as long as the newest unit, so that no
    /// part of what did not fit is missed when older segments leave.
    #[cold]
    fn saturate_window(&mut self, unit: Unit) {
        self.ring.clear(unit);
        self.set_total(unit, window_max(unit));
    }

    /// Takes units back that were charged in a segment of this grid, if it still counts (R7). A saturated
    /// segment gives nothing back, since it may hold more than it shows.
    pub(super) fn refund_window(&mut self, unit: Unit, charged_in: u64, current: u64, units: u64) {
        if charged_in > current || charged_in.saturating_add(SEGMENTS) < current {
            return;
        }
        let held = self.segment_units(unit, charged_in, current);
        if held == window_max(unit) {
            return;
        }
        let back = units.min(held);
        self.set_total(unit, self.head.window_total(unit) - back);
        if charged_in != current {
            self.ring.set(unit, charged_in, held - back);
        }
    }

    /// The first time at which `cost` more units fit under the ceiling, if nothing else is charged.
    ///
    /// `cost` is at most `ceiling`, so that an empty window has room.
    pub(super) fn window_has_room_at(&self, unit: Unit, grid: &Grid, ceiling: u64, cost: u64) -> u64 {
        let mut total = self.head.window_total(unit);
        let must_leave = total.saturating_add(cost).saturating_sub(ceiling);
        if must_leave == 0 {
            return self.head.now;
        }
        let enough = total - must_leave.min(total);
        let current = grid.segment(self.head.segment_time());
        for (age, units) in self.ring.oldest_first(unit, current).enumerate() {
            total -= units;
            if total <= enough {
                return grid.start(current + 1 + age as u64);
            }
        }
        grid.expiry(current)
    }

    /// The first time at which the window is empty, if nothing else is charged.
    pub(super) fn window_empty_at(&self, unit: Unit, grid: &Grid) -> u64 {
        let current = grid.segment(self.head.segment_time());
        counted_segments(current)
            .rev()
            .find(|segment| self.segment_units(unit, *segment, current) > 0)
            .map_or(self.head.now, |newest| grid.expiry(newest))
    }

    /// Moves what is counted onto the grid of another window (R9).
    ///
    /// A segment's units go where its last nanosecond, or the present if that is earlier, lies on the new
    /// grid: they count no shorter than the new window asks, and longer by less than an old and a new
    /// segment.
    pub(super) fn regrid_window(&mut self, unit: Unit, from: &Grid, to: &Grid) {
        if from == to {
            return;
        }
        let now = self.head.now;
        // The record stands in the segments of `now`, which its present time is.
        let (current, new_current) = (from.segment(now), to.segment(now));
        let mut by_age = [0; SEGMENTS as usize + 1];
        for segment in counted_segments(current) {
            let newest = (from.start(segment + 1) - 1).min(now);
            let age = new_current - to.segment(newest);
            if let Some(units) = by_age.get_mut(age as usize) {
                *units += self.segment_units(unit, segment, current);
            }
        }
        self.set_total(unit, by_age.iter().sum());
        self.ring.clear(unit);
        for segment in *counted_segments(new_current).start()..new_current {
            self.ring.set(unit, segment, by_age.get((new_current - segment) as usize).copied().unwrap_or(0));
        }
    }
}
