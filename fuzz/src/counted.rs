//! Up to where the engine's counters are exact for certain.
//!
//! A counter that is full stays full, which the oracle, who counts in wide numbers, knows nothing of (`docs/rules.md`,
//! R7). What an enforced window admits is bounded by the range of plans; what else is charged is added up here.

use tidegate::{Cost, LimitId, Mode, Plan, Unit};

/// What was charged to one key beyond what its plans bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Charged without an enforced window, or past it.
    unbounded: [u64; 2],
    /// Charged in all, which bounds a day.
    total: [u64; 2],
}

/// 2²⁵−1 requests and 2³⁹−1 tokens in a window, less the largest L + C that `plan_in_range` gives.
const UNBOUNDED: [u64; 2] = [(1 << 25) - 1 - 30_000_000, (1 << 39) - 1 - 300_000_000_000];
/// 2³⁰−2 requests and 2⁴²−2 tokens in a day.
const TOTAL: [u64; 2] = [(1 << 30) - 2, (1 << 42) - 2];

impl Counted {
    /// Adds the cost of a call that was admitted under a plan.
    pub fn admitted(&mut self, plan: &Plan, cost: Cost) {
        for unit in Unit::ALL {
            let window = plan.limit(LimitId::window(unit));
            let bounded = window.is_some_and(|limit| limit.mode() == Mode::Enforce);
            self.add(unit, cost.of(unit), bounded);
        }
    }

    /// Adds what a call cost beyond its estimate.
    pub fn overrun(&mut self, tokens: u64) {
        self.add(Unit::Tokens, tokens, false);
    }

    /// Adds what was charged whatever the limits say.
    pub fn past_limits(&mut self, cost: Cost) {
        Unit::ALL.into_iter().for_each(|unit| self.add(unit, cost.of(unit), false));
    }

    fn add(&mut self, unit: Unit, units: u64, bounded: bool) {
        let unit = unit as usize;
        self.total[unit] = self.total[unit].saturating_add(units);
        if !bounded {
            self.unbounded[unit] = self.unbounded[unit].saturating_add(units);
        }
    }

    /// Whether no counter can be full.
    pub fn is_exact(&self) -> bool {
        let within = |counted: [u64; 2], most: [u64; 2]| counted[0] <= most[0] && counted[1] <= most[1];
        within(self.unbounded, UNBOUNDED) && within(self.total, TOTAL)
    }
}
