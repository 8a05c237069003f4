//! The time of the guard's steps: looking at an address, noting a denial, counting a strike.
//!
//! Known bias: addresses and keys are consecutive integers in a hash table, so nothing is skewed; calls follow each
//! other without a wait, so processors overlap them; the time is given.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use tidegate::guard::{Guard, Network};
use tidegate::{Nanos, Timestamp};

const ADDRESSES: u32 = 50_000;

fn address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number % ADDRESSES))
}

fn at(second: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(1_000_000 + second))
}

/// A guard with 300 networks on its allow-list, none of which is called from.
fn guard(tolerance: u32) -> Guard {
    let networks =
        (0..300).filter_map(|number| Network::new(IpAddr::V4(Ipv4Addr::from(number << 24 | 0xff_ffff)), 32));
    Guard::builder().tolerance(tolerance).allow(networks).build().expect("the defaults are in range")
}

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    let mut call = 0_u32;
    let mut next = move || {
        call = call.wrapping_add(1);
        call
    };
    let free = guard(32);
    group.bench_function("check, nobody blocked", |bencher| {
        bencher.iter(|| free.check(black_box(address(next())), at(0)));
    });
    let busy = guard(1);
    for number in 0..1_000 {
        for _ in 0..2 {
            let _ = busy.strike(IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + number)), at(0));
        }
    }
    assert_eq!(busy.blocks(at(0)).count(), 1_000);
    group.bench_function("check, others blocked", |bencher| {
        bencher.iter(|| busy.check(black_box(address(next())), at(0)));
    });
    group.bench_function("denied, the hint repeated", |bencher| {
        let wait = Nanos::from_secs(60);
        bencher.iter(|| free.denied(black_box(address(next())), "key", wait, at(0)));
    });
    group.bench_function("denied, a strike", |bencher| {
        let (guard, wait) = (guard(32), Nanos::from_secs(60));
        let mut second = 0;
        bencher.iter(|| {
            second += u64::from(next().is_multiple_of(ADDRESSES));
            guard.denied(black_box(address(next())), "key", wait, at(second % 50))
        });
        assert!(second < 2 || guard.statistics(at(0)).strikes > 0);
    });
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
