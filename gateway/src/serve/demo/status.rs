//! What the demonstration's page shows, as JSON.

use super::KEYS;
use crate::serve::gateway::Gateway;
use crate::serve::keys::Digest;
use serde_json::{Value, json};
use tidegate::{Cost, LimitId, Nanos, Standing, Timestamp, Verdict};

/// Keys that were denied most; the demonstration's own two are among them.
const MOST_DENIED: usize = 8;

/// Everything, as it is now.
pub(super) fn status(gateway: &Gateway) -> Value {
    let at = gateway.clock.now();
    let observed = gateway.state.limiter.observed();
    let (blocks, strikes, blocked_calls) = guard(gateway, at);
    json!({
        "keys": KEYS.iter().filter_map(|(key, _)| key_status(gateway, key, at)).collect::<Vec<_>>(),
        "admitted": observed.admitted,
        "denied": observed.denied.total() + observed.never.total() + blocked_calls,
        "under_way": observed.unsettled(),
        "blocked_calls": blocked_calls,
        "strikes": strikes,
        "blocks": blocks,
    })
}

fn key_status(gateway: &Gateway, key: &str, at: Timestamp) -> Option<Value> {
    let digest = Digest::of(key.as_bytes());
    let live = gateway.state.live();
    let known = live.keys.get(&digest)?;
    let limiter = &gateway.state.limiter;
    let (verdict, standing) = limiter.peek(&digest, known.plan, Cost::REQUEST, at);
    let fingerprint = limiter.fingerprint_of(&digest);
    let denied = limiter.most_denied(MOST_DENIED).into_iter().find(|denied| denied.key == fingerprint);
    let limits = LimitId::ALL.into_iter().filter_map(|limit| limit_status(&standing, limit));
    Some(json!({
        "key": key,
        "plan": known.plan_name,
        "denied_by": denied_by(verdict, &standing),
        "retry_after_ms": retry_after(verdict).map(Nanos::as_millis_ceil),
        "denied": denied.map_or(0, |denied| denied.at_most),
        "limits": limits.collect::<Vec<_>>(),
    }))
}

fn denied_by<'a>(verdict: Verdict, standing: &Standing<'a>) -> Option<&'a str> {
    match verdict {
        Verdict::Admit(_) => None,
        Verdict::Deny(denial) => standing.limit_name(denial.limit),
        Verdict::Never(limit) => standing.limit_name(limit),
    }
}

fn retry_after(verdict: Verdict) -> Option<Nanos> {
    match verdict {
        Verdict::Deny(denial) => Some(denial.retry_after),
        Verdict::Admit(_) | Verdict::Never(_) => None,
    }
}

fn limit_status(standing: &Standing<'_>, limit: LimitId) -> Option<Value> {
    let status = standing.status(limit)?;
    Some(json!({
        "name": standing.limit_name(limit),
        "limit": status.limit,
        "remaining": status.remaining,
        "reset_after_ms": status.reset_after.as_millis_ceil(),
    }))
}

/// The addresses that are blocked; strikes so far, and calls that a block refused.
fn guard(gateway: &Gateway, at: Timestamp) -> (Vec<Value>, u64, u64) {
    let Some(guard) = gateway.guard() else { return (Vec::new(), 0, 0) };
    let block = |block: tidegate::guard::BlockedNetwork| {
        json!({
            "network": block.network.to_string(),
            "remaining_ms": block.remaining.as_millis_ceil(),
            "before": block.before,
        })
    };
    let statistics = guard.statistics(at);
    (guard.blocks(at).map(block).collect(), statistics.strikes, statistics.blocked_calls)
}
