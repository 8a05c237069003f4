//! The summary as one JSON object. `docs/replay.md` describes it; a change that breaks readers raises [`VERSION`].

use super::tally::{ByLimit, HardKey, PlanReport, Report};
use crate::trace::Seconds;
use serde::Serialize;
use std::collections::BTreeMap;
use tidegate::Nanos;

const VERSION: u32 = 1;

/// Counts by the names of limits; zeros are left out.
type Counts<'a> = BTreeMap<&'a str, u64>;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    files: &'a [String],
    /// Unix seconds with nine decimals, as text: a JSON number would lose some.
    first: Option<String>,
    last: Option<String>,
    keys: usize,
    keys_denied: usize,
    total: Outcome<'a>,
    plans: Vec<Named<'a>>,
    settles: Settles,
    plan_changes: u64,
    hardest_keys: Vec<Key<'a>>,
    denials_by_minute: Vec<Minute>,
}

#[derive(Serialize)]
struct Named<'a> {
    plan: &'a str,
    keys: usize,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    calls: u64,
    admitted: u64,
    denied: u64,
    never: u64,
    denied_by: Counts<'a>,
    never_by: Counts<'a>,
    shadow_denied_by: Counts<'a>,
    tokens_asked: u64,
    tokens_reserved: u64,
    tokens_charged: u64,
}

#[derive(Serialize)]
struct Settles {
    admitted_calls: u64,
    by_estimate: u64,
    refused_calls: u64,
    open_calls: u64,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
    plan: &'a str,
    calls: u64,
    denied: u64,
    never: u64,
    denied_by: Counts<'a>,
    first_denied: String,
    last_denied: String,
}

#[derive(Serialize)]
struct Minute {
    /// The Unix second at which the minute begins.
    start: u64,
    denied: u64,
}

/// The object, and a line end.
pub(super) fn render(report: &Report<'_>) -> anyhow::Result<String> {
    let document = Document {
        version: VERSION,
        files: report.files,
        first: report.span.map(|(first, _)| seconds(first)),
        last: report.span.map(|(_, last)| seconds(last)),
        keys: report.total.keys,
        keys_denied: report.keys_denied,
        total: outcome(&report.total),
        plans: report.plans.iter().map(named).collect(),
        settles: Settles {
            admitted_calls: report.settles.of_admitted,
            by_estimate: report.settles.by_estimate,
            refused_calls: report.settles.of_refused,
            open_calls: report.unsettled,
        },
        plan_changes: report.plan_changes,
        hardest_keys: report.hardest.iter().map(key).collect(),
        denials_by_minute: report.denials.iter().map(minute).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn named(plan: &PlanReport) -> Named<'_> {
    Named { plan: &plan.name, keys: plan.keys, outcome: outcome(plan) }
}

fn outcome(plan: &PlanReport) -> Outcome<'_> {
    Outcome {
        calls: plan.calls,
        admitted: plan.admitted,
        denied: plan.denied,
        never: plan.never,
        denied_by: counts(&plan.denied_by),
        never_by: counts(&plan.never_by),
        shadow_denied_by: counts(&plan.shadow_by),
        tokens_asked: plan.tokens.asked,
        tokens_reserved: plan.tokens.reserved,
        tokens_charged: plan.tokens.charged,
    }
}

fn key(key: &HardKey) -> Key<'_> {
    Key {
        key: &key.name,
        plan: &key.plan,
        calls: key.calls,
        denied: key.denied,
        never: key.never,
        denied_by: counts(&key.denied_by),
        first_denied: seconds(key.first),
        last_denied: seconds(key.last),
    }
}

fn minute((minute, denied): &(u64, u64)) -> Minute {
    Minute { start: minute * 60, denied: *denied }
}

fn counts(by_limit: &ByLimit) -> Counts<'_> {
    by_limit.iter().map(|(name, count)| (&**name, *count)).collect()
}

fn seconds(time: Nanos) -> String {
    Seconds(time).to_string()
}
