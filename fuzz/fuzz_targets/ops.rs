//! Calls, settles, cancels, plan changes and clock steps in any order, held against the rules that need no model:
//!
//! - R1, R8: units charged in a window or a day, counted from the log, are within the ceiling after each admission.
//! - R5: a denial leaves every limit as it was.
//! - R10: at `retry_after` the same call is admitted, a nanosecond earlier it is denied; `Never` is said of what
//!   exceeds a ceiling, and of nothing else.
//! - R15: no panic, no overflow.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::{
    Cost, Decision, Denial, LimitId, LimitStatus, Limiter, Mode, Nanos, Plan, PlanId, Reservation, Timestamp,
    Unit, Verdict,
};
use tidegate_fuzz::{Bytes, Log, plan_in_range};

const KEYS: usize = 3;
const PLANS: usize = 3;
const MAX_STEPS: usize = 256;
/// Beyond this, clocks stand still and no retry time can be kept.
const FAR: u64 = 1 << 62;

struct World {
    limiter: Limiter,
    plans: Vec<Plan>,
    ids: Vec<PlanId>,
    logs: [Log; KEYS],
    at: Timestamp,
    /// Calls under way: the key, the place in its log, what was reserved.
    open: Vec<(usize, usize, Reservation)>,
}

impl World {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let plans: Vec<_> = (0..PLANS).map(|number| plan_in_range(bytes, &number.to_string())).collect();
        // Room for far more keys than there are: none may share a record.
        let limiter = Limiter::builder()
            .capacity(64)
            .max_plans(6)
            .max_threads(1)
            .seed(1)
            .build()
            .expect("a sane capacity");
        let ids = plans.iter().map(|plan| limiter.add_plan(plan).expect("room for a plan")).collect();
        let start = [0, 1_700_000_000_000_000_000, bytes.number() % FAR];
        let at =
            Timestamp { monotonic: Nanos::new(bytes.one_of(&start)), unix: Nanos::new(bytes.one_of(&start)) };
        Self { limiter, plans, ids, logs: Default::default(), at, open: Vec::new() }
    }

    fn step(&mut self, bytes: &mut Bytes<'_>) {
        match bytes.byte() % 16 {
            0..8 => self.call(bytes),
            8..10 => self.settle(bytes),
            10 => self.cancel(bytes),
            11 => self.change_plan(bytes),
            12 => self.turn_clock(bytes),
            _ => self.pass(bytes),
        }
    }

    fn call(&mut self, bytes: &mut Bytes<'_>) {
        let (key, choice) = (usize::from(bytes.byte()) % KEYS, usize::from(bytes.byte()));
        // Mostly the plan that the key is on.
        let number = self.logs[key].plan().filter(|_| choice < 224).unwrap_or(choice % PLANS);
        let cost = cost(bytes, &self.plans[number]);
        let foreseen = self.peek(key, number, cost, self.at);
        let before = self.statuses(key, number);
        let decision = self.limiter.check(&key, self.ids[number], cost, self.at);
        assert_eq!(decision.verdict(), foreseen);
        let moved = self.logs[key].plan().is_some_and(|plan| plan != number);
        if decision.is_admitted() || moved {
            self.logs[key].move_to(&self.plans, number, self.at);
        }
        match decision {
            Decision::Admitted(admission) => {
                let place = self.logs[key].charge(cost);
                self.logs[key].assert_within(&self.plans[number]);
                self.open.push((key, place, admission.reservation));
            }
            Decision::Denied(denial) => {
                assert_eq!(self.statuses(key, number), before, "a denial changed something");
                self.assert_retry(key, number, cost, denial);
            }
            Decision::Never(limit) => {
                assert_eq!(self.statuses(key, number), before, "a refusal changed something");
                assert!(exceeds(&self.plans[number], limit, cost));
            }
        }
    }

    fn peek(&self, key: usize, number: usize, cost: Cost, at: Timestamp) -> Verdict {
        self.limiter.peek(&key, self.ids[number], cost, at).0
    }

    fn statuses(&self, key: usize, number: usize) -> [Option<LimitStatus>; 4] {
        let (_, standing) = self.limiter.peek(&key, self.ids[number], Cost::REQUEST, self.at);
        LimitId::ALL.map(|id| standing.status(id))
    }

    fn assert_retry(&self, key: usize, number: usize, cost: Cost, denial: Denial) {
        let plan = &self.plans[number];
        assert!(!LimitId::ALL.into_iter().any(|id| exceeds(plan, id, cost)), "Never is denied");
        let wait = denial.retry_after;
        let (then, just_before) = (self.at.after(wait), self.at.after(wait - Nanos::new(1)));
        if then.monotonic.get().max(then.unix.get()) > FAR {
            return;
        }
        assert!(wait > Nanos::ZERO);
        let verdict = self.peek(key, number, cost, then);
        assert!(matches!(verdict, Verdict::Admit(_)), "{verdict:?} after {denial:?}");
        let verdict = self.peek(key, number, cost, just_before);
        assert!(matches!(verdict, Verdict::Deny(_)), "{verdict:?} a nanosecond before {denial:?}");
    }

    fn settle(&mut self, bytes: &mut Bytes<'_>) {
        let Some((key, place, reservation)) = self.take_open(bytes) else { return };
        let reserved = reservation.cost().tokens;
        let tokens = match bytes.byte() % 4 {
            0 => reserved / 2,
            1 => reserved.saturating_add(bytes.number()),
            2 => bytes.number(),
            _ => 0,
        };
        self.limiter.settle(reservation, tokens, self.at);
        if tokens == reserved {
            return;
        }
        self.touch(key);
        self.logs[key].refund(place, Unit::Tokens, reserved.saturating_sub(tokens));
        if tokens > reserved {
            self.logs[key].charge(Cost { requests: 0, tokens: tokens - reserved });
        }
    }

    fn cancel(&mut self, bytes: &mut Bytes<'_>) {
        let Some((key, place, reservation)) = self.take_open(bytes) else { return };
        let reserved = reservation.cost();
        self.limiter.cancel(reservation, self.at);
        if reserved == Cost::default() {
            return;
        }
        self.touch(key);
        for unit in Unit::ALL {
            self.logs[key].refund(place, unit, reserved.of(unit));
        }
    }

    fn take_open(&mut self, bytes: &mut Bytes<'_>) -> Option<(usize, usize, Reservation)> {
        let choice = usize::from(bytes.byte());
        (!self.open.is_empty()).then(|| self.open.swap_remove(choice % self.open.len()))
    }

    /// A stored change that leaves the key on its plan.
    fn touch(&mut self, key: usize) {
        let plan = self.logs[key].plan().expect("a key with a reservation has a plan");
        self.logs[key].move_to(&self.plans, plan, self.at);
    }

    fn change_plan(&mut self, bytes: &mut Bytes<'_>) {
        let (key, number) = (usize::from(bytes.byte()) % KEYS, usize::from(bytes.byte()) % PLANS);
        self.limiter.change_plan(&key, self.ids[number], self.at);
        self.logs[key].move_to(&self.plans, number, self.at);
    }

    /// Either clock jumps, also back.
    fn turn_clock(&mut self, bytes: &mut Bytes<'_>) {
        let (which, jump) = (bytes.byte(), Nanos::new(bytes.number() % FAR));
        let clock = if which & 1 == 0 { &mut self.at.monotonic } else { &mut self.at.unix };
        *clock = match which % 8 {
            0..4 => *clock + jump,
            4..7 => *clock - jump,
            _ => jump,
        };
    }

    /// Time passes, by spans at which windows, segments and days end, more or less.
    fn pass(&mut self, bytes: &mut Bytes<'_>) {
        let plan = &self.plans[usize::from(bytes.byte()) % PLANS];
        let spans = plan.limits().map(|(id, _)| id).filter_map(|id| match plan.limit(id)?.span() {
            tidegate::Span::Window(window) => Some(window.get()),
            tidegate::Span::Day => None,
        });
        let window = spans.last().unwrap_or(Nanos::DAY.get());
        let to_midnight = Nanos::DAY.get() - self.at.unix.get() % Nanos::DAY.get();
        let exact = bytes.one_of(&[window, window / 7, window / 7 * 8, to_midnight, 1_000_000_000, 0]);
        let elapsed = match bytes.byte() % 4 {
            0 => exact,
            1 => exact.saturating_sub(1),
            2 => exact.saturating_add(1),
            _ => bytes.number() % Nanos::DAY.get(),
        };
        self.at = self.at.after(Nanos::new(elapsed));
    }
}

/// Whether a call can never be admitted by an enforced limit.
fn exceeds(plan: &Plan, id: LimitId, cost: Cost) -> bool {
    plan.limit(id).is_some_and(|limit| limit.mode() == Mode::Enforce && cost.of(id.unit()) > limit.ceiling())
}

/// A cost that has something to do with the plan's ceilings.
fn cost(bytes: &mut Bytes<'_>, plan: &Plan) -> Cost {
    let mut units = |unit: Unit| {
        let ceilings = [LimitId::window(unit), LimitId::day(unit)]
            .map(|id| plan.limit(id).map(tidegate::Limit::ceiling));
        let ceiling = bytes.one_of(&ceilings).or(ceilings[0]).or(ceilings[1]).unwrap_or(100);
        match bytes.byte() % 8 {
            0 => bytes.number(),
            1 => ceiling,
            2 => ceiling.saturating_add(1),
            3 => ceiling / 2,
            4 => ceiling / 7 + 1,
            5 => 0,
            _ => 1,
        }
    };
    Cost { requests: units(Unit::Requests), tokens: units(Unit::Tokens) }
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let mut world = World::new(&mut bytes);
    for _ in 0..MAX_STEPS {
        if bytes.is_empty() {
            return;
        }
        world.step(&mut bytes);
    }
});
