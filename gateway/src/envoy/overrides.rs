//! Limits that descriptors bring themselves.
//!
//! Such a limit takes the place of the plan's. It is a plan of the engine like any other, made when it is first seen: then, and
//! only then, memory is taken and locks are. The engine keeps plans for good, so only so many different ones are believed.
//!
//! A record has one window for each unit, and what a longer one counts is forgotten when a shorter one has passed. So descriptors
//! whose own limit has another time than the plan's are counted apart, each time in a place of its own. With the same time they are
//! counted where the plan's are; the plan's limits of the other unit hold there too, or its debts would be forgotten.

use super::wire::{RateLimitOverride, Unit as Span};
use ahash::RandomState;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tidegate::{Burst, Limit, LimitId, Limiter, Mode, Nanos, Plan, PlanError, PlanId, Unit};

/// So many different ones in a process's lifetime, a quarter of the engine's room for plans; the plan itself counts for any beyond.
const MOST: usize = 1_024;

/// What makes one plan out of a descriptor's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    limit: RateLimitOverride,
    hits: Unit,
    /// The plan whose burst and mode it has.
    instead_of: PlanId,
}

/// What a descriptor with a limit of its own counts under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Own {
    pub(super) plan: PlanId,
    /// Its time, if it is not the plan's and so is counted apart.
    pub(super) apart: Option<i32>,
}

type Made = HashMap<Asked, Own, RandomState>;

/// The plans made so far.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    made: ArcSwap<Made>,
    making: Mutex<()>,
}

impl Overrides {
    /// The plan of a descriptor's own limit; the one that it would replace, if it says nothing that can be counted.
    pub(super) fn plan(
        &self,
        limiter: &Limiter,
        limit: RateLimitOverride,
        hits: Unit,
        instead_of: PlanId,
    ) -> Own {
        let asked = Asked { limit, hits, instead_of };
        let made = self.made.load().get(&asked).copied();
        made.or_else(|| self.make(limiter, asked)).unwrap_or(Own { plan: instead_of, apart: None })
    }

    #[cold]
    fn make(&self, limiter: &Limiter, asked: Asked) -> Option<Own> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.made.load();
        if let Some(own) = made.get(&asked) {
            return Some(*own);
        }
        if made.len() >= MOST {
            return None;
        }
        let (plan, apart) = asked.plan(limiter.plan(asked.instead_of)?)?;
        let own = Own { plan: limiter.add_plan(&plan).ok()?, apart };
        let mut more = Made::clone(&made);
        more.insert(asked, own);
        self.made.store(Arc::new(more));
        Some(own)
    }
}

impl Asked {
    /// The plan, and its time if it is to be counted apart. `None` if the unit has no name. More than can be counted is as much as
    /// can be.
    fn plan(&self, instead_of: &Plan) -> Option<(Plan, Option<i32>)> {
        let replaced =
            instead_of.limit(LimitId::window(self.hits)).or(instead_of.limit(LimitId::day(self.hits)));
        let burst = replaced.map_or(Burst::DEFAULT, Limit::burst);
        let mode = replaced.map_or(Mode::Enforce, Limit::mode);
        let amount = u64::from(self.limit.requests_per_unit);
        let days = |days: u64| Some(Nanos::from_secs(days * 86_400));
        let window = match Span::try_from(self.limit.unit).ok()? {
            Span::Unknown => return None,
            Span::Second => Some(Nanos::from_secs(1)),
            Span::Minute => Some(Nanos::MINUTE),
            Span::Hour => Some(Nanos::from_secs(3_600)),
            Span::Day => None,
            Span::Week => days(7),
            Span::Month => days(30),
            Span::Year => days(365),
        };
        let limit = |amount| match window {
            Some(window) => Limit::window(self.hits, amount, window),
            None => Limit::day(self.hits, amount),
        };
        let is_apart = replaced.is_none_or(|replaced| replaced.span() != limit(amount).span());
        let others = || instead_of.limits().filter(|(id, _)| !is_apart && id.unit() != self.hits);
        let plan = |amount| {
            let own = Plan::builder("descriptor").limit(limit(amount).with_burst(burst).with_mode(mode));
            others().fold(own, |plan, (_, other)| plan.limit(other.clone())).build()
        };
        let plan = match plan(amount) {
            Err(PlanError::Amount { max, .. }) if amount > max => plan(max).ok(),
            plan => plan.ok(),
        };
        Some((plan?, is_apart.then_some(self.limit.unit)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests_per_unit: u32, unit: Span) -> RateLimitOverride {
        RateLimitOverride { requests_per_unit, unit: unit.into() }
    }

    fn limits(limiter: &Limiter, plan: PlanId) -> Vec<(LimitId, u64, u64)> {
        let plan = limiter.plan(plan).unwrap();
        plan.limits().map(|(id, limit)| (id, limit.amount(), limit.ceiling())).collect()
    }

    #[test]
    fn a_limit_takes_the_place_of_the_plans_with_its_burst() {
        let limiter = Limiter::builder().capacity(10).build().unwrap();
        let overrides = Overrides::default();
        let free = limiter.add_plan(&Plan::free()).unwrap();
        let own = |unit, hits| overrides.plan(&limiter, limit(50, unit), hits, free);
        let plan = |unit, hits| limits(&limiter, own(unit, hits).plan);
        assert_eq!(plan(Span::Hour, Unit::Requests), [(LimitId::RequestsWindow, 50, 60)]);
        assert_eq!(plan(Span::Week, Unit::Tokens), [(LimitId::TokensWindow, 50, 60)]);
        assert_eq!(plan(Span::Day, Unit::Tokens), [(LimitId::TokensDay, 50, 50)]);
        assert_eq!(plan(Span::Unknown, Unit::Tokens), limits(&limiter, free));
        assert_eq!(overrides.made.load().len(), 3);
        assert_eq!(own(Span::Hour, Unit::Requests).apart, Some(Span::Hour.into()));
        assert_eq!(overrides.made.load().len(), 3);
        assert_eq!(own(Span::Unknown, Unit::Requests).apart, None);
    }

    #[test]
    fn with_the_plans_own_time_the_other_unit_keeps_its_limits() {
        let limiter = Limiter::builder().capacity(10).build().unwrap();
        let overrides = Overrides::default();
        let free = limiter.add_plan(&Plan::free()).unwrap();
        let own = overrides.plan(&limiter, limit(50, Span::Minute), Unit::Requests, free);
        let [requests, others @ ..] = &limits(&limiter, own.plan)[..] else { panic!("limits") };
        assert_eq!((own.apart, *requests), (None, (LimitId::RequestsWindow, 50, 60)));
        assert_eq!(others, &limits(&limiter, free)[1..]);
    }

    #[test]
    fn more_than_can_be_counted_is_much() {
        let limiter = Limiter::builder().capacity(10).build().unwrap();
        let overrides = Overrides::default();
        let free = limiter.add_plan(&Plan::free()).unwrap();
        for unit in [Span::Second, Span::Year, Span::Day] {
            let plan = overrides.plan(&limiter, limit(u32::MAX, unit), Unit::Requests, free);
            assert!(limits(&limiter, plan.plan)[0].1 > 2_000_000, "{unit:?}");
        }
        let plan = overrides.plan(&limiter, limit(u32::MAX, Span::Second), Unit::Tokens, free);
        assert_eq!(limits(&limiter, plan.plan)[0].1, u64::from(u32::MAX));
    }

    #[test]
    fn so_many_are_believed_and_no_more() {
        let limiter = Limiter::builder().capacity(10).max_plans(4_096).build().unwrap();
        let overrides = Overrides::default();
        let free = limiter.add_plan(&Plan::free()).unwrap();
        let plans: std::collections::HashSet<_> = (1..=MOST as u32 + 10)
            .map(|amount| overrides.plan(&limiter, limit(amount, Span::Hour), Unit::Requests, free).plan)
            .collect();
        assert_eq!((plans.len(), plans.contains(&free)), (MOST + 1, true));
    }
}
