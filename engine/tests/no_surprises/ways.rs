//! Every way through the limiter: each branch that docs/rules.md tells of, by what shows from outside.

use super::Way;
use std::io::Write;
use tidegate::headers::{ietf_policy, ietf_rate_limit};
use tidegate::{
    Admission, Call, Cost, Decision, Denial, Limit, LimitId, Limiter, ManualClock, Mode, Nanos, Plan, PlanId,
    RateLimitHeaders, Reservation, Timestamp, Unit, Verdict,
};

/// Limiters and plans, made before the ways are gone.
pub(crate) struct World {
    limiter: Limiter,
    /// One that has four places.
    small: Limiter,
    free: PlanId,
    pro: PlanId,
    slotted: PlanId,
    daily: PlanId,
    shadow: PlanId,
    hourly: PlanId,
    /// A number that these limiters have not given.
    foreign: PlanId,
}

impl World {
    pub(crate) fn new() -> Self {
        let limiter = Limiter::builder().capacity(10_000).build().unwrap();
        let small = Limiter::builder().capacity(1).build().unwrap();
        let minute = |name| Plan::builder(name).requests_per_minute(5);
        let shadow = Limit::window(Unit::Requests, 5, Nanos::MINUTE).with_mode(Mode::Shadow);
        let hourly = Limit::window(Unit::Requests, 5, Nanos::from_secs(3_600));
        let plans = [
            Plan::free(),
            Plan::pro(),
            minute("slotted").slotted_hints(true).build().unwrap(),
            Plan::builder("daily").limit(Limit::day(Unit::Requests, 5)).build().unwrap(),
            Plan::builder("shadow").limit(shadow).build().unwrap(),
            Plan::builder("hourly").limit(hourly).build().unwrap(),
        ];
        let [free, pro, slotted, daily, shadow, hourly] = plans.map(|plan| {
            let id = limiter.add_plan(&plan).unwrap();
            assert_eq!(small.add_plan(&plan), Ok(id));
            id
        });
        let other = Limiter::builder().capacity(1).build().unwrap();
        let added = (0..50)
            .map(|amount| other.add_plan(&minute("foreign").tokens_per_day(1 + amount).build().unwrap()));
        let foreign = added.last().unwrap().unwrap();
        assert!(limiter.plan(foreign).is_none());
        Self { limiter, small, free, pro, slotted, daily, shadow, hourly, foreign }
    }

    fn check(&self, key: (&str, u64), plan: PlanId, at: Timestamp) -> Decision {
        self.limiter.check(&key, plan, Cost::tokens(10), at)
    }

    fn admit(&self, key: (&str, u64), plan: PlanId, at: Timestamp) -> Reservation {
        admitted(self.check(key, plan, at)).reservation
    }

    /// The first denial of a key.
    fn use_up(&self, key: (&str, u64), plan: PlanId, at: Timestamp) -> Denial {
        loop {
            if let Decision::Denied(denial) = self.check(key, plan, at) {
                return denial;
            }
        }
    }

    fn used_today(&self, key: (&str, u64), at: Timestamp) -> u64 {
        let (_, standing) = self.limiter.peek(&key, self.free, Cost::REQUEST, at);
        let day = standing.status(LimitId::TokensDay).expect("free has one");
        day.limit - day.remaining
    }
}

const DAY_MILLIS: u64 = 86_400_000;

/// So many milliseconds after noon of the round's day.
fn noon(round: u64, millis: u64) -> Timestamp {
    let day = Nanos::new((20_000 + 10 * round) * Nanos::DAY.get());
    Timestamp::both(day + Nanos::from_secs(12 * 3_600) + Nanos::from_millis(millis))
}

fn admitted(decision: Decision) -> Admission {
    match decision {
        Decision::Admitted(admission) => admission,
        other => panic!("{other:?}"),
    }
}

fn forgotten(limiter: &Limiter) -> u64 {
    limiter.occupancy().map(|shard| shard.forgotten).sum()
}

pub(crate) const WAYS: &[Way<World>] = &[
    ("a new key", |world, round| drop(world.admit(("new", round), world.free, noon(round, 0)))),
    ("an ordinary admission", |world, round| {
        for call in 0..20 {
            let _ = world.admit(("ordinary", round), world.free, noon(round, call));
        }
    }),
    ("segments and a day that have turned", |world, round| {
        for hour in 0..24 {
            let _ = world.admit(("turned", round), world.free, noon(round, hour * 3_600_000));
        }
    }),
    ("a denial, worked out and remembered", |world, round| {
        let denial = world.use_up(("denied", round), world.free, noon(round, 0));
        for call in 1..20 {
            let later = world.check(("denied", round), world.free, noon(round, call));
            assert!(matches!(later, Decision::Denied(later) if later.retry_after < denial.retry_after));
        }
    }),
    ("a denial by a day", |world, round| {
        assert_eq!(world.use_up(("day", round), world.daily, noon(round, 0)).limit, LimitId::RequestsDay);
    }),
    ("a place in line", |world, round| {
        let first = world.use_up(("line", round), world.slotted, noon(round, 0)).retry_after;
        assert!(world.use_up(("line", round), world.slotted, noon(round, 0)).retry_after > first);
    }),
    ("a call that is never admitted", |world, round| {
        let decision =
            world.limiter.check(&("never", round), world.free, Cost::tokens(1 << 60), noon(round, 0));
        assert!(matches!(decision, Decision::Never(_)));
    }),
    ("a limit in shadow", |world, round| {
        let decide = || admitted(world.check(("shadow", round), world.shadow, noon(round, 0)));
        assert!((0..9).any(|_| decide().shadow.contains(LimitId::RequestsWindow)));
    }),
    ("a batch", |world, round| {
        let calls: [_; 70] = std::array::from_fn(|call| Call {
            key: ("batch", round, call % 2),
            plan: world.free,
            cost: Cost::REQUEST,
        });
        let mut denied = 0;
        world.limiter.check_batch(&calls, noon(round, 0), |_, decision| {
            denied += usize::from(!decision.is_admitted())
        });
        assert_eq!(denied, 70 - 24 - 24);
    }),
    ("headers of an admission and a denial", |world, round| {
        let mut text = [0; 1_000];
        let mut left = text.as_mut_slice();
        for call in 0..30 {
            let (key, at) = (("headers", round), noon(round, call));
            let (decision, standing) = world.limiter.check_with_standing(&key, world.free, Cost::REQUEST, at);
            let headers = RateLimitHeaders::new(decision.verdict(), &standing).expect("free has requests");
            assert_eq!(headers.retry.is_some(), !decision.is_admitted());
            if call == 0 || call == 29 {
                headers.fields().for_each(|(name, value)| write!(left, "{name}: {value}, ").expect("room"));
                write!(left, "{}, {}", ietf_policy(&standing), ietf_rate_limit(&standing)).expect("room");
            }
        }
        assert!(text.starts_with(b"x-ratelimit-limit: 20, "));
    }),
    ("a look without a charge", |world, round| {
        let verdict = world.limiter.peek(&("peek", round), world.free, Cost::REQUEST, noon(round, 0)).0;
        assert!(matches!(verdict, Verdict::Admit(_)));
    }),
    ("settled with less, with more and by estimate, and cancelled", |world, round| {
        let (key, at) = (("settled", round), noon(round, 0));
        for (settle, used) in [
            (&|reservation| world.limiter.settle(reservation, 3, at), 3),
            (&|reservation| world.limiter.settle(reservation, 30, at), 33),
            (&|reservation| world.limiter.settle_by_estimate(reservation, at), 43),
            (&|reservation| world.limiter.cancel(reservation, at), 43),
        ] as [(&dyn Fn(Reservation), u64); 4]
        {
            settle(world.admit(key, world.free, at));
            assert_eq!(world.used_today(key, at), used);
        }
    }),
    ("settled in a later segment and on a later day", |world, round| {
        let key = ("late", round);
        let first = world.admit(key, world.free, noon(round, 0));
        world.limiter.settle(first, 3, noon(round, 30_000));
        assert_eq!(world.used_today(key, noon(round, 30_000)), 3);
        let second = world.admit(key, world.free, noon(round, 30_000));
        world.limiter.settle(second, 30, noon(round, DAY_MILLIS));
        assert_eq!(world.used_today(key, noon(round, DAY_MILLIS)), 20);
    }),
    ("usage told of, given back and forgotten", |world, round| {
        let (key, at) = (("told", round), noon(round, 0));
        let usage = |tokens| Cost { requests: 0, tokens };
        assert!(!world.limiter.give_back(&key, usage(1), at) && !world.limiter.reset(&key, at));
        world.limiter.record_usage(&key, world.free, usage(30), at);
        assert_eq!(world.used_today(key, at), 30);
        assert!(world.limiter.give_back(&key, usage(10), noon(round, 30_000)));
        assert_eq!(world.used_today(key, noon(round, 30_000)), 20);
        assert!(world.limiter.reset(&key, noon(round, 30_000)));
        assert_eq!(world.used_today(key, noon(round, 30_000)), 0);
    }),
    ("a reservation that settles itself", |world, round| {
        let (key, at) = (("held", round), noon(round, 0));
        let clock = ManualClock::new(at);
        drop(world.admit(key, world.free, at).held(&world.limiter, &clock));
        world.admit(key, world.free, at).held(&world.limiter, &clock).cancel();
        world.admit(key, world.free, at).held(&world.limiter, &clock).settle(1);
        assert_eq!(world.used_today(key, at), 11);
    }),
    ("another plan, another window, and a plan of its own", |world, round| {
        let (key, at) = (("plans", round), noon(round, 0));
        world.use_up(key, world.free, at);
        let _ = world.admit(key, world.pro, at);
        assert!(!world.check(key, world.hourly, at).is_admitted());
        world.limiter.change_plan(&key, world.free, at);
        assert!(world.limiter.set_own_plan(&key, world.pro, at));
        let _ = world.admit(key, world.free, at);
        world.limiter.clear_own_plan(&key, at);
        assert!(!world.check(key, world.free, at).is_admitted());
    }),
    ("a plan of another limiter's", |world, round| {
        let _ = world.check(("stranger", round), world.foreign, noon(round, 0));
    }),
    ("keys forgotten for others, and a charge to one of them", |world, round| {
        let before = forgotten(&world.small);
        let (today, later) = (noon(round, 0), noon(round, 2 * DAY_MILLIS));
        let check = |key, at| world.small.check(&("small", round, key), world.free, Cost::tokens(10), at);
        let first = admitted(check(0, today)).reservation;
        // It takes some keys until a jump of two days is believed.
        for key in 1..30 {
            let _ = check(key, if key < 10 { today } else { later });
        }
        world.small.settle(first, 1_000, later);
        assert!(forgotten(&world.small) > before);
    }),
    ("keys without room", |world, round| {
        let (before, later) = (world.small.overflowed(), noon(round, 4 * DAY_MILLIS));
        for key in 0..20 {
            let _ = world.small.check(&("flood", round, key), world.free, Cost::tokens(10), later);
        }
        assert!(world.small.overflowed() > before);
        assert!(!world.small.set_own_plan(&("flood", round, 30), world.pro, later));
    }),
    ("clocks that go back and stand at their ends", |world, round| {
        for at in
            [noon(round, 0), noon(round, 90_000), Timestamp::both(Nanos::ZERO), Timestamp::both(Nanos::MAX)]
        {
            for _ in 0..30 {
                let _ = world.check(("clocks", round), world.free, at);
            }
        }
    }),
    ("costs at the ends of numbers", |world, round| {
        for number in [0, 1, u64::from(u32::MAX), u64::MAX] {
            for cost in [Cost { requests: number, tokens: 0 }, Cost { requests: 1, tokens: number }] {
                let _ = world.limiter.check(&("costs", round), world.pro, cost, noon(round, 0));
            }
        }
    }),
    ("denials halved", |world, round| {
        world.limiter.fade_denied();
        world.use_up(("faded", round), world.free, noon(round, 0));
        assert!(world.limiter.observed().denied.total() > 0);
    }),
];
