//! What is told of keys, limits and plans, in JSON.

use crate::fields::{Fields, HeaderSet};
use crate::serve::keys::Known;
use serde_json::{Map, Value, json};
use tidegate::{LimitId, LimitSet, Mode, Nanos, Plan, Span, Standing, Verdict};

/// A key as it stands.
pub(super) fn key(known: &Known, standing: &Standing<'_>) -> Value {
    json!({
        "name": known.name,
        "plan": {
            "configured": known.plan_name,
            "in_force": standing.plan().name(),
            "is_own": standing.has_own_plan(),
        },
        "limits": limits(standing),
    })
}

/// All limits of a key.
pub(super) fn limits(standing: &Standing<'_>) -> Vec<Value> {
    let limit = |id| {
        let (status, limit) = (standing.status(id)?, standing.plan().limit(id)?);
        Some(json!({
            "name": standing.limit_name(id),
            "unit": id.unit().name(),
            "limit": status.limit,
            "ceiling": limit.ceiling(),
            "remaining": status.remaining,
            "reset_after_seconds": seconds(status.reset_after),
            "window_seconds": seconds(status.window),
            "mode": mode(limit.mode()),
        }))
    };
    LimitId::ALL.into_iter().filter_map(limit).collect()
}

/// A plan.
pub(super) fn plan(plan: &Plan) -> Value {
    let limits = plan.limits().map(|(id, limit)| {
        json!({
            "name": &*limit.name(),
            "unit": id.unit().name(),
            "amount": limit.amount(),
            "window_seconds": match limit.span() {
                Span::Window(window) => seconds(window),
                Span::Day => seconds(Nanos::DAY),
            },
            "is_day": id.is_day(),
            "ceiling": limit.ceiling(),
            "mode": mode(limit.mode()),
        })
    });
    json!({ "name": plan.name(), "limits": limits.collect::<Vec<_>>(), "slotted_hints": plan.has_slotted_hints() })
}

/// What a call would be told.
pub(super) fn verdict(verdict: Verdict, standing: &Standing<'_>) -> Value {
    let name = |limit| standing.limit_name(limit).unwrap_or_default();
    let names = |limits: LimitSet| limits.iter().map(name).collect::<Vec<_>>();
    let headers: Map<String, Value> = Fields::new(HeaderSet::default(), verdict, standing)
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let (said, limit, retry_after, shadow) = match verdict {
        Verdict::Admit(shadow) => ("admit", None, None, names(shadow)),
        Verdict::Deny(denial) => ("deny", Some(name(denial.limit)), Some(denial.retry_after), Vec::new()),
        Verdict::Never(limit) => ("never", Some(name(limit)), None, Vec::new()),
    };
    json!({
        "verdict": said,
        "limit": limit,
        "retry_after_seconds": retry_after.map(seconds),
        "shadow": shadow,
        "headers": headers,
    })
}

pub(super) fn seconds(time: Nanos) -> f64 {
    time.as_secs_f64()
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Shadow => "shadow",
    }
}
