//! Numbers at edges.

use crate::nanos::Nanos;
use crate::plan::{Burst, CompiledPlan, Limit, Mode, Plan, Span};
use crate::record::MAX_TIME;
use crate::unit::{LimitId, Unit};
use quickcheck::{Arbitrary, Gen};

pub(super) fn below(g: &mut Gen, end: u64) -> u64 {
    u64::arbitrary(g) % end.max(1)
}

/// From `least` to `most`: at the ends, at powers of two, or anywhere, small or large.
pub(super) fn number(g: &mut Gen, least: u64, most: u64) -> u64 {
    let near = |g: &mut Gen, number: u64| number.saturating_add(below(g, 5)).saturating_sub(2);
    let drawn = match below(g, 5) {
        0 => near(g, least),
        1 => near(g, most),
        2 => {
            let power = 1 << below(g, 63);
            near(g, power)
        }
        3 => {
            let power = 1 << below(g, 63);
            below(g, power)
        }
        _ => least.saturating_add(below(g, (most - least).saturating_add(1))),
    };
    drawn.clamp(least, most)
}

pub(super) fn unit(g: &mut Gen) -> Unit {
    Unit::ALL[below(g, 2) as usize]
}

/// A plan of one window limit, up to the largest that is accepted.
pub(super) fn plan(g: &mut Gen, unit: Unit) -> CompiledPlan {
    let window = match below(g, 4) {
        0 => *g.choose(&[1_000_000, 1_000_003, 1_000_000_000, 60_000_000_000]).unwrap(),
        _ => number(g, Span::MIN_WINDOW.get(), Span::MAX_WINDOW.get()),
    };
    let burst = Burst::fraction(*g.choose(&[0.0, 0.2, 0.2, 1.0, 10.0]).unwrap()).unwrap();
    let mode = if below(g, 4) == 0 { Mode::Shadow } else { Mode::Enforce };
    let mut amount = number(g, 1, Limit::range(LimitId::window(unit)) / 2);
    loop {
        let limit = Limit::window(unit, amount, Nanos::new(window)).with_burst(burst).with_mode(mode);
        match Plan::builder("p").limit(limit).build() {
            Ok(plan) => return CompiledPlan::new(plan),
            // The burst asks for more than can be counted.
            Err(_) => amount = amount / 2 + 1,
        }
    }
}

/// A time of the clock, and one after it by about a multiple of `span`, or by anything.
pub(super) fn times(g: &mut Gen, span: u64) -> (u64, u64) {
    let from = number(g, 0, MAX_TIME);
    let later = match below(g, 3) {
        0 => number(g, 0, MAX_TIME),
        _ => {
            let multiple = span.saturating_mul(below(g, 20));
            from.saturating_add(multiple.saturating_add(below(g, 3)).saturating_sub(1))
        }
    };
    (from, later.min(MAX_TIME))
}
