//! Policies by name: the textbook ones, and what released clients do.
//!
//! The clients' figures were read from the packages named, in November 2026; `docs/simulate.md` has the table.

use super::{Answers, Backoff, Budget, Hints, Longer, Policy, Precision};
use tidegate::Nanos;

/// Every name that [`named`] knows.
pub(crate) const NAMES: [&str; 33] = [
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
    "openai-node-7",
    "anthropic-python",
    "anthropic-node",
    "vercel-ai",
    "async-openai",
    "google-genai",
    "cohere-python",
    "google-genai-node",
    "google-api-core",
    "botocore",
    "mistralai-python",
    "reqwest-retry",
    "codex-cli",
    "litellm",
    "urllib3",
    "requests",
    "httpx",
    "axios-retry",
    "axios-retry-exponential",
    "ky",
    "got",
    "retry-after-seconds",
];

/// Whether the client of that name retries only methods that may be repeated, so no POST.
pub(crate) fn is_idempotent_only(name: &str) -> bool {
    matches!(name, "urllib3" | "axios-retry" | "axios-retry-exponential" | "ky" | "got")
}

/// The policy of a name, with its default numbers.
pub(crate) fn named(name: &str) -> Option<Policy> {
    Some(match name {
        "none" | "requests" | "httpx" => ignoring(0, constant(0.0)),
        "immediate" => ignoring(10, constant(0.0)),
        "fixed" => ignoring(10, constant(1.0)),
        // 2^attempt + U(0, 1) s, at most five tries.
        "documented" => ignoring(4, plus(exponential(1.0, f64::MAX, (1.0, 1.0)), 1.0)),
        "exponential" => ignoring(6, exponential(1.0, 60.0, (1.0, 1.0))),
        "full-jitter" => ignoring(6, exponential(1.0, 60.0, (0.0, 1.0))),
        "equal-jitter" => ignoring(6, exponential(1.0, 60.0, (0.5, 1.0))),
        "decorrelated-jitter" => ignoring(6, Backoff::Decorrelated { base: 1.0, cap: 60.0 }),
        "retry-after" => listening(6, exponential(1.0, 60.0, (0.5, 1.0)), STOPPING),
        "retry-after-seconds" => listening(6, exponential(1.0, 60.0, (0.5, 1.0)), SECONDS),
        _ => return client(name),
    })
}

/// What a released client does.
fn client(name: &str) -> Option<Policy> {
    Some(match name {
        // openai-python 3.54.0: a hint of more than 120 s is not waited for.
        "openai-python" => stainless(up_to(120_000, Longer::GiveUp, STOPPING)),
        // openai-node 6.49.0, anthropic-python 2.12.0: no cap that a limit's hint could reach.
        "openai-node" | "anthropic-python" => stainless(STOPPING),
        // openai-node 7.59.0: a hint of more than a minute is not believed.
        "openai-node-7" => stainless(up_to(60_000, Longer::OwnBackoff, STOPPING)),
        // @anthropic-ai/sdk 1.13.0: up to 2³¹ − 1 ms, its timer's range.
        "anthropic-node" => stainless(up_to((1 << 31) - 1, Longer::OwnBackoff, STOPPING)),
        // ai 6.0.326: hints below 60 s.
        "vercel-ai" => Policy {
            on: WITHOUT_TIMEOUTS,
            ..listening(
                2,
                exponential(2.0, f64::MAX, (1.0, 1.0)),
                up_to(59_999, Longer::OwnBackoff, MILLISECONDS),
            )
        },
        // async-openai 0.43.0: whole seconds, uncapped.
        "async-openai" => {
            Policy { on: WITHOUT_TIMEOUTS, ..listening(3, exponential(0.1, 8.0, (1.0, 1.0)), SECONDS) }
        }
        // google-genai 3.4.0 with `retry_options`: five attempts, no header read.
        "google-genai" => released(ignoring(4, plus(exponential(1.0, 60.0, (1.0, 1.0)), 1.0))),
        // @google/genai 2.32.0 with its retry options: five attempts by p-retry, randomized.
        "google-genai-node" => {
            Policy { on: WITHOUT_TIMEOUTS, ..ignoring(4, exponential(1.0, 60.0, (1.0, 2.0))) }
        }
        // cohere 7.3.1.
        "cohere-python" => Policy {
            on: WITHOUT_TIMEOUTS,
            ..listening(2, exponential(1.0, 60.0, (0.9, 1.1)), up_to(60_000, Longer::Cap, MILLISECONDS))
        },
        // google-api-core 2.44.0: for two minutes in all.
        "google-api-core" => Policy {
            on: WITHOUT_TIMEOUTS,
            deadline: Some(Nanos::from_secs(120)),
            ..ignoring(u16::MAX, exponential(1.0, 60.0, (0.0, 1.0)))
        },
        // botocore 1.44.5, mode `standard`: two retries, within a quota of all calls.
        "botocore" => Policy {
            after_failure: Some(exponential(0.05, 20.0, (0.0, 1.0))),
            budget: Some(Budget::Botocore),
            ..released(ignoring(2, exponential(1.0, 20.0, (0.0, 1.0))))
        },
        // mistralai 3.7.0, with the numbers of its documented example: 0.5 s, times 1.5, up to 60 s, for an hour.
        "mistralai-python" => Policy {
            on: WITHOUT_TIMEOUTS,
            deadline: Some(Nanos::from_secs(3_600)),
            ..listening(u16::MAX, plus(growing(0.5, 1.5, 60.0), 1.0), MILLISECONDS)
        },
        // reqwest-retry 0.9.1 with retry-policies 0.5.2; how often is the caller's choice, here three times.
        "reqwest-retry" => released(ignoring(3, exponential(1.0, 1_800.0, (0.0, 1.0)))),
        // Codex CLI: its HTTP layer passes 429 on.
        "codex-cli" => Policy {
            on: Answers { too_many: false, errors: true, timeouts: true, others: false },
            ..ignoring(4, exponential(0.2, f64::MAX, (0.9, 1.1)))
        },
        // LiteLLM 1.110.2 as a client: hints up to 60 s, and up to 0.75 s on top of either wait.
        "litellm" => released(listening(
            2,
            Backoff::Exponential {
                base: 0.5,
                growth: 2.0,
                cap: 8.0,
                factor: (1.0, 1.0),
                plus: 0.75,
                caps_sum: false,
            },
            jittered(0.75, up_to(60_000, Longer::OwnBackoff, SECONDS)),
        )),
        // urllib3 2.8.0, `Retry(10)`: only where a hint says when, up to six hours.
        "urllib3" => {
            released(listening(10, constant(0.0), needing_one(up_to(21_600_000, Longer::Cap, SECONDS))))
        }
        // axios-retry 4.5.0: the hint, or at once.
        "axios-retry" => Policy { on: WITHOUT_TIMEOUTS, ..listening(3, constant(0.0), SECONDS) },
        // The same with `exponentialDelay`.
        "axios-retry-exponential" => {
            Policy { on: WITHOUT_TIMEOUTS, ..listening(3, exponential(0.1, f64::MAX, (1.0, 1.2)), SECONDS) }
        }
        // ky 1.14.3.
        "ky" => {
            Policy { on: WITHOUT_TIMEOUTS, ..listening(2, exponential(0.3, f64::MAX, (1.0, 1.0)), SECONDS) }
        }
        // got 14.6.6: up to 0.1 s on top.
        "got" => released(listening(
            2,
            Backoff::Exponential {
                base: 1.0,
                growth: 2.0,
                cap: f64::MAX,
                factor: (1.0, 1.0),
                plus: 0.1,
                caps_sum: false,
            },
            SECONDS,
        )),
        _ => return None,
    })
}

/// Any hint is taken.
const NO_LONGEST: (Nanos, Longer) = (Nanos::MAX, Longer::Cap);

/// `retry-after-ms`, of any length.
const MILLISECONDS: Hints = honoured(Precision::Milliseconds, false);
/// `Retry-After` in whole seconds, of any length.
const SECONDS: Hints = honoured(Precision::Seconds, false);
/// `retry-after-ms` of any length, and `x-should-retry: false` obeyed.
const STOPPING: Hints = honoured(Precision::Milliseconds, true);

/// 429 and 5xx, as most clients; a timeout is an error to its caller.
const WITHOUT_TIMEOUTS: Answers = Answers { too_many: true, errors: true, timeouts: false, others: false };

const fn exponential(base: f64, cap: f64, factor: (f64, f64)) -> Backoff {
    Backoff::Exponential { base, growth: 2.0, cap, factor, plus: 0.0, caps_sum: true }
}

const fn growing(base: f64, growth: f64, cap: f64) -> Backoff {
    Backoff::Exponential { base, growth, cap, factor: (1.0, 1.0), plus: 0.0, caps_sum: true }
}

const fn constant(wait: f64) -> Backoff {
    exponential(wait, wait, (1.0, 1.0))
}

/// The same with up to so much added at random.
fn plus(backoff: Backoff, seconds: f64) -> Backoff {
    match backoff {
        Backoff::Exponential { base, growth, cap, factor, caps_sum, .. } => {
            Backoff::Exponential { base, growth, cap, factor, plus: seconds, caps_sum }
        }
        decorrelated @ Backoff::Decorrelated { .. } => decorrelated,
    }
}

const fn ignoring(retries: u16, backoff: Backoff) -> Policy {
    listening(retries, backoff, Hints::Ignored)
}

const fn listening(retries: u16, backoff: Backoff, hints: Hints) -> Policy {
    Policy {
        retries,
        deadline: None,
        on: Answers::ALL,
        backoff,
        after_failure: None,
        hints,
        budget: None,
        throttle: None,
    }
}

/// The same, where other statuses than 429 and 5xx are final.
fn released(policy: Policy) -> Policy {
    Policy { on: Answers { others: false, ..Answers::ALL }, ..policy }
}

const fn honoured(precision: Precision, obeys_stop: bool) -> Hints {
    Hints::Honoured { precision, longest: NO_LONGEST, jitter: 0.0, obeys_stop, needs_one: false }
}

/// The same up to so many milliseconds.
fn up_to(millis: u64, longer: Longer, hints: Hints) -> Hints {
    match hints {
        Hints::Honoured { precision, jitter, obeys_stop, needs_one, .. } => {
            let longest = (Nanos::from_millis(millis), longer);
            Hints::Honoured { precision, longest, jitter, obeys_stop, needs_one }
        }
        Hints::Ignored => Hints::Ignored,
    }
}

/// The same with up to so much added at random.
fn jittered(seconds: f64, hints: Hints) -> Hints {
    match hints {
        Hints::Honoured { precision, longest, obeys_stop, needs_one, .. } => {
            Hints::Honoured { precision, longest, jitter: seconds, obeys_stop, needs_one }
        }
        Hints::Ignored => Hints::Ignored,
    }
}

/// The same, and without a hint no retry.
fn needing_one(hints: Hints) -> Hints {
    match hints {
        Hints::Honoured { precision, longest, jitter, obeys_stop, .. } => {
            Hints::Honoured { precision, longest, jitter, obeys_stop, needs_one: true }
        }
        Hints::Ignored => Hints::Ignored,
    }
}

/// The SDKs that one generator writes: two retries, min(0.5·2^k, 8)·U(0.75, 1) s of their own.
fn stainless(hints: Hints) -> Policy {
    released(listening(2, exponential(0.5, 8.0, (0.75, 1.0)), hints))
}
