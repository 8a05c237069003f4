//! A decision, the ordinary case first.
//!
//! Nearly every call finds its key in the segment and under the plan in which the last call left it, and finds
//! room: then the front of its record is read, half a cache line, and one swap charges it ([`Recent`]). Anything else
//! goes the long way, over the whole record, which is what the rules are written for. Both ways leave the same.
//!
//! [`Recent`]: crate::record::Recent

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;

use super::Limiter;
use super::denials::Grounds;
use crate::clock::Timestamp;
use crate::decision::{Admission, Decision};
use crate::plan::{CompiledPlan, PlanId};
use crate::record::{Charge, Glance, Record, Verdict};
use crate::reservation::Reservation;
use crate::table::tag;
use crate::unit::{Cost, LimitSet};

/// What is asked for, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) plan: PlanId,
    pub(super) cost: Cost,
    pub(super) at: Timestamp,
}

/// Why a call is not decided in the ordinary way.
#[derive(Clone, Copy, Debug)]
enum Unsteady {
    /// Another thread came between; the call may still be an ordinary one.
    Overtaken,
    /// It is no ordinary call, or no ordinary record.
    Otherwise,
}

/// How often a call that is overtaken tries the ordinary way, before it goes the long one and is overtaken by fewer.
const TRIES: usize = if cfg!(tidegate_loom) { 1 } else { 8 };

impl Limiter {
    /// Decides a call of the key with this fingerprint, and counts the decision.
    #[inline]
    pub(super) fn decide(&self, fingerprint: u64, asked: Asked) -> Decision {
        for _ in 0..TRIES {
            match self.decide_steady(fingerprint, asked) {
                Ok(decision) => return decision,
                Err(Unsteady::Overtaken) => std::hint::spin_loop(),
                Err(Unsteady::Otherwise) => break,
            }
        }
        self.decide_unsteady(fingerprint, asked.plan, asked.cost, asked.at)
    }

    /// The ordinary cases: admits a call that changes nothing but counts, or denies one as another was before it;
    /// says why if it is anything else.
    #[inline]
    fn decide_steady(&self, fingerprint: u64, asked: Asked) -> Result<Decision, Unsteady> {
        let found = self.table.find(fingerprint).ok_or(Unsteady::Otherwise)?;
        if !found.is_decided_as_it_stands(asked.plan) {
            return Err(Unsteady::Otherwise);
        }
        let plan = self.plans.get(found.plan()).ok_or(Unsteady::Otherwise)?;
        let Some(recent) = found.recent().admit(found, plan, asked.cost, asked.at) else {
            // Most often it will be needed.
            found.prefetch_rest();
            let denial = found
                .seen()
                .and_then(|seen| self.denials.recall(Grounds { seen, cost: asked.cost }, asked.at))
                .ok_or(Unsteady::Otherwise)?;
            self.observer.denied(denial.limit, tag(fingerprint));
            return Ok(self.placed(Decision::Denied(denial), plan, fingerprint, asked));
        };
        self.latest_charge.note(asked.at.monotonic);
        // Read before the swap: once it has succeeded, another thread may bring the record to a later segment.
        let charge = recent.charge_made(found, asked.cost);
        found
            .charge(recent)
            .then(|| {
                self.observer.admitted();
                let reservation = Reservation::new(fingerprint, charge);
                Decision::Admitted(Admission { reservation, shadow: LimitSet::EMPTY })
            })
            .ok_or(Unsteady::Overtaken)
    }

    /// The rare way through [`decide`](Self::decide), told to the compiler as such: the ordinary one gains
    /// by it, and by handing over numbers that are in registers.
    #[cold]
    fn decide_unsteady(&self, fingerprint: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        self.decide_whole(fingerprint, Asked { plan, cost, at }).0
    }

    /// Decides a call, and gives the record it leaves too, and the plan that is expressed in: for calls whose headers
    /// are asked for. Counts the decision.
    pub(super) fn decide_with_record(
        &self,
        fingerprint: u64,
        asked: Asked,
    ) -> (Decision, &CompiledPlan, Record) {
        self.admit_with_record(fingerprint, asked).unwrap_or_else(|| self.decide_whole(fingerprint, asked))
    }

    /// The ordinary case of an admission.
    fn admit_with_record(&self, fingerprint: u64, asked: Asked) -> Option<(Decision, &CompiledPlan, Record)> {
        let found = self.table.find(fingerprint).filter(|found| found.is_decided_as_it_stands(asked.plan))?;
        let plan = self.plans.get(found.plan())?;
        let words = found.words();
        let recent = found.recent().admit(&words, plan, asked.cost, asked.at)?;
        self.latest_charge.note(asked.at.monotonic);
        found.charge(recent).then(|| {
            self.observer.admitted();
            let mut record = Record::from_words(&words, recent, plan);
            let decision = decision(Verdict::Admit(LimitSet::EMPTY), fingerprint, &record, asked.cost);
            record.advance(plan, asked.at);
            (decision, plan, record)
        })
    }

    /// Decides a call over the whole record, again if another thread came between; gives the record it
    /// leaves too, and the plan that is expressed in. Counts the decision.
    fn decide_whole(&self, fingerprint: u64, asked: Asked) -> (Decision, &CompiledPlan, Record) {
        loop {
            let entry = self.entry(fingerprint, self.known(asked.plan).0, asked.at);
            let mut record = self.record(&entry);
            let plan = self.bring_up(&mut record, asked.plan, asked.at);
            let judgement = record.head.judge(plan, asked.cost);
            let verdict = record.verdict(plan, asked.cost, asked.at, judgement);
            let admitted = matches!(verdict, Verdict::Admit(_));
            if admitted {
                self.latest_charge.note(asked.at.monotonic);
                record.charge(plan, asked.cost);
            }
            // A denial writes nothing; a change of plan is kept whatever becomes of the call (R9).
            let changed = admitted || record.head.plan != entry.words.plan();
            if !changed || self.store(&entry, &record) {
                if let (Verdict::Deny(denial), Some(seen)) = (verdict, entry.seen())
                    && !changed
                    && !judgement.denying.has_day_and_window()
                {
                    self.denials.remember(Grounds { seen, cost: asked.cost }, denial, asked.at);
                }
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
