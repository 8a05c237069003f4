//! R10s as a beginner would write it down: the places in the line of one key at one limit.

use tidegate::{Limit, Nanos, Span};

/// The last place given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    last: u128,
}

impl Line {
    /// One whose last place is at this time.
    pub fn at(last: Nanos) -> Self {
        Self { last: last.get().into() }
    }

    /// How far beyond the exact time a place is at most.
    pub fn horizon(limit: &Limit, units: u64) -> u128 {
        let Span::Window(window) = limit.span() else { return 0 };
        u128::from(window.max(Nanos::MINUTE).get()) + Self::interval(limit, units, window)
    }

    fn interval(limit: &Limit, units: u64, window: Nanos) -> u128 {
        (u128::from(units.max(1)) * u128::from(window.get())).div_ceil(limit.amount().into())
    }

    /// The place of a call of so many units that the limit denies at `now` until `exact`: how long to wait.
    ///
    /// The first after the last one given, an emission interval for each unit, and never before the exact time. The
    /// line begins anew if nobody waits any more, or if the place were further off than the longer of the window and a
    /// minute, and the interval itself.
    pub fn next(&mut self, limit: &Limit, units: u64, now: Nanos, exact: Nanos) -> u128 {
        let Span::Window(window) = limit.span() else { return exact.get().into() };
        let (now, exact) = (u128::from(now.get()), u128::from(now.get()) + u128::from(exact.get()));
        let (interval, horizon) = (Self::interval(limit, units, window), Self::horizon(limit, units));
        let next = (self.last + interval).max(exact);
        let begins_anew = self.last <= now || next > exact + horizon;
        self.last = if begins_anew { exact } else { next };
        self.last - now
    }
}
