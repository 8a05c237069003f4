//! From the field `retry` to a policy.

use super::fault::{Fault, Resolved};
use super::raw::{RawBudget, RawEnvoy, RawFinagle, RawGrpc, RawMethod, RawRetry, RawRetryTable, RawThrottle};
use crate::simulate::policy::{Backoff, Budget, Hints, NAMES, Policy, Throttle, is_idempotent_only, named};
use std::ops::Range;
use tidegate::Nanos;
use tidegate::config::TimeSpan;
use tidegate_faults::excerpt;
use toml::Spanned;

pub(super) fn retry(raw: Spanned<RawRetry>) -> Resolved<(String, Policy)> {
    let span = raw.span();
    match raw.into_inner() {
        RawRetry::Name(name) => {
            let policy = policy(&name, span)?;
            Ok((name, policy))
        }
        RawRetry::Table(table) => {
            let mut policy = policy(table.policy.get_ref(), table.policy.span())?;
            adjust(&mut policy, &table)?;
            Ok((table.policy.into_inner(), policy))
        }
    }
}

fn policy(name: &str, span: Range<usize>) -> Resolved<Policy> {
    named(name).ok_or_else(|| {
        let list = NAMES.map(|name| format!("`{name}`")).join(", ");
        Fault::new(span, format!("unknown retry policy `{}`, expected one of {list}", excerpt(name)))
            .suggesting(name, NAMES)
    })
}

/// Gives a policy the table's numbers; refuses those that it has no use for.
fn adjust(policy: &mut Policy, table: &RawRetryTable) -> Resolved<()> {
    let name = table.policy.get_ref();
    let useless = |field: &str, span| Fault::new(span, format!("the policy `{name}` has no `{field}`"));
    if let Some(retries) = &table.retries {
        policy.retries = *retries.get_ref();
    }
    if let Some(delay) = &table.delay {
        match &mut policy.backoff {
            Backoff::Exponential { base, cap, .. } if name == "fixed" => {
                (*base, *cap) = (secs(delay), secs(delay));
            }
            _ => return Err(useless("delay", delay.span())),
        }
    }
    // As the policy comes, for a base as long as the cap leaves it nothing to grow by.
    let grows = policy.backoff.grows();
    for (field, value) in [("base", &table.base), ("cap", &table.cap)] {
        let Some(value) = value else { continue };
        if !grows {
            return Err(useless(field, value.span()));
        }
        let (Backoff::Exponential { base, cap, .. } | Backoff::Decorrelated { base, cap }) =
            &mut policy.backoff;
        *(if field == "base" { base } else { cap }) = secs(value);
    }
    if let Some(more) = &table.jitter {
        match &mut policy.hints {
            Hints::Honoured { jitter, .. } => *jitter = secs(more),
            Hints::Ignored => return Err(useless("jitter", more.span())),
        }
    }
    if let Some(deadline) = &table.deadline {
        policy.deadline = Some(deadline.get_ref().0);
    }
    match &table.method {
        Some(method) if !is_idempotent_only(name) => {
            let problem = format!("the policy `{name}` retries every `method` alike");
            return Err(Fault::new(method.span(), problem));
        }
        Some(method) if *method.get_ref() == RawMethod::Post => policy.retries = 0,
        _ => {}
    }
    if let Some(raw) = &table.budget {
        policy.budget = Some(budget(raw)?);
    }
    if let Some(raw) = &table.adaptive_throttling {
        policy.throttle = Some(throttle(raw)?);
    }
    Ok(())
}

fn budget(raw: &Spanned<RawBudget>) -> Resolved<Budget> {
    let refuse = |expected: &str| Err(Fault::new(raw.span(), format!("expected {expected}")));
    let is_share = |value: f64| (0.0..=1_000.0).contains(&value);
    Ok(match raw.get_ref() {
        RawBudget::Finagle(RawFinagle { ttl, min_per_second, share }) => {
            if ttl.0 < Nanos::from_millis(1) || !is_share(*min_per_second) || !is_share(*share) {
                return refuse("a `ttl` of at least \"1ms\", `min_per_second` and `share` from 0 to 1000");
            }
            Budget::Finagle { ttl: ttl.0, min_per_second: *min_per_second, share: *share }
        }
        RawBudget::Envoy(RawEnvoy { share, .. }) if !is_share(*share) => {
            return refuse("a `share` from 0 to 1000");
        }
        RawBudget::Envoy(RawEnvoy { share, min_concurrency }) => {
            Budget::Envoy { share: *share, min_concurrency: *min_concurrency }
        }
        RawBudget::Grpc(RawGrpc { max_tokens, ratio }) => {
            if !is_share(*max_tokens) || !is_share(*ratio) {
                return refuse("`max_tokens` and `ratio` from 0 to 1000");
            }
            Budget::Grpc { max_tokens: *max_tokens, ratio: *ratio }
        }
    })
}

fn throttle(raw: &Spanned<RawThrottle>) -> Resolved<Throttle> {
    let RawThrottle { k, window } = raw.get_ref();
    if !(1.0..=1_000.0).contains(k) || window.0 < Nanos::from_millis(1) {
        let expected = "expected `k` from 1 to 1000 and a `window` of at least \"1ms\"";
        return Err(Fault::new(raw.span(), expected));
    }
    Ok(Throttle { k: *k, window: window.0 })
}

fn secs(span: &Spanned<TimeSpan>) -> f64 {
    span.get_ref().0.as_secs_f64()
}
