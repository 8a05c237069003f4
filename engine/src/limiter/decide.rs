//! A decision, the ordinary case first.
//!
//! Nearly every call finds its key in the segment and under the plan in which the last call left it: then
//! the head alone is read, judged and written. Anything else goes the long way, over the whole record. Both
//! ways take the same steps of [`record`](crate::record).

use super::Limiter;
use crate::clock::Timestamp;
use crate::decision::{Admission, Decision};
use crate::plan::{CompiledPlan, PlanId};
use crate::record::{Charge, Head, Record, Verdict};
use crate::reservation::Reservation;
use crate::table::Entry;
use crate::unit::Cost;

/// A call to be decided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) plan: PlanId,
    pub(super) cost: Cost,
    pub(super) at: Timestamp,
}

impl Limiter {
    /// Decides a call of the key with this fingerprint.
    #[inline]
    pub(super) fn decide(&self, fingerprint: u64, call: Call) -> Decision {
        if let Some(entry) = self.table.known(fingerprint)
            && let Some(plan) = self.steady_plan(&entry.head, call)
            && let Some(decision) = decide_steady(entry, plan, call)
        {
            return self.placed(decision, plan, fingerprint, call);
        }
        self.decide_unsteady(fingerprint, call)
    }

    /// The rare way through [`decide`](Self::decide), told to the compiler as such: the ordinary one gains
    /// by it.
    #[cold]
    fn decide_unsteady(&self, fingerprint: u64, call: Call) -> Decision {
        self.decide_whole(fingerprint, call).0
    }

    /// The plan under which the head can be judged as it is, if the call finds it so.
    #[inline]
    fn steady_plan(&self, head: &Head, call: Call) -> Option<&CompiledPlan> {
        let plan = self.plans.get(head.plan())?;
        let steady = (head.plan() == call.plan || head.has_own_plan()) && head.same_segments(plan, call.at);
        steady.then_some(plan)
    }

    /// Decides a call over the whole record, again if another thread came between; gives the record it
    /// leaves too, and the plan that is expressed in. Not rare: every call whose headers are asked for
    /// comes this way.
    pub(super) fn decide_whole(&self, fingerprint: u64, call: Call) -> (Decision, &CompiledPlan, Record) {
        loop {
            let (entry, mut record) = self.record(fingerprint, self.known(call.plan).0);
            let plan = self.bring_up(&mut record, call.plan, call.at);
            let judgement = record.head.judge(plan, call.cost);
            let verdict = record.verdict(plan, call.cost, call.at, judgement);
            let admitted = matches!(verdict, Verdict::Admit(_));
            if admitted {
                record.charge(plan, call.cost);
            }
            // A denial writes nothing; a change of plan is kept whatever becomes of the call (R9).
            let changed = admitted || record.head.plan() != entry.head.plan();
            if !changed || entry.store(&record) {
                let decision = decision(verdict, &record.head, call.cost);
                return (self.placed(decision, plan, record.head.fingerprint(), call), plan, record);
            }
        }
    }
}

/// Decides a call on the head, which is in the call's segments and under its plan. `None` if another thread
/// came between, or if the head alone does not suffice.
#[inline]
fn decide_steady(entry: Entry<'_>, plan: &CompiledPlan, call: Call) -> Option<Decision> {
    let mut head = entry.head;
    head.advance(plan, call.at);
    let judgement = head.judge(plan, call.cost);
    if !judgement.denying.is_empty() {
        let record = Record { head, ring: entry.ring()? };
        return Some(decision(record.verdict(plan, call.cost, call.at, judgement), &head, call.cost));
    }
    (head.charge(plan, call.cost) && entry.store_head(&head))
        .then(|| decision(Verdict::Admit(judgement.shadow), &head, call.cost))
}

/// The answer to a call: an admitted one has been charged to the record whose head this is.
#[inline]
fn decision(verdict: Verdict, head: &Head, cost: Cost) -> Decision {
    match verdict {
        Verdict::Admit(shadow) => {
            let reservation = Reservation::new(head.fingerprint(), Charge::made_on(head, cost));
            Decision::Admitted(Admission { reservation, shadow })
        }
        Verdict::Deny(denial) => Decision::Denied(denial),
        Verdict::Never(limit) => Decision::Never(limit),
    }
}
