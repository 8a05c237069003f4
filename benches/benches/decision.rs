//! The time of a decision: admit, deny, settle; beside governor and the machine's floor.
//!
//! Names read `kind/contender/keys/threads`; the time is that of one call of one thread.
//!
//! Known bias:
//!
//! - Tidegate is given its time, governor reads its clock; `governor, clock given` leaves the reading out.
//! - Tidegate decides three limits, `governor` one; `governor × 3` asks three limiters and is not all-or-nothing.
//! - Keys are uniform integers: hashing is cheap for everyone, and nothing is as skewed as real traffic; `compare` also
//!   has skewed keys.
//! - Calls follow each other without a wait, so processors overlap them; `compare` also measures lone calls.
//! - The floor is an independent touch: the throughput's floor, not the latency's.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use std::sync::Arc;
use std::time::Duration;
use tidegate::Nanos;
use tidegate_benches::compare::floor::{Slots, Stream};
use tidegate_benches::compare::governor::{Governor, ThreeGovernors};
use tidegate_benches::compare::tidegate::{Tidegate, shortest_step, turning_step};
use tidegate_benches::keys::{Distribution, Keys};
use tidegate_benches::threads::{meet_together, run_together};
use tidegate_benches::{Contender, Course, Pace};

const KEYS: [u64; 2] = [1_000, 1_000_000];

/// Of the keys and of Tidegate's hash.
const SEED: u64 = 1;

/// One contender with one thread, and with two.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, keys: u64, contender: &dyn Contender) {
    bench_at(group, keys, contender, |threads| shortest_step(keys, Distribution::Uniform, threads));
}

/// The same, with the step of time between a thread's calls.
fn bench_at(
    group: &mut BenchmarkGroup<'_, WallTime>,
    keys: u64,
    contender: &dyn Contender,
    step: impl Fn(u64) -> Nanos,
) {
    meet_together(contender, keys);
    let mut time = Nanos::ZERO;
    for threads in [1, 2] {
        let step = step(threads);
        let mut lanes: Vec<_> =
            (0..threads).map(|lane| Keys::new(keys, Distribution::Uniform, SEED, lane)).collect();
        let parameter = format!("{keys} keys/{threads} threads");
        group.bench_function(BenchmarkId::new(contender.name(), parameter), |bencher| {
            bencher.iter_custom(|calls| {
                let dealt: Vec<_> = lanes.iter_mut().map(|lane| lane.deal(calls as usize)).collect();
                let course = |keys| Course { keys, pace: Pace::Stream, start: time + step, step };
                let courses: Vec<_> = dealt.iter().map(|keys| course(keys)).collect();
                time = time + Nanos::new(step.get() * calls);
                run_together(contender, &courses).0
            });
        });
    }
}

fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit");
    for keys in KEYS {
        bench(&mut group, keys, &Tidegate::admitting(keys, SEED));
        bench_at(&mut group, keys, &Tidegate::turning(keys, SEED), |_| turning_step(keys));
        bench(&mut group, keys, &Governor::one());
        bench(&mut group, keys, &Governor::one_at());
        bench(&mut group, keys, &ThreeGovernors::new());
        bench(&mut group, keys, &Stream(Arc::new(Slots::new(keys))));
    }
}

fn deny(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deny");
    for keys in KEYS {
        bench(&mut group, keys, &Tidegate::denying(keys, SEED));
        bench(&mut group, keys, &Governor::denying());
        bench(&mut group, keys, &Governor::denying_at());
    }
}

fn settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit and settle");
    for keys in KEYS {
        bench(&mut group, keys, &Tidegate::settling(keys, SEED));
    }
}

fn hot_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hot key");
    bench(&mut group, 1, &Tidegate::admitting(1, SEED));
    bench(&mut group, 1, &Governor::one());
    bench(&mut group, 1, &ThreeGovernors::new());
    bench(&mut group, 1, &Stream(Arc::new(Slots::new(1))));
    group.finish();
    let mut group = criterion.benchmark_group("hot key, denied");
    bench(&mut group, 1, &Tidegate::denying(1, SEED));
    bench(&mut group, 1, &Governor::denying());
}

/// Short enough that the whole of it ends within minutes; `--measurement-time` asks for more.
fn short() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! {
    name = decision;
    config = short();
    targets = admit, deny, settle, hot_key
}
criterion_main!(decision);
