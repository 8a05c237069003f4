//! Plans: the validated limits of a key.
//!
//! A [`Plan`] is made by its [`builder`](Plan::builder), which refuses nonsense with a [`PlanError`] that
//! names the field; after that every number in it is trusted. [`Plan::free`], [`Plan::pro`] and
//! [`Plan::enterprise`] are built in.

mod builder;
mod error;
mod grid;
mod limit;
mod registry;

pub use builder::PlanBuilder;
pub use error::{PlanError, PlansFull};
pub(crate) use grid::{Grid, SEGMENTS};
pub use limit::{Burst, Limit, Mode, Span};
pub use registry::PlanId;
pub(crate) use registry::{CompiledPlan, PlanRegistry, QuickRule, QuickRules, UnitRules, WindowRule};

use crate::unit::{LimitId, Unit};
use std::sync::Arc;

/// A named, validated set of limits: at most one sliding window and one UTC-day quota for each unit.
///
/// ```
/// use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, Unit};
///
/// let plan = Plan::builder("team")
///     .requests_per_minute(300)
///     .limit(Limit::window(Unit::Tokens, 50_000, Nanos::from_secs(10)).with_mode(Mode::Shadow))
///     .limit(Limit::day(Unit::Tokens, 5_000_000))
///     .build()?;
/// let requests = plan.limit(LimitId::RequestsWindow).unwrap();
/// assert_eq!((requests.amount(), requests.ceiling()), (300, 360));
/// # Ok::<(), tidegate::PlanError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    name: Arc<str>,
    limits: [Option<Limit>; 4],
    slotted_hints: bool,
}

impl Plan {
    /// Starts a plan of the given name.
    pub fn builder(name: impl Into<Arc<str>>) -> PlanBuilder {
        PlanBuilder::new(name.into())
    }

    /// 20 requests and 100,000 tokens a minute, 200,000 tokens a day.
    pub fn free() -> Self {
        let limits = [
            Some(Limit::per_minute(Unit::Requests, 20)),
            Some(Limit::per_minute(Unit::Tokens, 100_000)),
            None,
            Some(Limit::day(Unit::Tokens, 200_000)),
        ];
        Self { name: "free".into(), limits, slotted_hints: false }
    }

    /// 1,000 requests and 10,000,000 tokens a minute, any number a day.
    pub fn pro() -> Self {
        let limits = [
            Some(Limit::per_minute(Unit::Requests, 1_000)),
            Some(Limit::per_minute(Unit::Tokens, 10_000_000)),
            None,
            None,
        ];
        Self { name: "pro".into(), limits, slotted_hints: false }
    }

    /// No limit until one is agreed: its limits are set for each key, with a plan of the key's own.
    pub fn enterprise() -> Self {
        Self { name: "enterprise".into(), limits: [None, None, None, None], slotted_hints: false }
    }

    /// `free`, `pro` and `enterprise`.
    pub fn built_in() -> [Self; 3] {
        [Self::free(), Self::pro(), Self::enterprise()]
    }

    /// The name given at its making.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the window limits' denials give places in line; see [`PlanBuilder::slotted_hints`].
    pub fn has_slotted_hints(&self) -> bool {
        self.slotted_hints
    }

    /// One of its limits, if set.
    pub fn limit(&self, id: LimitId) -> Option<&Limit> {
        self.limits[id as usize].as_ref()
    }

    /// The same plan with limits so many times as large, rounded down, but within what can be counted.
    pub(crate) fn scaled(&self, share: f64) -> Self {
        let limits = self.limits.clone().map(|limit| limit.map(|limit| limit.scaled(share)));
        Self { limits, ..self.clone() }
    }

    /// The limits that are set, in order.
    pub fn limits(&self) -> impl Iterator<Item = (LimitId, &Limit)> {
        LimitId::ALL.into_iter().filter_map(|id| Some((id, self.limit(id)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_plans_have_the_limits_that_they_document() {
        let amounts = |plan: &Plan| LimitId::ALL.map(|id| plan.limit(id).map(Limit::amount));
        let plans = Plan::built_in();
        assert_eq!(plans.each_ref().map(Plan::name), ["free", "pro", "enterprise"]);
        let [free, pro, enterprise] = plans;
        assert_eq!(amounts(&free), [Some(20), Some(100_000), None, Some(200_000)]);
        assert_eq!(amounts(&pro), [Some(1_000), Some(10_000_000), None, None]);
        assert_eq!(amounts(&enterprise), [None; 4]);
        for plan in [free, pro, enterprise] {
            assert!(!plan.has_slotted_hints());
            for (id, limit) in plan.limits().filter(|(id, _)| !id.is_day()) {
                assert_eq!((limit.id(), limit.span()), (id, Span::Window(crate::nanos::Nanos::MINUTE)));
                assert_eq!((limit.burst(), limit.mode()), (Burst::DEFAULT, Mode::Enforce));
            }
        }
    }
}
