//! The plans of a round.
//!
//! Any that no count saturates under: what is large is spread over an hour at least, so that a day holds it.

use super::draws::Draws;
use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, Unit};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// Lengths of windows: the shortest, one that 7 does not divide, usual ones, a day, the longest.
const LENGTHS: [u64; 8] =
    [1_000_000, 1_000_003, 7_777_777, SECOND, 60 * SECOND, HOUR, 24 * HOUR, 400 * 24 * HOUR];

fn limit(draws: &mut Draws, id: LimitId, longest: u64) -> Limit {
    let (large, some, few) = match id.unit() {
        Unit::Requests => (2_000_000, 1_000, 30),
        Unit::Tokens => (30_000_000_000, 100_000, 100),
    };
    let is_large = longest >= HOUR && draws.one_in(6);
    let length = loop {
        let length = draws.pick(&LENGTHS);
        if length <= longest && (!is_large || length >= HOUR) {
            break length;
        }
    };
    let amount = match draws.below(3) {
        _ if is_large => large - draws.below(some),
        0 => 1 + draws.below(some),
        _ => 1 + draws.below(few),
    };
    let shadow = !is_large && draws.one_in(6);
    let burst = if is_large { 0.2 } else { draws.pick(&[0.0, 0.2, 0.2, 0.333, 1.0, 4.0]) };
    let limit = if id.is_day() {
        Limit::day(id.unit(), if is_large { amount } else { amount * 3 })
    } else {
        Limit::window(id.unit(), amount, Nanos::new(length))
    };
    let limit = limit.with_burst(Burst::fraction(burst).expect("a fraction"));
    limit.with_mode(if shadow { Mode::Shadow } else { Mode::Enforce })
}

/// So many plans, with windows of at most this length.
pub(super) fn draw(draws: &mut Draws, count: usize, longest: u64) -> Vec<Plan> {
    let plan = |number| {
        let limits: Vec<_> = LimitId::ALL.into_iter().filter(|_| !draws.one_in(4)).collect();
        limits
            .into_iter()
            .fold(Plan::builder(format!("p{number}")), |plan, id| plan.limit(limit(draws, id, longest)))
            .build()
            .expect("within the range")
    };
    (0..count).map(plan).collect()
}
