//! R11: what a response tells the caller, as plain functions from a decision.

use crate::decision::Standing;
use crate::nanos::Nanos;
use crate::record::Verdict;
use crate::unit::{LimitId, Unit};
use std::fmt;

/// The `X-RateLimit-*` and `Retry-After` fields of one response.
///
/// Of an admitted call they describe its requests window, of a denied one the limit that denied.
///
/// ```
/// use tidegate::{Cost, Limiter, Nanos, Plan, RateLimitHeaders, Timestamp};
/// let limiter = Limiter::builder().capacity(100).build()?;
/// let free = limiter.add_plan(&Plan::free())?;
/// let at = Timestamp::both(Nanos::from_secs(1_700_000_000));
/// let (decision, standing) = limiter.check_with_standing("key", free, Cost::REQUEST, at);
/// let headers = RateLimitHeaders::new(decision.verdict(), &standing).unwrap();
/// assert_eq!((headers.limit, headers.remaining), (20, 19));
/// for (name, value) in headers.fields() {
///     println!("{name}: {value}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitHeaders {
    /// `X-RateLimit-Limit`: L of the limit described, without the burst.
    pub limit: u64,
    /// `X-RateLimit-Remaining`: so many units are admitted now without drawing on the burst.
    pub remaining: u64,
    /// `X-RateLimit-Reset`: the Unix second by which `remaining` is back at `limit`.
    pub reset: u64,
    /// Of a denied call: when to come back.
    pub retry: Option<Retry>,
}

/// What a denied caller is told about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// `Retry-After` and `retry-after-ms`: the denial's own time, exact or a place in line. Never 0, which some
    /// clients take as an invitation to retry at once.
    After(Nanos),
    /// The same for a day that is used up, with `x-should-retry: false`: a client would otherwise sleep for
    /// hours within one call.
    NextDay(Nanos),
    /// `x-should-retry: false` alone: the call is never admitted.
    Never,
}

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// A decimal number.
    Number(u64),
    /// The word `false`.
    False,
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::False => f.write_str("false"),
        }
    }
}

impl Retry {
    fn of(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Admit(_) => None,
            Verdict::Never(_) => Some(Self::Never),
            Verdict::Deny(denial) if denial.limit.is_day() => Some(Self::NextDay(denial.retry_after)),
            Verdict::Deny(denial) => Some(Self::After(denial.retry_after)),
        }
    }

    /// The value of `Retry-After`: whole seconds, rounded up, at least 1.
    pub fn seconds(self) -> Option<u64> {
        self.wait().map(|wait| wait.as_secs_ceil().max(1))
    }

    /// The value of `retry-after-ms`: whole milliseconds, rounded up, at least 1.
    pub fn millis(self) -> Option<u64> {
        self.wait().map(|wait| wait.as_millis_ceil().max(1))
    }

    fn wait(self) -> Option<Nanos> {
        match self {
            Self::After(wait) | Self::NextDay(wait) => Some(wait),
            Self::Never => None,
        }
    }
}

impl RateLimitHeaders {
    /// The fields for a decision and the standing it left. `None` if the plan has no limit to describe: an
    /// admitted call under a plan without a requests window.
    pub fn new(verdict: Verdict, standing: &Standing<'_>) -> Option<Self> {
        let described = match verdict {
            Verdict::Admit(_) => LimitId::window(Unit::Requests),
            Verdict::Deny(denial) => denial.limit,
            Verdict::Never(limit) => limit,
        };
        let status = standing.status(described)?;
        Some(Self {
            limit: status.limit,
            remaining: status.remaining,
            reset: (standing.at().unix + status.reset_after).as_secs_ceil(),
            retry: Retry::of(verdict),
        })
    }

    /// Names and values, in the order in which they are usually sent.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, FieldValue)> {
        let number = |name, value: Option<u64>| value.map(|value| (name, FieldValue::Number(value)));
        let give_up = matches!(self.retry, Some(Retry::NextDay(_) | Retry::Never));
        [
            number("x-ratelimit-limit", Some(self.limit)),
            number("x-ratelimit-remaining", Some(self.remaining)),
            number("x-ratelimit-reset", Some(self.reset)),
            number("retry-after", self.retry.and_then(Retry::seconds)),
            number("retry-after-ms", self.retry.and_then(Retry::millis)),
            give_up.then_some(("x-should-retry", FieldValue::False)),
        ]
        .into_iter()
        .flatten()
    }
}

/// The value of the IETF field `RateLimit-Policy`: every limit of the plan with its quota, unit and window.
///
/// After draft-ietf-httpapi-ratelimit-headers-10; windows in whole seconds, rounded up. Empty for a plan
/// without limits.
pub fn ietf_policy<'a>(standing: &'a Standing<'a>) -> impl fmt::Display + 'a {
    IetfField { standing, part: IetfPart::Policy }
}

/// The value of the IETF field `RateLimit`: what remains of every limit, and the seconds until it is whole
/// again.
pub fn ietf_rate_limit<'a>(standing: &'a Standing<'a>) -> impl fmt::Display + 'a {
    IetfField { standing, part: IetfPart::State }
}

struct IetfField<'a> {
    standing: &'a Standing<'a>,
    part: IetfPart,
}

enum IetfPart {
    Policy,
    State,
}

impl fmt::Display for IetfField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for id in LimitId::ALL {
            let (Some(name), Some(status)) = (self.standing.limit_name(id), self.standing.status(id)) else {
                continue;
            };
            write!(f, "{separator}\"{name}\"")?;
            match self.part {
                IetfPart::Policy => {
                    write!(f, ";q={};qu=\"{}\";w={}", status.limit, id.unit(), status.window.as_secs_ceil())?;
                }
                IetfPart::State => {
                    write!(f, ";r={};t={}", status.remaining, status.reset_after.as_secs_ceil())?;
                }
            }
            separator = ", ";
        }
        Ok(())
    }
}
