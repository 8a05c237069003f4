//! What a client does after a 429 or a failure: wait how long, or give up.

mod named;

pub(crate) use named::{NAMES, named};

use super::draws::{Draw, Draws, Purpose};
use tidegate::headers::Retry;
use tidegate::{Denial, Nanos};

/// How a client treats a call that was denied, or failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    /// The most retries of one call.
    pub(crate) retries: u16,
    /// The wait of the client's own making.
    pub(crate) backoff: Backoff,
    /// What it makes of the server's hint.
    pub(crate) hints: Hints,
}

/// The client's own wait before retry k, counted from 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Backoff {
    /// `min(min(base·2^k, cap)·U(low, high) + U(0, plus), cap)`. A constant wait is one whose cap is its base.
    Exponential {
        /// The wait before the first retry, in seconds.
        base: f64,
        /// The longest wait, in seconds.
        cap: f64,
        /// Random factor, from and to.
        factor: (f64, f64),
        /// The most that is added at random, in seconds.
        plus: f64,
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
    /// A 429, which says so of trying again.
    Told(Retry),
    /// A 5xx without a hint, or no answer in time.
    Failed,
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
    /// Why.
    pub(crate) why: Why,
}

/// What the response's fields say to a client that was denied.
pub(crate) fn hint(denial: &Denial) -> Retry {
    if denial.limit.is_day() { Retry::NextDay(denial.retry_after) } else { Retry::After(denial.retry_after) }
}

impl Policy {
    /// The wait before the call is sent again; `None` if it is given up.
    pub(crate) fn wait(&self, refused: &Refused, draws: Draws) -> Option<Nanos> {
        if refused.retries >= self.retries {
            return None;
        }
        match self.told(refused) {
            Told::Nothing => Some(self.own_wait(refused, draws)),
            Told::GiveUp => None,
            Told::Wait(wait, jitter) if jitter > 0.0 => {
                let more = refused.draw(draws, Purpose::Jitter).between(0.0, jitter);
                Some(wait + nanos(more))
            }
            Told::Wait(wait, _) => Some(wait),
        }
    }

    /// What the client hears of the hint.
    fn told(&self, refused: &Refused) -> Told {
        let Hints::Honoured { precision, longest: (longest, longer), jitter, obeys_stop } = self.hints else {
            return Told::Nothing;
        };
        let Why::Told(hint) = refused.why else { return Told::Nothing };
        if obeys_stop && !matches!(hint, Retry::After(_)) {
            return Told::GiveUp;
        }
        let Some(wait) = precision.read(hint) else { return Told::Nothing };
        match longer {
            _ if wait <= longest => Told::Wait(wait, jitter),
            Longer::GiveUp => Told::GiveUp,
            Longer::OwnBackoff => Told::Nothing,
            Longer::Cap => Told::Wait(longest, jitter),
        }
    }

    fn own_wait(&self, refused: &Refused, draws: Draws) -> Nanos {
        let unit = |purpose| refused.draw(draws, purpose);
        nanos(match self.backoff {
            Backoff::Exponential { base, cap, factor: (low, high), plus } => {
                let mut wait = (base * doublings(refused.retries)).min(cap);
                if low != high {
                    wait *= unit(Purpose::Backoff).between(low, high);
                } else {
                    wait *= low;
                }
                if plus > 0.0 {
                    wait = (wait + unit(Purpose::Jitter).between(0.0, plus)).min(cap);
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

/// 2^k, held below 2⁶³.
fn doublings(k: u16) -> f64 {
    (1_u64 << k.min(62)) as f64
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
        let mut refused =
            Refused { client: 1, number: 2, retries: 0, previous: Nanos::ZERO, why: Why::Told(hint) };
        let mut waits = Vec::new();
        while let Some(wait) = policy.wait(&refused, Draws::new(1, 0, "p")) {
            waits.push(wait.as_secs_f64());
            refused.retries += 1;
            refused.previous = wait;
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
