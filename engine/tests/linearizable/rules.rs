//! The rules of one key as a specification to search by: the oracle, and the one thing beside it that threads can see.

use crate::event::{Answer, Call, Event, Number, Statuses};
use crate::oracle::{Charge, Key, later};
use crate::search::{Rules, Span};
use tidegate::{Cost, LimitId, Nanos, Plan, Timestamp, Verdict};

/// A key, and the charges of its calls, by number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OneKey<'a> {
    plans: &'a [Plan],
    key: Key,
    charges: Vec<(Number, Charge)>,
    /// Calls that were denied before the key was known.
    denied: Vec<Number>,
    /// Times at which calls may have been charged, to any key.
    times: &'a [Nanos],
    /// One that is no later than the latest of them.
    least: Nanos,
    /// Whether the key may have been forgotten whenever it has used nothing.
    forgets: bool,
}

impl Rules for OneKey<'_> {
    type Event = Event;

    fn span(event: &Event) -> Span {
        event.span
    }

    fn after(&self, event: &Event) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for charges_until in self.last_charges_elsewhere(event) {
            let mut after = self.clone();
            after.key.hear_of_charges_until(charges_until);
            let may = after.happens(event);
            after.key.hear_of_charges_until(Nanos::ZERO);
            if may && !all.contains(&after) {
                all.push(after);
            }
        }
        all
    }
}

impl<'a> OneKey<'a> {
    pub(crate) fn new(plans: &'a [Plan]) -> Self {
        Self {
            plans,
            key: Key::new(plans[0].clone()),
            charges: Vec::new(),
            denied: Vec::new(),
            times: &[],
            least: Nanos::ZERO,
            forgets: false,
        }
    }

    /// A key that is forgotten when it has used nothing and another needs its place.
    pub(crate) fn forgetting(self, forgets: bool) -> Self {
        Self { forgets, ..self }
    }

    /// A key of a limiter that may charge calls at these times, whichever keys' they are.
    pub(crate) fn among(self, least: Nanos, times: &'a [Nanos]) -> Self {
        Self { times, least, ..self }
    }

    /// The times that may be that of the latest charge to any key when this event happens, as far as they matter: a
    /// change of plan is made no earlier than that. A charge that is under way counts, though it comes later in the order.
    fn last_charges_elsewhere(&self, event: &Event) -> Vec<Nanos> {
        let changes = match event.call {
            Call::Check { plan, .. }
            | Call::Peek { plan, .. }
            | Call::RecordUsage { plan, .. }
            | Call::ChangePlan { plan }
            | Call::SetOwnPlan { plan } => self.key.is_known_under_another(&self.plans[plan]),
            _ => false,
        };
        let later = self.times.iter().copied().filter(|time| changes && *time > event.at.monotonic);
        std::iter::once(self.least).chain(later).collect()
    }

    /// Lets an event happen; whether it may be answered as it was.
    pub(crate) fn happens(&mut self, event: &Event) -> bool {
        let (at, answer) = (event.at, event.answer.as_ref());
        match event.call {
            Call::Check { plan, cost } => {
                self.key.use_plan(&self.plans[plan], at);
                let may = self.verdict_may_be(answer, cost, at);
                let admitted = self.key.admits(cost, at);
                if !self.key.is_known() && !admitted {
                    self.denied.push(event.number);
                }
                if may && admitted {
                    let charge = self.key.charge(event.key, cost, at);
                    self.charges.push((event.number, charge));
                    // In the order of their calls, so that equal states are equal.
                    self.charges.sort_unstable_by_key(|(number, _)| *number);
                }
                may && self.stands_as(answer, at)
            }
            Call::Peek { plan, cost } => {
                let mut seen = self.clone();
                seen.key.use_plan(&self.plans[plan], at);
                seen.verdict_may_be(answer, cost, at) && seen.stands_as(answer, at)
            }
            Call::Settle { of, tokens } => self.settles(of, at, |cost| Cost { tokens, ..cost }),
            Call::Cancel { of } => self.settles(of, at, |_| Cost::default()),
            Call::ChangePlan { plan } => {
                self.key.change_plan(&self.plans[plan], at);
                true
            }
            Call::SetOwnPlan { plan } => {
                self.key.set_own_plan(&self.plans[plan], at);
                !matches!(answer, Some(Answer::Kept(false)))
            }
            Call::ClearOwnPlan => {
                self.key.clear_own_plan();
                true
            }
            Call::RecordUsage { plan, cost } => {
                self.key.record_usage(&self.plans[plan], cost, at);
                true
            }
            Call::GiveBack { cost } => self.changes_if_found(event, |key| key.give_back(cost, at)),
            Call::Reset => self.changes_if_found(event, |key| key.reset(at)),
            Call::MakeKnown { plan } => {
                // Before the call that does it is decided.
                let may = !self.key.is_known() && !self.denied.contains(&event.number);
                self.key.make_known(&self.plans[plan]);
                may
            }
        }
    }

    /// A change of what a key has a record of, and of nothing else.
    fn changes_if_found(&mut self, event: &Event, change: impl FnOnce(&mut Key)) -> bool {
        let is_known = self.key.is_known();
        if event.answer == Some(Answer::Found(false)) {
            return !is_known || self.forgets && self.key.is_unused(event.at);
        }
        change(&mut self.key);
        is_known || event.answer.is_none()
    }

    fn settles(&mut self, of: Number, at: Timestamp, actual: impl FnOnce(Cost) -> Cost) -> bool {
        let Some(place) = self.charges.iter().position(|(number, _)| *number == of) else {
            // Not admitted in this order.
            return false;
        };
        let (_, charge) = self.charges.remove(place);
        self.key.settle(&charge, actual(charge.cost), at);
        true
    }

    /// Whether a call may be judged as it was: the verdict is the oracle's, and a retry time exact (R10).
    fn verdict_may_be(&self, answer: Option<&Answer>, cost: Cost, at: Timestamp) -> bool {
        let Some(Answer::Verdict(verdict) | Answer::Standing(verdict, _)) = answer else { return true };
        let key = &self.key;
        match *verdict {
            Verdict::Admit(shadow) => {
                key.denied_by(cost, at).is_none() && shadow.iter().eq(key.shadow_denials(cost, at))
            }
            Verdict::Never(limit) => key.never(cost) == Some(limit),
            Verdict::Deny(denial) => {
                let retry = denial.retry_after.get();
                !key.admits(cost, at)
                    && key.never(cost).is_none()
                    && retry > 0
                    && key.denied_by(cost, later(at, retry - 1)) == Some(denial.limit)
                    && key.denied_by(cost, later(at, retry)).is_none()
            }
        }
    }

    /// Whether the limits may stand as was told (R11).
    fn stands_as(&self, answer: Option<&Answer>, at: Timestamp) -> bool {
        let Some(Answer::Standing(_, statuses)) = answer else { return true };
        self.limits_stand_as(statuses, at)
    }

    fn limits_stand_as(&self, statuses: &Statuses, at: Timestamp) -> bool {
        LimitId::ALL.into_iter().zip(statuses).all(|(limit, status)| {
            let remaining = |at| self.key.remaining(limit, at);
            let Some(status) = status else { return remaining(at).is_none() };
            let is_whole = |at| remaining(at) == Some(status.limit);
            remaining(at) == Some(status.remaining)
                && is_whole(later(at, status.reset_after.get()))
                && (status.reset_after == Nanos::ZERO || !is_whole(later(at, status.reset_after.get() - 1)))
        })
    }
}

/// The events of one key, and the moments at which it may be known before the call that makes it known is decided.
///
/// An insertion that another thread completes is two steps: the key is known, without usage; and the call is decided
/// after that, on what it finds. In between only a denied call that names another plan leaves anything: the change of
/// plan, at its own time, which may be later than that of the call that inserts. (A denied call of a key that is not
/// known leaves nothing.) And one that gives back or resets finds a record, of which it changes nothing but the time. So that is
/// allowed, where such a call overlaps one that inserts, and nowhere else.
pub(crate) fn with_insertions(plans: &[Plan], events: &[Event]) -> Vec<Event> {
    let insertions = events.iter().filter_map(|event| {
        let under = match event.call {
            // Whoever is denied without usage inserts nothing.
            Call::Check { plan, cost } if Key::new(plans[plan].clone()).admits(cost, event.at) => plan,
            Call::RecordUsage { plan, cost } if cost != Cost::default() => plan,
            Call::ChangePlan { plan } | Call::SetOwnPlan { plan } => plan,
            _ => return None,
        };
        let sees_it = |other: &Event| {
            let may = match other.call {
                Call::Check { plan, .. } => plan != under && is_denied(other.answer),
                Call::GiveBack { .. } | Call::Reset => other.answer == Some(Answer::Found(true)),
                _ => false,
            };
            may && other.span.overlaps(event.span)
        };
        events.iter().any(sees_it).then_some(Event {
            call: Call::MakeKnown { plan: under },
            span: Span { returned: Span::NEVER, ..event.span },
            answer: None,
            ..*event
        })
    });
    events.iter().copied().chain(insertions.collect::<Vec<_>>()).collect()
}

fn is_denied(answer: Option<Answer>) -> bool {
    match answer {
        Some(Answer::Verdict(verdict) | Answer::Standing(verdict, _)) => {
            !matches!(verdict, Verdict::Admit(_))
        }
        _ => false,
    }
}
