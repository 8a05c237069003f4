//! Retry budgets: what a client allows itself in retries over all of its calls.

use tidegate::Nanos;

/// The rule of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Budget {
    /// Finagle's `RetryBudget`: of the calls of the last `ttl` a share may be retried, and so many a second besides.
    Finagle {
        /// How long a call counts.
        ttl: Nanos,
        /// Retries a second that are free.
        min_per_second: f64,
        /// Retries for each call.
        share: f64,
    },
    /// Envoy's `retry_budget`: at once no more retries are under way than a share of the calls that are, or this least number.
    Envoy {
        /// Retries for each call under way.
        share: f64,
        /// So many in any case.
        min_concurrency: u32,
    },
    /// gRPC's `retryThrottling`: a failure costs a token, a success earns a part of one; no retries at half of the most or below.
    Grpc {
        /// The most tokens, and the first.
        max_tokens: f64,
        /// What a success earns.
        ratio: f64,
    },
    /// botocore's retry quota: 500 units, a retry after a 429 takes 5 and another 14; a success gives back what its last retry
    /// took, or 1.
    Botocore,
}

/// Parts of the time for which a call counts; they end one by one (Finagle's `WindowedAdder`).
const SLICES: usize = 10;
/// botocore's quota and its prices.
const QUOTA: f64 = 500.0;
const PRICE_OF_429: f64 = 5.0;
const PRICE_OF_FAILURE: f64 = 14.0;

/// What is left of a client's budget.
#[derive(Clone, Debug)]
pub(crate) enum Purse {
    /// Of Finagle's: deposits less withdrawals, in retries, by slice of time.
    Sliding {
        slices: [f64; SLICES],
        /// The number of the slice that fills.
        at: u64,
    },
    /// Of Envoy's: calls under way, and of those that are retried.
    UnderWay { calls: u32, retries: u32 },
    /// Of the others.
    Tokens(f64),
}

/// A call as its budget sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether it has been retried.
    pub(crate) is_retried: bool,
    /// Whether its last refusal was a 429.
    pub(crate) was_too_many: bool,
}

impl Budget {
    /// The purse of a client that has not called yet.
    pub(crate) fn purse(self) -> Purse {
        match self {
            Self::Finagle { .. } => Purse::Sliding { slices: [0.0; SLICES], at: 0 },
            Self::Envoy { .. } => Purse::UnderWay { calls: 0, retries: 0 },
            Self::Grpc { max_tokens, .. } => Purse::Tokens(max_tokens),
            Self::Botocore => Purse::Tokens(QUOTA),
        }
    }

    /// A call begins.
    pub(crate) fn begins(self, purse: &mut Purse, now: Nanos) {
        match (self, purse) {
            (Self::Finagle { ttl, share, .. }, Purse::Sliding { slices, at }) => {
                let slice = slide(slices, at, ttl, now);
                slices[slice] += share;
            }
            (_, Purse::UnderWay { calls, .. }) => *calls += 1,
            _ => {}
        }
    }

    /// Whether a call that was refused, and would be tried again, may be: if so, that is paid for.
    pub(crate) fn may_retry(self, purse: &mut Purse, standing: Standing, now: Nanos) -> bool {
        match (self, purse) {
            (Self::Finagle { ttl, min_per_second, .. }, Purse::Sliding { slices, at }) => {
                let slice = slide(slices, at, ttl, now);
                let balance = min_per_second * ttl.as_secs_f64() + slices.iter().sum::<f64>();
                // A balance that rounding left just below a whole retry is one.
                let may = balance >= 1.0 - 1e-9;
                slices[slice] -= f64::from(u8::from(may));
                may
            }
            (Self::Envoy { share, min_concurrency }, Purse::UnderWay { calls, retries }) => {
                let others = *retries - u32::from(standing.is_retried && *retries > 0);
                let may = f64::from(others) < (share * f64::from(*calls)).max(f64::from(min_concurrency));
                *retries = others + u32::from(may);
                may
            }
            (Self::Grpc { max_tokens, .. }, Purse::Tokens(tokens)) => *tokens > max_tokens / 2.0,
            (Self::Botocore, Purse::Tokens(tokens)) => {
                let price = price(standing.was_too_many);
                let may = *tokens >= price;
                *tokens -= if may { price } else { 0.0 };
                may
            }
            _ => true,
        }
    }

    /// An attempt was refused, whatever comes of that.
    pub(crate) fn fails(self, purse: &mut Purse) {
        if let (Self::Grpc { .. }, Purse::Tokens(tokens)) = (self, purse) {
            *tokens = (*tokens - 1.0).max(0.0);
        }
    }

    /// A call has succeeded.
    pub(crate) fn succeeds(self, purse: &mut Purse, standing: Standing) {
        match (self, purse) {
            (Self::Grpc { max_tokens, ratio }, Purse::Tokens(tokens)) => {
                *tokens = (*tokens + ratio).min(max_tokens)
            }
            (Self::Botocore, Purse::Tokens(tokens)) => {
                let back = if standing.is_retried { price(standing.was_too_many) } else { 1.0 };
                *tokens = (*tokens + back).min(QUOTA);
            }
            (_, purse @ Purse::UnderWay { .. }) => purse.leaves(standing.is_retried),
            _ => {}
        }
    }

    /// A call is given up; `is_retried` if its last attempt was a retry that still counts as under way.
    pub(crate) fn gives_up(self, purse: &mut Purse, is_retried: bool) {
        purse.leaves(is_retried);
    }
}

impl Purse {
    fn leaves(&mut self, is_retried: bool) {
        if let Self::UnderWay { calls, retries } = self {
            *calls = calls.saturating_sub(1);
            *retries = retries.saturating_sub(u32::from(is_retried));
        }
    }
}

fn price(was_too_many: bool) -> f64 {
    if was_too_many { PRICE_OF_429 } else { PRICE_OF_FAILURE }
}

/// Forgets slices that have ended; gives the place of the one that fills.
fn slide(slices: &mut [f64; SLICES], at: &mut u64, ttl: Nanos, now: Nanos) -> usize {
    let slice = (u128::from(now.get()) * SLICES as u128 / u128::from(ttl.get().max(1))) as u64;
    for passed in (*at + 1..=slice).take(SLICES) {
        slices[(passed % SLICES as u64) as usize] = 0.0;
    }
    if slice - *at > SLICES as u64 {
        slices.fill(0.0);
    }
    *at = slice;
    (slice % SLICES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Standing = Standing { is_retried: false, was_too_many: true };
    const AGAIN: Standing = Standing { is_retried: true, was_too_many: true };

    fn secs(seconds: u64) -> Nanos {
        Nanos::from_secs(seconds)
    }

    #[test]
    fn a_fifth_of_the_calls_may_be_retried_for_as_long_as_they_count() {
        let budget = Budget::Finagle { ttl: secs(10), min_per_second: 0.0, share: 0.2 };
        let mut purse = budget.purse();
        (0..10).for_each(|_| budget.begins(&mut purse, secs(1)));
        let mut may = |time| budget.may_retry(&mut purse, FIRST, secs(time));
        assert_eq!([may(2), may(3), may(3)], [true, true, false]);
        // Of the deposits nothing is left, of the withdrawals all: no debt is called in, but none is forgotten before its time.
        assert!(!may(11));
        (0..10).for_each(|_| budget.begins(&mut purse, secs(30)));
        assert!(budget.may_retry(&mut purse, FIRST, secs(30)));
    }

    #[test]
    fn some_retries_a_second_are_free() {
        let budget = Budget::Finagle { ttl: secs(10), min_per_second: 1.0, share: 0.2 };
        let mut purse = budget.purse();
        let allowed = (0..100).filter(|_| budget.may_retry(&mut purse, FIRST, secs(5))).count();
        assert_eq!(allowed, 10);
        assert!(!budget.may_retry(&mut purse, FIRST, secs(14)));
        assert!(budget.may_retry(&mut purse, FIRST, secs(15)));
    }

    #[test]
    fn retries_under_way_are_a_share_of_the_calls_under_way() {
        let budget = Budget::Envoy { share: 0.2, min_concurrency: 3 };
        let mut purse = budget.purse();
        let allowed = |purse: &mut Purse, calls: usize| {
            (0..calls).for_each(|_| budget.begins(purse, secs(0)));
            (0..calls).filter(|_| budget.may_retry(purse, FIRST, secs(0))).count()
        };
        assert_eq!(allowed(&mut purse, 10), 3);
        // One of the three tries again in its own place, and one succeeds.
        assert!(budget.may_retry(&mut purse, AGAIN, secs(1)));
        assert!(!budget.may_retry(&mut purse, FIRST, secs(1)));
        budget.succeeds(&mut purse, AGAIN);
        assert!(budget.may_retry(&mut purse, FIRST, secs(1)));
        assert_eq!(allowed(&mut budget.purse(), 100), 20);
    }

    #[test]
    fn failures_cost_tokens_and_successes_earn_parts() {
        let budget = Budget::Grpc { max_tokens: 10.0, ratio: 0.1 };
        let mut purse = budget.purse();
        let mut refusals = 0;
        while budget.may_retry(&mut purse, FIRST, secs(0)) {
            budget.fails(&mut purse);
            refusals += 1;
        }
        assert_eq!(refusals, 5);
        budget.succeeds(&mut purse, FIRST);
        assert!(budget.may_retry(&mut purse, FIRST, secs(0)));
    }

    #[test]
    fn a_quota_is_taken_and_given_back() {
        let mut purse = Budget::Botocore.purse();
        let take = |purse: &mut Purse, standing| {
            (0..1_000).filter(|_| Budget::Botocore.may_retry(purse, standing, secs(0))).count()
        };
        assert_eq!(take(&mut purse, FIRST), 100);
        Budget::Botocore.succeeds(&mut purse, AGAIN);
        assert_eq!(take(&mut purse, AGAIN), 1);
        let failed = Standing { was_too_many: false, ..FIRST };
        assert_eq!(take(&mut Budget::Botocore.purse(), failed), 35);
    }
}
