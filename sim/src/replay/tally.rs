//! What is counted during a replay, and the report made of it.

use super::keys::Key;
use crate::plans::PlanSet;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate::{LimitId, LimitSet, Nanos};

const LIMITS: usize = LimitId::ALL.len();

/// How many of the keys hit hardest are told.
const HARDEST: usize = 10;

/// Running counts.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) settles: Settles,
    pub(super) plan_changes: u64,
    plans: Vec<PlanCounts>,
    /// The first and the last event's time.
    span: Option<(Nanos, Nanos)>,
    /// Denied calls by minute since 1970; minutes without any are left out.
    denials: Vec<(u64, u64)>,
}

/// Settles of calls.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settles {
    /// Of admitted calls.
    pub(super) of_admitted: u64,
    /// Of these, the ones that did not say how many tokens were used.
    pub(super) by_estimate: u64,
    /// Of calls that had been denied; they change nothing.
    pub(super) of_refused: u64,
}

/// What became of the calls made under a plan.
#[derive(Clone, Debug, Default)]
pub(super) struct PlanCounts {
    pub(super) calls: u64,
    pub(super) admitted: u64,
    /// By the limit that denied, that never admits, that would have denied were it not in shadow.
    pub(super) denied: [u64; LIMITS],
    pub(super) never: [u64; LIMITS],
    pub(super) shadow: [u64; LIMITS],
    pub(super) tokens: Tokens,
}

/// Tokens of calls. Sums saturate.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tokens {
    /// Asked for by all calls.
    pub(super) asked: u64,
    /// Reserved by the admitted ones.
    pub(super) reserved: u64,
    /// Charged in the end: reserved, with the settled calls at what they really used.
    pub(super) charged: u64,
}

impl PlanCounts {
    #[inline]
    pub(super) fn ask(&mut self, tokens: u64) {
        self.calls += 1;
        self.tokens.asked = self.tokens.asked.saturating_add(tokens);
    }

    #[inline]
    pub(super) fn admit(&mut self, tokens: u64, shadow: LimitSet) {
        self.admitted += 1;
        self.tokens.reserved = self.tokens.reserved.saturating_add(tokens);
        self.tokens.charged = self.tokens.charged.saturating_add(tokens);
        if !shadow.is_empty() {
            shadow.iter().for_each(|limit| self.shadow[limit as usize] += 1);
        }
    }

    #[inline]
    pub(super) fn settle(&mut self, reserved: u64, actual: u64) {
        self.tokens.charged = self.tokens.charged.saturating_add(actual).saturating_sub(reserved);
    }

    pub(super) fn denials(&self) -> u64 {
        self.denied.iter().sum()
    }

    pub(super) fn nevers(&self) -> u64 {
        self.never.iter().sum()
    }
}

impl Tally {
    pub(super) fn new(plans: usize) -> Self {
        Self {
            settles: Settles::default(),
            plan_changes: 0,
            plans: vec![PlanCounts::default(); plans],
            span: None,
            denials: Vec::new(),
        }
    }

    /// Notes the time of an event.
    #[inline]
    pub(super) fn at(&mut self, time: Nanos) {
        let first = self.span.map_or(time, |(first, _)| first);
        self.span = Some((first, time));
    }

    /// The counts of a plan, by its place in the plan set.
    #[inline]
    pub(super) fn plan(&mut self, plan: usize) -> &mut PlanCounts {
        &mut self.plans[plan]
    }

    /// Notes when a call was denied. Times come in order, so only the last minute can grow.
    #[inline]
    pub(super) fn denial(&mut self, time: Nanos) {
        let minute = time.get() / Nanos::MINUTE.get();
        match self.denials.last_mut() {
            Some((last, denials)) if *last == minute => *denials += 1,
            _ => self.denials.push((minute, 1)),
        }
    }
}

/// All that was counted, at the end.
#[derive(Debug)]
pub(super) struct Outcomes {
    pub(super) tally: Tally,
    /// Admitted calls with an id that were never settled.
    pub(super) unsettled: u64,
    pub(super) keys: Vec<Key>,
}

/// Counts by the names of limits.
pub(super) type ByLimit = BTreeMap<Arc<str>, u64>;

/// The outcome of a replay, ready to be told.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) files: &'a [String],
    pub(super) span: Option<(Nanos, Nanos)>,
    pub(super) total: PlanReport,
    /// The plans under which calls were made, or that keys ended on.
    pub(super) plans: Vec<PlanReport>,
    pub(super) settles: Settles,
    pub(super) unsettled: u64,
    pub(super) plan_changes: u64,
    pub(super) keys_denied: usize,
    pub(super) hardest: Vec<HardKey>,
    /// Denied calls by minute since 1970; minutes without any are left out.
    pub(super) denials: Vec<(u64, u64)>,
}

/// What became of the calls made under one plan, or under all.
#[derive(Debug, Default)]
pub(super) struct PlanReport {
    pub(super) name: String,
    /// Keys that were on it at the end.
    pub(super) keys: usize,
    pub(super) calls: u64,
    pub(super) admitted: u64,
    pub(super) denied: u64,
    pub(super) never: u64,
    pub(super) denied_by: ByLimit,
    pub(super) never_by: ByLimit,
    pub(super) shadow_by: ByLimit,
    pub(super) tokens: Tokens,
}

/// A key with denied calls.
#[derive(Debug)]
pub(super) struct HardKey {
    pub(super) name: Arc<str>,
    pub(super) plan: String,
    pub(super) calls: u64,
    pub(super) denied: u64,
    pub(super) never: u64,
    pub(super) denied_by: ByLimit,
    pub(super) first: Nanos,
    pub(super) last: Nanos,
}

impl<'a> Report<'a> {
    pub(super) fn new(files: &'a [String], plans: &PlanSet, outcomes: Outcomes) -> Self {
        let Outcomes { tally, unsettled, keys } = outcomes;
        let mut reports: Vec<_> =
            tally.plans.iter().enumerate().map(|(at, counts)| PlanReport::new(plans, at, counts)).collect();
        for key in &keys {
            reports[key.plan].keys += 1;
        }
        let mut total = PlanReport { keys: keys.len(), ..PlanReport::default() };
        reports.iter().for_each(|report| total.add(report));
        reports.retain(|report| report.calls > 0 || report.keys > 0);
        Self {
            files,
            span: tally.span,
            total,
            plans: reports,
            settles: tally.settles,
            unsettled,
            plan_changes: tally.plan_changes,
            keys_denied: keys.iter().filter(|key| key.denials() > 0).count(),
            hardest: hardest(keys, plans),
            denials: tally.denials,
        }
    }
}

/// The keys with the most denied calls, of equal ones the first to appear.
fn hardest(keys: Vec<Key>, plans: &PlanSet) -> Vec<HardKey> {
    let mut keys: Vec<_> = keys.into_iter().filter(|key| key.denials() > 0).collect();
    keys.sort_by_key(|key| Reverse(key.denials()));
    keys.truncate(HARDEST);
    let told = |key: Key| HardKey {
        plan: plans.name(key.plan).to_owned(),
        calls: key.calls,
        denied: key.denials(),
        never: key.never,
        denied_by: by_name(plans, &key.denied),
        first: key.first_denied,
        last: key.last_denied,
        name: key.name,
    };
    keys.into_iter().map(told).collect()
}

impl PlanReport {
    fn new(plans: &PlanSet, plan: usize, counts: &PlanCounts) -> Self {
        Self {
            name: plans.name(plan).to_owned(),
            keys: 0,
            calls: counts.calls,
            admitted: counts.admitted,
            denied: counts.denials(),
            never: counts.nevers(),
            denied_by: by_limit(plans, plan, &counts.denied),
            never_by: by_limit(plans, plan, &counts.never),
            shadow_by: by_limit(plans, plan, &counts.shadow),
            tokens: counts.tokens,
        }
    }

    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.admitted += other.admitted;
        self.denied += other.denied;
        self.never += other.never;
        add_all(&mut self.denied_by, &other.denied_by);
        add_all(&mut self.never_by, &other.never_by);
        add_all(&mut self.shadow_by, &other.shadow_by);
        self.tokens.asked = self.tokens.asked.saturating_add(other.tokens.asked);
        self.tokens.reserved = self.tokens.reserved.saturating_add(other.tokens.reserved);
        self.tokens.charged = self.tokens.charged.saturating_add(other.tokens.charged);
    }
}

fn add_all(sums: &mut ByLimit, more: &ByLimit) {
    for (name, count) in more {
        *sums.entry(name.clone()).or_default() += count;
    }
}

/// Counts under the names that the plan's limits have.
fn by_limit(plans: &PlanSet, plan: usize, counts: &[u64; LIMITS]) -> ByLimit {
    let counts: Vec<_> =
        LimitId::ALL.into_iter().zip(counts).map(|(limit, count)| (plan, limit, *count)).collect();
    by_name(plans, &counts)
}

/// Counts by plan and limit, under the names of the limits; zeros are left out.
fn by_name(plans: &PlanSet, counts: &[(usize, LimitId, u64)]) -> ByLimit {
    let mut named = ByLimit::new();
    for (plan, limit, count) in counts.iter().filter(|(_, _, count)| *count > 0) {
        if let Some(limit) = plans.plan(*plan).limit(*limit) {
            *named.entry(limit.name()).or_default() += count;
        }
    }
    named
}
