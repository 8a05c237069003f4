//! R9: other limits for the same usage.

use super::packed::Field;
use super::{META, Record};
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::Unit;

impl Record {
    /// Expresses an advanced record in another plan. Units used in the window and the day stay used; what the
    /// bucket owes is kept in units.
    #[cold]
    pub(crate) fn change_plan(&mut self, from: &CompiledPlan, to: &CompiledPlan, id: PlanId) {
        for unit in Unit::ALL {
            let (from, to) = (from.unit(unit), to.unit(unit));
            self.regrid_window(unit, &from.grid, &to.grid);
            self.head.rerule_bucket(unit, from.window.as_ref(), to.window.as_ref());
        }
        Field::PLAN.set(&mut self.head.words[META], u64::from(id.0));
    }
}
