//! R8: units of the UTC day.

use super::{Head, Recent};
use crate::nanos::Nanos;
use crate::packed::day_max;
use crate::unit::Unit;

/// The UTC day of a wall time. Later than the year 2149, the last day stands still.
pub(super) fn day_of(unix: Nanos) -> u64 {
    (unix.get() / Nanos::DAY.get()).min(Recent::MAX_DAY)
}

impl Head {
    /// Units counted in the current day.
    #[inline]
    pub(super) fn day_used(&self, unit: Unit) -> u64 {
        self.day_used[unit as usize]
    }

    /// Begins a new day, if the wall clock says so; a wall clock gone back changes nothing.
    #[inline]
    pub(super) fn turn_day(&mut self, unix: Nanos) {
        let day = day_of(unix);
        if day > self.day {
            (self.day, self.day_used) = (day, [0; 2]);
        }
    }

    /// Whether `cost` more units fit in the quota.
    #[inline]
    pub(super) fn day_has_room(&self, unit: Unit, quota: u64, cost: u64) -> bool {
        self.day_used(unit).saturating_add(cost) <= quota
    }

    #[inline]
    pub(super) fn charge_day(&mut self, unit: Unit, units: u64) {
        self.day_used[unit as usize] = self.day_used(unit).saturating_add(units).min(day_max(unit));
    }

    /// Takes units back that were charged on `charged_on`, if that day still runs (R7). A saturated count
    /// gives nothing back.
    pub(super) fn refund_day(&mut self, unit: Unit, charged_on: u64, units: u64) {
        let used = self.day_used(unit);
        if charged_on == self.day && used != day_max(unit) {
            self.day_used[unit as usize] = used.saturating_sub(units);
        }
    }

    /// The wall time at which the next day begins.
    pub(super) fn next_midnight(&self) -> Nanos {
        // Days of 16 bits: far below 2⁶⁴.
        Nanos::new((self.day + 1) * Nanos::DAY.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::plan::PlanId;

    fn used(unit: Unit, units: u64) -> Head {
        let mut head = Head::fresh(1, PlanId(0), Timestamp::both(Nanos::ZERO));
        head.charge_day(unit, units);
        head
    }

    #[test]
    fn a_day_counts_as_much_as_it_can_tell_and_gives_nothing_of_that_back() {
        for unit in Unit::ALL {
            let most = day_max(unit);
            for (units, more) in
                [(most - 1, 1), (most - 1, 2), (most, 1), (1, u64::MAX), (u64::MAX, u64::MAX)]
            {
                let mut head = used(unit, units);
                head.charge_day(unit, more);
                assert_eq!(head.day_used(unit), most, "{units} and {more}");
                head.refund_day(unit, 0, 5);
                assert_eq!(head.day_used(unit), most);
                assert!(!head.day_has_room(unit, most - 1, 0) && !head.day_has_room(unit, most, u64::MAX));
            }
        }
    }

    #[test]
    fn what_is_taken_back_is_of_the_same_day_and_no_more_than_was_used() {
        let left = |day, units| {
            let mut head = used(Unit::Tokens, 5);
            head.refund_day(Unit::Tokens, day, units);
            Unit::ALL.map(|unit| head.day_used(unit))
        };
        assert_eq!([left(0, 0), left(0, 4), left(0, 5), left(0, u64::MAX)], [[0, 5], [0, 1], [0, 0], [0, 0]]);
        assert_eq!(left(1, 4), [0, 5]);
    }
}
