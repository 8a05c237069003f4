//! What a denied caller is told, where that is not the exact time (R10s).

use super::Limiter;
use super::decide::Asked;
use crate::decision::Decision;
use crate::hint_line::Wait;
use crate::plan::CompiledPlan;
use crate::record::Denial;

impl Limiter {
    /// A decision whose denial, if the plan gives places, tells a place in line. `owner` is the fingerprint of the
    /// record that decided.
    #[inline]
    pub(super) fn placed(
        &self,
        decision: Decision,
        plan: &CompiledPlan,
        owner: u64,
        asked: Asked,
    ) -> Decision {
        match decision {
            Decision::Denied(denial) if plan.has_slotted_hints() => {
                Decision::Denied(self.place_in_line(denial, plan, owner, asked))
            }
            decision => decision,
        }
    }

    /// Takes the next place. A day has no emission interval, and its room is there for all at midnight: its time
    /// stays exact.
    ///
    /// Apart, so that the ordinary decision stays small.
    #[cold]
    fn place_in_line(&self, denial: Denial, plan: &CompiledPlan, owner: u64, asked: Asked) -> Denial {
        let (limit, unit) = (denial.limit, denial.limit.unit());
        let Some(rule) = plan.unit(unit).window.as_ref().filter(|_| !limit.is_day()) else { return denial };
        let wait = Wait::new(rule, asked.cost.of(unit), denial.retry_after);
        Denial { retry_after: self.hint_lines.next(owner, limit, asked.at.monotonic, wait), ..denial }
    }
}
