//! Batches against one by one: two limiters of one seed see the same calls, one by `check_batch`, the other by `check`.
//!
//! - Every answer is the same, reservations and times included, and so is what every key has left.
//! - Also where keys share records, are forgotten and come back, where clocks jump, and after settles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{Call, Cost, Decision, LimitId, Limiter, Nanos, Plan, PlanId, Reservation, Timestamp};
use tidegate_fuzz::{Bytes, plan_in_range};

const PLANS: usize = 3;
const KEYS: u8 = 48;
const MAX_STEPS: usize = 64;
/// More than are asked for together, twice.
const MAX_CALLS: usize = 80;

struct Pair {
    batched: Limiter,
    single: Limiter,
    ids: Vec<PlanId>,
    at: Timestamp,
    /// Calls under way, as both limiters told them.
    open: Vec<(Reservation, Reservation)>,
}

fn limiter(capacity: usize, longest: Nanos, plans: &[Plan]) -> (Limiter, Vec<PlanId>) {
    let limiter = Limiter::builder()
        .capacity(capacity)
        .longest_reservation(longest)
        .max_plans(6)
        .max_threads(1)
        .seed(1)
        .build()
        .expect("a sane capacity");
    let ids = plans.iter().map(|plan| limiter.add_plan(plan).expect("room for a plan")).collect();
    (limiter, ids)
}

impl Pair {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let plans: Vec<_> = (0..PLANS).map(|number| plan_in_range(bytes, &number.to_string())).collect();
        // Too little room for all keys, or just enough.
        let capacity = bytes.one_of(&[1, 4, 24, 64]);
        let longest = Nanos::new(bytes.one_of(&[0, 1_000_000_000, 3_600_000_000_000]));
        let (batched, ids) = limiter(capacity, longest, &plans);
        let (single, _) = limiter(capacity, longest, &plans);
        let at = Timestamp::both(Nanos::new(bytes.one_of(&[0, 1_700_000_000_000_000_000])));
        Self { batched, single, ids, at, open: Vec::new() }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.byte() % 8 {
            0..5 => self.calls(bytes),
            5 => self.settle(bytes),
            6 => self.at = self.at.after(Nanos::new(bytes.number())),
            _ => self.turn_clock(bytes),
        }
    }

    fn calls(&mut self, bytes: &mut Bytes<'_>) {
        let count = usize::from(bytes.byte()) % (MAX_CALLS + 1);
        let calls: Vec<_> = (0..count).map(|_| self.call(bytes)).collect();
        let mut together = Vec::with_capacity(count);
        self.batched.check_batch(&calls, self.at, |place, decision| {
            assert_eq!(place, together.len(), "answers come in order");
            together.push(decision);
        });
        assert_eq!(together.len(), count, "each call has one answer");
        for (call, batched) in calls.iter().zip(together) {
            let single = self.single.check(&call.key, call.plan, call.cost, self.at);
            assert_eq!(batched, single, "{call:?}");
            if let (Decision::Admitted(batched), Decision::Admitted(single)) = (batched, single) {
                self.open.push((batched.reservation, single.reservation));
            }
        }
        self.assert_alike(&calls);
    }

    fn call(&self, bytes: &mut Bytes<'_>) -> Call<u8> {
        let (key, plan) = (bytes.byte() % KEYS, usize::from(bytes.byte()) % PLANS);
        let tokens = if bytes.once_in(2) { bytes.number() } else { 1 };
        let requests = if bytes.once_in(16) { bytes.number() } else { 1 };
        Call { key, plan: self.ids[plan], cost: Cost { requests, tokens } }
    }

    fn settle(&mut self, bytes: &mut Bytes<'_>) {
        let (choice, tokens) = (usize::from(bytes.byte()), bytes.number());
        if self.open.is_empty() {
            return;
        }
        let (batched, single) = self.open.swap_remove(choice % self.open.len());
        if bytes.once_in(4) {
            self.batched.cancel(batched, self.at);
            self.single.cancel(single, self.at);
        } else {
            self.batched.settle(batched, tokens, self.at);
            self.single.settle(single, tokens, self.at);
        }
    }

    /// Either clock jumps, also back.
    fn turn_clock(&mut self, bytes: &mut Bytes<'_>) {
        let (which, jump) = (bytes.byte(), Nanos::new(bytes.number()));
        let clock = if which & 1 == 0 { &mut self.at.monotonic } else { &mut self.at.unix };
        *clock = if which & 2 == 0 { *clock + jump } else { *clock - jump };
    }

    fn assert_alike(&self, calls: &[Call<u8>]) {
        let standing = |limiter: &Limiter, call: &Call<u8>| {
            let (verdict, standing) = limiter.peek(&call.key, call.plan, call.cost, self.at);
            (verdict, LimitId::ALL.map(|id| standing.status(id)))
        };
        for call in calls {
            assert_eq!(standing(&self.batched, call), standing(&self.single, call), "{call:?}");
        }
        assert_eq!(self.batched.observed(), self.single.observed());
        assert_eq!(self.batched.keys(), self.single.keys());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let mut pair = Pair::new(&mut bytes);
    for _ in 0..MAX_STEPS {
        if bytes.is_empty() {
            return;
        }
        pair.step(&mut bytes);
    }
});
