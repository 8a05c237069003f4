//! A decision, the ordinary case first.
//!
//! Nearly every call finds its key in the segment and under the plan in which the last call left it, and finds
//! room: then the front of its record is read, half a cache line, and one swap charges it ([`Recent`]). Anything else
//! goes the long way, over the whole record, which is what the rules are written for. Both ways leave the same.
//!
//! [`Recent`]: crate::record::Recent

use super::Limiter;
use crate::clock::Timestamp;
use crate::decision::{Admission, Decision};
use crate::plan::{CompiledPlan, PlanId};
use crate::record::{Charge, Glance, Record, Verdict};
use crate::reservation::Reservation;
use crate::unit::{Cost, LimitSet};

/// What is asked for, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) plan: PlanId,
    pub(super) cost: Cost,
    pub(super) at: Timestamp,
}

impl Limiter {
    /// Decides a call of the key with this fingerprint, and counts the decision.
    #[inline]
    pub(super) fn decide(&self, fingerprint: u64, asked: Asked) -> Decision {
        match self.admit(fingerprint, asked) {
            Some(admission) => {
                self.observer.admitted(LimitSet::EMPTY);
                Decision::Admitted(admission)
            }
            None => self.decide_unsteady(fingerprint, asked.plan, asked.cost, asked.at),
        }
    }

    /// The ordinary case: admits a call that changes nothing but counts; `None` if it is anything else.
    #[inline]
    fn admit(&self, fingerprint: u64, asked: Asked) -> Option<Admission> {
        let found = self.table.find(fingerprint)?;
        if !found.is_decided_as_it_stands(asked.plan) {
            return None;
        }
        let plan = self.plans.get(found.plan())?;
        let recent = found.recent().admit(found, plan, asked.cost, asked.at)?;
        found.charge(recent).then(|| {
            let charge = recent.charge_made(found, asked.cost);
            Admission { reservation: Reservation::new(fingerprint, charge), shadow: LimitSet::EMPTY }
        })
    }

    /// The rare way through [`decide`](Self::decide), told to the compiler as such: the ordinary one gains
    /// by it, and by handing over numbers that are in registers.
    #[cold]
    fn decide_unsteady(&self, fingerprint: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        self.decide_whole(fingerprint, Asked { plan, cost, at }).0
    }

    /// Decides a call over the whole record, again if another thread came between; gives the record it
    /// leaves too, and the plan that is expressed in. Counts the decision. Not rare: every call whose headers are asked for
    /// comes this way.
    pub(super) fn decide_whole(&self, fingerprint: u64, asked: Asked) -> (Decision, &CompiledPlan, Record) {
        loop {
            let entry = self.entry(fingerprint, self.known(asked.plan).0, asked.at);
            let mut record = self.record(&entry);
            let plan = self.bring_up(&mut record, asked.plan, asked.at);
            let judgement = record.head.judge(plan, asked.cost);
            let verdict = record.verdict(plan, asked.cost, asked.at, judgement);
            let admitted = matches!(verdict, Verdict::Admit(_));
            if admitted {
                record.charge(plan, asked.cost);
            }
            // A denial writes nothing; a change of plan is kept whatever becomes of the call (R9).
            let changed = admitted || record.head.plan != entry.words.plan();
            if !changed || self.store(&entry, &record) {
                let own = if entry.is_shared() { record.head.tag } else { fingerprint };
                let decision = decision(verdict, own, &record, asked.cost);
                self.observer.decided(&decision, fingerprint);
                return (self.placed(decision, plan, own, asked), plan, record);
            }
        }
    }
}

/// The answer to a call: an admitted one has been charged to this record.
fn decision(verdict: Verdict, fingerprint: u64, record: &Record, cost: Cost) -> Decision {
    match verdict {
        Verdict::Admit(shadow) => {
            let reservation = Reservation::new(fingerprint, Charge::made_on(&record.head, cost));
            Decision::Admitted(Admission { reservation, shadow })
        }
        Verdict::Deny(denial) => Decision::Denied(denial),
        Verdict::Never(limit) => Decision::Never(limit),
    }
}
