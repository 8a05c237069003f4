//! The time of a decision: admit, deny, settle; beside governor and the machine's floor.
//!
//! Names read `kind/contender/keys/threads`; the time is that of one call of one thread.
//!
//! Known bias:
//!
//! - Tidegate is given its time, governor reads its clock; `governor, clock given` leaves the reading out.
//! - Tidegate decides three limits, `governor` one; `governor × 3` asks three limiters and is not all-or-nothing.
//! - Keys are uniform integers: hashing is cheap for everyone, and nothing is as skewed as real traffic.
//! - Calls follow each other without a wait, so processors overlap them; `compare` also measures lone calls.
//! - The floor is an independent touch on whatever pages the system gives: the throughput's floor, not the
//!   latency's.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use std::time::Duration;
use tidegate_benches::compare::floor::Floor;
use tidegate_benches::compare::governor::{Governor, ThreeGovernors};
use tidegate_benches::compare::tidegate::Tidegate;
use tidegate_benches::keys::Keys;
use tidegate_benches::threads::run_together;
use tidegate_benches::{Contender, Course, Pace};

const KEYS: [u64; 2] = [1_000, 1_000_000];

/// One contender with one thread, and with two.
fn bench(group: &mut BenchmarkGroup<'_, WallTime>, keys: u64, contender: &dyn Contender) {
    contender.meet(keys);
    for threads in [1, 2] {
        let course =
            |lane| Course { keys: Keys::new(keys, lane), calls: 0, pace: Pace::Stream, first_call: 1 };
        let mut courses: Vec<_> = (0..threads).map(course).collect();
        let parameter = format!("{keys} keys/{threads} threads");
        group.bench_function(BenchmarkId::new(contender.name(), parameter), |bencher| {
            bencher.iter_custom(|calls| {
                courses.iter_mut().for_each(|course| course.calls = calls);
                run_together(contender, &mut courses).0
            });
        });
    }
}

fn admit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit");
    for keys in KEYS {
        bench(&mut group, keys, &Tidegate::admitting(keys));
        bench(&mut group, keys, &Tidegate::turning(keys));
        bench(&mut group, keys, &Governor::one());
        bench(&mut group, keys, &Governor::one_at());
        bench(&mut group, keys, &ThreeGovernors::new());
        bench(&mut group, keys, &Floor::load(keys));
        bench(&mut group, keys, &Floor::swap(keys));
    }
}

fn deny(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("deny");
    for keys in KEYS {
        bench(&mut group, keys, &Tidegate::denying(keys));
        bench(&mut group, keys, &Governor::denying(keys));
        bench(&mut group, keys, &Governor::denying_at(keys));
    }
}

fn settle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit and settle");
    for keys in KEYS {
        bench(&mut group, keys, &Tidegate::settling(keys));
    }
}

fn hot_key(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hot key");
    bench(&mut group, 1, &Tidegate::admitting_one_key());
    bench(&mut group, 1, &Governor::one());
    bench(&mut group, 1, &ThreeGovernors::new());
    bench(&mut group, 1, &Floor::swap(1));
    group.finish();
    let mut group = criterion.benchmark_group("hot key, denied");
    bench(&mut group, 1, &Tidegate::denying(1));
    bench(&mut group, 1, &Governor::denying(1));
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
