//! R9: other limits for the same usage.

use super::layout::GRIDS;
use super::{Head, MAX_TIME, Record};
use crate::nanos::Nanos;
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::Unit;

impl Head {
    /// Whether units charged when the windows had moved so often stand in the segments of their time.
    pub(super) fn has_grid_of(&self, grids: u64) -> bool {
        grids == self.grids && grids < GRIDS.max()
    }

    /// A time not before that of any charge to a record that is about to be brought to `now`; that of all charges
    /// to any record is only asked for if some of these can be later than `now`.
    pub(crate) fn latest_charge(&self, now: Nanos, of_all: impl FnOnce() -> Nanos) -> Nanos {
        let last = Nanos::new(self.until - 1);
        if now >= last { last } else { of_all().min(last) }
    }

    /// The time at which an advanced record stands under a plan: that of the call, or, if that lies before what
    /// the record has seen, the latest of that.
    fn present(&self, plan: &CompiledPlan, latest_charge: Nanos) -> u64 {
        let seen = |unit: Unit| {
            let grid = &plan.unit(unit).grid;
            let pin = self.pins[unit as usize];
            let pinned = plan.unit(unit).window.is_some() && pin <= MAX_TIME;
            grid.start(grid.segment(self.segment_time())).max(if pinned { pin } else { 0 })
        };
        Unit::ALL.into_iter().map(seen).fold(self.now.max(latest_charge.get()), u64::max)
    }
}

impl Record {
    /// Expresses an advanced record in another plan. Units used in the window and the day stay used; what the
    /// bucket owes is kept in units. Nothing was charged to it after `latest_charge`.
    #[cold]
    pub(crate) fn change_plan(
        &mut self,
        from: &CompiledPlan,
        to: &CompiledPlan,
        id: PlanId,
        latest_charge: Nanos,
    ) {
        let call = self.head.now;
        self.head.now = self.head.present(from, latest_charge);
        let mut regridded = false;
        for unit in Unit::ALL {
            let (from, to) = (from.unit(unit), to.unit(unit));
            self.head.drain_bucket(unit, from.window.as_ref());
            regridded |= from.grid != to.grid;
            self.regrid_window(unit, &from.grid, &to.grid);
            self.head.rerule_bucket(unit, from.window.as_ref(), to.window.as_ref());
        }
        if regridded {
            self.head.grids = (self.head.grids + 1).min(GRIDS.max());
            self.head.stand_until(to, self.head.now);
        }
        self.head.plan = id;
        self.head.now = call;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::plan::{Limit, Plan};
    use crate::unit::Cost;

    const SECOND: u64 = 1_000_000_000;

    fn plan(windows: &[(Unit, u64)]) -> CompiledPlan {
        let limits = windows.iter().map(|(unit, secs)| Limit::window(*unit, 10, Nanos::from_secs(*secs)));
        CompiledPlan::new(limits.fold(Plan::builder("p"), |plan, limit| plan.limit(limit)).build().unwrap())
    }

    fn record(at: u64) -> Record {
        Record::fresh(1, PlanId(0), Timestamp::both(Nanos::new(at)))
    }

    #[test]
    fn charges_lie_before_until_and_no_later_than_the_latest_of_all() {
        let head = record(99).head;
        assert_eq!(head.until, 100);
        for (now, of_all, latest) in
            [(98, 0, 0), (98, 50, 50), (98, 99, 99), (98, 100, 99), (0, u64::MAX, 99)]
        {
            assert_eq!(head.latest_charge(Nanos::new(now), || Nanos::new(of_all)).get(), latest, "{now}");
        }
        for now in [99, 100, u64::MAX] {
            let latest = head.latest_charge(Nanos::new(now), || panic!("none can be later"));
            assert_eq!(latest.get(), 99);
        }
    }

    /// The time of the call, or the latest that the record has seen: a segment, a pin, a charge.
    #[test]
    fn a_plan_is_changed_at_the_latest_time_that_was_seen() {
        let present = |windows: &[(Unit, u64)], until: u64, pins: [u64; 2], now: u64, charge: u64| {
            let mut head = record(now).head;
            (head.until, head.pins) = (until, pins);
            head.present(&plan(windows), Nanos::new(charge))
        };
        let both = [(Unit::Requests, 7), (Unit::Tokens, 14)];
        let no_time_ago = 0_u64.wrapping_sub(5);
        let end = 4 * SECOND + 10;
        for (case, pins, now, charge, expected) in [
            ("all at zero", [0, 0], 4 * SECOND + 5, 0, 4 * SECOND + 5),
            ("the segment of requests", [0, 0], 0, 0, 4 * SECOND),
            ("a charge", [0, 0], 0, 4 * SECOND + 3, 4 * SECOND + 3),
            ("the requests' pin", [4 * SECOND + 7, 0], 0, 4 * SECOND + 3, 4 * SECOND + 7),
            ("the tokens' pin", [0, 4 * SECOND + 7], 0, 0, 4 * SECOND + 7),
            ("pins before the clock's zero", [no_time_ago; 2], 0, 0, 4 * SECOND),
        ] {
            assert_eq!(present(&both, end, pins, now, charge), expected, "{case}");
        }
        // A segment of a window of 14 s is 2 s long, and the requests are on the grid of a minute.
        assert_eq!(present(&[(Unit::Tokens, 14)], 7 * SECOND, [0, 0], 0, 0), 6 * SECOND);
        // What stands where there is no bucket means nothing.
        assert_eq!(present(&[(Unit::Tokens, 14)], 7 * SECOND, [6 * SECOND + 5, 0], 0, 0), 6 * SECOND);
        assert_eq!(present(&[], 1, [9, 9], 0, 0), 0);
        assert_eq!(present(&both, MAX_TIME + 1, [0, MAX_TIME], 0, 0), MAX_TIME);
    }

    #[test]
    fn a_move_of_both_windows_is_one_and_settles_find_no_segment_after_it() {
        let (minute, hours) = (plan(&[]), plan(&[(Unit::Requests, 3_600), (Unit::Tokens, 3_600)]));
        let one_hour = plan(&[(Unit::Tokens, 3_600)]);
        for (to, grids) in [(&hours, 1), (&one_hour, 1), (&minute, 0), (&plan(&[(Unit::Tokens, 60)]), 0)] {
            let mut record = record(SECOND);
            record.charge(&minute, Cost::tokens(5));
            let until = record.head.until;
            record.change_plan(&minute, to, PlanId(1), Nanos::new(SECOND));
            assert_eq!((record.head.plan, record.head.grids, record.head.now), (PlanId(1), grids, SECOND));
            assert_eq!(record.head.has_grid_of(0), grids == 0);
            assert_eq!(record.used_in_windows(), [1, 5]);
            // Nothing but a move to another grid has the record stand longer.
            assert_eq!(record.head.until == until, grids == 0);
        }
    }

    /// 1 unit in 10 ms and 1 in 20 ms: what is owed is owed in units, and what of a unit was refilled takes twice as long.
    #[test]
    fn what_is_owed_is_owed_under_the_other_plan_too() {
        let plan = |millis| {
            let limit = Limit::window(Unit::Tokens, 10, Nanos::from_millis(millis));
            CompiledPlan::new(Plan::builder("p").limit(limit).build().unwrap())
        };
        let (fast, slow) = (plan(100), plan(200));
        let mut record = record(SECOND);
        record.charge(&fast, Cost::tokens(9));
        record.advance(&fast, Timestamp::both(Nanos::new(SECOND + 25_000_000)));
        let call = record.head.now;
        record.change_plan(&fast, &slow, PlanId(1), Nanos::ZERO);
        let pinned = record.head.pins[Unit::Tokens as usize];
        assert_eq!((record.head.charged.of(Unit::Tokens), pinned), (7, call - 10_000_000));
        // The call's thread read the clock before another's charge: both happened by then.
        let charge = call + 7_000_000;
        record.change_plan(&slow, &fast, PlanId(0), Nanos::new(charge));
        let pinned = record.head.pins[Unit::Tokens as usize];
        assert_eq!((record.head.charged.of(Unit::Tokens), pinned), (7, charge - 8_500_000));
        assert_eq!(record.head.now, call, "it is decided at its own time");
        // So late that all of it has been refilled.
        record.change_plan(&fast, &slow, PlanId(1), Nanos::new(call + SECOND));
        let pinned = record.head.pins[Unit::Tokens as usize];
        assert_eq!((record.head.charged.of(Unit::Tokens), pinned), (0, call + SECOND));
    }

    /// On the grid of an hour a segment ends after 514 s: units of the first count until it is an hour old.
    #[test]
    fn what_was_used_is_counted_as_long_as_the_other_window_asks() {
        let (minute, hours) = (plan(&[]), plan(&[(Unit::Requests, 3_600), (Unit::Tokens, 3_600)]));
        let at = |secs: u64| Timestamp::both(Nanos::from_secs(secs));
        let mut record = record(SECOND);
        record.charge(&minute, Cost::tokens(5));
        record.advance(&minute, at(30));
        record.change_plan(&minute, &hours, PlanId(1), Nanos::ZERO);
        for (secs, left) in [(513, [1, 5]), (515, [1, 5]), (4_114, [1, 5]), (4_115, [0, 0])] {
            record.advance(&hours, at(secs));
            assert_eq!(record.used_in_windows(), left, "after {secs} s");
        }
    }

    /// Eight bits: from then on no two moves are told apart, and no settle is believed.
    #[test]
    fn moves_are_told_apart_until_their_count_is_full() {
        let (minute, hours) = (plan(&[]), plan(&[(Unit::Requests, 3_600)]));
        let mut record = record(SECOND);
        for moves in 1..=300 {
            let (from, to) = if moves % 2 == 0 { (&hours, &minute) } else { (&minute, &hours) };
            record.change_plan(from, to, PlanId(moves), Nanos::new(SECOND));
            // As the next call finds it.
            let (words, recent) = record.to_words(to);
            record = Record::from_words(&words, recent, to);
            record.advance(to, Timestamp::both(Nanos::new(SECOND)));
            let believed: Vec<_> = (0..=300).filter(|grids| record.head.has_grid_of(*grids)).collect();
            let told: &[u64] = if moves < 255 { &[moves.into()] } else { &[] };
            assert_eq!(believed, told, "{moves}");
        }
    }
}
