//! R15: costs and settles at the ends of what numbers hold, against a count in 128 bits.

use crate::{Scale, attack, chance, figure, moment};
use tidegate::{Call, Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, Reservation, Unit};

const NUMBERS: [u64; 6] = [0, 1, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, u64::MAX];

/// What one key has used, while time stands, so that windows, buckets and days all count the same.
struct Count {
    used: [u128; 2],
    ceilings: [u128; 2],
    /// A counter of the engine may be full: it then denies what this count would admit.
    full: bool,
}

impl Count {
    fn new(plan: &Plan) -> Self {
        let ceiling = |unit| {
            let limits = plan.limits().filter(|(id, _)| id.unit() == unit);
            limits.map(|(_, limit)| u128::from(limit.ceiling())).min().unwrap_or(u128::MAX)
        };
        Self { used: [0; 2], ceilings: Unit::ALL.map(ceiling), full: false }
    }

    /// What of a cost is too much.
    fn exceeds(&self, cost: Cost, used: [u128; 2]) -> bool {
        Unit::ALL
            .into_iter()
            .any(|unit| used[unit as usize] + u128::from(cost.of(unit)) > self.ceilings[unit as usize])
    }

    fn check(&self, cost: Cost, decision: &Decision) {
        let denied = self.exceeds(cost, self.used);
        match decision {
            Decision::Admitted(_) => assert!(!denied, "{cost:?} beside {:?}", self.used),
            Decision::Denied(_) => assert!(denied || self.full, "{cost:?} beside {:?}", self.used),
            Decision::Never(_) => assert!(self.exceeds(cost, [0; 2]), "{cost:?}"),
        }
        assert!(matches!(decision, Decision::Never(_)) || !self.exceeds(cost, [0; 2]), "{cost:?}");
    }

    fn charge(&mut self, before: Cost, after: Cost) {
        for unit in Unit::ALL {
            let used = &mut self.used[unit as usize];
            *used = *used + u128::from(after.of(unit)) - u128::from(before.of(unit));
            self.full |= *used > u128::from(Limit::range(LimitId::window(unit)));
        }
    }
}

fn plans() -> [Plan; 5] {
    let both = |name, requests, tokens| {
        let plan = Plan::builder(name).requests_per_minute(requests).tokens_per_minute(tokens);
        plan.limit(Limit::day(Unit::Requests, Limit::range(LimitId::RequestsDay)))
    };
    [
        both("smallest", 1, 1).build().unwrap(),
        both("largest", 15_000_000, 240_000_000_000).build().unwrap(),
        both("of a day", 10, 1 << 33).limit(Limit::day(Unit::Tokens, 1 << 32)).build().unwrap(),
        Plan::free(),
        Plan::enterprise(),
    ]
}

/// One key's calls, settles and cancels, by either way of deciding.
fn history(limiter: &Limiter, (plan, id): (&Plan, PlanId), key: u64, decided: &mut [u64; 3]) {
    let at = moment(0);
    let mut count = Count::new(plan);
    let mut open: Vec<Reservation> = Vec::new();
    for step in 0..24 {
        let random = chance(key << 8 | step);
        let [requests, tokens, actual] =
            [8, 16, 24].map(|bits| NUMBERS[(random >> bits) as usize % NUMBERS.len()]);
        // Requests beyond the largest limit are tried, but not in most calls: they would leave little else.
        let cost = Cost { requests: if random >> 60 < 12 { requests.min(1) } else { requests }, tokens };
        match random % 6 {
            0 if !open.is_empty() => {
                let reservation = open.swap_remove(random as usize % open.len());
                let charged = reservation.cost();
                count.charge(charged, Cost { tokens: actual, ..charged });
                limiter.settle(reservation, actual, at);
            }
            1 if !open.is_empty() => {
                let reservation = open.swap_remove(random as usize % open.len());
                count.charge(reservation.cost(), Cost::default());
                limiter.cancel(reservation, at);
            }
            way => {
                let mut answer = None;
                match way % 2 {
                    0 => answer = Some(limiter.check(&key, id, cost, at)),
                    _ => limiter
                        .check_batch(&[Call { key, plan: id, cost }], at, |_, told| answer = Some(told)),
                }
                let decision = answer.expect("an answer to each call");
                count.check(cost, &decision);
                decided[match &decision {
                    Decision::Admitted(_) => 0,
                    Decision::Denied(_) => 1,
                    Decision::Never(_) => 2,
                }] += 1;
                if let Decision::Admitted(admission) = decision {
                    // The whole cost, of which a reservation of an unlimited plan may not hold all.
                    let kept = admission.reservation.cost();
                    count.charge(Cost::default(), cost);
                    count.full |= kept != cost;
                    if kept == cost {
                        open.push(admission.reservation);
                    }
                }
            }
        }
    }
}

attack!(costs_at_the_ends_of_numbers);
fn costs_at_the_ends_of_numbers(scale: Scale) {
    let histories = scale.of(5_000, 1_000_000);
    let limiter = Limiter::builder().capacity(histories as usize).build().unwrap();
    let plans = plans().map(|plan| (limiter.add_plan(&plan).unwrap(), plan));
    let mut decided = [0; 3];
    for key in 0..histories {
        let (id, plan) = &plans[key as usize % plans.len()];
        history(&limiter, (plan, *id), key, &mut decided);
    }
    figure("histories of 24 calls, settles and cancels", histories);
    figure("admitted, denied, never", decided.map(|count| count.to_string()).join(", "));
    assert_eq!(limiter.overflowed(), 0);
    assert!(decided.into_iter().all(|count| count > histories / 10), "all were tried: {decided:?}");
}

attack!(costs_that_wrap_if_added);
/// Pairs of costs whose sum is little in 32 or 64 bits.
fn costs_that_wrap_if_added(_: Scale) {
    let limiter = Limiter::builder().capacity(1_000).build().unwrap();
    let window = |unit, amount| Limit::window(unit, amount, Nanos::MINUTE);
    let plan = Plan::builder("p").limit(window(Unit::Requests, 1_000)).limit(window(Unit::Tokens, 1_000));
    let plan = limiter.add_plan(&plan.build().unwrap()).unwrap();
    for (key, bits) in (20..64).enumerate() {
        let (one, other) = (1_u64 << bits, 1_u64.wrapping_sub(1 << bits));
        for cost in [one, other, one - 1, one + 1] {
            let both = Cost { requests: cost, tokens: cost };
            for cost in [Cost::tokens(cost), Cost { requests: cost, tokens: 0 }, both] {
                let decision = limiter.check(&key, plan, cost, moment(0));
                assert!(matches!(decision, Decision::Never(_)), "{cost:?}: {decision:?}");
            }
        }
        let thousand =
            |_: &u64| limiter.check(&key, plan, Cost { requests: 1, tokens: 100 }, moment(0)).is_admitted();
        assert_eq!((0..40).filter(thousand).count(), 12, "all is there yet");
    }
}
