//! R9: other limits for the same usage.

use super::{Head, META, Record};
use crate::packed::Field;
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::Unit;

impl Head {
    /// How often the windows have moved to another grid. Beyond 2,046 times the count stands still.
    #[inline]
    pub(super) fn grids(&self) -> u64 {
        Field::GRIDS.get(self.words[META])
    }

    /// Whether units charged when the windows had moved so often stand in the segments of their time.
    pub(super) fn has_grid_of(&self, grids: u64) -> bool {
        grids == self.grids() && grids < Field::GRIDS.max()
    }
}

impl Record {
    /// Expresses an advanced record in another plan. Units used in the window and the day stay used; what the
    /// bucket owes is kept in units.
    #[cold]
    pub(crate) fn change_plan(&mut self, from: &CompiledPlan, to: &CompiledPlan, id: PlanId) {
        let mut regridded = false;
        for unit in Unit::ALL {
            let (from, to) = (from.unit(unit), to.unit(unit));
            regridded |= from.grid != to.grid;
            self.regrid_window(unit, &from.grid, &to.grid);
            self.head.rerule_bucket(unit, from.window.as_ref(), to.window.as_ref());
        }
        if regridded {
            let grids = self.head.grids().saturating_add(1).min(Field::GRIDS.max());
            Field::GRIDS.set(&mut self.head.words[META], grids);
        }
        Field::PLAN.set(&mut self.head.words[META], u64::from(id.0));
    }
}
