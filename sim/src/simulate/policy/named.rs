//! Policies by name: the textbook ones, and what released SDKs do.
//!
//! The SDKs' figures were read from the packages named, in November 2026; `docs/simulate.md` has the table.

use super::{Backoff, Hints, Longer, Policy, Precision};
use tidegate::Nanos;

/// Every name that [`named`] knows.
pub(crate) const NAMES: [&str; 17] = [
    "none",
    "immediate",
    "fixed",
    "documented",
    "exponential",
    "full-jitter",
    "equal-jitter",
    "decorrelated-jitter",
    "retry-after",
    "openai-python",
    "openai-node",
    "anthropic-python",
    "anthropic-node",
    "vercel-ai",
    "async-openai",
    "google-genai",
    "cohere-python",
];

/// The policy of a name, with its default numbers.
pub(crate) fn named(name: &str) -> Option<Policy> {
    Some(match name {
        "none" => ignoring(0, constant(0.0)),
        "immediate" => ignoring(10, constant(0.0)),
        "fixed" => ignoring(10, constant(1.0)),
        // 2^attempt + U(0, 1) s, at most five tries.
        "documented" => ignoring(4, exponential(1.0, f64::MAX, (1.0, 1.0), 1.0)),
        "exponential" => ignoring(6, exponential(1.0, 60.0, (1.0, 1.0), 0.0)),
        "full-jitter" => ignoring(6, exponential(1.0, 60.0, (0.0, 1.0), 0.0)),
        "equal-jitter" => ignoring(6, exponential(1.0, 60.0, (0.5, 1.0), 0.0)),
        "decorrelated-jitter" => ignoring(6, Backoff::Decorrelated { base: 1.0, cap: 60.0 }),
        "retry-after" => Policy {
            retries: 6,
            backoff: exponential(1.0, 60.0, (0.5, 1.0), 0.0),
            hints: honoured(Precision::Milliseconds, NO_LONGEST, true),
        },
        // openai-python 3.54.0: a hint of more than 120 s is not waited for.
        "openai-python" => {
            stainless(honoured(Precision::Milliseconds, (Nanos::from_secs(120), Longer::GiveUp), true))
        }
        // openai-node 6.49.0, anthropic-python 2.12.0: no cap that a limit's hint could reach.
        "openai-node" | "anthropic-python" => stainless(honoured(Precision::Milliseconds, NO_LONGEST, true)),
        // @anthropic-ai/sdk 1.13.0: up to 2³¹ − 1 ms, its timer's range.
        "anthropic-node" => stainless(honoured(
            Precision::Milliseconds,
            (Nanos::from_millis((1 << 31) - 1), Longer::OwnBackoff),
            true,
        )),
        // ai 6.0.326.
        "vercel-ai" => Policy {
            retries: 2,
            backoff: exponential(2.0, f64::MAX, (1.0, 1.0), 0.0),
            hints: honoured(Precision::Milliseconds, (Nanos::new(59_999_999_999), Longer::OwnBackoff), false),
        },
        // async-openai 0.43.0: whole seconds, uncapped.
        "async-openai" => Policy {
            retries: 3,
            backoff: exponential(0.1, 8.0, (1.0, 1.0), 0.0),
            hints: honoured(Precision::Seconds, NO_LONGEST, false),
        },
        // google-genai 3.4.0 with `retry_options`: five attempts, no header read.
        "google-genai" => ignoring(4, exponential(1.0, 60.0, (1.0, 1.0), 1.0)),
        // cohere 7.3.1.
        "cohere-python" => Policy {
            retries: 2,
            backoff: exponential(1.0, 60.0, (0.9, 1.1), 0.0),
            hints: honoured(Precision::Milliseconds, (Nanos::from_secs(60), Longer::Cap), false),
        },
        _ => return None,
    })
}

/// Any hint is taken.
const NO_LONGEST: (Nanos, Longer) = (Nanos::MAX, Longer::Cap);

const fn exponential(base: f64, cap: f64, factor: (f64, f64), plus: f64) -> Backoff {
    Backoff::Exponential { base, cap, factor, plus }
}

const fn constant(wait: f64) -> Backoff {
    exponential(wait, wait, (1.0, 1.0), 0.0)
}

const fn ignoring(retries: u16, backoff: Backoff) -> Policy {
    Policy { retries, backoff, hints: Hints::Ignored }
}

const fn honoured(precision: Precision, longest: (Nanos, Longer), obeys_stop: bool) -> Hints {
    Hints::Honoured { precision, longest, jitter: 0.0, obeys_stop }
}

/// The SDKs that one generator writes: two retries, min(0.5·2^k, 8)·U(0.75, 1) s of their own.
const fn stainless(hints: Hints) -> Policy {
    Policy { retries: 2, backoff: exponential(0.5, 8.0, (0.75, 1.0), 0.0), hints }
}
