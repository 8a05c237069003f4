//! Threads that come to one key at the same instant.

use crate::{Scale, attack, figure, moment, rate, remaining};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;
use tidegate::{Cost, Decision, Limit, LimitId, Limiter, Nanos, Plan, PlanId, Timestamp, Unit};

/// Where two threads meet before each round, without a system call, so that they leave together.
#[derive(Default)]
struct Start {
    arrived: AtomicU64,
    done: [AtomicU64; 2],
}

impl Start {
    /// Waits for the other thread. Rounds count from 1.
    fn meet(&self, round: u64) {
        // Ordering: AcqRel and Acquire; partner is the other thread's call of this.
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut tries = 0;
        while self.arrived.load(Ordering::Acquire) < 2 * round {
            tries += 1;
            // On a busy machine the other may have no processor.
            if tries % 1_000 == 0 { thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

/// What one thread saw of a race.
#[derive(Default)]
struct Seen {
    won: Vec<u64>,
    late: Vec<u64>,
}

/// Two threads make the same call, round after round. Returns what each saw.
fn race(rounds: u64, call: impl Fn(u64) -> Decision + Sync) -> [Seen; 2] {
    let start = Start::default();
    let run = |me: usize| {
        let mut seen = Seen::default();
        for round in 1..=rounds {
            start.meet(round);
            // Ordering: Relaxed; a round counts as a true race only if neither found the other done.
            if start.done[1 - me].load(Ordering::Relaxed) == round {
                seen.late.push(round);
            }
            if call(round).is_admitted() {
                seen.won.push(round);
            }
            start.done[me].store(round, Ordering::Relaxed);
        }
        seen
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        [run(0), other.join().unwrap()]
    })
}

/// Checks that each round has one winner; and, at full size, that races happened.
fn check_race(scale: Scale, rounds: u64, [one, other]: [Seen; 2]) {
    let wins = (one.won.len(), other.won.len());
    let (mut won, mut late) = (one.won, one.late);
    won.extend(other.won);
    late.extend(other.late);
    won.sort_unstable();
    late.sort_unstable();
    late.dedup();
    figure("rounds, won by one and the other thread", format!("{rounds}, {} + {}", wins.0, wins.1));
    figure("rounds in which neither came after the other had finished", rounds - late.len() as u64);
    assert!(won.into_iter().eq(1..=rounds), "one winner in each round");
    // Threads that share a processor, as beside other tests, take turns instead.
    if matches!(scale, Scale::Full) && thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        assert!(wins.0 > 0 && wins.1 > 0 && (late.len() as u64) < rounds, "no race happened: {wins:?}");
    }
}

attack!(the_last_token_of_a_fresh_key);
/// Both threads bring the key as well.
fn the_last_token_of_a_fresh_key(scale: Scale) {
    let rounds = scale.of(20_000, 1_000_000);
    let limiter = Limiter::builder().capacity(rounds as usize).build().unwrap();
    let plan = Plan::builder("one").limit(Limit::day(Unit::Tokens, 1)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    check_race(scale, rounds, race(rounds, |round| limiter.check(&round, plan, Cost::tokens(1), moment(0))));
    assert_eq!((limiter.keys(), limiter.overflowed()), (rounds, 0), "one record for each key");
}

attack!(the_last_token_of_a_refilled_key);
/// One key all along: time gives it its one token back before each round.
fn the_last_token_of_a_refilled_key(scale: Scale) {
    let rounds = scale.of(20_000, 1_000_000);
    let limiter = Limiter::builder().capacity(4).build().unwrap();
    let window = Nanos::from_millis(1);
    let plan = Plan::builder("one").limit(Limit::window(Unit::Tokens, 1, window)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let at = |round| moment(2 * window.get() * round);
    check_race(scale, rounds, race(rounds, |round| limiter.check("key", plan, Cost::tokens(1), at(round))));
}

/// A plan with a limit that is used up, and its key.
fn used_up(limiter: &Limiter, at: Timestamp) -> PlanId {
    let plan = Plan::builder("p").limit(Limit::window(Unit::Requests, 100, Nanos::MINUTE));
    let plan = plan.limit(Limit::day(Unit::Requests, 1_000)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    let admitted = (0..130).filter(|_| limiter.check("hammered", plan, Cost::REQUEST, at).is_admitted());
    assert_eq!(admitted.count(), 120);
    plan
}

attack!(many_threads_hammer_one_denial);
/// Eight threads call a used-up key; a ninth goes on with a key of its own.
fn many_threads_hammer_one_denial(scale: Scale) {
    const THREADS: u64 = 8;
    let calls = scale.of(20_000, 2_000_000);
    let limiter = Limiter::builder().capacity(100).build().unwrap();
    let at = moment(0);
    let plan = used_up(&limiter, at);
    let told = limiter.check("hammered", plan, Cost::REQUEST, at);
    let start = Instant::now();
    let other = thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            threads.push(scope.spawn(|| {
                for _ in 0..calls {
                    assert_eq!(limiter.check("hammered", plan, Cost::REQUEST, at), told);
                }
            }));
        }
        let other =
            (0..1_000).filter(|_| limiter.check("other", plan, Cost::REQUEST, at).is_admitted()).count();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        other
    });
    rate("denials of eight threads together", THREADS * calls, start);
    let observed = limiter.observed();
    let left = remaining(&limiter, "hammered", plan, LimitId::RequestsDay, at);
    figure(
        "calls admitted to the hammered key, of its day left",
        format!("{}, {left}", observed.admitted - 240),
    );
    figure("calls admitted to another key meanwhile, of 120", other);
    assert_eq!((other, observed.admitted, left), (120, 240, 880));
    // Those of the ten calls too many before, and of the one whose answer all others got.
    assert_eq!(observed.denied.total(), THREADS * calls + 11 + 880);
    let Decision::Denied(denial) = told else { panic!("{told:?}") };
    let later = moment(denial.retry_after.get());
    assert!(limiter.check("hammered", plan, Cost::REQUEST, later).is_admitted(), "the time told still holds");
}
