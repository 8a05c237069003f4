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
        Nanos::new((self.day + 1).saturating_mul(Nanos::DAY.get()))
    }
}
