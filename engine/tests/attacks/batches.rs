//! A batch against its calls one by one.

use crate::{Scale, attack, figure, moment, remaining};
use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult};
use tidegate::{Call, Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, Unit};

/// About as many records are asked for at once as the middle ones.
const SIZES: [usize; 7] = [0, 1, 31, 32, 33, 64, 1_000];
const COSTS: [u64; 6] = [0, 1, 2, 30, 1 << 32, u64::MAX];

/// A key, the place of a plan, requests and tokens.
type Asked = (u64, usize, u64, u64);

/// Batches, each with the time since the last.
#[derive(Clone, Debug)]
struct Batches(Vec<(u64, Vec<Asked>)>);

impl Arbitrary for Batches {
    fn arbitrary(g: &mut Gen) -> Self {
        // Few keys, which come again within a batch, or more than there is room for.
        let keys = *g.choose(&[1, 7, 40, 5_000]).unwrap();
        let asked = |g: &mut Gen| {
            let [requests, tokens] = [0; 2].map(|_: u64| *g.choose(&COSTS).unwrap());
            // Mostly what a plan admits.
            let requests = if u8::arbitrary(g) < 200 { 1 } else { requests };
            (u64::arbitrary(g) % keys, usize::arbitrary(g) % 4, requests, tokens)
        };
        let batch = |g: &mut Gen| {
            let size = *g.choose(&SIZES).unwrap();
            let wait = *g.choose(&[0, 1, 1_000_000, 300_000_000, 86_400_000_000_000]).unwrap();
            (wait, (0..size).map(|_| asked(g)).collect())
        };
        Self((0..u8::arbitrary(g) % 6).map(|_| batch(g)).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Self))
    }
}

fn plans() -> [Plan; 4] {
    let second = |name, tokens| {
        let plan = Plan::builder(name).limit(Limit::window(Unit::Requests, 5, Nanos::from_secs(1)));
        plan.limit(Limit::window(Unit::Tokens, tokens, Nanos::from_secs(1)))
    };
    [
        second("short", 100).build().unwrap(),
        second("with a day", 1_000).limit(Limit::day(Unit::Requests, 20)).build().unwrap(),
        second("slotted", 50).slotted_hints(true).build().unwrap(),
        Plan::enterprise(),
    ]
}

fn limiter() -> (Limiter, [PlanId; 4]) {
    let limiter = Limiter::builder().capacity(64).seed(5).longest_reservation(Nanos::from_millis(1));
    let limiter = limiter.build().unwrap();
    let plans = plans().map(|plan| limiter.add_plan(&plan).unwrap());
    (limiter, plans)
}

/// Says where a batch's answers part from those to its calls one by one.
fn compare(batches: &Batches) -> Result<(), String> {
    let ((together, plans), (alone, _)) = (limiter(), limiter());
    let mut nanos = 0;
    for (wait, asked) in &batches.0 {
        nanos += wait;
        let at = moment(nanos);
        let call = |&(key, plan, requests, tokens): &Asked| {
            let plan = plans[plan % plans.len()];
            Call { key, plan, cost: Cost { requests, tokens } }
        };
        let calls: Vec<_> = asked.iter().map(call).collect();
        let mut answers: Vec<(usize, Decision)> = Vec::new();
        together.check_batch(&calls, at, |place, decision| answers.push((place, decision)));
        let one_by_one = calls.iter().map(|call| alone.check(&call.key, call.plan, call.cost, at));
        let expected: Vec<_> = one_by_one.enumerate().collect();
        if answers != expected {
            let place = answers.iter().zip(&expected).position(|(answer, expected)| answer != expected);
            return Err(format!("{} answers to {} calls, other at {place:?}", answers.len(), calls.len()));
        }
        for call in &calls {
            let left = |limiter| remaining(limiter, &call.key, plans[1], LimitId::RequestsDay, at);
            if left(&together) != left(&alone) {
                return Err(format!("key {} was charged otherwise", call.key));
            }
        }
    }
    let counts = |limiter: &Limiter| (limiter.keys(), limiter.overflowed(), limiter.observed());
    if counts(&together) == counts(&alone) { Ok(()) } else { Err("other counts".into()) }
}

attack!(batches_are_their_calls_one_by_one);
fn batches_are_their_calls_one_by_one(scale: Scale) {
    fn agrees(batches: Batches) -> TestResult {
        compare(&batches).map_or_else(TestResult::error, |()| TestResult::passed())
    }
    let histories = scale.of(150, 100_000);
    let mut check = QuickCheck::new().rng(Gen::new(30)).tests(histories).max_tests(histories);
    check.quickcheck(agrees as fn(Batches) -> TestResult);
    figure("histories of up to five batches, other answers", format!("{histories}, 0"));
}
