//! From the events of a trace to decisions of the limiter.

use super::calls::{Call, Calls, OpenCall};
use super::decisions::{DecisionsFile, Outcome, Row};
use super::keys::{KeyId, Keys};
use super::tally::{Outcomes, Tally};
use crate::plans::PlanSet;
use crate::trace::{DEFAULT_KEY, Event, EventKind, excerpt};
use anyhow::Context;
use std::io;
use tidegate::{Cost, Decision, LimitId, Limiter, Nanos, PlanId, Standing, Timestamp};

/// The same decisions on every run.
const SEED: u64 = 0;

/// Why a replay cannot go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// The event makes no sense, for this reason.
    Event(String),
    /// The decisions cannot be written.
    Decisions(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Decisions(error)
    }
}

/// The limiter, and what the trace said of its keys and calls.
pub(super) struct Engine<'a> {
    limiter: Limiter,
    plans: &'a PlanSet,
    /// The limiter's numbers of the plans, by their place in the set.
    plan_ids: Vec<PlanId>,
    keys: Keys,
    calls: Calls,
    tally: Tally,
    decisions: Option<DecisionsFile>,
}

impl<'a> Engine<'a> {
    /// An engine of which nothing was asked yet. `plan` is that of keys that are given none.
    pub(super) fn new(
        plans: &'a PlanSet,
        plan: usize,
        keys: usize,
        decisions: Option<DecisionsFile>,
    ) -> anyhow::Result<Self> {
        // The limiter knows its built-in plans too, even where a file defines them anew.
        let max_plans = plans.len() + tidegate::Plan::built_in().len();
        let limiter = Limiter::builder()
            .capacity(keys)
            .max_plans(max_plans)
            .max_threads(1)
            .huge_pages(false)
            .seed(SEED)
            .build()?;
        let plan_ids = plans.iter().map(|plan| limiter.add_plan(plan)).collect::<Result<_, _>>()?;
        Ok(Self {
            limiter,
            plans,
            plan_ids,
            keys: Keys::new(keys, plan),
            calls: Calls::default(),
            tally: Tally::new(plans.len()),
            decisions,
        })
    }

    /// Does what an event says.
    #[inline]
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), Stop> {
        self.tally.at(event.time);
        match event.kind {
            EventKind::Call => self.call(event),
            EventKind::Settle => self.settle(event),
            EventKind::Plan => self.change_plan(event),
        }
    }

    fn call(&mut self, event: &Event) -> Result<(), Stop> {
        let has_id = !event.id.is_empty();
        if has_id && self.calls.is_open(&event.id) {
            return Err(Stop::Event(format!(
                "`id`: `{}` still names an admitted call that has not been settled",
                excerpt(&event.id)
            )));
        }
        let key = self.key(event)?;
        let plan = self.plan_of(key, event)?;
        let cost = Cost::tokens(event.tokens.unwrap_or(0));
        let decision = self.decide(key, plan, cost, event)?;
        self.count_call(key, plan, cost, &decision, event.time);
        if !has_id && event.generated.is_none() {
            return Ok(());
        }
        match decision {
            Decision::Admitted(admission) => {
                let call = OpenCall { key, plan, reservation: admission.reservation };
                self.await_settle(call, event)?;
            }
            _ if has_id => self.calls.keep(&event.id, Call::Refused(key)),
            _ => {}
        }
        Ok(())
    }

    /// Keeps an admitted call for its settle, or settles it at once where the same line tells its real cost.
    fn await_settle(&mut self, call: OpenCall, event: &Event) -> Result<(), Stop> {
        let Some(generated) = event.generated else {
            self.calls.keep(&event.id, Call::Open(call));
            return Ok(());
        };
        let tokens = event.tokens.unwrap_or(0).checked_add(generated).ok_or_else(|| {
            Stop::Event("`GeneratedTokens` and `ContextTokens` together exceed 18446744073709551615".into())
        })?;
        let key = call.key;
        self.settle_call(call, Some(tokens), event.time);
        self.write_unasked(key, event, EventKind::Settle, Outcome::Settled)
    }

    /// Asks the limiter, and writes the answer down if that is wanted.
    #[inline]
    fn decide(&mut self, key: KeyId, plan: usize, cost: Cost, event: &Event) -> Result<Decision, Stop> {
        let (id, at) = (self.plan_ids[plan], Timestamp::both(event.time));
        let Some(decisions) = &mut self.decisions else {
            return Ok(self.limiter.check(&key, id, cost, at));
        };
        let (decision, standing) = self.limiter.check_with_standing(&key, id, cost, at);
        let name = |limit| standing.limit_name(limit).unwrap_or_default();
        let outcome = match &decision {
            Decision::Admitted(_) => Outcome::Admitted,
            Decision::Denied(denial) => Outcome::Denied(name(denial.limit), denial.retry_after),
            Decision::Never(limit) => Outcome::Never(name(*limit)),
        };
        decisions.write(&row(&self.keys.key(key).name, event, event.kind, outcome, &standing))?;
        Ok(decision)
    }

    #[inline]
    fn count_call(&mut self, key: KeyId, plan: usize, cost: Cost, decision: &Decision, at: Nanos) {
        let outcomes = self.tally.plan(plan);
        outcomes.ask(cost.tokens);
        let key = self.keys.key(key);
        key.calls += 1;
        match decision {
            Decision::Admitted(admission) => outcomes.admit(cost.tokens, admission.shadow),
            Decision::Denied(denial) => {
                outcomes.denied[denial.limit as usize] += 1;
                key.deny(plan, denial.limit, at);
                self.tally.denial(at);
            }
            Decision::Never(limit) => {
                outcomes.never[*limit as usize] += 1;
                key.never += 1;
            }
        }
    }

    fn settle(&mut self, event: &Event) -> Result<(), Stop> {
        let call = self.calls.take(&event.id).ok_or_else(|| {
            Stop::Event(format!(
                "`id`: no call to settle is named `{}`: none before this line was, or it is settled already",
                excerpt(&event.id)
            ))
        })?;
        let key = call.key();
        let name = &self.keys.key(key).name;
        if event.key() != DEFAULT_KEY && event.key() != &**name {
            return Err(Stop::Event(format!(
                "`key`: the call `{}` was made by `{}`, found `{}`",
                excerpt(&event.id),
                excerpt(name),
                excerpt(event.key())
            )));
        }
        match call {
            Call::Open(call) => self.settle_call(call, event.tokens, event.time),
            Call::Refused(_) => self.tally.settles.of_refused += 1,
        }
        self.write_unasked(key, event, EventKind::Settle, Outcome::Settled)
    }

    /// Settles a call with the tokens it used, or by what it reserved if that is not known.
    fn settle_call(&mut self, call: OpenCall, tokens: Option<u64>, at: Nanos) {
        let (reserved, at) = (call.reservation.cost().tokens, Timestamp::both(at));
        match tokens {
            Some(tokens) => self.limiter.settle(call.reservation, tokens, at),
            None => self.limiter.settle_by_estimate(call.reservation, at),
        }
        self.tally.settles.of_admitted += 1;
        self.tally.settles.by_estimate += u64::from(tokens.is_none());
        self.tally.plan(call.plan).settle(reserved, tokens.unwrap_or(reserved));
    }

    fn change_plan(&mut self, event: &Event) -> Result<(), Stop> {
        let key = self.key(event)?;
        let plan = self.plan_of(key, event)?;
        self.limiter.change_plan(&key, self.plan_ids[plan], Timestamp::both(event.time));
        self.tally.plan_changes += 1;
        self.write_unasked(key, event, EventKind::Plan, Outcome::Changed)
    }

    /// Writes down how a key stands after an event that asked nothing of the limiter.
    fn write_unasked(
        &mut self,
        key: KeyId,
        event: &Event,
        kind: EventKind,
        outcome: Outcome<'_>,
    ) -> Result<(), Stop> {
        let Some(decisions) = &mut self.decisions else { return Ok(()) };
        let at = Timestamp::both(event.time);
        let plan = self.plan_ids[self.keys.key(key).plan];
        let (_, standing) = self.limiter.peek(&key, plan, Cost::default(), at);
        Ok(decisions.write(&row(&self.keys.key(key).name, event, kind, outcome, &standing))?)
    }

    #[inline]
    fn key(&mut self, event: &Event) -> Result<KeyId, Stop> {
        self.keys.number(event.key()).ok_or_else(|| too_many_keys(event.key()))
    }

    /// The plan a key is on, which is the last that the trace gave it.
    #[inline]
    fn plan_of(&mut self, key: KeyId, event: &Event) -> Result<usize, Stop> {
        let key = self.keys.key(key);
        if !event.plan.is_empty() && self.plans.name(key.plan) != event.plan {
            key.plan =
                self.plans.find(&event.plan).map_err(|unknown| Stop::Event(format!("`plan`: {unknown}")))?;
        }
        Ok(key.plan)
    }

    /// Ends the replay: the decisions come to stand in their place.
    pub(super) fn finish(self) -> anyhow::Result<Outcomes> {
        // No key got this far without a number; this is the table's own word on having had room for all.
        if self.limiter.overflowed() > 0 {
            anyhow::bail!("the keys did not fit into the table: raise --keys");
        }
        if let Some(decisions) = self.decisions {
            decisions.finish().context("writing the decisions")?;
        }
        Ok(Outcomes { tally: self.tally, unsettled: self.calls.open(), keys: self.keys.into_vec() })
    }
}

#[cold]
fn too_many_keys(key: &str) -> Stop {
    Stop::Event(format!("`key`: no room for one more key, `{}`: raise --keys", excerpt(key)))
}

fn row<'a>(
    key: &'a str,
    event: &Event,
    kind: EventKind,
    outcome: Outcome<'a>,
    standing: &Standing<'_>,
) -> Row<'a> {
    Row { time: event.time, key, kind, outcome, requests: standing.status(LimitId::RequestsWindow) }
}
