//! The shortcut's comparison in 64 bits: where it is used nothing wraps, and it says what the one in 128 bits says.

use super::check;
use super::draw::{below, number, plan, unit};
use crate::nanos::Nanos;
use crate::plan::{CompiledPlan, Limit, Plan, QuickRule, Span};
use crate::unit::Unit;
use quickcheck::{Arbitrary, Gen};

/// What has bits beside the version: `Recent` counts no more since the shared pin.
const MOST_SINCE_PIN: [u64; 2] = [(1 << 8) - 1, (1 << 19) - 1];

/// Both sides in 64 bits, checked; as fractions; and as the engine has them.
fn is_paid(rule: &QuickRule, elapsed: u64, charged: u64) -> (bool, bool, bool) {
    let refilled = elapsed.checked_mul(rule.narrow_amount).expect("the refill fits");
    let owed = charged.checked_mul(rule.narrow_window).expect("the debt fits");
    let whole = |a: u64, b: u64| u128::from(a) * u128::from(b);
    let exact = whole(elapsed, rule.amount) >= whole(charged, rule.window);
    (refilled >= owed, exact, rule.is_paid_narrowly(elapsed, charged))
}

fn agree(rule: &QuickRule, elapsed: u64, charged: u64) -> bool {
    let (narrow, exact, engine) = is_paid(rule, elapsed, charged);
    narrow == exact && engine == exact
}

/// The time at which so many units are paid, rounded down.
fn paid_at(rule: &QuickRule, charged: u64) -> u64 {
    (u128::from(charged) * u128::from(rule.window) / u128::from(rule.amount)) as u64
}

#[derive(Clone, Debug)]
struct Case {
    rule: QuickRule,
    reach: u64,
    elapsed: u64,
    charged: u64,
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        loop {
            let unit = unit(g);
            let plan = plan(g, unit);
            let (rule, reach) = (plan.quick().units[unit as usize], plan.quick().narrow_reach);
            if reach == 0 {
                continue;
            }
            let charged = number(g, 0, MOST_SINCE_PIN[unit as usize]);
            let elapsed = match below(g, 2) {
                0 => number(g, 0, reach - 1),
                _ => paid_at(&rule, charged).saturating_add(below(g, 3)).saturating_sub(1).min(reach - 1),
            };
            return Self { rule, reach, elapsed, charged };
        }
    }
}

#[test]
fn narrow_and_wide_agree_wherever_narrow_is_used() {
    fn holds(case: Case) -> bool {
        case.reach <= 1 << 33
            && case.reach <= case.rule.window
            && agree(&case.rule, case.elapsed, case.charged)
    }
    check(holds);
}

fn requests(amount: u64, window: u64) -> CompiledPlan {
    let limit = Limit::window(Unit::Requests, amount, Nanos::new(window));
    CompiledPlan::new(Plan::builder("p").limit(limit).build().unwrap())
}

/// Every count that there are bits for, at the nanosecond at which it is paid and on either side of it.
#[test]
fn every_count_of_small_limits_is_paid_at_the_same_nanosecond() {
    let windows = [1_000_000, 1_000_003, 1_048_576, 60_000_000_000, 86_400_000_000_000];
    let mut compared = 0_u64;
    for (window, amount) in
        windows.into_iter().flat_map(|window| (1..=48).map(move |amount| (window, amount)))
    {
        let plan = requests(amount, window);
        let (rule, reach) = (&plan.quick().units[0], plan.quick().narrow_reach);
        for charged in 0..=MOST_SINCE_PIN[0] {
            let paid = paid_at(rule, charged);
            for elapsed in [paid.saturating_sub(1), paid, paid + 1].into_iter().filter(|at| *at < reach) {
                assert!(agree(rule, elapsed, charged), "{amount} in {window} ns, {charged} at {elapsed}");
                compared += 1;
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

/// The corner of the range: the largest numbers of each kind at once do not wrap, and one more is not narrow.
#[test]
fn the_largest_narrow_numbers_do_not_wrap() {
    let (amount, window, elapsed) = ((1_u64 << 30) - 1, (1_u64 << 44) - 1, (1_u64 << 33) - 1);
    assert!(amount.checked_mul(elapsed).is_some());
    assert!(MOST_SINCE_PIN.iter().all(|charged| charged.checked_mul(window).is_some()));
    // An odd amount over an even window is in lowest terms.
    let reach = |window: u64| requests(1, window).quick().narrow_reach;
    assert_eq!((reach((1 << 44) - 1), reach(1 << 44), reach(1 << 33)), (1 << 33, 0, 1 << 33));
    assert_eq!((reach((1 << 33) - 1), reach(1_000_000)), ((1 << 33) - 1, 1_000_000));
    let tokens = |amount: u64, window: u64| {
        let limit = Limit::window(Unit::Tokens, amount, Nanos::new(window));
        CompiledPlan::new(Plan::builder("p").limit(limit).build().unwrap()).quick().narrow_reach
    };
    assert_eq!((tokens((1 << 30) - 1, 1 << 34), tokens((1 << 30) + 1, 1 << 34)), (1 << 33, 0));
    assert_eq!(tokens(1 << 30, (1 << 34) + 1), 0);
    assert_eq!(tokens(1 << 31, 1 << 34), 1 << 33, "1 in 8 ns in lowest terms");
}

/// The shortest of both windows bounds the reach.
#[test]
fn the_reach_is_within_both_windows() {
    let limit = |unit, window| Limit::window(unit, 7, Nanos::new(window));
    let reach = |requests, tokens| {
        let plan =
            Plan::builder("p").limit(limit(Unit::Requests, requests)).limit(limit(Unit::Tokens, tokens));
        CompiledPlan::new(plan.build().unwrap()).quick().narrow_reach
    };
    assert_eq!((reach(5_000_001, 9_000_001), reach(9_000_001, 5_000_001)), (5_000_001, 5_000_001));
    assert_eq!(reach(5_000_001, Span::MAX_WINDOW.get()), 0, "the other is too long");
}
