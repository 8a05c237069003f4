//! From the field `retry` to a policy.

use super::fault::{Fault, Resolved};
use super::raw::{RawRetry, RawRetryTable};
use crate::simulate::policy::{Backoff, Hints, NAMES, Policy, named};
use std::ops::Range;
use tidegate::config::TimeSpan;
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
        Fault::new(span, format!("unknown retry policy `{name}`, expected one of {list}"))
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
    for (field, value) in [("base", &table.base), ("cap", &table.cap)] {
        let Some(value) = value else { continue };
        if matches!(name.as_str(), "none" | "immediate" | "fixed") {
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
    Ok(())
}

fn secs(span: &Spanned<TimeSpan>) -> f64 {
    span.get_ref().0.as_secs_f64()
}
