//! What the threads of a history do, drawn at random.

use crate::event::{Call, Number};
use crate::plans::{PLANS, SEGMENT};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tidegate::{Cost, Nanos, Timestamp};

/// A history to be.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// Which plans.
    pub(crate) set: usize,
    pub(crate) keys: usize,
    /// The first so many keys race; others are only there before.
    racing: usize,
    /// Whether plans change. Where keys are forgotten they do not: an overrun of a forgotten key is charged under the
    /// plan of its reservation.
    plans_change: bool,
    pub(crate) base: Timestamp,
    pub(crate) clock: Clock,
    /// One after the other, before the race.
    pub(crate) before: Vec<Step>,
    /// By thread.
    pub(crate) race: Vec<Vec<Step>>,
    /// One after the other, when it is over.
    pub(crate) after: Vec<Step>,
    /// Steps in all; each has a number.
    pub(crate) steps: usize,
}

/// Where the times of racing calls come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clock {
    /// All are the same.
    Stands,
    /// Each call's is drawn, so that they cross.
    Drawn,
    #[cfg(not(tidegate_shuttle))]
    /// Each thread reads one before each call, which goes `speed` times as fast as the real one from so many
    /// nanoseconds before the base on.
    Runs { speed: u64, lead: i64 },
}

/// Something that a thread does.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) number: Number,
    pub(crate) key: usize,
    pub(crate) action: Action,
    /// The time: nanoseconds from the base, on both clocks, and some more on the wall.
    pub(crate) at: i64,
    pub(crate) wall: i64,
    /// Turns of an empty loop before.
    pub(crate) pause: u32,
    /// How many calls of other threads are let in when this one has begun, and how many before it ends.
    pub(crate) lets_in: [u64; 2],
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Call(Call),
    /// The same with what is left of each limit.
    WithStanding {
        plan: usize,
        cost: Cost,
    },
    /// Calls of these keys, which have the numbers from the step's own on.
    Batch(Vec<(usize, usize, Cost)>),
}

impl Script {
    pub(crate) fn time(&self, step: &Step) -> Timestamp {
        self.base_and(step.at, step.wall)
    }

    /// So many nanoseconds after the base, and some more on the wall.
    pub(crate) fn base_and(&self, at: i64, wall: i64) -> Timestamp {
        let on = |time: Nanos, by: i64| Nanos::new(time.get().saturating_add_signed(by));
        Timestamp { monotonic: on(self.base.monotonic, at), unix: on(self.base.unix, at + wall) }
    }
}

const SEGMENT_NANOS: i64 = SEGMENT.get() as i64;

/// Times at which something turns, from a base at which days and segments do.
const TURNS: [i64; 12] = [
    -SEGMENT_NANOS - 1,
    -SEGMENT_NANOS,
    -300,
    -1,
    0,
    0,
    1,
    SEGMENT_NANOS - 1,
    SEGMENT_NANOS,
    7 * SEGMENT_NANOS,
    8 * SEGMENT_NANOS,
    15 * SEGMENT_NANOS,
];

/// Draws a history for so many threads.
#[cfg(not(tidegate_shuttle))]
pub(crate) fn draw(seed: u64, sets: usize, threads: usize) -> Script {
    let mut rng = SmallRng::seed_from_u64(seed);
    let clock = match rng.random_range(0..4) {
        0 => Clock::Stands,
        1 | 2 => Clock::Drawn,
        _ => {
            let speed = *[1, 100, 3_000].choose(&mut rng).unwrap();
            Clock::Runs { speed, lead: rng.random_range(0..3_000) * speed as i64 }
        }
    };
    draw_with(&mut rng, sets, threads, clock)
}

/// The same by a clock whose times do not depend on how fast threads are.
#[cfg(tidegate_shuttle)]
pub(crate) fn draw_repeatably(seed: u64, sets: usize, threads: usize) -> Script {
    let mut rng = SmallRng::seed_from_u64(seed);
    let clock = if rng.random_bool(0.3) { Clock::Stands } else { Clock::Drawn };
    draw_with(&mut rng, sets, threads, clock)
}

fn draw_with(rng: &mut SmallRng, sets: usize, threads: usize, clock: Clock) -> Script {
    let keys = *[1, 1, 1, 2, 3].choose(rng).unwrap();
    let mut script = Script {
        set: rng.random_range(0..sets),
        keys,
        racing: keys,
        plans_change: true,
        base: midnight(rng),
        clock,
        before: Vec::new(),
        race: Vec::new(),
        after: Vec::new(),
        steps: 0,
    };
    // The plan that most calls name, so that some find their key under it.
    let plan = rng.random_range(0..PLANS);
    let mut at = *TURNS.choose(rng).unwrap() - 16 * SEGMENT_NANOS;
    for _ in 0..rng.random_range(0..=6) {
        at = (at + rng.random_range(0..3 * SEGMENT_NANOS)).min(0);
        let step = step(rng, &mut script, plan, at, 0);
        script.before.push(step);
    }
    race_and_look(rng, &mut script, threads, plan);
    script
}

/// Draws a history in which keys race for four places: two that are known and two that are not, while two more are
/// there that no one comes for. What was used, two minutes ago, is no longer in any window, nor of this day: so each key
/// finds a place.
///
/// All times are the same: only then is forgetting nothing that the oracle could see (R14).
pub(crate) fn draw_crowded(seed: u64, sets: usize, threads: usize) -> Script {
    let mut rng = SmallRng::seed_from_u64(seed);
    let rng = &mut rng;
    let mut script = Script {
        set: rng.random_range(0..sets),
        keys: 6,
        racing: 4,
        plans_change: false,
        base: midnight(rng),
        clock: Clock::Stands,
        before: Vec::new(),
        race: Vec::new(),
        after: Vec::new(),
        steps: 0,
    };
    let plan = rng.random_range(0..PLANS);
    // Those for which no one comes first: their reservations are left alone.
    for key in [4, 5, 0, 1, 0, 1] {
        let check = Action::Call(Call::Check { plan, cost: cost(rng) });
        let step = numbered(&mut script, key, check, -120_000 * SEGMENT_NANOS);
        script.before.push(step);
    }
    race_and_look(rng, &mut script, threads, plan);
    script
}

/// A time at which a day turns, and segments do.
fn midnight(rng: &mut SmallRng) -> Timestamp {
    Timestamp::both(Nanos::new(Nanos::DAY.get() * rng.random_range(1..20_000)))
}

fn race_and_look(rng: &mut SmallRng, script: &mut Script, threads: usize, plan: usize) {
    let total = rng.random_range(threads..=24.min(6 * threads));
    for thread in 0..threads {
        let share = total / threads + usize::from(thread < total % threads);
        let steps = (0..share).map(|_| {
            let is_drawn = script.clock == Clock::Drawn;
            let at = if is_drawn { *TURNS.choose(rng).unwrap() } else { 0 };
            let wall = if is_drawn { *[0, 0, 0, -2, 2].choose(rng).unwrap() } else { 0 };
            let step = step(rng, script, plan, at, wall);
            Step { lets_in: lets_in(rng, &step.action), ..step }
        });
        let steps = steps.collect();
        script.race.push(steps);
    }
    let mut at = 15 * SEGMENT_NANOS;
    for later in [0, 1, 3, 5] {
        at += later * SEGMENT_NANOS;
        for key in 0..script.racing {
            // Under any plan: what it tells then is of the same usage.
            let peek = Call::Peek { plan: rng.random_range(0..PLANS), cost: cost(rng) };
            let step = numbered(script, key, Action::Call(peek), at);
            script.after.push(step);
        }
    }
}

fn numbered(script: &mut Script, key: usize, action: Action, at: i64) -> Step {
    let number = script.steps;
    script.steps += if let Action::Batch(calls) = &action { calls.len() } else { 1 };
    Step { number, key, action, at, wall: 0, pause: 0, lets_in: [0; 2] }
}

/// Most calls let in nobody, so that what races within a call does. Nor does a batch, which has begun the next call when it
/// answers one, or anything under shuttle, where threads change at every step.
fn lets_in(rng: &mut SmallRng, action: &Action) -> [u64; 2] {
    if cfg!(tidegate_shuttle) || matches!(action, Action::Batch(_)) {
        return [0; 2];
    }
    [(); 2].map(|()| if rng.random_bool(0.85) { 0 } else { rng.random_range(1..=2) })
}

fn step(rng: &mut SmallRng, script: &mut Script, plan: usize, at: i64, wall: i64) -> Step {
    let key = rng.random_range(0..script.racing);
    let other = if script.plans_change { rng.random_range(0..PLANS) } else { plan };
    // A call that came before in the script, perhaps on another thread.
    let idle = script.keys - script.racing;
    let of = rng.random_range(idle..=script.steps.max(idle));
    let action = match rng.random_range(0..if script.plans_change { 115 } else { 102 }) {
        0..40 => Action::Call(Call::Check { plan, cost: cost(rng) }),
        40..46 => Action::Call(Call::Check { plan: other, cost: cost(rng) }),
        46..54 => Action::WithStanding { plan, cost: cost(rng) },
        54..62 => Action::Call(Call::Peek { plan, cost: cost(rng) }),
        62..66 => {
            let calls = rng.random_range(2..=4);
            Action::Batch((0..calls).map(|_| (rng.random_range(0..script.racing), plan, cost(rng))).collect())
        }
        66..80 => Action::Call(Call::Settle { of, tokens: rng.random_range(0..12) }),
        80..87 => Action::Call(Call::Cancel { of }),
        87..93 => {
            let plan = if rng.random_bool(0.8) { plan } else { other };
            Action::Call(Call::RecordUsage { plan, cost: cost(rng) })
        }
        93..98 => Action::Call(Call::GiveBack { cost: cost(rng) }),
        98..102 => Action::Call(Call::Reset),
        102..107 => Action::Call(Call::ChangePlan { plan: other }),
        107..111 => Action::Call(Call::SetOwnPlan { plan: other }),
        _ => Action::Call(Call::ClearOwnPlan),
    };
    let pause = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..60) };
    Step { wall, pause, ..numbered(script, key, action, at) }
}

fn cost(rng: &mut SmallRng) -> Cost {
    Cost { requests: *[1, 1, 1, 1, 1, 0, 2, 3].choose(rng).unwrap(), tokens: rng.random_range(0..5) }
}
