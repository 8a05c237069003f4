//! Several gateways before one backend, each with counts of its own.

use crate::simulate::draws::Draw;
use tidegate::{Limit, Plan, PlanError, Span};

/// Gateways that each count for themselves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gateways {
    /// What share of the attempts goes to each, added up from the first on; the last is 1.
    pub(crate) shares: Vec<f64>,
    /// Which part of each limit a gateway enforces.
    pub(crate) parts: Parts,
    /// Whether a client stays with its gateway, rather than each attempt going to any.
    pub(crate) are_sticky: bool,
}

/// Which part of a limit each of several gateways enforces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Parts {
    /// All the same part, which together are the limit.
    #[default]
    Even,
    /// The part that its share of the attempts is.
    Proportional,
    /// Each all of it.
    Whole,
}

impl Default for Gateways {
    fn default() -> Self {
        Self { shares: vec![1.0], parts: Parts::Whole, are_sticky: false }
    }
}

impl Gateways {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.shares.len()
    }

    /// The one that a draw stands for.
    pub(crate) fn choose(&self, draw: impl FnOnce() -> Draw) -> u8 {
        match self.shares.len() {
            1 => 0,
            count => {
                let unit = draw().unit();
                self.shares.partition_point(|share| *share <= unit).min(count - 1) as u8
            }
        }
    }

    /// The plan as a gateway enforces it. An error if a limit is too small to be divided.
    pub(crate) fn part_of(&self, plan: &Plan, gateway: usize) -> Result<Plan, PlanError> {
        if self.parts == Parts::Whole {
            return Ok(plan.clone());
        }
        let builder = Plan::builder(plan.name()).slotted_hints(plan.has_slotted_hints());
        let limits = plan.limits().map(|(_, limit)| limit);
        limits.fold(builder, |builder, limit| builder.limit(self.part(limit, gateway))).build()
    }

    fn part(&self, limit: &Limit, gateway: usize) -> Limit {
        let amount = self.amount_up_to(limit, gateway + 1) - self.amount_up_to(limit, gateway);
        let part = match limit.span() {
            Span::Window(window) => Limit::window(limit.unit(), amount, window),
            Span::Day => Limit::day(limit.unit(), amount),
        };
        part.with_burst(limit.burst()).with_mode(limit.mode()).with_name(limit.name())
    }

    /// What the gateways before one have together: no unit is lost to rounding.
    fn amount_up_to(&self, limit: &Limit, gateways: usize) -> u64 {
        let share = match (gateways, self.parts) {
            (0, _) => return 0,
            _ if gateways == self.count() => return limit.amount(),
            (_, Parts::Proportional) => self.shares[gateways - 1],
            (_, Parts::Even | Parts::Whole) => gateways as f64 / self.count() as f64,
        };
        (limit.amount() as f64 * share) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate::LimitId;

    fn amounts(parts: Parts, shares: &[f64]) -> Vec<u64> {
        let gateways = Gateways { shares: shares.into(), parts, are_sticky: false };
        let part = |gateway| gateways.part_of(&Plan::free(), gateway).unwrap();
        (0..shares.len())
            .map(|gateway| part(gateway).limit(LimitId::RequestsWindow).unwrap().amount())
            .collect()
    }

    #[test]
    fn parts_add_up_to_the_limit() {
        assert_eq!(amounts(Parts::Even, &[0.9, 0.95, 1.0]), [6, 7, 7]);
        assert_eq!(amounts(Parts::Proportional, &[0.7, 1.0]), [14, 6]);
        assert_eq!(amounts(Parts::Whole, &[0.7, 1.0]), [20, 20]);
    }

    #[test]
    fn a_limit_of_one_cannot_be_divided() {
        let gateways = Gateways { shares: vec![0.5, 1.0], parts: Parts::Even, are_sticky: false };
        let plan = Plan::builder("one").requests_per_minute(1).build().unwrap();
        assert!(gateways.part_of(&plan, 0).is_err());
    }
}
