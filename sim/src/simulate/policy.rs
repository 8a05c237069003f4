//! What a client does after a 429 or a failure: wait how long, or give up.

mod budget;
mod named;
mod throttle;

pub(crate) use budget::{Budget, Purse, Standing};
pub(crate) use named::{NAMES, is_idempotent_only, named};
pub(crate) use throttle::{History, Throttle};

use super::draws::{Draw, Draws, Purpose};
use tidegate::headers::Retry;
use tidegate::{LimitId, Nanos};

/// How a client treats a call that was denied, or failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    /// The most retries of one call.
    pub(crate) retries: u16,
    /// No retry is sent later than this after a call's first attempt; `None` for any.
    pub(crate) deadline: Option<Nanos>,
    /// After which answers it tries again.
    pub(crate) on: Answers,
    /// The wait of the client's own making.
    pub(crate) backoff: Backoff,
    /// The same where it was not a 429; `None` if there is no difference.
    pub(crate) after_failure: Option<Backoff>,
    /// What it makes of the server's hint.
    pub(crate) hints: Hints,
    /// What it allows itself in retries over several calls.
    pub(crate) budget: Option<Budget>,
    /// Whether it holds attempts back that would be refused anyway.
    pub(crate) throttle: Option<Throttle>,
}

/// After which answers a client tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    /// 429.
    pub(crate) too_many: bool,
    /// 5xx.
    pub(crate) errors: bool,
    /// None in time.
    pub(crate) timeouts: bool,
    /// Any other that is no success, as a guard may send.
    pub(crate) others: bool,
}

/// The client's own wait before retry k, counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Backoff {
    /// `min(base·growth^k, cap)·U(low, high) + U(0, plus)`. A constant wait is one whose cap is its base.
    Exponential {
        /// The wait before the first retry, in seconds.
        base: f64,
        /// So many times as long each time.
        growth: f64,
        /// The longest wait, in seconds.
        cap: f64,
        /// Random factor, from and to.
        factor: (f64, f64),
        /// The most that is added at random, in seconds.
        plus: f64,
        /// Whether the cap holds with that added.
        caps_sum: bool,
    },
    /// `min(U(base, 3·previous), cap)`; before the first retry the previous wait counts as `base`.
    Decorrelated {
        /// The shortest wait, in seconds.
        base: f64,
        /// The longest wait, in seconds.
        cap: f64,
    },
}

/// What a client makes of `Retry-After` and its relatives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Hints {
    /// It never reads them.
    Ignored,
    /// It waits as long as it is told.
    Honoured {
        /// Which field it reads.
        precision: Precision,
        /// The longest hint it takes, and what it does with a longer one.
        longest: (Nanos, Longer),
        /// The most that it adds at random, in seconds.
        jitter: f64,
        /// Whether it obeys `x-should-retry: false`.
        obeys_stop: bool,
        /// Whether it does not try again where no hint says when.
        needs_one: bool,
    },
}

/// Which field a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// `retry-after-ms`.
    Milliseconds,
    /// `Retry-After`, whole seconds.
    Seconds,
}

/// What a client does with a hint longer than it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Longer {
    /// It does not retry.
    GiveUp,
    /// It waits by its own backoff.
    OwnBackoff,
    /// It waits as long as it takes.
    Cap,
}

/// Why a call has no answer yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    /// An answer of this status, which says so of trying again.
    Told(u16, Retry),
    /// A 5xx without a hint.
    Failed,
    /// No answer in time.
    TimedOut,
    /// The client itself held the attempt back.
    HeldBack,
}

impl Why {
    /// Whether it was a 429.
    pub(crate) fn is_too_many(self) -> bool {
        matches!(self, Self::Told(TOO_MANY_REQUESTS, _))
    }
}

/// The status of a denial.
pub(crate) const TOO_MANY_REQUESTS: u16 = 429;

impl Answers {
    /// After all.
    pub(crate) const ALL: Self = Self { too_many: true, errors: true, timeouts: true, others: true };

    fn hold(self, why: Why) -> bool {
        match why {
            Why::Told(TOO_MANY_REQUESTS, _) => self.too_many,
            Why::Told(500.., _) | Why::Failed => self.errors,
            Why::Told(..) => self.others,
            Why::TimedOut => self.timeouts,
            // To its own code it is an error like those for which it holds back.
            Why::HeldBack => self.errors || self.too_many,
        }
    }
}

/// An attempt that was just refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// Whose it is.
    pub(crate) client: u32,
    /// The how-manieth call of its client.
    pub(crate) number: u32,
    /// Retries so far.
    pub(crate) retries: u16,
    /// The wait before the last of them.
    pub(crate) previous: Nanos,
    /// Since the call's first attempt.
    pub(crate) elapsed: Nanos,
    /// Why.
    pub(crate) why: Why,
}

/// What the response's fields say to a client that was denied.
pub(crate) fn hint(limit: LimitId, retry_after: Nanos) -> Retry {
    if limit.is_day() { Retry::NextDay(retry_after) } else { Retry::After(retry_after) }
}

impl Policy {
    /// The wait before the call is sent again; `None` if it is given up.
    pub(crate) fn wait(&self, refused: &Refused, draws: Draws) -> Option<Nanos> {
        if refused.retries >= self.retries || !self.on.hold(refused.why) {
            return None;
        }
        let wait = match self.told(refused) {
            Told::Nothing => self.own_wait(refused, draws),
            Told::GiveUp => return None,
            Told::Wait(wait, jitter) if jitter > 0.0 => {
                let more = refused.draw(draws, Purpose::Jitter).between(0.0, jitter);
                wait + nanos(more)
            }
            Told::Wait(wait, _) => wait,
        };
        let is_late = |deadline| refused.elapsed + wait > deadline;
        (!self.deadline.is_some_and(is_late)).then_some(wait)
    }

    /// What the client hears of the hint.
    fn told(&self, refused: &Refused) -> Told {
        let Hints::Honoured { precision, longest: (longest, longer), jitter, obeys_stop, needs_one } =
            self.hints
        else {
            return Told::Nothing;
        };
        let without = if needs_one { Told::GiveUp } else { Told::Nothing };
        let Why::Told(_, hint) = refused.why else { return without };
        if obeys_stop && !matches!(hint, Retry::After(_)) {
            return Told::GiveUp;
        }
        let Some(wait) = precision.read(hint) else { return without };
        match longer {
            _ if wait <= longest => Told::Wait(wait, jitter),
            Longer::GiveUp => Told::GiveUp,
            Longer::OwnBackoff => Told::Nothing,
            Longer::Cap => Told::Wait(longest, jitter),
        }
    }

    fn own_wait(&self, refused: &Refused, draws: Draws) -> Nanos {
        let unit = |purpose| refused.draw(draws, purpose);
        let after_failure = self.after_failure.as_ref().filter(|_| !refused.why.is_too_many());
        nanos(match *after_failure.unwrap_or(&self.backoff) {
            Backoff::Exponential { base, growth, cap, factor: (low, high), plus, caps_sum } => {
                let mut wait = (base * power(growth, refused.retries)).min(cap);
                if low != high {
                    wait *= unit(Purpose::Backoff).between(low, high);
                } else {
                    wait *= low;
                }
                if plus > 0.0 {
                    wait += unit(Purpose::Jitter).between(0.0, plus);
                    wait = if caps_sum { wait.min(cap) } else { wait };
                }
                wait
            }
            Backoff::Decorrelated { base, cap } => {
                let previous = if refused.retries == 0 { base } else { refused.previous.as_secs_f64() };
                unit(Purpose::Backoff).between(base, previous * 3.0).min(cap)
            }
        })
    }
}

impl Backoff {
    /// Whether it waits longer each time.
    pub(crate) fn grows(&self) -> bool {
        match self {
            Self::Exponential { base, cap, .. } => base < cap,
            Self::Decorrelated { .. } => true,
        }
    }
}

enum Told {
    Nothing,
    GiveUp,
    Wait(Nanos, f64),
}

impl Precision {
    /// The field as the client parses it; `None` where the response has none.
    fn read(self, hint: Retry) -> Option<Nanos> {
        match self {
            Self::Milliseconds => hint.millis().map(Nanos::from_millis),
            Self::Seconds => hint.seconds().map(Nanos::from_secs),
        }
    }
}

impl Refused {
    /// A call's draws are counted by its number and its retry.
    fn draw(&self, draws: Draws, purpose: Purpose) -> Draw {
        draws.draw(self.client, purpose, u64::from(self.number) << 16 | u64::from(self.retries))
    }
}

/// A growth to the power of k, by multiplication alone, which is the same on every machine; of more than 2¹⁰⁰ nobody waits.
fn power(growth: f64, k: u16) -> f64 {
    match growth {
        1.0 => 1.0,
        2.0 => (1_u64 << k.min(62)) as f64,
        _ => (0..k.min(1_000))
            .try_fold(1.0, |power, _| if power > 1e30 { Err(power) } else { Ok(power * growth) })
            .unwrap_or_else(|power| power),
    }
}

/// Seconds as integer time, rounded down; a float beyond the range saturates.
pub(crate) fn nanos(seconds: f64) -> Nanos {
    Nanos::new((seconds * 1e9) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: &str, hint: Retry) -> Vec<f64> {
        let policy = named(policy).unwrap();
        waits_of(&policy, Why::Told(TOO_MANY_REQUESTS, hint))
    }

    fn waits_of(policy: &Policy, why: Why) -> Vec<f64> {
        let mut refused =
            Refused { client: 1, number: 2, retries: 0, previous: Nanos::ZERO, elapsed: Nanos::ZERO, why };
        let mut waits = Vec::new();
        while let Some(wait) = policy.wait(&refused, Draws::new(1, 0, "p")) {
            waits.push(wait.as_secs_f64());
            refused.retries += 1;
            refused.previous = wait;
            refused.elapsed = refused.elapsed + wait;
        }
        waits
    }

    #[track_caller]
    fn assert_between(waits: &[f64], bounds: &[(f64, f64)]) {
        let fits = |(wait, (low, high)): (&f64, &(f64, f64))| (*low..=*high).contains(wait);
        assert!(waits.len() == bounds.len() && waits.iter().zip(bounds).all(fits), "{waits:?}");
    }

    const NO_WAIT: [f64; 0] = [];
    const SOON: Retry = Retry::After(Nanos::new(1_200_300_400));

    #[test]
    fn the_documented_backoff_is_five_tries() {
        assert_between(&waits("documented", SOON), &[(1.0, 2.0), (2.0, 3.0), (4.0, 5.0), (8.0, 9.0)]);
    }

    #[test]
    fn named_clients_do_what_was_measured_of_them() {
        assert_eq!(waits("openai-python", SOON), [1.201, 1.201]);
        assert_eq!(waits("openai-python", Retry::After(Nanos::from_secs(121))), NO_WAIT);
        assert_eq!(waits("anthropic-python", Retry::After(Nanos::from_secs(121))), [121.0, 121.0]);
        assert_eq!(waits("openai-python", Retry::NextDay(Nanos::from_secs(60))), NO_WAIT);
        assert_eq!(waits("async-openai", SOON), [2.0; 3]);
        assert_eq!(waits("openai-node-7", Retry::After(Nanos::from_secs(60))), [60.0, 60.0]);
        assert_between(
            &waits("openai-node-7", Retry::After(Nanos::from_secs(61))),
            &[(0.375, 0.5), (0.75, 1.0)],
        );
        assert_eq!(waits("vercel-ai", Retry::After(Nanos::from_secs(61))), [2.0, 4.0]);
        assert_eq!(waits("cohere-python", Retry::After(Nanos::from_secs(90))), [60.0, 60.0]);
        assert_between(&waits("google-genai", SOON), &[(1.0, 2.0), (2.0, 3.0), (4.0, 5.0), (8.0, 9.0)]);
        assert_eq!(waits("none", SOON), NO_WAIT);
    }

    #[test]
    fn what_is_never_admitted_is_given_up_by_those_who_listen() {
        assert_eq!(waits("retry-after", Retry::Never), NO_WAIT);
        assert_eq!(waits("anthropic-python", Retry::Never), NO_WAIT);
        assert_eq!(waits("immediate", Retry::Never), [0.0; 10]);
        // It reads no such field, so it falls back on its own backoff.
        assert_eq!(waits("vercel-ai", Retry::Never), [2.0, 4.0]);
    }

    #[test]
    fn what_is_no_429_has_waits_of_its_own() {
        let failed = |name: &str| waits_of(&named(name).unwrap(), Why::Failed);
        assert_between(&failed("botocore"), &[(0.0, 0.05), (0.0, 0.1)]);
        assert_between(&waits("botocore", SOON), &[(0.0, 1.0), (0.0, 2.0)]);
        assert_eq!(failed("urllib3"), NO_WAIT, "it waits for no answer without a hint");
        assert_eq!(waits("urllib3", SOON), [2.0; 10]);
        assert_eq!(waits("codex-cli", SOON), NO_WAIT);
        assert_between(&failed("codex-cli")[..2], &[(0.18, 0.22), (0.36, 0.44)]);
    }

    #[test]
    fn each_client_knows_the_answers_after_which_it_tries_again() {
        let timed_out = |name: &str| waits_of(&named(name).unwrap(), Why::TimedOut).len();
        assert_eq!(["openai-python", "ky", "axios-retry", "requests"].map(timed_out), [2, 0, 0, 0]);
        let forbidden = |name: &str| {
            waits_of(&named(name).unwrap(), Why::Told(403, Retry::After(Nanos::from_secs(1)))).len()
        };
        assert_eq!(["openai-python", "retry-after", "immediate"].map(forbidden), [0, 6, 10]);
    }

    #[test]
    fn a_deadline_ends_retries() {
        let waits = waits("google-api-core", SOON);
        let sum: f64 = waits.iter().sum();
        assert!(waits.len() > 2 && sum <= 120.0, "{waits:?}");
    }

    #[test]
    fn a_growth_is_a_power() {
        assert_eq!([0, 1, 5].map(|k| power(1.5, k)), [1.0, 1.5, 7.59375]);
        assert!(power(1.1, u16::MAX) > 1e29 && power(2.0, u16::MAX) == 2.0_f64.powi(62));
        assert_eq!(power(1.0, u16::MAX), 1.0);
    }

    #[test]
    fn jitters_stay_within_their_bounds() {
        assert_between(&waits("full-jitter", SOON)[..3], &[(0.0, 1.0), (0.0, 2.0), (0.0, 4.0)]);
        assert_between(&waits("equal-jitter", SOON)[..3], &[(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]);
        let decorrelated = waits("decorrelated-jitter", SOON);
        assert!(decorrelated.windows(2).all(|pair| pair[1] <= (pair[0] * 3.0).min(60.0)), "{decorrelated:?}");
        assert!(decorrelated.iter().all(|wait| *wait >= 1.0));
    }

    #[test]
    fn every_name_has_its_policy() {
        assert!(NAMES.iter().all(|name| named(name).is_some()));
        assert_eq!(named("exponential-ish"), None);
    }
}
