//! The window: segments as whole numbers, found by multiplying and never by rounding.

use super::check;
use super::draw::{below, number, plan, times, unit};
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::packed::window_max;
use crate::plan::{CompiledPlan, Grid, PlanId};
use crate::record::{MAX_TIME, Record};
use crate::unit::Unit;
use quickcheck::{Arbitrary, Gen};
use std::collections::BTreeMap;

/// Units by the number of their segment.
type Segments = BTreeMap<u128, u64>;

/// A record with units in some of the segments that count at a time.
#[derive(Clone, Debug)]
struct Case {
    unit: Unit,
    window: u64,
    other: u64,
    ceiling: u64,
    record: Record,
    segments: Segments,
    /// A time after that of the record.
    later: u64,
    cost: u64,
}

fn segment(time: u64, window: u64) -> u128 {
    u128::from(time) * 7 / u128::from(window)
}

/// The first nanosecond at which a segment counts no more.
fn expiry(segment: u128, window: u64) -> u128 {
    ((segment + 8) * u128::from(window)).div_ceil(7)
}

fn length(plan: &CompiledPlan, unit: Unit) -> u64 {
    plan.unit(unit).window.unwrap().window.get()
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        let unit = unit(g);
        let (this, other) = (plan(g, unit), plan(g, unit));
        let (window, ceiling) = (length(&this, unit), this.unit(unit).window.unwrap().ceiling);
        let (now, later) = times(g, window / 7);
        let later = later.max(now);
        let mut record = Record::fresh(1, PlanId(0), Timestamp::both(Nanos::new(now)));
        let current = segment(now, window);
        let mut segments = Segments::new();
        // Eight of these may be twice the ceiling, and no more than can be counted.
        let most = (ceiling / 4).min(window_max(unit) / 8);
        for age in 0..=7 {
            let units = if below(g, 3) == 0 { 0 } else { number(g, 0, most) };
            if units > 0 && current >= age {
                segments.insert(current - age, units);
                if age > 0 {
                    record.ring.segments[((current - age) % 7) as usize].set(unit, units);
                }
            }
        }
        record.head.totals.set(unit, segments.values().sum());
        let cost = number(g, 0, ceiling);
        Self { unit, window, other: length(&other, unit), ceiling, record, segments, later, cost }
    }
}

fn grid(window: u64) -> Grid {
    Grid::new(Nanos::new(window))
}

/// The segments that a record holds, by its own account.
fn held(record: &Record, unit: Unit, current: u64) -> Segments {
    let ring = |segment: u64| record.ring.segments[(segment % 7) as usize].of(unit);
    let completed: u64 = record.ring.segments.iter().map(|counts| counts.of(unit)).sum();
    let newest = record.head.totals.of(unit) - completed;
    let units = |segment| (u128::from(segment), if segment == current { newest } else { ring(segment) });
    (current.saturating_sub(7)..=current).map(units).filter(|(_, units)| *units > 0).collect()
}

#[test]
fn the_time_at_which_there_is_room_is_the_first() {
    fn holds(case: Case) -> bool {
        let now = u128::from(case.record.head.now);
        let has_room = |time: u128| {
            let left = case.segments.iter().filter(|(at, _)| time < expiry(**at, case.window));
            left.map(|(_, units)| units).sum::<u64>() + case.cost <= case.ceiling
        };
        let times = case.segments.keys().map(|at| expiry(*at, case.window));
        let first = std::iter::once(now).chain(times).find(|time| has_room(*time)).unwrap();
        let found = case.record.window_has_room_at(case.unit, &grid(case.window), case.ceiling, case.cost);
        u128::from(found) == first
    }
    check(holds);
}

#[test]
fn the_time_at_which_it_is_empty_is_when_the_newest_leaves() {
    fn holds(case: Case) -> bool {
        let newest = case.segments.last_key_value().map(|(at, _)| expiry(*at, case.window));
        let found = case.record.window_empty_at(case.unit, &grid(case.window));
        u128::from(found) == newest.unwrap_or(case.record.head.now.into())
    }
    check(holds);
}

#[test]
fn time_takes_away_what_is_older_than_the_window_and_nothing_else() {
    fn holds(case: Case) -> bool {
        let Case { unit, window, mut record, mut segments, later, .. } = case;
        let (from, to) = (grid(window).segment(record.head.now), grid(window).segment(later));
        record.turn_window(unit, from, to);
        segments.retain(|at, _| u128::from(later) < expiry(*at, window));
        segments.values().sum::<u64>() == record.head.totals.of(unit) && held(&record, unit, to) == segments
    }
    check(holds);
}

/// R9. Units count on the new grid until they are as old as the new window, and no segment's end is told that has not been.
#[test]
fn on_another_grid_units_stand_where_their_segment_ended() {
    fn holds(case: Case) -> bool {
        let Case { unit, window, other, mut record, segments, .. } = case;
        let now = record.head.now;
        record.regrid_window(unit, &grid(window), &grid(other));
        if window == other {
            return held(&record, unit, grid(window).segment(now)) == segments;
        }
        let mut expected = Segments::new();
        for (at, units) in segments {
            let last = ((at + 1) * u128::from(window)).div_ceil(7) - 1;
            let moved = segment(u64::try_from(last).unwrap_or(u64::MAX).min(now), other);
            if u128::from(now) < expiry(moved, other) {
                *expected.entry(moved).or_default() += units;
            }
        }
        held(&record, unit, grid(other).segment(now)) == expected
    }
    check(holds);
}

/// The ends of a segment, at every distance of the clock's zero that a decision may meet: all segments of short windows, those
/// about powers of two and about the clock's end of long ones.
#[test]
fn a_segment_begins_at_its_first_nanosecond_and_not_before() {
    let windows =
        [1_000_000, 1_000_001, 1_000_003, 1_000_006, 7_777_777, 60_000_000_000, 34_560_000_000_000_000];
    for window in windows {
        let grid = grid(window);
        let last = grid.segment(MAX_TIME);
        let near_powers = (0..63).flat_map(|power| {
            let at = grid.segment(1 << power);
            at.saturating_sub(2)..=at + 2
        });
        for number in (0..20_000).chain(near_powers).chain(last - 2..=last).filter(|number| *number <= last) {
            let start = (u128::from(number) * u128::from(window)).div_ceil(7);
            assert_eq!(u128::from(grid.start(number)), start, "{number} of {window} ns");
            assert_eq!(u128::from(grid.expiry(number)), expiry(number.into(), window));
            let start = start as u64;
            assert_eq!(grid.segment(start), number);
            assert!(start == 0 || grid.segment(start - 1) == number - 1, "{number} of {window} ns");
        }
    }
}
