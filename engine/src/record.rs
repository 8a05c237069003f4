//! The rules as pure steps over a key's record: no atomics, no clock, no table.
//!
//! A [`Record`] is a [`Head`] and a [`Ring`] of completed segments. A step takes a copy, brings it up to the
//! time of the call, and charges, refunds or converts it. Whoever calls a step stores the outcome in one
//! atomic exchange or throws it away (`table`), so R5 and R6 need no thought here: a record is always the
//! outcome of whole steps in some order.
//!
//! The steps over the whole record are the rules. Beside them stands one shortcut: while no segment turns, an
//! admission adds to [`Recent`], a few bits beside the record's words, and leaves the words as they are
//! ([`recent`]). How all of it is laid out in words, [`layout`] says.

#[cfg(all(test, not(tidegate_loom)))]
mod arithmetic;
mod bucket;
mod charge;
mod day;
mod forget;
mod layout;
mod outside;
mod plan_change;
mod recent;
mod settle;
mod status;
mod window;

pub use charge::{Denial, Verdict};
pub(crate) use forget::ForgetAt;
pub(crate) use layout::{
    BACK_WORDS, CHANGING_WORDS, FRONT_WORDS, Glance, MAX_PLANS, Occupancy, TAG_BITS, Words, occupancy,
    pending, plan_of, tag_of, vacated,
};
pub(crate) use recent::Recent;
pub(crate) use settle::Charge;
pub use status::LimitStatus;

use crate::clock::Timestamp;
use crate::packed::Counts;
use crate::plan::{CompiledPlan, PlanId, SEGMENTS};
use crate::unit::Unit;

/// Words of a ring: one for each completed segment that still counts.
pub(crate) const RING_WORDS: usize = SEGMENTS as usize;

/// Times are kept below 2⁶³ − 1 (292 years), so that differences of times survive wrapping, and there is a
/// later time. Later ones stand still there.
const MAX_TIME: u64 = (u64::MAX >> 1) - 1;

/// What every step needs of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// Whose record it is: a part of the key's fingerprint; 0 for nobody's.
    pub(crate) tag: u64,
    /// The plan under which the record's state is expressed.
    pub(crate) plan: PlanId,
    /// Whether the plan is the key's own, to be used whatever plan a call names.
    pub(crate) own_plan: bool,
    /// A time after the record's last change and no later than the end of the segments in which it stands.
    until: u64,
    /// The time of the call to which the record was brought; not stored.
    now: u64,
    /// By unit, the moment at which nothing was owed and `charged` began to count.
    pins: [u64; 2],
    /// Units in the windows.
    totals: Counts,
    /// Units charged to the buckets since their pins.
    charged: Counts,
    /// The day being counted. It never goes back.
    day: u64,
    /// By unit, units counted in that day.
    day_used: [u64; 2],
    /// How often the windows have moved to another grid. From 255 on the count stands still.
    grids: u64,
}

/// The completed segments of both windows, by segment number modulo 7.
///
/// The current segment has no word: it holds what the window's total has beyond the completed ones. So an
/// admission changes the head, and the ring only when a segment turns or a refund reaches back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    segments: [Counts; RING_WORDS],
}

/// Everything the limiter knows of one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) head: Head,
    pub(crate) ring: Ring,
}

impl Head {
    /// A key that has used nothing since the given time.
    pub(crate) fn fresh(tag: u64, plan: PlanId, since: Timestamp) -> Self {
        let now = since.monotonic.get().min(MAX_TIME);
        Self {
            tag,
            plan,
            own_plan: false,
            until: now + 1,
            now,
            pins: [now; 2],
            totals: Counts::ZERO,
            charged: Counts::ZERO,
            day: day::day_of(since.unix),
            day_used: [0; 2],
            grids: 0,
        }
    }

    /// The day being counted.
    pub(crate) fn day(&self) -> u64 {
        self.day
    }

    /// A time in the segments in which the record stands.
    #[inline]
    fn segment_time(&self) -> u64 {
        self.until - 1
    }
}

impl Record {
    /// A key that has used nothing since the given time.
    pub(crate) fn fresh(tag: u64, plan: PlanId, since: Timestamp) -> Self {
        Self { head: Head::fresh(tag, plan, since), ring: Ring { segments: [Counts::ZERO; RING_WORDS] } }
    }

    /// Brings the record to the time of a call, under the plan it is expressed in: segments turn, the buckets
    /// drain, the day turns.
    ///
    /// A time before what the record has seen turns nothing back: segments and day stay where they are, and a
    /// bucket is reckoned from its pin on (R15).
    pub(crate) fn advance(&mut self, plan: &CompiledPlan, at: Timestamp) {
        let now = at.monotonic.get().min(MAX_TIME);
        self.head.now = now;
        if now >= self.head.until {
            let from = self.head.segment_time();
            for unit in Unit::ALL {
                let grid = &plan.unit(unit).grid;
                self.turn_window(unit, grid.segment(from), grid.segment(now));
            }
            self.head.stand_until(plan, now);
        }
        for unit in Unit::ALL {
            self.head.drain_bucket(unit, plan.unit(unit).window.as_ref());
        }
        self.head.turn_day(at.unix);
    }
}

impl Head {
    /// Sets `until` for segments that hold `now`.
    fn stand_until(&mut self, plan: &CompiledPlan, now: u64) {
        let ends = plan.grids().map(|grid| grid.start(grid.segment(now) + 1));
        self.until = ends.fold((now + Recent::REACH).min(MAX_TIME + 1), u64::min);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nanos::Nanos;
    use crate::plan::{Limit, Plan};
    use crate::unit::Cost;

    fn plan(windows: &[(Unit, u64)]) -> CompiledPlan {
        let limits = windows.iter().map(|(unit, window)| Limit::window(*unit, 10, Nanos::new(*window)));
        CompiledPlan::new(limits.fold(Plan::builder("p"), |plan, limit| plan.limit(limit)).build().unwrap())
    }

    #[test]
    fn a_record_begins_at_the_end_of_the_clock_at_the_latest() {
        for (since, begins) in
            [(0, 0), (MAX_TIME - 1, MAX_TIME - 1), (MAX_TIME + 1, MAX_TIME), (u64::MAX, MAX_TIME)]
        {
            let head = Head::fresh(1, PlanId(0), Timestamp::both(Nanos::new(since)));
            assert_eq!((head.now, head.until, head.pins), (begins, begins + 1, [begins; 2]));
        }
        assert_eq!(MAX_TIME + 1, (1 << 63) - 1, "what `until` has bits for");
    }

    /// A pin must be told within `REACH` of `until`, and another thread's segment must not be missed.
    #[test]
    fn a_record_stands_until_a_segment_ends_or_its_pins_are_out_of_reach_or_time_ends() {
        let (millisecond, minute, hour) = (1_000_000, 60_000_000_000, 3_600_000_000_000);
        let (requests, tokens) = (Unit::Requests, Unit::Tokens);
        let (short, both) =
            (plan(&[(requests, millisecond)]), plan(&[(requests, hour), (tokens, millisecond)]));
        let long = plan(&[(requests, hour), (tokens, hour)]);
        for (plan, now, until) in [
            (&plan(&[]), 0, 8_571_428_572),
            (&plan(&[]), 8_571_428_572, 17_142_857_143),
            (&plan(&[(requests, minute)]), 8_571_428_571, 8_571_428_572),
            (&short, 142_857, 142_858),
            (&short, 142_858, 285_715),
            (&both, 142_857, 142_858),
            (&long, 5, 5 + Recent::REACH),
            (&long, hour / 7 - 9, hour / 7 + 1),
            (&long, MAX_TIME, MAX_TIME + 1),
        ] {
            let mut record = Record::fresh(1, PlanId(0), Timestamp::both(Nanos::ZERO));
            record.head.stand_until(plan, now);
            assert_eq!(record.head.until, until, "{now}");
        }
    }

    #[test]
    fn a_record_turns_with_the_first_nanosecond_of_a_segment_and_a_day_and_never_back() {
        let plan = plan(&[(Unit::Requests, 7_000_000)]);
        let midnight = Nanos::DAY.get();
        let mut record = Record::fresh(1, PlanId(0), Timestamp::both(Nanos::ZERO));
        record.charge(&plan, Cost { requests: 1, tokens: 3 });
        for (monotonic, unix, until, requests, used_today) in [
            (999_999, midnight - 1, 1_000_000, 1, 3),
            (1_000_000, midnight - 1, 2_000_000, 1, 3),
            (0, 0, 2_000_000, 1, 3),
            (7_999_999, midnight - 1, 8_000_000, 1, 3),
            (8_000_000, midnight, 9_000_000, 0, 0),
            (7_999_999, midnight - 1, 9_000_000, 0, 0),
        ] {
            record.advance(&plan, Timestamp { monotonic: Nanos::new(monotonic), unix: Nanos::new(unix) });
            assert_eq!((record.head.now, record.head.until), (monotonic, until));
            assert_eq!(record.used_in_windows(), [requests, 3], "tokens are on the grid of a minute");
            assert_eq!(record.head.day_used(Unit::Tokens), used_today);
        }
        record.advance(&plan, Timestamp::both(Nanos::MAX));
        assert_eq!((record.head.now, record.head.until), (MAX_TIME, MAX_TIME + 1));
        assert_eq!((record.used_in_windows(), record.head.day()), ([0, 0], Recent::MAX_DAY));
    }
}
