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
        (0..RING_WORDS).filter_map(move |age| {
            let at = oldest + age;
            self.segments
                .get(if at < RING_WORDS { at } else { at - RING_WORDS })
                .map(|counts| counts.of(unit))
        })
    }

    /// Units of all completed segments that are counted.
    fn sum(&self, unit: Unit) -> u64 {
        self.segments.iter().map(|counts: &Counts| counts.of(unit)).sum()
    }

    fn clear(&mut self, unit: Unit) {
        self.segments.iter_mut().for_each(|counts| counts.set(unit, 0));
    }
}

impl Record {
    /// Requests and tokens counted in the windows.
    pub(crate) fn used_in_windows(&self) -> [u64; 2] {
        Unit::ALL.map(|unit| self.head.window_total(unit))
    }

    /// Units of the current segment: what the completed ones do not account for.
    fn current_segment(&self, unit: Unit) -> u64 {
        self.head.window_total(unit) - self.ring.sum(unit)
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
        if !counted_segments(current).contains(&charged_in) {
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

    /// Takes units back, those first that would leave first, as far as there are any. A saturated window gives nothing back.
    pub(super) fn give_back_oldest(&mut self, unit: Unit, current: u64, units: u64) {
        let mut left = units;
        for segment in counted_segments(current) {
            let back = left.min(self.segment_units(unit, segment, current));
            self.refund_window(unit, segment, current, back);
            left -= back;
        }
    }

    /// Counts nothing.
    pub(super) fn clear_window(&mut self, unit: Unit) {
        self.ring.clear(unit);
        self.set_total(unit, 0);
    }

    /// The first time at which `cost` more units fit under the ceiling, if nothing else is charged.
    ///
    /// `cost` is at most `ceiling`, so that an empty window has room.
    pub(super) fn window_has_room_at(&self, unit: Unit, grid: &Grid, ceiling: u64, cost: u64) -> u64 {
        let (mut total, enough) = (self.head.window_total(unit), ceiling - cost);
        if total <= enough {
            return self.head.now;
        }
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
            self.ring.set(
                unit,
                segment,
                by_age.get((new_current - segment) as usize).copied().unwrap_or_default(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::nanos::Nanos;
    use crate::plan::PlanId;

    const UNIT: Unit = Unit::Tokens;

    fn fresh() -> Record {
        Record::fresh(1, PlanId(0), Timestamp::both(Nanos::ZERO))
    }

    #[test]
    fn there_is_room_up_to_the_ceiling_whatever_is_asked_for() {
        let mut head = fresh().head;
        head.totals.set(UNIT, 4);
        let has_room = |cost| head.window_has_room(UNIT, 10, cost);
        assert_eq!([0, 6, 7, u64::MAX - 4, u64::MAX].map(has_room), [true, true, false, false, false]);
    }

    /// Segments 13 to 20 count, of which each shares its place with one that does not: 12 with 19, 21 with 14.
    #[test]
    fn units_are_taken_back_from_the_segment_they_stand_in_and_from_no_other() {
        let current = 20;
        let mut full = fresh();
        for segment in 13..=current {
            full.turn_window(UNIT, segment.max(14) - 1, segment);
            full.charge_window(UNIT, 100 + segment);
        }
        let held = |record: &Record| {
            [13, 14, 15, 16, 17, 18, 19, 20].map(|at| record.segment_units(UNIT, at, current))
        };
        assert_eq!(held(&full), [113, 114, 115, 116, 117, 118, 119, 120]);
        for (charged_in, units, taken) in [
            (20, 5, 5),
            (20, 200, 120),
            (19, 5, 5),
            (14, 5, 5),
            (13, 5, 5),
            (13, u64::MAX, 113),
            (12, 5, 0),
            (0, 5, 0),
            (21, 5, 0),
            (u64::MAX, 5, 0),
        ] {
            let mut record = full;
            record.refund_window(UNIT, charged_in, current, units);
            let expected = [13, 14, 15, 16, 17, 18, 19, 20]
                .map(|at| 100 + at - if at == charged_in { taken } else { 0 });
            assert_eq!(held(&record), expected, "{units} of {charged_in}");
            assert_eq!(record.head.window_total(UNIT), expected.iter().sum::<u64>());
        }
    }

    #[test]
    fn a_window_that_counts_all_it_can_gives_nothing_back_and_is_held_by_its_newest_unit() {
        let most = window_max(UNIT);
        for (first, second) in [(most, 1), (most - 1, 2), (1, u64::MAX)] {
            let mut record = fresh();
            record.charge_window(UNIT, first);
            record.turn_window(UNIT, 0, 3);
            record.charge_window(UNIT, second);
            for charged_in in [0, 3] {
                record.refund_window(UNIT, charged_in, 3, 1);
            }
            record.turn_window(UNIT, 3, 10);
            assert_eq!(record.head.window_total(UNIT), most);
            record.turn_window(UNIT, 10, 11);
            assert_eq!(record.head.window_total(UNIT), 0);
        }
        let mut just = fresh();
        just.charge_window(UNIT, 5);
        just.turn_window(UNIT, 0, 3);
        just.charge_window(UNIT, most - 5);
        just.turn_window(UNIT, 3, 8);
        assert_eq!(just.head.window_total(UNIT), most - 5, "all of it was counted");
        let mut counted = fresh();
        counted.charge_window(UNIT, most - 1);
        counted.refund_window(UNIT, 0, 0, 4);
        assert_eq!(counted.head.window_total(UNIT), most - 5);
    }
}
