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
            self.head.grids = self.head.grids.saturating_add(1).min(GRIDS.max());
            self.head.stand_until(to, self.head.now);
        }
        self.head.plan = id;
        self.head.now = call;
    }
}
