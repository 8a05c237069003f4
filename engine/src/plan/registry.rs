//! The plans a limiter knows, compiled for deciding and found by number.

use crate::nanos::Nanos;
use crate::packed::{day_max, window_max};
use crate::plan::Plan;
use crate::plan::error::PlansFull;
use crate::plan::grid::Grid;
use crate::plan::limit::{Limit, Mode, Span};
use crate::unit::{LimitId, Unit};
use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The number of a plan within its limiter: `Copy`, and all that a decision needs to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(pub(crate) u32);

/// A window limit, ready for the hot path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowRule {
    /// L.
    pub(crate) amount: NonZero<u64>,
    /// B = ⌊b·L⌋.
    pub(crate) burst: u64,
    /// C = L + B.
    pub(crate) ceiling: u64,
    /// W.
    pub(crate) window: NonZero<u64>,
    pub(crate) enforced: bool,
}

/// A day quota, ready for the hot path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayRule {
    /// Q.
    pub(crate) amount: u64,
    pub(crate) enforced: bool,
}

/// What the shortcut of an ordinary admission asks of a plan, without a case to tell apart: where a limit is not
/// set, its number is the most that can be counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuickRules {
    pub(crate) units: [QuickRule; 2],
    /// The narrow numbers do for buckets pinned less long ago than this: at most 2³³ ns and the shortest window; 0
    /// unless they are an amount below 2³⁰ and a window below 2⁴⁴.
    pub(crate) narrow_reach: u64,
}

/// The same of one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuickRule {
    /// C.
    pub(crate) ceiling: u64,
    /// L.
    pub(crate) amount: u64,
    /// W.
    pub(crate) window: u64,
    /// L and W in lowest terms.
    pub(crate) narrow_amount: u64,
    pub(crate) narrow_window: u64,
    /// Q.
    pub(crate) day: u64,
    pub(crate) has_window: bool,
}

impl QuickRules {
    fn new(units: &[UnitRules; 2]) -> Self {
        let units = Unit::ALL.map(|unit| QuickRule::new(unit, &units[unit as usize]));
        let narrow = units.iter().all(|rule| rule.narrow_amount < 1 << 30 && rule.narrow_window < 1 << 44);
        let windows = units.iter().filter(|rule| rule.has_window).map(|rule| rule.window);
        let narrow_reach = if narrow { windows.fold(1 << 33, u64::min) } else { 0 };
        Self { units, narrow_reach }
    }
}

impl QuickRule {
    fn new(unit: Unit, rules: &UnitRules) -> Self {
        let (amount, window) = rules.window.map_or((0, 0), |rule| (rule.amount.get(), rule.window.get()));
        let divisor = greatest_common_divisor(amount, window).max(1);
        Self {
            ceiling: rules.window.map_or(window_max(unit), |rule| rule.ceiling),
            amount,
            window,
            narrow_amount: amount / divisor,
            narrow_window: window / divisor,
            day: rules.day.map_or(day_max(unit), |rule| rule.amount),
            has_window: rules.window.is_some(),
        }
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The rules of one unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitRules {
    /// The grid of the window. Units are counted on a grid of one minute where there is no window limit, so
    /// that a later plan finds what was used (R9).
    pub(crate) grid: Grid,
    pub(crate) window: Option<WindowRule>,
    pub(crate) day: Option<DayRule>,
}

/// A plan with everything precomputed that a decision asks for.
#[derive(Debug)]
pub(crate) struct CompiledPlan {
    pub(crate) plan: Plan,
    units: [UnitRules; 2],
    /// Both units are counted on the same grid, as in nearly every plan.
    one_grid: bool,
    quick: QuickRules,
    /// A window limit's denials give places in line.
    slotted_hints: bool,
    names: [Option<Arc<str>>; 4],
    /// The plan as it holds for the record that keys without room share, if that is another.
    overflow: Option<Box<CompiledPlan>>,
}

impl CompiledPlan {
    pub(crate) fn new(plan: Plan) -> Self {
        let units = Unit::ALL.map(|unit| UnitRules::new(&plan, unit));
        let names = LimitId::ALL.map(|id| plan.limit(id).map(Limit::name));
        let one_grid = units[0].grid == units[1].grid;
        let quick = QuickRules::new(&units);
        let slotted_hints = plan.has_slotted_hints();
        Self { plan, units, one_grid, quick, slotted_hints, names, overflow: None }
    }

    /// The plan as it holds for the record that keys without room share.
    pub(crate) fn for_overflow(&self) -> &Self {
        self.overflow.as_deref().unwrap_or(self)
    }

    fn with_overflow_share(plan: &Plan, share: f64) -> Self {
        let overflow = (share != 1.0).then(|| Box::new(Self::new(plan.scaled(share))));
        Self { overflow, ..Self::new(plan.clone()) }
    }

    /// The grids of both units, or of one where they are the same.
    #[inline]
    pub(crate) fn grids(&self) -> impl Iterator<Item = &Grid> {
        let [requests, tokens] = &self.units;
        std::iter::once(&requests.grid).chain((!self.one_grid).then_some(&tokens.grid))
    }

    /// The rules as the shortcut reads them.
    #[inline]
    pub(crate) fn quick(&self) -> &QuickRules {
        &self.quick
    }

    /// Whether a window limit's denials give places in line.
    #[inline]
    pub(crate) fn has_slotted_hints(&self) -> bool {
        self.slotted_hints
    }

    /// The name of a limit, made once so that headers need not make it.
    pub(crate) fn limit_name(&self, limit: LimitId) -> Option<&str> {
        self.names[limit as usize].as_deref()
    }

    #[inline]
    pub(crate) fn unit(&self, unit: Unit) -> &UnitRules {
        &self.units[unit as usize]
    }
}

impl UnitRules {
    fn new(plan: &Plan, unit: Unit) -> Self {
        let window = plan.limit(LimitId::window(unit));
        let span = match window.map(Limit::span) {
            Some(Span::Window(window)) => window,
            _ => Nanos::MINUTE,
        };
        Self {
            grid: Grid::new(span),
            window: window.map(|limit| WindowRule {
                // A plan without units or time is refused when it is made.
                amount: NonZero::new(limit.amount()).unwrap_or(NonZero::<u64>::MIN),
                burst: limit.ceiling() - limit.amount(),
                ceiling: limit.ceiling(),
                window: NonZero::new(span.get()).unwrap_or(NonZero::<u64>::MIN),
                enforced: limit.mode() == Mode::Enforce,
            }),
            day: plan
                .limit(LimitId::day(unit))
                .map(|limit| DayRule { amount: limit.amount(), enforced: limit.mode() == Mode::Enforce }),
        }
    }
}

/// Plans by number. Reading is lock-free; adding takes a lock that no decision ever touches.
#[derive(Debug)]
pub(crate) struct PlanRegistry {
    /// Plan 0, which is always there.
    first: CompiledPlan,
    plans: Box<[OnceLock<CompiledPlan>]>,
    ids: Mutex<HashMap<Plan, PlanId>>,
    overflow_share: f64,
}

impl PlanRegistry {
    pub(crate) fn new(max_plans: usize, overflow_share: f64) -> Self {
        Self {
            first: CompiledPlan::with_overflow_share(&Plan::free(), overflow_share),
            plans: (0..max_plans).map(|_| OnceLock::new()).collect(),
            ids: Mutex::default(),
            overflow_share,
        }
    }

    /// Plan 0, `free`.
    pub(crate) fn first(&self) -> &CompiledPlan {
        &self.first
    }

    /// The number of this plan; a new one if no equal plan was added before.
    pub(crate) fn add(&self, plan: &Plan) -> Result<PlanId, PlansFull> {
        // A panic while holding the lock cannot leave it half-written: the map is changed last.
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = ids.get(plan) {
            return Ok(*id);
        }
        let next = ids.len();
        let place = self.plans.get(next).ok_or(PlansFull { max_plans: self.plans.len() })?;
        place.get_or_init(|| CompiledPlan::with_overflow_share(plan, self.overflow_share));
        let id = PlanId(next as u32);
        ids.insert(plan.clone(), id);
        Ok(id)
    }

    /// The plan of that number, if this registry gave it out.
    #[inline]
    pub(crate) fn get(&self, id: PlanId) -> Option<&CompiledPlan> {
        self.plans.get(id.0 as usize)?.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Burst;

    fn plan(limits: impl IntoIterator<Item = Limit>) -> Plan {
        limits.into_iter().fold(Plan::builder("p"), |plan, limit| plan.limit(limit)).build().unwrap()
    }

    #[test]
    fn a_plan_is_compiled_into_the_numbers_of_its_limits() {
        let seconds = Nanos::from_secs(30);
        let plan = CompiledPlan::new(plan([
            Limit::window(Unit::Requests, 20, seconds),
            Limit::day(Unit::Requests, 500).with_mode(Mode::Shadow),
            Limit::per_minute(Unit::Tokens, 90).with_burst(Burst::NONE).with_mode(Mode::Shadow),
        ]));
        let [requests, tokens] = Unit::ALL.map(|unit| plan.unit(unit));
        let window = |rules: &UnitRules| {
            let rule = rules.window.unwrap();
            (rule.amount.get(), rule.burst, rule.ceiling, rule.window.get(), rule.enforced)
        };
        assert_eq!(window(requests), (20, 4, 24, seconds.get(), true));
        assert_eq!(window(tokens), (90, 0, 90, Nanos::MINUTE.get(), false));
        assert_eq!(requests.day.map(|rule| (rule.amount, rule.enforced)), Some((500, false)));
        assert!(tokens.day.is_none());
        let quick = &plan.quick().units;
        assert_eq!(quick.map(|rule| (rule.amount, rule.window)), [(20, seconds.get()), (90, 60_000_000_000)]);
        assert_eq!(
            quick.map(|rule| (rule.narrow_amount, rule.narrow_window)),
            [(1, 1_500_000_000), (3, 2_000_000_000)]
        );
        assert_eq!(
            quick.map(|rule| (rule.ceiling, rule.day, rule.has_window)),
            [(24, 500, true), (90, day_max(Unit::Tokens), true)]
        );
    }

    /// So that the shortcut has no case to tell apart: there is always room, and nothing times nothing is owed.
    #[test]
    fn what_is_not_set_is_the_most_that_can_be_counted_at_no_units_in_no_time() {
        let plan = CompiledPlan::new(plan([]));
        for (unit, rule) in Unit::ALL.into_iter().zip(&plan.quick().units) {
            assert_eq!((rule.ceiling, rule.day), (window_max(unit), day_max(unit)));
            assert_eq!((rule.has_window, rule.amount, rule.window), (false, 0, 0));
        }
    }

    #[test]
    fn units_that_are_counted_on_one_grid_have_it_once() {
        let grids = |plan: Plan| CompiledPlan::new(plan).grids().count();
        let hour = Limit::window(Unit::Tokens, 1, Nanos::from_secs(3_600));
        assert_eq!([grids(Plan::free()), grids(Plan::enterprise()), grids(plan([hour]))], [1, 1, 2]);
    }

    #[test]
    fn keys_without_room_have_limits_of_their_own_if_their_share_is_not_one() {
        let compiled = |share| CompiledPlan::with_overflow_share(&Plan::free(), share);
        let one = compiled(1.0);
        assert!(std::ptr::eq(one.for_overflow(), &raw const one));
        for (share, amount) in [(0.5, 10), (2.0, 40)] {
            let plan = compiled(share);
            let amount_of = |plan: &CompiledPlan| plan.unit(Unit::Requests).window.unwrap().amount.get();
            assert_eq!((amount_of(&plan), amount_of(plan.for_overflow())), (20, amount));
        }
    }

    #[test]
    fn plans_are_numbered_as_they_come_equal_ones_once_until_there_is_no_room() {
        let registry = PlanRegistry::new(2, 1.0);
        let [free, pro, enterprise] = Plan::built_in();
        assert_eq!([&free, &pro, &free].map(|plan| registry.add(plan)), [0, 1, 0].map(|id| Ok(PlanId(id))));
        assert_eq!(registry.add(&enterprise), Err(PlansFull { max_plans: 2 }));
        assert_eq!(registry.add(&pro), Ok(PlanId(1)), "an equal one needs no room");
        let names = [0, 1, 2].map(|id| registry.get(PlanId(id)).map(|compiled| compiled.plan.name()));
        assert_eq!((names, registry.first().plan.name()), ([Some("free"), Some("pro"), None], "free"));
        let slotted = Plan::builder("s").slotted_hints(true).build().unwrap();
        assert!(CompiledPlan::new(slotted).has_slotted_hints() && !registry.first().has_slotted_hints());
        let limit_names = LimitId::ALL.map(|id| registry.first().limit_name(id));
        assert_eq!(
            limit_names,
            [Some("requests_per_minute"), Some("tokens_per_minute"), None, Some("tokens_per_day")]
        );
    }
}
