//! Plans for races: a few units in a few milliseconds, so that admissions and denials compete.

use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, Span, Unit};

/// The plans of a history; calls name them by their place.
pub(crate) const PLANS: usize = 3;
pub(crate) type PlanSet = [Plan; PLANS];

/// A window of seven segments of this length.
pub(crate) const SEGMENT: Nanos = Nanos::from_millis(1);
const WINDOW: Nanos = Nanos::from_millis(7);

/// Plans in whose races the rules meet.
pub(crate) fn chosen() -> Vec<PlanSet> {
    let (requests, tokens) = (Unit::Requests, Unit::Tokens);
    vec![
        // The last unit; another length of window without tokens.
        [
            plan("one", [limit(requests, 1, WINDOW, 0.0), limit(tokens, 5, WINDOW, 0.0)]),
            plan("three", [limit(requests, 3, WINDOW, 0.5), limit(tokens, 10, WINDOW, 0.2)]),
            plan("long", [limit(requests, 2, Nanos::from_millis(21), 0.0)]),
        ],
        // Debts that last longer than a window.
        [
            plan("deep", [limit(requests, 3, WINDOW, 3.0), limit(tokens, 4, WINDOW, 3.0)]),
            plan(
                "short",
                [
                    limit(requests, 2, Nanos::from_millis(1), 4.0),
                    limit(tokens, 3, Nanos::new(1_000_003), 2.0),
                ],
            ),
            plan("tokens", [limit(tokens, 4, WINDOW, 2.0)]),
        ],
        // Days.
        [
            plan("daily", [Limit::day(requests, 3), Limit::day(tokens, 9)]),
            plan("both", [Limit::day(requests, 4), limit(requests, 2, WINDOW, 0.5), Limit::day(tokens, 20)]),
            plan("none", [limit(requests, 9, WINDOW, 0.0)]),
        ],
        // Limits that only watch.
        [
            plan(
                "watching",
                [limit(requests, 1, WINDOW, 0.0).with_mode(Mode::Shadow), limit(tokens, 4, WINDOW, 1.0)],
            ),
            plan("watched", [limit(requests, 2, WINDOW, 0.2), Limit::day(tokens, 6).with_mode(Mode::Shadow)]),
            plan("strict", [limit(requests, 2, WINDOW, 0.2), limit(tokens, 4, WINDOW, 0.0)]),
        ],
        // Alike but for the name: each call under another one writes the whole record.
        ["left", "right", "third"]
            .map(|name| plan(name, [limit(requests, 4, WINDOW, 0.5), limit(tokens, 8, WINDOW, 0.5)])),
    ]
}

/// Plans of any limits.
pub(crate) fn drawn(rng: &mut SmallRng, number: usize) -> PlanSet {
    std::array::from_fn(|place| {
        let limits = LimitId::ALL.into_iter().filter(|_| rng.random_bool(0.7)).collect::<Vec<_>>();
        plan(&format!("drawn {number}.{place}"), limits.into_iter().map(|id| drawn_limit(rng, id)))
    })
}

fn drawn_limit(rng: &mut SmallRng, id: LimitId) -> Limit {
    let most = if id.unit() == Unit::Requests { 6 } else { 20 };
    let amount = rng.random_range(1..=most);
    let lengths = [WINDOW, WINDOW, Nanos::from_millis(1), Nanos::new(1_000_003), Nanos::from_millis(50)];
    let limit = if id.is_day() {
        Limit::day(id.unit(), amount)
    } else {
        let burst = *[0.0, 0.2, 0.5, 1.0, 3.0].choose(rng).unwrap();
        limit(id.unit(), amount, *lengths.choose(rng).unwrap(), burst)
    };
    if rng.random_bool(0.15) { limit.with_mode(Mode::Shadow) } else { limit }
}

fn limit(unit: Unit, amount: u64, window: Nanos, burst: f64) -> Limit {
    Limit::window(unit, amount, window).with_burst(Burst::fraction(burst).unwrap())
}

fn plan(name: &str, limits: impl IntoIterator<Item = Limit>) -> Plan {
    limits.into_iter().fold(Plan::builder(name), |plan, limit| plan.limit(limit)).build().unwrap()
}

/// How a plan reads in a report.
pub(crate) fn text(plan: &Plan) -> String {
    let limits = plan.limits().map(|(_, limit)| {
        let span = match limit.span() {
            Span::Window(window) => format!("{} ns", window.get()),
            Span::Day => "a day".into(),
        };
        let mode = if limit.mode() == Mode::Shadow { ", watching" } else { "" };
        format!("{} {} in {span}, burst {}{mode}", limit.amount(), limit.unit(), limit.burst().as_f64())
    });
    format!("{}: {}", plan.name(), limits.collect::<Vec<_>>().join("; "))
}
