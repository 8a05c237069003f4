//! What the limiter answers.

use crate::clock::Timestamp;
use crate::plan::{CompiledPlan, Plan};
use crate::record::{Denial, LimitStatus, Record, Verdict};
use crate::reservation::Reservation;
use crate::unit::{LimitId, LimitSet};

/// The answer to a call.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a call that is not admitted must not go on"]
pub enum Decision {
    /// The call goes on; it has been charged to all its limits.
    Admitted(Admission),
    /// The call is denied; nothing has been charged.
    Denied(Denial),
    /// The call asks for more than this limit ever admits; nothing has been charged.
    Never(LimitId),
}

/// An admitted call.
#[derive(Debug, PartialEq, Eq)]
pub struct Admission {
    /// What was charged, to be settled when the call's real cost is known.
    pub reservation: Reservation,
    /// Shadow limits that would have denied the call (R12).
    pub shadow: LimitSet,
}

impl Decision {
    /// Whether the call goes on.
    pub const fn is_admitted(&self) -> bool {
        matches!(self, Self::Admitted(_))
    }

    /// The decision without its reservation, as [`Limiter::peek`](crate::Limiter::peek) gives it.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Admitted(admission) => Verdict::Admit(admission.shadow),
            Self::Denied(denial) => Verdict::Deny(*denial),
            Self::Never(limit) => Verdict::Never(*limit),
        }
    }
}

/// A key's limits as they stand just after a decision: what the headers are made of.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    plan: &'a CompiledPlan,
    record: Record,
    at: Timestamp,
}

impl<'a> Standing<'a> {
    pub(crate) fn new(plan: &'a CompiledPlan, record: Record, at: Timestamp) -> Self {
        Self { plan, record, at }
    }

    /// The plan that decided.
    pub fn plan(&self) -> &'a Plan {
        &self.plan.plan
    }

    /// Whether that is the key's own, which holds whatever plan its calls name.
    pub fn has_own_plan(&self) -> bool {
        self.record.head.own_plan
    }

    /// The time of the decision.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The state of one limit; `None` if the plan does not set it.
    pub fn status(&self, limit: LimitId) -> Option<LimitStatus> {
        self.record.status(self.plan, limit, self.at)
    }

    /// The name of one limit; `None` if the plan does not set it.
    pub fn limit_name(&self, limit: LimitId) -> Option<&'a str> {
        self.plan.limit_name(limit)
    }
}
