//! From numbers that anyone may have written to a plan that the engine trusts.

use crate::plan::Plan;
use crate::plan::error::PlanError;
use crate::plan::limit::{Burst, Limit, Span};
use crate::unit::{LimitId, Unit};
use std::sync::Arc;

/// Collects a plan's limits; [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use]
pub struct PlanBuilder {
    name: Arc<str>,
    burst: f64,
    limits: Vec<Limit>,
    /// Limits that follow the plan's burst, by their place in `limits`.
    inherits_burst: Vec<usize>,
    slotted_hints: bool,
}

impl PlanBuilder {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            burst: Burst::DEFAULT.as_f64(),
            limits: Vec::new(),
            inherits_burst: Vec::new(),
            slotted_hints: false,
        }
    }

    /// A sliding window of one minute for requests, with the plan's burst.
    pub fn requests_per_minute(self, amount: u64) -> Self {
        self.inheriting(Limit::per_minute(Unit::Requests, amount))
    }

    /// A sliding window of one minute for tokens, with the plan's burst.
    pub fn tokens_per_minute(self, amount: u64) -> Self {
        self.inheriting(Limit::per_minute(Unit::Tokens, amount))
    }

    /// A quota of tokens for the UTC day.
    pub fn tokens_per_day(self, amount: u64) -> Self {
        self.limit(Limit::day(Unit::Tokens, amount))
    }

    /// The burst fraction of the per-minute limits named above, from 0 to 10; 0.20 if not set.
    pub fn burst(mut self, fraction: f64) -> Self {
        self.burst = fraction;
        self
    }

    /// Whether each denial by a window limit is given a place in line as its retry time, one emission interval
    /// after the last place given, instead of the exact time (R10s). `false` if not set.
    ///
    /// For keys that many workers share: given equal times, all of them come back at once, and all but a few are
    /// denied again. 1,000 workers of one key at 50 requests a second then need 127 calls each; with places in
    /// line they need 2. A place is advice and reserves nothing: whoever comes when there is room is admitted.
    /// It is never before the exact time, and at most the longer of a window and a minute, and the call's own
    /// interval, after it; a line that long begins anew. Days keep their exact time: every client may come at midnight.
    ///
    /// [`Limiter::peek`](crate::Limiter::peek) tells the exact time still, and takes no place.
    pub fn slotted_hints(mut self, slotted: bool) -> Self {
        self.slotted_hints = slotted;
        self
    }

    /// Any other limit, with its own burst and mode.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    fn inheriting(mut self, limit: Limit) -> Self {
        self.inherits_burst.push(self.limits.len());
        self.limit(limit)
    }

    /// The plan, or the first thing wrong with it.
    pub fn build(mut self) -> Result<Plan, PlanError> {
        if self.name.is_empty() {
            return Err(PlanError::EmptyName);
        }
        let burst = Burst::fraction(self.burst)
            .ok_or_else(|| PlanError::Burst { plan: self.name.clone(), found: self.burst })?;
        for place in self.inherits_burst {
            self.limits[place] = self.limits[place].clone().with_burst(burst);
        }
        let mut limits = [None, None, None, None];
        for limit in self.limits {
            check(&self.name, &limit)?;
            let place = &mut limits[limit.id() as usize];
            if place.is_some() {
                return Err(PlanError::Twice { plan: self.name, field: limit.name() });
            }
            *place = Some(limit);
        }
        Ok(Plan { name: self.name, limits, slotted_hints: self.slotted_hints })
    }
}

/// R15: what the record cannot count exactly is refused here, so that no decision has to; and so is a name
/// that would break a header field.
fn check(plan: &Arc<str>, limit: &Limit) -> Result<(), PlanError> {
    if !limit.has_sound_name() {
        return Err(PlanError::LimitName { plan: plan.clone(), found: limit.name() });
    }
    if let Span::Window(window) = limit.span()
        && !(Span::MIN_WINDOW..=Span::MAX_WINDOW).contains(&window)
    {
        return Err(PlanError::Window { plan: plan.clone(), field: limit.name() });
    }
    let max = largest_amount(limit.id(), limit.burst());
    if (1..=max).contains(&limit.amount()) {
        return Ok(());
    }
    Err(PlanError::Amount { plan: plan.clone(), field: limit.name(), found: limit.amount(), max })
}

/// The largest L for which the record's counters hold L + C, by bisection over the exact rule.
pub(super) fn largest_amount(id: LimitId, burst: Burst) -> u64 {
    let range = Limit::range(id);
    if id.is_day() {
        return range;
    }
    // Twice the range is more than the range, whatever the burst.
    let (mut fits, mut exceeds) = (0, range);
    while exceeds - fits > 1 {
        let amount = fits + (exceeds - fits) / 2;
        if 2 * amount + burst.of(amount) <= range { fits = amount } else { exceeds = amount }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nanos::Nanos;

    fn refused(limit: Limit) -> String {
        Plan::builder("p").limit(limit).build().unwrap_err().to_string()
    }

    #[test]
    fn the_documented_range_is_accepted() {
        let (millisecond, days) = (Nanos::new(1_000_000), Nanos::new(400 * 86_400_000_000_000));
        assert_eq!((Span::MIN_WINDOW, Span::MAX_WINDOW), (millisecond, days));
        for window in [millisecond, Nanos::MINUTE, days] {
            for burst in [0.0, 0.2, 1.0] {
                let burst = Burst::fraction(burst).unwrap();
                let plan = Plan::builder("big")
                    .limit(Limit::window(Unit::Requests, 10_000_000, window).with_burst(burst))
                    .limit(Limit::window(Unit::Tokens, 100_000_000_000, window).with_burst(burst))
                    .build();
                assert!(plan.is_ok(), "{plan:?}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused_by_field() {
        assert_eq!(
            refused(Limit::per_minute(Unit::Requests, 0)),
            "plan `p`: `requests_per_minute` must be an amount from 1 to 15252014, found 0"
        );
        assert!(refused(Limit::per_minute(Unit::Tokens, u64::MAX)).contains("`tokens_per_minute`"));
        assert!(refused(Limit::day(Unit::Tokens, u64::MAX)).contains("`tokens_per_day`"));
        assert_eq!(
            refused(Limit::window(Unit::Requests, 1, Nanos::new(999_999))),
            "plan `p`: `requests_per_999999ns` must have a window from 1 ms to 400 days"
        );
        let too_long = Limit::window(Unit::Tokens, 1, Span::MAX_WINDOW + Nanos::new(1)).with_name("long");
        assert_eq!(refused(too_long), "plan `p`: `long` must have a window from 1 ms to 400 days");
        let twice = Plan::builder("p").requests_per_minute(1).requests_per_minute(2).build();
        assert_eq!(twice.unwrap_err().field(), "requests_per_minute");
        for burst in [-0.1, 20.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Plan::builder("p").burst(burst).build().unwrap_err().field(), "burst");
        }
        assert_eq!(Plan::builder("").build(), Err(PlanError::EmptyName));
    }

    #[test]
    fn a_name_that_would_break_a_header_is_refused() {
        for name in ["", "a\"b", "back\\slash", "line\r\nSet-Cookie: x", "naïve"] {
            let limit = Limit::per_minute(Unit::Requests, 1).with_name(name);
            let error = Plan::builder("p").limit(limit).build().unwrap_err();
            assert_eq!(error, PlanError::LimitName { plan: "p".into(), found: name.into() });
        }
        let limit = Limit::per_minute(Unit::Requests, 1).with_name("chat/completions, per minute");
        assert!(Plan::builder("p").limit(limit).build().is_ok());
    }

    #[test]
    fn the_plans_burst_is_that_of_the_limits_named_by_the_minute_alone() {
        let plan = Plan::builder("p")
            .burst(0.5)
            .requests_per_minute(20)
            .limit(Limit::per_minute(Unit::Tokens, 20).with_burst(Burst::NONE))
            .tokens_per_day(20)
            .build()
            .unwrap();
        let ceilings = plan.limits().map(|(id, limit)| (id, limit.ceiling())).collect::<Vec<_>>();
        let expected = [(LimitId::RequestsWindow, 30), (LimitId::TokensWindow, 20), (LimitId::TokensDay, 20)];
        assert_eq!(ceilings, expected);
        let before =
            Plan::builder("p").requests_per_minute(20).tokens_per_minute(10).burst(1.0).build().unwrap();
        assert!(
            before.limits().all(|(_, limit)| limit.ceiling() == 2 * limit.amount()),
            "set after the limits"
        );
    }

    #[test]
    fn the_largest_amount_fits_and_the_next_does_not() {
        let max = largest_amount(LimitId::RequestsWindow, Burst::DEFAULT);
        assert!(Plan::builder("p").requests_per_minute(max).build().is_ok());
        assert!(Plan::builder("p").requests_per_minute(max + 1).build().is_err());
        for id in [LimitId::RequestsDay, LimitId::TokensDay] {
            let day = |amount| Plan::builder("p").limit(Limit::day(id.unit(), amount)).build();
            assert!(day(Limit::range(id)).is_ok() && day(Limit::range(id) + 1).is_err());
        }
    }

    quickcheck::quickcheck! {
        /// By bisection the same as by the exact rule at either side of the bound.
        fn the_largest_amount_of_any_burst_is_the_last_that_fits(billionths: u64) -> bool {
            let burst = Burst::fraction((billionths % 10_000_000_001) as f64 / 1e9).unwrap();
            [LimitId::RequestsWindow, LimitId::TokensWindow].into_iter().all(|id| {
                let asks = |amount: u64| 2 * u128::from(amount) + u128::from(burst.of(amount));
                let (largest, range) = (largest_amount(id, burst), u128::from(Limit::range(id)));
                asks(largest) <= range && asks(largest + 1) > range
            })
        }
    }
}
