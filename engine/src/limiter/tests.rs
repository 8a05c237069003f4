//! A denial writes nothing (R5).

mod changes;
mod outside;
mod sizes;

use super::Limiter;
use crate::clock::Timestamp;
use crate::decision::Decision;
use crate::nanos::Nanos;
use crate::plan::{Limit, Plan, PlanBuilder, PlanId};
use crate::record::Verdict;
use crate::unit::{Cost, LimitId, Unit};

/// Nine in the evening: what is used in the first minute is in the window for one more.
const START: Nanos = Nanos::from_secs(21 * 3_600);

/// A limiter whose four places are taken by keys that have used up what there is, as have the keys without room.
struct UsedUp {
    limiter: Limiter,
    plans: [PlanId; 3],
}

/// Numbers of the plans.
const WINDOW: usize = 0;
const DAY: usize = 1;
const SLOTTED: usize = 2;

/// A key that is not known, and the keys that are.
const STRANGER: u64 = 1_000;
const KNOWN: [(u64, usize); 4] = [(0, WINDOW), (1, DAY), (2, SLOTTED), (3, WINDOW)];

impl UsedUp {
    fn new() -> Self {
        let limiter = Limiter::builder().capacity(1).max_threads(2).build().unwrap();
        let add = |plan: PlanBuilder| limiter.add_plan(&plan.build().unwrap()).unwrap();
        let plans = [
            add(Plan::builder("window").requests_per_minute(5).tokens_per_minute(100)),
            add(Plan::builder("day").limit(Limit::day(Unit::Requests, 5))),
            add(Plan::builder("slotted").requests_per_minute(5).slotted_hints(true)),
        ];
        let this = Self { limiter, plans };
        for (key, plan) in KNOWN.into_iter().chain((0..3).map(|plan| (STRANGER, plan))) {
            while this.check(key, plan, Cost::REQUEST, START).is_admitted() {}
        }
        assert_eq!(this.limiter.keys(), 4);
        this
    }

    fn check(&self, key: u64, plan: usize, cost: Cost, at: Nanos) -> Decision {
        self.limiter.check(&key, self.plans[plan], cost, Timestamp::both(at))
    }
}

#[test]
fn a_denial_writes_no_word() {
    let used_up = UsedUp::new();
    let before = used_up.limiter.table.snapshot();
    let never = Cost { requests: 7, tokens: 0 };
    let mut denied = [0; 2];
    for call in 0..2_000_u64 {
        // Segments turn and buckets drain meanwhile; but nothing gets room.
        let at = START + Nanos::from_millis(5 * call);
        for (key, plan) in KNOWN.into_iter().chain((0..3).map(|plan| (STRANGER + call, plan))) {
            for cost in [Cost::REQUEST, never] {
                let decision = used_up.check(key, plan, cost, at);
                assert!(!decision.is_admitted(), "{key} {plan} {cost:?}: {decision:?}");
                denied[usize::from(matches!(decision, Decision::Never(_)))] += 1;
                let (id, at) = (used_up.plans[plan], Timestamp::both(at));
                let (verdict, _) = used_up.limiter.peek(&key, id, cost, at);
                assert!(!matches!(verdict, Verdict::Admit(_)));
                let (again, standing) = used_up.limiter.check_with_standing(&key, id, cost, at);
                assert!(!again.is_admitted() && LimitId::ALL.iter().any(|id| standing.status(*id).is_some()));
            }
        }
    }
    assert_eq!(denied, [14_000; 2]);
    assert!(used_up.limiter.table.snapshot() == before, "a word has changed");
}

#[test]
fn an_admission_does() {
    let used_up = UsedUp::new();
    let before = used_up.limiter.table.snapshot();
    assert!(used_up.check(0, WINDOW, Cost::default(), START + Nanos::from_secs(90)).is_admitted());
    assert!(used_up.limiter.table.snapshot() != before);
}
