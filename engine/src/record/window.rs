//! R1 and R3: the sliding window in segments.
//!
//! The segment of a unit is the one in which it was admitted; it counts until the whole segment is older than
//! the window. `total` is the sum over the n completed segments still counted and the current one.

use super::packed::window_max;
use super::{RING, Record, TOTALS};
use crate::plan::{Grid, SEGMENTS};
use crate::unit::Unit;

/// The word that holds a completed segment.
fn place(segment: u64) -> usize {
    RING + (segment % SEGMENTS) as usize
}

impl Record {
    /// Units counted in the window.
    #[inline]
    pub(super) fn window_total(&self, unit: Unit) -> u64 {
        self.get(TOTALS, unit)
    }

    /// Whether `cost` more units fit under the ceiling (R1).
    #[inline]
    pub(super) fn window_has_room(&self, unit: Unit, ceiling: u64, cost: u64) -> bool {
        self.window_total(unit).saturating_add(cost) <= ceiling
    }

    /// Units of the current segment: what the completed ones do not account for.
    fn current_segment(&self, unit: Unit) -> u64 {
        let completed: u64 = (0..SEGMENTS).map(|segment| self.get(place(segment), unit)).sum();
        self.window_total(unit) - completed
    }

    /// Units of one of the n + 1 counted segments, of which `current` is the newest.
    fn segment_units(&self, unit: Unit, segment: u64, current: u64) -> u64 {
        if segment == current { self.current_segment(unit) } else { self.get(place(segment), unit) }
    }

    /// The counted segments, oldest first, `current` last.
    fn counted_segments(current: u64) -> impl DoubleEndedIterator<Item = u64> {
        current.saturating_sub(SEGMENTS)..=current
    }

    /// Makes `to` the current segment: those in between are empty, and those older than n segments leave.
    #[inline]
    pub(super) fn turn_window(&mut self, unit: Unit, from: u64, to: u64) {
        if from != to {
            self.turn_segments(unit, from, to);
        }
    }

    fn turn_segments(&mut self, unit: Unit, from: u64, to: u64) {
        let mut completed = self.current_segment(unit);
        // After n + 1 turns every segment is a new one.
        for segment in from..to.min(from + SEGMENTS + 1) {
            let expired = self.get(place(segment), unit);
            self.set(TOTALS, unit, self.window_total(unit) - expired);
            self.set(place(segment), unit, completed);
            completed = 0;
        }
    }

    /// Counts units in the current segment.
    #[inline]
    pub(super) fn charge_window(&mut self, unit: Unit, units: u64) {
        let total = self.window_total(unit).saturating_add(units);
        if total <= window_max(unit) {
            self.set(TOTALS, unit, total);
        } else {
            self.saturate_window(unit);
        }
    }

    /// A window that counts all it can: everything in it is held as long as the newest unit, so that no part of
    /// what did not fit is missed when older segments leave.
    #[cold]
    fn saturate_window(&mut self, unit: Unit) {
        self.clear_completed(unit);
        self.set(TOTALS, unit, window_max(unit));
    }

    fn clear_completed(&mut self, unit: Unit) {
        for segment in 0..SEGMENTS {
            self.set(place(segment), unit, 0);
        }
    }

    /// Takes units back that were charged in `charged_in`, if that segment still counts (R7).
    ///
    /// After a change to a window of another length, units may stand in a later segment than the one they
    /// were charged in (R9): what their segment lacks is taken from the next. A saturated segment gives
    /// nothing back, since it may hold more than it shows.
    pub(super) fn refund_window(&mut self, unit: Unit, charged_in: u64, current: u64, mut units: u64) {
        for segment in Self::counted_segments(current).filter(|segment| *segment >= charged_in) {
            let held = self.segment_units(unit, segment, current);
            if charged_in + SEGMENTS < current || held == window_max(unit) {
                return;
            }
            let back = units.min(held);
            self.set(TOTALS, unit, self.window_total(unit) - back);
            if segment != current {
                self.set(place(segment), unit, held - back);
            }
            units -= back;
        }
    }

    /// The first time at which `cost` more units fit under the ceiling, if nothing else is charged.
    ///
    /// `cost` is at most `ceiling`, so that an empty window has room.
    pub(super) fn window_has_room_at(&self, unit: Unit, grid: &Grid, ceiling: u64, cost: u64) -> u64 {
        let current = grid.segment(self.time());
        let mut total = self.window_total(unit);
        let mut room_at = self.time();
        for segment in Self::counted_segments(current) {
            if total.saturating_add(cost) <= ceiling {
                break;
            }
            total -= self.segment_units(unit, segment, current);
            room_at = grid.expiry(segment);
        }
        room_at
    }

    /// The first time at which the window is empty, if nothing else is charged.
    pub(super) fn window_empty_at(&self, unit: Unit, grid: &Grid) -> u64 {
        let current = grid.segment(self.time());
        Self::counted_segments(current)
            .rev()
            .find(|segment| self.segment_units(unit, *segment, current) > 0)
            .map_or(self.time(), |newest| grid.expiry(newest))
    }

    /// Moves what is counted onto the grid of another window (R9).
    ///
    /// A segment's units go where its last nanosecond, or the present if that is earlier, lies on the new
    /// grid: they count no shorter than the new window asks, and longer by less than an old and a new segment.
    pub(super) fn regrid_window(&mut self, unit: Unit, from: &Grid, to: &Grid) {
        if from == to {
            return;
        }
        let (current, new_current) = (from.segment(self.time()), to.segment(self.time()));
        let mut moved = [0; SEGMENTS as usize + 1];
        for segment in Self::counted_segments(current) {
            let newest = (from.start(segment + 1) - 1).min(self.time());
            let age = new_current - to.segment(newest);
            if let Some(units) = moved.get_mut(age as usize) {
                *units += self.segment_units(unit, segment, current);
            }
        }
        self.set(TOTALS, unit, moved.iter().sum());
        self.clear_completed(unit);
        for segment in Self::counted_segments(new_current).filter(|segment| *segment != new_current) {
            self.set(place(segment), unit, moved[(new_current - segment) as usize]);
        }
    }
}
